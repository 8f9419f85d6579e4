//! The console's pages for registries and settings: what each role finds there, and what they show after changes.
use crate::{
    kit::{As, Running, ready},
    registries::{REGISTRIES, given, some_image, until},
};
use scan::center::Role;
use serde_json::json;
use testkit::{acr::Acr, harbor::Harbor};

/// A page that there is.
fn page(it: &Running, who: &As, target: &str) -> String {
    let reply = it.ask(who, "GET", target, None);
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert_eq!(reply.status, 200, "{target}: {text}");
    text
}

/// What a page has, and what it has not.
fn check(page: &str, has: &[&str], has_not: &[&str]) {
    for it in has {
        assert!(page.contains(it), "no {it} in {page}");
    }
    for it in has_not {
        assert!(!page.contains(it), "{it} in {page}");
    }
}

fn harbor() -> Harbor {
    let harbor = Harbor::start("v2.15.3");
    harbor.project("team");
    harbor.put("team/app", "v1", &some_image("one"));
    harbor
}

#[test]
fn a_registry_has_a_page_with_what_each_role_may_do() {
    let (it, harbor) = (ready(), harbor());
    let admin = it.log_in("admin");
    let (operator, viewer) = (it.somebody(&admin, "operator"), it.somebody(&admin, "viewer"));
    it.center.run(Role::All).unwrap();
    let mut given = given(&harbor);
    given["name"] = json!("<b>here</b>");
    given["address"] = json!(format!("http://{}", harbor.host()));
    given["settings"] = json!({"tls": {"kind": "unverified"}, "images_per_hour": 77});
    let made = it.done(&admin, "POST", REGISTRIES, Some(&given));
    let (api, place) =
        (format!("{REGISTRIES}/{}", made["id"]), format!("/registries/{}", made["id"]));
    until(&it, &admin, &api, |it| it["images"] == 1 && it["state"] == "connected");
    let one = |who: &As, more: &str| page(&it, who, &format!("{place}{more}"));
    let facts =
        ["&#60;b&#62;here", "Harbor", "certificate not verified", "77", "connected", "team/app"];
    let admins = ["edit-registry", "remove-registry", "/hook", "name=\"settings.tls.pem\""];
    let operators = [format!("POST {api}/synchronise"), format!("POST {api}/test")];
    let operators: Vec<&str> = operators.iter().map(String::as_str).collect();
    check(&one(&admin, ""), &[&facts[..], &admins, &operators].concat(), &["<b>here"]);
    check(&one(&operator, ""), &[&facts[..], &operators].concat(), &admins);
    check(&one(&viewer, ""), &facts, &[&admins[..], &operators].concat());
    check(&one(&viewer, "?text=app"), &["repository="], &[]);
    check(
        &one(&viewer, "?text=%3Cb%3E"),
        &["No repository matches", "&#60;b&#62;"],
        &["repository="],
    );
    check(&one(&admin, ""), &["There is none yet"], &[]);
    let hook = it.done(&admin, "POST", &format!("{api}/hook"), None);
    check(&one(&admin, ""), &["A secret was made"], &[hook["authorization"].as_str().unwrap()]);
    // What was given to log in with is nowhere.
    check(&one(&admin, ""), &["Keep what was entered"], &["hush"]);
    let list = |who: &As| page(&it, who, "/registries");
    check(
        &list(&admin),
        &["certificate not verified", "data-open=\"remove-registry\""],
        &["<b>here"],
    );
    check(&list(&operator), &[operators[0]], &["remove-registry", "add-registry", "add-account"]);
    check(&list(&viewer), &[place.as_str()], &[operators[0]]);
    it.done(&admin, "DELETE", &api, None);
    check(&one(&admin, ""), &["registry removed"], &[&admins[..], &operators].concat());
    check(&list(&admin), &["No registry yet"], &[place.as_str()]);
    it.center.stop();
}

