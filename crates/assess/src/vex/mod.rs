//! VEX: what somebody says of vulnerabilities in a product, applied to findings.
//!
//! A statement that takes a finding away must say which version or image it is about, or why the
//! vulnerability does no harm. Nothing disappears: such a finding is *handled*, with the author and
//! his reason.
mod claims;
mod csaf;
mod cyclonedx;
mod openvex;
mod product;
mod read;
#[cfg(test)]
mod tests;

pub use claims::{Claim, Place, Rule};
pub use read::parse;

use jiff::Timestamp;
use model::{
    Assessment, Digest, Finding, Fit, Handling, Image, Inventory, Statement, Status,
    report::Handled,
};
use product::{Product, Purls, Seen};
use std::{collections::BTreeMap, fmt};

/// A VEX document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vex {
    /// Its identifier.
    id: String,
    /// Its version, as it counts them.
    version: String,
    /// When it last changed.
    dated: Option<Timestamp>,
    /// Who says it; nobody has verified that.
    author: String,
    /// What it says.
    statements: Vec<Said>,
    /// Statements that could not be understood, and why.
    pub problems: Vec<String>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    /// The names of the vulnerability.
    names: Vec<String>,
    products: Vec<Product>,
    verdict: Verdict,
    /// Why it does no harm, in a word of the format, and in words.
    justification: String,
    impact: String,
    /// What to do.
    action: String,
    at: Option<Timestamp>,
}

/// What a statement says of a vulnerability in a product. In the order of caution.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Verdict {
    NotAffected,
    Fixed,
    UnderInvestigation,
    Affected,
}

/// What products are held against.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The image.
    pub image: &'a Image,
    /// Digests by which it is known beside its own.
    pub known_as: &'a [Digest],
    /// What it contains.
    pub inventory: &'a Inventory,
}

/// The findings that do not count, by component and identifier.
pub type HandledFindings = BTreeMap<(usize, String), Handled>;

impl Vex {
    /// How many statements it makes.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Who says it, for people.
    pub fn author(&self) -> &str {
        if self.author.is_empty() { "an unnamed author" } else { &self.author }
    }

    /// What it is called, in all its versions; empty when it is not called anything.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its version, as it counts them.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// When it last changed.
    pub fn dated(&self) -> Option<Timestamp> {
        self.dated
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

/// Holds every finding against documents, those of greater authority first: where one of a group
/// speaks of a finding, the later groups are not asked. What is said becomes a source of the
/// finding; the answer holds those that it takes away.
pub fn apply(
    assessment: &mut Assessment,
    subject: Subject<'_>,
    groups: &[&[Vex]],
) -> HandledFindings {
    let mut handled = HandledFindings::new();
    if groups.iter().all(|it| it.is_empty()) {
        return handled;
    }
    let purls = Purls::new(subject.inventory);
    for finding in &mut assessment.findings {
        let seen = Seen::new(subject, finding.component, &purls);
        let Some(word) = groups.iter().find_map(|it| last_word(it, finding, &seen)) else {
            continue;
        };
        finding.sources.push(word.source());
        if let Some(reason) = word.reason() {
            let key = (finding.component, finding.id.clone());
            handled.insert(key, Handled { state: word.handling(), reason, until: None });
        }
    }
    handled
}

/// A statement that is about a finding.
struct Word<'a> {
    vex: &'a Vex,
    said: &'a Said,
    fit: Fit,
}

/// The latest statement about a finding; the most cautious of those of one time.
fn last_word<'a>(group: &'a [Vex], finding: &Finding, seen: &Seen<'_>) -> Option<Word<'a>> {
    let all = group.iter().flat_map(|vex| vex.statements.iter().map(move |said| (vex, said)));
    let words = all.filter(|(_, said)| said.names(finding)).filter_map(|(vex, said)| {
        let fit = said.products.iter().filter_map(|it| it.fit(seen)).max()?;
        Some(Word { vex, said, fit })
    });
    words.max_by_key(|it| (it.said.at, it.said.verdict))
}

impl Said {
    /// Why a finding does not count, if the product fits so closely; `None` when it does.
    fn excuse(&self, fit: Fit) -> Option<String> {
        let Said { verdict, justification, impact, .. } = self;
        let word = match verdict {
            Verdict::NotAffected if justification.is_empty() && impact.is_empty() => return None,
            Verdict::NotAffected if justification.is_empty() => "not_affected",
            Verdict::NotAffected => justification,
            // Whatever is fixed was broken before: which version is meant must be said.
            Verdict::Fixed if fit == Fit::AnyVersion => return None,
            Verdict::Fixed => "fixed",
            Verdict::UnderInvestigation | Verdict::Affected => return None,
        };
        let more = if impact.is_empty() { String::new() } else { format!(": {impact}") };
        Some(format!("{word}{more}"))
    }

    /// Why it excuses nothing, where it does not.
    fn doubt(&self) -> &'static str {
        match self.verdict {
            Verdict::NotAffected => "no reason is given, so it does not count",
            Verdict::Fixed => "no version is given, so it does not count",
            Verdict::UnderInvestigation | Verdict::Affected => "it takes no finding away",
        }
    }

    fn names(&self, finding: &Finding) -> bool {
        let mut known = [&finding.id].into_iter().chain(&finding.aliases);
        known.any(|id| self.names.iter().any(|it| it.eq_ignore_ascii_case(id)))
    }
}

impl Word<'_> {
    /// Why the finding does not count; `None` when it does.
    fn reason(&self) -> Option<String> {
        Some(format!("VEX by {}: {}", self.vex.author(), self.said.excuse(self.fit)?))
    }

    fn handling(&self) -> Handling {
        match self.said.verdict {
            Verdict::Fixed => Handling::Fixed,
            _ => Handling::NotAffected,
        }
    }

    fn source(&self) -> Statement {
        let Said { verdict, justification, impact, action, .. } = self.said;
        let honoured = self.reason().is_some();
        let doubt = match verdict {
            Verdict::NotAffected | Verdict::Fixed if !honoured => self.said.doubt(),
            _ => "",
        };
        let parts = [justification, impact, action, doubt].into_iter().filter(|it| !it.is_empty());
        let parts: Vec<&str> = parts.collect();
        let colon = if parts.is_empty() { "" } else { ": " };
        Statement {
            feed: "vex".to_owned(),
            title: format!("VEX by {}", self.vex.author()),
            advisory: self.vex.id.clone(),
            status: match verdict {
                Verdict::NotAffected => Status::NotAffected,
                Verdict::Fixed => Status::Fixed,
                Verdict::UnderInvestigation => Status::UnderInvestigation,
                Verdict::Affected => Status::Affected,
            },
            affects: !honoured,
            comparison: format!("{verdict}{colon}{}", parts.join("; ")),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::NotAffected => "not_affected",
            Verdict::Fixed => "fixed",
            Verdict::UnderInvestigation => "under_investigation",
            Verdict::Affected => "affected",
        })
    }
}
