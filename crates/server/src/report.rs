//! The report on an image that `plimsoll scan` would make, from what the store has.
use crate::{
    Code, Problem,
    call::{Call, Failure},
};
use jiff::{Timestamp, tz::TimeZone};
use model::{
    Assessment, Coverage, Digest, Handling, Inventory,
    report::{AttachedRow, Findings, Handled, ImageReport, LayerFacts, SampleRow},
};
use scan::center::{Detail, Document, Facts};
use std::collections::{BTreeMap, BTreeSet};
use store::{
    Tx, components,
    exceptions::{self, Exception, Kind},
    findings, images,
};

/// The report on the image of this digest.
pub(crate) fn of(call: &Call, digest: &str) -> Result<ImageReport, Problem> {
    let (it, detail, found, whole, rules) = call.read(|tx| {
        let it = images::one(tx, digest)?.ok_or_else(|| Problem::not_found("image"))?;
        let detail = detail(&it)?.ok_or_else(|| unscanned(&it))?;
        let found = components::found(tx, it.image.id, &detail.systems)?;
        let whole = findings::whole(tx, it.image.id)?;
        let rules = rules(tx, &whole)?;
        Ok((it, detail, found, whole, rules))
    })?;
    let mut handled = BTreeMap::new();
    let mut all: BTreeMap<i64, Vec<findings::Whole>> = BTreeMap::new();
    whole.into_iter().for_each(|it| all.entry(it.component).or_default().push(it));
    let mut assessment = Assessment {
        coverage: Coverage { grade: it.image.coverage, reasons: it.uncovered },
        ..Assessment::default()
    };
    let mut inventory = Inventory {
        systems: detail.systems,
        gaps: detail.gaps,
        executables: detail.executables,
        examined: detail.examined,
        signatures: detail.signatures,
        ..Inventory::default()
    };
    let (mut malicious, mut accepted) = (Vec::new(), BTreeMap::new());
    let (files, software): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| it.1.what.is_file());
    for it in files.iter().filter_map(|it| all.get(&it.0)).flatten() {
        let Some(sample) = &it.finding.sample else { continue };
        if let Some(rule) = it.handled_by.and_then(|it| rules.get(&it)) {
            accepted.insert((sample.suspect.path.to_string(), it.finding.id.clone()), said(rule));
        }
        malicious.push(sample.as_ref().clone());
    }
    for (i, (component, located)) in software.into_iter().enumerate() {
        inventory.components.push(located);
        for it in all.get(&component).into_iter().flatten() {
            let mut finding = it.finding.clone();
            finding.component = i;
            finding.priority = priority(&finding);
            if let Some(rule) = it.handled_by.and_then(|it| rules.get(&it)) {
                handled.insert((i, finding.id.clone()), said(rule));
            }
            assessment.findings.push(finding);
        }
    }
    let mut image = detail.image;
    image.digest = Digest::parse(digest);
    let what = Findings {
        malicious: &malicious,
        image: &image,
        layers: &detail.layers.iter().map(facts).collect::<Vec<_>>(),
        inventory,
        assessment: &assessment,
        missing_walls: &detail.missing_walls,
        attached: &detail.attached.iter().map(attached).collect::<Vec<_>>(),
    };
    let handled = |finding: &model::Finding, _: &model::Component| {
        handled.get(&(finding.component, finding.id.clone())).cloned()
    };
    // The same content may lie at several places, and be accepted at one.
    let accepted = |it: &SampleRow| {
        let digest = format!("sha256:{}", it.hashes.first()?);
        accepted.get(&(it.path.clone(), digest)).cloned()
    };
    Ok(ImageReport::new(what, handled, accepted))
}

/// What is kept of an image besides its components; nothing if it was not scanned yet.
pub(crate) fn detail(it: &images::Detail) -> Result<Option<Detail>, Problem> {
    let detail = it.document.as_ref().map(|it| serde_json::from_slice(it)).transpose();
    detail.map_err(|err| Problem::internal(format!("what is kept of an image: {err}")))
}

/// How urgent a finding is.
pub(crate) fn priority(it: &model::Finding) -> model::Priority {
    assess::priority(it.kind, it.severity.level, it.status, &it.known())
}

fn unscanned(it: &images::Detail) -> Failure {
    let why = match it.parts.is_empty() {
        true => "the image has not been scanned yet",
        false => "this is an index; ask for one of the images that it leads to",
    };
    Problem::new(Code::Conflict, why).into()
}

/// The rules that handle some of these.
fn rules(tx: &mut Tx<'_>, all: &[findings::Whole]) -> Result<BTreeMap<i64, Exception>, Failure> {
    let ids: BTreeSet<i64> = all.iter().filter_map(|it| it.handled_by).collect();
    let rules = exceptions::some(tx, &ids.into_iter().collect::<Vec<_>>())?;
    Ok(rules.into_iter().map(|it| (it.id, it)).collect())
}

fn said(it: &Exception) -> Handled {
    let state = match it.rule.kind {
        Kind::Accepted => Handling::Accepted,
        Kind::FalsePositive => Handling::NotAffected,
        Kind::Fixed => Handling::Fixed,
        Kind::IgnoredOnce => Handling::PutOff,
    };
    let day =
        |ms| Some(Timestamp::from_millisecond(ms).ok()?.to_zoned(TimeZone::UTC).date().to_string());
    let reason = format!("{} ({})", it.rule.reason, it.rule.person);
    Handled { state, reason, until: it.rule.until.and_then(day) }
}

/// A document of the kind that only adds has had its say, the other has not.
pub(crate) fn attached(it: &Document) -> AttachedRow {
    AttachedRow {
        kind: it.kind.clone(),
        digest: it.digest.clone(),
        media_type: it.media_type.clone(),
        used: it.kind == "sbom",
        summary: it.summary.clone(),
        problems: it.problems.clone(),
    }
}

fn facts(it: &Facts) -> LayerFacts {
    LayerFacts {
        diff_id: it.diff_id.as_deref().and_then(Digest::parse),
        bytes: it.bytes,
        entries: it.entries,
        cached: false,
    }
}
