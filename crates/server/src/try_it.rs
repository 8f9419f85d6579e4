//! A page on which a person tries the API. It reads the same document as everybody else.
use crate::{
    Problem,
    call::Call,
    reply::{Gives, Output, Reply},
};
use axum::http::header;
use schemars::SchemaGenerator;

/// Only what this server itself sends may run or be loaded, and nobody may show it within a page of theirs.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A file that is compiled in.
pub(crate) struct File(pub(crate) &'static str, pub(crate) &'static str);

pub(crate) fn page(_: &Call, (): ()) -> Result<File, Problem> {
    Ok(File("text/html; charset=utf-8", include_str!("try_it/page.html")))
}

pub(crate) fn style(_: &Call, (): ()) -> Result<File, Problem> {
    Ok(File("text/css; charset=utf-8", include_str!("try_it/try.css")))
}

pub(crate) fn script(_: &Call, (): ()) -> Result<File, Problem> {
    Ok(File("text/javascript; charset=utf-8", include_str!("try_it/try.js")))
}

impl Output for File {
    fn reply(&self) -> Result<Reply, Problem> {
        let reply = Reply::new(200, self.0, self.1);
        Ok(reply.header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
    }

    fn describe(_: &mut SchemaGenerator) -> Gives {
        Gives { status: 200, body: None }
    }
}
