//! Registries: adding, testing and changing them, and what they hold.
use crate::{
    Code, Page, Problem,
    call::{Call, Failure, NOTHING},
    page::{Part, Place, place, shown},
    receive::{Json, Query, Raw},
    reply::Created,
    seal::random,
    views::{Check, Namespace, Registry, Repository},
    who::hash,
};
use registry::flavor;
use scan::center::{LoginDocument, RegistryDocument, registry_changed, registry_place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Tx, registries, repositories};

/// A registry as somebody tells of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    /// `harbor`, or `oci` for any other that follows the OCI Distribution Specification; it stays what it is. Those of
    /// kind `acr` come by an account.
    kind: String,
    /// What people call it.
    name: String,
    /// Where it answers: `https://harbor.example.com`, or a host with its port where that is no standard one.
    address: String,
    /// Everything else that is not secret.
    #[serde(default)]
    settings: RegistryDocument,
    /// Who we are there. It is never shown. None: whoever we were before; nobody for a registry that is new.
    login: Option<LoginDocument>,
}

/// How a registry tells us of changes. The secret is shown only now.
#[derive(Clone, JsonSchema, Serialize)]
pub(crate) struct MadeHook {
    /// Where it has to send its notifications by POST.
    url: String,
    /// The whole `Authorization` that it has to send with them.
    authorization: String,
    /// Where those send them that can send no `Authorization`: whoever knows this address may.
    url_with_secret: String,
}

/// Which repositories.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichRepositories {
    /// Of the registry of this id.
    pub(crate) registry: Option<i64>,
    /// Of exactly this namespace; with nothing after `=`, those without one.
    pub(crate) namespace: Option<String>,
    /// With this in the name.
    pub(crate) text: Option<String>,
    /// Where the part begins: the `next` of the one before.
    pub(crate) cursor: Option<String>,
    /// How many rows, at most 500.
    pub(crate) limit: Option<u32>,
}

pub(crate) fn list(call: &Call, (): ()) -> Result<Json<Vec<Registry>>, Problem> {
    let all = call.read(|tx| Ok(registries::all(tx)?))?;
    Ok(Json(all.into_iter().map(Registry::from).collect()))
}

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Registry>, Problem> {
    let id = call.id("registry")?;
    call.read(|tx| Ok(Json(one(tx, id)?)))
}

fn one(tx: &mut Tx<'_>, id: i64) -> Result<Registry, Failure> {
    let it = registries::one(tx, id)?.ok_or_else(|| Problem::not_found("registry"))?;
    Ok(it.into())
}

pub(crate) fn remove(call: &Call, (): ()) -> Result<(), Problem> {
    let id = call.id("registry")?;
    call.change(|tx| {
        let before = one(tx, id)?;
        if before.account.is_some() {
            let detail = "an instance of a cloud account goes when it is gone there, or with the account; it cannot be removed alone";
            return Err(Problem::new(Code::Conflict, detail).into());
        }
        if !registries::remove(tx, id, call.now)? {
            return Err(Problem::not_found("registry").into());
        }
        call.audit(tx, &registry_place(id), Some(&before), NOTHING)
    })?;
    // Its scans that wait end by themselves too, when their turn comes.
    call.app.center.registry_removed(id)?;
    Ok(())
}

pub(crate) fn synchronise(call: &Call, (): ()) -> Result<Json<Registry>, Problem> {
    let id = call.id("registry")?;
    call.change(|tx| {
        there(tx, id)?;
        registries::sync_at(tx, id, call.now, true)?;
        call.audit(tx, &registry_place(id), NOTHING, NOTHING)?;
        Ok(Json(one(tx, id)?))
    })
}

pub(crate) fn namespaces(
    call: &Call,
    Query(part): Query<Part>,
) -> Result<Json<Page<Namespace>>, Problem> {
    namespaces_of(call, call.id("registry")?, &part).map(Json)
}

pub(crate) fn namespaces_of(call: &Call, id: i64, part: &Part) -> Result<Page<Namespace>, Problem> {
    let Place { cursor, limit } = part.place()?;
    let page = call.read(|tx| {
        one(tx, id)?;
        Ok(repositories::namespaces(tx, id, cursor.as_ref(), limit)?)
    })?;
    Ok(shown(page))
}

