//! Answers for people: lists as tables, objects a member a line. Which columns there are follows from the schema and from
//! what was sent; whoever wants all of it to the letter takes JSON.
use super::{field::Schemas, node::Node};
use crate::table::clean;
use jiff::Timestamp;
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

/// Narrower than this no column is made: rather there are fewer.
const NARROW: usize = 10;

/// Between two columns.
const GAP: usize = 2;

/// How wide the day of a time is.
const DAY: usize = 10;

/// Names have no more: of vulnerabilities, packages, platforms. What has more is a text, or a hash.
const TEXT: usize = 16;

/// What is left of a title over short values.
const SHORT: usize = 6;

/// A column: how wide it is, and how wide what stands in it is.
struct Column {
    name: String,
    width: usize,
    cells: usize,
}

impl Column {
    /// How wide it is, with at most `most` if it is wider than `kept`.
    fn cut(&self, kept: usize, most: usize) -> usize {
        if self.width <= kept { self.width } else { self.width.min(most) }
    }
}

/// A table that is written while its rows come.
pub(super) struct Table<'a> {
    schemas: &'a Schemas,
    row: &'a Value,
    /// How wide the terminal is; none: there is no terminal, and nothing is cut.
    room: Option<usize>,
    asked: Vec<String>,
    columns: Vec<Column>,
    /// Columns that have been empty so far.
    empty: Vec<String>,
    begun: bool,
}

