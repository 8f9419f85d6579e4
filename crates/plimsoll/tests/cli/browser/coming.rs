//! Who comes in, what they are let do, and that a session is nobody else's.
use super::Desk;
use crate::center::PASSWORD;
use serde_json::{Value, json};

pub(super) fn all(desk: &Desk) {
    people(desk);
    tokens(desk);
    password(desk);
    sessions(desk);
}

/// A person is added, sees what a viewer may and nothing else, and is kept out.
fn people(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/settings/people");
    browser.click("button", "Add");
    browser.write("dialog[open] [name=name]", "vera");
    browser.write("dialog[open] [name=password]", "short");
    browser.click("dialog[open] button.first", "");
    browser.until(
        "return document.querySelector('dialog[open] [name=password]').matches(':invalid')",
        &[],
    );
    browser.write("dialog[open] [name=password]", PASSWORD);
    browser.click("dialog[open] button.first", "");
    desk.shows("#list tr", "vera");
    desk.leave();
    desk.log_in("vera");
    desk.lacks("button", "Scan now");
    desk.open("/settings/people");
    desk.shows("h1", "did not work");
    desk.quiet(&["status of 403"]);
    desk.leave();
    desk.log_in("ada");
    desk.open("/settings/people");
    browser.click("#list [aria-label$=': vera'][data-open=block-person]", "");
    desk.shows("dialog[open]", "vera");
    browser.click("dialog[open] button.first", "");
    browser.click("#list form button", "");
    browser.click("#list [aria-label$=': vera'][data-open=remove-person]", "");
    browser.click("dialog[open] button.first", "");
    desk.lacks("#list tr", "vera");
    desk.quiet(&[]);
}

/// A token is shown once, works, and does no more when it is removed.
fn tokens(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/settings/tokens");
    browser.click("button", "token");
    browser.write("dialog[open] [name=name]", "the pipeline");
    browser.click("dialog[open] button.first", "");
    let secret = browser
        .until("return document.querySelector('#token-made[open] #token-secret')?.innerText", &[]);
    let host = desk.origin.strip_prefix("http://").unwrap();
    let works = || {
        let bearer = format!("Bearer {}", secret.as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        testkit::http::ask(host, "GET", "/api/v1/images", &headers, b"").unwrap().status
    };
    assert_eq!(works(), 200);
    browser.click("#token-made button.first", "");
    browser.until("return document.querySelector('#token-secret').textContent === ''", &[]);
    browser.click("#list [data-open=remove-token]", "");
    desk.shows("dialog[open]", "the pipeline");
    browser.click("dialog[open] button.first", "");
    desk.lacks("#list tr", "the pipeline");
    assert_eq!(works(), 401);
    desk.quiet(&[]);
}

/// Somebody changes the own password, and stays.
fn password(desk: &Desk) {
    let browser = &desk.browser;
    let change = |old: &str, new: &str| {
        desk.open("/settings/password");
        browser.write("#main [name=old]", old);
        browser.write("#main [name=new]", new);
        browser.click("#main form button", "");
    };
    change("not the password", "another long password");
    desk.shows("#main .error", "");
    desk.quiet(&["status of 401"]);
    let before = desk.session();
    change(PASSWORD, "another long password");
    browser.until("return document.querySelector('#main [data-done]')?.textContent || location.pathname !== '/settings/password'", &[]);
    assert_ne!(desk.session(), before, "the session is the one of before");
    change("another long password", PASSWORD);
    browser.until("return document.querySelector('#main [data-done]')?.textContent || location.pathname !== '/settings/password'", &[]);
    desk.open("/");
    desk.shows(".who", "ada");
    desk.quiet(&[]);
}

/// A session is neither the one that an attacker planted, nor of use to who has taken its cookie, once it has ended.
fn sessions(desk: &Desk) {
    let browser = &desk.browser;
    desk.leave();
    let planted = json!({"name": "plimsoll", "value": "planted", "path": "/"});
    browser.set_cookie(&planted);
    desk.log_in("ada");
    let session = desk.session();
    assert_ne!(session["value"], "planted");
    assert_eq!((&session["httpOnly"], &session["sameSite"]), (&json!(true), &json!("Lax")));
    assert_eq!(browser.run("return document.cookie.includes('plimsoll=')", &[]), false);
    desk.leave();
    browser.set_cookie(&json!({"name": "plimsoll", "value": session["value"], "path": "/"}));
    desk.open("/images");
    desk.arrives("/login?target=%2Fimages");
    browser.forget();
    desk.log_in("ada");
    desk.quiet(&[]);
}

impl Desk {
    /// Logs out by the button for it.
    fn leave(&self) {
        self.open("/tasks");
        self.browser.click(".who button", "Log out");
        self.arrives("/login");
    }

    /// The cookie of the session.
    fn session(&self) -> Value {
        let cookies = self.browser.cookies();
        let mut sessions = cookies.into_iter().filter(|it| it["name"] == "plimsoll");
        let session = sessions.next().unwrap();
        assert_eq!(sessions.next(), None, "there is a second one");
        session
    }
}
