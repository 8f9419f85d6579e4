//! What is done about risks: rules that handle them, documents that do, comparing images, telling people.
use super::Desk;
use serde_json::{Value, json};
use testkit::{
    browser::keys,
    http::{Reply, Server},
};

pub(super) fn all(desk: &Desk) {
    exceptions(desk);
    documents(desk);
    compare(desk);
    components(desk);
    notifications(desk);
}

/// A rule takes a risk off the list, keeps it in sight with its reason, and gives it back when it ends.
fn exceptions(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/risks/CVE-2023-5363");
    browser.click(".head button", "exception");
    browser.until(
        "return document.querySelector('#new-exception [name=risk]').value === 'CVE-2023-5363'",
        &[],
    );
    browser.write("#new-exception [name=package]", "openssl");
    browser.click("#new-exception .do button.first", "");
    // A reason has to be given.
    browser.until(
        "return document.querySelector('#new-exception [name=reason]').matches(':invalid')",
        &[],
    );
    browser.write("#new-exception [name=reason]", "the port is closed");
    browser.click("#new-exception .do button.first", "");
    browser.until("return !document.querySelector('dialog[open]')", &[]);
    desk.open("/images?text=team/shop");
    browser.click("#list a.row", "team/shop");
    browser.choose("#main [name=state]", "handled");
    desk.asks("state", "handled");
    desk.shows("#list td", "the port is closed (ada");
    desk.open("/settings/exceptions");
    desk.shows("#list tr", "the port is closed");
    browser.click("#list button", "End it");
    desk.shows("dialog[open]", "CVE-2023-5363");
    browser.click("dialog[open] button", "End it");
    desk.lacks("#list tr", "the port is closed");
    desk.open("/?text=CVE-2023-5363");
    desk.shows("#list a.row", "CVE-2023-5363");
    desk.quiet(&[]);
}

/// A VEX document is taken, and what it says is a rule.
fn documents(desk: &Desk) {
    let browser = &desk.browser;
    let product = json!({"@id": "pkg:deb/debian/openssl?distro=debian-12"});
    let statement = json!({"vulnerability": {"name": "CVE-2023-5678"}, "products": [product], "status": "not_affected",
        "justification": "vulnerable_code_not_present"});
    let document = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/vex-1", "author": "a",
        "timestamp": "2024-01-01T00:00:00Z", "version": 1, "statements": [statement]});
    let file = desk.bench.file("vex.json", document.to_string());
    desk.open("/settings/exceptions");
    browser.click("button", "Import VEX");
    browser.upload("dialog[open] [type=file]", &file);
    browser.click("dialog[open] button", "Import");
    browser.until("return document.querySelector('dialog[open] output').innerText", &[]);
    browser.click("dialog[open] button", "Close");
    desk.shows("#list tr", "CVE-2023-5678");
    desk.quiet(&[]);
}

/// Two images side by side.
fn compare(desk: &Desk) {
    let browser = &desk.browser;
    let digest = |name: &str| {
        let found = desk.done("GET", &format!("images?text={name}&tag=v2"), &Value::Null);
        found["items"][0]["digest"].as_str().unwrap().to_owned()
    };
    let mended = digest("team/app");
    desk.open("/images?text=team/shop");
    browser.click("#list a.row", "team/shop");
    browser.click("#main .tabs a", "Compare");
    browser.write("#main input[name=with]", &mended);
    browser.press(keys::ENTER);
    desk.asks("with", &mended);
    browser.click(".parts a", "Findings lost");
    desk.shows("#main td", "CVE-2023-5363");
    desk.quiet(&[]);
}

/// Which images have a component, in which version.
fn components(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/images");
    browser.click(".head a", "");
    browser.write("#main [name=name]", "openssl");
    desk.asks("name", "openssl");
    desk.shows("#list td", "team/shop");
    browser.write("#main [name=below]", "3.0.1");
    desk.asks("below", "3.0.1");
    desk.lacks("#list td", "team/shop");
    desk.quiet(&[]);
}

/// A channel is added, shows its secret once, and a test of it arrives.
fn notifications(desk: &Desk) {
    let browser = &desk.browser;
    let receiver = Server::start(|_| Reply::new(200, ""));
    desk.open("/settings/notifications");
    browser.click("button.first", "");
    browser.write("dialog[open] [name=name]", "the bell");
    browser.write("dialog[open] [name=url]", &format!("http://{}/bell", receiver.host()));
    browser.click("dialog[open] [name=inside]", "");
    browser.click("dialog[open] button.first", "");
    desk.shows("#made-channel[open]", "shown this once");
    browser.until(
        "return document.querySelector('#made-channel [data-value=secret]').innerText.length > 20",
        &[],
    );
    browser.click("#made-channel button", "");
    desk.shows("#list tr", "the bell");
    browser.click("#list button", "Change");
    browser.click("dialog[open] button", "Send a test");
    desk.shows("dialog[open] output", "It arrived");
    assert_eq!(receiver.count("/bell"), 1);
    browser.press(keys::ESCAPE);
    browser.click("#list button", "Remove");
    desk.shows("dialog[open]", "the bell");
    browser.click("dialog[open] button.first", "");
    desk.shows("#list .empty", "");
    desk.quiet(&[]);
}
