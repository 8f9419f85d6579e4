//! What a scan found, and that it failed.
use crate::{
    Counts, Error, Result, Row, Tx, Value,
    contents::{self, Prepared},
    counts, document, exceptions, handling,
    matches::{self, Found, Rate},
    places,
};
use model::{Coverage, Finding, Grade, Inventory};
use std::collections::BTreeMap;

/// The result of a scan that did not fail.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// The image.
    pub image: i64,
    /// When it was scanned.
    pub at: i64,
    /// The build of the advisory database that it was assessed with.
    pub build: &'a str,
    /// The revision of the analysers.
    pub revision: &'a str,
    /// The release at its root, for people.
    pub system: &'a str,
    /// What it runs on; empty where nothing says.
    pub platform: &'a str,
    /// How many bytes its layers have as they are stored; 0 where nothing says.
    pub size: i64,
    /// What is in it.
    pub inventory: &'a Inventory,
    /// For each component of it what an advisory must name to be about it: namespace and package, as an update
    /// of the database names what it changed.
    pub keys: &'a [Vec<(String, String)>],
    /// What was found.
    pub findings: &'a [Finding],
    /// What could not be seen.
    pub coverage: &'a Coverage,
    /// Whether to write also what was found in components that are known already, of which the advisories that
    /// hold say the same: repairs what went wrong before.
    pub verify: bool,
    /// All that is shown of the image besides: layers, systems, gaps, attached documents.
    pub detail: &'a [u8],
}

/// What became of a result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is stored.
    Stored,
    /// It is not: it was assessed with other advisories than those that hold now, which have this build. Assess
    /// it again.
    Stale(String),
}

/// Stores the result of a scan. Its risks count the image once [`settle`](crate::settle) has been called: a
/// hundred scans on one base would else write the same rows a hundred times.
pub fn succeed(tx: &mut Tx<'_>, scan: &Scan<'_>, rate: Rate<'_>) -> Result<Outcome> {
    if scan.keys.len() != scan.inventory.components.len() {
        return Err(Error::Invalid("each component has its keys".to_owned()));
    }
    let hashes = contents::hashes(scan.inventory, scan.findings)?;
    let prepared = Prepared::of(scan.inventory, scan.keys, &hashes)?;
    places::lock(tx)?;
    let build = crate::rematch::build(tx)?;
    if build != scan.build {
        return Ok(Outcome::Stale(build));
    }
    let components = prepared.components(tx)?;
    // What is known of the others was found with the same advisories, or is about to be.
    let mut found: Found<'_> = BTreeMap::new();
    for it in components.iter().filter(|it| it.is_new || scan.verify) {
        found.entry(it.id).or_insert_with(|| (it.category, Vec::new()));
    }
    for finding in scan.findings {
        let none = || Error::Invalid("a finding is about a component".to_owned());
        let component = components.get(finding.component).ok_or_else(none)?;
        if let Some((_, findings)) = found.get_mut(&component.id) {
            findings.push(finding);
        }
    }
    matches::reconcile(tx, &found, rate, scan.at)?;
    let ids = hashes.iter().map(String::as_str).zip(components.iter().map(|it| it.id)).collect();
    let layers = prepared.layers(tx, &ids)?;
    replace(tx, scan.image, &layers, scan.at)?;
    describe(tx, scan)?;
    let digest =
        tx.row("SELECT digest FROM image WHERE id = $1", &[scan.image.into()], |it| it.text(0))?;
    exceptions::end_once(tx, &digest.unwrap_or_default(), scan.at)?;
    Ok(Outcome::Stored)
}

/// Gives an image these contents, when it has others.
fn replace(tx: &mut Tx<'_>, image: i64, layers: &[(i64, i64)], at: i64) -> Result<()> {
    let sql = "SELECT layer, contents FROM image_contents WHERE image = $1 ORDER BY layer";
    let before = tx.rows(sql, &[image.into()], |it| Ok((it.int(0)?, it.int(1)?)))?;
    if before == layers {
        return Ok(());
    }
    let counted = tx.number("SELECT counted FROM image WHERE id = $1", &[image.into()])? != 0;
    let mut risks = if counted { counts::open_risks(tx, &[image])? } else { BTreeMap::new() };
    risks.values_mut().for_each(|it| *it = it.saturating_neg());
    tx.execute("DELETE FROM image_contents WHERE image = $1", &[image.into()])?;
    let row =
        |(layer, contents): &(i64, i64)| vec![image.into(), (*layer).into(), (*contents).into()];
    let rows: Vec<Vec<Value>> = layers.iter().map(row).collect();
    tx.insert("INSERT INTO image_contents (image, layer, contents)", &rows, "")?;
    handling::rewrite(tx, image)?;
    recount(tx, image)?;
    if counted {
        for (risk, n) in counts::open_risks(tx, &[image])? {
            let sum = risks.entry(risk).or_default();
            *sum = sum.saturating_add(n);
        }
        counts::add_images(tx, &risks, at)?;
    }
    Ok(())
}