#[test]
fn instances_of_an_account_offer_no_removal_and_say_why() {
    let (it, cloud) = (ready(), Acr::start());
    cloud.instance("cri-one", "cn-hangzhou");
    let admin = it.log_in("admin");
    let viewer = it.somebody(&admin, "viewer");
    it.center.run(Role::All).unwrap();
    let login = json!({"kind": "key", "id": "testid", "secret": "testsecret"});
    let settings = json!({"regions": ["cn-hangzhou"], "api": cloud.host()});
    let given = json!({"name": "<b>cloud</b>", "settings": settings, "login": login});
    let account = it.done(&admin, "POST", "/api/v1/accounts", Some(&given))["id"].clone();
    let found = until(&it, &admin, REGISTRIES, |it| it[0]["instance"] == "cri-one");
    let place = format!("/registries/{}", found[0]["id"]);
    let account = format!("/accounts/{account}");
    let why = "None can be removed alone";
    let instance = page(&it, &admin, &place);
    check(
        &instance,
        &[why, &account, "cn-hangzhou", "cri-one"],
        &["remove-registry", "edit-registry"],
    );
    let list = page(&it, &admin, "/registries");
    check(
        &list,
        &[&account, &place, "&#60;b&#62;cloud"],
        &["data-open=\"remove-registry\"", "<b>cloud"],
    );
    let of_account = page(&it, &admin, &account);
    check(
        &of_account,
        &[why, &place, "remove-account", "instances go with it"],
        &["testsecret", "<b>"],
    );
    let seen = page(&it, &viewer, &account);
    check(&seen, &[&place], &["remove-account", "edit-account", "/test"]);
    it.center.stop();
}

#[test]
fn the_settings_say_what_happens_next() {
    let it = ready();
    let admin = it.log_in("admin");
    let (operator, viewer) = (it.somebody(&admin, "operator"), it.somebody(&admin, "viewer"));
    let scan = |who: &As| page(&it, who, "/settings");
    let stopped = ["The cycle is stopped", "are not scanned by themselves"];
    let (forms, quotas) =
        (["PUT /api/v1/settings/scan", "data-version=\"&#34;0&#34;\""], ["PUT /api/v1/quota"]);
    check(&scan(&admin), &[&stopped[..], &forms, &quotas].concat(), &[]);
    check(&scan(&operator), &[&stopped[..], &forms].concat(), &quotas);
    check(&scan(&viewer), &[&stopped[..], &["<fieldset disabled>"]].concat(), &quotas);
    let window = json!({"from_minute": 65, "to_minute": 200, "offset_minutes": 345});
    let cycle = json!({"kind": "custom", "hours": 36, "window": window});
    let settings = json!({"cycle": cycle, "on_change": true});
    it.done(&operator, "PUT", "/api/v1/settings/scan", Some(&settings));
    it.done(&admin, "PUT", "/api/v1/quota", Some(&json!({"total": 40})));
    let chosen = ["value=\"36\"", "value=\"01:05\"", "\"345\" selected"];
    let next = ["Everything in scope is scanned again", "as soon as they are seen", "max=\"40\""];
    check(&scan(&viewer), &[&chosen[..], &next].concat(), &stopped);
    check(&scan(&operator), &["data-version=\"&#34;1&#34;\""], &[]);
    // The window opens at 19:20 by UTC.
    check(&scan(&viewer), &["2023-11-15 19:20 UTC"], &["quota is used up"]);
    it.done(&admin, "PUT", "/api/v1/quota", Some(&json!({"total": 0})));
    check(&scan(&viewer), &["The quota is used up"], &[]);
    check(&page(&it, &viewer, "/settings/quota"), &["Nothing of the quota"], &[]);
}

