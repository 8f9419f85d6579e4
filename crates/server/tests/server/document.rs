//! The description of the API: as it was agreed, and as OpenAPI 3.1 wants it.
use crate::kit::{json, start};
use serde_json::Value;
use server::Settings;
use std::{collections::BTreeSet, env, fs};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

/// The keywords of JSON Schema 2020-12 that the document may use.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "$ref", "additionalProperties", "allOf", "anyOf", "const", "default", "description", "enum", "format", "items",
    "maxItems", "maxLength", "prefixItems", "maximum", "minItems", "minLength", "minimum", "oneOf", "pattern", "properties", "required",
    "title", "type", "writeOnly",
];

#[test]
fn the_document_is_the_one_that_was_agreed() {
    let document = serde_json::to_string_pretty(&server::document()).unwrap() + "\n";
    if env::var_os("UPDATE").is_some() {
        fs::write(SNAPSHOT, &document).unwrap();
    }
    let agreed = fs::read_to_string(SNAPSHOT).unwrap_or_default();
    assert!(document == agreed, "docs/openapi.json is not what is served; look at UPDATE=1");
    let it = start(Settings::default());
    assert_eq!(json(&it.get("/api/v1/openapi.json")), server::document());
}

#[test]
fn the_document_is_valid() {
    let document = server::document();
    assert_eq!(document["openapi"], "3.1.1");
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let at = format!("{method} {path}");
            let known = ["get", "put", "post", "delete", "patch"];
            assert!(known.contains(&method.as_str()), "{at}");
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{at}: {name} is there twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{at}");
            parameters(&document, &at, path, operation);
            for content in
                [&operation["requestBody"]["content"], &responses(operation, &at)["content"]]
            {
                for (_, media) in content.as_object().into_iter().flatten() {
                    schema(&document, &media["schema"], &at);
                }
            }
        }
    }
    for (name, it) in document["components"]["schemas"].as_object().unwrap() {
        schema(&document, it, name);
    }
}

/// Path parameters are those of the template, and names are not given twice.
fn parameters(document: &Value, at: &str, path: &str, operation: &Value) {
    let template = path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
    let mut missing: BTreeSet<&str> = template.collect();
    let mut names = BTreeSet::new();
    for it in operation["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (it["name"].as_str().unwrap(), it["in"].as_str().unwrap());
        assert!(names.insert((name, place)), "{at}: {name} is there twice");
        assert!(place != "path" || missing.remove(name) && it["required"] == true, "{at}: {name}");
        schema(document, &it["schema"], &format!("{at} {name}"));
    }
    assert!(missing.is_empty(), "{at}: {missing:?}");
}

/// The one answer of success; there is a default for all others.
fn responses<'a>(operation: &'a Value, at: &str) -> &'a Value {
    let all = operation["responses"].as_object().unwrap();
    assert_eq!(all["default"]["$ref"], "#/components/responses/Problem", "{at}");
    let (status, success) = all.iter().find(|it| it.0 != "default").unwrap();
    assert!(status.starts_with('2') || status.starts_with('3'), "{at}: {status}");
    assert!(success["description"].is_string(), "{at}");
    success
}

fn schema(document: &Value, it: &Value, at: &str) {
    let Some(words) = it.as_object() else {
        return assert!(it.is_boolean(), "{at}: {it} is no schema");
    };
    for (word, value) in words {
        assert!(WORDS.contains(&word.as_str()), "{at}: {word} is not a keyword");
        let below = format!("{at}/{word}");
        match word.as_str() {
            "$ref" => {
                let pointer = value.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{at}: {value} leads nowhere");
            }
            "properties" => value.as_object().unwrap().iter().for_each(|(name, it)| {
                schema(document, it, &format!("{below}/{name}"));
            }),
            "allOf" | "anyOf" | "oneOf" => {
                value.as_array().unwrap().iter().for_each(|it| schema(document, it, &below));
            }
            "prefixItems" => {
                value.as_array().unwrap().iter().for_each(|it| schema(document, it, &below))
            }
            "items" | "additionalProperties" => schema(document, value, &below),
            "required" => {
                for it in value.as_array().unwrap() {
                    let there = words["properties"].get(it.as_str().unwrap()).is_some();
                    assert!(there, "{at}: {it} is required and not there");
                }
            }
            _ => {}
        }
    }
}
