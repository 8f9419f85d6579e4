//! Everything can be done without a mouse.
use super::Desk;
use serde_json::json;
use std::collections::BTreeSet;
use testkit::browser::keys;

/// What has the focus: its place among all that may have it, and whether one can see that.
const FOCUS: &str = "const it = document.activeElement; \
     if (it === document.body) return null; \
     const box = it.getBoundingClientRect(); \
     const seen = getComputedStyle(it).outlineStyle !== 'none' && box.right > 0 && box.bottom > 0 && box.top < innerHeight; \
     return [[...document.querySelectorAll('*')].indexOf(it), seen, it.outerHTML.slice(0, 200)]";
/// All that one may click on or fill in, in the order of the page. Of tabs that are a group of one name only one.
const ALL: &str = "const all = [...document.querySelectorAll('*')]; \
     const may = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]'; \
     return all.filter((it) => it.matches(may) && !it.disabled && it.checkVisibility({ visibilityProperty: true })).map((it) => all.indexOf(it))";

pub(super) fn all(desk: &Desk) {
    desk.browser.size(1440, 900);
    for path in ["/", "/registries", "/images", "/tasks", "/settings"] {
        reaches(desk, path);
    }
    shortcuts(desk);
    dialogs(desk);
    desk.quiet(&[]);
}

/// Tab comes by everything, in the order of the page, and shows where it is.
fn reaches(desk: &Desk, path: &str) {
    let browser = &desk.browser;
    desk.open(path);
    let wanted = browser.run(ALL, &[]);
    let wanted: Vec<u64> =
        wanted.as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    browser.run("document.activeElement.blur()", &[]);
    let mut seen = Vec::new();
    for _ in 0..wanted.len() {
        browser.press(keys::TAB);
        let focus = browser.run(FOCUS, &[]);
        assert!(focus[1] == true, "{path}: the focus cannot be seen: {focus}");
        seen.push(focus[0].as_u64().unwrap());
    }
    assert!(wanted.len() > 8, "{path}: {wanted:?}");
    assert_eq!(seen, wanted, "{path}");
}

fn shortcuts(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/images");
    // The first of all leads past the side bar.
    browser.press(keys::TAB);
    browser.press(keys::ENTER);
    browser.until("return document.activeElement.id === 'main'", &[]);
    browser.press("/");
    browser.until("return document.activeElement.matches('input[type=search]')", &[]);
    browser.press("/");
    browser.until("return document.activeElement.value === '/'", &[]);
}

/// The focus goes into a dialog, stays there, and comes back when it closes.
fn dialogs(desk: &Desk) {
    let browser = &desk.browser;
    desk.open("/registries");
    for dialog in ["scan-now", "add-registry"] {
        browser.run(
            "document.querySelector(`[data-open='${arguments[0]}']`).focus()",
            &[json!(dialog)],
        );
        browser.press(keys::ENTER);
        browser.until(
            "return document.activeElement.closest('dialog')?.id === arguments[0]",
            &[json!(dialog)],
        );
        let mut places = BTreeSet::new();
        for _ in 0..12 {
            browser.press(keys::TAB);
            let within = browser.run("return document.activeElement === document.body || !!document.activeElement.closest('dialog')", &[]);
            assert_eq!(within, true, "{dialog}");
            places.insert(browser.run(FOCUS, &[])[0].as_u64());
        }
        assert!(places.len() > 4, "{dialog}: {places:?}");
        browser.press(keys::ESCAPE);
        browser.until("return document.activeElement.dataset.open === arguments[0] && !document.querySelector('dialog[open]')", &[json!(dialog)]);
    }
}
