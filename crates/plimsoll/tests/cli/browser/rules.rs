//! Malicious files: what is found in an image, what it is found by, and what is all right where it is.
use super::{Desk, USER};
use crate::images::of;
use serde_json::{Value, json};
use std::fs;
use testkit::{
    real,
    tar::{Entry, file},
};

/// A page that somebody could leave behind: it ends before it does anything. Put together here, so that no scanner takes
/// this file for one.
fn web_shell() -> Entry {
    let text = format!("<?php exit;\n@ev{}(base64_decode($_PO{}['c']));\n", "al", "ST");
    file("srv/uploads/7.php", text)
}

/// The page of that file.
pub(super) fn page(desk: &Desk) -> String {
    let risks = desk.done("GET", "risks?category=malware", &Value::Null);
    format!("/risks/{}", risks["items"][0]["name"].as_str().unwrap().replace(':', "%3A"))
}

pub(super) fn all(desk: &Desk) {
    arrives(desk);
    sample(desk);
    bundles(desk);
    custom(desk);
}

/// An image with such a file is pushed and scanned.
fn arrives(desk: &Desk) {
    real::push(desk.registry.host(), "team/blog", "latest", &of(&[vec![web_shell()]]), USER);
    let all = desk.done("GET", "registries", &Value::Null);
    let here = |it: &&Value| it["kind"] == "oci";
    let id = all.as_array().unwrap().iter().find(here).unwrap()["id"].clone();
    desk.done("POST", &format!("registries/{id}/synchronise"), &json!({}));
    let found = || desk.done("GET", "images?text=team/blog", &Value::Null)["items"][0].clone();
    desk.until("the image", || found().is_object());
    desk.done("POST", "tasks", &json!({"places": [{"repository": "team/blog"}]}));
    desk.until("scanned", || found()["state"] == "scanned");
    let risks = || desk.done("GET", "risks?category=malware", &Value::Null);
    desk.until("the risk", || risks()["items"][0]["images"] == 1);
}

/// A web shell is a risk with its evidence; what is said to be all right is handled for this reason, until that ends.
fn sample(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/malware");
    browser.click("#list a.row", "Web shell");
    desk.shows("#evidence li", "reaches");
    browser.click("button", "Malicious files at this path");
    let filled = "return ['rule', 'path', 'risk'].map((it) => document.querySelector(`#new-exception [name=${it}]`).value)";
    assert_eq!(browser.run(filled, &[]), json!(["*", "srv/uploads/7.php", ""]));
    browser.write("#new-exception [name=reason]", "our honeypot");
    browser.click("#new-exception .do button.first", "");
    desk.shows("#handled", "our honeypot");
    desk.open("/settings/exceptions");
    desk.shows("#list tr", "malicious files srv/uploads/7.php");
    browser.click("#list [data-open=end-exception]", "");
    browser.click("dialog[open] button.first", "");
    desk.lacks("#list tr", "our honeypot");
    desk.open(&page(desk));
    desk.lacks("#main", "our honeypot");
    desk.quiet(&[]);
}

/// A bundle is taken once its key is trusted, and one can go back from it.
fn bundles(desk: &Desk) {
    let browser = &desk.browser;
    let rule = "rule red_team { meta: threat = \"backdoor\" family = \"\" confidence = 95 what = \"x\" strings: $ = \"red-team-marker\" condition: all of them }";
    desk.bench.file("made/rules/own/a.yar", rule);
    let run = |arguments: &[&str]| {
        let ran = desk.bench.command(arguments).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    run(&["db", "malware", "keygen", "site.key"]);
    let build =
        ["db", "malware", "build", "--from", "made", "--sign", "site.key", "--out", "a.bundle"];
    run(&[&build[..], &["--publisher", "Example security"]].concat());
    let bundle = desk.bench.path("a.bundle").to_str().unwrap().to_owned();
    let foreign = desk.bench.file("no.bundle", "{}");
    desk.open("/settings/rules");
    for (file, words) in [(&foreign, "it is no bundle"), (&bundle, "is not trusted here")] {
        browser.upload("form[data-file] [type=file]", file);
        browser.click("form[data-file] button", "Import");
        desk.shows("form[data-file] .error", words);
    }
    desk.quiet(&["status of 422"]);
    browser.click("[data-open=trust]", "");
    browser
        .write("#trust [name=pem]", &fs::read_to_string(desk.bench.path("site.key.pub")).unwrap());
    browser.click("#trust button.first", "");
    desk.shows("#keys li", "ada");
    browser.upload("form[data-file] [type=file]", &bundle);
    browser.click("form[data-file] button", "Import");
    desk.shows("form[data-file] output", "In use now: Example security");
    desk.shows("#rules", "Example security");
    browser.click("[data-open=roll-back]", "");
    desk.shows("dialog[open]", "No bundle from before it is kept");
    browser.click("dialog[open] button.first", "");
    desk.shows("#rules", "None: only what is built in");
    // The next ones look at pages with one.
    browser.upload("form[data-file] [type=file]", &bundle);
    browser.click("form[data-file] button", "Import");
    desk.shows("#rules", "Example security");
    desk.quiet(&[]);
}

/// Rules that can't be used say where, and are not kept as used; what can be is turned on and off.
fn custom(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/settings/rules");
    browser.click("a.button", "Add rules");
    browser.write("[name=name]", "Our markers");
    browser.write("[name=text]", "rule marker {\n  condition:\n    $a\n}");
    browser.click("button", "Check");
    desk.shows("output", "line 3, column 5: unknown variable $a");
    browser.click("button.first", "Save");
    desk.shows(".error[role=alert]", "line 3, column 5: unknown variable $a");
    desk.quiet(&["status of 422"]);
    browser.write(
        "[name=text]",
        "rule marker {\n  strings:\n    $a = \"our-marker\"\n  condition:\n    $a\n}",
    );
    browser.click("button", "Check");
    desk.shows("output", "Can be used.");
    browser.click("button.first", "Save");
    desk.arrives("/settings/rules");
    browser.click("#custom button", "Turn off");
    desk.shows("#custom td.state", "off");
    browser.click("#custom a.row", "Our markers");
    desk.shows(".problems li", "meta has no threat that we know");
    browser.click("[name=enabled]", "");
    browser.click("button.first", "Save");
    desk.arrives("/settings/rules");
    desk.shows("#custom td.state", "on");
    desk.open("/settings/audit");
    desk.shows("#list tr", "rules/custom/");
    desk.quiet(&[]);
}
