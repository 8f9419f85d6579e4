//! What handlers take from a call, and how that is described.
use crate::{Code, Problem, call::Call};
use axum::{body::Bytes, http::Uri};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use std::fs::File;

/// Bytes of any kind (RFC 2046, section 4.5.1).
const FILE: &str = "application/octet-stream";

/// Something that a handler takes from a call.
pub(crate) trait Input: Sized {
    /// Whether the content is too long for memory.
    const TO_FILE: bool = false;
    /// Takes it.
    fn take(call: &Call) -> Result<Self, Problem>;
    /// Describes it.
    fn describe(schemas: &mut SchemaGenerator) -> Takes;
}

/// A description of what is taken.
#[derive(Default)]
pub(crate) struct Takes {
    /// An object whose members are the query's.
    pub(crate) query: Option<Schema>,
    /// What the content is like, with its media type.
    pub(crate) body: Option<(&'static str, Schema)>,
}

/// The content, as JSON.
pub(crate) struct Json<T>(pub(crate) T);

/// Content that others than ourselves define, as it came.
pub(crate) struct Raw;

/// The content, a JSON document of somebody else's, as it came.
pub(crate) struct Document(pub(crate) Bytes);

/// The content, a file.
pub(crate) struct Upload(pub(crate) File);

/// The content, as a browser sends a form (WHATWG URL, application/x-www-form-urlencoded).
pub(crate) struct Form<T>(pub(crate) T);

/// The query of the address.
pub(crate) struct Query<T>(pub(crate) T);

impl Input for () {
    fn take(_: &Call) -> Result<(), Problem> {
        Ok(())
    }

    fn describe(_: &mut SchemaGenerator) -> Takes {
        Takes::default()
    }
}

impl<T: DeserializeOwned + JsonSchema> Input for Json<T> {
    fn take(call: &Call) -> Result<Json<T>, Problem> {
        call.content_is("application/json")?;
        serde_json::from_slice(&call.body).map(Json).map_err(|err| match err.classify() {
            serde_json::error::Category::Data => Problem::invalid(format!("the content: {err}")),
            _ => Problem::new(Code::Malformed, format!("the content is not JSON: {err}")),
        })
    }

    fn describe(schemas: &mut SchemaGenerator) -> Takes {
        let schema = schemas.subschema_for::<T>();
        Takes { body: Some(("application/json", schema)), ..Takes::default() }
    }
}

impl Input for Raw {
    fn take(_: &Call) -> Result<Raw, Problem> {
        Ok(Raw)
    }

    fn describe(_: &mut SchemaGenerator) -> Takes {
        Takes { body: Some(("application/json", true.into())), ..Takes::default() }
    }
}

impl Input for Document {
    fn take(call: &Call) -> Result<Document, Problem> {
        call.content_is("application/json")?;
        Ok(Document(call.body.clone()))
    }

    fn describe(_: &mut SchemaGenerator) -> Takes {
        let schema = json_schema!({"type": "object", "description": "The document."});
        Takes { body: Some(("application/json", schema)), ..Takes::default() }
    }
}

impl Input for Upload {
    const TO_FILE: bool = true;

    fn take(call: &Call) -> Result<Upload, Problem> {
        call.content_is(FILE)?;
        let none = || Problem::internal("a route that takes a file got none");
        let file = call.file.as_ref().ok_or_else(none)?.file.try_clone();
        file.map(Upload).map_err(Problem::unwritten)
    }

    fn describe(_: &mut SchemaGenerator) -> Takes {
        let schema =
            json_schema!({"type": "string", "format": "binary", "description": "The file."});
        Takes { body: Some((FILE, schema)), ..Takes::default() }
    }
}

impl<T: DeserializeOwned + JsonSchema> Input for Query<T> {
    fn take(call: &Call) -> Result<Query<T>, Problem> {
        // What a form of a page leaves empty is sent with it, and not meant. The API is taken at its word.
        let pairs = call.uri.query().unwrap_or_default().split('&');
        let meant: Vec<&str> = pairs.filter(|it| !call.route.page || !it.ends_with('=')).collect();
        parsed(meant.join("&").into_bytes(), "the query").map(Query)
    }

    fn describe(schemas: &mut SchemaGenerator) -> Takes {
        Takes { query: Some(T::json_schema(schemas)), ..Takes::default() }
    }
}

impl<T: DeserializeOwned> Input for Form<T> {
    fn take(call: &Call) -> Result<Form<T>, Problem> {
        call.content_is("application/x-www-form-urlencoded")?;
        parsed(call.body.to_vec(), "the form").map(Form)
    }

    fn describe(_: &mut SchemaGenerator) -> Takes {
        Takes::default()
    }
}

/// Forms are written like queries.
fn parsed<T: DeserializeOwned>(pairs: Vec<u8>, what: &str) -> Result<T, Problem> {
    let bad = |_| Problem::new(Code::Malformed, format!("{what} is not one"));
    let uri = Uri::from_maybe_shared([b"/?".to_vec(), pairs].concat()).map_err(bad)?;
    axum::extract::Query::try_from_uri(&uri).map(|it| it.0).map_err(|err| {
        let why = std::error::Error::source(&err).map_or(err.to_string(), ToString::to_string);
        Problem::invalid(format!("{what}: {why}"))
    })
}

impl<T: DeserializeOwned + JsonSchema, U: DeserializeOwned + JsonSchema> Input
    for (Query<T>, Json<U>)
{
    fn take(call: &Call) -> Result<Self, Problem> {
        Ok((Query::take(call)?, Json::take(call)?))
    }

    fn describe(schemas: &mut SchemaGenerator) -> Takes {
        let query = Query::<T>::describe(schemas).query;
        Takes { query, ..Json::<U>::describe(schemas) }
    }
}
