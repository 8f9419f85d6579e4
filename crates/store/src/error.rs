//! What can go wrong between us and a database.
use std::{error, fmt};

/// Why something could not be read or written.
#[derive(Debug)]
pub enum Error {
    /// The database cannot be reached, or went away: why. It may be back later; what was being written
    /// may or may not be there.
    Unavailable(String),
    /// Others were in the way, again and again: why.
    Busy(String),
    /// A rule of the schema was broken, such as a name that is taken: which.
    Conflict(String),
    /// What the caller had is somebody else's by now, or gone: what.
    Lost(String),
    /// There is no room left: where.
    Full(String),
    /// What is stored cannot be read any more: why. A backup has to be restored.
    Damaged(String),
    /// What is stored is not what was expected: how.
    Unexpected(String),
    /// The question is wrong: how.
    Invalid(String),
    /// The database belongs to a newer version of the program: its schema, and the newest known here.
    Newer(i64, i64),
}

/// What most functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether the same transaction may succeed when it is tried again at once.
    pub(crate) fn contended(&self) -> bool {
        matches!(self, Error::Busy(_))
    }

    /// The same, where all that the database can refuse is a name that is taken.
    pub(crate) fn taken(self, what: &str, name: &str) -> Error {
        match self {
            Error::Conflict(_) => {
                Error::Conflict(format!("there is {what} of the name {name} already"))
            }
            other => other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unavailable(it) => write!(f, "the database cannot be reached: {it}"),
            Error::Busy(it) => write!(f, "the database is busy: {it}; try again"),
            Error::Conflict(it) => write!(f, "the database refuses: {it}"),
            Error::Lost(it) => f.write_str(it),
            Error::Full(it) => write!(f, "no room left for the database: {it}"),
            Error::Damaged(it) => write!(f, "the database is damaged: {it}; restore a backup"),
            Error::Invalid(it) => f.write_str(it),
            Error::Unexpected(it) => write!(f, "the database: {it}"),
            Error::Newer(found, known) => write!(
                f,
                "the database has schema {found}, made by a newer plimsoll; this one knows {known}"
            ),
        }
    }
}

impl error::Error for Error {}
