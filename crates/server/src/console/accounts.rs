//! Accounts of clouds, whose instances are registries.
use super::{Frame, Html, html, show};
use crate::{
    Problem,
    call::Call,
    routes::{accounts, registries},
    views::{Account, Registry},
};
use askama::Template;
use scan::center::{AccountDocument, Tls};

#[derive(Template)]
#[template(path = "registries/account.html")]
struct Page {
    frame: Frame,
    it: Account,
    document: AccountDocument,
    instances: Vec<Registry>,
    account: AccountForm,
}

/// What the form of an account begins with.
pub(super) struct AccountForm {
    pub(super) id: &'static str,
    pub(super) api: String,
    pub(super) name: String,
    pub(super) document: AccountDocument,
}

/// All, with what is set for each.
pub(super) fn all(call: &Call) -> Result<Vec<(Account, AccountDocument)>, Problem> {
    let all = accounts::list(call, ())?.0;
    Ok(all.into_iter().map(|it| (it.clone(), document(&it))).collect())
}

pub(super) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let it = accounts::show(call, ())?.0;
    let mut instances = registries::list(call, ())?.0;
    instances.retain(|found| found.account == Some(it.id));
    let document = document(&it);
    let account = AccountForm {
        id: "edit-account",
        api: format!("PUT /api/v1/accounts/{}", it.id),
        name: it.name.clone(),
        document: document.clone(),
    };
    html(&Page { frame: Frame::new(call, "/"), it, document, instances, account })
}

fn document(it: &Account) -> AccountDocument {
    serde_json::from_value(it.settings.clone()).unwrap_or_default()
}

impl AccountForm {
    pub(super) fn empty() -> AccountForm {
        AccountForm {
            id: "add-account",
            api: "POST /api/v1/accounts".to_owned(),
            name: String::new(),
            document: AccountDocument::default(),
        }
    }

    /// Whether it adds one.
    pub(super) fn is_new(&self) -> bool {
        self.name.is_empty()
    }
}
