//! Images, what is in them, and what that means.
use crate::{
    Page, Problem,
    call::{Call, Failure},
    export::{Cell, Format},
    page::{Part, Place, place, shown},
    receive::{Json, Query},
    reply::Export,
    report,
    views::{
        Affected, Age, Category, Comparison, Component, ComponentName, Coverage, CoverageDetail,
        Day, Exception, Figures, Finding, FindingDetail, Image, ImageCount, ImageDetail, ImagePart,
        ImageState, Item, Layer, Level, Many, Risk, RiskState, Time,
    },
};
use model::{
    Ecosystem,
    report::{GapRow, SampleRow, SystemRow},
};
use scan::center::{Detail as Seen, Facts};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{cmp::Ordering, collections::BTreeMap};
use store::{
    Cursor, Tx, advisories, components, exceptions, figures, findings, history, images, items,
    quota, rematch, risks,
};

/// Which images, and in which order.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// In registries of these ids.
    #[serde(default)]
    pub(crate) registry: Many<i64>,
    /// In repositories of these ids.
    #[serde(default)]
    pub(crate) repository: Many<i64>,
    /// With this tag.
    pub(crate) tag: Option<String>,
    /// In one of these states.
    #[serde(default)]
    pub(crate) state: Many<ImageState>,
    /// On one of these levels.
    #[serde(default)]
    pub(crate) level: Many<Level>,
    /// With something open in this category.
    pub(crate) category: Option<Category>,
    /// Of which that much was seen.
    #[serde(default)]
    pub(crate) coverage: Many<Coverage>,
    /// With this in the name of a registry or repository, in a tag, or at the beginning of the digest.
    pub(crate) text: Option<String>,
    /// With a component of this name.
    pub(crate) component: Option<String>,
    /// The component's ecosystem, as the type of its package URL.
    pub(crate) ecosystem: Option<String>,
    /// The component's version is below this one.
    pub(crate) below: Option<String>,
    /// With this risk, open or handled.
    pub(crate) risk: Option<String>,
    /// The worst first, the one scanned or pushed last first, or by name.
    pub(crate) sort: Option<Sort>,
    /// Where the part begins: the `next` of the one before.
    pub(crate) cursor: Option<String>,
    /// How many rows, at most 500.
    pub(crate) limit: Option<u32>,
    /// For an export: what kind of file.
    pub(crate) format: Option<Format>,
}

/// The order of images.
#[derive(Clone, Copy, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sort {
    Level,
    Scanned,
    Pushed,
    Name,
}

/// The order of risks.
#[derive(Clone, Copy, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RiskSort {
    Priority,
    Images,
    Seen,
}

/// Which risks.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichRisks {
    pub(crate) category: Option<Category>,
    /// On one of these levels.
    #[serde(default)]
    pub(crate) level: Many<Level>,
    /// Known to be exploited.
    #[serde(default)]
    pub(crate) exploited: bool,
    /// With an exploit that is public: what is exploited, and what published pages show how to exploit.
    #[serde(default)]
    pub(crate) exploit_public: bool,
    /// Attacked over the network in some component, by the attack vector of its CVSS vector.
    #[serde(default)]
    pub(crate) remote: bool,
    /// With a fix for some component.
    #[serde(default)]
    pub(crate) fixable: bool,
    /// In some component that running processes have loaded: containers must be replaced once it is fixed.
    #[serde(default)]
    pub(crate) restart: bool,
    /// With this in name or title.
    pub(crate) text: Option<String>,
    /// What has become of them: open, where nothing is said.
    #[serde(default)]
    pub(crate) state: RiskState,
    /// The most urgent first, the one that most images have, or the one that was seen last.
    pub(crate) sort: Option<RiskSort>,
    /// Where the part begins: the `next` of the one before.
    pub(crate) cursor: Option<String>,
    /// How many rows, at most 500.
    pub(crate) limit: Option<u32>,
    /// For an export: what kind of file.
    pub(crate) format: Option<Format>,
}

/// Which findings of an image.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichFindings {
    /// Also those that advisories do not name any more.
    #[serde(default)]
    pub(crate) gone: bool,
}

