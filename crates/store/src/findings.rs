//! Findings of images: what is open, handled and gone, why, since when; and two images side by side.
use crate::{Category, Level, Result, Row, Tx, components, document, matches::MONITORED, risks};
use model::{Component, Finding as Full, Status};
use std::collections::{BTreeMap, BTreeSet};

/// A finding of an image: a risk of a component that a layer brought in.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The layer.
    pub layer: i64,
    /// The component.
    pub component: i64,
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The risk.
    pub risk: i64,
    /// What it concerns.
    pub category: Category,
    /// The CVE, or the advisory.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// How bad for this component.
    pub level: Level,
    /// How urgent the risk is at worst.
    pub priority: i64,
    /// Whether it is known to be exploited.
    pub exploited: bool,
    /// Whether an exploit of it is public.
    pub exploit_public: bool,
    /// Whether this component is attacked over the network, as far as anybody says.
    pub remote: bool,
    /// Whether running processes have the component loaded, and must be started anew.
    pub restart: bool,
    /// What has been done about it.
    pub status: Status,
    /// The version that is no longer affected.
    pub fixed: Option<String>,
    /// Whether the versions could be compared.
    pub certain: bool,
    /// When it was first known of this image.
    pub first_seen: i64,
    /// When it came last, if it had gone meanwhile.
    pub appeared_at: i64,
    /// When advisories ceased to name it.
    pub gone_at: Option<i64>,
    /// The rule that handles it.
    pub handled_by: Option<i64>,
}

/// All findings of an image, the worst first; with those that advisories do not name any more or without.
pub fn of_image(tx: &mut Tx<'_>, image: i64, gone: bool) -> Result<Vec<Finding>> {
    let only = if gone {
        "(ma.gone_at IS NULL OR ma.gone_at > i.first_scanned)"
    } else {
        "ma.gone_at IS NULL"
    };
    let sql = format!(
        "SELECT ic.layer, ma.component, c.name, c.version, ma.risk, r.category, r.name, r.title, ma.level, \
         r.priority, r.exploited, ma.status, ma.fixed, ma.certain, \
         CASE WHEN ma.first_seen > i.first_scanned THEN ma.first_seen ELSE i.first_scanned END, \
         CASE WHEN ma.appeared_at > i.first_scanned THEN ma.appeared_at ELSE i.first_scanned END, \
         ma.gone_at, COALESCE(ma.exception, h.exception), r.exploit_public, ma.remote, ma.restart \
         FROM image i JOIN image_contents ic ON ic.image = i.id JOIN member m ON m.contents = ic.contents \
         JOIN matched ma ON ma.component = m.component JOIN component c ON c.id = ma.component \
         JOIN risk r ON r.id = ma.risk LEFT JOIN handled h ON h.image = i.id AND h.component = ma.component \
         AND h.risk = ma.risk WHERE i.id = $1 AND {only} \
         ORDER BY ma.level DESC, r.priority DESC, r.name, c.name, ma.component, ic.layer"
    );
    tx.rows(&sql, &[image.into()], |it| {
        Ok(Finding {
            layer: it.int(0)?,
            component: it.int(1)?,
            package: it.text(2)?,
            version: it.text(3)?,
            risk: it.int(4)?,
            category: Category::at(it, 5)?,
            name: it.text(6)?,
            title: it.text(7)?,
            level: Level::at(it, 8)?,
            priority: it.int(9)?,
            exploited: it.truth(10)?,
            status: document::from_word(&it.text(11)?)?,
            fixed: it.maybe_text(12)?,
            certain: it.truth(13)?,
            first_seen: it.int(14)?,
            appeared_at: it.int(15)?,
            gone_at: it.maybe_int(16)?,
            handled_by: it.maybe_int(17)?,
            exploit_public: it.truth(18)?,
            remote: it.truth(19)?,
            restart: it.truth(20)?,
        })
    })
}

