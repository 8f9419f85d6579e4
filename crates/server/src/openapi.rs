//! The description of the API (OpenAPI Specification 3.1.1), made from the table of routes.
use crate::{
    Code,
    receive::Takes,
    reply::Gives,
    route::{Access, Route},
    routes::ROUTES,
};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The document that the server serves.
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|it| !it.page && !it.name.is_empty()) {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            let method = route.method.as_str().to_ascii_lowercase();
            path.insert(method, operation(route, &mut schemas));
        }
    }
    let mut defined = schemas.take_definitions(true);
    defined.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Plimsoll",
            "version": "1",
            "description": "An image security center. Lists come in pages: `next` is the `cursor` of the page that \
                follows. A `POST` with an `Idempotency-Key` is carried out once, however often it is sent. Every failure is a \
                problem document (RFC 9457) with a `code` that programs may rely on. What changes something with \
                a session's cookie needs the header `X-Requested-With`, with any value.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": defined,
            "responses": {"Problem": {
                "description": "It could not be done.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "plimsoll_session"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let takes = (route.takes)(schemas);
    let gives = (route.gives)(schemas);
    let mut operation = members(json!({
        "operationId": route.name,
        "summary": route.summary,
        "tags": [tag(route.path)],
        "security": security(route.access),
        "responses": responses(&gives),
    }));
    let mut parameters = in_path(route.path);
    parameters.extend(takes.query.iter().flat_map(in_query));
    if route.method == axum::http::Method::POST {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 200},
        }));
    }
    if route.path.starts_with("/api/v1/settings/") && route.method == axum::http::Method::PUT {
        parameters.push(json!({"name": "If-Match", "in": "header", "schema": {"type": "string"}}));
    }
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), parameters.into());
    }
    if let Takes { body: Some((media_type, schema)), .. } = takes {
        let content = json!({"required": true, "content": {media_type: {"schema": schema}}});
        operation.insert("requestBody".to_owned(), content);
    }
    operation.into()
}

/// The members of an object.
fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(it) => it,
        _ => Map::new(),
    }
}

/// What stands after `/api/v1`, or the operation of the server itself.
fn tag(path: &str) -> &str {
    match path.strip_prefix("/api/v1/") {
        Some(rest) if !rest.contains('.') => rest.split('/').next().unwrap_or_default(),
        _ => "server",
    }
}

/// The roles of OpenAPI 3.1's Security Requirement Object.
fn security(access: Access) -> Value {
    match access {
        Access::Anyone => json!([]),
        Access::Role(role) => json!([{"session": [role]}, {"token": [role]}]),
    }
}

fn responses(gives: &Gives) -> Value {
    let mut success = members(json!({"description": "Done."}));
    if let Some((media_type, schema)) = &gives.body {
        success.insert("content".to_owned(), json!({*media_type: {"schema": schema}}));
    }
    json!({gives.status.to_string(): success, "default": {"$ref": "#/components/responses/Problem"}})
}

fn in_path(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name| {
        let schema = match name {
            "id" | "component" | "risk" => json!({"type": "integer", "format": "int64"}),
            "secret" => json!({"type": "string", "writeOnly": true}),
            _ => json!({"type": "string"}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    };
    names.map(parameter).collect()
}

fn in_query(schema: &Schema) -> Vec<Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let all = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let parameter = |(name, schema): (&String, &Value)| {
        let required = required.is_some_and(|it| it.contains(&json!(name)));
        let mut parameter =
            members(json!({"name": name, "in": "query", "required": required, "schema": schema}));
        if schema.get("type").is_some_and(|it| it == "array") {
            parameter.insert("style".to_owned(), "form".into());
            parameter.insert("explode".to_owned(), false.into());
        }
        if let Some(text) = schema.get("description") {
            parameter.insert("description".to_owned(), text.clone());
        }
        parameter.into()
    };
    all.map(parameter).collect()
}

fn problem() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|it| it.name()).collect();
    json!({
        "type": "object",
        "description": "Why it could not be done (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "request"],
        "properties": {
            "type": {"type": "string", "const": "about:blank"},
            "title": {"type": "string", "description": "What the status means."},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What exactly is wrong, and what to do, in the language of Content-Language."},
            "code": {"type": "string", "enum": codes},
            "request": {"type": "string", "description": "What the log calls the request."},
        },
    })
}
