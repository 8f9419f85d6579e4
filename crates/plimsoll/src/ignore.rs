//! Findings that somebody has accepted: a file of rules, each with its reason and, if wanted, its end.
use jiff::civil::Date;
use model::{Component, Finding, Handling, report::Handled};
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
    id: String,
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
            let id = &rule.id;
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
        let show = |it: &Rule| format!("{} (until {})", it.id, it.until.as_deref().unwrap_or(""));
        rules.map(show).collect()
    }

    /// Whether a finding is accepted today, and why.
    pub(crate) fn handle(
        &self,
        finding: &Finding,
        component: &Component,
        today: Date,
    ) -> Option<Handled> {
        let rule = self.rules.iter().find(|it| it.fits(finding, component, today))?;
        Some(Handled {
            state: Handling::Accepted,
            reason: rule.reason.clone(),
            until: rule.until.clone(),
        })
    }
}

impl Rule {
    fn fits(&self, finding: &Finding, component: &Component, today: Date) -> bool {
        let mut names = [&finding.id].into_iter().chain(&finding.aliases).chain(&finding.errata);
        let (source, source_version) = component.source();
        let package = self.package.as_ref();
        let version = self.version.as_ref();
        self.last.is_none_or(|last| today <= last)
            && names.any(|it| it.eq_ignore_ascii_case(&self.id))
            && package.is_none_or(|it| *it == component.name || it == source)
            && version.is_none_or(|it| *it == component.version || it == source_version)
    }
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
        assert!(Rules::parse("").is_ok());
    }
}
