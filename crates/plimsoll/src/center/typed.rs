//! Texts that were typed as the values that they stand for.
use super::field::Shape;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Map, Value};

/// What makes a value of this shape of a text; of `none` nothing, where there can be that.
pub(super) fn parser(shape: &Shape, nullable: bool) -> ValueParser {
    let words = |all: Vec<(String, String)>| {
        let words = all.into_iter().map(|(word, help)| match help.is_empty() {
            true => PossibleValue::new(word),
            false => PossibleValue::new(word).help(help),
        });
        PossibleValuesParser::new(words).map(Value::String).into()
    };
    match shape {
        Shape::Choice(all) => words(all.clone()),
        Shape::Tag(all) => words(all.iter().map(|it| (it.word.clone(), it.help.clone())).collect()),
        shape => {
            let shape = shape.clone();
            let nothing = nullable && !matches!(shape, Shape::Text);
            ValueParser::new(move |text: &str| match nothing && text == "none" {
                true => Ok(Value::Null),
                false => value(&shape, text),
            })
        }
    }
}

/// One value of this shape.
fn value(shape: &Shape, text: &str) -> Result<Value, String> {
    match shape {
        Shape::Number => text
            .parse::<serde_json::Number>()
            .map(Value::Number)
            .map_err(|_| "it is not a number".to_owned()),
        Shape::Boolean => match text {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err("it is true or false".to_owned()),
        },
        Shape::Time => time(text),
        Shape::Json | Shape::Empty => {
            serde_json::from_str(text).map_err(|err| format!("not JSON: {err}"))
        }
        Shape::Record(members) => record(members, text),
        Shape::Text | Shape::Choice(_) | Shape::Tag(_) => Ok(text.into()),
    }
}

/// A time, or the beginning of a day as UTC has it.
fn time(text: &str) -> Result<Value, String> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp());
    let time = text.parse::<Timestamp>().ok().or_else(day);
    let time = time.ok_or("a time is written 2026-03-01 or 2026-03-01T12:00:00Z")?;
    Ok(time.to_string().into())
}

/// `name=value,name=value`, or the object as JSON.
fn record(members: &[(String, Shape)], text: &str) -> Result<Value, String> {
    if text.starts_with('{') {
        return value(&Shape::Json, text);
    }
    let mut object = Map::new();
    for part in text.split(',') {
        let (name, text) =
            part.split_once('=').ok_or_else(|| format!("`{part}` is not NAME=VALUE"))?;
        let shape = members.iter().find(|it| it.0 == name).map(|it| &it.1);
        let names = || members.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(", ");
        let shape = shape.ok_or_else(|| format!("there is no `{name}`; there are {}", names()))?;
        object.insert(name.to_owned(), value(shape, text)?);
    }
    Ok(object.into())
}
