//! What malicious files are found by: the rules of the program, the bundle in use, and one's own.
use crate::{
    Problem,
    call::Call,
    console::{Frame, Html, html, show, words::Words},
    routes::rules,
    views::{Bundle, Custom, CustomKind, CustomText, Rules, Time},
};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/rules.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    it: Rules,
    custom: Vec<Custom>,
}

impl Page {
    /// How many rules come with the program.
    fn built_in(&self) -> usize {
        self.it.built_in.sets.iter().fold(0, |sum, it| sum.saturating_add(it.rules))
    }

    /// The bundle that going back leads to.
    fn before(&self) -> Option<&Bundle> {
        let now = self.it.bundle.as_ref()?;
        self.it.kept.iter().find(|it| it.epoch < now.epoch)
    }
}

#[derive(Template)]
#[template(path = "settings/custom.html")]
struct Text {
    frame: Frame,
    tab: &'static str,
    it: CustomText,
    /// What `If-Match` wants; empty where there is nothing yet.
    version: String,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/rules");
    let (it, custom) = (rules::show(call, ())?.0, rules::list(call, ())?.0);
    html(&Page { frame, tab, it, custom })
}

/// A text, to be read or changed.
pub(in crate::console) fn text(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/rules");
    let found = rules::one(call, ())?;
    let version = crate::reply::Versioned::<()>::tag(found.1);
    html(&Text { frame, tab, it: found.0, version })
}

/// A text that is not there yet.
pub(in crate::console) fn new(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/rules");
    let custom = Custom {
        id: 0,
        name: String::new(),
        kind: CustomKind::Rules,
        entries: 0,
        enabled: true,
        monitor: false,
        person: String::new(),
        created_at: Time(0),
        changed_by: String::new(),
        changed_at: Time(0),
        sha256: String::new(),
    };
    let it = CustomText { custom, text: String::new(), problems: Vec::new() };
    html(&Text { frame, tab, it, version: String::new() })
}

fn kind(it: &CustomKind, w: &'static Words) -> &'static str {
    match it {
        CustomKind::Rules => w.yara_rules,
        CustomKind::BadHashes => w.bad_digests,
        CustomKind::GoodHashes => w.good_digests,
    }
}
