//! What each role is offered: no page shows what whoever looks at it may not do, and none opens to whom it is not for.
use crate::{
    images::fill,
    kit::{As, Running, header, ready},
};
use serde_json::{Value, json};
use server::Role;
use std::collections::{BTreeMap, VecDeque};

/// The roles, each of which may what those before it may.
const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

/// The pages that somebody gets to by links, with what they say.
fn reached(it: &Running, who: &As) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut next = VecDeque::from(["/".to_owned()]);
    while let Some(target) = next.pop_front() {
        if pages.contains_key(&target) {
            continue;
        }
        let reply = it.ask(who, "GET", &target, None);
        assert_eq!(reply.status, 200, "{target}, which a page leads to");
        let page = String::from_utf8(reply.body).unwrap();
        let links = attributes(&page, &["href"]).filter(|it| !it.starts_with('#'));
        next.extend(links.filter_map(|link| beyond(&target, &link)));
        pages.insert(target, page);
    }
    pages
}

/// The page that a link leads to, without what only filters it.
fn beyond(from: &str, link: &str) -> Option<String> {
    let path = link.split(['?', '#']).next()?;
    let elsewhere = ["/api/", "/language", "/theme", "/console.css"];
    let path = if path.is_empty() { from } else { path };
    let ours = path.starts_with('/') && !elsewhere.iter().any(|it| path.starts_with(it));
    ours.then(|| path.to_owned())
}

/// The values of attributes of these names, as they were meant.
fn attributes(page: &str, names: &[&str]) -> impl Iterator<Item = String> {
    let found = names.iter().flat_map(|name| {
        let begin = format!(" {name}=\"");
        let parts: Vec<_> = page.split(&begin).skip(1).map(str::to_owned).collect();
        parts
    });
    let value =
        |it: String| it.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    found.map(value).collect::<Vec<_>>().into_iter()
}

/// The role that an operation takes, by the document; `target` is an address of it.
fn needs(document: &Value, operation: &str) -> usize {
    let (method, target) = operation.split_once(' ').unwrap();
    let path = target.split('?').next().unwrap();
    let fits = |row: &str| {
        let (a, b): (Vec<_>, Vec<_>) = (path.split('/').collect(), row.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || b.starts_with('{'))
    };
    let paths = document["paths"].as_object().unwrap();
    let method = method.to_lowercase();
    let row = paths.iter().find(|(row, it)| fits(row) && !it[&method].is_null());
    let (_, row) = row.unwrap_or_else(|| panic!("there is no {operation}"));
    let role = row[&method]["security"][0]["session"][0].as_str().unwrap_or("viewer").to_owned();
    ROLES.iter().position(|it| *it == role).unwrap()
}

#[test]
fn pages_offer_what_whoever_looks_may_do_and_no_more() {
    let it = ready();
    let admin = fill(&it);
    let body =
        json!({"risk": "CVE-2024-2", "place": "everything", "kind": "accepted", "reason": "x"});
    it.done(&admin, "POST", "/api/v1/exceptions", Some(&body));
    it.done(&admin, "POST", "/api/v1/tasks", Some(&json!({})));
    let (viewer, operator) = (it.somebody(&admin, "viewer"), it.somebody(&admin, "operator"));
    let document = server::document();
    let mut offered = BTreeMap::new();
    for (role, who) in [&viewer, &operator, &admin].into_iter().enumerate() {
        for (path, page) in reached(&it, who) {
            for operation in
                attributes(&page, &["data-api", "data-of", "data-test", "data-preview"])
            {
                let needs = needs(&document, &operation);
                assert!(needs <= role, "{path} offers {operation} to a {}", ROLES[role]);
                *offered.entry((role, needs)).or_insert(0) += 1;
            }
        }
    }
    // Each is offered something that only its role may, but for viewers, who log out.
    for role in 0..ROLES.len() {
        assert!(offered.contains_key(&(role, role)), "{offered:?}");
    }
}

#[test]
fn pages_open_to_their_roles_only() {
    let it = ready();
    let admin = fill(&it);
    let who = [it.somebody(&admin, "viewer"), it.somebody(&admin, "operator"), admin];
    let mut guarded = 0;
    for (path, role) in server::pages() {
        let path = path.replace("{digest}", "sha256:x").replace("{name}", "x").replace("{id}", "1");
        let Some(role) = role else { continue };
        guarded += 1;
        for nobody in [As::default(), As::session("plimsoll=guess".to_owned())] {
            let reply = it.ask(&nobody, "GET", &path, None);
            let to = header(&reply, "location").unwrap_or_default();
            assert!(reply.status == 303 && to.starts_with("/login?target="), "{path} {to}");
        }
        let least = [Role::Viewer, Role::Operator, Role::Admin].iter().position(|it| *it == role);
        for (at, who) in who.iter().enumerate() {
            let reply = it.ask(who, "GET", &path, None);
            let refused = Some(at) < least;
            assert_eq!(reply.status == 403, refused, "{path} as {}: {}", ROLES[at], reply.status);
            assert!(reply.status < 500, "{path}: {}", String::from_utf8_lossy(&reply.body));
        }
    }
    assert!(guarded > 10, "{guarded}");
}
