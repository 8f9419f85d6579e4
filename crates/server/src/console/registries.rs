//! Registries: the tab of the first page, and a page for each.
use super::{
    Frame, Html,
    accounts::{self, AccountForm},
    home::{KINDS, Strip, following},
    html, show,
};
use crate::{
    Page as List, Problem,
    call::Call,
    receive::{Json, Query},
    routes::registries::{self, WhichRepositories},
    views::{Account, Category, Registry, Repository},
};
use askama::Template;
use scan::center::{AccountDocument, RegistryDocument, Tls};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "registries/list.html")]
struct Registries {
    frame: Frame,
    strip: Strip,
    tab: &'static str,
    list: Vec<Row>,
    /// With what is set for it, and how many instances it has.
    accounts: Vec<(Account, AccountDocument, usize)>,
    form: RegistryForm,
    account: AccountForm,
}

/// A registry, and whether nobody looks who it really is.
struct Row {
    it: Registry,
    unverified: bool,
}

/// What the form of a registry begins with.
pub(super) struct RegistryForm {
    pub(super) id: &'static str,
    pub(super) api: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) document: RegistryDocument,
    /// Whether something to log in with is kept.
    pub(super) kept: bool,
}

#[derive(Template)]
#[template(path = "registries/one.html")]
struct One {
    frame: Frame,
    it: Registry,
    /// What is set for it, or for the account that it came by.
    document: RegistryDocument,
    /// That account's id and name.
    account: Option<(i64, String)>,
    form: RegistryForm,
    text: String,
    repositories: List<Repository>,
    more: String,
}

/// Which of its repositories.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Which {
    #[serde(default)]
    text: String,
    cursor: Option<String>,
}

pub(super) fn list(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, strip) = (Frame::new(call, "/"), Strip::new(call)?);
    let registries = registries::list(call, ())?.0;
    let of = |id: i64| registries.iter().filter(move |it| it.account == Some(id)).count();
    let accounts: Vec<_> = accounts::all(call)?
        .into_iter()
        .map(|(it, document)| {
            let instances = of(it.id);
            (it, document, instances)
        })
        .collect();
    let row = |it: Registry| {
        let account = accounts.iter().find(|(account, ..)| Some(account.id) == it.account);
        let document = account.map_or_else(|| document(&it), |it| it.1.registry.clone());
        Row { unverified: document.tls == Tls::Unverified, it }
    };
    let list = registries.clone().into_iter().map(row).collect();
    let (form, account) = (RegistryForm::empty(), AccountForm::empty());
    html(&Registries { frame, strip, tab: "/registries", list, accounts, form, account })
}

pub(super) fn one(call: &Call, Query(asked): Query<Which>) -> Result<Html, Problem> {
    let it = registries::show(call, ())?.0;
    let account = accounts::all(call)?.into_iter().find(|(found, _)| Some(found.id) == it.account);
    let own = document(&it);
    let document = account.as_ref().map_or_else(|| own.clone(), |it| it.1.registry.clone());
    let account = account.map(|(it, _)| (it.id, it.name));
    let Which { text, cursor } = asked;
    let which = WhichRepositories {
        registry: Some(it.id),
        text: Some(text.clone()),
        cursor,
        ..WhichRepositories::default()
    };
    let Json(repositories) = registries::repositories(call, Query(which))?;
    let more = following(call, repositories.next.as_deref());
    let (frame, form) = (Frame::new(call, "/"), RegistryForm::of(&it, own));
    html(&One { frame, it, document, account, form, text, repositories, more })
}

/// What is set for a registry; that of an instance says where it is, and its account's says the rest.
fn document(it: &Registry) -> RegistryDocument {
    serde_json::from_value(it.settings.clone()).unwrap_or_default()
}

impl RegistryForm {
    pub(super) fn empty() -> RegistryForm {
        RegistryForm {
            id: "add-registry",
            api: "POST /api/v1/registries".to_owned(),
            kind: String::new(),
            name: String::new(),
            address: String::new(),
            document: RegistryDocument::default(),
            kept: false,
        }
    }

    fn of(it: &Registry, document: RegistryDocument) -> RegistryForm {
        RegistryForm {
            id: "edit-registry",
            api: format!("PUT /api/v1/registries/{}", it.id),
            kind: it.kind.clone(),
            name: it.name.clone(),
            address: it.address.clone(),
            document,
            kept: it.has_secret,
        }
    }

    /// Whether it adds one.
    pub(super) fn is_new(&self) -> bool {
        self.kind.is_empty()
    }
}