/// Everything that is known of one finding: why it was made, by whom, how bad. The index of its component
/// means nothing, and its priority is to be reckoned from the rest.
pub fn why(tx: &mut Tx<'_>, component: i64, risk: i64) -> Result<Option<Full>> {
    let sql = "SELECT ma.document, r.name, r.known FROM matched ma JOIN risk r ON r.id = ma.risk \
               WHERE ma.component = $1 AND ma.risk = $2";
    let row = |it: &Row| Ok((it.bytes(0)?, it.text(1)?, it.text(2)?));
    let Some((packed, name, known)) = tx.row(sql, &[component.into(), risk.into()], row)? else {
        return Ok(None);
    };
    known_to(document::unpack(&packed)?, &name, &known).map(Some)
}

/// What is known of a component of an image: a finding, as in [`why`], and the rule that handles it.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// The component.
    pub component: i64,
    /// All of it.
    pub finding: Full,
    /// The rule that handles it.
    pub handled_by: Option<i64>,
}

/// All that is known of the findings of an image that advisories name.
pub fn whole(tx: &mut Tx<'_>, image: i64) -> Result<Vec<Whole>> {
    let sql = "SELECT ma.component, ma.document, r.name, r.known, COALESCE(ma.exception, h.exception) \
        FROM matched ma JOIN risk r ON r.id = ma.risk LEFT JOIN handled h ON h.image = $1 \
        AND h.component = ma.component AND h.risk = ma.risk WHERE ma.gone_at IS NULL AND ma.component IN \
        (SELECT m.component FROM image_contents ic JOIN member m ON m.contents = ic.contents WHERE ic.image = $1) \
        ORDER BY ma.component, r.name";
    tx.rows(sql, &[image.into()], |it| {
        let (name, known) = (it.text(2)?, it.text(3)?);
        let finding = known_to(document::unpack(&it.bytes(1)?)?, &name, &known)?;
        Ok(Whole { component: it.int(0)?, finding, handled_by: it.maybe_int(4)? })
    })
}

/// A malicious file in an image.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Malicious {
    /// Its digest: the name of the risk.
    pub risk: String,
    /// Where it is.
    pub path: String,
    /// What it is, for people.
    pub title: String,
    /// How bad.
    pub level: Level,
}

/// The malicious files of an image that no rule handles; those of which only monitored rules speak are not among them.
pub fn malicious(tx: &mut Tx<'_>, image: i64) -> Result<Vec<Malicious>> {
    let sql = "SELECT DISTINCT r.name, c.name, r.title, ma.level FROM image_contents ic \
        JOIN member m ON m.contents = ic.contents JOIN matched ma ON ma.component = m.component \
        JOIN component c ON c.id = ma.component JOIN risk r ON r.id = ma.risk LEFT JOIN handled h ON h.image = ic.image \
        AND h.component = ma.component AND h.risk = ma.risk WHERE ic.image = $1 AND ma.said_by <> '' \
        AND ma.said_by NOT LIKE $2 AND ma.gone_at IS NULL AND ma.exception IS NULL AND h.exception IS NULL ORDER BY ma.level DESC, c.name";
    let monitored = format!("% {MONITORED}");
    tx.rows(sql, &[image.into(), monitored.into()], |it| {
        let (risk, path, title) = (it.text(0)?, it.text(1)?, it.text(2)?);
        Ok(Malicious { risk, path, title, level: Level::at(it, 3)? })
    })
}

/// The rule that handles a risk of a component in an image.
pub fn handled_by(tx: &mut Tx<'_>, image: i64, component: i64, risk: i64) -> Result<Option<i64>> {
    let sql = "SELECT COALESCE(ma.exception, h.exception) FROM matched ma LEFT JOIN handled h ON h.image = $1 \
               AND h.component = ma.component AND h.risk = ma.risk WHERE ma.component = $2 AND ma.risk = $3";
    let found =
        tx.row(sql, &[image.into(), component.into(), risk.into()], |it| it.maybe_int(0))?;
    Ok(found.flatten())
}

