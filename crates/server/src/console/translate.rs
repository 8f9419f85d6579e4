//! What the program says in English, in the reader's language: why a request is refused, what testing a registry finds out,
//! why a scan failed. What the table does not know stays as it is.
use super::{
    sentences::SENTENCES,
    words::{Words, ZH},
};
use std::borrow::Cow;

/// So many sentences may be within each other: some of the words come from strangers.
const DEPTH: usize = 6;

/// A sentence.
pub(crate) fn sentence<'a>(text: &'a str, w: &'static Words) -> Cow<'a, str> {
    if w.language != ZH.language {
        return Cow::Borrowed(text);
    }
    translated(text, DEPTH).map_or(Cow::Borrowed(text), |it| Cow::Owned(it.0))
}

/// A sentence in Chinese, if all of it can be said: what it speaks of stays as it is.
pub fn in_chinese(text: &str) -> Option<String> {
    translated(text, DEPTH).filter(|it| it.1).map(|it| it.0)
}

/// In Chinese, and whether that is so of the sentences within it too.
fn translated(text: &str, depth: usize) -> Option<(String, bool)> {
    let within = depth.checked_sub(1)?;
    let all = SENTENCES.iter().flat_map(|it| it.iter());
    let (values, to) = all.into_iter().find_map(|(from, to)| Some((holes(from, text)?, to)))?;
    let (mut said, mut whole) = (String::new(), true);
    let mut parts = to.split('{');
    said.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (hole, after) = part.split_once('}').unwrap_or_default();
        let number = hole.trim_end_matches('+').parse::<usize>().ok();
        let value = number.and_then(|it| values.get(it)).copied().unwrap_or_default();
        match translated(value, within).filter(|_| hole.ends_with('+')) {
            Some((it, all)) => {
                said.push_str(&it);
                whole &= all;
            }
            None => {
                said.push_str(value);
                whole &= !hole.ends_with('+');
            }
        }
        said.push_str(after);
    }
    Some((said, whole))
}

/// Several, with a comma in between.
pub(crate) fn sentences(text: &str, w: &'static Words) -> String {
    let all: Vec<Cow<'_, str>> = text.split(", ").map(|it| sentence(it, w)).collect();
    all.join(w.comma)
}

