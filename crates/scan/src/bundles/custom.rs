//! Rules and lists of a center's own: what is wrong with them, and the bundle that all of them make.
use super::{
    BundleError, Content, Part, pack,
    probe::{self, Harmless},
    sha256,
};
use malware::{RULE_SETS, bundle};
use std::collections::BTreeSet;
use store::{
    Tx, bundles,
    custom::{Custom, Kind, New},
};

/// The most bytes of one text, and of all that are used: more are for a bundle.
pub const TEXT_BYTES: usize = 1 << 20;
/// The same of all that are used.
pub const ALL_BYTES: usize = 8 << 20;
/// The most texts.
pub const TEXTS: usize = 200;

/// Something that is wrong with a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remark {
    /// The line, from 1; none: it is about the text as a whole.
    pub line: Option<u32>,
    /// The place in the line, from 1, where that is known.
    pub column: Option<u32>,
    /// The rule that it is about; empty: none.
    pub rule: String,
    /// What is wrong, in words.
    pub what: String,
    /// Whether the text can't be used because of it.
    pub stops: bool,
}

/// How many rules or digests are in a text, and what is wrong with it. No rule may have the name of one of `others`
/// that are used, or of one that comes with the program. Rules are tried on what is `harmless`.
pub fn examine(
    kind: Kind,
    text: &str,
    others: &[Custom],
    harmless: &[Harmless],
) -> (u64, Vec<Remark>) {
    let used = others.iter().filter(|it| it.new.enabled && it.new.kind == Kind::Rules);
    let mut taken: BTreeSet<String> =
        RULE_SETS.iter().flat_map(|it| malware::identifiers(&it.source())).collect();
    taken.extend(used.flat_map(|it| malware::identifiers(&it.new.text)));
    let checked = bundle::check(kind_of(kind), text.as_bytes(), &mut taken.clone());
    let mut all = Vec::new();
    if let Err(why) = &checked {
        all.extend(placed(why));
    }
    if kind == Kind::Rules {
        // What the compiler says has been said above, with its place.
        let said = !all.is_empty();
        let mut problems = malware::lint(text, &taken);
        problems.retain(|it| !(said && it.stops && it.rule.is_empty()));
        all.extend(problems.into_iter().map(|it| Remark {
            line: it.at.map(|at| place(text, at).0),
            column: it.at.map(|at| place(text, at).1),
            rule: it.rule,
            what: it.what,
            stops: it.stops,
        }));
    } else if all.is_empty() {
        all.extend(checked.as_ref().err().map(whole));
    }
    if checked == Ok(0) {
        all.push(whole("there is nothing in it"));
    }
    if kind == Kind::Rules && !all.iter().any(|it| it.stops) {
        all.extend(probe::remarks(text, harmless));
    }
    all.sort_by_key(|it| !it.stops);
    (checked.unwrap_or_default(), all)
}

/// The bundle of all that are used; none when none is. The same texts make the same, so that nothing is inspected again.
pub fn make<'a>(all: impl Iterator<Item = &'a New>) -> Result<Option<Vec<u8>>, BundleError> {
    let mut used: Vec<&New> = all.filter(|it| it.enabled).collect();
    if used.is_empty() {
        return Ok(None);
    }
    used.sort_by(|a, b| (&a.text, a.monitor).cmp(&(&b.text, b.monitor)));
    let part = |(number, it): (usize, &&New)| Part {
        path: format!("custom/{number}"),
        kind: kind_of(it.kind),
        forms: Vec::new(),
        monitor: it.monitor,
        content: it.text.clone().into_bytes(),
    };
    let parts = used.iter().enumerate().map(part).collect();
    pack(&Content { parts, ..Content::default() }, None).map(Some)
}

/// Puts a bundle to use that [`make`] made.
pub fn put(tx: &mut Tx<'_>, own: Option<&[u8]>, at: i64) -> store::Result<()> {
    let sha256 = own.map(sha256).unwrap_or_default();
    bundles::put_own(tx, own.map(|bytes| (sha256.as_str(), bytes)), at)
}

fn kind_of(it: Kind) -> bundle::Kind {
    match it {
        Kind::Rules => bundle::Kind::Rules,
        Kind::BadHashes => bundle::Kind::BadHashes,
        Kind::GoodHashes => bundle::Kind::GoodHashes,
    }
}

