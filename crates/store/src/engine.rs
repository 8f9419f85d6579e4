//! A database of either kind, its connections, and transactions on them.
use crate::{
    Error, Result, Row, Value,
    postgres::{self, Postgres},
    schema,
    sqlite::{self, Sqlite},
    turns::{Turn, Turns},
};
use std::{
    fmt,
    path::PathBuf,
    sync::{Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// How often a transaction that others were in the way of is tried.
const TRIES: u32 = 8;

/// The most values of one statement; SQLite takes 32 766, PostgreSQL 65 535.
const VALUES: usize = 8_000;

/// How long a connection is waited for when all are in use.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the database is.
#[derive(Clone)]
pub enum Settings {
    /// SQLite, in this file.
    Embedded(PathBuf),
    /// PostgreSQL.
    Server {
        /// Where: `postgres://user:password@host:5432/name?sslmode=require`. Without a mode TLS is used
        /// where the server offers it; `disable` and `require` leave no choice. A certificate is always
        /// verified, so that `verify-full` means the same as `require`.
        url: String,
        /// Certificates, PEM, of authorities to trust instead of the system's.
        authorities: Option<Vec<u8>>,
        /// How many connections at most.
        connections: usize,
    },
}

/// A database that is open. Shared by all threads.
pub struct Store {
    settings: Settings,
    idle: Mutex<Vec<Connection>>,
    /// How many more connections may be opened.
    free: Mutex<usize>,
    returned: Condvar,
    /// Writers of SQLite, which has one at a time. It would let each of them look again and again whether it is his
    /// turn, the less often the longer he has waited.
    writers: Turns,
}

enum Connection {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// A transaction. It ends when the function that got it does: kept when that says `Ok`, undone when `Err`.
pub struct Tx<'a> {
    connection: &'a mut Connection,
    /// What went wrong first. PostgreSQL then undoes the transaction, whatever is said in the end.
    failed: Option<String>,
}

impl Store {
    /// Opens the database and brings its schema up to date.
    pub fn open(settings: Settings) -> Result<Store> {
        let connections = match &settings {
            Settings::Embedded(_) => 8,
            Settings::Server { connections, .. } => (*connections).max(1),
        };
        let store = Store {
            settings,
            idle: Mutex::default(),
            free: Mutex::new(connections),
            returned: Condvar::new(),
            writers: Turns::default(),
        };
        store.write(schema::migrate)?;
        Ok(store)
    }

    /// Whether other machines may use the same database.
    pub fn is_shared(&self) -> bool {
        matches!(self.settings, Settings::Server { .. })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Bytes that the database takes on disk, without logs of what is being written.
    pub fn size(&self) -> Result<u64> {
        let sql = match self.settings {
            Settings::Embedded(_) => {
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            }
            Settings::Server { .. } => "SELECT pg_database_size(current_database())",
        };
        let size = self.read(|tx| tx.number(sql, &[]))?;
        Ok(u64::try_from(size).unwrap_or_default())
    }

    /// Asks within one transaction that sees one state of the database. Nothing can be changed in it.
    pub fn read<T>(&self, ask: impl FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(false, None, ask)
    }

    /// Changes things within one transaction. `change` may be called several times: when others were in
    /// the way, what it did is undone and it is tried again. No error of the database may be passed over
    /// in it: the transaction is lost with the first. It may not call for another transaction.
    pub fn write<T>(&self, change: impl FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        // Whose turn it is also has a connection, however many read.
        let turn = (!self.is_shared()).then(|| self.writers.take());
        self.transact(true, turn.as_ref(), change)
    }

    fn transact<T>(
        &self,
        write: bool,
        turn: Option<&Turn<'_>>,
        mut run: impl FnMut(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut pause = Duration::from_millis(2);
        for _ in 1..TRIES {
            match self.once(write, turn, &mut run) {
                Err(err) if err.contended() => {
                    thread::sleep(pause);
                    pause = pause.saturating_mul(2);
                }
                outcome => return outcome,
            }
        }
        self.once(write, turn, &mut run)
    }

    fn once<T>(
        &self,
        write: bool,
        turn: Option<&Turn<'_>>,
        run: &mut impl FnMut(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let slot = if turn.is_some() { None } else { Some(self.slot()?) };
        let mut connection = self.begun(write)?;
        let mut tx = Tx { connection: &mut connection, failed: None };
        let outcome = run(&mut tx);
        let outcome = match (outcome, tx.failed) {
            (Ok(it), None) => connection.end(true).map(|()| it),
            (Ok(_), Some(why)) => Err(Error::Unexpected(format!("passed over: {why}"))),
            (Err(err), _) => Err(err),
        };
        // Whatever is still open is undone. The connection may be gone; then so is the transaction.
        if outcome.is_ok() || connection.end(false).is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        drop(slot);
        outcome
    }

    /// A connection with a transaction. One that has been idle may have been cut meanwhile, which shows
    /// now, before anything has been done.
    fn begun(&self, write: bool) -> Result<Connection> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut connection) = idle else { break };
            match connection.begin(write) {
                Err(Error::Unavailable(_)) => {}
                outcome => return outcome.map(|()| connection),
            }
        }
        let mut connection = self.connect()?;
        connection.begin(write)?;
        Ok(connection)
    }

    fn slot(&self) -> Result<Slot<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.returned.wait_timeout_while(free, PATIENCE, |it| *it == 0);
        let (mut free, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(Error::Unavailable("all connections are in use".to_owned()));
        }
        *free = free.saturating_sub(1);
        Ok(Slot(self))
    }

    fn connect(&self) -> Result<Connection> {
        match &self.settings {
            Settings::Embedded(path) => Ok(Connection::Sqlite(Sqlite::open(path)?)),
            Settings::Server { url, authorities, .. } => {
                let it = Postgres::connect(url, authorities.as_deref())?;
                Ok(Connection::Postgres(Box::new(it)))
            }
        }
    }
}

/// The right to one connection, given back however its holder ends.
struct Slot<'a>(&'a Store);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_add(1);
        self.0.returned.notify_one();
    }
}

