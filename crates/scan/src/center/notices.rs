//! What people want to be told of, as documents.
use serde::{Deserialize, Serialize};
use store::{
    Level, Result, Tx, findings, images::Image, notices, quota::Quota, risks::Risk, work::Claim,
};

/// So many hundredths of the quota are nearly all of it.
pub(super) const NEARLY: u64 = 90;

/// So many images are named of those that a risk came to.
pub const NAMED: usize = 100;

/// Images that a risk came to because of what advisories say by now.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Affected {
    /// Which.
    pub risk: String,
    /// Of which category.
    pub category: String,
    /// What it is, for people.
    pub title: String,
    /// `high`, `medium`, `low`, `none`.
    pub level: String,
    /// The digests of some of them.
    pub images: Vec<String>,
    /// In how many it is open by now.
    pub open: i64,
}

impl Affected {
    pub(super) fn new(risk: Risk, images: Vec<Image>) -> Affected {
        let level = word(risk.level);
        Affected {
            risk: risk.name,
            category: risk.category.as_str().to_owned(),
            title: risk.title,
            level: level.to_owned(),
            images: images.into_iter().map(|it| it.digest).collect(),
            open: risk.images,
        }
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::None => "none",
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
    }
}

/// Malicious files that a scan has found in an image, which it did not have as far as was known.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Malicious {
    /// The digest of the image.
    pub image: String,
    /// Some of them, the worst first.
    pub files: Vec<MaliciousFile>,
    /// How many there are.
    pub count: usize,
}

/// A malicious file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MaliciousFile {
    /// Its digest: the name of the risk.
    pub risk: String,
    /// Where it is.
    pub path: String,
    /// What it is, for people.
    pub title: String,
    /// `high`, `medium`, `low`.
    pub level: String,
}

/// Tells which of the malicious files that an image has were not there `before`.
pub(super) fn malicious(
    tx: &mut Tx<'_>,
    (image, digest): (i64, &str),
    before: &[findings::Malicious],
    now: i64,
) -> Result<()> {
    let known = |it: &findings::Malicious| {
        before.iter().any(|was| (&was.risk, &was.path) == (&it.risk, &it.path))
    };
    let new = findings::malicious(tx, image)?.into_iter().filter(|it| !known(it));
    let file = |it: findings::Malicious| {
        let level = word(it.level).to_owned();
        MaliciousFile { risk: it.risk, path: it.path, title: it.title, level }
    };
    let mut files: Vec<MaliciousFile> = new.map(file).collect();
    if files.is_empty() {
        return Ok(());
    }
    let count = files.len();
    files.truncate(NAMED);
    add(tx, "malicious", &Malicious { image: digest.to_owned(), files, count }, now)
}

/// A scan that is not tried again by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Failed {
    /// Of which image.
    pub digest: String,
    /// From which registry.
    pub registry: i64,
    /// From which repository.
    pub repository: String,
    /// Why, for programs.
    pub code: String,
    /// Why, for people.
    pub reason: String,
}

/// Nearly all of the quota is used, or all of it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Nearly {
    /// So many images.
    pub used: u64,
    /// Of so many.
    pub total: Option<u64>,
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
    let (digest, repository) = (claim.digest.clone(), claim.repository.clone());
    let (code, reason) = (code.to_owned(), reason.to_owned());
    let what = Failed { digest, registry: claim.registry, repository, code, reason };
    add(tx, "failed", &what, now)
}

pub(super) fn quota(tx: &mut Tx<'_>, quota: Quota, now: i64) -> Result<()> {
    add(tx, "quota", &Nearly { used: quota.used, total: quota.total }, now)
}

fn add(tx: &mut Tx<'_>, kind: &str, document: &impl Serialize, now: i64) -> Result<()> {
    let text = serde_json::to_string(document);
    let text = text.map_err(|err| store::Error::Invalid(err.to_string()))?;
    notices::add(tx, kind, &text, now).map(drop)
}