#[test]
fn the_scope_is_chosen_in_a_tree_of_which_only_what_is_open_comes() {
    let (it, harbor) = (ready(), harbor());
    harbor.put("team/web", "v1", &some_image("two"));
    let admin = it.log_in("admin");
    let (operator, viewer) = (it.somebody(&admin, "operator"), it.somebody(&admin, "viewer"));
    it.center.run(Role::All).unwrap();
    let made = it.done(&admin, "POST", REGISTRIES, Some(&given(&harbor)));
    let id = &made["id"];
    until(&it, &admin, &format!("{REGISTRIES}/{id}"), |it| it["images"] == 2);
    let task = it.done(&operator, "POST", "/api/v1/tasks", Some(&json!({})))["id"].clone();
    until(&it, &admin, &format!("/api/v1/tasks/{task}"), |it| !it["ended_at"].is_null());
    let paid = some_image("one").manifest.digest.to_string();
    check(&page(&it, &viewer, "/settings/quota"), &[&paid, &format!("/tasks/{task}")], &[]);
    let tree = |who: &As, more: &str| page(&it, who, &format!("/settings/scope{more}"));
    let node = |node: &str| format!("data-node=\"{node}\" data-registry=\"{id}\"");
    let (all, team, app, web) = (node("*"), node("team/*"), node("team/app"), node("team/web"));
    check(
        &tree(&viewer, ""),
        &[&all, "2 repositories"],
        &[&team, &app, "id=\"add-rule\"", "class=\"first\""],
    );
    let open = tree(&operator, &format!("?registry={id}"));
    check(&open, &[&all, &team, "id=\"add-rule\"", &format!("id=\"in-{id}\"")], &[&app]);
    let inner = format!("?registry={id}&namespace=team");
    check(&tree(&operator, &inner), &[&team, &app, &web, &format!("id=\"in-{id}-team\"")], &[]);
    check(&tree(&operator, "?text=app"), &[&app], &[&team, &web]);
    check(&tree(&operator, "?text=%3Cb%3E"), &["No repository matches", "&#60;b&#62;"], &["<b>"]);
    // What the tree says is what the rules say.
    let rule = |include: bool, repository: &str| json!({"include": include, "registry": id, "repository": repository});
    let rules = json!([rule(true, "team/*"), rule(false, "team/web"), rule(false, "<b>")]);
    let settings = json!({"scope": {"rules": rules, "tags": "v*", "newest": 3, "later": false}});
    let held = it.done(&viewer, "POST", "/api/v1/settings/scan/preview", Some(&settings));
    assert_eq!((&held["images"], &held["known"]), (&json!(1), &json!(1)), "{held}");
    it.done(&operator, "PUT", "/api/v1/settings/scan", Some(&settings));
    let ticked = |it: &str| format!("{it} checked");
    let [all_ticked, web_ticked] = [ticked(&all), ticked(&web)];
    let chosen =
        [ticked(&team), ticked(&app), "value=\"team/web\"".to_owned(), "&#60;b&#62;".to_owned()];
    let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
    check(&tree(&operator, &inner), &chosen, &[&all_ticked, &web_ticked, "value=\"<b>\""]);
    // A rule about a registry that is gone stays one.
    it.done(&admin, "DELETE", &format!("{REGISTRIES}/{id}"), None);
    check(&tree(&operator, ""), &[&format!("<option value=\"{id}\" selected>#{id}")], &[&all]);
    assert_eq!(it.refused(&viewer, "PUT", "/api/v1/settings/scan", Some(&settings)).0, 403);
    it.center.stop();
}

#[test]
fn people_and_tokens_have_pages() {
    let it = ready();
    let admin = it.log_in("admin");
    let viewer = it.somebody(&admin, "viewer");
    let somebody =
        json!({"name": "<b>eve</b>", "role": "operator", "password": crate::kit::PASSWORD});
    let made = it.done(&admin, "POST", "/api/v1/people", Some(&somebody));
    let people = |who: &As| page(&it, who, "/settings/people");
    let forms = ["add-person", "change-person", "end-sessions", "block-person", "remove-person"];
    let eve = ["&#60;b&#62;eve", "Operator", "may log in", "data-role=\"operator\""];
    check(&people(&admin), &[&forms[..], &eve].concat(), &["<b>eve"]);
    let block = json!({"disabled": true});
    it.done(&admin, "PATCH", &format!("/api/v1/people/{}", made["id"]), Some(&block));
    check(&people(&admin), &["blocked", "aria-label=\"Unblock: &#60;b"], &[]);
    assert_eq!(it.ask(&viewer, "GET", "/settings/people", None).status, 403);
    // One's own tokens, and only as much as one may oneself.
    let tokens = |who: &As, more: &str| page(&it, who, &format!("/settings/tokens{more}"));
    let (admins, operators) = ("value=\"admin\"", "value=\"operator\"");
    check(
        &tokens(&viewer, ""),
        &["There is no token", "value=\"viewer\""],
        &[admins, operators, "?all=true"],
    );
    let until = "2023-11-15T00:00:00Z";
    let token = json!({"name": "<b>ci</b>", "role": "viewer", "until": until});
    let secret = it.done(&viewer, "POST", "/api/v1/tokens", Some(&token))["secret"].clone();
    let secret = secret.as_str().unwrap();
    let shown = ["&#60;b&#62;ci", "2023-11-15 00:00", "data-open=\"remove-token\""];
    check(&tokens(&viewer, ""), &shown, &["<b>ci", secret, "expired"]);
    check(&tokens(&admin, ""), &["There is no token", admins, "?all=true"], &["&#62;ci"]);
    check(&tokens(&admin, "?all=true"), &[&shown[..], &[">viewer<"]].concat(), &["<b>ci", secret]);
    assert_eq!(it.ask(&viewer, "GET", "/settings/tokens?all=true", None).status, 403);
    it.pass(2 * 86_400_000);
    let admin = it.log_in("admin");
    check(&tokens(&admin, "?all=true"), &["expired"], &[]);
    let viewer = it.log_in("viewer");
    check(
        &page(&it, &viewer, "/settings/password"),
        &["PUT /api/v1/session/password"],
        &["OpenID"],
    );
    check(
        &page(&it, &viewer, "/settings"),
        &["/settings/tokens"],
        &["/settings/people", "/settings/audit"],
    );
}

