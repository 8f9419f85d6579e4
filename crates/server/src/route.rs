//! A row of the table of routes: what it takes to find a handler, to check who may, and to describe it.
use crate::{
    Problem,
    call::Call,
    receive::{Input, Takes},
    reply::{Gives, Output, Reply},
    who::Role,
};
use axum::http::Method;
use schemars::SchemaGenerator;

/// Something that can be asked.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// A verb and a noun: the operation's name in the document, and the action's in the audit log.
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    /// The most bytes of content, where that differs from what is usual.
    pub(crate) body_bytes: Option<usize>,
    /// Whether the content is written to a file, and not held in memory.
    pub(crate) to_file: bool,
    pub(crate) takes: fn(&mut SchemaGenerator) -> Takes,
    pub(crate) gives: fn(&mut SchemaGenerator) -> Gives,
    pub(crate) handle: Handle,
    /// Whether it is a page, for people.
    pub(crate) page: bool,
}

type Handle = Box<dyn Fn(&Call) -> Result<Reply, Problem> + Send + Sync>;

impl Route {
    /// The same, with so many bytes of content at most.
    pub(crate) fn of_bytes(self, bytes: usize) -> Route {
        Route { body_bytes: Some(bytes), ..self }
    }
}

/// Who may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// Everybody; what is asked guards itself.
    Anyone,
    /// Persons of this role and of those above it.
    Role(Role),
}

/// A row that is answered by `handle`, a function of the call and of what is taken from it.
pub(crate) fn route<I: Input + 'static, O: Output + 'static>(
    method: Method,
    path: &'static str,
    access: Access,
    name: &'static str,
    summary: &'static str,
    handle: fn(&Call, I) -> Result<O, Problem>,
) -> Route {
    Route {
        method,
        path,
        name,
        summary,
        access,
        body_bytes: None,
        to_file: I::TO_FILE,
        takes: I::describe,
        gives: O::describe,
        handle: Box::new(move |call| handle(call, I::take(call)?)?.reply()),
        page: false,
    }
}

/// A page of the console.
pub(crate) fn page<I: Input + 'static, O: Output + 'static>(
    path: &'static str,
    access: Access,
    handle: fn(&Call, I) -> Result<O, Problem>,
) -> Route {
    Route { page: true, ..route(Method::GET, path, access, "", "", handle) }
}

/// The same of a form of a page, which browsers send without any script. It has a name for the audit log.
pub(crate) fn form<I: Input + 'static, O: Output + 'static>(
    path: &'static str,
    access: Access,
    name: &'static str,
    handle: fn(&Call, I) -> Result<O, Problem>,
) -> Route {
    Route { page: true, ..route(Method::POST, path, access, name, "", handle) }
}