/// With what an image is compared.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct With {
    /// The digest of the other image, which is the second.
    pub(crate) with: String,
}

/// What is looked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    /// With this in the name.
    pub(crate) text: Option<String>,
    /// Where the part begins: the `next` of the one before.
    pub(crate) cursor: Option<String>,
    /// How many rows, at most 500.
    pub(crate) limit: Option<u32>,
}

pub(crate) fn list(call: &Call, Query(asked): Query<Which>) -> Result<Json<Page<Image>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let page = call.read(|tx| {
        let filter = filter(tx, &asked)?;
        Ok(images::page(tx, &filter, sort(&asked), cursor.as_ref(), limit)?)
    })?;
    Ok(Json(shown(page)))
}

pub(crate) fn export(call: &Call, Query(asked): Query<Which>) -> Result<Export, Problem> {
    let format = asked.format.unwrap_or(Format::Csv);
    let heading = [
        "Registry",
        "Repository",
        "Tags",
        "Digest",
        "Platform",
        "System",
        "State",
        "Scanned",
        "Level",
        "Coverage",
        "System high",
        "System medium",
        "System low",
        "Application high",
        "Application medium",
        "Application low",
        "Malicious high",
        "Malicious medium",
        "Malicious low",
    ];
    let more = move |tx: &mut Tx<'_>, cursor: Option<&Cursor>, limit| {
        let filter = filter(tx, &asked)?;
        let page = images::page(tx, &filter, sort(&asked), cursor, limit)?;
        let rows = page.items.into_iter().map(Image::from).flat_map(image_rows).collect();
        Ok((rows, page.next))
    };
    Ok(Export::new(call, "images", format, &heading, more))
}

/// A row for each place; one for an image that is nowhere any more.
fn image_rows(it: Image) -> Vec<Vec<Cell>> {
    let counts = it.counts;
    let rest = |place: [String; 3]| {
        let [registry, repository, tags] = place.map(Cell::from);
        let mut row = vec![
            registry,
            repository,
            tags,
            it.digest.as_str().into(),
            it.platform.as_str().into(),
        ];
        row.extend([
            it.system.as_str().into(),
            word(&it.state),
            word(&it.scanned_at),
            word(&it.level),
            word(&it.coverage),
        ]);
        for tally in [counts.system, counts.application, counts.malware] {
            row.extend([tally.high.into(), tally.medium.into(), tally.low.into()]);
        }
        row
    };
    let mut rows: Vec<_> = it
        .places
        .iter()
        .map(|it| rest([it.registry_name.clone(), it.repository_name.clone(), it.tags.join(" ")]))
        .collect();
    if rows.is_empty() {
        rows.push(rest(Default::default()));
    }
    rows
}

/// As it is written in JSON.
fn word(it: &impl serde::Serialize) -> Cell {
    match serde_json::to_value(it) {
        Ok(Value::String(it)) => it.into(),
        _ => Cell::Empty,
    }
}

fn filter(tx: &mut Tx<'_>, asked: &Which) -> Result<images::Filter, Failure> {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    Ok(images::Filter {
        registries: asked.registry.0.clone(),
        repositories: asked.repository.0.clone(),
        tag: text(&asked.tag),
        states: asked.state.all(),
        levels: asked.level.all(),
        category: asked.category.map(Into::into),
        coverage: asked.coverage.all(),
        text: text(&asked.text),
        components: with_component(tx, asked)?,
        risk: text(&asked.risk),
    })
}

/// Versions by the image that has them.
type Versions = BTreeMap<i64, Vec<String>>;

/// The images with the component that is asked for, and which of its versions each has.
pub(crate) fn having(call: &Call, asked: &Which) -> Result<(Page<Image>, Versions), Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    call.read(|tx| {
        let filter = filter(tx, asked)?;
        let page = images::page(tx, &filter, sort(asked), cursor.as_ref(), limit)?;
        let known: BTreeMap<i64, model::Component> =
            components_asked_for(tx, asked)?.unwrap_or_default().into_iter().collect();
        let images: Vec<i64> = page.items.iter().map(|it| it.id).collect();
        let some: Vec<i64> = known.keys().copied().collect();
        let mut found = Versions::new();
        for (image, component) in components::in_images(tx, &images, &some)? {
            let version = known.get(&component).map(|it| it.version.clone());
            found.entry(image).or_default().extend(version);
        }
        for versions in found.values_mut() {
            versions.sort();
            versions.dedup();
        }
        Ok((shown(page), found))
    })
}

