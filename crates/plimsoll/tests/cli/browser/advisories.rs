//! Newer advisories: fetched from a mirror, and brought in as a file.
use super::Desk;
use crate::db::osv;
use serde_json::Value;
use std::fs;
use testkit::http::{Reply, Server};

/// What the mirror has; of the other feeds it has nothing.
const KEV: &str = "/www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";

/// When the database was made, as the page says it.
const MADE: &str = "return document.querySelector('#advisories .facts-list time').innerText";

/// A mirror of the feeds, as one without internet has it.
pub(super) fn mirror() -> Server {
    Server::start(|request| match request.target.as_str() {
        KEV => Reply::new(200, r#"{"vulnerabilities":[{"cveID":"CVE-2023-5678"}]}"#)
            .header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        _ => Reply::new(404, ""),
    })
}

pub(super) fn all(desk: &Desk) {
    update(desk);
    import(desk);
}

/// One click, and what the mirror has is in use.
fn update(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/settings/advisories");
    desk.shows("#advisories", "starter set");
    browser.click("#advisories button", "Update now");
    desk.shows("#advisories", "Last fetched");
    desk.shows("#feeds td", "2026-01-01");
    let seen = desk.mirror.seen();
    assert!(seen.iter().any(|it| it.target == KEV), "{seen:?}");
    // What it says follows by itself.
    desk.open("/risks/CVE-2023-5678");
    desk.shows("#main", "known exploited");
    desk.quiet(&[]);
}

/// A file that another machine exported; those that are no good leave everything as it is.
fn import(desk: &Desk) {
    let browser = &desk.browser;
    let newer = bundle(desk, "newer", "2099-01-01", &[]);
    let older = bundle(desk, "older", "2025-01-01", &["--without", "debian-changelogs"]);
    let bytes = fs::read(&newer).unwrap();
    let damaged = desk.bench.file("damaged", &bytes[..bytes.len() - 1]);
    let foreign = desk.bench.file("foreign", "{}");
    desk.open("/settings/advisories");
    let before = browser.until(MADE, &[]);
    for (file, words) in [
        (&foreign, "not an advisory database"),
        (&damaged, "is damaged"),
        (&older, "before the database in use"),
    ] {
        browser.upload("form[data-file] [type=file]", file);
        browser.click("form[data-file] button", "Import");
        desk.shows("form[data-file] .error", words);
        assert_eq!(browser.run(MADE, &[]), before);
    }
    desk.quiet(&["status of 422", "status of 409"]);
    browser.upload("form[data-file] [type=file]", &newer);
    browser.click("form[data-file] button", "Import");
    desk.shows("form[data-file] output", "In use now");
    browser.until(&format!("{MADE} !== arguments[0]"), &[before]);
    let made = browser.run(MADE, &[]);
    desk.shows("form[data-file] output", made.as_str().unwrap());
    // What is found with it follows by itself.
    let found = || desk.done("GET", "risks?text=CVE-2099-0007", &Value::Null);
    desk.until("a risk that only the new one knows", || found()["items"][0].is_object());
    desk.open("/settings/audit");
    desk.shows("#list tr", "advisories");
    desk.quiet(&[]);
}

/// What `db export` writes on another machine, with one more advisory that was changed on this day.
fn bundle(desk: &Desk, name: &str, day: &str, more: &[&str]) -> String {
    let record = osv("DEBIAN-CVE-2099-0007", "openssl", "9:1").replace("2026-01-01", day);
    desk.bench.file(&format!("{name}/osv/one.json"), record);
    let (data, file) = (desk.bench.path(&format!("{name}-data")), format!("{name}.plimsoll"));
    let import = [&["db", "import", name], more].concat();
    for arguments in [&import[..], &["db", "export", &file]] {
        let mut command = desk.bench.command(arguments);
        let ran = command.env("PLIMSOLL_DATA_DIR", &data).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    desk.bench.path(&file).to_str().unwrap().to_owned()
}
