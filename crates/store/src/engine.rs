//! A database of either kind, its connections, and transactions on them.
use crate::{
    Error, Result, Row, Value,
    postgres::{self, Postgres},
    schema,
    sqlite::{self, Sqlite},
};
use std::{
    path::PathBuf,
    sync::{Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// How often a transaction that others were in the way of is tried.
const TRIES: u32 = 8;

/// The most values of one statement; SQLite takes 32 766, PostgreSQL 65 535.
const VALUES: usize = 8_000;

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Settings {
    /// SQLite, in this file.
    Embedded(PathBuf),
    /// PostgreSQL, by URL: `postgres://user:password@host:5432/name?sslmode=require`.
    Server {
        /// The URL.
        url: String,
        /// Certificates, PEM, of authorities to trust; none means that TLS is not offered.
        authorities: Option<Vec<u8>>,
        /// How many connections at most.
        connections: usize,
    },
}

/// A database that is open. Shared by all threads.
#[derive(Debug)]
pub struct Store {
    settings: Settings,
    idle: Mutex<Vec<Connection>>,
    /// How many more connections may be opened.
    free: Mutex<usize>,
    returned: Condvar,
}

#[derive(Debug)]
enum Connection {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// A transaction. It ends when the function that got it does: kept when that says `Ok`, undone when `Err`.
pub struct Tx<'a> {
    connection: &'a mut Connection,
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
        };
        store.write(schema::migrate)?;
        Ok(store)
    }

    /// Asks within one transaction that sees one state of the database.
    pub fn read<T>(&self, ask: impl FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(false, ask)
    }

    /// Changes things within one transaction. `change` may be called several times: when others were in
    /// the way, what it did is undone and it is tried again.
    pub fn write<T>(&self, change: impl FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.transact(true, change)
    }

    fn transact<T>(&self, write: bool, mut run: impl FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut pause = Duration::from_millis(2);
        for _ in 1..TRIES {
            match self.once(write, &mut run) {
                Err(err) if err.contended() => {
                    thread::sleep(pause);
                    pause = pause.saturating_mul(2);
                }
                outcome => return outcome,
            }
        }
        self.once(write, &mut run)
    }

    fn once<T>(&self, write: bool, run: &mut impl FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.connection()?;
        let outcome = connection.begin(write).and_then(|()| {
            let outcome = run(&mut Tx { connection: &mut connection });
            match outcome {
                Ok(it) => connection.end(true).map(|()| it),
                Err(err) => {
                    // The connection may be gone; then so is the transaction.
                    drop(connection.end(false));
                    Err(err)
                }
            }
        });
        let usable = !matches!(outcome, Err(Error::Unavailable(_) | Error::Full(_)));
        self.give_back(usable.then_some(connection));
        outcome
    }

    fn connection(&self) -> Result<Connection> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free = free.saturating_sub(1);
        drop(free);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle.filter(Connection::alive) {
            Some(it) => Ok(it),
            None => self.connect().inspect_err(|_| self.give_back(None)),
        }
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

    fn give_back(&self, connection: Option<Connection>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(connection);
        drop(idle);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_add(1);
        self.returned.notify_one();
    }
}

impl Connection {
    fn alive(&self) -> bool {
        match self {
            Connection::Sqlite(_) => true,
            Connection::Postgres(it) => it.alive(),
        }
    }

    fn begin(&mut self, write: bool) -> Result<()> {
        match self {
            Connection::Sqlite(it) => it.batch(if write { "BEGIN IMMEDIATE" } else { "BEGIN" }),
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
            Connection::Sqlite(it) => it.query(sql, values)?,
            Connection::Postgres(it) => it.query(sql, values)?,
        };
        rows.iter().map(make).collect()
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
        match self.connection {
            Connection::Sqlite(it) => it.execute(sql, values),
            Connection::Postgres(it) => it.execute(sql, values),
        }
    }

    /// Inserts many rows: `head` is `INSERT INTO t (a, b)`, `tail` what follows the values. All rows are
    /// equally long.
    pub(crate) fn insert(&mut self, head: &str, rows: &[Vec<Value>], tail: &str) -> Result<u64> {
        let width = rows.first().map_or(1, Vec::len).max(1);
        let mut count = 0u64;
        for chunk in rows.chunks(VALUES.checked_div(width).unwrap_or(1).max(1)) {
            let places = places(chunk.len(), width);
            let values: Vec<Value> = chunk.iter().flatten().cloned().collect();
            let done = self.execute(&format!("{head} VALUES {places} {tail}"), &values)?;
            count = count.saturating_add(done);
        }
        Ok(count)
    }

    /// Several statements without values, of the schema.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        match self.connection {
            Connection::Sqlite(it) => it.batch(&sqlite::dialect(sql)),
            Connection::Postgres(it) => it.batch(&postgres::dialect(sql)),
        }
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

    /// Makes all others wait who name the same number, until the transaction ends.
    pub(crate) fn alone(&mut self, number: i64) -> Result<()> {
        match self.connection {
            Connection::Sqlite(_) => Ok(()),
            Connection::Postgres(it) => {
                it.query("SELECT pg_advisory_xact_lock($1)", &[number.into()]).map(drop)
            }
        }
    }
}

/// `($1, $2), ($3, $4)`.
fn places(rows: usize, width: usize) -> String {
    let mut text = String::new();
    for n in 0..rows.saturating_mul(width) {
        let first = n.checked_rem(width) == Some(0);
        text += if n == 0 {
            "("
        } else if first {
            "), ("
        } else {
            ", "
        };
        text += &format!("${}", n.saturating_add(1));
    }
    text + ")"
}
