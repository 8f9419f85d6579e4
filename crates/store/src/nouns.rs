//! What several questions speak of.
use crate::{Error, Result, Row, Value};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::fmt;

/// What a risk concerns.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Category {
    /// A package of the distribution.
    System,
    /// Any other component.
    Application,
    /// A file, or a package, that is malicious.
    Malware,
}

/// How bad what is open is. Ordered, the worst last.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Nothing is open.
    #[default]
    None,
    /// Low, negligible, or not rated.
    Low,
    /// Medium.
    Medium,
    /// High or critical.
    High,
}

/// Open findings of one category by level.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// High and critical.
    pub high: i64,
    /// Medium.
    pub medium: i64,
    /// Low, negligible and not rated.
    pub low: i64,
}

/// Open findings: a finding is a risk of a component that a layer brings in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Of the distribution's packages.
    pub system: Tally,
    /// Of other components.
    pub application: Tally,
    /// Malicious files and packages.
    pub malware: Tally,
}

/// A part of a list, and where it goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// So many as were asked for, or less.
    pub items: Vec<T>,
    /// Where the rest begins; `None`: there is no more.
    pub next: Option<Cursor>,
}

/// A position in a list. As text it is opaque, and may be kept for as long as one likes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor(Vec<Key>);

#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(untagged)]
enum Key {
    Int(i64),
    Text(String),
}

impl Category {
    /// Every one.
    pub const ALL: [Category; 3] = [Category::System, Category::Application, Category::Malware];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::System => "system",
            Category::Application => "application",
            Category::Malware => "malware",
        }
    }

    pub(crate) fn at(row: &Row, at: usize) -> Result<Category> {
        match row.text(at)?.as_str() {
            "system" => Ok(Category::System),
            "application" => Ok(Category::Application),
            "malware" => Ok(Category::Malware),
            it => Err(Error::Unexpected(format!("category {it}"))),
        }
    }
}

impl Level {
    pub(crate) fn number(self) -> i64 {
        match self {
            Level::None => 0,
            Level::Low => 1,
            Level::Medium => 2,
            Level::High => 3,
        }
    }

    pub(crate) fn at(row: &Row, at: usize) -> Result<Level> {
        match row.int(at)? {
            0 => Ok(Level::None),
            1 => Ok(Level::Low),
            2 => Ok(Level::Medium),
            3 => Ok(Level::High),
            it => Err(Error::Unexpected(format!("level {it}"))),
        }
    }
}

impl From<model::Level> for Level {
    fn from(it: model::Level) -> Level {
        match it {
            model::Level::Critical | model::Level::High => Level::High,
            model::Level::Medium => Level::Medium,
            model::Level::Low | model::Level::Negligible | model::Level::Unknown => Level::Low,
        }
    }
}

impl Tally {
    fn level(self) -> Level {
        match self {
            Tally { high: 1.., .. } => Level::High,
            Tally { medium: 1.., .. } => Level::Medium,
            Tally { low: 1.., .. } => Level::Low,
            _ => Level::None,
        }
    }
}

impl Counts {
    /// The columns that hold them, wherever they are kept.
    pub(crate) const COLUMNS: [&'static str; 9] = [
        "system_high",
        "system_medium",
        "system_low",
        "application_high",
        "application_medium",
        "application_low",
        "malware_high",
        "malware_medium",
        "malware_low",
    ];

    /// The highest level of which there is one.
    pub fn level(&self) -> Level {
        self.system.level().max(self.application.level()).max(self.malware.level())
    }

    /// Counts `by` more of these.
    pub fn add(&mut self, category: Category, level: Level, by: i64) {
        let tally = match category {
            Category::System => &mut self.system,
            Category::Application => &mut self.application,
            Category::Malware => &mut self.malware,
        };
        let place = match level {
            Level::None => return,
            Level::Low => &mut tally.low,
            Level::Medium => &mut tally.medium,
            Level::High => &mut tally.high,
        };
        *place = place.saturating_add(by);
    }

    /// The sum of both, the second so many times.
    #[must_use]
    pub fn plus(self, other: Counts, times: i64) -> Counts {
        let mut numbers = self.numbers();
        for (it, more) in numbers.iter_mut().zip(other.numbers()) {
            *it = it.saturating_add(more.saturating_mul(times));
        }
        Counts::of(numbers)
    }

    pub(crate) fn numbers(self) -> [i64; 9] {
        let of = |it: Tally| [it.high, it.medium, it.low];
        let ([a, b, c], [d, e, f]) = (of(self.system), of(self.application));
        let [g, h, i] = of(self.malware);
        [a, b, c, d, e, f, g, h, i]
    }

    pub(crate) fn of([a, b, c, d, e, f, g, h, i]: [i64; 9]) -> Counts {
        let tally = |high, medium, low| Tally { high, medium, low };
        Counts { system: tally(a, b, c), application: tally(d, e, f), malware: tally(g, h, i) }
    }

    /// Nine columns from this one on.
    pub(crate) fn at(row: &Row, at: usize) -> Result<Counts> {
        let mut numbers = [0; 9];
        for (it, at) in numbers.iter_mut().zip(at..) {
            *it = row.int(at)?;
        }
        Ok(Counts::of(numbers))
    }
}

/// How many rows are asked for to fill a page and know whether there is more.
pub(crate) fn one_more(limit: usize) -> Value {
    i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX).into()
}

/// The identifier below which a list that begins with the newest goes on.
pub(crate) fn below(cursor: Option<&Cursor>) -> Result<Value> {
    Ok(cursor.map_or(Ok(i64::MAX), |it| it.values(false).map(|it| it.1))?.into())
}

impl<T> Page<T> {
    /// A page of at most `limit` of `rows`, of which one more was asked for, to know whether there is more.
    pub(crate) fn of(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> Page<T> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Page { items: rows, next }
    }
}

impl Cursor {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Cursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&bytes).ok().map(Cursor)
    }

    pub(crate) fn of(name: &str, id: i64) -> Cursor {
        Cursor(vec![Key::Text(name.to_owned()), Key::Int(id)])
    }

    pub(crate) fn number(number: i64, id: i64) -> Cursor {
        Cursor(vec![Key::Int(number), Key::Int(id)])
    }

    /// What stands in it: a text or number, and the row.
    pub(crate) fn values(&self, text: bool) -> Result<(Value, i64)> {
        match self.0.as_slice() {
            [Key::Text(it), Key::Int(id)] if text => Ok((it.into(), *id)),
            [Key::Int(it), Key::Int(id)] if !text => Ok(((*it).into(), *id)),
            _ => Err(Error::Invalid("the cursor belongs to another list".to_owned())),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_vec(&self.0).unwrap_or_default();
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}