/// Adds what is known of the risk wherever it occurs.
fn known_to(mut finding: Full, name: &str, known: &str) -> Result<Full> {
    finding.enrich(risks::known_of(name, known)?);
    Ok(finding)
}

/// The components that have a risk.
pub fn affected(
    tx: &mut Tx<'_>,
    risk: i64,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, Component)>> {
    let sql = "SELECT component FROM matched WHERE risk = $1 AND component > $2 AND gone_at IS NULL \
               ORDER BY component LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids = tx.rows(sql, &[risk.into(), after.into(), limit.into()], |it| it.int(0))?;
    Ok(components::by_id(tx, &ids)?.into_iter().map(|(id, it)| (id, it.0)).collect())
}

/// What happened to an image's findings, besides what scans did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// When.
    pub at: i64,
    /// Whether they came or went.
    pub appeared: bool,
    /// How many.
    pub findings: i64,
    /// The worst of them.
    pub level: Level,
    /// The names of some of their risks, the worst first.
    pub risks: Vec<String>,
}

/// When advisories added findings to an image after its first scan, or took some away; the latest first.
pub fn timeline(tx: &mut Tx<'_>, image: i64) -> Result<Vec<Event>> {
    const SOME: usize = 20;
    let first = "SELECT first_scanned FROM image WHERE id = $1";
    let first = tx.row(first, &[image.into()], |it| it.int(0))?.unwrap_or_default();
    let mut events: BTreeMap<(i64, bool), Event> = BTreeMap::new();
    for it in of_image(tx, image, true)? {
        let appeared = (it.appeared_at > first).then_some((it.appeared_at, true));
        for (at, appeared) in appeared.into_iter().chain(it.gone_at.map(|at| (at, false))) {
            let none =
                || Event { at, appeared, findings: 0, level: Level::None, risks: Vec::new() };
            let event = events.entry((at, appeared)).or_insert_with(none);
            event.findings = event.findings.saturating_add(1);
            event.level = event.level.max(it.level);
            if event.risks.len() < SOME && !event.risks.contains(&it.name) {
                event.risks.push(it.name.clone());
            }
        }
    }
    Ok(events.into_values().rev().collect())
}

/// Two images side by side: what only one of them has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Components of the first alone.
    pub components_removed: Vec<Component>,
    /// Components of the second alone.
    pub components_added: Vec<Component>,
    /// Findings of the first alone: no component of that name has the risk in the second.
    pub findings_removed: Vec<Finding>,
    /// Findings of the second alone.
    pub findings_added: Vec<Finding>,
}

/// Compares two images.
pub fn compare(tx: &mut Tx<'_>, before: i64, after: i64) -> Result<Comparison> {
    let mut only = |image: i64, other: i64| -> Result<(Vec<Component>, Vec<Finding>)> {
        let sql = "SELECT DISTINCT m.component FROM image_contents ic JOIN member m ON m.contents = ic.contents \
            WHERE ic.image = $1 AND NOT EXISTS (SELECT 1 FROM image_contents oc \
            JOIN member n ON n.contents = oc.contents WHERE oc.image = $2 AND n.component = m.component)";
        let ids = tx.rows(sql, &[image.into(), other.into()], |it| it.int(0))?;
        let mut some: Vec<Component> =
            components::by_id(tx, &ids)?.into_values().map(|it| it.0).collect();
        some.sort();
        let key = |it: &Finding| (it.category, it.name.clone(), it.package.clone());
        let theirs: BTreeSet<_> = of_image(tx, other, false)?.iter().map(key).collect();
        let mut findings = of_image(tx, image, false)?;
        findings.retain(|it| !theirs.contains(&key(it)));
        Ok((some, findings))
    };
    let (components_removed, findings_removed) = only(before, after)?;
    let (components_added, findings_added) = only(after, before)?;
    Ok(Comparison { components_removed, components_added, findings_removed, findings_added })
}
