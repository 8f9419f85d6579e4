//! A request whose sender is known and whose content has arrived.
use crate::{App, Code, Problem, console, reply::Output, route::Route, who::Who};
use axum::{
    body::Bytes,
    http::{HeaderMap, Uri},
};
use serde::Serialize;
use std::{cell::Cell, fs::File, net::IpAddr, sync::Arc};
use store::{Tx, audit, idempotency};

/// What a handler gets.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) route: &'static Route,
    pub(crate) now: i64,
    /// Whose request it is, as far as addresses say that.
    pub(crate) address: IpAddr,
    /// Who asks. There is somebody wherever the route wants a role.
    pub(crate) who: Option<Who>,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// The content in the place of `body`, on a route that takes a file.
    pub(crate) file: Option<Filed>,
    /// The key under which the answer is kept, for a request that must not be carried out twice.
    pub(crate) once: Option<String>,
    /// Whether the answer has been kept.
    pub(crate) kept: Cell<bool>,
}

/// A content that was written to a file without a name.
pub(crate) struct Filed {
    pub(crate) file: File,
    /// SHA-256 in hexadecimal digits.
    pub(crate) hash: String,
}

/// Why a transaction is undone.
pub(crate) enum Failure {
    Store(store::Error),
    Problem(Problem),
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

    /// Who asks.
    pub(crate) fn who(&self) -> Result<&Who, Problem> {
        let nobody = || Problem::new(Code::Unauthenticated, "log in, or send a token");
        self.who.as_ref().ok_or_else(nobody)
    }

    /// A header that is plain text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// A sentence as whoever asks reads it.
    pub(crate) fn say(&self, text: &str) -> String {
        console::sentence(text, console::chinese(&self.headers)).into_owned()
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

    /// Asks within one transaction.
    pub(crate) fn read<T>(
        &self,
        ask: impl FnMut(&mut Tx<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        read(&self.app, ask)
    }

    /// Changes things within one transaction. `change` may be called several times.
    pub(crate) fn write<T>(
        &self,
        mut change: impl FnMut(&mut Tx<'_>) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let mut problem = None;
        let outcome = self.app.store.write(|tx| change(tx).map_err(|it| it.put(&mut problem)));
        outcome.map_err(|err| problem.unwrap_or_else(|| err.into()))
    }

    /// The same where that is all there is to do: the answer is kept in the transaction too, so that what must not
    /// happen twice does not, wherever we break off.
    pub(crate) fn change<O: Output>(
        &self,
        mut change: impl FnMut(&mut Tx<'_>) -> Result<O, Failure>,
    ) -> Result<O, Problem> {
        let outcome = self.write(|tx| {
            let output = change(tx)?;
            if let Some(key) = &self.once {
                let (status, sealed) = output.reply()?.seal(&self.app.keys, key)?;
                idempotency::finish(tx, key, self.now, status, &sealed)?;
            }
            Ok(output)
        });
        self.kept.set(outcome.is_ok());
        outcome
    }

    /// Notes in the audit log that `object` was `before` and is `after`, within the transaction that does it.
    pub(crate) fn audit(
        &self,
        tx: &mut Tx<'_>,
        object: &str,
        before: Option<&impl Serialize>,
        after: Option<&impl Serialize>,
    ) -> Result<(), Failure> {
        let person = self.who.as_ref().map_or_else(String::new, |it| it.name.clone());
        self.audit_as(tx, &person, object, before, after)
    }

    /// The same, of somebody who is only now known.
    pub(crate) fn audit_as(
        &self,
        tx: &mut Tx<'_>,
        person: &str,
        object: &str,
        before: Option<&impl Serialize>,
        after: Option<&impl Serialize>,
    ) -> Result<(), Failure> {
        let entry = audit::Entry {
            id: 0,
            at: self.now,
            person: person.to_owned(),
            action: self.route.name.to_owned(),
            object: object.to_owned(),
            before: before.map(text).transpose()?,
            after: after.map(text).transpose()?,
        };
        Ok(audit::add(tx, &entry)?)
    }
}

/// Asks within one transaction.
pub(crate) fn read<T>(
    app: &App,
    mut ask: impl FnMut(&mut Tx<'_>) -> Result<T, Failure>,
) -> Result<T, Problem> {
    let mut problem = None;
    let outcome = app.store.read(|tx| ask(tx).map_err(|it| it.put(&mut problem)));
    outcome.map_err(|err| problem.unwrap_or_else(|| err.into()))
}

/// Where there is nothing before, or nothing after.
pub(crate) const NOTHING: Option<&()> = None;

fn text(it: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(it).map_err(|err| Problem::internal(err.to_string()))
}

/// A header that is plain text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|it| it.to_str().ok())
}

impl Failure {
    /// The store's error that undoes the transaction; a problem of ours is put aside.
    fn put(self, aside: &mut Option<Problem>) -> store::Error {
        match self {
            Failure::Store(it) => {
                *aside = None;
                it
            }
            Failure::Problem(it) => {
                *aside = Some(it);
                store::Error::Conflict(String::new())
            }
        }
    }
}

impl From<store::Error> for Failure {
    fn from(it: store::Error) -> Failure {
        Failure::Store(it)
    }
}

impl From<Problem> for Failure {
    fn from(it: Problem) -> Failure {
        Failure::Problem(it)
    }
}
