//! Rules against malicious files: what is used, bundles that are brought in, and rules and digests of one's own.
use crate::{
    Code, Problem,
    call::{Call, Failure, NOTHING},
    receive::{Json, Upload},
    reply::{Created, Versioned},
    views::{Bundle, Custom, CustomKind, CustomText, RuleCheck, RuleProblem, Rules, TrustedKey},
};
use model::ImagePath;
use scan::bundles::{
    custom::{ALL_BYTES, TEXT_BYTES, TEXTS, examine, make, put},
    key_id,
    probe::Harmless,
    public_key_in,
    shared::{Brought, built_in, roll_back},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fs::File, io::Read, sync::LazyLock};
use store::{Tx, bundles, custom};

/// The most bytes of a bundle.
pub(crate) const BYTES: usize = 64 << 20;
/// The most bytes of a text as it is sent, where what is not plain takes more.
pub(crate) const SENT_BYTES: usize = 4 << 20;

/// A key to be trusted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// The public Ed25519 key in PEM, as `db malware keygen` or OpenSSL writes it.
    pem: String,
}

/// Rules or digests of one's own to be added.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCustom {
    /// What people call it.
    name: String,
    kind: CustomKind,
    /// The rules or digests, of 1 MiB at most.
    text: String,
    /// Whether it is used. What can't be used may only be kept.
    #[serde(default = "yes")]
    enabled: bool,
    /// Whether rules are only monitored: what they find is recorded as a reminder, and nobody is told.
    #[serde(default)]
    monitor: bool,
}

fn yes() -> bool {
    true
}

/// What is to be different. What is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomChange {
    /// What people call it.
    name: Option<String>,
    /// The rules or digests, of 1 MiB at most.
    text: Option<String>,
    /// Whether it is used.
    enabled: Option<bool>,
    /// Whether rules are only monitored: what they find is recorded as a reminder, and nobody is told.
    monitor: Option<bool>,
}

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Rules>, Problem> {
    call.read(rules).map(Json)
}

fn rules(tx: &mut Tx<'_>) -> Result<Rules, Failure> {
    let keys = bundles::keys(tx)?;
    let (used, kept): (Vec<_>, Vec<_>) = bundles::all(tx)?.into_iter().partition(|it| it.in_use);
    Ok(Rules {
        built_in: built_in().into(),
        bundle: used.into_iter().find_map(|it| Bundle::of(it, &keys)),
        kept: kept.into_iter().filter_map(|it| Bundle::of(it, &keys)).collect(),
        keys: keys.into_iter().map(TrustedKey::from).collect(),
    })
}

/// Scans go by it from then on, and inspect anew what they inspected without it.
pub(crate) fn import(call: &Call, Upload(mut file): Upload) -> Result<Json<Bundle>, Problem> {
    let brought = Brought::read(&mut file);
    let brought = brought.map_err(|err| Problem::invalid(format!("the bundle: {err}")))?;
    let person = call.who()?.name.clone();
    call.change(|tx| {
        let before = rules(tx)?.bundle;
        brought.take(tx, &person, call.now)?;
        let after = rules(tx)?.bundle;
        call.audit(tx, "rules/bundle", before.as_ref(), after.as_ref())?;
        Ok(Json(after.ok_or_else(|| Problem::internal("the bundle can't be read back"))?))
    })
}

pub(crate) fn go_back(call: &Call, (): ()) -> Result<Json<Rules>, Problem> {
    call.change(|tx| {
        let before = rules(tx)?.bundle;
        roll_back(tx)?;
        let after = rules(tx)?;
        call.audit(tx, "rules/bundle", before.as_ref(), after.bundle.as_ref())?;
        Ok(Json(after))
    })
}

pub(crate) fn add_key(
    call: &Call,
    Json(asked): Json<NewKey>,
) -> Result<Created<TrustedKey>, Problem> {
    let bad = || Problem::invalid("that is no public Ed25519 key in PEM");
    let key = public_key_in(&asked.pem).ok_or_else(bad)?;
    let (name, person) = (key_id(&key), call.who()?.name.clone());
    let new = bundles::Key { name, key: key.to_vec(), person, at: call.now };
    call.change(|tx| {
        if !bundles::add_key(tx, &new)? {
            return Err(Problem::new(Code::Conflict, "that key is trusted already").into());
        }
        let key = TrustedKey::from(new.clone());
        call.audit(tx, &format!("rules/key/{}", key.id), NOTHING, Some(&key))?;
        Ok(Created("/api/v1/rules".to_owned(), key))
    })
}

pub(crate) fn remove_key(call: &Call, (): ()) -> Result<(), Problem> {
    let name = call.param("id")?;
    call.change(|tx| {
        let key = bundles::keys(tx)?.into_iter().find(|it| it.name == name);
        let key = key.ok_or_else(|| Problem::not_found("key"))?;
        bundles::remove_key(tx, name)?;
        let key = TrustedKey::from(key);
        call.audit(tx, &format!("rules/key/{}", key.id), Some(&key), NOTHING)
    })
}

