//! What strangers try: names that would be markup, and pages of their own.
use super::{Desk, USER};
use crate::images::{OLD, debian, of};
use serde_json::{Value, json};
use testkit::{
    http::{Reply, Server},
    image::{Blob, BuiltImage, CONFIG},
    real,
    tar::{dir, file},
};

/// Would run a script, and load what is not there, wherever it is taken for markup or for the end of an attribute.
const NAME: &str = "\"'><img src=/struck onerror=window.struck=1><script>window.struck=1</script>";

/// Puts it everywhere where others choose the words. Whether that stays text is looked at on every page.
pub(super) fn names(desk: &Desk) {
    let status = debian(OLD).pop().unwrap();
    let folders = ["etc", "var", "var/lib", "var/lib/dpkg"].map(dir);
    let release =
        format!("ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"The {}\"\n", NAME.replace('"', "\\\""));
    let package = format!(
        "Package: {NAME}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1{NAME}\nDescription: {NAME}\n\n"
    );
    let mut entries = folders.to_vec();
    entries.extend([file("etc/os-release", release), status]);
    entries.extend([
        dir("var/lib/dpkg/status.d"),
        file(&format!("var/lib/dpkg/status.d/{}", NAME.replace('/', "-")), package),
    ]);
    let image = told(&of(&[entries]));
    real::push(desk.registry.host(), "team/strange", "v1", &image, USER);
    desk.open("/");
    desk.done("POST", "registries/1/synchronise", &Value::Null);
    let digest = image.manifest.digest.as_str();
    desk.until("known", || desk.api("GET", &format!("images/{digest}"), &Value::Null).0 == 200);
    desk.quiet(&["/api/v1/images/sha256"]);
    let task = desk.done("POST", "tasks", &json!({"digests": [digest]}));
    let task = format!("tasks/{}", task["id"]);
    desk.until("scanned", || !desk.done("GET", &task, &Value::Null)["ended_at"].is_null());
    let body = json!({"kind": "harbor", "name": NAME, "address": "http://127.0.0.1:1"});
    desk.done("POST", "registries", &body);
    let body = json!({"risk": NAME, "place": "everything", "kind": "accepted", "reason": NAME});
    desk.done("POST", "exceptions", &body);
    let body = json!({"name": NAME, "role": "viewer", "password": crate::center::PASSWORD});
    desk.done("POST", "people", &body);
    for (path, css) in [
        ("registries", "#list td"),
        (&format!("images/{digest}"), "#main dd"),
        (&format!("images/{digest}/components"), "#main td"),
        (&format!("images/{digest}/layers"), "#main code"),
        ("settings/exceptions", "#list td"),
    ] {
        desk.open(&format!("/{path}"));
        desk.shows(css, "onerror=window.struck=1><script>");
    }
    desk.quiet(&[]);
}

/// The same image, whose history was written by a stranger.
fn told(image: &BuiltImage) -> BuiltImage {
    let mut config: Value = serde_json::from_slice(&image.blobs[0].bytes).unwrap();
    config["history"] = json!([{"created_by": NAME, "comment": NAME}]);
    let config = Blob::new(CONFIG, config.to_string());
    let mut manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
    manifest["config"] = config.descriptor();
    let manifest = Blob::new(&image.manifest.media_type, manifest.to_string());
    let blobs = [&[config], image.layers()].concat();
    BuiltImage { manifest, blobs, ..image.clone() }
}

/// Another site, at another port, that the person visits while logged in.
pub(super) fn sites(desk: &Desk) {
    let browser = &desk.browser;
    let origin = desk.origin.clone();
    let evil = Server::start(move |request| {
        let page = match request.target.as_str() {
            "/form" => format!(
                "<form method=post enctype=text/plain action={origin}/api/v1/tokens><input name='{{\"name\":\"x\",\"role\":\"admin\",\"y\":\"' value='\"}}'>\
                 <button>win</button></form>"
            ),
            "/entry" => format!(
                "<form method=post action={origin}/login><input name=name value=eve><input name=password value='a long enough password'><button>win</button></form>"
            ),
            "/frame" => format!(
                "<iframe src={origin}/settings></iframe><iframe src={origin}/login></iframe>"
            ),
            _ => "<p>nothing</p>".to_owned(),
        };
        Reply::new(200, page).header("content-type", "text/html")
    });
    // The same site by another port, and another site altogether: browsers tell these apart.
    let port = evil.host().rsplit(':').next().unwrap().to_owned();
    for host in [evil.host(), format!("localhost:{port}")] {
        desk.log_in("ada");
        let kept = || {
            desk.open("/");
            ["tokens", "people", "registries", "tasks", "exceptions"]
                .map(|it| desk.done("GET", it, &Value::Null))
        };
        let before = kept();
        desk.quiet(&[]);
        forms(desk, &host);
        scripts(desk, &host);
        frames(desk, &host);
        // Whatever these did is in the log of the browser; what counts is that nothing changed.
        browser.log();
        assert_eq!(kept(), before, "{host} changed something");
        let session = desk.done("GET", "session", &Value::Null);
        assert_eq!(session["name"], "ada");
    }
}

/// Forms are sent with cookies where the site is the same.
fn forms(desk: &Desk, host: &str) {
    for (path, where_to) in [("form", "/api/v1/tokens"), ("entry", "/login")] {
        desk.browser.go(&format!("http://{host}/{path}"));
        desk.browser.click("button", "win");
        let to = format!("{}{where_to}", desk.origin);
        desk.browser.until(
            "return location.href === arguments[0] && document.readyState === 'complete'",
            &[json!(to)],
        );
        desk.shows("body", "");
    }
}

/// Scripts of another site neither change nor read anything.
fn scripts(desk: &Desk, host: &str) {
    const SCRIPT: &str = "const [to, method, mode] = arguments; \
         const body = method === 'GET' ? undefined : JSON.stringify({ name: 'x', role: 'admin', reason: 'x', risk: 'x', place: 'everything', kind: 'accepted' }); \
         const headers = mode === 'no-cors' ? {} : { 'content-type': 'application/json', 'x-requested-with': 'x' }; \
         try { const it = await fetch(to, { method, mode, headers, credentials: 'include', body }); return [it.status, await it.text()]; } catch { return null; }";
    desk.browser.go(&format!("http://{host}/"));
    for (method, target) in [
        ("POST", "tokens"),
        ("POST", "tasks"),
        ("POST", "exceptions"),
        ("DELETE", "registries/1"),
        ("DELETE", "session"),
        ("GET", "registries"),
    ] {
        for mode in ["cors", "no-cors"] {
            // Where the method needs it, the browser refuses to send it at all.
            if mode == "no-cors" && method == "DELETE" {
                continue;
            }
            let target = format!("{}/api/v1/{target}", desk.origin);
            let seen = desk.browser.run_async(SCRIPT, &[json!(target), json!(method), json!(mode)]);
            let read = seen.is_null() || seen == json!([0, ""]);
            assert!(read, "{method} {target} {mode} was read: {seen}");
        }
    }
}

/// No page of ours shows within another one.
fn frames(desk: &Desk, host: &str) {
    desk.browser.go(&format!("http://{host}/frame"));
    let blocked = |it: &Value| it["message"].as_str().unwrap().contains("frame-ancestors");
    let count = || desk.browser.log().iter().filter(|it| blocked(it)).count();
    let mut seen = 0;
    desk.until("both frames blocked", || {
        seen += count();
        seen >= 2
    });
}
