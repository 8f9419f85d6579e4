//! Every page that a link leads to: readable by everybody and on every screen, quick, and with nothing on it that is not ours.
use super::{Desk, rules};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    env, fs,
    path::Path,
};
use testkit::browser::keys;

/// What of WCAG 2.2 A and AA axe-core finds, with where.
const AXE: &str = "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']; \
     const runOnly = arguments[1].length ? { type: 'rule', values: arguments[1] } : { type: 'tag', values: tags }; \
     const found = await axe.run(arguments[0], { runOnly, resultTypes: ['violations'] }); \
     const where = (node) => node.html + ' ' + [...node.any, ...node.all].map((why) => why.message).join('; '); \
     return found.violations.map((it) => `${it.id}: ${it.help}:\\n  ` + it.nodes.map(where).join('\\n  '))";
/// The rules that are about words.
const NAMES: &[&str] = &[
    "aria-command-name",
    "aria-input-field-name",
    "button-name",
    "document-title",
    "html-has-lang",
    "html-lang-valid",
    "image-alt",
    "input-button-name",
    "label",
    "link-name",
    "select-name",
    "svg-img-alt",
    "target-size",
    "valid-lang",
];
/// Milliseconds to the first content, and bytes with everything that the page loads.
const FIGURES: &str = "const paint = await new Promise((done) => new PerformanceObserver((list) => \
     list.getEntriesByName('first-contentful-paint').forEach(done)).observe({ type: 'paint', buffered: true })); \
     const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
     return [paint.startTime, all.reduce((sum, it) => sum + Math.max(it.transferSize, it.encodedBodySize), 0)]";
/// The addresses that a page leads to.
const LINKS: &str = "return [...document.querySelectorAll('a[href]')].filter((it) => it.origin === location.origin && \
     !it.hasAttribute('download')).map((it) => it.pathname + it.search)";

/// What is in the table too, but no page, or none that a link leads to.
const OTHERS: [&str; 6] =
    ["/login", "/language", "/theme", "/favicon.ico", "/console.css", "/console.js"];

pub(super) fn all(desk: &Desk) {
    let (dialogs, complaints) = (BTreeSet::new(), Vec::new());
    let mut critic = Critic { desk, axe: axe(), path: String::new(), dialogs, complaints };
    let pages = critic.crawl();
    let sample = rules::page(desk);
    critic.look(&sample);
    critic.doors();
    desk.open("/language?to=zh-CN&back=/");
    pages.values().chain([&sample]).for_each(|it| critic.glance(it));
    desk.open("/language?to=en&back=/");
    assert!(critic.complaints.is_empty(), "{}", critic.complaints.join("\n"));
}

/// Whether a path is one of this row of the table.
fn is(path: &str, row: &str) -> bool {
    let (mut path, mut row) = (path.split('/'), row.split('/'));
    loop {
        match (path.next(), row.next()) {
            (None, None) => return true,
            (Some(part), Some(name))
                if part == name || name.starts_with('{') && !part.is_empty() => {}
            _ => return false,
        }
    }
}

/// Somebody who looks at one page after the other, and writes down what is wrong.
struct Critic<'a> {
    desk: &'a Desk,
    axe: Option<String>,
    path: String,
    /// Those that were looked at.
    dialogs: BTreeSet<String>,
    complaints: Vec<String>,
}

