//! Image management: what is protected, by rules that a tree of registries, namespaces and repositories helps to write.
//! Of the tree only what is opened or looked for is made: there may be very many repositories.
use super::scan::json;
use crate::{
    Problem,
    call::Call,
    console::{Frame, Html, home::following, html, show, words::Words},
    page::Part,
    receive::Query,
    reply::Versioned,
    routes::{
        registries::{self, WhichRepositories},
        settings,
    },
    views::{Namespace, Registry, Repository},
};
use askama::Template;
use scan::settings::{Scope, Settings};
use schemars::JsonSchema;
use serde::Deserialize;

/// How many namespaces or repositories come at once.
const SOME: u32 = 100;

#[derive(Template)]
#[template(path = "settings/scope.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    scan: Settings,
    version: String,
    /// The cycle as the form gives it back.
    cycle: String,
    text: String,
    tree: Branch,
    /// Ids and names of registries, also of those that are gone and have a rule.
    registries: Vec<(i64, String)>,
}

/// What is in something.
#[derive(Template)]
#[template(path = "settings/branch.html")]
struct Branch {
    id: String,
    nodes: Vec<Node>,
    /// The address of more of it.
    more: String,
    w: &'static Words,
    /// Whether whoever looks may choose.
    may: bool,
}

/// A registry, a namespace or a repository.
#[derive(Default)]
struct Node {
    name: String,
    /// None: any registry.
    registry: Option<i64>,
    /// What a rule about all of it has; nothing for repositories without a namespace, which no rule can mean.
    pattern: Option<String>,
    included: bool,
    repositories: Option<i64>,
    images: Option<i64>,
    /// The address that opens or closes it; empty: nothing is in it.
    at: String,
    /// What its branch is called.
    id: String,
    open: Option<Branch>,
}

/// What of the tree is to be seen.
#[derive(Default, Deserialize, JsonSchema)]
pub(in crate::console) struct Which {
    /// Repositories with this in the name.
    #[serde(default)]
    text: String,
    /// What is in this registry.
    registry: Option<i64>,
    /// What is in this namespace of it.
    namespace: Option<String>,
    cursor: Option<String>,
}

/// What the nodes are made with.
struct Tree<'a> {
    call: &'a Call,
    asked: &'a Which,
    scope: &'a Scope,
    w: &'static Words,
    may: bool,
}

pub(in crate::console) fn page(call: &Call, Query(asked): Query<Which>) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings");
    let Versioned(scan, version) = settings::scan(call, ())?;
    let all = registries::list(call, ())?.0;
    let (scope, w, may) = (&scan.scope, frame.w, frame.operates());
    let tree = Tree { call, asked: &asked, scope, w, may };
    let tree = if asked.text.is_empty() { tree.registries(&all)? } else { tree.found(&all)? };
    let (cycle, version) = (json(&scan.cycle)?, Versioned::<()>::tag(version));
    let mut registries: Vec<_> = all.into_iter().map(|it| (it.id, it.name)).collect();
    for id in scan.scope.rules.iter().filter_map(|it| it.registry) {
        if !registries.iter().any(|it| it.0 == id) {
            registries.push((id, format!("#{id}")));
        }
    }
    html(&Page { frame, tab, version, cycle, text: asked.text, tree, registries, scan })
}

