//! Rules of one's own, tried on what is known to be harmless: what they find there they will find elsewhere as well, and what they
//! cost there.
use super::{
    Content, Part,
    custom::{Remark, whole},
    pack,
};
use inspect::{File, Found, Inspector};
use malware::{Judge, bundle};
use model::ImagePath;
use rustix::time::{ClockId, clock_gettime};
use std::{collections::BTreeSet, time::Duration};

/// How much longer judging files may take with rules before that is told, and before they are refused, in percent.
const SLOW: u128 = 130;
const TOO_SLOW: u128 = 300;
/// How often it is tried with the rules and without, in turns. The least counts: others use the processor too.
const ROUNDS: usize = 3;
/// What the rules find is told of so many files.
const TOLD: usize = 3;

/// A file that is known to be harmless.
#[derive(Clone, Debug)]
pub struct Harmless {
    /// Where it might be: that says what it is taken for.
    pub path: ImagePath,
    /// Its content.
    pub content: Vec<u8>,
}

/// What is to be said of rules that can be used.
pub(super) fn remarks(text: &str, harmless: &[Harmless]) -> Vec<Remark> {
    let (content, forms) = (text.as_bytes().to_vec(), Vec::new());
    let kind = bundle::Kind::Rules;
    let part = Part { path: "probe".to_owned(), kind, forms, monitor: false, content };
    let content = Content { parts: vec![part], ..Content::default() };
    let packed = pack(&content, None).ok().and_then(|it| bundle::Bundle::parse(&it).ok());
    let Some(judge) = packed.and_then(|it| bundle::judge(&[it]).ok()) else { return Vec::new() };
    let mut all = found(&judge, text, harmless);
    all.extend(slowness(&judge, harmless));
    all
}

/// What the rules find. The first pass also has them compiled, so that this is in no time that is taken.
fn found(judge: &Judge, text: &str, harmless: &[Harmless]) -> Vec<Remark> {
    let names: BTreeSet<String> =
        malware::identifiers(text).into_iter().map(|it| it.replace('_', "-")).collect();
    let mut all = Vec::new();
    for file in harmless {
        let sample = inspect(judge, file).sample;
        let rules = sample.into_iter().flat_map(|it| it.evidence).map(|it| it.rule);
        let ours: BTreeSet<String> = rules.filter(|it| names.contains(it)).collect();
        all.extend(ours.into_iter().map(|rule| Remark {
            rule: rule.replace('-', "_"),
            stops: false,
            ..whole(format!("fits {}, which is harmless", file.path))
        }));
    }
    all.truncate(TOLD);
    all
}

/// How much longer judging takes with the rules.
fn slowness(judge: &Judge, harmless: &[Harmless]) -> Option<Remark> {
    let plain = Judge::default();
    harmless.iter().for_each(|it| drop(inspect(&plain, it)));
    let (mut with, mut without) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        without = without.min(time(&plain, harmless));
        with = with.min(time(judge, harmless));
    }
    let percent = with.as_nanos().saturating_mul(100).checked_div(without.as_nanos())?;
    let what = format!("judging files takes {percent} % of the time that it takes without");
    (percent > SLOW).then(|| Remark { stops: percent > TOO_SLOW, ..whole(what) })
}

/// Processor time of this thread.
fn time(judge: &Judge, harmless: &[Harmless]) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let before = now();
    harmless.iter().for_each(|it| drop(inspect(judge, it)));
    now().saturating_sub(before)
}

fn inspect(judge: &Judge, file: &Harmless) -> Found {
    let mut found = Found::default();
    // What could not be judged is judged elsewhere, and told there.
    drop(judge.inspect(&File::new(&file.path, &file.content).with_mode(0o755), &mut found));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: &str = "meta: threat = \"miner\" family = \"\" confidence = 80 what = \"x\"";

    #[test]
    fn rules_that_find_too_much_or_are_slow_are_told() {
        let words: String = (0..3000).map(|it| format!("word {it} of many\n")).collect();
        let file = |path: &str| Harmless {
            path: ImagePath::parse(path.as_bytes()).unwrap(),
            content: words.clone().into_bytes(),
        };
        let harmless = [file("a.txt"), file("b.sh"), file("c.txt"), file("d.txt")];
        let told = |strings: &str, condition: &str| -> Vec<(String, bool)> {
            let text =
                format!("rule our_rule {{ {META} strings: {strings} condition: {condition} }}");
            remarks(&text, &harmless).into_iter().map(|it| (it.what, it.stops)).collect()
        };
        assert_eq!(told("$a = \"nothing of this\"", "$a"), []);
        let fits = |path: &str| (format!("fits {path}, which is harmless"), false);
        assert_eq!(told("$a = \"word 7 of\"", "$a"), ["a.txt", "b.sh", "c.txt"].map(fits));
        let only = told("$a = \"word 7 of\"", "$a and form == \"shell\"");
        assert_eq!(only, [fits("b.sh")]);
        let slow = told(
            "$a = /word.{0,4000}zzzz.{0,4000}yyyy/s",
            "$a or for all i in (1..4000000) : (i > 0 and filesize < i)",
        );
        assert!(slow.iter().any(|it| it.0.starts_with("judging files takes")), "{slow:?}");
    }
}