#[test]
fn the_audit_log_says_what_is_different() {
    let (it, harbor) = (ready(), harbor());
    let admin = it.log_in("admin");
    let operator = it.somebody(&admin, "operator");
    let given = given(&harbor);
    let made = it.done(&admin, "POST", REGISTRIES, Some(&given));
    let mut other = given.clone();
    other["name"] = json!("<b>there</b>");
    it.done(&admin, "PUT", &format!("{REGISTRIES}/{}", made["id"]), Some(&other));
    it.done(&operator, "PUT", "/api/v1/settings/scan", Some(&json!({"on_change": true})));
    let log = |more: &str| page(&it, &admin, &format!("/settings/audit{more}"));
    let renamed =
        ["<del>here</del>", "<ins>&#60;b&#62;there", "Change a registry", "changeRegistry"];
    let chosen = ["<del>false</del>", "<ins>true</ins>", "on_change"];
    check(
        &log(""),
        &[&renamed[..], &chosen].concat(),
        &["<b>there", "hush", "Nothing was changed"],
    );
    check(&log("?person=operator"), &chosen, &["<ins>&#60;b&#62;there"]);
    check(&log("?action=changeRegistry&person=&object="), &renamed, &["on_change"]);
    check(&log(&format!("?object=registry/{}", made["id"])), &renamed, &["on_change"]);
    check(&log("?since=2023-11-14&until=2023-11-14"), &renamed, &[]);
    for none in ["?since=2023-11-15", "?until=2023-11-13", "?person=%3Cb%3E"] {
        check(&log(none), &["Nothing was changed"], &["<del>", "<b>"]);
    }
    assert_eq!(it.ask(&admin, "GET", "/settings/audit?since=yesterday", None).status, 422);
    assert_eq!(it.ask(&operator, "GET", "/settings/audit", None).status, 403);
    let chinese = it.ask_with(&admin, "GET", "/settings/audit", None, &[("accept-language", "zh")]);
    check(&String::from_utf8(chinese.body).unwrap(), &["修改镜像仓库", "changeRegistry"], &[]);
}

#[test]
fn the_advisories_say_how_old_they_are_and_what_becomes_of_an_update() {
    let it = ready();
    let admin = it.log_in("admin");
    let (operator, viewer) = (it.somebody(&admin, "operator"), it.somebody(&admin, "viewer"));
    let shown = |who: &As| page(&it, who, "/settings/advisories");
    let update = "POST /api/v1/advisories/update";
    check(
        &shown(&operator),
        &["Only the starter set", "Nothing has been fetched", update],
        &["data-busy"],
    );
    check(&shown(&viewer), &["Only the starter set"], &[update]);
    it.done(&operator, "POST", "/api/v1/advisories/update", None);
    check(&shown(&viewer), &["The update begins in a moment", "data-busy"], &["Nothing has been"]);
}