impl Critic<'_> {
    /// Looks at one of each page that links lead to from the first one. Their addresses, by the paths in the table.
    fn crawl(&mut self) -> BTreeMap<&'static str, String> {
        let table: Vec<_> = server::pages().into_iter().map(|it| it.0).collect();
        let mut found = BTreeMap::new();
        let mut next = VecDeque::from(["/".to_owned()]);
        while let Some(target) = next.pop_front() {
            let path = target.split('?').next().unwrap();
            let row = table.iter().find(|it| is(path, it)).copied();
            assert!(row.is_some() || path.starts_with("/api/"), "{target} is no page");
            let Some(row) = row.filter(|it| !OTHERS.contains(it) && !found.contains_key(it)) else {
                continue;
            };
            self.look(&target);
            found.insert(row, target);
            let links = self.desk.browser.run(LINKS, &[]);
            next.extend(links.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()));
        }
        // What no link leads to, nobody finds.
        let lost = table.iter().filter(|it| !found.contains_key(*it) && !OTHERS.contains(it));
        assert_eq!(lost.collect::<Vec<_>>(), [&""; 0]);
        found
    }

    /// What is before all pages, and beside them.
    fn doors(&mut self) {
        self.look("/nothing/is/here");
        let cookies = self.desk.browser.cookies();
        self.desk.browser.forget();
        self.look("/login");
        cookies.iter().for_each(|it| self.desk.browser.set_cookie(it));
    }

    fn look(&mut self, path: &str) {
        let browser = &self.desk.browser;
        self.path = path.to_owned();
        browser.size(1440, 900);
        self.quick();
        self.ours();
        self.readable("wide", "html");
        browser.dark(true);
        self.rules("wide, dark", "html", &["color-contrast"]);
        self.picture("wide, dark");
        let script = "return [...new Set([...document.querySelectorAll('[data-open]')].map((it) => it.dataset.open))]";
        let dialogs = browser.run(script, &[]);
        for dialog in dialogs.as_array().unwrap().iter().map(|it| it.as_str().unwrap()) {
            // Some are on several pages.
            if self.dialogs.insert(dialog.to_owned()) {
                self.opened(dialog);
            }
        }
        browser.dark(false);
        for width in [1440, 1024, 768, 390] {
            browser.size(width, 844);
            self.fits(&format!("{width} wide"), width);
        }
        self.readable("narrow", "html");
        let missing = if path.starts_with("/nothing/") { &["status of 404"][..] } else { &[] };
        self.desk.quiet(missing);
    }

    /// A dialog is as readable as its page, and narrow enough for a phone.
    fn opened(&mut self, dialog: &str) {
        let browser = &self.desk.browser;
        let part = format!("[id='{dialog}']");
        browser.click(&format!("[data-open='{dialog}']"), "");
        self.rules(&format!("{dialog}, dark"), &part, &["color-contrast"]);
        browser.dark(false);
        self.readable(dialog, &part);
        browser.size(390, 844);
        self.fits(&format!("{dialog}, narrow"), 390);
        self.picture(&format!("{dialog}, narrow"));
        browser.press(keys::ESCAPE);
        browser.size(1440, 900);
        browser.dark(true);
    }

    /// In another language only words are others, and these are longer or shorter.
    fn glance(&mut self, path: &str) {
        self.path = path.to_owned();
        self.desk.open(path);
        self.fits("in Chinese", 390);
        self.rules("in Chinese", "html", NAMES);
        self.desk.quiet(&[]);
    }

    fn complain(&mut self, how: &str, why: impl std::fmt::Display) {
        self.complaints.push(format!("{}, {how}: {why}", self.path));
    }

    fn readable(&mut self, how: &str, part: &str) {
        self.rules(how, part, &[]);
        self.picture(how);
    }

    /// Keeps a picture in the folder that `PLIMSOLL_TEST_PICTURES` names, if it names one.
    fn picture(&self, how: &str) {
        let Some(folder) = env::var_os("PLIMSOLL_TEST_PICTURES") else { return };
        let name = format!("{} {how}.png", self.path.trim_matches('/').replace('/', " "));
        fs::write(Path::new(&folder).join(name), self.desk.browser.picture()).unwrap();
    }

    /// What axe-core can find of WCAG holds for a part of the page, or what it finds by some rules.
    fn rules(&mut self, how: &str, part: &str, only: &[&str]) {
        let Some(axe) = &self.axe else { return };
        if self.desk.browser.run("return !window.axe", &[]) == true {
            self.desk.browser.run(axe, &[]);
        }
        let found = self.desk.browser.run_async(AXE, &[json!(part), json!(only)]);
        for it in found.as_array().unwrap() {
            self.complain(how, it.as_str().unwrap());
        }
    }

    /// Nothing is wider than the window.
    fn fits(&mut self, how: &str, width: u32) {
        const SCRIPT: &str = "const root = document.documentElement; \
             if (root.scrollWidth <= arguments[0]) return null; \
             const wide = (it) => it.getBoundingClientRect().right > arguments[0] + 1; \
             const inner = [...document.querySelectorAll('body *')].filter((it) => wide(it) && ![...it.children].some(wide)); \
             return `${root.scrollWidth}: ` + inner.slice(0, 5).map((it) => it.outerHTML.slice(0, 100)).join('; ')";
        let wide = self.desk.browser.run(SCRIPT, &[json!(width)]);
        if let Some(it) = wide.as_str() {
            self.complain(how, it);
        }
    }

    /// Quick and small. A busy machine may be slow once or twice.
    fn quick(&mut self) {
        let measured = || {
            self.desk.open(&self.path);
            let it = self.desk.browser.run_async(FIGURES, &[]);
            (it[0].as_f64().unwrap(), it[1].as_f64().unwrap())
        };
        let mut best = measured();
        for _ in 0..2 {
            if best.0 >= 300.0 {
                let again = measured();
                best = (best.0.min(again.0), again.1);
            }
        }
        let figures = format!("first content after {:.0} ms, {:.1} KB", best.0, best.1 / 1000.0);
        eprintln!("{}: {figures}", self.path);
        if best.0 >= 300.0 || best.1 >= 150_000.0 {
            self.complain("wide", figures);
        }
    }

    /// What strangers named so that it might become markup has not.
    fn ours(&mut self) {
        const SCRIPT: &str = "return [window.struck ?? null, document.querySelectorAll('[src*=struck], [onerror]').length]";
        let found = self.desk.browser.run(SCRIPT, &[]);
        if found != json!([Value::Null, 0]) {
            self.complain("wide", found);
        }
    }
}

/// axe-core, where `npm` has put it. `None`, said aloud, where it has not; with `PLIMSOLL_TEST_ALL=1` that is a failure.
fn axe() -> Option<String> {
    let place =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("../npm/node_modules/axe-core/axe.min.js");
    let found = fs::read_to_string(place).ok();
    if found.is_none() {
        assert!(env::var_os("PLIMSOLL_TEST_ALL").is_none(), "axe-core is not in target/npm");
        eprintln!("skipped: axe-core is not in target/npm, where .ci/run puts it");
    }
    found
}
