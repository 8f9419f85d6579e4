//! Risks: the lists of the categories.
use crate::{
    Category, Cursor, Level, Page, Result, Row, Tx, document,
    nouns::one_more,
    sets::{ESCAPE, Values, anywhere},
};
use model::Enrichment;

/// Which risks. What is empty, `false` or `None` leaves nothing out.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this category.
    pub category: Option<Category>,
    /// On one of these levels.
    pub levels: Vec<Level>,
    /// Known to be exploited.
    pub exploited: bool,
    /// With an exploit that is public: what is exploited, and what pages show how to exploit.
    pub exploit_public: bool,
    /// Attacked over the network in some component.
    pub remote: bool,
    /// In some component that running processes have loaded.
    pub restart: bool,
    /// With a fix for some component.
    pub fixable: bool,
    /// With this in name or title.
    pub text: String,
    /// What has become of them.
    pub state: State,
    /// In which order.
    pub sort: Sort,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sort {
    /// The most urgent first.
    #[default]
    Priority,
    /// The one that most images have open first.
    Images,
    /// The one seen first last, so that news are on top.
    Seen,
}

impl Sort {
    fn column(self) -> &'static str {
        match self {
            Sort::Priority => "priority",
            Sort::Images => "images",
            Sort::Seen => "first_seen",
        }
    }

    fn of(self, it: &Risk) -> i64 {
        match self {
            Sort::Priority => it.priority,
            Sort::Images => it.images,
            Sort::Seen => it.first_seen,
        }
    }
}

/// What has become of a risk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum State {
    /// Some image has it open.
    #[default]
    Open,
    /// A rule handles it somewhere.
    Handled,
    /// No component has it any more.
    Gone,
    /// Whatever.
    Any,
}

/// A risk in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    /// Its key.
    pub id: i64,
    /// What it concerns.
    pub category: Category,
    /// The CVE, or the advisory.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// How bad at worst.
    pub level: Level,
    /// How urgent at worst, 0 to 100.
    pub priority: i64,
    /// Whether some component has a fix.
    pub fixable: bool,
    /// Whether it is attacked over the network in some component, as far as anybody says.
    pub remote: bool,
    /// Whether some component is loaded by running processes, which must be started anew.
    pub restart: bool,
    /// EPSS, KEV and exploits.
    pub known: Enrichment,
    /// When it was published.
    pub published: Option<i64>,
    /// Components that have it.
    pub components: i64,
    /// Images in which it is open.
    pub images: i64,
    /// When it was seen first.
    pub first_seen: i64,
    /// Since when no image has it open.
    pub gone_at: Option<i64>,
}

const RISK: &str = "SELECT r.id, r.category, r.name, r.title, r.level, r.priority, r.fixable, r.known, r.published, \
    r.components, r.images, r.first_seen, r.gone_at, r.remote, r.restart FROM risk r";

fn risk(it: &Row) -> Result<Risk> {
    let (name, known) = (it.text(2)?, it.text(7)?);
    Ok(Risk {
        id: it.int(0)?,
        category: Category::at(it, 1)?,
        title: it.text(3)?,
        level: Level::at(it, 4)?,
        priority: it.int(5)?,
        fixable: it.truth(6)?,
        known: known_of(&name, &known)?,
        name,
        published: it.maybe_int(8)?,
        components: it.int(9)?,
        images: it.int(10)?,
        first_seen: it.int(11)?,
        gone_at: it.maybe_int(12)?,
        remote: it.truth(13)?,
        restart: it.truth(14)?,
    })
}

pub(crate) fn known_of(name: &str, known: &str) -> Result<Enrichment> {
    match known {
        "{}" => Ok(Enrichment { cve: name.to_owned(), ..Enrichment::default() }),
        it => document::from_text(it),
    }
}

