//! What the operator reads: one line for each event, as JSON or as text.
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::{
    fmt,
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

/// Where lines go. Cloning gives another handle to the same place.
#[derive(Clone)]
pub struct Log {
    format: Format,
    out: Arc<Mutex<Box<dyn Write + Send>>>,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// An object.
    Json,
    /// Words, then `name=value`.
    Text,
}

impl Log {
    /// Lines go to `out`.
    pub fn new(format: Format, out: impl Write + Send + 'static) -> Log {
        Log { format, out: Arc::new(Mutex::new(Box::new(out))) }
    }

    /// Something that happened at `now`, in milliseconds since 1970. Nothing secret belongs here.
    pub fn write(&self, now: i64, level: &str, event: &str, fields: &[(&str, Value)]) {
        let time = Timestamp::from_millisecond(now).map(|it| it.to_string()).unwrap_or_default();
        let line = match self.format {
            Format::Json => json(&time, level, event, fields),
            Format::Text => text(&time, level, event, fields),
        };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // There is nowhere to say that the log cannot be written.
        drop(out.write_all(line.as_bytes()).and_then(|()| out.flush()));
    }
}

fn json(time: &str, level: &str, event: &str, fields: &[(&str, Value)]) -> String {
    let mut line = Map::new();
    for (name, value) in [("time", time), ("level", level), ("event", event)] {
        line.insert(name.to_owned(), value.into());
    }
    line.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Value::Object(line).to_string() + "\n"
}

/// Values that could be mistaken for something else stand as JSON: nothing from outside begins a new line.
fn text(time: &str, level: &str, event: &str, fields: &[(&str, Value)]) -> String {
    let mut line = format!("{time} {level:5} {event}");
    for (name, value) in fields {
        let plain = |it: &&str| {
            !it.is_empty() && it.chars().all(|it| !it.is_control() && !" \"=\\".contains(it))
        };
        match value.as_str().filter(plain) {
            Some(it) => line += &format!(" {name}={it}"),
            None => line += &format!(" {name}={value}"),
        }
    }
    line + "\n"
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_line_whatever_stands_in_it() {
        let fields = [("path", Value::from("/a\nb level=error")), ("status", Value::from(200))];
        let line = text("T", "info", "request", &fields);
        assert_eq!(line, "T info  request path=\"/a\\nb level=error\" status=200\n");
        let line = json("T", "info", "request", &fields);
        assert_eq!(line.lines().count(), 1);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["path"], "/a\nb level=error");
    }
}