pub(super) fn whole(what: impl Into<String>) -> Remark {
    let what = what.into();
    Remark { line: None, column: None, rule: String::new(), what, stops: true }
}

/// What the compiler says (`5:3: error: unknown variable $b`) or the reader of lists (`line 1: ...`).
fn placed(why: &str) -> Option<Remark> {
    let (place, what) = why.split_once(": ")?;
    if let Some(line) = place.strip_prefix("line ") {
        return Some(Remark { line: Some(line.parse().ok()?), ..whole(what) });
    }
    let (line, column) = place.split_once(':')?;
    let (line, column) = (Some(line.parse().ok()?), Some(column.parse().ok()?));
    Some(Remark { line, column, ..whole(what.trim_start_matches("error: ")) })
}

/// The line and the column of a place, both from 1.
fn place(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX).saturating_add(1);
    (number(before.matches('\n').count()), number(line.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Kind, text: &str) -> Custom {
        let new = New {
            name: "x".to_owned(),
            kind,
            text: text.to_owned(),
            entries: 1,
            enabled: true,
            monitor: false,
        };
        let (person, changed_by) = (String::new(), String::new());
        Custom { id: 1, new, person, created_at: 0, changed_by, changed_at: 0, version: 1 }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let check =
            |kind, text: &str, entries, expected: &[(Option<u32>, Option<u32>, &str, bool)]| {
                let other = self::text(Kind::Rules, "rule taken { condition: true }");
                let (found, remarks) = examine(kind, text, &[other], &[]);
                assert_eq!(found, entries, "{text}: {remarks:?}");
                let expected: Vec<_> = expected.iter().map(|it| (it.0, it.1, it.3)).collect();
                let places: Vec<_> =
                    remarks.iter().map(|it| (it.line, it.column, it.stops)).collect();
                assert_eq!(places, expected, "{text}: {remarks:?}");
            };
        let meta = "meta: threat = \"miner\" family = \"\" confidence = 80 what = \"x\"";
        check(Kind::Rules, &format!("rule a {{ {meta} condition: true }}"), 1, &[]);
        let unknown = format!("rule a {{\n {meta}\n condition: $b }}");
        check(Kind::Rules, &unknown, 0, &[(Some(3), Some(13), "unknown variable", true)]);
        check(Kind::Rules, "rule a {", 0, &[(Some(1), Some(9), "syntax", true)]);
        let slow = format!("\nprivate rule a {{\n {meta} strings: $x = /ab.*/ condition: $x }}");
        let string = (Some(3), Some(u32::try_from(meta.len()).unwrap() + 12), "", true);
        check(Kind::Rules, &slow, 0, &[string, string]);
        let taken = format!("rule taken{{ {meta} condition: true }}");
        check(Kind::Rules, &taken, 0, &[(Some(1), Some(6), "already", true)]);
        let bare = "rule a { condition: true }";
        check(Kind::Rules, bare, 1, &[(Some(1), Some(6), "", false); 4]);
        check(Kind::Rules, "import \"elf\"", 0, &[(Some(1), Some(1), "import", true)]);
        check(Kind::Rules, " ", 0, &[(None, None, "nothing", true)]);
        let digest = "0".repeat(64);
        check(Kind::BadHashes, &digest, 1, &[]);
        check(Kind::GoodHashes, &format!("{digest}\nx"), 0, &[(Some(2), None, "no digest", true)]);
    }

    #[test]
    fn texts_that_are_used_are_one_bundle() {
        let rule =
            |name: &str| text(Kind::Rules, &format!("rule {name} {{ condition: true }}")).new;
        let made = |all: &[New]| make(all.iter());
        assert_eq!(made(&[]).unwrap(), None);
        assert_eq!(made(&[New { enabled: false, ..rule("a") }]).unwrap(), None);
        let monitored = made(&[New { monitor: true, ..rule("a") }]).unwrap().unwrap();
        let monitored = bundle::Bundle::parse(&monitored).unwrap().manifest;
        assert!(monitored.members[0].monitor && monitored.engine == 3);
        let both = made(&[rule("a"), rule("b")]).unwrap().unwrap();
        assert_eq!(made(&[rule("b"), rule("a")]).unwrap().as_ref(), Some(&both));
        let bundle = bundle::Bundle::parse(&both).unwrap();
        assert_eq!(bundle.count(bundle::Kind::Rules), 2);
        assert!(made(&[rule("a"), rule("a")]).unwrap_err().to_string().contains("already"));
    }
}
