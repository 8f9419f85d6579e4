//! Rules against malicious files: those of the program, of the bundle in use, and one's own.
use super::Time;
use scan::bundles::{
    custom::Remark,
    sha256,
    shared::{About, BuiltIn},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{bundles, custom};

/// What malicious files are found by.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Rules {
    /// What comes with the program.
    pub built_in: BuiltInRules,
    /// The bundle in use; none: none is.
    pub bundle: Option<Bundle>,
    /// Others that are kept, the newest first.
    pub kept: Vec<Bundle>,
    /// The keys of those whose bundles are taken.
    pub keys: Vec<TrustedKey>,
}

/// What comes with the program.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct BuiltInRules {
    /// Sets of rules over content.
    pub sets: Vec<RuleSet>,
    /// How many analysers there are besides.
    pub analysers: usize,
    /// Stands for all of them: another one where something else is found.
    pub revision: String,
}

/// A set of rules.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct RuleSet {
    /// What it is for: `elf`, `script`, `web`, ...
    pub name: String,
    /// How many rules are in it.
    pub rules: usize,
}

/// A signed bundle of rules and of lists of digests.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Bundle {
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
    /// Greater in each that is made.
    pub epoch: u64,
    /// When it was made.
    pub created_at: Time,
    /// Who made it.
    pub publisher: String,
    /// Sets of the program's own rules that it is used instead of.
    pub replaces: Vec<String>,
    /// How many rules are in it.
    pub rules: u64,
    /// How many digests of malicious files.
    pub bad_hashes: u64,
    /// How many digests of harmless ones.
    pub good_hashes: u64,
    /// How many public keys of those who sign packages.
    pub signing_keys: u64,
    /// The name of the key that it is signed with.
    pub key: Option<String>,
    /// Whether that key is trusted.
    pub trusted: bool,
    /// Who brought it in; empty: it lay on the machine of a server.
    pub person: String,
    /// When it was put to use.
    pub imported_at: Time,
}

/// A key whose bundles are taken.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct TrustedKey {
    /// Its name: the first half of the SHA-256 of it, short enough to be read out.
    pub id: String,
    /// Who trusts it; empty: the machine of a server did.
    pub person: String,
    /// Since when.
    pub created_at: Time,
}

/// What a text of one's own holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CustomKind {
    /// Rules, in the language of YARA.
    Rules,
    /// Digests of files that are malicious: SHA-256, SHA-1 or MD5.
    BadHashes,
    /// Digests of files that are harmless, whatever rules say.
    GoodHashes,
}

/// Rules or digests of one's own.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Custom {
    /// Its id.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// What it holds.
    pub kind: CustomKind,
    /// How many rules or digests are in it; 0 where they can't be used.
    pub entries: u64,
    /// Whether it is used.
    pub enabled: bool,
    /// Whether rules are only monitored: what they find is recorded as a reminder, and nobody is told.
    pub monitor: bool,
    /// Who made it.
    pub person: String,
    /// When.
    pub created_at: Time,
    /// Who changed it last.
    pub changed_by: String,
    /// When.
    pub changed_at: Time,
    /// SHA-256 of the text, in hexadecimal digits.
    pub sha256: String,
}

/// The same, with the text.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct CustomText {
    /// All but the text.
    #[serde(flatten)]
    pub custom: Custom,
    /// The rules or digests.
    pub text: String,
    /// What is wrong with it.
    pub problems: Vec<RuleProblem>,
}

/// What checking a text came to.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct RuleCheck {
    /// Whether it can be used.
    pub works: bool,
    /// How many rules or digests are in it.
    pub entries: u64,
    /// What is wrong, the worst first.
    pub problems: Vec<RuleProblem>,
}

/// Something that is wrong with rules or digests.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct RuleProblem {
    /// The line, from 1; null: it is about the whole.
    pub line: Option<u32>,
    /// The place in the line, from 1, where that is known.
    pub column: Option<u32>,
    /// The identifier of the rule; empty: none.
    pub rule: String,
    /// What is wrong and where, in a sentence.
    pub words: String,
    /// Whether it keeps the text from being used; else it is advice.
    pub stops: bool,
}

impl From<&BuiltIn> for BuiltInRules {
    fn from(it: &BuiltIn) -> BuiltInRules {
        let set = |it: &(&'static str, usize)| RuleSet { name: it.0.to_owned(), rules: it.1 };
        let (sets, revision) = (it.sets.iter().map(set).collect(), it.revision.clone());
        BuiltInRules { sets, analysers: it.analysers, revision }
    }
}

impl Bundle {
    /// One that is stored; none when its document can't be read.
    pub(crate) fn of(it: bundles::Bundle, keys: &[bundles::Key]) -> Option<Bundle> {
        let about: About = serde_json::from_str(&it.document).ok()?;
        Some(Bundle {
            sha256: it.sha256,
            epoch: about.epoch,
            created_at: Time(about.created.as_millisecond()),
            publisher: about.publisher,
            replaces: about.replaces,
            rules: about.rules,
            bad_hashes: about.bad_hashes,
            good_hashes: about.good_hashes,
            signing_keys: about.signing_keys,
            trusted: keys.iter().any(|key| Some(&key.name) == about.key.as_ref()),
            key: about.key,
            person: it.person,
            imported_at: Time(it.at),
        })
    }
}

impl From<bundles::Key> for TrustedKey {
    fn from(it: bundles::Key) -> TrustedKey {
        TrustedKey { id: it.name, person: it.person, created_at: Time(it.at) }
    }
}

impl From<custom::Kind> for CustomKind {
    fn from(it: custom::Kind) -> CustomKind {
        match it {
            custom::Kind::Rules => CustomKind::Rules,
            custom::Kind::BadHashes => CustomKind::BadHashes,
            custom::Kind::GoodHashes => CustomKind::GoodHashes,
        }
    }
}

impl From<CustomKind> for custom::Kind {
    fn from(it: CustomKind) -> custom::Kind {
        match it {
            CustomKind::Rules => custom::Kind::Rules,
            CustomKind::BadHashes => custom::Kind::BadHashes,
            CustomKind::GoodHashes => custom::Kind::GoodHashes,
        }
    }
}

impl From<&custom::Custom> for Custom {
    fn from(it: &custom::Custom) -> Custom {
        let new = &it.new;
        Custom {
            id: it.id,
            name: new.name.clone(),
            kind: new.kind.into(),
            entries: u64::try_from(new.entries).unwrap_or_default(),
            enabled: new.enabled,
            monitor: new.monitor,
            person: it.person.clone(),
            created_at: Time(it.created_at),
            changed_by: it.changed_by.clone(),
            changed_at: Time(it.changed_at),
            sha256: sha256(new.text.as_bytes()),
        }
    }
}

impl RuleProblem {
    /// As whoever asks reads it: `line 3, column 5: unknown variable $b`.
    pub(crate) fn of(it: &Remark, say: impl Fn(&str) -> String) -> RuleProblem {
        let what = match it.rule.as_str() {
            "" => it.what.clone(),
            rule => format!("rule {rule}: {}", it.what),
        };
        let words = match (it.line, it.column) {
            (Some(line), Some(column)) => format!("line {line}, column {column}: {what}"),
            (Some(line), None) => format!("line {line}: {what}"),
            (None, _) => what,
        };
        let (line, column, rule) = (it.line, it.column, it.rule.clone());
        RuleProblem { line, column, rule, words: say(&words), stops: it.stops }
    }
}