impl fmt::Debug for Settings {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Settings::Embedded(path) => f.debug_tuple("Embedded").field(path).finish(),
            Settings::Server { .. } => f.write_str("Server"),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.settings).finish()
    }
}

impl Connection {
    fn begin(&mut self, write: bool) -> Result<()> {
        match self {
            Connection::Sqlite(it) => it.begin(write),
            Connection::Postgres(it) => it.batch(if write {
                "BEGIN"
            } else {
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            }),
        }
    }

    fn end(&mut self, keep: bool) -> Result<()> {
        let word = if keep { "COMMIT" } else { "ROLLBACK" };
        match self {
            Connection::Sqlite(it) => it.batch(word),
            Connection::Postgres(it) => it.batch(word),
        }
    }
}

impl Tx<'_> {
    /// The rows of an answer, each made into something by `make`.
    pub(crate) fn rows<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        make: impl Fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let rows = match self.connection {
            Connection::Sqlite(it) => it.query(sql, values),
            Connection::Postgres(it) => it.query(sql, values),
        };
        self.noted(rows)?.iter().map(make).collect()
    }

    /// The first row of an answer, if it has any.
    pub(crate) fn row<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        make: impl Fn(&Row) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.rows(sql, values, make)?.into_iter().next())
    }

    /// The number that a question always has for an answer: a count, an identifier just made.
    pub(crate) fn number(&mut self, sql: &str, values: &[Value]) -> Result<i64> {
        let none = || Error::Unexpected(format!("no answer to {sql}"));
        self.row(sql, values, |it| it.int(0))?.ok_or_else(none)
    }

    /// Changes rows, and says how many.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        let count = match self.connection {
            Connection::Sqlite(it) => it.execute(sql, values),
            Connection::Postgres(it) => it.execute(sql, values),
        };
        self.noted(count)
    }

    /// Inserts many rows: `head` is `INSERT INTO t (a, b)`, `tail` what follows the values. All rows are
    /// equally long.
    pub(crate) fn insert(&mut self, head: &str, rows: &[Vec<Value>], tail: &str) -> Result<u64> {
        let mut count = 0u64;
        for chunk in chunks(rows) {
            let places = places(chunk.len(), chunk.first().map_or(0, Vec::len));
            let values: Vec<Value> = chunk.iter().flatten().cloned().collect();
            let done = self.execute(&format!("{head} VALUES {places} {tail}"), &values)?;
            count = count.saturating_add(done);
        }
        Ok(count)
    }

    /// The rows that have one of `keys`: `sql` has `{keys}` where the list of them belongs; `values` are
    /// its other values.
    pub(crate) fn among<K: Clone + Into<Value>, T>(
        &mut self,
        sql: &str,
        values: &[Value],
        keys: &[K],
        make: impl Fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for (list, values) in lists(values, keys) {
            all.extend(self.rows(&sql.replace("{keys}", &list), &values, &make)?);
        }
        Ok(all)
    }

    /// Changes the rows that have one of `keys`, as [`Tx::among`].
    pub(crate) fn execute_among<K: Clone + Into<Value>>(
        &mut self,
        sql: &str,
        values: &[Value],
        keys: &[K],
    ) -> Result<u64> {
        let mut count = 0u64;
        for (list, values) in lists(values, keys) {
            count = count.saturating_add(self.execute(&sql.replace("{keys}", &list), &values)?);
        }
        Ok(count)
    }

    /// Changes rows by many keys, or each in its own way: `sql` has `{rows}` where a table of `rows`, all of
    /// numbers, belongs, whose columns are `column1`, `column2`...
    pub(crate) fn execute_rows(&mut self, sql: &str, rows: &[Vec<i64>]) -> Result<u64> {
        let rows: Vec<Vec<Value>> =
            rows.iter().map(|row| row.iter().map(|it| (*it).into()).collect()).collect();
        let mut count = 0u64;
        for chunk in chunks(&rows) {
            let width = chunk.first().map_or(0, Vec::len);
            // PostgreSQL takes a value for a text when nothing says what it is.
            let first: Vec<String> =
                (1..=width).map(|it| format!("CAST(${it} AS BIGINT)")).collect();
            let rest = places(chunk.len(), width);
            let rest = rest.split_once(')').map_or("", |it| it.1);
            let sql = sql.replace("{rows}", &format!("(VALUES ({}){rest})", first.join(", ")));
            let values: Vec<Value> = chunk.iter().flatten().cloned().collect();
            count = count.saturating_add(self.execute(&sql, &values)?);
        }
        Ok(count)
    }

    fn noted<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let (Err(err), None) = (&outcome, &self.failed) {
            self.failed = Some(err.to_string());
        }
        outcome
    }

    /// Several statements without values, of the schema.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        let outcome = match self.connection {
            Connection::Sqlite(it) => it.batch(&sqlite::dialect(sql)),
            Connection::Postgres(it) => it.batch(&postgres::dialect(sql)),
        };
        self.noted(outcome)
    }

    /// What follows a `SELECT` whose rows are to be changed: others pass over them. SQLite has but one
    /// writer, and so nobody who could.
    pub(crate) fn skip_locked(&self) -> &'static str {
        match self.connection {
            Connection::Sqlite(_) => "",
            Connection::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// What follows a `SELECT` whose rows are to be changed: others wait.
    pub(crate) fn for_update(&self) -> &'static str {
        match self.connection {
            Connection::Sqlite(_) => "",
            Connection::Postgres(_) => "FOR UPDATE",
        }
    }

    /// How many bytes the database has on disk.
    pub(crate) fn size(&mut self) -> Result<i64> {
        let sql = match self.connection {
            Connection::Sqlite(_) => {
                "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            }
            Connection::Postgres(_) => "SELECT pg_database_size(current_database())",
        };
        self.number(sql, &[])
    }

    /// What follows a table that is to be read as it lies. PostgreSQL knows when that is best.
    pub(crate) fn as_they_lie(&self) -> String {
        match self.connection {
            Connection::Sqlite(_) => "NOT INDEXED".to_owned(),
            Connection::Postgres(_) => String::new(),
        }
    }

    /// What follows a table that is to be walked in the order of an index. PostgreSQL knows how many rows will do; SQLite
    /// prefers any index that a condition fits, and sorts what it finds.
    pub(crate) fn by_index(&self, index: &str) -> String {
        match self.connection {
            Connection::Sqlite(_) => format!("INDEXED BY {index}"),
            Connection::Postgres(_) => String::new(),
        }
    }

    /// A question of which the first rows are wanted, whichever these are. PostgreSQL would take that for a reason to
    /// look through everything, hoping that they come soon.
    pub(crate) fn as_they_come(&self, sql: &str) -> String {
        match self.connection {
            Connection::Sqlite(_) => sql.to_owned(),
            Connection::Postgres(_) => {
                format!("WITH it AS MATERIALIZED ({sql}) SELECT * FROM it")
            }
        }
    }

    /// Makes all others wait who name the same number, until the transaction ends.
    pub(crate) fn alone(&mut self, number: i64) -> Result<()> {
        match self.connection {
            Connection::Sqlite(_) => Ok(()),
            Connection::Postgres(_) => self
                .rows("SELECT pg_advisory_xact_lock($1)", &[number.into()], |_| Ok(()))
                .map(drop),
        }
    }
}

