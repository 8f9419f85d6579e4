//! `plimsoll center`: everything that the API of a center does, as subcommands. There is no second description of them: what
//! can be typed, its help, and how answers are shown follow from the document that the API describes itself by.
mod field;
mod link;
mod node;
mod operation;
mod options;
mod secret;
mod sent;
mod session;
mod show;
mod typed;
mod watch;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use field::Place;
use link::{Link, Reach, all};
use net::Response;
use node::Node;
use operation::{Answer, Operation, Table};
use secret::Sources;
use sent::sent;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use show::Failure;
use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

/// How many rows are asked for at a time, which is the most that a center gives.
const ROWS: u64 = 500;

/// The answer is no.
const NO: u8 = 1;

/// Asks a center for what was typed.
pub(crate) fn run(typed: &[OsString]) -> Result<ExitCode, String> {
    let table = Table::new();
    let name = OsString::from("plimsoll center");
    let matches = command(&table).get_matches_from([name].iter().chain(typed));
    let Some((name, matches)) = matches.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let operation = table.named(name).ok_or("there is no such operation")?;
    let reach = Reach::from_arg_matches(matches).map_err(|err| err.to_string())?;
    let events = matches!(operation.answer, Answer::Events);
    let asked = Asked { table: &table, operation, matches, link: Link::new(&reach, events)? };
    match asked.carry_out() {
        Ok(it) => Ok(it),
        Err(Failure::Asked(err)) => Err(err),
        Err(Failure::Output(err)) if err.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        Err(Failure::Output(err)) => Err(format!("output: {err}")),
    }
}

/// All of it, for those who describe the whole program.
pub(crate) fn described() -> Command {
    command(&Table::new()).name("center")
}

fn command(table: &Table) -> Command {
    let mut command = Command::new("plimsoll center")
        .bin_name("plimsoll center")
        .about("Ask a center: everything that its API can do")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .help_template(
            "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\nOptions:\n{options}",
        )
        .after_help(overview(table));
    for it in &table.operations {
        let operation = Reach::augment_args(options::subcommand(table, it));
        command = command.subcommand(operation.about(it.summary.clone()));
    }
    command
}

/// The operations by what they are about: too many for one list.
fn overview(table: &Table) -> String {
    let width = table.operations.iter().map(|it| it.name.len()).max().unwrap_or_default();
    let mut groups: Vec<&str> = table.operations.iter().map(|it| it.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut text = String::new();
    for group in groups {
        let _ = writeln!(text, "{group}:");
        for it in table.operations.iter().filter(|it| it.group == group) {
            let _ = writeln!(text, "  {:width$}  {}", it.name, it.summary);
        }
        text.push('\n');
    }
    text.push_str("`plimsoll center OPERATION --help` says what it takes.");
    text
}

/// Something that was asked for, and the way to it.
struct Asked<'a> {
    table: &'a Table,
    operation: &'a Operation,
    matches: &'a ArgMatches,
    link: Link,
}

/// A page of a list, its rows as they came.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    next: Option<String>,
}

