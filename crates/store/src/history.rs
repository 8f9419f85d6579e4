//! Figures of days that are over, and of today as far as it has come. Whoever leads writes today's again and again; days
//! on which nobody did are not there.
use crate::{Category, Counts, Result, Row, Tally, Tx, figures, risks};
use std::collections::BTreeMap;

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// What is kept of a day, by name: images by their level, and open risks as [`Counts`] has them.
const IMAGES: [&str; 3] = ["images_high", "images_medium", "images_low"];

/// The figures of a day.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Day {
    /// Days since 1970, UTC.
    pub day: i64,
    /// Images in the lists by the highest level of what was open in them.
    pub images: Tally,
    /// Open risks.
    pub risks: Counts,
}

/// The day of a time.
pub fn day(at: i64) -> i64 {
    at.div_euclid(DAY_MS)
}

/// How it is now.
pub fn today(tx: &mut Tx<'_>, now: i64) -> Result<Day> {
    let mut by_level = Counts::default();
    for it in figures::images(tx)? {
        // Which category does not matter: it is about the three levels.
        by_level.add(Category::System, it.level, it.images);
    }
    let mut counts = Counts::default();
    for (category, level, number) in risks::open(tx)? {
        counts.add(category, level, number);
    }
    Ok(Day { day: day(now), images: by_level.system, risks: counts })
}

/// Writes down how it is now, as the figures of this day.
pub fn note(tx: &mut Tx<'_>, now: i64) -> Result<()> {
    let it = today(tx, now)?;
    let Tally { high, medium, low } = it.images;
    let names = IMAGES.into_iter().chain(Counts::COLUMNS);
    for (name, number) in names.zip([high, medium, low].into_iter().chain(it.risks.numbers())) {
        let sql = "INSERT INTO daily (day, name, number) VALUES ($1, $2, $3) ON CONFLICT (day, name) \
                   DO UPDATE SET number = excluded.number WHERE daily.number <> excluded.number";
        tx.execute(sql, &[it.day.into(), name.into(), number.into()])?;
    }
    Ok(())
}

/// The days from this one on of which there are figures, in order.
pub fn since(tx: &mut Tx<'_>, day: i64) -> Result<Vec<Day>> {
    let sql = "SELECT day, name, number FROM daily WHERE day >= $1 ORDER BY day, name";
    let row = |it: &Row| Ok((it.int(0)?, it.text(1)?, it.int(2)?));
    let mut days: BTreeMap<i64, BTreeMap<String, i64>> = BTreeMap::new();
    for (day, name, number) in tx.rows(sql, &[day.into()], row)? {
        days.entry(day).or_default().insert(name, number);
    }
    Ok(days.iter().map(|(day, it)| of(*day, it)).collect())
}

fn of(day: i64, figures: &BTreeMap<String, i64>) -> Day {
    let number = |name: &str| figures.get(name).copied().unwrap_or_default();
    let [high, medium, low] = IMAGES.map(number);
    let risks = Counts::of(Counts::COLUMNS.map(number));
    Day { day, images: Tally { high, medium, low }, risks }
}

/// Forgets days before this one, and says how many figures that were.
pub fn forget(tx: &mut Tx<'_>, before: i64) -> Result<u64> {
    tx.execute("DELETE FROM daily WHERE day < $1", &[before.into()])
}
