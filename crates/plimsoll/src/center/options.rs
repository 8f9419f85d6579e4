//! Fields as what can be typed.
use super::{
    field::{Field, Place, Shape},
    operation::{Answer, Body, Operation, Table},
    typed::parser,
};
use clap::{Arg, ArgAction, Command, builder::PossibleValuesParser, value_parser};
use std::path::PathBuf;

/// The subcommand of an operation.
pub(super) fn subcommand(table: &Table, operation: &Operation) -> Command {
    let mut command = Command::new(operation.name.clone()).about(operation.summary.clone());
    let replaced = table.before(operation).is_some();
    for it in operation.fields.iter().filter(|it| !matches!(it.shape, Shape::Empty)) {
        let paged = operation.is_paged(&table.schemas) && it.place == Place::Query;
        if !(paged && ["limit", "cursor"].contains(&it.name().as_str())) {
            command = command.arg(argument(table, operation, it, replaced));
        }
    }
    if operation.body == Some(Body::File) {
        let file = Arg::new("file").long("file").value_name("FILE").required(true);
        command = command.arg(file.value_parser(value_parser!(PathBuf)).help("What is sent"));
    } else if let Some(body) = operation.body {
        let whole = body == Body::Document;
        let help = match (whole, replaced) {
            (true, _) => "The document",
            (_, true) => {
                "The content, or a part of it; options go before it, and what is not said stays as it is"
            }
            (_, false) => "The content, or a part of it; options go before it",
        };
        command = command.arg(
            Arg::new("json").long("json").value_name("JSON|@FILE|-").required(whole).help(help),
        );
    }
    let needed = operation.fields.iter().filter(|it| is_needed(it, replaced) && !it.secret);
    let needed: Vec<_> = needed.map(usage).collect();
    if !needed.is_empty() {
        let name = &operation.name;
        command = command
            .override_usage(format!("plimsoll center {name} [OPTIONS] {}", needed.join(" ")));
    }
    own(command, table, operation)
}

/// Whether it has to be said, here or in --json.
fn is_needed(field: &Field, replaced: bool) -> bool {
    match field.place {
        Place::Path => true,
        Place::Query => field.required,
        Place::Body => field.required && !replaced,
    }
}

fn usage(field: &Field) -> String {
    let name = field.name();
    match field.place {
        Place::Path => format!("<{}>", name.to_uppercase()),
        _ => format!("--{name} <{}>", value_name(&field.shape, &name)),
    }
}

/// The options that every such operation has.
fn own(command: Command, table: &Table, operation: &Operation) -> Command {
    let mut command = command;
    let paged = operation.is_paged(&table.schemas);
    if paged {
        let limit =
            Arg::new("limit").long("limit").value_name("N").value_parser(value_parser!(u64));
        command = command.arg(limit.help("How many rows [default: all]")).arg(
            Arg::new("cursor")
                .long("cursor")
                .value_name("CURSOR")
                .help("Where the list begins: what an earlier one with --limit said at its end"),
        );
    }
    if let Answer::Json(_) = operation.answer {
        command = command.arg(
            format().help("How to show the answer: for people, or exactly as the center gave it"),
        );
    }
    if operation.is_list(&table.schemas) {
        let columns = Arg::new("columns").long("columns").value_name("NAME");
        let columns = columns.value_delimiter(',').action(ArgAction::Append);
        command =
            command.arg(columns.help("Only these columns of the table [default: all that fit]"));
    }
    match operation.answer {
        Answer::Events => {
            command = command
                .arg(format().help("How to show what happens: for people, or as an object a line"))
        }
        Answer::Nothing => {}
        _ => {
            let output = Arg::new("output").long("output").short('o').value_name("FILE");
            command = command.arg(
                output
                    .value_parser(value_parser!(PathBuf))
                    .help("Write the answer to this file instead of standard output"),
            );
        }
    }
    if operation.starts(table) {
        let wait = Arg::new("wait").long("wait").action(ArgAction::SetTrue);
        command =
            command.arg(wait.help(
                "Wait until the task has ended; exit with 1 when an image could not be scanned",
            ));
    }
    command
}

fn format() -> Arg {
    let words = PossibleValuesParser::new(["table", "json"]);
    let format = Arg::new("format").long("format").short('f').value_name("FORMAT");
    format.value_parser(words).default_value("table")
}

fn argument(table: &Table, operation: &Operation, field: &Field, replaced: bool) -> Arg {
    let name = field.name();
    let mut help = field.help.clone();
    let listing = table.listing(parent(&operation.path, &name));
    if let (Place::Path, Some(listing)) = (field.place, listing) {
        help = format!("The {name}, as `{}` shows it", listing.name);
    }
    if field.secret {
        let option = format!("{name}-from");
        let asked = if field.required { " [default: asked for]" } else { "" };
        let help = if help.is_empty() { "Where it is".to_owned() } else { help };
        return Arg::new(name)
            .long(option)
            .value_name("FILE|-|env:NAME")
            .help(format!("{help}{asked}"));
    }
    let arg = Arg::new(name.clone()).help(help).value_name(value_name(&field.shape, &name));
    let arg = match &field.shape {
        Shape::Boolean => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        _ => arg,
    };
    let arg = arg.value_parser(parser(&field.shape, field.nullable));
    let arg = match (field.many, &field.shape) {
        (true, Shape::Record(_) | Shape::Json) => arg.action(ArgAction::Append),
        (true, _) => arg.action(ArgAction::Append).value_delimiter(','),
        (false, _) => arg,
    };
    let needed = is_needed(field, replaced);
    match field.place {
        Place::Path => arg.required(true).value_name(name.to_uppercase()),
        Place::Query => arg.long(name).required(needed),
        Place::Body if needed => arg.long(name).required_unless_present("json"),
        Place::Body => arg.long(name),
    }
}

/// What stands in front of `{name}`.
fn parent<'a>(path: &'a str, name: &str) -> &'a str {
    path.split_once(&format!("/{{{name}}}")).map_or("", |it| it.0)
}

fn value_name(shape: &Shape, name: &str) -> String {
    match shape {
        Shape::Number => "N".to_owned(),
        Shape::Time => "TIME".to_owned(),
        Shape::Boolean => "true|false".to_owned(),
        Shape::Json => "JSON".to_owned(),
        Shape::Record(members) => {
            let members =
                members.iter().map(|(name, shape)| format!("{name}={}", value_name(shape, "TEXT")));
            members.collect::<Vec<_>>().join(",")
        }
        _ => name.rsplit('-').next().unwrap_or(name).to_uppercase(),
    }
}