impl Asked<'_> {
    fn carry_out(&self) -> Result<ExitCode, Failure> {
        let operation = self.operation;
        let (before, tag) = self.before()?;
        let sent = sent(operation, self.matches, &mut Sources::new(), before)?;
        if matches!(operation.answer, Answer::Events) {
            return self.watch(&sent.target);
        }
        if operation.is_paged(&self.table.schemas) {
            return self.list(&sent.target);
        }
        let more: Vec<_> = tag.map(|it| ("if-match", it)).into_iter().collect();
        let response = self.link.ask(operation.method, &sent.target, sent.body, &more)?;
        match &operation.answer {
            Answer::Json(schema) => self.show(schema, &all(response)?),
            Answer::Document => self.copy(response),
            Answer::Nothing | Answer::Events => Ok(ExitCode::SUCCESS),
        }
    }

    /// What is there already of what is to be replaced, and which version of it.
    fn before(&self) -> Result<(Option<Value>, Option<String>), String> {
        let Some(reading) = self.table.before(self.operation) else { return Ok((None, None)) };
        let target = sent(reading, self.matches, &mut Sources::new(), None)?.target;
        let (content, tag) = self.link.read(&target)?;
        let mut before: Value = serde_json::from_slice(&content).map_err(|err| unreadable(&err))?;
        let taken = |name: &str| {
            let mut all = self.operation.fields.iter().filter(|it| it.place == Place::Body);
            all.any(|it| it.path.first().is_some_and(|it| it == name))
        };
        if let Value::Object(it) = &mut before {
            it.retain(|name, _| taken(name));
        }
        Ok((Some(before), tag.filter(|_| self.operation.versioned)))
    }

    /// Writes an answer to the end.
    fn show(&self, schema: &Value, content: &[u8]) -> Result<ExitCode, Failure> {
        let waits = self.matches.try_get_one::<bool>("wait").is_ok_and(|it| it == Some(&true));
        let ended = if waits { Some(self.wait(content)?) } else { None };
        let content = ended.as_deref().unwrap_or(content);
        let mut output = self.output()?;
        let node: Node = serde_json::from_slice(content).map_err(|err| unreadable(&err))?;
        if self.is_json() {
            output.write_all(content)?;
            writeln!(output)?;
        } else if let Node::List(rows) = &node {
            self.rows(schema, "/items").rows(rows, &mut output)?;
        } else {
            show::object(&self.table.schemas, schema, &node, "", &mut output)?;
        }
        output.flush()?;
        let verdict = self.operation.verdict(&self.table.schemas);
        let no = verdict.is_some_and(|it| node.get(&it) == Some(&Node::Boolean(false)));
        Ok(if no || (waits && watch::went_wrong(&node)) { NO.into() } else { ExitCode::SUCCESS })
    }

    /// Writes all pages of a list, one after the other.
    fn list(&self, target: &str) -> Result<ExitCode, Failure> {
        let Answer::Json(schema) = &self.operation.answer else { return Ok(ExitCode::SUCCESS) };
        let mut left = self.matches.get_one::<u64>("limit").copied().unwrap_or(u64::MAX);
        let mut cursor = self.matches.get_one::<String>("cursor").cloned();
        let (mut output, mut table) =
            (self.output()?, self.rows(schema, "/properties/items/items"));
        let (json, mut first) = (self.is_json(), true);
        if json {
            write!(output, "{{\"items\":[")?;
        }
        loop {
            let mut place = format!(
                "{target}{}limit={}",
                if target.contains('?') { '&' } else { '?' },
                left.min(ROWS)
            );
            if let Some(it) = &cursor {
                let _ = write!(place, "&cursor={}", net::encode(it));
            }
            let (content, _) = self.link.read(&place)?;
            let page: Page<'_> =
                serde_json::from_slice(&content).map_err(|err| unreadable(&err))?;
            left = left.saturating_sub(page.items.len().try_into().unwrap_or(u64::MAX));
            if json {
                for it in &page.items {
                    write!(output, "{}{it}", if first { "" } else { "," })?;
                    first = false;
                }
            } else {
                let rows = page.items.iter().map(|it| serde_json::from_str(it.get()));
                let rows =
                    rows.collect::<Result<Vec<Node>, _>>().map_err(|err| unreadable(&err))?;
                table.rows(&rows, &mut output)?;
            }
            cursor = page.next;
            if left == 0 || cursor.is_none() {
                break;
            }
        }
        if json {
            writeln!(output, "],\"next\":{}}}", Value::from(cursor))?;
        } else if let Some(it) = cursor {
            output.flush()?;
            eprintln!("there are more: --cursor {it} goes on");
        }
        Ok(output.flush().map(|()| ExitCode::SUCCESS)?)
    }

    /// A table of what stands at `place` in the schema of the answer.
    fn rows<'t>(&'t self, schema: &'t Value, place: &str) -> show::Table<'t> {
        let schemas = &self.table.schemas;
        let row = schemas.resolve(schema).pointer(place).unwrap_or(&Value::Null);
        let asked = self.matches.try_get_many::<String>("columns").ok().flatten();
        let asked = asked.into_iter().flatten().cloned();
        let room = if self.file().is_none() { show::room() } else { None };
        show::Table::new(schemas, row, room, asked.collect())
    }

    fn copy(&self, mut response: Response) -> Result<ExitCode, Failure> {
        let kind = response.header("content-type").unwrap_or_default();
        let text = kind.starts_with("text/") || kind.contains("json");
        if !text && self.file().is_none() && io::stdout().is_terminal() {
            return Err("this is no text for a terminal: --output FILE".to_owned().into());
        }
        let mut output = self.output()?;
        io::copy(&mut response.body, &mut output)?;
        Ok(output.flush().map(|()| ExitCode::SUCCESS)?)
    }

    fn is_json(&self) -> bool {
        self.matches
            .try_get_one::<String>("format")
            .is_ok_and(|it| it.is_some_and(|it| it == "json"))
    }

    fn file(&self) -> Option<&PathBuf> {
        self.matches.try_get_one::<PathBuf>("output").ok().flatten()
    }

    fn output(&self) -> Result<Box<dyn Write>, String> {
        Ok(match self.file() {
            Some(path) => {
                let file =
                    File::create(path).map_err(|err| format!("{}: {err}", path.display()))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(BufWriter::new(io::stdout())),
        })
    }
}

