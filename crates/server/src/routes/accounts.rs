//! Accounts of clouds: their instances are registries that come and go by themselves.
use crate::{
    Problem,
    call::{Call, Failure, NOTHING},
    receive::Json,
    reply::Created,
    routes::registries::seal_login,
    views::{Account, Check},
};
use scan::center::{AccountDocument, LoginDocument, account_place};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Tx, accounts};

/// An account as somebody tells of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    /// What people call it.
    name: String,
    /// Everything that is not secret.
    settings: AccountDocument,
    /// Who we are: a key, or the role of this machine. It is never shown. None: whoever we were before.
    login: Option<LoginDocument>,
}

pub(crate) fn list(call: &Call, (): ()) -> Result<Json<Vec<Account>>, Problem> {
    let all = call.read(|tx| Ok(accounts::all(tx)?))?;
    Ok(Json(all.into_iter().map(Account::from).collect()))
}

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Account>, Problem> {
    let id = call.id("account")?;
    call.read(|tx| one(tx, id)).map(Json)
}

fn one(tx: &mut Tx<'_>, id: i64) -> Result<Account, Failure> {
    let found = accounts::all(tx)?.into_iter().find(|it| it.id == id);
    Ok(found.ok_or_else(|| Problem::not_found("account"))?.into())
}

pub(crate) fn add(call: &Call, Json(given): Json<Given>) -> Result<Created<Account>, Problem> {
    let login = given.login.clone().ok_or_else(|| Problem::invalid("an account needs a login"))?;
    let (name, document) = checked(call, &given)?;
    let made = call.change(|tx| {
        // The secret is bound to the row, which has to be there first.
        let id = accounts::add(tx, &name, &document, &[], call.now)?;
        let sealed = seal_login(call, &login, &account_place(id))?;
        accounts::change(tx, id, &name, &document, Some(&sealed))?;
        let after = one(tx, id)?;
        call.audit(tx, &account_place(id), NOTHING, Some(&after))?;
        Ok(Created(format!("/api/v1/accounts/{id}"), after))
    })?;
    call.app.center.account_changed();
    Ok(made)
}

pub(crate) fn change(call: &Call, Json(given): Json<Given>) -> Result<Json<Account>, Problem> {
    let id = call.id("account")?;
    let (name, document) = checked(call, &given)?;
    let changed = call.change(|tx| {
        let before = one(tx, id)?;
        let api = |it: &Account| it.settings.get("api").cloned().unwrap_or_default();
        let sealed = given.login.as_ref().map(|it| seal_login(call, it, &account_place(id)));
        accounts::change(tx, id, &name, &document, sealed.transpose()?.as_deref())?;
        let after = one(tx, id)?;
        if given.login.is_none() && api(&before) != api(&after) {
            // What was given for one place must not be sent to another.
            return Err(Problem::invalid("with another address, give the login too").into());
        }
        call.audit(tx, &account_place(id), Some(&before), Some(&after))?;
        Ok(Json(after))
    })?;
    call.app.center.account_changed();
    Ok(changed)
}

/// The name and the document of what is in order.
fn checked(call: &Call, given: &Given) -> Result<(String, String), Problem> {
    let name = super::people::checked_title(&given.name)?;
    if given.settings.regions.is_empty() {
        return Err(Problem::invalid("say in which regions to look"));
    }
    let login = match &given.login {
        Some(
            LoginDocument::Anonymous | LoginDocument::Password { .. } | LoginDocument::Token { .. },
        ) => {
            return Err(Problem::invalid("an account is entered with a key or a role"));
        }
        it => it.clone().unwrap_or_default(),
    };
    if given.login.is_some() {
        call.app.center.account_of(&given.settings, login)?;
    }
    let document = serde_json::to_string(&given.settings);
    Ok((name, document.map_err(|err| Problem::internal(err.to_string()))?))
}

/// Removes it, and with it its instances.
pub(crate) fn remove(call: &Call, (): ()) -> Result<(), Problem> {
    let id = call.id("account")?;
    let instances = call.write(|tx| {
        let before = one(tx, id)?;
        let all = store::registries::all(tx)?.into_iter();
        let instances: Vec<i64> = all.filter(|it| it.account == Some(id)).map(|it| it.id).collect();
        accounts::remove(tx, id, call.now)?;
        call.audit(tx, &account_place(id), Some(&before), NOTHING)?;
        Ok(instances)
    })?;
    for it in instances {
        call.app.center.registry_removed(it)?;
    }
    Ok(())
}

pub(crate) fn test_new(call: &Call, Json(given): Json<Given>) -> Result<Json<Check>, Problem> {
    checked(call, &given)?;
    let login = given.login.ok_or_else(|| Problem::invalid("an account needs a login"))?;
    let account = call.app.center.account_of(&given.settings, login)?;
    Ok(Json(Check::new(account.check(), call)))
}

pub(crate) fn test(call: &Call, (): ()) -> Result<Json<Check>, Problem> {
    let id = call.id("account")?;
    call.read(|tx| one(tx, id))?;
    Ok(Json(Check::new(call.app.center.check_account(id)?, call)))
}