impl<'a> Table<'a> {
    /// A table of rows of this schema, with the columns that were asked for, or else those that fit.
    pub(super) fn new(
        schemas: &'a Schemas,
        row: &'a Value,
        room: Option<usize>,
        asked: Vec<String>,
    ) -> Table<'a> {
        Table { schemas, row, room, asked, columns: Vec::new(), empty: Vec::new(), begun: false }
    }

    /// Writes some rows; the first ones decide on the columns.
    pub(super) fn rows(&mut self, rows: &[Node], to: &mut dyn Write) -> Result<(), Failure> {
        if !self.begun && !rows.is_empty() {
            self.begun = true;
            self.begin(rows)?;
            let titles = self.columns.iter().map(|it| title(&it.name)).collect();
            self.line(titles, to)?;
        }
        let late =
            |it: &String| rows.iter().any(|row| row.get(it).is_some_and(|it| !it.is_empty()));
        let late: Vec<_> = self.empty.extract_if(.., |it| late(it)).collect();
        left_out(&late);
        for row in rows {
            let cells =
                self.columns.iter().map(|it| row.get(&it.name).map_or_else(String::new, brief));
            self.line(cells.collect(), to)?;
        }
        Ok(())
    }

    fn line(&self, cells: Vec<String>, to: &mut dyn Write) -> io::Result<()> {
        let mut text = String::new();
        for (cell, Column { name, width, .. }) in cells.iter().zip(&self.columns) {
            let cell = match self.room {
                None => cell.clone(),
                // The day says enough.
                Some(_) if *width == DAY && self.is_time(name) => cell.chars().take(DAY).collect(),
                Some(_) => cut(cell, *width),
            };
            let _ = write!(text, "{cell:width$}{:GAP$}", "");
        }
        writeln!(to, "{}", text.trim_end())
    }

    fn begin(&mut self, rows: &[Node]) -> Result<(), String> {
        let mut names: Vec<String> = Vec::new();
        for row in rows {
            let Node::Object(members) = row else { continue };
            for (name, value) in members {
                if names.contains(name) || self.is_open(name) {
                    continue;
                }
                // A person sees more where nothing is without columns of nothing; a program counts them.
                if self.room.is_none() || !value.is_empty() {
                    names.push(name.clone());
                } else if !self.empty.contains(name) {
                    self.empty.push(name.clone());
                }
            }
        }
        self.empty.retain(|it| !names.contains(it));
        if !self.asked.is_empty() {
            let known = members(self.schemas, self.row);
            if let Some(it) = self.asked.iter().find(|it| !known.contains(&it.as_str())) {
                return Err(format!("there is no column `{it}`; there are {}", known.join(", ")));
            }
            (names, self.empty) = (self.asked.clone(), Vec::new());
        }
        let column = |name: String| {
            let cells =
                rows.iter().filter_map(|it| it.get(&name)).map(|it| brief(it).chars().count());
            let cells = cells.max().unwrap_or_default();
            Column { width: cells.max(name.chars().count()), cells, name }
        };
        self.columns = names.into_iter().map(column).collect();
        if let Some(room) = self.room {
            self.fit(room);
        }
        Ok(())
    }

    /// Says of times only the day, shortens titles, then cuts the widest columns; where that does not do, leaves out
    /// times, then the last columns, and says so.
    fn fit(&mut self, room: usize) {
        if wide(&self.columns, 0, usize::MAX) > room {
            let times: Vec<bool> = self.columns.iter().map(|it| self.is_time(&it.name)).collect();
            for (it, is_time) in self.columns.iter_mut().zip(times) {
                it.width = if is_time { it.width.min(DAY) } else { it.width };
            }
        }
        if wide(&self.columns, 0, usize::MAX) > room {
            self.columns.iter_mut().for_each(|it| it.width = it.width.min(it.cells.max(SHORT)));
        }
        let mut without = Vec::new();
        while self.asked.is_empty()
            && self.columns.len() > 1
            && wide(&self.columns, 0, NARROW) > room
        {
            let last = self.columns.iter().rposition(|it| self.is_time(&it.name));
            let it = self.columns.remove(last.unwrap_or(self.columns.len().saturating_sub(1)));
            without.push(it.name);
        }
        // Names are cut last: half of one is another one.
        let whole = wide(&self.columns, TEXT, NARROW) <= room;
        let kept = if whole { TEXT } else { 0 };
        let widest = self.columns.iter().map(|it| it.width).max().unwrap_or_default();
        let most = (1..=widest).rev().find(|it| wide(&self.columns, kept, *it) <= room);
        self.columns.iter_mut().for_each(|it| it.width = it.cut(kept, most.unwrap_or(1)));
        without.reverse();
        left_out(&without);
    }

    fn is_open(&self, name: &str) -> bool {
        member(self.schemas, self.row, name).is_none_or(|it| self.schemas.is_open(it))
    }

    fn is_time(&self, name: &str) -> bool {
        let schema = member(self.schemas, self.row, name);
        schema.and_then(|it| it.get("format")).is_some_and(|it| it == "date-time")
    }
}

/// How wide these are together, when those wider than `kept` have at most `most`.
fn wide(columns: &[Column], kept: usize, most: usize) -> usize {
    let all = columns.iter().map(|it| it.cut(kept, most).saturating_add(GAP));
    all.sum::<usize>().saturating_sub(GAP)
}

/// Nothing is left out without a word.
fn left_out(columns: &[String]) {
    if !columns.is_empty() {
        eprintln!("without {}: --columns or --format json shows them", columns.join(", "));
    }
}

/// Why nothing more is shown.
pub(super) enum Failure {
    /// Nobody reads it any more, or it can't be written.
    Output(io::Error),
    Asked(String),
}

impl From<io::Error> for Failure {
    fn from(it: io::Error) -> Failure {
        Failure::Output(it)
    }
}

impl From<String> for Failure {
    fn from(it: String) -> Failure {
        Failure::Asked(it)
    }
}

/// How wide a terminal is.
pub(super) fn room() -> Option<usize> {
    let out = io::stdout();
    let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out).ok()).flatten()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// Writes an object, a member a line.