/// Those that are asked for; `None` when none are.
fn with_component(tx: &mut Tx<'_>, asked: &Which) -> Result<Option<Vec<i64>>, Failure> {
    let all = components_asked_for(tx, asked)?;
    Ok(all.map(|it| it.into_iter().map(|it| it.0).collect()))
}

/// The components that are asked for; `None` when none are.
fn components_asked_for(
    tx: &mut Tx<'_>,
    asked: &Which,
) -> Result<Option<Vec<(i64, model::Component)>>, Failure> {
    let Some(name) = &asked.component else {
        return match asked.below.is_some() || asked.ecosystem.is_some() {
            true => Err(Problem::invalid("below and ecosystem need a component").into()),
            false => Ok(None),
        };
    };
    let unknown = |name: &str| Problem::invalid(format!("there is no ecosystem {name:?}"));
    let known = |name: &str| Ecosystem::from_purl(name).ok_or_else(|| unknown(name));
    let ecosystem = asked.ecosystem.as_deref().map(known).transpose()?;
    let mut all = components::named(tx, name, ecosystem)?;
    if let Some(limit) = &asked.below {
        // Where the two cannot be compared nobody can say that it is not below.
        let scheme = |it: &model::Component| it.ecosystem.scheme();
        all.retain(|(_, it)| {
            scheme(it).order(&it.version, limit).is_none_or(|it| it == Ordering::Less)
        });
    }
    Ok(Some(all))
}

fn sort(asked: &Which) -> images::Sort {
    match asked.sort {
        None | Some(Sort::Level) => images::Sort::Level,
        Some(Sort::Scanned) => images::Sort::Scanned,
        Some(Sort::Pushed) => images::Sort::Pushed,
        Some(Sort::Name) => images::Sort::Name,
    }
}

/// An image by its digest.
pub(crate) fn detail(tx: &mut Tx<'_>, digest: &str) -> Result<images::Detail, Failure> {
    Ok(images::one(tx, digest)?.ok_or_else(|| Problem::not_found("image"))?)
}

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<ImageDetail>, Problem> {
    read(call, call.param("digest")?).map(Json)
}

/// All that is known of the image of this digest, but for what is in it.
pub(crate) fn read(call: &Call, digest: &str) -> Result<ImageDetail, Problem> {
    let (it, build) = call.read(|tx| Ok((detail(tx, digest)?, build(tx)?)))?;
    let seen = report::detail(&it)?.unwrap_or_default();
    let reasons = it.uncovered.iter().map(ToString::to_string).collect();
    let systems: Vec<SystemRow> = seen.systems.iter().map(SystemRow::from).collect();
    let gaps: Vec<GapRow> = seen.gaps.iter().map(GapRow::from).collect();
    let coverage = coverage(&it, reasons, &seen, &systems, call.now, build);
    Ok(ImageDetail {
        image: it.image.into(),
        coverage,
        revision: it.revision,
        layers: layers(&seen),
        systems,
        gaps,
        attached: seen.attached.iter().map(report::attached).collect(),
        missing_walls: seen.missing_walls,
        parts: it
            .parts
            .into_iter()
            .map(|(_, digest, platform)| ImagePart { digest, platform })
            .collect(),
    })
}

/// When the advisories in use were compiled.
fn build(tx: &mut Tx<'_>) -> Result<Option<Time>, Failure> {
    let used = rematch::build(tx)?;
    let all = advisories::all(tx)?;
    Ok(all.into_iter().find(|it| it.build == used).and_then(|it| Time::known(it.built_at)))
}

