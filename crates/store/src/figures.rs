//! Figures of everything.
use crate::{
    Level, Result, Row, Tx,
    images::{State, grade},
};
use model::Grade;

/// How many images there are in the lists, by what is known of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Images {
    /// How their last scan ended. One that failed may have findings from before.
    pub state: State,
    /// The highest level of what is open.
    pub level: Level,
    /// How much of them was seen.
    pub coverage: Grade,
    /// How many.
    pub images: i64,
}

/// The images in the lists by state, level and coverage.
pub fn images(tx: &mut Tx<'_>) -> Result<Vec<Images>> {
    let sql = "SELECT state, level, coverage, COUNT(*) FROM image WHERE places > 0 AND kind = 'image' \
               GROUP BY state, level, coverage ORDER BY 1, 2, 3";
    tx.rows(sql, &[], |it: &Row| {
        Ok(Images {
            state: State::at(it, 0)?,
            level: Level::at(it, 1)?,
            coverage: grade(it.int(2)?),
            images: it.int(3)?,
        })
    })
}

/// What could not be seen, and in how many images; reasons as JSON of [`model::Uncovered`].
pub fn uncovered(tx: &mut Tx<'_>) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT uncovered, COUNT(*) FROM image WHERE places > 0 AND kind = 'image' AND first_scanned > 0 \
               GROUP BY uncovered ORDER BY 2 DESC LIMIT 1000";
    tx.rows(sql, &[], |it| Ok((it.text(0)?, it.int(1)?)))
}

/// Scans that are to be or are running, in one state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Queued {
    /// `ready`, `later` (it waits for another attempt), `running`.
    pub state: String,
    /// How many.
    pub scans: i64,
    /// When the oldest of them was asked for.
    pub since: i64,
}

/// The queue.
pub fn queue(tx: &mut Tx<'_>) -> Result<Vec<Queued>> {
    let sql = "SELECT state, COUNT(*), MIN(created_at) FROM work GROUP BY state ORDER BY state";
    tx.rows(sql, &[], |it| Ok(Queued { state: it.text(0)?, scans: it.int(1)?, since: it.int(2)? }))
}

/// How many bytes the database has on disk.
pub fn bytes(tx: &mut Tx<'_>) -> Result<i64> {
    tx.size()
}
