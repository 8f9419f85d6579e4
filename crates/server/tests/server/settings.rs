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
