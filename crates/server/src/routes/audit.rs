//! Who changed what.
use crate::{
    Page, Problem,
    call::Call,
    page::{Place, place, shown},
    receive::{Json, Query},
    views::{AuditEntry, Time},
};
use schemars::JsonSchema;
use serde::Deserialize;
use store::audit;

/// Which changes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// By this person.
    pub(crate) person: Option<String>,
    /// Of this kind.
    pub(crate) action: Option<String>,
    /// To this.
    pub(crate) object: Option<String>,
    /// At or after this time.
    pub(crate) since: Option<Time>,
    /// Before this time.
    pub(crate) until: Option<Time>,
    /// Where the part begins: the `next` of the one before.
    pub(crate) cursor: Option<String>,
    /// How many rows, at most 500.
    pub(crate) limit: Option<u32>,
}

pub(crate) fn list(
    call: &Call,
    Query(asked): Query<Which>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let filter = audit::Filter {
        person: asked.person.clone(),
        action: asked.action.clone(),
        object: asked.object.clone(),
        since: asked.since.map(|it| it.0),
        until: asked.until.map(|it| it.0),
    };
    let page = call.read(|tx| Ok(audit::page(tx, &filter, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}