/// Rows for one statement each: in few different numbers, so that the statements are few.
fn chunks(rows: &[Vec<Value>]) -> Vec<&[Vec<Value>]> {
    let width = rows.first().map_or(1, Vec::len).max(1);
    let mut left = rows;
    let mut chunks = Vec::new();
    for size in [256usize, 128, 64, 32, 16, 8, 4, 2, 1] {
        let fits = size.saturating_mul(width) <= VALUES;
        while let Some((chunk, rest)) = left.split_at_checked(size).filter(|_| fits) {
            chunks.push(chunk);
            left = rest;
        }
    }
    chunks
}

/// Keys for one statement each, as `$3, $4` and all values. Lists are filled up with their last key to
/// a power of two, so that the statements are few.
fn lists<K: Clone + Into<Value>>(before: &[Value], keys: &[K]) -> Vec<(String, Vec<Value>)> {
    let list = |chunk: &[K]| {
        let mut values: Vec<Value> = chunk.iter().map(|it| it.clone().into()).collect();
        if let Some(last) = values.last().cloned() {
            values.resize(values.len().next_power_of_two(), last);
        }
        let numbers = (1usize..).skip(before.len()).take(values.len());
        let names: Vec<String> = numbers.map(|it| format!("${it}")).collect();
        (names.join(", "), before.iter().cloned().chain(values).collect())
    };
    keys.chunks(1024).map(list).collect()
}

/// `($1, $2), ($3, $4)`.
fn places(rows: usize, width: usize) -> String {
    let mut numbers = 1usize..;
    let row = |numbers: &mut std::ops::RangeFrom<usize>| {
        let row: Vec<String> = numbers.take(width).map(|it| format!("${it}")).collect();
        format!("({})", row.join(", "))
    };
    let all: Vec<String> = (0..rows).map(|_| row(&mut numbers)).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests;