fn coverage(
    it: &images::Detail,
    reasons: Vec<String>,
    seen: &Seen,
    systems: &[SystemRow],
    now: i64,
    advisories_built_at: Option<Time>,
) -> CoverageDetail {
    let last = systems.first().and_then(|it| it.end_of_life.as_ref());
    let today = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    let today = today.to_zoned(jiff::tz::TimeZone::UTC).date();
    let supported =
        last.and_then(|it| it.parse().ok()).map(|last: jiff::civil::Date| today <= last);
    let model::Executables { files, bytes, owned_bytes, .. } = seen.executables;
    CoverageDetail {
        grade: it.image.coverage.into(),
        reasons,
        supported,
        supported_until: last.cloned(),
        gaps: seen.gaps.len(),
        executable_files: files,
        executable_bytes: bytes,
        attributed: share(owned_bytes, bytes),
        advisories_built_at,
        examined: seen.examined,
        signatures: seen.signatures,
    }
}

/// To the thousandth, of which there are few enough for any type.
fn share(part: u64, of: u64) -> Option<f64> {
    let thousandths = u128::from(part).checked_mul(1000)?.checked_div(u128::from(of))?;
    Some(f64::from(u32::try_from(thousandths).ok()?) / 1000.0)
}

fn layers(seen: &Seen) -> Vec<Layer> {
    let layer = |(layer, facts): (&model::Layer, &Facts)| Layer {
        digest: layer.blob.digest.as_ref().map(ToString::to_string),
        diff_id: facts.diff_id.clone(),
        created_by: layer.created_by.clone(),
        bytes: facts.bytes,
        entries: facts.entries,
    };
    seen.image.layers.iter().zip(&seen.layers).map(layer).collect()
}

pub(crate) fn findings(
    call: &Call,
    Query(asked): Query<WhichFindings>,
) -> Result<Json<Vec<Finding>>, Problem> {
    let digest = call.param("digest")?;
    let all = call.read(|tx| {
        let image = detail(tx, digest)?.image.id;
        Ok(findings::of_image(tx, image, asked.gone)?)
    })?;
    Ok(Json(all.into_iter().map(Finding::from).collect()))
}

pub(crate) fn components(call: &Call, (): ()) -> Result<Json<Vec<Component>>, Problem> {
    let digest = call.param("digest")?;
    let all = call.read(|tx| {
        let image = detail(tx, digest)?.image.id;
        Ok(components::of_image(tx, image)?)
    })?;
    Ok(Json(all.into_iter().map(Component::from).collect()))
}

pub(crate) fn scans(call: &Call, (): ()) -> Result<Json<Vec<Item>>, Problem> {
    let digest = call.param("digest")?;
    let all = call.read(|tx| {
        detail(tx, digest)?;
        Ok(items::of_digest(tx, digest, 100)?)
    })?;
    Ok(Json(all.into_iter().map(Item::from).collect()))
}

pub(crate) fn compare(call: &Call, Query(asked): Query<With>) -> Result<Json<Comparison>, Problem> {
    let digest = call.param("digest")?;
    let it = call.read(|tx| {
        let (first, second) = (detail(tx, digest)?.image.id, detail(tx, &asked.with)?.image.id);
        Ok(findings::compare(tx, first, second)?)
    })?;
    Ok(Json(it.into()))
}

pub(crate) fn why(call: &Call, (): ()) -> Result<Json<FindingDetail>, Problem> {
    let number =
        |name: &str| call.param(name)?.parse::<i64>().map_err(|_| Problem::not_found("finding"));
    let (component, risk) = (number("component")?, number("risk")?);
    let it = call.read(|tx| Ok(findings::why(tx, component, risk)?))?;
    let mut it = it.ok_or_else(|| Problem::not_found("finding"))?;
    it.priority = report::priority(&it);
    Ok(Json(it.into()))
}

/// A finding of an image: all that is known of it, where its component is, and what mends it there.
pub(crate) struct Explained {
    pub(crate) detail: FindingDetail,
    pub(crate) component: model::Component,
    /// The image, by digest, and where the component is in it; none where no image has it.
    pub(crate) place: Option<(String, model::Located<model::Component>)>,
    /// What to type.
    pub(crate) command: Option<String>,
    /// The exception that handles it there.
    pub(crate) handled: Option<Exception>,
}

