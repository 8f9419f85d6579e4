//! A request whose sender is known and whose content has arrived.
use crate::{App, Code, Problem, route::Route};
use axum::{
    body::Bytes,
    http::{HeaderMap, Uri},
};
use std::{net::IpAddr, sync::Arc};

/// What a handler gets.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) route: &'static Route,
    /// The request's id.
    pub(crate) id: String,
    pub(crate) now: i64,
    /// Whose request it is, as far as addresses say that.
    pub(crate) address: IpAddr,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    /// What stands for `{name}` in the path.
    pub(crate) fn param(&self, name: &str) -> Result<&str, Problem> {
        let found = self.params.iter().find(|(it, _)| it == name);
        found.map(|(_, it)| it.as_str()).ok_or_else(|| Problem::not_found("thing"))
    }

    /// The number that stands for `{id}` in the path: of `what`.
    pub(crate) fn id(&self, what: &str) -> Result<i64, Problem> {
        self.param("id")?.parse().map_err(|_| Problem::not_found(what))
    }

    /// A header that is plain text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The content's type without its parameters must be this one.
    pub(crate) fn content_is(&self, media_type: &str) -> Result<(), Problem> {
        let sent = self.header("content-type").unwrap_or_default();
        let sent = sent.split(';').next().unwrap_or_default().trim();
        match sent.eq_ignore_ascii_case(media_type) {
            true => Ok(()),
            false => {
                let detail = format!("the content has to be {media_type}, by its Content-Type");
                Err(Problem::new(Code::UnsupportedMediaType, detail))
            }
        }
    }
}

/// A header that is plain text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|it| it.to_str().ok())
}
