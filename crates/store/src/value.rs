//! What goes into a question and comes out of it.
use crate::{Error, Result};

/// A value of a column, or for a `$1`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `BIGINT`; also for truth (0 and 1) and for times (milliseconds since 1970).
    Int(i64),
    /// `DOUBLE PRECISION`.
    Real(f64),
    /// `TEXT`.
    Text(String),
    /// `BYTEA` or `BLOB`.
    Bytes(Vec<u8>),
}

/// A row of an answer, read by position.
#[derive(Clone, Debug)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// A number.
    pub fn int(&self, at: usize) -> Result<i64> {
        self.maybe_int(at)?.ok_or_else(|| self.wrong(at, "a number"))
    }

    /// A number or nothing.
    pub fn maybe_int(&self, at: usize) -> Result<Option<i64>> {
        match self.0.get(at) {
            Some(Value::Int(it)) => Ok(Some(*it)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(at, "a number")),
        }
    }

    /// A count or a size: what is never negative.
    pub fn size(&self, at: usize) -> Result<u64> {
        u64::try_from(self.int(at)?).map_err(|_| self.wrong(at, "a size"))
    }

    /// A truth.
    pub fn truth(&self, at: usize) -> Result<bool> {
        Ok(self.int(at)? != 0)
    }

    /// A fraction.
    pub fn real(&self, at: usize) -> Result<f64> {
        self.maybe_real(at)?.ok_or_else(|| self.wrong(at, "a fraction"))
    }

    /// A fraction or nothing.
    pub fn maybe_real(&self, at: usize) -> Result<Option<f64>> {
        match self.0.get(at) {
            Some(Value::Real(it)) => Ok(Some(*it)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(at, "a fraction")),
        }
    }

    /// A text.
    pub fn text(&self, at: usize) -> Result<String> {
        self.maybe_text(at)?.ok_or_else(|| self.wrong(at, "a text"))
    }

    /// A text or nothing.
    pub fn maybe_text(&self, at: usize) -> Result<Option<String>> {
        match self.0.get(at) {
            Some(Value::Text(it)) => Ok(Some(it.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(at, "a text")),
        }
    }

    /// Bytes.
    pub fn bytes(&self, at: usize) -> Result<Vec<u8>> {
        match self.0.get(at) {
            Some(Value::Bytes(it)) => Ok(it.clone()),
            _ => Err(self.wrong(at, "bytes")),
        }
    }

    /// Bytes or nothing.
    pub fn maybe_bytes(&self, at: usize) -> Result<Option<Vec<u8>>> {
        match self.0.get(at) {
            Some(Value::Bytes(it)) => Ok(Some(it.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(at, "bytes")),
        }
    }

    fn wrong(&self, at: usize, wanted: &str) -> Error {
        let found = match self.0.get(at) {
            None => "no column",
            Some(Value::Null) => "nothing",
            Some(Value::Int(_)) => "a number",
            Some(Value::Real(_)) => "a fraction",
            Some(Value::Text(_)) => "a text",
            Some(Value::Bytes(_)) => "bytes",
        };
        Error::Unexpected(format!("column {at} should have {wanted} and has {found}"))
    }
}

impl From<i64> for Value {
    fn from(it: i64) -> Value {
        Value::Int(it)
    }
}

impl From<bool> for Value {
    fn from(it: bool) -> Value {
        Value::Int(i64::from(it))
    }
}

impl From<f64> for Value {
    fn from(it: f64) -> Value {
        Value::Real(it)
    }
}

impl From<&str> for Value {
    fn from(it: &str) -> Value {
        // PostgreSQL's texts cannot hold it, and both engines should keep the same.
        Value::Text(if it.contains('\0') { it.replace('\0', "\u{fffd}") } else { it.to_owned() })
    }
}

impl From<&String> for Value {
    fn from(it: &String) -> Value {
        it.as_str().into()
    }
}

impl From<String> for Value {
    fn from(it: String) -> Value {
        if it.contains('\0') { it.as_str().into() } else { Value::Text(it) }
    }
}

impl From<&[u8]> for Value {
    fn from(it: &[u8]) -> Value {
        Value::Bytes(it.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(it: Vec<u8>) -> Value {
        Value::Bytes(it)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(it: Option<T>) -> Value {
        it.map_or(Value::Null, Into::into)
    }
}