/// Names by id.
type Names = BTreeMap<i64, String>;

/// The names of all registries, and of some repositories with their registries', by id; removed ones too.
pub(crate) fn names(call: &Call, ids: &[i64]) -> Result<(Names, Names), Problem> {
    call.read(|tx| {
        let all = registries::all(tx)?;
        let registries: Names = all.into_iter().map(|it| (it.id, it.name)).collect();
        let name = |it: repositories::Repository| {
            let registry = registries.get(&it.registry).map_or("", String::as_str);
            (it.id, format!("{registry} / {}", it.name))
        };
        let repositories = repositories::some(tx, ids)?.into_iter().map(name).collect();
        Ok((registries, repositories))
    })
}

pub(crate) fn repositories(
    call: &Call,
    Query(asked): Query<WhichRepositories>,
) -> Result<Json<Page<Repository>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let filter = repositories::Filter {
        registry: asked.registry,
        namespace: asked.namespace.as_deref(),
        text: asked.text.as_deref().unwrap_or_default(),
    };
    let page = call.read(|tx| Ok(repositories::page(tx, filter, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

pub(crate) fn add(call: &Call, Json(given): Json<Given>) -> Result<Created<Registry>, Problem> {
    let (name, document) = checked(call, &given, None)?;
    let made = call.change(|tx| {
        let new = registries::New {
            kind: &given.kind,
            name: &name,
            address: given.address.trim(),
            account: None,
            document: &document,
            secret: None,
            hook: None,
            created_at: call.now,
        };
        let id = registries::add(tx, &new)?;
        // The secret is bound to the row, which has to be there first.
        change_row(call, tx, id, &name, &given, &document)?;
        let after = one(tx, id)?;
        call.audit(tx, &registry_place(id), NOTHING, Some(&after))?;
        Ok(Created(format!("/api/v1/registries/{id}"), after))
    })?;
    call.app.center.ring();
    Ok(made)
}

pub(crate) fn change(call: &Call, Json(given): Json<Given>) -> Result<Json<Registry>, Problem> {
    let id = call.id("registry")?;
    let before = call.read(|tx| there(tx, id))?;
    let (name, document) = checked(call, &given, Some(&before))?;
    let changed = call.change(|tx| {
        let before = there(tx, id)?;
        change_row(call, tx, id, &name, &given, &document)?;
        let after = one(tx, id)?;
        call.audit(tx, &registry_place(id), Some(&before), Some(&after))?;
        Ok(Json(after))
    })?;
    call.app.center.ring();
    Ok(changed)
}

fn change_row(
    call: &Call,
    tx: &mut Tx<'_>,
    id: i64,
    name: &str,
    given: &Given,
    document: &str,
) -> Result<(), Failure> {
    let sealed = given.login.as_ref().map(|it| seal_login(call, it, &registry_place(id)));
    let sealed = sealed.transpose()?;
    let address = given.address.trim();
    registries::change(tx, id, name, address, document, sealed.as_deref())?;
    Ok(registry_changed(tx, id, &given.settings, call.now)?)
}

/// A login, as the store keeps it.
pub(crate) fn seal_login(
    call: &Call,
    login: &LoginDocument,
    place: &str,
) -> Result<Vec<u8>, Problem> {
    let plain = serde_json::to_vec(login).map_err(|err| Problem::internal(err.to_string()))?;
    call.app.keys.seal(&plain, place).map_err(Problem::internal)
}

/// The name and the document of what is in order.
fn checked(
    call: &Call,
    given: &Given,
    before: Option<&Registry>,
) -> Result<(String, String), Problem> {
    let name = super::people::checked_title(&given.name)?;
    match before {
        None => by_hand(&given.kind)?,
        Some(it) if it.account.is_some() => {
            let detail = "what is known of an instance comes from its account; change that";
            return Err(Problem::new(Code::Conflict, detail));
        }
        Some(it) if it.kind != given.kind => {
            return Err(Problem::invalid(format!(
                "the registry is of kind {} and stays so",
                it.kind
            )));
        }
        Some(_) => {}
    }
    let moved = before.is_some_and(|it| it.has_secret && it.address != given.address.trim());
    if moved && given.login.is_none() {
        // What was given for one place must not be sent to another.
        return Err(Problem::invalid("with another address, give the login too"));
    }
    let login = given.login.clone().unwrap_or_default();
    call.app.center.registry_of(&given.kind, given.address.trim(), &given.settings, login)?;
    let document = serde_json::to_string(&given.settings);
    Ok((name, document.map_err(|err| Problem::internal(err.to_string()))?))
}

/// Only some kinds of registries are added by hand.
fn by_hand(kind: &str) -> Result<(), Problem> {
    let kinds = || {
        let kinds = registry::FLAVORS.iter().filter(|it| !it.by_account).map(|it| it.name);
        kinds.collect::<Vec<_>>().join(", ")
    };
    match flavor(kind) {
        Some(it) if it.by_account => Err(Problem::new(
            Code::Conflict,
            "registries of this kind come and go with the cloud account that has them; add the account",
        )),
        Some(_) => Ok(()),
        None => Err(Problem::invalid(format!("kind is one of {}", kinds()))),
    }
}

pub(crate) fn test_new(call: &Call, Json(given): Json<Given>) -> Result<Json<Check>, Problem> {
    let Given { kind, address, settings, login, .. } = given;
    by_hand(&kind)?;
    let login = login.unwrap_or_default();
    let registry = call.app.center.registry_of(&kind, address.trim(), &settings, login)?;
    Ok(Json(Check::new(registry.check(), call)))
}

pub(crate) fn test(call: &Call, (): ()) -> Result<Json<Check>, Problem> {
    let id = call.id("registry")?;
    call.read(|tx| there(tx, id))?;
    Ok(Json(Check::new(call.app.center.check_registry(id)?, call)))
}

pub(crate) fn make_hook(call: &Call, (): ()) -> Result<Json<MadeHook>, Problem> {
    let id = call.id("registry")?;
    let secret = random()?;
    let origin = call.app.settings.public_url.as_ref().map(net::Url::origin).unwrap_or_default();
    let url = format!("{origin}/api/v1/hooks");
    let url_with_secret = format!("{url}/{secret}");
    let made = MadeHook { url, authorization: format!("Bearer {secret}"), url_with_secret };
    call.change(|tx| {
        there(tx, id)?;
        registries::set_hook(tx, id, Some(&hash(&secret)))?;
        call.audit(tx, &registry_place(id), NOTHING, NOTHING)?;
        Ok(Json(made.clone()))
    })
}

pub(crate) fn remove_hook(call: &Call, (): ()) -> Result<(), Problem> {
    let id = call.id("registry")?;
    call.change(|tx| {
        there(tx, id)?;
        registries::set_hook(tx, id, None)?;
        call.audit(tx, &registry_place(id), NOTHING, NOTHING)
    })
}

/// A notification of a registry, which shows by its `Authorization` which one it is.
pub(crate) fn hook(call: &Call, _: Raw) -> Result<(), Problem> {
    let sent = call.header("authorization").unwrap_or_default();
    let bearer = sent.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("bearer "));
    follow(call, if bearer { sent.get(7..).unwrap_or_default() } else { sent })
}

/// The same of one that can show it by the address alone.
pub(crate) fn hook_by_address(call: &Call, _: Raw) -> Result<(), Problem> {
    follow(call, call.param("secret")?)
}

fn follow(call: &Call, secret: &str) -> Result<(), Problem> {
    let (id, kind) = call.read(|tx| {
        let id = registries::by_hook(tx, &hash(secret.trim()))?;
        let stranger = || Problem::new(Code::Unauthenticated, "this is no registry's webhook");
        let id = id.ok_or_else(stranger)?;
        Ok((id, there(tx, id)?.kind))
    })?;
    let flavor = flavor(&kind).ok_or_else(|| Problem::internal(format!("a registry of {kind}")))?;
    let events = (flavor.events)(&call.body);
    let events = events.map_err(|err| Problem::new(Code::Malformed, err.to_string()))?;
    call.app.center.hint(id, events);
    Ok(())
}

/// One that was not removed.
fn there(tx: &mut Tx<'_>, id: i64) -> Result<Registry, Failure> {
    match one(tx, id)? {
        it if it.removed_at.is_none() => Ok(it),
        _ => Err(Problem::not_found("registry").into()),
    }
}
