//! What a center can be asked: the operations of its API, read from the document that describes it.
use super::field::{Field, Place, Schemas};
use net::Method;
use serde_json::Value;

/// The media type of bytes that are no text (RFC 2046, section 4.5.1).
pub(super) const FILE: &str = "application/octet-stream";

/// All operations, and the schemas that they speak of.
pub(super) struct Table {
    pub(super) operations: Vec<Operation>,
    pub(super) schemas: Schemas,
}

/// One of them.
pub(super) struct Operation {
    /// What is typed: the name in the document, in kebab-case.
    pub(super) name: String,
    pub(super) summary: String,
    /// What it is about.
    pub(super) group: String,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) fields: Vec<Field>,
    pub(super) body: Option<Body>,
    pub(super) answer: Answer,
    /// Whether it can be said which version is to be changed.
    pub(super) versioned: bool,
}

/// What is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Body {
    /// An object with known members.
    Members,
    /// A document that others define.
    Document,
    /// A file that is no text, and may be large.
    File,
}

/// What comes back.
pub(super) enum Answer {
    Nothing,
    /// Lines, or a file: whatever it is, it is handed on as it is.
    Document,
    /// Server-sent events.
    Events,
    /// JSON of this schema.
    Json(Value),
}

impl Table {
    /// The operations of this very version, described without asking anybody.
    pub(super) fn new() -> Table {
        Table::of(server::document())
    }

    fn of(document: Value) -> Table {
        let paths = document.get("paths").and_then(Value::as_object).cloned().unwrap_or_default();
        let schemas = Schemas(document);
        let mut operations = Vec::new();
        for (path, methods) in &paths {
            for (method, described) in methods.as_object().into_iter().flatten() {
                operations.extend(operation(&schemas, path, method, described));
            }
        }
        let order = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
        operations.sort_by_key(|it| {
            (it.path.clone(), order.iter().position(|method| *method == it.method))
        });
        for it in &mut operations {
            it.fields.sort_by_key(|it| (it.place, !it.required));
        }
        Table { operations, schemas }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|it| it.name == name)
    }

    /// The one that reads what this one replaces: whoever changes a part means the rest to stay.
    pub(super) fn before(&self, operation: &Operation) -> Option<&Operation> {
        (operation.method == Method::Put).then(|| self.reading(&operation.path)).flatten()
    }

    /// The one that lists those of which the last part of `path` is one.
    pub(super) fn listing(&self, path: &str) -> Option<&Operation> {
        self.reading(path).filter(|it| it.name.starts_with("list-"))
    }

    fn reading(&self, path: &str) -> Option<&Operation> {
        self.operations.iter().find(|it| it.method == Method::Get && it.path == path)
    }
}

impl Operation {
    /// Whether the answer is one page of a list.
    pub(super) fn is_paged(&self, schemas: &Schemas) -> bool {
        let Answer::Json(schema) = &self.answer else { return false };
        let has = |name: &str| schemas.resolve(schema).pointer(&format!("/properties/{name}"));
        has("items").is_some() && has("next").is_some()
    }

    /// Whether the answer has rows.
    pub(super) fn is_list(&self, schemas: &Schemas) -> bool {
        let Answer::Json(schema) = &self.answer else { return false };
        let kind = schemas.resolve(schema).get("type");
        self.is_paged(schemas) || kind.is_some_and(|it| it == "array")
    }

    /// The member of the answer that says yes or no, where that is what was asked: the first of what comes of a test.
    pub(super) fn verdict(&self, schemas: &Schemas) -> Option<String> {
        let Answer::Json(schema) = &self.answer else { return None };
        let schema = schemas.resolve(schema);
        let first = schema.pointer("/required/0").and_then(Value::as_str)?;
        let kind = schema.pointer(&format!("/properties/{first}/type"))?;
        (self.method == Method::Post && kind == "boolean").then(|| first.to_owned())
    }

    /// Whether it starts something that goes on, and answers what `read-task` does.
    pub(super) fn starts(&self, table: &Table) -> bool {
        let read = table.named("read-task").map(|it| &it.answer);
        match (&self.answer, read) {
            (Answer::Json(it), Some(Answer::Json(task))) => {
                self.method == Method::Post && self.body.is_some() && it == task
            }
            _ => false,
        }
    }
}

fn operation(schemas: &Schemas, path: &str, method: &str, described: &Value) -> Option<Operation> {
    let text = |name: &str| described.get(name).and_then(Value::as_str).map(str::to_owned);
    let method = match method {
        "get" => Method::Get,
        "post" => Method::Post,
        "put" => Method::Put,
        "patch" => Method::Patch,
        "delete" => Method::Delete,
        _ => return None,
    };
    let (answer, mut fields) = (answer(schemas, described)?, Vec::new());
    let mut versioned = false;
    for it in described.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let name = it.get("name").and_then(Value::as_str).unwrap_or_default();
        let place = match it.get("in").and_then(Value::as_str) {
            Some("path") => Place::Path,
            // One thing serves lists and their exports: only those have a kind of file.
            Some("query") if name == "format" && matches!(answer, Answer::Json(_)) => continue,
            Some("query") => Place::Query,
            _ => {
                versioned |= name == "If-Match";
                continue;
            }
        };
        let (schema, required) = (it.get("schema")?, it.get("required") == Some(&true.into()));
        schemas.fields(schema, place, &[name], required, &mut fields);
    }
    let content = described.pointer("/requestBody/content").and_then(Value::as_object);
    let taken = content.and_then(|it| it.iter().next());
    let body = taken.and_then(|(media_type, it)| {
        if media_type == FILE {
            return Some(Body::File);
        }
        let schema = it.get("schema")?;
        schemas.fields(schema, Place::Body, &[], true, &mut fields);
        Some(if schemas.is_open(schema) { Body::Document } else { Body::Members })
    });
    Some(Operation {
        name: kebab(&text("operationId")?),
        summary: text("summary").unwrap_or_default(),
        group: described.pointer("/tags/0").and_then(Value::as_str).unwrap_or_default().to_owned(),
        method,
        path: path.to_owned(),
        fields,
        body,
        answer,
        versioned,
    })
}

/// None: it sends a browser elsewhere, which is of no use here.
fn answer(schemas: &Schemas, described: &Value) -> Option<Answer> {
    let (status, success) =
        described.get("responses")?.as_object()?.iter().find(|it| it.0 != "default")?;
    if status.starts_with('3') {
        return None;
    }
    let content = success.get("content").and_then(Value::as_object);
    let Some((media_type, content)) = content.and_then(|it| it.iter().next()) else {
        return Some(Answer::Nothing);
    };
    Some(match (media_type.as_str(), content.get("schema")) {
        ("application/json", Some(schema)) if !schemas.is_open(schema) => {
            Answer::Json(schema.clone())
        }
        ("text/event-stream", _) => Answer::Events,
        _ => Answer::Document,
    })
}

/// `listImages` as `list-images`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for it in name.chars() {
        if it.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(it.to_ascii_lowercase());
    }
    text
}
