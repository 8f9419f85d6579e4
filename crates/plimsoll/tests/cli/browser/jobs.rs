//! The jobs of the console, done by clicking.
use super::{Desk, USER};
use crate::{
    center::PASSWORD,
    images::{OLD, debian, of},
};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{http::Wire, real, registry::What, tar::file};

pub(super) fn all(desk: &Desk) {
    scan(desk);
    risks(desk);
    images(desk);
    settings(desk);
    scope(desk);
    quota(desk);
    trouble(desk);
    silence(desk);
    language(desk);
}

/// A server that cannot be reached is told in words, and the page stays as it is.
fn silence(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/images");
    let offline = |is: bool| {
        let how =
            json!({"offline": is, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        browser.tell("Network.emulateNetworkConditions", &how);
    };
    browser.tell("Network.enable", &json!({}));
    offline(true);
    browser.click("#list [data-api]", "");
    desk.shows("#wrong", "The server does not answer");
    offline(false);
    browser.click("#list [data-api]", "");
    browser.until("return location.pathname.startsWith('/tasks/')", &[]);
    desk.quiet(&["ERR_INTERNET_DISCONNECTED"]);
}

/// Nobody is there yet: the first page leads to where the first administrator is made.
pub(super) fn start(desk: &Desk) {
    let browser = &desk.browser;
    browser.size(1440, 900);
    desk.open("/");
    desk.arrives("/login?target=%2F");
    browser.write("[name=token]", "not the token");
    browser.write("[name=name]", "ada");
    browser.write("[name=password]", PASSWORD);
    browser.click("main button", "");
    desk.shows(".error", "token");
    desk.quiet(&["/setup - Failed to load resource: the server responded with a status of 403"]);
    browser.write("[name=token]", &desk.setup_token);
    browser.write("[name=password]", PASSWORD);
    browser.click("main button", "");
    desk.arrives("/");
    desk.shows(".who", "ada");
    desk.quiet(&[]);
}

/// Everything is scanned; what that means is said before, and how far it is while it goes on.
fn scan(desk: &Desk) {
    let browser = &desk.browser;
    let slow = of(&[debian(OLD), vec![file("srv/slow", vec![7; 4000])]]);
    let last = slow.layers()[1].clone();
    // About a second, whatever gzip makes of it.
    let pause = Duration::from_secs(1) / u32::try_from(last.bytes.len()).unwrap();
    desk.harbor.put("team/slow", "v1", &slow);
    desk.harbor.fail(last.digest.as_str(), 1, What::Wire(Wire::Slow(pause)));
    desk.done("POST", "registries/2/synchronise", &Value::Null);
    desk.until("four images", || {
        desk.done("GET", "images", &Value::Null)["items"].as_array().unwrap().len() == 4
    });
    desk.open("/");
    browser.click("button", "Scan now");
    desk.shows("dialog[open] output", "4 images");
    browser.write("dialog[open] [name=tags]", "v2");
    desk.shows("dialog[open] output", "1 images");
    browser.write("dialog[open] [name=tags]", " ");
    desk.shows("dialog[open] output", "4 images");
    browser.write("dialog[open] [name=repository]", "team/sl*");
    desk.shows("dialog[open] output", "1 images");
    browser.choose("dialog[open] [name=registry]", "the docks");
    desk.shows("dialog[open] output", "0 images");
    browser.choose("dialog[open] [name=registry]", "any");
    browser.write("dialog[open] [name=repository]", " ");
    desk.shows("dialog[open] output", "4 images");
    browser.click("dialog[open] button", "OK");
    desk.arrives("/tasks/1");
    browser.run(
        "const seen = window.seen = new Set(); const look = () => seen.add(document.querySelector('#task progress').value); \
         look(); new MutationObserver(look).observe(document.getElementById('main'), { childList: true, subtree: true })",
        &[],
    );
    desk.shows("#task dd", "4 / 4");
    // It was not loaded again, and said more than the beginning and the end.
    let seen = browser.run("return [...window.seen]", &[]);
    assert!(seen.as_array().unwrap().len() > 1, "{seen}");
    desk.quiet(&[]);
}

/// From the list of risks to why one matched, and to the images that have it.
fn risks(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/");
    desk.shows("#list a.row", "CVE-2024-6119");
    browser.write("#main [name=text]", "2023-5678");
    desk.asks("text", "2023-5678");
    desk.lacks("#list a.row", "CVE-2024-6119");
    browser.choose("#main [name=level]", "low");
    desk.asks("level", "low");
    browser.write("#main [name=text]", "nothing has this name");
    desk.shows("#list .empty", "");
    desk.open("/?text=CVE-2024-6119");
    let kept = browser.run("return document.querySelector('#main [name=text]').value", &[]);
    assert_eq!(kept, "CVE-2024-6119");
    desk.lacks("#list a.row", "CVE-2023-5678");
    browser.click("#list a.row", "CVE-2024-6119");
    desk.arrives("/risks/CVE-2024-6119");
    for words in ["openssl", "3.0.14-1~deb12u2", OLD] {
        desk.shows("#main .card", words);
    }
    browser.click("#main a.row", "team/slow");
    desk.shows("h1", "team/slow");
    browser.click(".side a", "Image Security");
    browser.click(".tabs a", "Application");
    desk.arrives("/application");
    desk.quiet(&[]);
}

/// An image is found by what is in it, and says everything that is known of it.
fn images(desk: &Desk) {
    let browser = &desk.browser;
    browser.click(".side a", "Images");
    desk.shows("#list tr", "team/shop");
    browser.write("#main [name=component]", "openssl");
    browser.write("#main [name=below]", "3.5");
    desk.asks("below", "3.5");
    desk.lacks("#list tr", "v2");
    browser.write("#main [name=text]", "shop");
    desk.lacks("#list tr", "team/app");
    const FILE: &str = "return (await fetch(document.querySelector('.files a').href)).text()";
    let file = browser.run_async(FILE, &[]);
    let rows = file.as_str().unwrap();
    assert!(rows.contains("team/shop") && !rows.contains("team/app"), "{rows}");
    browser.click("#list a.row", "team/shop");
    desk.shows("#main", "The debian 12");
    desk.shows("#main td", "CVE-2023-5363");
    for (tab, words) in [
        ("Components", "libssl3"),
        ("Layers", "layer 1"),
        ("Fix plan", "apt-get"),
        ("Timeline", "Scanned"),
        ("System vulnerabilities", "CVE-2023-5363"),
    ] {
        browser.click("#main .tabs a", tab);
        browser.until("return document.querySelector('.tabs [aria-current]').innerText.startsWith(arguments[0])", &[json!(tab)]);
        desk.shows("#main", words);
    }
    for (name, words) in [("CycloneDX", "bomFormat"), ("SPDX", "SPDXRef-DOCUMENT")] {
        const SCRIPT: &str = "const link = [...document.querySelectorAll('a[download]')].find((it) => it.innerText.includes(arguments[0])); \
             return (await fetch(link.href)).text()";
        let bill = browser.run_async(SCRIPT, &[json!(name)]);
        assert!(bill.as_str().unwrap().contains(words), "{name}: {bill}");
    }
    browser.click("button", "scan again");
    desk.arrives("/tasks/2");
    desk.shows("#task dd", "1 / 1");
    desk.quiet(&[]);
}

/// The cycle is kept, and a changed image is scanned.
fn settings(desk: &Desk) {
    let browser = &desk.browser;
    browser.click(".side a", "Settings");
    browser.choose("#scan-form [name='cycle.kind']", "every week");
    browser.click("#scan-form [name=on_change]", "");
    browser.click("#scan-form button", "Save");
    desk.shows("#scan-form .done", "Saved");
    desk.open("/settings");
    let kept = browser.run("return document.querySelector(\"[name='cycle.kind']\").value", &[]);
    assert_eq!(kept, "week");
    let changed = of(&[debian(OLD), vec![file("srv/changed", "changed")]]);
    real::push(desk.registry.host(), "team/app", "v1", &changed, USER);
    desk.done("POST", "registries/1/synchronise", &Value::Null);
    desk.open("/tasks");
    desk.shows("#list tr", "change");
    browser.click("#list a.row", "change");
    desk.shows("#task dd", "1 / 1");
    desk.quiet(&[]);
}

/// What is protected is ticked in a tree; what that comes to is said before it is saved.
fn scope(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/settings");
    browser.click("#main a.button", "Manage");
    desk.arrives("/settings/scope");
    const SAID: &str = "return parseInt(document.querySelector('#scope-form output').innerText)";
    let all = browser.until(SAID, &[]).as_u64().unwrap();
    for (images, ticked) in [(all - 1, false), (all, true)] {
        // Harbor has one image.
        browser.click("#tree [data-registry='2']", "");
        browser.until(&format!("{SAID} === arguments[0]"), &[json!(images)]);
        browser.click("#scope-form button.first", "");
        desk.shows("#scope-form .done", "Saved");
        desk.open("/settings/scope");
        let kept =
            "return document.querySelector(\"#tree [data-registry='2']\").checked === arguments[0]";
        browser.until(kept, &[json!(ticked)]);
    }
    desk.quiet(&[]);
}

/// When the quota is used up, what is left over waits until there is more of it.
fn quota(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/settings");
    browser.write("#quota-form [name=total]", "5");
    browser.click("#quota-form button", "");
    desk.shows("#quota-used", "/ 5");
    real::push(
        desk.registry.host(),
        "team/one-more",
        "v1",
        &of(&[debian("3.0.13-1~deb12u1")]),
        USER,
    );
    desk.done("POST", "registries/1/synchronise", &Value::Null);
    desk.open("/tasks");
    desk.shows("#list tr", "quota exhausted");
    browser.click("#list tr:first-child a.row", "");
    desk.shows("#list td", "quota");
    desk.open("/settings");
    browser.write("#quota-form [name=total]", "100");
    browser.click("#quota-form button", "");
    desk.shows("#quota-used", "/ 100");
    desk.open("/tasks");
    browser.click("#list tr:first-child a.row", "");
    // It goes on by itself.
    desk.shows("#task dd", "1 / 1");
    desk.quiet(&[]);
}

/// What fails says why and can be tried again; what takes too long can be cancelled.
fn trouble(desk: &Desk) {
    let browser = &desk.browser;
    let image = of(&[debian(OLD), vec![file("srv/broken", "broken")]]);
    let last = image.layers()[1].digest.to_string();
    desk.harbor.fail(&last, 1000, What::Body(b"something else".to_vec()));
    desk.harbor.put("team/broken", "v1", &image);
    desk.done("POST", "registries/2/synchronise", &Value::Null);
    desk.open("/tasks");
    desk.shows("#list tr:first-child", "Failed");
    browser.click("#list tr:first-child a.row", "");
    desk.shows("#list td", "but the manifest says");
    desk.harbor.heal();
    browser.click("#task button", "Retry failed");
    desk.shows("#task dd", "1 / 1");
    desk.harbor.fail(&last, 1000, What::Wire(Wire::Hang(3)));
    desk.open("/images?text=team/broken");
    browser.click("#list a.row", "team/broken");
    browser.click("button", "scan again");
    browser.click("#task button", "Cancel");
    browser.click("dialog[open] button.first", "");
    desk.shows("#list td", "cancelled");
    desk.harbor.heal();
    desk.quiet(&[]);
}

/// The other language stays, and the first one comes back.
fn language(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/images?text=team");
    browser.click(".who a", "中文");
    desk.shows("h1", "镜像");
    desk.arrives("/images?text=team");
    browser.click(".side a", "任务");
    desk.shows("h1", "任务");
    // What only the server can say, too: why a connection does not work, and why something is refused.
    desk.open("/registries/2");
    browser.click("button", "编辑");
    browser.write("dialog[open] [name=address]", "http://127.0.0.1:1");
    browser.choose("dialog[open] [name='login.kind']", "匿名");
    browser.click("dialog[open] button", "测试连接");
    desk.shows("dialog[open] output", "请检查端口");
    browser.write("dialog[open] [name=address]", "a b");
    browser.click("dialog[open] button", "保存");
    desk.shows("dialog[open] .error", "设置有误");
    desk.quiet(&["status of 422"]);
    desk.open("/tasks");
    browser.click(".who a", "English");
    desk.shows("h1", "Tasks");
    desk.quiet(&[]);
}
