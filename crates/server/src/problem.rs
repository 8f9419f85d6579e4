//! What the API says when it can't do what was asked: problem details (RFC 9457) with a stable code.
use crate::console;
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

    /// Status, name, the title that RFC 9110 gives the status, and one in Chinese.
    fn row(self) -> (u16, &'static str, &'static str, &'static str) {
        match self {
            Code::Malformed => (400, "malformed", "Bad Request", "请求无法解析"),
            Code::Unauthenticated => (401, "unauthenticated", "Unauthorized", "请先登录"),
            Code::Forbidden => (403, "forbidden", "Forbidden", "没有权限"),
            Code::CrossSite => (403, "cross-site", "Forbidden", "请求来自其他站点"),
            Code::NotFound => (404, "not-found", "Not Found", "不存在"),
            Code::MethodNotAllowed => {
                (405, "method-not-allowed", "Method Not Allowed", "不支持此操作")
            }
            Code::RequestTimeout => (408, "request-timeout", "Request Timeout", "请求超时"),
            Code::Conflict => (409, "conflict", "Conflict", "与现有数据冲突"),
            Code::Changed => (412, "changed", "Precondition Failed", "数据已被他人修改"),
            Code::TooLarge => (413, "too-large", "Content Too Large", "内容过大"),
            Code::TooLong => (414, "too-long", "URI Too Long", "地址过长"),
            Code::UnsupportedMediaType => {
                (415, "unsupported-media-type", "Unsupported Media Type", "不支持的内容类型")
            }
            Code::Invalid => (422, "invalid", "Unprocessable Content", "内容不符合要求"),
            Code::TooManyRequests => {
                (429, "too-many-requests", "Too Many Requests", "操作过于频繁")
            }
            Code::Internal => (500, "internal", "Internal Server Error", "服务器内部错误"),
            Code::Unavailable => (503, "unavailable", "Service Unavailable", "服务暂时不可用"),
            Code::Full => (507, "full", "Insufficient Storage", "存储空间不足"),
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

    /// A file of ours could not be written or read.
    pub(crate) fn unwritten(err: std::io::Error) -> Problem {
        use std::io::ErrorKind as K;
        let cause = err.to_string();
        match err.kind() {
            K::StorageFull | K::QuotaExceeded => {
                let detail = "there is no room left for the file";
                Problem { cause: Some(cause), ..Problem::new(Code::Full, detail) }
            }
            _ => Problem::internal(cause),
        }
    }

    /// The document that is sent, in Chinese for those who read that (RFC 9457, 3.1.3 and 3.1.4).
    pub(crate) fn document(&self, request: &str, chinese: bool) -> Value {
        let (status, code, title, translated) = self.code.row();
        let title = if chinese { translated } else { title };
        let mut document = Map::new();
        let members = [
            ("type", json!("about:blank")),
            ("title", json!(title)),
            ("status", json!(status)),
            ("detail", json!(console::sentence(&self.detail, chinese))),
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

impl From<scan::advisories::StoreError> for Problem {
    fn from(err: scan::advisories::StoreError) -> Problem {
        use scan::advisories::StoreError as E;
        match err {
            E::Refused(_) => Problem::invalid(err.to_string()),
            E::Older { .. } => Problem::new(Code::Conflict, err.to_string()),
            E::Busy(who) => {
                let detail = "the advisories are being changed just now; try again";
                Problem { cause: Some(who), ..Problem::new(Code::Conflict, detail) }
            }
            E::Io { source, what } => {
                let problem = Problem::unwritten(source);
                Problem { cause: problem.cause.map(|it| format!("{what}: {it}")), ..problem }
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