pub(super) fn object(
    schemas: &Schemas,
    schema: &Value,
    node: &Node,
    before: &str,
    to: &mut dyn Write,
) -> Result<(), Failure> {
    let Node::Object(members) = node else {
        return Ok(writeln!(to, "{}", brief(node))?);
    };
    for (name, value) in members.iter().filter(|it| !it.1.is_empty()) {
        let schema = member(schemas, schema, name).unwrap_or(&Value::Null);
        let name = format!("{before}{}", name.replace('_', " "));
        match value {
            Node::Object(_) if schemas.is_open(schema) => {
                writeln!(to, "{name}: --format json shows it")?;
            }
            Node::Object(all)
                if all.iter().all(|it| matches!(it.1, Node::Number(_) | Node::Null)) =>
            {
                writeln!(to, "{name}: {}", counts(all))?;
            }
            Node::Object(_) => object(schemas, schema, value, &format!("{name}, "), to)?,
            Node::List(rows) if matches!(rows.first(), Some(Node::Object(_) | Node::List(_))) => {
                writeln!(to, "{name}:")?;
                inner(schemas, schema, rows, to)?;
            }
            _ => writeln!(to, "{name}: {}", brief(value))?,
        }
    }
    Ok(())
}

/// A list within an object.
fn inner(
    schemas: &Schemas,
    schema: &Value,
    rows: &[Node],
    to: &mut dyn Write,
) -> Result<(), Failure> {
    let mut text = Vec::new();
    let row = schemas.resolve(schema).get("items").unwrap_or(&Value::Null);
    match rows.first() {
        Some(Node::Object(_)) => {
            let room = room().map(|it| it.saturating_sub(2));
            Table::new(schemas, row, room, Vec::new()).rows(rows, &mut text)?;
        }
        _ => rows.iter().try_for_each(|it| writeln!(text, "{}", brief(it)))?,
    }
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().try_for_each(|it| writeln!(to, "  {it}"))?)
}

/// A value on one line. Of an object within it the texts, which say more than numbers by which programs know it.
pub(super) fn brief(node: &Node) -> String {
    match node {
        Node::Null => String::new(),
        Node::Boolean(it) => if *it { "yes" } else { "no" }.to_owned(),
        Node::Number(it) => it.clone(),
        Node::Text(it) => time(it).unwrap_or_else(|| clean(it)),
        Node::List(all) => all.iter().map(brief).collect::<Vec<_>>().join(", "),
        Node::Object(members) if matches!(members.as_slice(), [_]) => {
            let all = members
                .iter()
                .map(|(name, it)| format!("{} {}", name.replace('_', " "), brief(it)));
            all.collect()
        }
        Node::Object(members) => {
            let texts = members.iter().filter(|it| matches!(it.1, Node::Text(_) | Node::List(_)));
            let texts: Vec<_> = texts.map(|it| brief(&it.1)).filter(|it| !it.is_empty()).collect();
            if !texts.is_empty() {
                return texts.join(" ");
            }
            counts(members)
        }
    }
}

/// What there is any of, each with its name.
fn counts(members: &[(String, Node)]) -> String {
    let all = members.iter().map(|(name, it)| (name.replace('_', " "), brief(it)));
    let all = all.filter(|it| !["", "0", "no"].contains(&it.1.as_str()));
    let all: Vec<_> = all.map(|(name, it)| format!("{name} {it}")).collect();
    if all.is_empty() { "0".to_owned() } else { all.join(" ") }
}

/// A point in time without what only programs need.
fn time(text: &str) -> Option<String> {
    let time: Timestamp = text.ends_with('Z').then(|| text.parse().ok()).flatten()?;
    let text = time.to_string();
    Some(format!("{}Z", text.get(..19)?.replace('T', " ")))
}

fn title(name: &str) -> String {
    name.replace('_', " ").to_uppercase()
}

/// At most so many characters.
fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => {
            let kept = text.chars().take(width.saturating_sub(1)).collect::<String>();
            format!("{}…", kept.trim_end())
        }
    }
}

fn member<'a>(schemas: &'a Schemas, object: &'a Value, name: &str) -> Option<&'a Value> {
    schemas.resolve(object).get("properties")?.get(name)
}