/// An answer that is not what this version knows.
fn unreadable(err: &serde_json::Error) -> String {
    format!(
        "the center's answer cannot be read: {err}; is it of version {}?",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_api_takes_can_be_typed() {
        let table = Table::new();
        let mut command = command(&table);
        // Two options of one name, and more of that kind, are found here.
        command.clone().debug_assert();
        for operation in &table.operations {
            let name = &operation.name;
            let described = command.find_subcommand_mut(name).unwrap();
            let help = described.render_long_help().to_string();
            assert!(help.starts_with(&operation.summary), "{name}: {help}");
            for field in
                operation.fields.iter().filter(|it| !matches!(it.shape, field::Shape::Empty))
            {
                let option = field.name();
                let arg = described.get_arguments().find(|it| it.get_id().as_str() == option);
                let arg = arg.unwrap_or_else(|| panic!("{name} lacks {option}"));
                let long = arg.get_long().unwrap_or_default();
                assert_eq!(field.secret, long == format!("{option}-from"), "{name}: {option}");
            }
        }
    }

    #[test]
    fn every_parameter_and_every_member_of_a_content_has_an_option() {
        let table = Table::new();
        let paths = table.schemas.0["paths"].as_object().unwrap();
        let mut count = 0;
        for described in paths.values().flat_map(|it| it.as_object().unwrap().values()) {
            let id = described["operationId"].as_str().unwrap();
            let same = |it: &&Operation| it.name.replace('-', "") == id.to_lowercase();
            // Those that send a browser elsewhere are not there.
            let Some(operation) = table.operations.iter().find(same) else { continue };
            let schema = described.pointer("/requestBody/content/application~1json/schema");
            let members = schema.and_then(|it| table.schemas.resolve(it).get("properties"));
            let members = members.and_then(Value::as_object).into_iter().flatten();
            let parameters = described["parameters"].as_array().into_iter().flatten();
            let parameters = parameters.filter(|it| it["in"] != "header");
            let names = parameters.map(|it| it["name"].as_str().unwrap());
            for name in names.chain(members.map(|it| it.0.as_str())) {
                let known = operation.fields.iter().any(|it| it.path[0] == name);
                assert!(known || name == "format", "{id}: {name}");
                count += 1;
            }
        }
        assert!(count > 150, "{count}");
    }

    #[test]
    fn operations_are_listed_by_what_they_are_about() {
        let table = Table::new();
        let text = overview(&table);
        for it in &table.operations {
            assert!(text.contains(&format!("\n  {} ", it.name)), "{}", it.name);
        }
        let task = |name: &str| table.named(name).unwrap();
        assert!(task("scan-now").starts(&table) && task("retry-task").starts(&table));
        for name in ["preview-scan", "read-task", "cancel-task"] {
            assert!(!task(name).starts(&table), "{name}");
        }
        assert_eq!(task("test-registry").verdict(&table.schemas).as_deref(), Some("works"));
        assert_eq!(task("test-channel").verdict(&table.schemas).as_deref(), Some("arrived"));
        assert_eq!(task("scan-now").verdict(&table.schemas), None);
    }
}
