//! What handlers answer, and how that is described.
use crate::{App, Problem, io::Pieces, receive::Json};
use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, Response, header},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use std::{io, sync::Arc};
use tokio::{sync::mpsc, task::spawn_blocking};

/// Something that a handler answers.
pub(crate) trait Output {
    /// Makes it an answer.
    fn reply(self) -> Result<Reply, Problem>;
    /// Describes it.
    fn describe(schemas: &mut SchemaGenerator) -> Gives;
}

/// A description of what is answered.
pub(crate) struct Gives {
    pub(crate) status: u16,
    /// What the content is like, with its media type.
    pub(crate) body: Option<(&'static str, Schema)>,
}

/// An answer that can be sent.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) content: Content,
}

/// What an answer has to say.
pub(crate) enum Content {
    /// All of it.
    Whole(Bytes),
    /// Made while it is sent.
    Made(Make),
}

/// Writes an answer while it is sent, on a thread that may wait.
type Make = Box<dyn FnOnce(&mut Sink) -> io::Result<()> + Send>;

/// Where an answer is written to while it is sent. Writing waits for the reader, and fails when that is gone.
pub(crate) struct Sink(mpsc::Sender<io::Result<Bytes>>);

/// Something was made: where it is, and what it is like.
pub(crate) struct Created<T>(pub(crate) String, pub(crate) T);

/// A text of this type.
pub(crate) struct Text(pub(crate) &'static str, pub(crate) String);

impl Reply {
    pub(crate) fn new(status: u16, media_type: &str, content: impl Into<Bytes>) -> Reply {
        let headers = vec![(header::CONTENT_TYPE, media_type.to_owned())];
        Reply { status, headers, content: Content::Whole(content.into()) }
    }

    pub(crate) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), content: Content::Whole(Bytes::new()) }
    }

    pub(crate) fn json(status: u16, it: &impl Serialize) -> Result<Reply, Problem> {
        let bytes = serde_json::to_vec(it).map_err(|err| Problem::internal(err.to_string()))?;
        Ok(Reply::new(status, "application/json", bytes))
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer as it is sent. What would begin a header of its own is refused.
    pub(crate) fn send(self, app: &Arc<App>) -> Result<Response<Body>, Problem> {
        let mut response = Response::new(match self.content {
            Content::Whole(it) => Body::from(it),
            Content::Made(make) => made(app, make),
        });
        let bad = |what: String| move |_| Problem::internal(format!("{what} cannot be sent"));
        *response.status_mut() =
            self.status.try_into().map_err(|_| Problem::internal("a strange status"))?;
        for (name, value) in self.headers {
            let value = HeaderValue::try_from(value).map_err(bad(name.to_string()))?;
            response.headers_mut().append(name, value);
        }
        Ok(response)
    }
}

fn made(app: &Arc<App>, make: Make) -> Body {
    let (sender, receiver) = mpsc::channel(4);
    let app = Arc::clone(app);
    spawn_blocking(move || {
        let mut sink = Sink(sender);
        if let Err(err) = make(&mut sink) {
            // The reader must not take the half for the whole.
            drop(sink.0.blocking_send(Err(io::Error::other("cut off"))));
            if err.kind() != io::ErrorKind::BrokenPipe {
                app.note("error", "an answer was cut off", &[("reason", err.to_string().into())]);
            }
        }
    });
    Body::new(Pieces(receiver))
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Ok(Bytes::copy_from_slice(bytes));
        self.0.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: Serialize + JsonSchema> Output for Json<T> {
    fn reply(self) -> Result<Reply, Problem> {
        Reply::json(200, &self.0)
    }

    fn describe(schemas: &mut SchemaGenerator) -> Gives {
        Gives { status: 200, body: Some(("application/json", schemas.subschema_for::<T>())) }
    }
}

impl<T: Serialize + JsonSchema> Output for Created<T> {
    fn reply(self) -> Result<Reply, Problem> {
        Ok(Reply::json(201, &self.1)?.header(header::LOCATION, self.0))
    }

    fn describe(schemas: &mut SchemaGenerator) -> Gives {
        Gives { status: 201, body: Some(("application/json", schemas.subschema_for::<T>())) }
    }
}

impl Output for () {
    fn reply(self) -> Result<Reply, Problem> {
        Ok(Reply::empty(204))
    }

    fn describe(_: &mut SchemaGenerator) -> Gives {
        Gives { status: 204, body: None }
    }
}

impl Output for Text {
    fn reply(self) -> Result<Reply, Problem> {
        Ok(Reply::new(200, self.0, self.1))
    }

    fn describe(schemas: &mut SchemaGenerator) -> Gives {
        Gives { status: 200, body: Some(("text/plain", schemas.subschema_for::<String>())) }
    }
}