/// Explains a risk of a component by the image of this digest, or else by any that has it.
pub(crate) fn explained(
    call: &Call,
    risk: i64,
    component: i64,
    digest: Option<&str>,
) -> Result<Option<Explained>, Problem> {
    call.read(|tx| {
        let after = component.saturating_sub(1);
        let known = findings::affected(tx, risk, after, 1)?.into_iter().next();
        let Some((_, known)) = known.filter(|it| it.0 == component) else { return Ok(None) };
        let Some(mut finding) = findings::why(tx, component, risk)? else { return Ok(None) };
        finding.priority = report::priority(&finding);
        let filter =
            images::Filter { components: Some(vec![component]), ..images::Filter::default() };
        let some = images::page(tx, &filter, images::Sort::Level, None, 1)?.items;
        let digest = digest.map(str::to_owned);
        let digest = digest.or_else(|| some.into_iter().next().map(|it| it.digest));
        let (mut place, mut command, mut sample, mut handled) = (None, None, None, None);
        if let Some(digest) = digest {
            let image = detail(tx, &digest)?;
            let seen = report::detail(&image)?.unwrap_or_default();
            sample = finding.sample.as_ref().map(|it| SampleRow::new(it, &seen.image));
            let rule = findings::handled_by(tx, image.image.id, component, risk)?;
            handled = rule.map(|it| exceptions::one(tx, it)).transpose()?.flatten();
            let systems = seen.systems;
            let all = components::found(tx, image.image.id, &systems)?;
            let it = all.into_iter().find(|it| it.0 == component).map(|it| it.1);
            command = it.as_ref().zip(finding.fixed.as_ref()).and_then(|(it, fixed)| {
                let system = it.system.and_then(|it| systems.get(it));
                model::fix::fix_command(it, fixed, finding.why.by_source, system)
            });
            place = it.map(|it| (digest, it));
        }
        let mut detail = FindingDetail::from(finding);
        // With the build instructions of that image.
        detail.sample = sample.or(detail.sample);
        let handled = handled.map(Exception::from);
        Ok(Some(Explained { detail, component: known, place, command, handled }))
    })
}