/// What stands where a pattern has `{}`, if the text is like it.
fn holes<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    for part in parts {
        let end = if part.is_empty() { rest.len() } else { rest.find(part)? };
        let (value, after) = rest.split_at_checked(end)?;
        values.push(value);
        rest = after.strip_prefix(part)?;
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::{
        meanings::{MEANINGS, meaning},
        words::EN,
    };
    use assess::priority;
    use model::{Enrichment, Epss, Exploited, Kind, Level, Namespace, Status, Uncovered};
    use std::{collections::BTreeSet, fs, path::PathBuf};

    #[test]
    fn every_sentence_is_in_order() {
        let mut seen = BTreeSet::new();
        for (english, chinese) in SENTENCES.iter().flat_map(|it| it.iter()) {
            assert!(seen.insert(english), "{english} is there twice");
            assert!(!chinese.is_ascii(), "{english}: {chinese}");
            let holes = english.matches("{}").count();
            let numbers = chinese.split('{').skip(1).map(|it| it.split_once('}').unwrap().0);
            for number in numbers {
                let number: usize = number.trim_end_matches('+').parse().unwrap();
                assert!(number < holes, "{english}: {chinese}");
            }
            // One that is more general in front of it would take its place.
            let example = english.replace("{}", "\u{1}");
            let all = SENTENCES.iter().flat_map(|it| it.iter());
            let first = all.into_iter().find(|it| holes_of(it.0, &example)).unwrap();
            assert_eq!(first.0, *english, "{english} is never reached");
        }
    }

    fn holes_of(pattern: &str, text: &str) -> bool {
        holes(pattern, text).is_some()
    }

    /// The texts in what follows `begin`, up to `end` outside of all parentheses.
    fn texts(code: &str, begin: &str, end: char) -> Vec<String> {
        let mut found = Vec::new();
        for after in code.split(begin).skip(1) {
            let (mut open, mut text, mut escaped) = (Vec::new(), None::<String>, false);
            for it in after.chars() {
                match (&mut text, it) {
                    (Some(_), '"') if !escaped => found.extend(text.take()),
                    (Some(text), _) => text.push(it),
                    (None, '"') => text = Some(String::new()),
                    (None, it) if it == end && open.is_empty() => break,
                    (None, '(' | '{') => open.push(it),
                    (None, ')' | '}') => drop(open.pop()),
                    _ => {}
                }
                escaped = it == '\\' && !escaped;
            }
        }
        found
    }

    /// What is open in these is itself said in words, of which there are few.
    const MADE_UP: [&str; 2] = [
        "7 is not one",
        "7 is no Harbor: 7 answers; is it of another kind, or behind a login page?",
    ];

    /// A text as it is said, with `7` for whatever stands in it.
    fn said(text: &str) -> String {
        let lines: Vec<&str> = text.split("\\\n").map(str::trim_start).collect();
        let all = lines.concat();
        let mut parts = all.split('{');
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |all, it| format!("{all}7{}", it.split_once('}').unwrap().1))
    }

    /// Whether it says something by itself: `{host}: {why}` and a right such as `project: list` do not.
    fn speaks(text: &str) -> bool {
        let right =
            text.split_once(": ").is_some_and(|(a, b)| !format!("{a}{b}").contains([' ', '7']));
        text.contains(' ') && text.contains(char::is_alphabetic) && !right
    }

    /// The code below a folder of this repository, without its tests.
    fn code(below: &str) -> String {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(below);
        let (mut waiting, mut all) = (vec![folder], String::new());
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting.extend(fs::read_dir(path).unwrap().map(|it| it.unwrap().path()));
            } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                all.push_str(text.split("#[cfg(test)]").next().unwrap());
            }
        }
        all
    }

    #[test]
    fn every_text_that_the_code_has_for_people_is_told_in_chinese() {
        let places = [
            ("server/src", "Problem::new(", ')'),
            ("server/src", "Problem::invalid(", ')'),
            ("server/src", "Problem::unavailable(", ')'),
            ("server/src", "let detail =", ';'),
            ("server/src", "Problem::not_found(", ')'),
            ("registry/src/flavor", "Problem::new(", ')'),
            ("registry/src/flavor", "let words =", ';'),
            ("registry/src/flavor", "deed(", ')'),
            ("registry/src", "SourceError::Settings(", ')'),
            ("registry/src", "SourceError::Unauthorized(", ')'),
            ("scan/src", "Failure::Other(", ')'),
            ("scan/src", "Failure::Later(", ')'),
            ("scan/src/settings.rs", "Err(", ')'),
        ];
        let mut missing = Vec::new();
        for (below, begin, end) in places {
            let all = texts(&code(below), begin, end);
            assert!(!all.is_empty(), "{below}: {begin}");
            for text in all.iter().map(|it| said(it)).filter(|it| speaks(it)) {
                let known = MADE_UP.contains(&&*text) || translated(&text, DEPTH).is_some();
                missing.extend((!known).then(|| format!("{below}: {text}")));
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
    }

    /// The texts that stand right behind `begin`, if they are names: `web-tunnel`.
    fn names<'a>(code: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
        let is_name = |it: &&str| {
            it.contains('-')
                && !it.ends_with('-')
                && it.bytes().all(|it| it.is_ascii_lowercase() || b"-0123456789".contains(&it))
        };
        code.split(begin).skip(1).filter_map(|it| it.split('"').next()).filter(is_name)
    }

    #[test]
    fn all_that_speaks_for_a_malicious_file_is_told_in_chinese() {
        // What is called like what analysers see, and is something else: programs, families, an analyser.
        const OTHERS: &[&str] = &[
            "competitor-killing",
            "container-escape",
            "hack-browser-data",
            "redis-cli",
            "redis-worm",
            "reverse-ssh",
            "ssh-dss",
            "ssh-ed25519",
            "ssh-key",
            "ssh-keygen",
            "ssh-keyscan",
            "ssh-rsa",
            "sudo-i",
            "web-settings",
        ];
        let mut all = BTreeSet::new();
        for it in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../malware/rules")).unwrap() {
            let text = fs::read_to_string(it.unwrap().path()).unwrap();
            let text = format!("\n{text}");
            let rules = text.split("\nrule ").skip(1);
            all.extend(rules.map(|it| it.split([' ', '{', ':']).next().unwrap().replace('_', "-")));
        }
        assert!(all.len() > 100, "{all:?}");
        let code = code("malware/src");
        let dense = code.replace(['\n', ' '], "");
        for begin in [
            ".add(\"",
            ".add_at(\"",
            "say(command,\"",
            "stays(marks,\"",
            "tell(\"",
            "harms(marks,\"",
        ] {
            let found: Vec<&str> = names(&dense, begin).collect();
            assert!(!found.is_empty(), "{begin}");
            all.extend(found.into_iter().map(str::to_owned));
        }
        let kinds: BTreeSet<&str> =
            MEANINGS.iter().map(|it| it.0.split('-').next().unwrap()).collect();
        let alike = |it: &&str| kinds.contains(it.split('-').next().unwrap());
        let alike = names(&code, "\"").filter(alike).filter(|it| !OTHERS.contains(it));
        all.extend(alike.map(str::to_owned));
        let missing: Vec<&String> = all.iter().filter(|it| meaning(it).is_none()).collect();
        assert!(missing.is_empty(), "{missing:#?}");
        let known: BTreeSet<&str> = MEANINGS.iter().map(|it| it.0).collect();
        assert_eq!(known.len(), MEANINGS.len(), "none is there twice");
        let gone: Vec<&&str> = known.iter().filter(|it| !all.contains(**it)).collect();
        assert!(gone.is_empty(), "{gone:#?}");
        assert!(MEANINGS.iter().all(|it| !it.1.is_ascii()));
    }

    #[test]
    fn what_things_are_called_is_told_in_chinese() {
        let kinds = model::Ecosystem::all().map(|it| it.label());
        let licences = assess::FEEDS.iter().map(|it| it.licence).filter(|it| it.contains(' '));
        let levels = [
            Level::Critical,
            Level::High,
            Level::Medium,
            Level::Low,
            Level::Negligible,
            Level::Unknown,
        ];
        let levels: Vec<String> = levels.iter().map(ToString::to_string).collect();
        for it in kinds.chain(licences).chain(levels.iter().map(String::as_str)) {
            assert!(in_chinese(it).is_some(), "{it}");
        }
    }

    #[test]
    fn all_reasons_of_a_coverage_are_told_in_chinese() {
        let debian = || Namespace::new("Debian:7");
        let reasons = [
            Uncovered::UnknownDistribution(String::new()),
            Uncovered::UnknownDistribution("Strange 1".to_owned()),
            Uncovered::NoFeed(debian()),
            Uncovered::EndOfLife(debian(), jiff::civil::date(2018, 5, 31)),
            Uncovered::NoPackageDatabase,
            Uncovered::StarterSetOnly,
            Uncovered::Unread(1),
            Uncovered::Unread(7),
        ];
        for it in reasons {
            let english = it.to_string();
            assert_eq!(sentence(&english, &EN), english);
            let chinese = sentence(&english, &ZH);
            assert!(!chinese.is_ascii() && !chinese.contains("{}"), "{english}: {chinese}");
        }
        let ended = "Debian:7 is past its end of life (2018-05-31)";
        assert_eq!(sentence(ended, &ZH), "Debian:7 已停止维护（2018-05-31）");
        assert_eq!(sentence("something else", &ZH), "something else");
    }

    #[test]
    fn why_a_source_failed_is_told_in_chinese() {
        use registry::SourceError as E;
        let host = || "registry.example".to_owned();
        let after = Some(std::time::Duration::from_secs(7));
        let platform = |it: &str| model::Platform::parse(it).unwrap();
        let expected = model::Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap();
        let failures = [
            E::NotFound(host()),
            E::Malformed(host()),
            E::Unsupported(host()),
            E::NoPlatform { wanted: platform("amd64"), available: vec![platform("arm64")] },
            E::DigestMismatch { expected, got: host() },
            E::TooLarge(host()),
            E::Unauthorized(host()),
            E::Refused(host()),
            E::RateLimited { host: host(), after },
            E::RateLimited { host: host(), after: None },
            E::Unreachable(host()),
            E::Tls(host()),
            E::Settings(host()),
        ];
        for it in failures {
            let english = it.to_string();
            assert_ne!(sentence(&english, &ZH), english);
            assert!(!sentence(&english, &ZH).contains("{"), "{english}");
        }
        let waits = "registry.example asks to wait 7 s before the next request";
        assert_eq!(sentence(waits, &ZH), "registry.example 要求 7 秒后再请求");
    }

    #[test]
    fn every_rule_of_a_priority_is_told_in_chinese() {
        let levels = [
            Level::Critical,
            Level::High,
            Level::Medium,
            Level::Low,
            Level::Negligible,
            Level::Unknown,
        ];
        for level in levels {
            for score in [0.0, 0.2, 0.9] {
                let exploited = Exploited { added: None, due: None, ransomware: score > 0.5 };
                let known = Enrichment {
                    epss: Some(Epss { day: None, score, percentile: score }),
                    exploited: (score > 0.1).then_some(exploited),
                    ..Enrichment::default()
                };
                let rule = priority(Kind::Vulnerability, level, Status::Fixed, &known).rule;
                assert_eq!(sentences(&rule, &EN), rule);
                let chinese = sentences(&rule, &ZH);
                let english = chinese.replace("EPSS", "");
                assert!(!english.contains(|it: char| it.is_ascii_alphabetic()), "{chinese}");
            }
        }
        let rule = "high severity 60, fix available +5";
        assert_eq!(sentences(rule, &ZH), "严重等级“高”计 60，已有修复 +5");
    }
}
