//! What we ask.
use crate::{Secret, Url};

/// A request that may be sent more than once.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Headers that only the origin of `url` may see.
    pub(crate) secrets: Vec<(&'static str, Secret)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) hurried: bool,
}

/// What to do with the resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Read it.
    Get,
    /// Read about it.
    Head,
    /// Hand something over to it.
    Post,
    /// Replace it.
    Put,
    /// Change it.
    Patch,
    /// Remove it.
    Delete,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// Only reading may be sent elsewhere by a redirect.
    pub(crate) fn reads(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }
}

impl Request {
    /// A request to do `method` with `url`.
    pub fn new(method: Method, url: Url) -> Request {
        Request {
            method,
            url,
            headers: Vec::new(),
            secrets: Vec::new(),
            body: None,
            hurried: false,
        }
    }

    /// A request to read `url`.
    pub fn get(url: Url) -> Request {
        Request::new(Method::Get, url)
    }

    /// With one more header. It goes along on redirects: nothing secret belongs here.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Request {
        self.headers.push((name, value.into()));
        self
    }

    /// With credentials: the whole `Authorization` value. Redirects to another origin lose it.
    #[must_use]
    pub fn authorization(mut self, value: Option<Secret>) -> Request {
        self.secrets.retain(|(name, _)| *name != "authorization");
        self.secrets.extend(value.map(|it| ("authorization", it)));
        self
    }

    /// With a header as secret as those are.
    #[must_use]
    pub fn secret(mut self, name: &'static str, value: Secret) -> Request {
        self.secrets.push((name, value));
        self
    }

    /// Tried only once: for those who have another way.
    #[must_use]
    pub fn hurried(mut self, hurried: bool) -> Request {
        self.hurried = hurried;
        self
    }

    /// With content.
    #[must_use]
    pub fn body(mut self, media_type: &str, content: impl Into<Vec<u8>>) -> Request {
        self.body = Some(content.into());
        self.header("content-type", media_type)
    }
}
