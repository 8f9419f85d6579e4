//! From what a scan came to, to the rows of its report.
use super::{
    AttachedRow, ComponentRow, CoverageRow, FindingRow, GapRow, Handled, HandledRow,
    HandledSampleRow, ImageReport, LayerFacts, LayerRow, SampleRow, SystemRow, WhyRow,
};
use crate::{
    Assessment, Component, Coverage, Distribution, Executables, Finding, Gap, Image, Inventory,
    Level, Located, System,
    fix::{self, fix_command},
    malware::{Malicious, Visibility},
};
use serde::{Serialize, Serializer};
use std::{cmp::Reverse, collections::BTreeMap};

/// Everything that a report on an image is made from.
#[derive(Debug)]
pub struct Findings<'a> {
    /// The image.
    pub image: &'a Image,
    /// How its layers were read, in their order.
    pub layers: &'a [LayerFacts],
    /// What it contains.
    pub inventory: Inventory,
    /// What that means.
    pub assessment: &'a Assessment,
    /// Malicious files in it, worst first.
    pub malicious: &'a [Malicious],
    /// Walls that were missing.
    pub missing_walls: &'a [String],
    /// Documents that are attached to it.
    pub attached: &'a [AttachedRow],
}

impl ImageReport {
    /// The report; `handled` says of a finding whether it does not count, `accepted` of a malicious file.
    pub fn new(
        what: Findings<'_>,
        handled: impl Fn(&Finding, &Component) -> Option<Handled>,
        accepted: impl Fn(&SampleRow) -> Option<Handled>,
    ) -> ImageReport {
        let Findings { image, inventory, assessment, .. } = &what;
        let mut findings: Vec<&Finding> = assessment.findings.iter().collect();
        findings.sort_by_key(|it| (Reverse(it.priority.value), Reverse(it.severity.level), &it.id));
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        let mut to_fix = Vec::new();
        for finding in findings {
            let Some(component) = inventory.components.get(finding.component) else { continue };
            let row = finding_row(finding, component, &what);
            match handled(finding, &component.what) {
                None => {
                    open.push(row);
                    to_fix.push((finding, component));
                }
                Some(Handled { state, reason, until }) => {
                    closed.push(HandledRow { state, reason, until, finding: row });
                }
            }
        }
        let mut counts = BTreeMap::new();
        for it in &open {
            let count: &mut usize = counts.entry(it.severity).or_default();
            *count = count.saturating_add(1);
        }
        let gaps = inventory.gaps.iter().chain(&assessment.gaps);
        let (mut malicious, mut handled_malicious) = (Vec::new(), Vec::new());
        for sample in what.malicious.iter().map(|it| SampleRow::new(it, image)) {
            match accepted(&sample) {
                None => malicious.push(sample),
                Some(Handled { state, reason, until }) => {
                    handled_malicious.push(HandledSampleRow { state, reason, until, sample });
                }
            }
        }
        ImageReport {
            name: image.name.clone(),
            digest: image.digest.as_ref().map(ToString::to_string),
            platform: image.platform.as_ref().map(ToString::to_string),
            created: image.created.clone(),
            systems: inventory.systems.iter().map(SystemRow::from).collect(),
            layers: layer_rows(image, what.layers),
            coverage: coverage_row(&assessment.coverage, inventory.executables),
            counts,
            fix_plan: fix::plan(to_fix, &inventory.systems),
            findings: open,
            handled: closed,
            malicious,
            handled_malicious,
            examined: inventory.examined,
            signatures: inventory.signatures,
            gaps: gaps.map(GapRow::from).collect(),
            components: Components(what.inventory),
            attached: what.attached.to_vec(),
            missing_walls: what.missing_walls.to_vec(),
        }
    }

    /// The highest severity among the findings and the malicious files that count; `None` when there are none.
    pub fn worst(&self) -> Option<Level> {
        let samples = self.malicious.iter().map(|it| it.severity);
        self.findings.iter().map(|it| it.severity).chain(samples).max()
    }
}

impl SampleRow {
    /// The row of a malicious file of `image`.
    pub fn new(it: &Malicious, image: &Image) -> SampleRow {
        let step = |layer: usize| Some(image.layers.get(layer)?.created_by.clone());
        let hidden_by = match it.suspect.visibility {
            Visibility::Effective => None,
            Visibility::Shadowed(layer) | Visibility::Deleted(layer) => step(layer),
        };
        let sample = &it.suspect.sample;
        SampleRow {
            threat: it.threat,
            title: it.threat.title().to_owned(),
            family: it.family.clone(),
            level: it.level,
            severity: it.level.severity(),
            confidence: it.confidence,
            confidence_rule: it.rule.clone(),
            class: it.threat.class().to_owned(),
            techniques: it.threat.techniques().iter().map(|it| (*it).to_owned()).collect(),
            path: it.suspect.path.to_string(),
            layer: it.suspect.layer,
            created_by: step(it.suspect.layer).unwrap_or_default(),
            visibility: it.suspect.visibility,
            hidden_by: hidden_by.unwrap_or_default(),
            trust: it.suspect.trust.clone(),
            size: sample.size,
            mode: format!("{:04o}", sample.mode),
            form: sample.form.clone(),
            hashes: sample.digests.names(),
            evidence: sample.evidence.clone(),
            started_by: it.started_by.clone(),
            advice: it.threat.advice().to_owned(),
        }
    }
}