pub(crate) fn list(call: &Call, (): ()) -> Result<Json<Vec<Custom>>, Problem> {
    let all = call.read(|tx| Ok(custom::all(tx)?))?;
    Ok(Json(all.iter().map(Custom::from).collect()))
}

pub(crate) fn one(call: &Call, (): ()) -> Result<Versioned<CustomText>, Problem> {
    let id = call.id("text")?;
    let all = call.read(|tx| Ok(custom::all(tx)?))?;
    let it = found(&all, id)?;
    let kept = (it.new.kind, it.new.text.as_str());
    let problems = check_one(call, kept, &without(&all, id), &[]).problems;
    let text = CustomText { custom: it.into(), text: it.new.text.clone(), problems };
    Ok(Versioned(text, it.version))
}

/// Says what is wrong with a text, and keeps nothing.
pub(crate) fn check_new(
    call: &Call,
    Json(asked): Json<NewCustom>,
) -> Result<Json<RuleCheck>, Problem> {
    let all = call.read(|tx| Ok(custom::all(tx)?))?;
    Ok(Json(check_one(call, (asked.kind.into(), &asked.text), &all, harmless())))
}

/// The same of one in the place of which it would be.
pub(crate) fn check(
    call: &Call,
    Json(asked): Json<CustomChange>,
) -> Result<Json<RuleCheck>, Problem> {
    let id = call.id("text")?;
    let all = call.read(|tx| Ok(custom::all(tx)?))?;
    let it = found(&all, id)?;
    let text = asked.text.as_ref().unwrap_or(&it.new.text);
    Ok(Json(check_one(call, (it.new.kind, text), &without(&all, id), harmless())))
}

pub(crate) fn add(call: &Call, Json(asked): Json<NewCustom>) -> Result<Created<Custom>, Problem> {
    let all = call.read(|tx| Ok(custom::all(tx)?))?;
    if all.len() >= TEXTS {
        return Err(Problem::invalid(format!(
            "there are {TEXTS} texts already; a bundle holds more"
        )));
    }
    let NewCustom { name, kind, text, enabled, monitor } = asked;
    let new = custom::New { name, kind: kind.into(), text, entries: 0, enabled, monitor };
    let new = checked(new, &all, true)?;
    let made = bundle(&all, Some(&new))?;
    let person = call.who()?.name.clone();
    call.change(|tx| {
        same(tx, &all)?;
        let id = custom::add(tx, &new, &person, call.now)?;
        let after = of(tx, id)?;
        settle(call, tx, &made)?;
        call.audit(tx, &format!("rules/custom/{id}"), NOTHING, Some(&after))?;
        Ok(Created(format!("/api/v1/rules/custom/{id}"), after))
    })
}

/// Changes it if nobody else has since the caller read it, where the caller says when that was (`If-Match`).
pub(crate) fn change(
    call: &Call,
    Json(asked): Json<CustomChange>,
) -> Result<Versioned<Custom>, Problem> {
    let id = call.id("text")?;
    let all = call.read(|tx| Ok(custom::all(tx)?))?;
    let it = found(&all, id)?;
    let read = call.header("if-match").filter(|it| *it != "*");
    if read.is_some_and(|read| read != Versioned::<()>::tag(it.version)) {
        return Err(meanwhile());
    }
    let (before, others) = (it.new.clone(), without(&all, id));
    let new = custom::New {
        name: asked.name.unwrap_or(before.name),
        text: asked.text.unwrap_or_else(|| before.text.clone()),
        enabled: asked.enabled.unwrap_or(before.enabled),
        monitor: asked.monitor.unwrap_or(before.monitor),
        ..before
    };
    // What was tried before and is the same is not tried again.
    let is_new = new.text != before.text || !before.enabled;
    let new = checked(new, &others, is_new)?;
    let made = bundle(&others, Some(&new))?;
    let person = call.who()?.name.clone();
    call.change(|tx| {
        same(tx, &all)?;
        let before = of(tx, id)?;
        custom::change(tx, id, &new, &person, call.now)?;
        let after = of(tx, id)?;
        settle(call, tx, &made)?;
        call.audit(tx, &format!("rules/custom/{id}"), Some(&before), Some(&after))?;
        Ok(Versioned(after, it.version.saturating_add(1)))
    })
}

pub(crate) fn remove(call: &Call, (): ()) -> Result<(), Problem> {
    let id = call.id("text")?;
    let all = call.read(|tx| Ok(custom::all(tx)?))?;
    let before = Custom::from(found(&all, id)?);
    let made = bundle(&without(&all, id), None)?;
    call.change(|tx| {
        same(tx, &all)?;
        custom::remove(tx, id)?;
        settle(call, tx, &made)?;
        call.audit(tx, &format!("rules/custom/{id}"), Some(&before), NOTHING)
    })
}