impl Tree<'_> {
    /// All registries, and what is in the one that is open.
    fn registries(&self, all: &[Registry]) -> Result<Branch, Problem> {
        let everything = Node {
            name: self.w.all_registries.to_owned(),
            pattern: Some("*".to_owned()),
            // No registry has this id, so that only rules about any are about it.
            included: self.scope.has(0, 0, "*"),
            ..Node::default()
        };
        let nodes = std::iter::once(Ok(everything)).chain(all.iter().map(|it| self.registry(it)));
        Ok(self.branch("in", nodes.collect::<Result<_, _>>()?, None))
    }

    fn registry(&self, it: &Registry) -> Result<Node, Problem> {
        let (id, here) = (format!("in-{}", it.id), self.asked.registry == Some(it.id));
        let open = here.then(|| self.namespaces(it.id, &id)).transpose()?;
        Ok(Node {
            name: it.name.clone(),
            registry: Some(it.id),
            included: self.scope.has(it.id, 0, "*"),
            pattern: Some("*".to_owned()),
            repositories: Some(it.repositories),
            images: Some(it.images),
            at: if here { "?".to_owned() } else { format!("?registry={}", it.id) },
            id,
            open,
        })
    }

    /// The namespaces of a registry; where one is open, that alone.
    fn namespaces(&self, registry: i64, id: &str) -> Result<Branch, Problem> {
        if let Some(name) = &self.asked.namespace {
            let it = Namespace { name: name.clone(), repositories: 0, images: 0 };
            let inner = self.repositories(registry, name)?;
            return Ok(self.branch(id, vec![self.namespace(registry, &it, Some(inner))], None));
        }
        let part = Part { cursor: self.asked.cursor.clone(), limit: Some(SOME) };
        let list = registries::namespaces_of(self.call, registry, &part)?;
        let nodes = list.items.iter().map(|it| self.namespace(registry, it, None)).collect();
        Ok(self.branch(id, nodes, list.next))
    }

    fn namespace(&self, registry: i64, it: &Namespace, open: Option<Branch>) -> Node {
        let pattern = (!it.name.is_empty()).then(|| format!("{}/*", it.name));
        let at = match open {
            Some(_) => format!("?registry={registry}"),
            None => format!("?registry={registry}&namespace={}", net::encode(&it.name)),
        };
        Node {
            name: it.name.clone(),
            registry: Some(registry),
            included: pattern.as_ref().is_some_and(|it| self.scope.has(registry, 0, it)),
            pattern,
            repositories: open.is_none().then_some(it.repositories),
            images: open.is_none().then_some(it.images),
            at,
            id: branch_id(registry, &it.name),
            open,
        }
    }

    fn repositories(&self, registry: i64, namespace: &str) -> Result<Branch, Problem> {
        let which = WhichRepositories {
            registry: Some(registry),
            namespace: Some(namespace.to_owned()),
            ..self.some()
        };
        let list = registries::repositories(self.call, Query(which))?.0;
        let nodes = list.items.iter().map(|it| self.repository(it, it.name.clone())).collect();
        Ok(self.branch(&branch_id(registry, namespace), nodes, list.next))
    }

    fn repository(&self, it: &Repository, name: String) -> Node {
        Node {
            name,
            registry: Some(it.registry),
            included: self.scope.has(it.registry, it.id, &it.name),
            pattern: Some(it.name.clone()),
            images: Some(it.images),
            ..Node::default()
        }
    }

    /// The repositories that were looked for, of all registries.
    fn found(&self, all: &[Registry]) -> Result<Branch, Problem> {
        let which = WhichRepositories { text: Some(self.asked.text.clone()), ..self.some() };
        let list = registries::repositories(self.call, Query(which))?.0;
        let node = |it: &Repository| {
            let registry = all.iter().find(|found| found.id == it.registry);
            let registry = registry.map_or("", |it| it.name.as_str());
            self.repository(it, format!("{} · {registry}", it.name))
        };
        let nodes = list.items.iter().map(node).collect();
        Ok(self.branch("in", nodes, list.next))
    }

    fn some(&self) -> WhichRepositories {
        let cursor = self.asked.cursor.clone();
        WhichRepositories { cursor, limit: Some(SOME), ..WhichRepositories::default() }
    }

    fn branch(&self, id: &str, nodes: Vec<Node>, next: Option<String>) -> Branch {
        let more = following(self.call, next.as_deref());
        Branch { id: id.to_owned(), nodes, more, w: self.w, may: self.may }
    }
}

fn branch_id(registry: i64, namespace: &str) -> String {
    format!("in-{registry}-{}", net::encode(namespace))
}
