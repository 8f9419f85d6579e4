//! YAML documents as feeds publish them: mappings, lists and texts. Anchors are refused, since no feed has them and a few
//! of them can stand for more than fits into memory.
use super::Malformed;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Mappings in mappings; feeds have three.
const DEPTH: usize = 16;

/// Reads a document. What stands there without quotes is a text too: `2023-1` is no number, and `1.10` not `1.1`.
pub(super) fn document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    let text = str::from_utf8(bytes).map_err(|it| Malformed(it.to_string().into()))?;
    let mut parser = Parser::new_from_str(text);
    Ok(serde_json::from_value(value(&mut parser)?)?)
}

/// A collection that is not complete yet, and the key that waits for its value.
struct Open {
    collection: Value,
    key: Option<String>,
}

/// The first document of a stream.
fn value<'a>(
    events: &mut impl Iterator<Item = Result<(Event<'a>, Span), ScanError>>,
) -> Result<Value, Malformed> {
    let mut open: Vec<Open> = Vec::new();
    for event in events {
        let (event, _) = event.map_err(|it| Malformed(it.to_string().into()))?;
        let complete = match event {
            Event::MappingStart(..) => start(&mut open, Value::Object(Map::new()))?,
            Event::SequenceStart(..) => start(&mut open, Value::Array(Vec::new()))?,
            Event::MappingEnd | Event::SequenceEnd => open.pop().map(|it| it.collection),
            Event::Scalar(text, style, ..) => Some(scalar(&text, style)),
            Event::Alias(_) => return Err(Malformed("an alias".into())),
            Event::DocumentEnd | Event::StreamEnd => break,
            _ => None,
        };
        let Some(complete) = complete else { continue };
        match open.last_mut() {
            Some(parent) => parent.take(complete)?,
            None => return Ok(complete),
        }
    }
    Err(Malformed("there is nothing in it".into()))
}

fn start(open: &mut Vec<Open>, collection: Value) -> Result<Option<Value>, Malformed> {
    if open.len() >= DEPTH {
        return Err(Malformed(format!("more than {DEPTH} levels").into()));
    }
    open.push(Open { collection, key: None });
    Ok(None)
}

impl Open {
    fn take(&mut self, it: Value) -> Result<(), Malformed> {
        match (&mut self.collection, self.key.take()) {
            (Value::Object(map), Some(key)) => drop(map.insert(key, it)),
            (Value::Array(list), _) => list.push(it),
            _ => match it {
                Value::String(key) => self.key = Some(key),
                _ => return Err(Malformed("a key that is no text".into())),
            },
        }
        Ok(())
    }
}

/// Nothing is what YAML's core schema takes for it (YAML 1.2.2, section 10.3.2); all else is text.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_mappings_lists_and_texts() {
        let check = |text: &str, expected: Value| {
            assert_eq!(document::<Value>(text.as_bytes()).unwrap(), expected, "{text}");
        };
        check("---\na: 1.10\nb: ~\nc:\n", json!({"a": "1.10", "b": null, "c": null}));
        check("a: ['>=1', \"<2\"]\n", json!({"a": [">=1", "<2"]}));
        check("a:\n- b: c\n- d\n", json!({"a": [{"b": "c"}, "d"]}));
        check("a: |\n  two\n  lines\n", json!({"a": "two\nlines\n"}));
        check("a: 'null'\n", json!({"a": "null"}));
        check("a: 1\n---\na: 2\n", json!({"a": "1"}));
    }

    #[test]
    fn what_could_be_more_than_it_looks_like_is_refused() {
        let check = |text: &str, expected: &str| {
            assert_eq!(document::<Value>(text.as_bytes()).unwrap_err().0, expected, "{text}");
        };
        check("a: &x b\nc: *x\n", "an alias");
        check(&format!("a: {}", "[".repeat(40)), "more than 16 levels");
        check("? [a]\n: b\n", "a key that is no text");
        check("", "there is nothing in it");
    }
}