/// Counts what is open in an image from its contents.
fn recount(tx: &mut Tx<'_>, image: i64) -> Result<()> {
    let sum = |it: &&str| format!("CAST(COALESCE(SUM(c.{it}), 0) AS BIGINT)");
    let sums: Vec<String> = Counts::COLUMNS.iter().map(sum).collect();
    let sql = format!(
        "SELECT {} FROM image_contents ic JOIN contents c ON c.id = ic.contents WHERE ic.image = $1",
        sums.join(", ")
    );
    let all = tx.row(&sql, &[image.into()], |it| Counts::at(it, 0))?.unwrap_or_default();
    let open = all.plus(handling::taken(tx, image)?, -1);
    let set = |(column, number): (&&str, i64)| format!("{column} = ${number}");
    let sets: Vec<String> = Counts::COLUMNS.iter().zip(3i64..).map(set).collect();
    let sql = format!("UPDATE image SET level = $2, {} WHERE id = $1", sets.join(", "));
    let values = [image, open.level().number()].into_iter().chain(open.numbers());
    tx.execute(&sql, &values.map(Value::from).collect::<Vec<_>>()).map(drop)
}

fn describe(tx: &mut Tx<'_>, scan: &Scan<'_>) -> Result<()> {
    let sql = "UPDATE image SET state = 'scanned', code = '', reason = '', scanned_at = $2, \
        first_scanned = CASE WHEN first_scanned = 0 THEN $2 ELSE first_scanned END, \
        revision = $3, system = $4, coverage = $5, uncovered = $6, components = $7, \
        platform = CASE WHEN platform = '' THEN $8 ELSE platform END, \
        size = CASE WHEN size = 0 THEN $9 ELSE size END WHERE id = $1";
    let count = i64::try_from(scan.inventory.components.len()).unwrap_or(i64::MAX);
    let (grade, reasons) = coverage(scan.coverage)?;
    let values: [Value; 9] = [
        scan.image.into(),
        scan.at.into(),
        scan.revision.into(),
        scan.system.into(),
        grade.into(),
        reasons.into(),
        count.into(),
        scan.platform.into(),
        scan.size.into(),
    ];
    tx.execute(sql, &values)?;
    let sql = "INSERT INTO image_detail (image, document) VALUES ($1, $2) \
               ON CONFLICT (image) DO UPDATE SET document = excluded.document";
    let document = document::compress(scan.detail)?;
    tx.execute(sql, &[scan.image.into(), document.into()]).map(drop)
}

fn coverage(coverage: &Coverage) -> Result<(i64, String)> {
    let grade = match coverage.grade {
        Grade::Known => 0,
        Grade::Partial => 1,
        Grade::Unknown => 2,
    };
    Ok((grade, document::text(&coverage.reasons)?))
}

/// Changes what could not be seen of an image, which other advisories or another day may do.
pub fn cover(tx: &mut Tx<'_>, image: i64, said: &Coverage) -> Result<()> {
    let sql = "UPDATE image SET coverage = $2, uncovered = $3 WHERE id = $1 AND (coverage <> $2 OR uncovered <> $3)";
    let (grade, reasons) = coverage(said)?;
    tx.execute(sql, &[image.into(), grade.into(), reasons.into()]).map(drop)
}

/// Notes that an image was to be scanned of which all that a scan would find is known.
pub fn again(tx: &mut Tx<'_>, image: i64, at: i64) -> Result<()> {
    places::lock(tx)?;
    let sql =
        "UPDATE image SET state = 'scanned', code = '', reason = '', scanned_at = $2 WHERE id = $1";
    tx.execute(sql, &[image.into(), at.into()])?;
    let digest =
        tx.row("SELECT digest FROM image WHERE id = $1", &[image.into()], |it| it.text(0))?;
    exceptions::end_once(tx, &digest.unwrap_or_default(), at)
}

/// The [details](Scan::detail) of images with a key above `after`, by key.
pub fn details(tx: &mut Tx<'_>, after: i64, limit: usize) -> Result<Vec<(i64, Vec<u8>)>> {
    let sql = "SELECT image, document FROM image_detail WHERE image > $1 ORDER BY image LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.rows(sql, &[after.into(), limit.into()], |it| {
        Ok((it.int(0)?, document::decompress(&it.bytes(1)?)?))
    })
}

/// Notes that a scan failed. What was known of the image stays.
pub fn fail(tx: &mut Tx<'_>, image: i64, code: &str, reason: &str) -> Result<()> {
    places::lock(tx)?;
    let sql = "UPDATE image SET state = 'failed', code = $2, reason = $3 WHERE id = $1";
    tx.execute(sql, &[image.into(), code.into(), reason.into()]).map(drop)
}

/// What a scan has to know of an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Known {
    /// Its key.
    pub id: i64,
    /// The revision of the analysers that saw it; empty: none.
    pub revision: String,
    /// When it was scanned last without failing; 0: never.
    pub scanned_at: i64,
}

/// The image of a digest.
pub fn known(tx: &mut Tx<'_>, digest: &str) -> Result<Option<Known>> {
    let sql = "SELECT id, revision, scanned_at FROM image WHERE digest = $1";
    let row =
        |it: &Row| Ok(Known { id: it.int(0)?, revision: it.text(1)?, scanned_at: it.int(2)? });
    tx.row(sql, &[digest.into()], row)
}
