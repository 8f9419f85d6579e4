//! What was decided: rules by which findings are handled.
use crate::{
    Code, Page, Problem,
    call::{Call, Failure, NOTHING},
    page::{Place, place, shown},
    receive::{Json, Query},
    reply::Created,
    views::{Exception, ExceptionKind, Time, Where},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use store::{Tx, exceptions};

/// A rule to be made. One of risk, package, path and rule has to be given.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewException {
    /// A vulnerability by name, or a malicious file by its SHA-256; none: any.
    #[serde(default)]
    risk: String,
    /// A component by name or package URL, whose missing parts may be anything; none: any.
    #[serde(default)]
    package: String,
    /// The files of a component: `*` stands for anything within a directory, `**` for anything.
    #[serde(default)]
    path: String,
    /// What says that a file is malicious: a rule (`miner-pool-host`) if it is the only one that does, a threat
    /// (`hack-tool`), or `*` for anything that does. Given, it is about malicious files alone.
    #[serde(default)]
    rule: String,
    /// Where it holds.
    place: Where,
    kind: ExceptionKind,
    /// Why.
    reason: String,
    /// When it ends by itself.
    until: Option<Time>,
}

/// Which exceptions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichExceptions {
    /// Also those that have ended.
    #[serde(default)]
    pub(crate) ended: bool,
    /// Where the part begins: the `next` of the one before.
    cursor: Option<String>,
    /// How many rows, at most 500.
    limit: Option<u32>,
}

pub(crate) fn list(
    call: &Call,
    Query(asked): Query<WhichExceptions>,
) -> Result<Json<Page<Exception>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let page = call.read(|tx| Ok(exceptions::page(tx, asked.ended, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

/// Those of these ids, ended or not.
pub(crate) fn some(call: &Call, ids: &[i64]) -> Result<BTreeMap<i64, Exception>, Problem> {
    let all = call.read(|tx| Ok(exceptions::some(tx, ids)?))?;
    Ok(all.into_iter().map(|it| (it.id, it.into())).collect())
}

fn one(tx: &mut Tx<'_>, id: i64) -> Result<Exception, Failure> {
    let it = exceptions::one(tx, id)?.ok_or_else(|| Problem::not_found("exception"))?;
    Ok(it.into())
}

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Exception>, Problem> {
    let id = call.id("exception")?;
    call.read(|tx| Ok(Json(one(tx, id)?)))
}

pub(crate) fn add(
    call: &Call,
    Json(asked): Json<NewException>,
) -> Result<Created<Exception>, Problem> {
    if asked.reason.trim().is_empty() {
        return Err(Problem::invalid("an exception needs a reason"));
    }
    if asked.until.is_some_and(|it| it.0 <= call.now) {
        return Err(Problem::invalid("until has to be in the future"));
    }
    let is_name = |it: char| it.is_ascii_alphanumeric() || it == '-';
    if asked.rule != "*" && !asked.rule.chars().all(is_name) {
        return Err(Problem::invalid(
            "rule is the name of a rule or a threat as findings have it, or *",
        ));
    }
    let new = exceptions::New {
        risk: named(asked.risk.trim()),
        package: asked.package,
        // Files have theirs without it.
        path: asked.path.trim_start_matches('/').to_owned(),
        rule: asked.rule,
        place: asked.place.into(),
        kind: asked.kind.into(),
        reason: asked.reason,
        person: call.who()?.name.clone(),
        until: asked.until.map(|it| it.0),
        document: String::new(),
    };
    call.change(|tx| {
        let id = exceptions::add(tx, &new, call.now)?;
        let after = one(tx, id)?;
        call.audit(tx, &format!("exception/{id}"), NOTHING, Some(&after))?;
        Ok(Created(format!("/api/v1/exceptions/{id}"), after))
    })
}

/// The name of a risk. A digest may be given without saying what computed it.
fn named(risk: &str) -> String {
    let is_digest = risk.len() == 64 && risk.bytes().all(|it| it.is_ascii_hexdigit());
    if is_digest { format!("sha256:{}", risk.to_ascii_lowercase()) } else { risk.to_owned() }
}

pub(crate) fn end(call: &Call, (): ()) -> Result<Json<Exception>, Problem> {
    let id = call.id("exception")?;
    call.change(|tx| {
        let before = one(tx, id)?;
        if !exceptions::end(tx, id, call.now)? {
            return Err(Problem::new(Code::Conflict, "the exception has ended already").into());
        }
        let after = one(tx, id)?;
        call.audit(tx, &format!("exception/{id}"), Some(&before), Some(&after))?;
        Ok(Json(after))
    })
}
