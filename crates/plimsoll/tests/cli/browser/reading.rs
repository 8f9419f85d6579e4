//! Without scripts one comes in, and reads and filters everything.
use super::Desk;
use serde_json::json;
use testkit::browser::keys;

pub(super) fn all(desk: &Desk) {
    let browser = &desk.browser;
    browser.size(1440, 900);
    browser.forget();
    browser.scripts(false);
    desk.log_in("ada");
    for (path, field, text, words, without) in [
        ("/", "text", "2024-6119", "CVE-2024-6119", "CVE-2023-5678"),
        ("/images", "text", "shop", "team/shop", "team/app"),
    ] {
        desk.open(path);
        desk.shows("#list a.row", without);
        browser.write(&format!("#main [name={field}]"), text);
        browser.press(keys::ENTER);
        desk.lacks("#list a.row", without);
        desk.shows("#list a.row", words);
    }
    browser.click("#list a.row", "team/shop");
    for tab in ["Components", "Layers", "Fix plan", "Timeline"] {
        browser.click("#main .tabs a", tab);
        browser.until("return document.querySelector('.tabs [aria-current]').innerText.startsWith(arguments[0])", &[json!(tab)]);
    }
    desk.open("/tasks");
    browser.click("#list a.row", "1");
    desk.shows("#list td", "team/");
    let ran = browser.run("return typeof csrf", &[]);
    assert_eq!(ran, "undefined", "the console's script ran");
    browser.scripts(true);
    desk.quiet(&[]);
}