/// The risks in the order that the filter wants.
pub fn page(
    tx: &mut Tx<'_>,
    filter: &Filter,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Risk>> {
    let mut values = Values::default();
    let column = filter.sort.column();
    let mut all = vec![match filter.state {
        State::Open => "r.gone_at IS NULL",
        State::Handled => {
            "r.id IN (SELECT risk FROM matched WHERE exception > 0 UNION SELECT risk FROM handled) \
             AND r.components > 0"
        }
        State::Gone => "r.components = 0",
        State::Any => "1 = 1",
    }
    .to_owned()];
    // Named in any case, so that the index by priority can be walked.
    let categories = filter.category.map_or(Category::ALL.to_vec(), |it| vec![it]);
    let categories: Vec<&str> = categories.into_iter().map(Category::as_str).collect();
    all.push(format!("r.category IN ({})", values.list(&categories)));
    if !filter.levels.is_empty() {
        let levels: Vec<i64> = filter.levels.iter().map(|it| it.number()).collect();
        all.push(format!("r.level IN ({})", values.list(&levels)));
    }
    let marks = [
        (filter.exploited, "r.exploited = 1"),
        (filter.exploit_public, "r.exploit_public = 1"),
        (filter.remote, "r.remote = 1"),
        (filter.fixable, "r.fixable = 1"),
        (filter.restart, "r.restart = 1"),
    ];
    all.extend(marks.iter().filter(|it| it.0).map(|it| it.1.to_owned()));
    if !filter.text.is_empty() {
        let pattern = values.put(anywhere(&filter.text));
        all.push(format!(
            "(lower(r.name) LIKE {pattern} {ESCAPE} OR lower(r.title) LIKE {pattern} {ESCAPE})"
        ));
    }
    if let Some(cursor) = cursor {
        let (last, id) = cursor.values(false)?;
        all.push(format!("(r.{column}, r.id) < ({}, {})", values.put(last), values.put(id)));
    }
    let limit_value = values.put(one_more(limit));
    let sql = format!(
        "{RISK} WHERE {} ORDER BY r.{column} DESC, r.id DESC LIMIT {limit_value}",
        all.join(" AND ")
    );
    let rows = tx.rows(&sql, &values.0, risk)?;
    Ok(Page::of(rows, limit, |it| Cursor::number(filter.sort.of(it), it.id)))
}

/// The risk of this name, in each category that has it.
pub fn named(tx: &mut Tx<'_>, name: &str) -> Result<Vec<Risk>> {
    tx.rows(&format!("{RISK} WHERE r.name = $1 ORDER BY r.category"), &[name.into()], risk)
}

/// The risks of these keys.
pub fn some(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<Risk>> {
    let mut risks = tx.among(&format!("{RISK} WHERE r.id IN ({{keys}})"), &[], ids, risk)?;
    risks.sort_by_key(|it| it.id);
    risks.dedup_by_key(|it| it.id);
    Ok(risks)
}

/// The images that a risk came to since then, because of what advisories say and not by a scan: those with a key above
/// `after`, by key. What notifications are made of.
pub fn newly_affected(
    tx: &mut Tx<'_>,
    risk: i64,
    since: i64,
    after: i64,
    limit: usize,
) -> Result<Vec<crate::images::Image>> {
    let sql = "SELECT DISTINCT ic.image FROM matched ma JOIN member m ON m.component = ma.component \
        JOIN image_contents ic ON ic.contents = m.contents JOIN image i ON i.id = ic.image \
        WHERE ma.risk = $1 AND ma.appeared_at >= $2 AND ma.gone_at IS NULL AND ma.exception IS NULL \
        AND ic.image > $3 AND i.places > 0 AND i.first_scanned < $2 AND NOT EXISTS (SELECT 1 FROM handled h \
        WHERE h.image = ic.image AND h.component = ma.component AND h.risk = ma.risk) \
        AND NOT EXISTS (SELECT 1 FROM matched mb JOIN member n ON n.component = mb.component \
        JOIN image_contents jc ON jc.contents = n.contents \
        WHERE mb.risk = $1 AND mb.appeared_at < $2 AND mb.gone_at IS NULL AND jc.image = ic.image) \
        ORDER BY ic.image LIMIT $4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = [risk.into(), since.into(), after.into(), limit.into()];
    let ids = tx.rows(sql, &values, |it| it.int(0))?;
    crate::images::some(tx, &ids)
}

/// Open risks by category and level.
pub fn open(tx: &mut Tx<'_>) -> Result<Vec<(Category, Level, i64)>> {
    let sql = "SELECT category, level, COUNT(*) FROM risk WHERE gone_at IS NULL GROUP BY category, level ORDER BY 1, 2";
    tx.rows(sql, &[], |it| Ok((Category::at(it, 0)?, Level::at(it, 1)?, it.int(2)?)))
}

/// Open risks by level and by how long they have been known: since the first of these times, or only since the second, and
/// so on, the last being those since none of them.
pub fn ages(tx: &mut Tx<'_>, since: [i64; 3]) -> Result<Vec<(Level, i64, i64)>> {
    let sql = "SELECT level, CASE WHEN first_seen >= $1 THEN 0 WHEN first_seen >= $2 THEN 1 \
               WHEN first_seen >= $3 THEN 2 ELSE 3 END, COUNT(*) \
               FROM risk WHERE gone_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2";
    let values = since.map(Into::into);
    tx.rows(sql, &values, |it| Ok((Level::at(it, 0)?, it.int(1)?, it.int(2)?)))
}
