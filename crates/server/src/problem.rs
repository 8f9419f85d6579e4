//! What the API says when it can't do what was asked: problem details (RFC 9457) with a stable code.
use serde_json::{Map, Value, json};
use std::fmt;

/// Why a request failed, for whoever sent it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What kind of failure it is.
    pub code: Code,
    /// What exactly is wrong, and what to do. Never a secret.
    pub detail: String,
    /// Seconds after which it may be tried again.
    pub retry_after: Option<u64>,
    /// What only the log may know.
    pub(crate) cause: Option<String>,
}

/// Kinds of failures. Programs may rely on their names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    /// The request cannot be read.
    Malformed,
    /// Nobody said who asks, or with something that is not valid any more.
    Unauthenticated,
    /// Whoever asks may not do that.
    Forbidden,
    /// A browser sent it on behalf of another site.
    CrossSite,
    /// There is no such thing.
    NotFound,
    /// That cannot be done with it.
    MethodNotAllowed,
    /// The request did not arrive in time.
    RequestTimeout,
    /// It contradicts what is there.
    Conflict,
    /// It was changed meanwhile.
    Changed,
    /// The request is too large.
    TooLarge,
    /// The address is too long.
    TooLong,
    /// The content is not of the type that is understood.
    UnsupportedMediaType,
    /// The content can be read, but not be meant.
    Invalid,
    /// Too many of these in too short a time.
    TooManyRequests,
    /// We failed.
    Internal,
    /// Something that is needed does not answer, or there is too much to do.
    Unavailable,
    /// There is no room left.
    Full,
}

impl Code {
    /// All of them.
    pub const ALL: &[Code] = &[
        Code::Malformed,
        Code::Unauthenticated,
        Code::Forbidden,
        Code::CrossSite,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::RequestTimeout,
        Code::Conflict,
        Code::Changed,
        Code::TooLarge,
        Code::TooLong,
        Code::UnsupportedMediaType,
        Code::Invalid,
        Code::TooManyRequests,
        Code::Internal,
        Code::Unavailable,
        Code::Full,
    ];

    /// Status, name, and the title that RFC 9110 gives the status.
    fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Code::Malformed => (400, "malformed", "Bad Request"),
            Code::Unauthenticated => (401, "unauthenticated", "Unauthorized"),
            Code::Forbidden => (403, "forbidden", "Forbidden"),
            Code::CrossSite => (403, "cross-site", "Forbidden"),
            Code::NotFound => (404, "not-found", "Not Found"),
            Code::MethodNotAllowed => (405, "method-not-allowed", "Method Not Allowed"),
            Code::RequestTimeout => (408, "request-timeout", "Request Timeout"),
            Code::Conflict => (409, "conflict", "Conflict"),
            Code::Changed => (412, "changed", "Precondition Failed"),
            Code::TooLarge => (413, "too-large", "Content Too Large"),
            Code::TooLong => (414, "too-long", "URI Too Long"),
            Code::UnsupportedMediaType => (415, "unsupported-media-type", "Unsupported Media Type"),
            Code::Invalid => (422, "invalid", "Unprocessable Content"),
            Code::TooManyRequests => (429, "too-many-requests", "Too Many Requests"),
            Code::Internal => (500, "internal", "Internal Server Error"),
            Code::Unavailable => (503, "unavailable", "Service Unavailable"),
            Code::Full => (507, "full", "Insufficient Storage"),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().0
    }

    /// The name in documents.
    pub fn name(self) -> &'static str {
        self.row().1
    }
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem { code, detail: detail.into(), retry_after: None, cause: None }
    }

    pub(crate) fn not_found(what: &str) -> Problem {
        Problem::new(Code::NotFound, format!("there is no such {what}"))
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(Code::Invalid, detail)
    }

    /// Our failure: the cause goes to the log alone, for it may name files, tables and hosts.
    pub(crate) fn internal(cause: impl Into<String>) -> Problem {
        let detail = "this should not happen; the log has more under the request's id";
        Problem { cause: Some(cause.into()), ..Problem::new(Code::Internal, detail) }
    }

    pub(crate) fn unavailable(detail: &str, cause: Option<String>) -> Problem {
        let retry_after = Some(5);
        Problem { retry_after, cause, ..Problem::new(Code::Unavailable, detail) }
    }

    /// The document that is sent.
    pub(crate) fn document(&self, request: &str) -> Value {
        let (status, code, title) = self.code.row();
        let mut document = Map::new();
        let members = [
            ("type", json!("about:blank")),
            ("title", json!(title)),
            ("status", json!(status)),
            ("detail", json!(self.detail)),
            ("code", json!(code)),
            ("request", json!(request)),
        ];
        document.extend(members.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(document)
    }
}

impl From<store::Error> for Problem {
    fn from(err: store::Error) -> Problem {
        use store::Error as E;
        let text = err.to_string();
        let cause = Some(text.clone());
        match err {
            E::Conflict(it) => Problem::new(Code::Conflict, it),
            E::Lost(it) => Problem::new(Code::Conflict, it),
            E::Invalid(it) => Problem::invalid(it),
            E::Unavailable(_) => Problem::unavailable("the database does not answer", cause),
            E::Busy(_) => Problem::unavailable("the database is busy; try again", cause),
            E::Full(_) => {
                let detail = "the database has no room left";
                Problem { cause, ..Problem::new(Code::Full, detail) }
            }
            E::Damaged(_) | E::Unexpected(_) | E::Newer(..) => Problem::internal(text),
        }
    }
}

impl From<scan::center::Failure> for Problem {
    fn from(err: scan::center::Failure) -> Problem {
        use scan::center::Failure as F;
        match err {
            F::Store(it) => it.into(),
            F::Source(_) | F::Other(..) => Problem::invalid(err.to_string()),
            F::Later(..) | F::Stopped => Problem::unavailable(&err.to_string(), None),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
