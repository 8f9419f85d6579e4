//! Malicious files in words, for the formats that people read.
use crate::table::clean;
use model::{
    malware::{Examined, Signatures, Trust, Visibility},
    report::{ImageReport, SampleRow},
};

/// `Mining trojan (xmrig)`.
pub(crate) fn name(it: &SampleRow) -> String {
    if it.family.is_empty() { it.title.clone() } else { format!("{} ({})", it.title, it.family) }
}

/// Why it is reported: the surest of what was seen.
pub(crate) fn why(it: &SampleRow) -> String {
    it.evidence.first().map(|it| it.what.clone()).unwrap_or_default()
}

/// `layer 3, deleted by layer 4; of the package bash, changed; started by cron: etc/cron.d/x`.
pub(crate) fn place(it: &SampleRow) -> String {
    let mut parts = vec![match it.visibility {
        Visibility::Effective => format!("layer {}", it.layer),
        Visibility::Shadowed(by) => format!("layer {}, replaced by layer {by}", it.layer),
        Visibility::Deleted(by) => {
            format!("layer {}, deleted by layer {by}, shipped all the same", it.layer)
        }
    }];
    match &it.trust {
        Trust::Unknown => {}
        Trust::Claimed(package) => parts.push(format!("of the package {package}")),
        Trust::Published(package) => {
            parts.push(format!("of the package {package}, as its distribution publishes it"));
        }
        Trust::Signed(package) => {
            parts.push(format!("of the package {package}, as it was signed"));
        }
        Trust::Copied(from) => parts.push(format!("a copy of what a package of {from} brings")),
        Trust::Forged(package) => {
            parts.push(format!("of the package {package}, whose list of files is forged"));
        }
        Trust::Mismatch(package) => parts.push(format!("of the package {package}, changed")),
    }
    if !it.started_by.is_empty() {
        parts.push(format!("started by {}", it.started_by.join(", ")));
    }
    clean(&parts.join("; "))
}

/// What stands where, for whoever wants to look: `offset 120: sh -i >& /dev/…`.
pub(crate) fn evidence(it: &SampleRow) -> Vec<String> {
    let rows = it.evidence.iter().map(|it| {
        let at = it.at.map(|at| format!(" at {}", at.0)).unwrap_or_default();
        let decoded = match it.decoded.as_slice() {
            [] => String::new(),
            all => format!(" in {}", all.join(" in ")),
        };
        let member =
            if it.member.is_empty() { String::new() } else { format!(" in {}", it.member) };
        let excerpt =
            if it.excerpt.is_empty() { String::new() } else { format!(": {}", it.excerpt) };
        clean(&format!(
            "{} ({}, {} %){at}{decoded}{member}{excerpt}",
            it.what, it.rule, it.confidence
        ))
    });
    rows.collect()
}

/// How many there are, and how much was looked at; empty when they were not looked for.
pub(crate) fn summary(image: &ImageReport) -> String {
    let Some(examined) = &image.examined else {
        return "Malicious files were not looked for.".to_owned();
    };
    let found = match image.malicious.len() {
        0 => "No malicious files seen".to_owned(),
        1 => "1 malicious file".to_owned(),
        many => format!("{many} malicious files"),
    };
    let handled = match image.handled_malicious.len() {
        0 => String::new(),
        many => format!(", {many} more are accepted"),
    };
    let signed = image.signatures.as_ref().map(signed).unwrap_or_default();
    format!("{found}{handled}; {}.{signed}", looked(examined))
}

/// ` Of 129 packages 120 have a signature that was verified, 9 none.`
fn signed(it: &Signatures) -> String {
    let Signatures { verified, forged, unknown, unsigned } = *it;
    let all = verified.saturating_add(forged).saturating_add(unknown).saturating_add(unsigned);
    let others = [
        (forged, "one that is forged"),
        (unknown, "one that could not be verified"),
        (unsigned, "none"),
    ];
    let others = others.iter().filter(|it| it.0 > 0).map(|(count, how)| format!(", {count} {how}"));
    format!(
        " Of {all} packages {verified} have a signature that was verified{}.",
        others.collect::<String>()
    )
}

/// `of 41912 files 38000 examined, 3900 compared by digest, 12 in part, 0 not at all`.
fn looked(it: &Examined) -> String {
    let mut parts = vec![format!("{} examined", it.whole.files)];
    let others = [
        (it.claimed.files, "by rules alone, as their packages made them"),
        (it.hashed.files, "only looked for in lists of digests"),
        (it.partly.files, "in part"),
        (it.skipped.files, "not at all"),
    ];
    parts.extend(others.iter().filter(|it| it.0 > 0).map(|(count, how)| format!("{count} {how}")));
    format!("of {} files {}", it.all.files, parts.join(", "))
}