fn of(tx: &mut Tx<'_>, id: i64) -> Result<Custom, Failure> {
    let it = custom::one(tx, id)?.ok_or_else(|| Problem::not_found("text"))?;
    Ok(Custom::from(&it))
}

fn found(all: &[custom::Custom], id: i64) -> Result<&custom::Custom, Problem> {
    all.iter().find(|it| it.id == id).ok_or_else(|| Problem::not_found("text"))
}

fn without(all: &[custom::Custom], id: i64) -> Vec<custom::Custom> {
    all.iter().filter(|it| it.id != id).cloned().collect()
}

fn check_one(
    call: &Call,
    (kind, text): (custom::Kind, &str),
    others: &[custom::Custom],
    harmless: &[Harmless],
) -> RuleCheck {
    let (entries, remarks) = examine(kind, text, others, harmless);
    let works = remarks.iter().all(|it| !it.stops);
    let problems = remarks.iter().map(|it| RuleProblem::of(it, |words| call.say(words)));
    RuleCheck { works, entries, problems: problems.collect() }
}

/// A text as it may be stored: what is used has to be usable. Rules that are `new` to scans are tried first.
fn checked(
    new: custom::New,
    others: &[custom::Custom],
    is_new: bool,
) -> Result<custom::New, Problem> {
    let custom::New { name, kind, text, enabled, monitor, .. } = new;
    if name.trim().is_empty() || name.len() > 200 || name.contains(char::is_control) {
        return Err(Problem::invalid("a name has from 1 to 200 bytes, on one line"));
    }
    if monitor && kind != custom::Kind::Rules {
        return Err(Problem::invalid("only rules can be monitored; digests are sure"));
    }
    let used = others.iter().filter(|it| it.new.enabled && enabled);
    let all = used.fold(text.len(), |sum, it| sum.saturating_add(it.new.text.len()));
    let (most, most_of_all) = (TEXT_BYTES >> 20, ALL_BYTES >> 20);
    if text.len() > TEXT_BYTES {
        return Err(Problem::invalid(format!(
            "a text has at most {most} MiB; a bundle holds more"
        )));
    }
    if all > ALL_BYTES {
        return Err(Problem::invalid(format!(
            "all texts that are used have at most {most_of_all} MiB; a bundle holds more"
        )));
    }
    let harmless = if enabled && is_new { harmless() } else { &[] };
    let (entries, remarks) = examine(kind, &text, others, harmless);
    if let Some(it) = remarks.iter().find(|it| it.stops && enabled) {
        return Err(Problem::invalid(RuleProblem::of(it, str::to_owned).words));
    }
    let entries = i64::try_from(entries).unwrap_or(i64::MAX);
    Ok(custom::New { name: name.trim().to_owned(), kind, text, entries, enabled, monitor })
}

/// How much of the running program rules are tried on.
const PROGRAM_BYTES: u64 = 4 << 20;

/// What rules are tried on before they are used: the beginning of the running program, and its scripts and pages, taken
/// for what else they might be.
fn harmless() -> &'static [Harmless] {
    static HARMLESS: LazyLock<Vec<Harmless>> = LazyLock::new(|| {
        let mut program = Vec::new();
        // Where it can't be read, there is less to try rules on.
        let file = File::open("/proc/self/exe");
        drop(file.and_then(|it| it.take(PROGRAM_BYTES).read_to_end(&mut program)));
        let texts = [
            ("console.js", include_str!("../console/console.js")),
            ("console.sh", include_str!("../console/console.js")),
            ("try.py", include_str!("../try_it/try.js")),
            ("page.html", include_str!("../try_it/page.html")),
            ("page.php", include_str!("../try_it/page.html")),
        ];
        let texts = texts.iter().map(|it| (it.0, it.1.as_bytes().to_vec()));
        let all = [("usr/bin/plimsoll", program)].into_iter().chain(texts);
        let path = |it: &str| ImagePath::default().link(it);
        all.map(|(name, content)| Harmless { path: path(name), content }).collect()
    });
    &HARMLESS
}

/// What all texts that are used come to.
fn bundle(
    others: &[custom::Custom],
    new: Option<&custom::New>,
) -> Result<Option<Vec<u8>>, Problem> {
    let made = make(others.iter().map(|it| &it.new).chain(new));
    made.map_err(|err| Problem::invalid(format!("the bundle: {err}")))
}

/// The bundle was made of these: nobody may have changed any meanwhile.
fn same(tx: &mut Tx<'_>, seen: &[custom::Custom]) -> Result<(), Failure> {
    custom::lock(tx)?;
    if custom::all(tx)? != seen { Err(meanwhile().into()) } else { Ok(()) }
}

fn settle(call: &Call, tx: &mut Tx<'_>, made: &Option<Vec<u8>>) -> Result<(), Failure> {
    Ok(put(tx, made.as_deref(), call.now)?)
}

fn meanwhile() -> Problem {
    Problem::new(Code::Changed, "somebody has changed it meanwhile; read it again")
}
