//! Findings that somebody has accepted: a file of rules, each with its reason and, if wanted, its end.
use jiff::civil::Date;
use model::{
    Component, Finding, Handling,
    malware::only_rule,
    report::{Handled, SampleRow},
};
use serde::Deserialize;
use std::{fs, path::Path};

/// The file that is read when none is named and there is one.
pub(crate) const DEFAULT: &str = "plimsoll-ignore.toml";

/// What the file holds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    #[serde(default, rename = "ignore")]
    rules: Vec<Rule>,
}

/// One rule: all that it names must fit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// A CVE, or any other name of the vulnerability.
    id: Option<String>,
    /// A malicious file with this content: SHA-256, SHA-1 or MD5, in hexadecimal digits.
    hash: Option<String>,
    /// A malicious file here: `opt/tools/*`, in which `*` stands for any text.
    path: Option<String>,
    /// A malicious file of which only this rule speaks, or only this threat: `miner-pool-host`, `hack-tool`.
    rule: Option<String>,
    /// Only in this package, or what was built from it.
    package: Option<String>,
    /// Only in this version of it.
    version: Option<String>,
    /// Why that is all right.
    reason: String,
    /// The last day on which the rule holds.
    until: Option<String>,
    #[serde(skip)]
    last: Option<Date>,
}

impl Rules {
    /// The rules in `path`.
    pub(crate) fn read(path: &Path) -> Result<Rules, String> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|err| format!("{name}: {err}"))?;
        Rules::parse(&text).map_err(|err| format!("{name}: {err}"))
    }

    fn parse(text: &str) -> Result<Rules, String> {
        let mut rules: Rules = toml::from_str(text).map_err(|err| err.to_string())?;
        for rule in &mut rules.rules {
            if rule.id.is_some() == rule.is_of_files() {
                return Err("a rule names either an `id`, or a `hash`, `path` or `rule` of files"
                    .to_owned());
            }
            let id = &rule.name();
            if rule.reason.trim().is_empty() {
                return Err(format!("the rule for {id} has no reason; say why it may be ignored"));
            }
            let date = |it: &String| it.parse().map_err(|_| bad_date(id, it));
            rule.last = rule.until.as_ref().map(date).transpose()?;
        }
        Ok(rules)
    }

    /// The rules whose last day has passed, in words.
    pub(crate) fn expired(&self, today: Date) -> Vec<String> {
        let rules = self.rules.iter().filter(|it| it.last.is_some_and(|last| last < today));
        let show =
            |it: &Rule| format!("{} (until {})", it.name(), it.until.as_deref().unwrap_or(""));
        rules.map(show).collect()
    }

    /// Whether a finding is accepted today, and why.
    pub(crate) fn handle(
        &self,
        finding: &Finding,
        component: &Component,
        today: Date,
    ) -> Option<Handled> {
        self.rules.iter().find(|it| it.fits(finding, component, today)).map(Rule::accepted)
    }

    /// Whether a malicious file is accepted today, and why.
    pub(crate) fn accept(&self, sample: &SampleRow, today: Date) -> Option<Handled> {
        self.rules.iter().find(|it| it.fits_file(sample, today)).map(Rule::accepted)
    }
}

impl Rule {
    fn is_of_files(&self) -> bool {
        self.hash.is_some() || self.path.is_some() || self.rule.is_some()
    }

    fn name(&self) -> String {
        let all = [&self.id, &self.hash, &self.path, &self.rule];
        all.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")
    }

    fn accepted(&self) -> Handled {
        let (reason, until) = (self.reason.clone(), self.until.clone());
        Handled { state: Handling::Accepted, reason, until }
    }

    fn fits_file(&self, sample: &SampleRow, today: Date) -> bool {
        let hash = self.hash.as_ref();
        let is_rule =
            |it: &String| it == sample.threat.name() || only_rule(&sample.evidence) == Some(it);
        self.is_of_files()
            && self.last.is_none_or(|last| today <= last)
            && hash.is_none_or(|it| sample.hashes.iter().any(|hash| hash.eq_ignore_ascii_case(it)))
            && self.path.as_ref().is_none_or(|it| like(it.trim_start_matches('/'), &sample.path))
            && self.rule.as_ref().is_none_or(is_rule)
    }

    fn fits(&self, finding: &Finding, component: &Component, today: Date) -> bool {
        let mut names = [&finding.id].into_iter().chain(&finding.aliases).chain(&finding.errata);
        let (source, source_version) = component.source();
        let package = self.package.as_ref();
        let version = self.version.as_ref();
        self.last.is_none_or(|last| today <= last)
            && self.id.as_ref().is_some_and(|id| names.any(|it| it.eq_ignore_ascii_case(id)))
            && package.is_none_or(|it| *it == component.name || it == source)
            && version.is_none_or(|it| *it == component.version || it == source_version)
    }
}

/// Whether `text` is what `pattern` says, in which `*` stands for any text.
fn like(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    let after = parts.into_iter().try_fold(text, |text, part| Some(text.split_once(part)?.1));
    after.is_some_and(|it| it.ends_with(last))
}

fn bad_date(id: &str, text: &str) -> String {
    format!("the rule for {id} ends on `{text}`; write a date such as 2027-01-31")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_need_a_reason_and_a_real_date() {
        let check = |text: &str, expected: &str| {
            let err = Rules::parse(text).unwrap_err();
            assert!(err.contains(expected), "{err}");
        };
        check("[[ignore]]\nid = \"CVE-1\"\n", "missing field `reason`");
        check("[[ignore]]\nid = \"CVE-1\"\nreason = \" \"\n", "has no reason");
        check("[[ignore]]\nid = \"CVE-1\"\nreason = \"x\"\nuntil = \"soon\"\n", "write a date");
        check("[[ignore]]\nid = \"CVE-1\"\nreason = \"x\"\nwho = \"me\"\n", "unknown field `who`");
        check("[[ignore]]\nreason = \"x\"\n", "names either");
        check("[[ignore]]\nid = \"CVE-1\"\npath = \"x\"\nreason = \"x\"\n", "names either");
        assert!(Rules::parse("").is_ok());
    }

    #[test]
    fn stars_stand_for_any_text() {
        let check = |pattern, text, expected| {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        };
        check("opt/x", "opt/x", true);
        check("opt/*", "opt/x/y", true);
        check("opt/*", "usr/opt/x", false);
        check("*/nmap", "usr/bin/nmap", true);
        check("*/nmap", "usr/bin/nmap2", false);
        check("a*b*c", "axxbyyc", true);
        check("a*b*c", "axxcyyb", false);
        check("a*a", "a", false);
    }
}
