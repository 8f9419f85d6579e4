//! A checker of documents against the published schema, as far as that schema goes
//! (JSON Schema 2020-12, Core and Validation).
use serde_json::Value;

const SCHEMA: &str = include_str!("../../../../docs/report.schema.json");
/// What the checker knows, or what says nothing of validity.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "$defs", "$ref", "$schema", "additionalProperties", "anyOf", "const", "default", "description", "enum", "format",
    "items", "maxItems", "maximum", "minItems", "minimum", "oneOf", "properties", "required", "title", "type",
];

/// Expects a report to be what the schema promises; also that the report leaves nothing out that the schema
/// names, so that readers need not tell absent from null.
pub(crate) fn holds(report: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut offences = Vec::new();
    check(&schema, &schema, report, "", &mut offences);
    assert!(offences.is_empty(), "{offences:#?}");
}

fn check(root: &Value, rule: &Value, it: &Value, at: &str, offences: &mut Vec<String>) {
    let Some(words) = rule.as_object() else { return };
    for word in words.keys().filter(|it| !WORDS.contains(&it.as_str())) {
        offences.push(format!("{at}: the checker does not know `{word}`"));
    }
    if let Some(reference) = words.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        check(root, target, it, at, offences);
    }
    for word in ["anyOf", "oneOf"] {
        let Some(ways) = words.get(word).and_then(Value::as_array) else { continue };
        let fits = |way: &&Value| {
            let mut offences = Vec::new();
            check(root, way, it, at, &mut offences);
            offences.is_empty()
        };
        if !ways.iter().any(|it| fits(&it)) {
            offences.push(format!("{at}: {it} fits none of {word}"));
        }
    }
    let among = |list: &Value| list.as_array().is_some_and(|list| list.contains(it));
    if words.get("enum").is_some_and(|list| !among(list))
        || words.get("const").is_some_and(|c| c != it)
    {
        offences.push(format!("{at}: {it} is not one of the values"));
    }
    if let Some(types) = words.get("type") {
        let is = |name: &Value| name.as_str().is_some_and(|name| is_a(it, name));
        if !types.as_array().map_or_else(|| is(types), |types| types.iter().any(is)) {
            offences.push(format!("{at}: {it} is not {types}"));
        }
    }
    let number = |word| words.get(word).and_then(Value::as_f64);
    if it.as_f64().is_some_and(|it| {
        number("minimum").is_some_and(|least| it < least)
            || number("maximum").is_some_and(|most| it > most)
    }) {
        offences.push(format!("{at}: {it} is out of bounds"));
    }
    if let Some(properties) = words.get("properties").and_then(Value::as_object) {
        for (name, rule) in properties {
            match it.get(name) {
                Some(value) => check(root, rule, value, &format!("{at}/{name}"), offences),
                None => offences.push(format!("{at}: no `{name}`")),
            }
        }
        for name in it.as_object().into_iter().flatten().map(|it| it.0) {
            if !properties.contains_key(name) {
                offences.push(format!("{at}: `{name}` is not in the schema"));
            }
        }
    }
    let rows = it.as_array().into_iter().flatten().enumerate();
    for (n, row) in rows.filter(|_| words.contains_key("items")) {
        check(root, &words["items"], row, &format!("{at}/{n}"), offences);
    }
}

fn is_a(it: &Value, name: &str) -> bool {
    match name {
        "object" => it.is_object(),
        "array" => it.is_array(),
        "string" => it.is_string(),
        "integer" => it.is_i64() || it.is_u64(),
        "number" => it.is_number(),
        "boolean" => it.is_boolean(),
        "null" => it.is_null(),
        _ => false,
    }
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut offences = Vec::new();
    let report =
        serde_json::json!({"schema": -1, "tool": 7, "database": {}, "images": [{}], "x": 1});
    check(&schema, &schema, &report, "", &mut offences);
    for it in
        ["/schema: -1 is out", "/tool: 7 is not", ": no `created`", "/images/0: no `name`", "`x`"]
    {
        assert!(offences.iter().any(|offence| offence.contains(it)), "{it}: {offences:#?}");
    }
}
