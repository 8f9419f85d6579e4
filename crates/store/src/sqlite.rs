//! SQLite: one file, many readers, one writer at a time.
use crate::{Error, Result, Row, Value};
use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    backup::{Backup, StepResult},
    params_from_iter,
    types::{ToSqlOutput, Value as Theirs, ValueRef},
};
use std::{path::Path, thread, time::Duration};

/// How long a writer waits for another, of whatever process.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Sqlite> {
        let connection = Connection::open(path)
            .map_err(|err| Error::Unavailable(format!("{}: {}", path.display(), explain(&err))))?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(256);
        let mut it = Sqlite { connection };
        // Readers do not wait for the writer. With a write-ahead log, `NORMAL` may lose the last
        // transactions when the power fails, but not corrupt; a quota must not be lost: `FULL`.
        it.batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; PRAGMA trusted_schema = OFF;",
        )?;
        Ok(it)
    }

    pub(crate) fn begin(&mut self, write: bool) -> Result<()> {
        self.batch(if write {
            "PRAGMA query_only = OFF; BEGIN IMMEDIATE"
        } else {
            "PRAGMA query_only = ON; BEGIN"
        })
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(failed)
    }

    pub(crate) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        let mut statement = self.connection.prepare_cached(&numbered(sql)).map_err(failed)?;
        let width = statement.column_count();
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        let mut answer = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let values = (0..width).map(|at| row.get_ref(at).map_err(failed).and_then(ours));
            answer.push(Row(values.collect::<Result<_>>()?));
        }
        Ok(answer)
    }

    pub(crate) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(&numbered(sql)).map_err(failed)?;
        let count = statement.execute(params_from_iter(values)).map_err(failed)?;
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

/// Copies a database into an empty file as it is at this moment, while others write: from one state of the write-ahead
/// log, in one go. The file is to be synced.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let source = Sqlite::open(from)?;
    let mut target = existing(to)?;
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(failed)?;
    let backup = Backup::new(&source.connection, &mut target).map_err(failed)?;
    while backup.step(-1).map_err(failed)? != StepResult::Done {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Reads a whole database, and says what is wrong with it if anything is.
pub(crate) fn verify(path: &Path) -> std::result::Result<(), String> {
    let connection = existing(path).map_err(|err| err.to_string())?;
    let said = connection.query_row("PRAGMA integrity_check(1)", [], |it| it.get::<_, String>(0));
    match said {
        Ok(it) if it == "ok" => Ok(()),
        Ok(it) => Err(it.lines().rfind(|it| !it.starts_with("***")).unwrap_or_default().to_owned()),
        Err(it) => Err(explain(&it)),
    }
}

/// Makes sure that nobody has a database open, and that all of it is in its file. One that is damaged beyond reading is not
/// asked.
pub(crate) fn unused(path: &Path) -> Result<()> {
    let connection = existing(path)?;
    // Whoever has it open keeps this from being had, even while doing nothing.
    let alone =
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
    match alone.map_err(failed) {
        Ok(()) | Err(Error::Damaged(_)) => Ok(()),
        Err(Error::Busy(_)) => Err(Error::Conflict(format!("{} is in use", path.display()))),
        Err(it) => Err(it),
    }
}

fn existing(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let it = Connection::open_with_flags(path, flags).map_err(failed)?;
    it.execute_batch("PRAGMA trusted_schema = OFF").map_err(failed)?;
    Ok(it)
}

/// What differs in the schema.
pub(crate) fn dialect(sql: &str) -> String {
    sql.replace("{id}", "INTEGER PRIMARY KEY AUTOINCREMENT")
        .replace("{bytes}", "BLOB")
        .replace("{packed}", "WITHOUT ROWID")
}

/// SQLite takes `$1` for a name and counts names as they come; `?1` is the first value wherever it stands.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn ours(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(it) => Value::Int(it),
        ValueRef::Real(it) => Value::Real(it),
        ValueRef::Text(it) => Value::Text(String::from_utf8_lossy(it).into_owned()),
        ValueRef::Blob(it) => Value::Bytes(it.to_vec()),
    })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Null => ToSqlOutput::Owned(Theirs::Null),
            Value::Int(it) => ToSqlOutput::Owned(Theirs::Integer(*it)),
            Value::Real(it) => ToSqlOutput::Owned(Theirs::Real(*it)),
            Value::Text(it) => ToSqlOutput::Borrowed(ValueRef::Text(it.as_bytes())),
            Value::Bytes(it) => ToSqlOutput::Borrowed(ValueRef::Blob(it)),
        })
    }
}

fn failed(err: rusqlite::Error) -> Error {
    let text = explain(&err);
    match err.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy(text),
        Some(ErrorCode::ConstraintViolation) => Error::Conflict(text),
        Some(ErrorCode::DiskFull) => Error::Full(text),
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied,
        ) => Error::Unavailable(text),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::Damaged(text),
        _ => Error::Unexpected(text),
    }
}

fn explain(err: &rusqlite::Error) -> String {
    err.to_string()
}