fn members<'a>(schemas: &'a Schemas, object: &'a Value) -> Vec<&'a str> {
    let all = schemas.resolve(object).get("properties").and_then(Value::as_object);
    all.into_iter().flatten().map(|it| it.0.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schemas() -> Schemas {
        Schemas(json!({"row": {"type": "object", "properties": {
            "name": {"type": "string"},
            "at": {"type": "string", "format": "date-time"},
            "reason": {"type": "string"},
            "certainty": {"type": "boolean"},
            "settings": {"description": "whatever"},
            "items": {"type": "object", "properties": {"done": {"type": "integer"}}},
        }}}))
    }

    fn table(room: Option<usize>, asked: &[&str], rows: &Value) -> Vec<String> {
        let (schemas, row) = (schemas(), json!({"$ref": "#/row"}));
        let asked = asked.iter().map(|&it| it.to_owned()).collect();
        let rows: Vec<Node> = serde_json::from_value(rows.clone()).unwrap();
        let mut text = Vec::new();
        let shown = Table::new(&schemas, &row, room, asked).rows(&rows, &mut text);
        assert!(shown.is_ok());
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }

    fn rows() -> Value {
        json!([
            {"at": "2026-03-01T12:00:00.5Z", "items": {"done": 2}, "certainty": true, "name": "a\u{1b}[31m", "reason": "", "settings": {"a": 1}},
            {"at": null, "items": {"done": 0}, "certainty": false, "name": "a name that is long", "reason": "", "settings": {}},
        ])
    }

    #[test]
    fn in_a_pipe_nothing_is_cut() {
        let expected = [
            "AT                    CERTAINTY  ITEMS   NAME                 REASON",
            "2026-03-01 12:00:00Z  yes        done 2  a\u{fffd}[31m",
            "                      no         done 0  a name that is long",
        ];
        assert_eq!(table(None, &[], &rows()), expected);
    }

    #[test]
    fn on_a_terminal_lines_fit() {
        let check = |room, expected: [&str; 3]| {
            assert_eq!(table(Some(room), &[], &rows()), expected);
            assert!(expected.iter().all(|it| it.chars().count() <= room));
        };
        check(
            60,
            [
                "AT                    CERTAINTY  ITEMS   NAME",
                "2026-03-01 12:00:00Z  yes        done 2  a\u{fffd}[31m",
                "                      no         done 0  a name that is long",
            ],
        );
        check(
            48,
            [
                "AT          CERTA…  ITEMS   NAME",
                "2026-03-01  yes     done 2  a\u{fffd}[31m",
                "            no      done 0  a name that is long",
            ],
        );
        check(
            40,
            [
                "AT          CERTA…  ITEMS   NAME",
                "2026-03-01  yes     done 2  a\u{fffd}[31m",
                "            no      done 0  a name that…",
            ],
        );
        check(
            26,
            ["CERTA…  ITEMS   NAME", "yes     done 2  a\u{fffd}[31m", "no      done 0  a name th…"],
        );
        check(20, ["CERTA…  ITEMS", "yes     done 2", "no      done 0"]);
        // What was asked for is there, however narrow.
        assert_eq!(table(Some(12), &["name", "at"], &rows())[0], "NAME   AT");
    }

    #[test]
    fn objects_are_a_member_a_line() {
        let (schemas, row) = (schemas(), json!({"$ref": "#/row"}));
        let node = json!({"at": "2026-03-01T12:00:00Z", "name": "n", "reason": "", "settings": {"a": 1}, "items": {"done": 3}});
        let node: Node = serde_json::from_value(node).unwrap();
        let mut text = Vec::new();
        assert!(object(&schemas, &row, &node, "", &mut text).is_ok());
        let expected =
            "at: 2026-03-01 12:00:00Z\nitems: done 3\nname: n\nsettings: --format json shows it\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