pub(crate) fn names(
    call: &Call,
    Query(asked): Query<Text>,
) -> Result<Json<Page<ComponentName>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let text = asked.text.unwrap_or_default();
    let page = call.read(|tx| Ok(components::search(tx, &text, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

fn risk_filter(asked: &WhichRisks) -> risks::Filter {
    risks::Filter {
        category: asked.category.map(Into::into),
        levels: asked.level.all(),
        exploited: asked.exploited,
        exploit_public: asked.exploit_public,
        remote: asked.remote,
        fixable: asked.fixable,
        restart: asked.restart,
        text: asked.text.clone().unwrap_or_default(),
        state: asked.state.into(),
        sort: match asked.sort {
            None | Some(RiskSort::Priority) => risks::Sort::Priority,
            Some(RiskSort::Images) => risks::Sort::Images,
            Some(RiskSort::Seen) => risks::Sort::Seen,
        },
    }
}

pub(crate) fn risks(
    call: &Call,
    Query(asked): Query<WhichRisks>,
) -> Result<Json<Page<Risk>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let filter = risk_filter(&asked);
    let page = call.read(|tx| Ok(risks::page(tx, &filter, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

pub(crate) fn export_risks(
    call: &Call,
    Query(asked): Query<WhichRisks>,
) -> Result<Export, Problem> {
    let (format, filter) = (asked.format.unwrap_or(Format::Csv), risk_filter(&asked));
    let heading = [
        "Name",
        "Title",
        "Category",
        "Level",
        "Priority",
        "Exploited",
        "Exploit public",
        "Remote",
        "Fixable",
        "Restart needed",
        "EPSS",
        "Published",
        "Images",
        "Components",
        "First seen",
    ];
    let row = |it: Risk| {
        let flag = |it: bool| Cell::from(if it { "yes" } else { "no" });
        vec![
            it.name.into(),
            it.title.into(),
            word(&it.category),
            word(&it.level),
            it.priority.into(),
            flag(it.exploited),
            flag(it.exploit_public),
            flag(it.remote),
            flag(it.fixable),
            flag(it.restart),
            it.epss.into(),
            word(&it.published),
            it.images.into(),
            it.components.into(),
            word(&it.first_seen),
        ]
    };
    let more = move |tx: &mut Tx<'_>, cursor: Option<&Cursor>, limit| {
        let page = risks::page(tx, &filter, cursor, limit)?;
        Ok((page.items.into_iter().map(Risk::from).map(row).collect(), page.next))
    };
    Ok(Export::new(call, "risks", format, &heading, more))
}

pub(crate) fn risk(call: &Call, (): ()) -> Result<Json<Vec<Risk>>, Problem> {
    let name = call.param("name")?;
    let all = call.read(|tx| Ok(risks::named(tx, name)?))?;
    match all.is_empty() {
        true => Err(Problem::not_found("risk")),
        false => Ok(Json(all.into_iter().map(Risk::from).collect())),
    }
}

pub(crate) fn affected(
    call: &Call,
    Query(part): Query<Part>,
) -> Result<Json<Page<Affected>>, Problem> {
    let name = call.param("name")?;
    let Place { limit, .. } = Part { cursor: None, limit: part.limit }.place()?;
    let after = part.cursor.as_deref().map_or(Ok(0), str::parse);
    let after: i64 =
        after.map_err(|_| Problem::invalid("the cursor is not one that this list gave"))?;
    let mut all = call.read(|tx| {
        let mut all = Vec::new();
        for it in risks::named(tx, name)? {
            all.extend(findings::affected(tx, it.id, after, limit.saturating_add(1))?);
        }
        Ok(all)
    })?;
    all.sort_by_key(|it| it.0);
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|it| it.0.to_string());
    let items = all.into_iter().map(|(component, it)| Affected {
        component,
        name: it.name,
        version: it.version,
    });
    Ok(Json(Page { items: items.collect(), next }))
}

pub(crate) fn figures(call: &Call, (): ()) -> Result<Json<Figures>, Problem> {
    let (last, next) = call.app.center.cycle_times()?;
    let (cycle_last, cycle_next) = (last.map(Time), next.map(Time));
    call.read(|tx| {
        let risks = risks::open(tx)?.into_iter().map(|(a, b, n)| (a.into(), b.into(), n)).collect();
        let images = figures::images(tx)?.into_iter().map(ImageCount::from).collect();
        let (quota, ages) = (quota::read(tx)?.into(), ages(tx, call.now)?);
        Ok(Json(Figures { images, risks, quota, cycle_last, cycle_next, ages }))
    })
}

fn ages(tx: &mut Tx<'_>, now: i64) -> store::Result<Vec<Age>> {
    const DAYS: [u32; 3] = [7, 30, 90];
    let since = DAYS.map(|it| now.saturating_sub(i64::from(it).saturating_mul(86_400_000)));
    let age = |(level, at, risks): (store::Level, i64, i64)| {
        let days = usize::try_from(at).ok().and_then(|it| DAYS.get(it).copied());
        Age { level: level.into(), days, risks }
    };
    Ok(risks::ages(tx, since)?.into_iter().map(age).collect())
}

/// How far back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichDays {
    /// So many days until today, 1 to 400; none: 90.
    days: Option<u32>,
}

/// How far back, if nobody says.
pub(crate) const DAYS: u32 = 90;

pub(crate) fn history(
    call: &Call,
    Query(asked): Query<WhichDays>,
) -> Result<Json<Vec<Day>>, Problem> {
    let days = asked.days.unwrap_or(DAYS);
    if !(1..=400).contains(&days) {
        return Err(Problem::invalid("days is 1 to 400"));
    }
    Ok(Json(until_today(call, days, &figures(call, ())?.0)?))
}

/// So many days until today, which is as these figures say.
pub(crate) fn until_today(call: &Call, days: u32, it: &Figures) -> Result<Vec<Day>, Problem> {
    let today = history::day(call.now);
    let first = today.saturating_add(1).saturating_sub(i64::from(days));
    let past = call.read(|tx| Ok(history::since(tx, first)?))?;
    let past = past.into_iter().filter(|it| it.day < today).map(Day::from);
    Ok(past.chain([Day::of(today, it)]).collect())
}
