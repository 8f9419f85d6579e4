//! Registries and accounts: added when the test of the connection says that it works, looked at, and removed.
use super::Desk;

pub(super) fn all(desk: &Desk) {
    registry(desk);
    harbor(desk);
    account(desk);
    removal(desk);
}

/// What is wrong with a registry is said in words before it is added; then it is read, and says so by itself.
fn registry(desk: &Desk) {
    let browser = &desk.browser;
    browser.click(".tabs a", "Registries");
    desk.shows(".empty", "");
    browser.click("button", "Add registry");
    browser.choose("dialog[open] [name=kind]", "Docker registry");
    browser.write("dialog[open] [name=name]", "the docks");
    browser.write("dialog[open] [name=address]", "http://127.0.0.1:1");
    let test = || browser.click("dialog[open] button", "Test connection");
    test();
    desk.shows("dialog[open] output", "refused");
    browser.write("dialog[open] [name=address]", &format!("http://{}", desk.registry.host()));
    browser.choose("dialog[open] [name='login.kind']", "password");
    browser.write("dialog[open] [name='login.user']", "user");
    browser.write("dialog[open] [name='login.password']", "wrong");
    test();
    desk.shows("dialog[open] output", "password");
    browser.write("dialog[open] [name='login.password']", "hush");
    test();
    desk.shows("dialog[open] output", "It works");
    browser.click("dialog[open] button", "Save");
    desk.arrives("/registries/1");
    desk.shows("#registry", "connected");
    desk.shows("#repositories-list", "team/shop");
    desk.quiet(&[]);
}

/// A Harbor tells of what changes when it has got a secret for it, which is shown once.
fn harbor(desk: &Desk) {
    let browser = &desk.browser;
    browser.click(".up a", "Registries");
    browser.click("button", "Add registry");
    browser.choose("dialog[open] [name=kind]", "Harbor");
    browser.write("dialog[open] [name=name]", "harbour");
    browser.write("dialog[open] [name=address]", &format!("http://{}", desk.harbor.host()));
    browser.choose("dialog[open] [name='login.kind']", "password");
    browser.write("dialog[open] [name='login.user']", "admin");
    browser.write("dialog[open] [name='login.password']", "hush");
    browser.click("dialog[open] button", "Save");
    desk.arrives("/registries/2");
    desk.shows("#registry", "connected");
    browser.click("#hook button", "");
    browser
        .until("return document.querySelector('#hook-authorization')?.innerText.length > 20", &[]);
    browser.click("dialog[open] button", "Close");
    browser.until("return document.querySelector('#hook-authorization').textContent === ''", &[]);
    desk.quiet(&[]);
}

/// The instances of an account come by themselves, and none of them can be removed alone.
fn account(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/registries");
    browser.click("button", "Add Alibaba Cloud account");
    browser.write("dialog[open] [name=name]", "cloud");
    browser.write("dialog[open] [name='login.id']", "testid");
    browser.write("dialog[open] [name='login.secret']", "wrong");
    browser.write("dialog[open] [name='settings.regions']", "cn-hangzhou");
    browser.write("dialog[open] [name='settings.api']", &desk.cloud.host());
    browser.click("dialog[open] button", "Test connection");
    desk.shows("dialog[open] output", "key");
    browser.write("dialog[open] [name='login.secret']", "testsecret");
    browser.click("dialog[open] button", "Test connection");
    desk.shows("dialog[open] output", "It works");
    browser.click("dialog[open] button", "Save");
    desk.arrives("/accounts/1");
    desk.shows("#main a", "cri-one");
    browser.click("#main a", "cri-one");
    desk.shows("#connection", "None can be removed alone");
    desk.lacks("#registry button", "Remove");
    desk.quiet(&[]);
}

/// Removing asks before, names what it is about, and can be left alone.
fn removal(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/registries");
    browser.click("button", "Add registry");
    browser.write("dialog[open] [name=name]", "short-lived");
    browser.write("dialog[open] [name=address]", "http://127.0.0.1:1");
    browser.click("dialog[open] button", "Save");
    desk.shows("h1", "short-lived");
    desk.shows("#registry", "refused");
    for (button, words) in [("Cancel", "short-lived"), ("Remove", "")] {
        browser.click("#registry button", "Remove");
        desk.shows("dialog[open] h2", "short-lived");
        browser.click("dialog[open] .do button", button);
        desk.shows("h1", words);
    }
    desk.arrives("/registries");
    desk.shows("#list tr", "the docks");
    desk.lacks("#list tr", "short-lived");
    desk.quiet(&[]);
}
