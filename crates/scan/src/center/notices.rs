//! What people want to be told of, as documents.
use serde::Serialize;
use store::{Level, Result, Tx, images::Image, notices, quota::Quota, risks::Risk, work::Claim};

/// So many hundredths of the quota are nearly all of it.
pub(super) const NEARLY: u64 = 90;

/// Images that a risk came to because of what advisories say by now.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Affected {
    risk: String,
    category: &'static str,
    title: String,
    level: &'static str,
    /// The digests of some of them.
    images: Vec<String>,
    /// In how many it is open by now.
    open: i64,
}

impl Affected {
    pub(super) fn new(risk: Risk, images: Vec<Image>) -> Affected {
        let level = match risk.level {
            Level::None => "none",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        };
        Affected {
            risk: risk.name,
            category: risk.category.as_str(),
            title: risk.title,
            level,
            images: images.into_iter().map(|it| it.digest).collect(),
            open: risk.images,
        }
    }
}

#[derive(Serialize)]
struct Failed<'a> {
    digest: &'a str,
    registry: i64,
    repository: &'a str,
    code: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Nearly {
    used: u64,
    total: Option<u64>,
}

pub(super) fn affected(tx: &mut Tx<'_>, what: &Affected, now: i64) -> Result<()> {
    add(tx, "affected", what, now)
}

pub(super) fn failed(
    tx: &mut Tx<'_>,
    claim: &Claim,
    code: &str,
    reason: &str,
    now: i64,
) -> Result<()> {
    let Claim { digest, registry, repository, .. } = claim;
    add(tx, "failed", &Failed { digest, registry: *registry, repository, code, reason }, now)
}

pub(super) fn quota(tx: &mut Tx<'_>, quota: Quota, now: i64) -> Result<()> {
    add(tx, "quota", &Nearly { used: quota.used, total: quota.total }, now)
}

fn add(tx: &mut Tx<'_>, kind: &str, document: &impl Serialize, now: i64) -> Result<()> {
    let text = serde_json::to_string(document);
    let text = text.map_err(|err| store::Error::Invalid(err.to_string()))?;
    notices::add(tx, kind, &text, now).map(drop)
}