/// The components found. Each is made into its row as it is written: there may be hundreds of thousands.
#[derive(Clone, Debug)]
pub struct Components(Inventory);

impl Components {
    /// What they are part of.
    pub fn inventory(&self) -> &Inventory {
        &self.0
    }

    /// The package URL of one of them.
    pub fn purl(&self, it: &Located<Component>) -> String {
        purl(&it.what, it.system.and_then(|it| self.0.systems.get(it)))
    }

    /// The rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = ComponentRow> {
        self.0.components.iter().map(|it| component_row(it, &self.0.systems))
    }
}

impl Serialize for Components {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows())
    }
}

fn finding_row(it: &Finding, component: &Located<Component>, what: &Findings<'_>) -> FindingRow {
    let system = component.system.and_then(|it| what.inventory.systems.get(it));
    let fixed = it.fixed.clone();
    let fix = fixed.as_ref();
    let fix = fix.and_then(|to| fix_command(component, to, it.why.by_source, system));
    FindingRow {
        component: it.component,
        id: it.id.clone(),
        aliases: it.aliases.clone(),
        errata: it.errata.clone(),
        kind: it.kind,
        title: it.title.clone(),
        severity: it.severity.level,
        severity_by: it.severity.by.clone(),
        ratings: it.ratings.clone(),
        priority: it.priority.value,
        priority_rule: it.priority.rule.clone(),
        status: it.status,
        certain: it.certain,
        fixed,
        fix_command: fix,
        purl: purl(&component.what, system),
        package: component.what.name.clone(),
        version: component.what.version.clone(),
        path: component.path.as_ref().map(ToString::to_string),
        layer: component.layer,
        published: it.published.map(|it| it.to_string()),
        exploited: it
            .exploited
            .as_ref()
            .map(|it| it.added.map(|it| it.to_string()).unwrap_or_default()),
        epss: it.epss.as_ref().map(|it| it.score),
        exploit_public: it.known().exploit_is_public(),
        exploits: it.exploits.clone(),
        remote: it.is_remote(),
        restart: it.restart,
        cwes: it.cwes.clone(),
        references: it.references.clone(),
        why: why_row(it, component, what.image),
        sources: it.sources.clone(),
    }
}

fn why_row(it: &Finding, component: &Located<Component>, image: &Image) -> WhyRow {
    let layer = image.layers.get(component.layer);
    WhyRow {
        cataloger: component.by.clone(),
        created_by: layer.map(|it| it.created_by.clone()).unwrap_or_default(),
        compared: it.why.clone(),
    }
}

impl From<&System> for SystemRow {
    fn from(it: &System) -> SystemRow {
        let distribution = it.release.as_ref().and_then(|it| Some((Distribution::of(it)?, it)));
        SystemRow {
            root: it.root.to_string(),
            name: it.release.as_ref().map(|it| match it.pretty.as_str() {
                "" => format!("{} {}", it.id, it.version_id),
                pretty => pretty.to_owned(),
            }),
            id: it.release.as_ref().map(|it| it.id.clone()),
            version: it
                .release
                .as_ref()
                .map(|it| it.version_id.clone())
                .filter(|it| !it.is_empty()),
            namespaces: distribution
                .map(|(it, release)| {
                    it.namespaces(release).iter().map(ToString::to_string).collect()
                })
                .unwrap_or_default(),
            end_of_life: distribution
                .and_then(|(it, of)| it.end_of_life(of))
                .map(|it| it.to_string()),
        }
    }
}

fn layer_rows(image: &Image, facts: &[LayerFacts]) -> Vec<LayerRow> {
    let rows = image.layers.iter().zip(facts).map(|(layer, facts)| LayerRow {
        digest: layer.blob.digest.as_ref().map(ToString::to_string),
        diff_id: facts.diff_id.as_ref().map(ToString::to_string),
        created_by: layer.created_by.clone(),
        bytes: facts.bytes,
        entries: facts.entries,
        cached: facts.cached,
    });
    rows.collect()
}

fn coverage_row(it: &Coverage, executables: Executables) -> CoverageRow {
    CoverageRow {
        grade: it.grade,
        reasons: it.reasons.iter().map(ToString::to_string).collect(),
        executable_files: executables.files,
        executable_bytes: executables.bytes,
        owned_files: executables.owned_files,
        owned_bytes: executables.owned_bytes,
    }
}

fn component_row(it: &Located<Component>, systems: &[System]) -> ComponentRow {
    let what = &it.what;
    ComponentRow {
        purl: purl(what, it.system.and_then(|it| systems.get(it))),
        kind: what.ecosystem.label().to_owned(),
        name: what.name.clone(),
        version: what.version.clone(),
        arch: what.arch.clone(),
        source: what.source.as_ref().map(|it| [it.name.clone(), it.version.clone()]),
        module: what.module.clone(),
        presence: what.presence.to_string(),
        path: it.path.as_ref().map(ToString::to_string),
        layer: it.layer,
        cataloger: it.by.clone(),
        system: it.system,
    }
}

fn purl(component: &Component, system: Option<&System>) -> String {
    let release = system.and_then(|it| it.release.as_ref());
    component.purl(release.map(|it| (it.id.as_str(), it.version_id.as_str())))
}

impl From<&Located<Gap>> for GapRow {
    fn from(it: &Located<Gap>) -> GapRow {
        GapRow {
            path: it.path.as_ref().map(ToString::to_string),
            layer: it.layer,
            by: it.what.by.clone(),
            reason: it.what.reason.to_string(),
        }
    }
}
