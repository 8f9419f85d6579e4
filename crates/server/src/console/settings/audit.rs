//! Who changed what.
use super::actions;
use crate::{
    Page as List, Problem,
    call::Call,
    console::{Frame, Html, home::following, html, show},
    receive::Query,
    routes::audit,
    views::{AuditEntry, Time},
};
use askama::Template;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "settings/audit.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    asked: Which,
    /// Names, and what people call them.
    actions: Vec<(&'static str, &'static str)>,
    rows: Vec<Row>,
    more: String,
}

/// A change, and what is different since.
struct Row {
    it: AuditEntry,
    changes: Vec<Change>,
}

/// A value that is different.
#[derive(Debug, Eq, PartialEq)]
struct Change {
    /// Where it is: `settings.tls.kind`.
    path: String,
    before: Option<String>,
    after: Option<String>,
}

/// Which changes. What is empty leaves nothing out.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(in crate::console) struct Which {
    person: String,
    action: String,
    object: String,
    /// From this day on.
    since: String,
    /// Until this day, and on it.
    until: String,
    cursor: Option<String>,
}

pub(in crate::console) fn page(call: &Call, Query(asked): Query<Which>) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/audit");
    let given = |it: &str| (!it.is_empty()).then(|| it.trim().to_owned());
    let which = audit::Which {
        person: given(&asked.person),
        action: given(&asked.action),
        object: given(&asked.object),
        since: day(&asked.since)?,
        until: day(&asked.until)?.map(|it| Time(it.0.saturating_add(DAY))),
        cursor: asked.cursor.clone(),
        limit: None,
    };
    let List { items, next } = audit::list(call, Query(which))?.0;
    let more = following(call, next.as_deref());
    let actions = actions::ACTIONS.iter().map(|it| (it.0, actions::words(it.0, frame.w))).collect();
    let row = |it: AuditEntry| Row { changes: changes(it.before.as_ref(), it.after.as_ref()), it };
    let rows = items.into_iter().map(row).collect();
    html(&Page { frame, tab, asked, actions, rows, more })
}

/// When a day begins, by UTC, as everything here is shown.
fn day(text: &str) -> Result<Option<Time>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = |_| Problem::invalid(format!("{text:?} is no day; write it as 2026-11-24"));
    let day: Date = text.parse().map_err(bad)?;
    let begins = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(bad)?;
    Ok(Some(Time(begins.timestamp().as_millisecond())))
}

/// Which values are different.
fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Change> {
    let [before, after] = [before, after].map(|it| {
        let mut values = BTreeMap::new();
        if let Some(it) = it {
            flatten(String::new(), it, &mut values);
        }
        values
    });
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let value = |of: &BTreeMap<String, String>, path: &String| of.get(path).cloned();
    let change = |path: &String| Change {
        path: path.clone(),
        before: value(&before, path),
        after: value(&after, path),
    };
    paths.into_iter().map(change).filter(|it| it.before != it.after).collect()
}

/// All values in one, by where they are. What is null or empty is not there.
fn flatten(path: String, it: &Value, into: &mut BTreeMap<String, String>) {
    match it {
        Value::Null => {}
        Value::Object(members) => {
            for (name, it) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(path, it, into);
            }
        }
        Value::Array(items) => {
            for (index, it) in items.iter().enumerate() {
                flatten(format!("{path}[{index}]"), it, into);
            }
        }
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => drop(into.insert(path, text.clone())),
        other => drop(into.insert(path, other.to_string())),
    }
}

impl Row {
    /// The page of what was changed, where it has one.
    fn page(&self) -> Option<String> {
        let (kind, id) = self.it.object.split_once('/')?;
        match kind {
            "registry" => Some(format!("/registries/{id}")),
            "account" => Some(format!("/accounts/{id}")),
            "task" => Some(format!("/tasks/{id}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_different_is_shown() {
        let check = |before: Value, after: Value, expected: &str| {
            let some = |it: &Value| (!it.is_null()).then(|| it.clone());
            let found = changes(some(&before).as_ref(), some(&after).as_ref());
            let text = |it: &Option<String>| it.clone().unwrap_or("-".to_owned());
            let line =
                |it: &Change| format!("{} {} {}", it.path, text(&it.before), text(&it.after));
            let found: Vec<String> = found.iter().map(line).collect();
            assert_eq!(found.join("; "), expected);
        };
        check(json!(null), json!(null), "");
        check(json!({"a": 1, "b": "x"}), json!({"a": 1, "b": "x"}), "");
        check(json!({"a": 1, "b": "x"}), json!({"a": 2, "b": "x"}), "a 1 2");
        check(json!(null), json!({"a": {"b": true}, "c": null, "d": ""}), "a.b - true");
        check(json!({"a": [1, {"b": 2}]}), json!({"a": [1]}), "a[1].b 2 -");
        check(json!({"a": [{"b": 1}, {"b": 2}]}), json!({"a": [{"b": 1}, {"b": 3}]}), "a[1].b 2 3");
        check(json!("one"), json!("two"), " one two");
    }

    #[test]
    fn days_are_read() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(day(text).ok().map(|it| it.map(|it| it.0)), expected.map(Some), "{text}");
        };
        check("1970-01-02", Some(DAY));
        check("2023-11-14", Some(1_699_920_000_000));
        check("yesterday", None);
        assert!(day("").unwrap().is_none());
    }
}
