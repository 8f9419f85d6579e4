//! How malicious files are shown.
use super::{translate::sentence, words::Words};
use crate::views::{Category, Finding};
use model::{
    malware::{Examined, Level, Signatures, Trust, Visibility, only_rule},
    report::SampleRow,
};
use std::borrow::Cow;

/// `Mining trojan (xmrig)`: what it is, in the reader's language, and the family.
pub(crate) fn threat<'a>(title: &'a str, w: &'static Words) -> Cow<'a, str> {
    match title.split_once(" (") {
        Some((threat, family)) => Cow::Owned(format!("{} ({family}", sentence(threat, w))),
        None => sentence(title, w),
    }
}

/// How bad.
pub(crate) fn sample_level(it: &Level, w: &'static Words) -> &'static str {
    match it {
        Level::Serious => w.serious,
        Level::Suspicious => w.suspicious,
        Level::Remind => w.remind,
    }
}

/// What an exception names to mean all files like it: the rule, if it is the only one that says so, or the threat.
pub(crate) fn said_by(it: &SampleRow) -> &str {
    only_rule(&it.evidence).unwrap_or(it.threat.name())
}

/// What a rule or analyser sees, where the reader's language has it: what stands with a finding is in English.
pub(crate) fn meaning(rule: &str, w: &'static Words) -> Option<&'static str> {
    super::meanings::meaning(rule).filter(|_| w.language == super::words::ZH.language)
}

/// Whether a finding is about a file as such, and not about a package.
pub(crate) fn is_file(it: &Finding) -> bool {
    it.category == Category::Malware && it.name.starts_with("sha256:")
}

/// Why it can no longer be seen; empty if it can.
pub(crate) fn hidden(it: &Visibility, w: &'static Words) -> String {
    match it {
        Visibility::Effective => String::new(),
        Visibility::Shadowed(layer) => format!("{} {layer}", w.replaced_by),
        Visibility::Deleted(layer) => format!("{} {layer}. {}", w.deleted_by, w.shipped),
    }
}

/// Whose it is.
pub(crate) fn owner<'a>(it: &'a Trust, w: &'static Words) -> Cow<'a, str> {
    match it {
        Trust::Unknown => Cow::Borrowed(w.owned_by_none),
        Trust::Claimed(package) => Cow::Owned(format!("{package}{}", w.owned_as_is)),
        Trust::Published(package) => Cow::Owned(format!("{package}{}", w.owned_published)),
        Trust::Signed(package) => Cow::Owned(format!("{package}{}", w.owned_signed)),
        Trust::Copied(from) => Cow::Owned(format!("{}{from}", w.owned_copied)),
        Trust::Forged(package) => Cow::Owned(format!("{package}{}", w.owned_forged)),
        Trust::Mismatch(package) => Cow::Owned(format!("{package}{}", w.owned_changed)),
    }
}

/// What computed a digest, by its length.
pub(crate) fn hash(digits: &str) -> &'static str {
    match digits.len() {
        32 => "MD5",
        40 => "SHA-1",
        _ => "SHA-256",
    }
}

/// How large a file is; nothing where nobody knows.
pub(crate) fn file_size(bytes: u64) -> String {
    super::show::bytes(&i64::try_from(bytes).ok().filter(|it| *it > 0))
}

/// How much was looked at.
pub(crate) fn examined(it: &Examined, w: &'static Words) -> String {
    let mut text = format!("{} / {} {}", it.whole.files, it.all.files, w.files_examined);
    for (count, words) in [
        (it.claimed.files, w.files_claimed),
        (it.hashed.files, w.files_hashed),
        (it.partly.files, w.files_partly),
        (it.skipped.files, w.files_skipped),
    ] {
        if count > 0 {
            text += &format!("{}{count} {words}", w.comma);
        }
    }
    text
}

/// How many packages are signed.
pub(crate) fn signatures(it: &Signatures, w: &'static Words) -> String {
    let mut text = format!("{} {}", it.verified, w.signatures_verified);
    for (count, words) in [
        (it.forged, w.signatures_forged),
        (it.unknown, w.signatures_unknown),
        (it.unsigned, w.signatures_none),
    ] {
        if count > 0 {
            text += &format!("{}{count} {words}", w.comma);
        }
    }
    text
}
