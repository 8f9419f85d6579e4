//! What handlers answer, and how that is described.
use crate::{
    App, Keys, Problem,
    call::{Call, Failure, read},
    events::Stream,
    export::{Cell as Value, Format, Sheet},
    io::Pieces,
    receive::Json,
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, Response, header, header::InvalidHeaderName},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::{
    cell::Cell,
    io::{self, BufWriter},
    sync::Arc,
};
use store::{Cursor, Tx};
use tokio::{sync::mpsc, task::spawn_blocking};

/// Something that a handler answers.
pub(crate) trait Output {
    /// Makes an answer of it.
    fn reply(&self) -> Result<Reply, Problem>;
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
    /// What happens, as it happens.
    Told(mpsc::Receiver<Bytes>),
}

/// Writes an answer while it is sent, on a thread that may wait.
type Make = Box<dyn FnOnce(&mut Sink) -> io::Result<()> + Send>;

/// Where an answer is written to while it is sent. Writing waits for the reader, and fails when that is gone.
pub(crate) struct Sink(mpsc::Sender<io::Result<Bytes>>);

/// Something was made: where it is, and what it is like.
pub(crate) struct Created<T>(pub(crate) String, pub(crate) T);

/// A document with the version that it has; who changes it can say which one was seen.
pub(crate) struct Versioned<T>(pub(crate) T, pub(crate) i64);

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

    /// The answer as it is kept for whoever asks the same again under `key`; it may hold a secret.
    pub(crate) fn seal(&self, keys: &Keys, key: &str) -> Result<(i64, Vec<u8>), Problem> {
        let Content::Whole(content) = &self.content else {
            return Err(Problem::internal(
                "an answer that is made while it is sent cannot be kept",
            ));
        };
        let headers: Vec<_> = self.headers.iter().map(|(a, b)| (a.as_str(), b)).collect();
        let kept = serde_json::to_vec(&(headers, content.to_vec()));
        let kept = kept.map_err(|err| Problem::internal(err.to_string()))?;
        let sealed = keys.seal(&kept, &format!("idempotency/{key}")).map_err(Problem::internal)?;
        Ok((i64::from(self.status), sealed))
    }

    /// An answer that was kept.
    pub(crate) fn kept(
        keys: &Keys,
        key: &str,
        status: i64,
        sealed: &[u8],
    ) -> Result<Reply, Problem> {
        let kept = keys.open(sealed, &format!("idempotency/{key}")).map_err(Problem::internal)?;
        let bad = |err: &dyn std::fmt::Display| {
            Problem::internal(format!("an answer that was kept: {err}"))
        };
        let (headers, content): (Vec<(String, String)>, Vec<u8>) =
            serde_json::from_slice(&kept).map_err(|err| bad(&err))?;
        let headers = headers.into_iter().map(|(name, value)| Ok((name.parse()?, value)));
        let headers: Result<_, InvalidHeaderName> = headers.collect();
        let headers = headers.map_err(|err| bad(&err))?;
        let status = u16::try_from(status).map_err(|err| bad(&err))?;
        Ok(Reply { status, headers, content: Content::Whole(content.into()) })
    }

    /// The answer as it is sent. What would begin a header of its own is refused.
    pub(crate) fn send(self, app: &Arc<App>) -> Result<Response<Body>, Problem> {
        let mut response = Response::new(match self.content {
            Content::Whole(it) => Body::from(it),
            Content::Made(make) => made(app, make),
            Content::Told(it) => Body::new(Stream::new(it)),
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
    fn reply(&self) -> Result<Reply, Problem> {
        Reply::json(200, &self.0)
    }

    fn describe(schemas: &mut SchemaGenerator) -> Gives {
        Gives { status: 200, body: Some(("application/json", schemas.subschema_for::<T>())) }
    }
}

impl<T: Serialize + JsonSchema> Output for Created<T> {
    fn reply(&self) -> Result<Reply, Problem> {
        Ok(Reply::json(201, &self.1)?.header(header::LOCATION, &self.0))
    }

    fn describe(schemas: &mut SchemaGenerator) -> Gives {
        Gives { status: 201, body: Some(("application/json", schemas.subschema_for::<T>())) }
    }
}

impl<T> Versioned<T> {
    /// A version, as `ETag` and `If-Match` have it.
    pub(crate) fn tag(version: i64) -> String {
        format!("\"{version}\"")
    }
}

impl<T: Serialize + JsonSchema> Output for Versioned<T> {
    fn reply(&self) -> Result<Reply, Problem> {
        let tag = Versioned::<T>::tag(self.1);
        Ok(Reply::json(200, &self.0)?.header(header::ETAG, tag))
    }

    fn describe(schemas: &mut SchemaGenerator) -> Gives {
        Json::<T>::describe(schemas)
    }
}

impl Output for () {
    fn reply(&self) -> Result<Reply, Problem> {
        Ok(Reply::empty(204))
    }

    fn describe(_: &mut SchemaGenerator) -> Gives {
        Gives { status: 204, body: None }
    }
}

impl Output for Text {
    fn reply(&self) -> Result<Reply, Problem> {
        Ok(Reply::new(200, self.0, self.1.clone()))
    }

    fn describe(schemas: &mut SchemaGenerator) -> Gives {
        Gives { status: 200, body: Some(("text/plain", schemas.subschema_for::<String>())) }
    }
}

/// Goes with another answer: a cookie that is set.
pub(crate) struct Cookie {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) path: &'static str,
    pub(crate) seconds: i64,
    pub(crate) secure: bool,
}

/// An answer with cookies.
pub(crate) struct WithCookies<T>(pub(crate) T, pub(crate) Vec<Cookie>);

/// Sends the browser elsewhere.
pub(crate) struct Redirect(pub(crate) String);

impl Cookie {
    /// Scripts do not see it, and other sites' forms and images do not send it.
    fn text(&self) -> String {
        let Cookie { name, value, path, seconds, secure } = self;
        let secure = if *secure { "; Secure" } else { "" };
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}

impl<T: Output> Output for WithCookies<T> {
    fn reply(&self) -> Result<Reply, Problem> {
        let reply = self.0.reply()?;
        Ok(self.1.iter().fold(reply, |reply, it| reply.header(header::SET_COOKIE, it.text())))
    }

    fn describe(schemas: &mut SchemaGenerator) -> Gives {
        T::describe(schemas)
    }
}

impl Output for Redirect {
    fn reply(&self) -> Result<Reply, Problem> {
        Ok(Reply::empty(303).header(header::LOCATION, &self.0))
    }

    fn describe(_: &mut SchemaGenerator) -> Gives {
        Gives { status: 303, body: None }
    }
}

/// A list as a file.
pub(crate) struct Export {
    name: &'static str,
    format: Format,
    make: Cell<Option<Make>>,
}

/// What happens, as it happens.
pub(crate) struct Told(Cell<Option<mpsc::Receiver<Bytes>>>);

/// How many rows are asked for at a time.
const ROWS: usize = 500;

impl Export {
    /// A file of this name with this heading and the rows of all parts that `more` gives, each in a transaction of
    /// its own: it may be long, and others have to go on.
    pub(crate) fn new(
        call: &Call,
        name: &'static str,
        format: Format,
        heading: &[&'static str],
        more: impl Fn(
            &mut Tx<'_>,
            Option<&Cursor>,
            usize,
        ) -> Result<(Vec<Vec<Value>>, Option<Cursor>), Failure>
        + Send
        + 'static,
    ) -> Export {
        let (app, heading) = (Arc::clone(&call.app), heading.to_vec());
        let make: Make = Box::new(move |sink| {
            let mut sheet = Sheet::new(format, BufWriter::with_capacity(64 << 10, sink), &heading)?;
            let mut cursor = None;
            loop {
                let ask = |tx: &mut Tx<'_>| more(tx, cursor.as_ref(), ROWS);
                let (rows, next) = read(&app, ask)
                    .map_err(|err| io::Error::other(err.cause.unwrap_or(err.detail)))?;
                rows.iter().try_for_each(|it| sheet.row(it))?;
                match next {
                    Some(it) => cursor = Some(it),
                    None => return sheet.finish(),
                }
            }
        });
        Export { name, format, make: Cell::new(Some(make)) }
    }
}

impl Output for Export {
    fn reply(&self) -> Result<Reply, Problem> {
        let make = self.make.take().ok_or_else(|| Problem::internal("a file is made once"))?;
        let name = format!("attachment; filename=\"{}.{}\"", self.name, self.format.ending());
        let headers = vec![
            (header::CONTENT_TYPE, self.format.media_type().to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ];
        Ok(Reply { status: 200, headers, content: Content::Made(make) })
    }

    fn describe(_: &mut SchemaGenerator) -> Gives {
        let schema = json_schema!({"type": "string", "description": "The file."});
        Gives { status: 200, body: Some((Format::Csv.media_type(), schema)) }
    }
}

/// A document as a file, made while it is sent.
pub(crate) struct Download {
    name: String,
    media_type: &'static str,
    make: Cell<Option<Make>>,
}

impl Download {
    /// A file of this name.
    pub(crate) fn new(
        name: String,
        media_type: &'static str,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()> + Send + 'static,
    ) -> Download {
        let make: Make = Box::new(move |sink| {
            let mut out = BufWriter::with_capacity(64 << 10, sink);
            write(&mut out)?;
            io::Write::flush(&mut out)
        });
        Download { name, media_type, make: Cell::new(Some(make)) }
    }
}

impl Output for Download {
    fn reply(&self) -> Result<Reply, Problem> {
        let make = self.make.take().ok_or_else(|| Problem::internal("a file is made once"))?;
        let name = format!("attachment; filename=\"{}\"", self.name);
        let headers = vec![
            (header::CONTENT_TYPE, self.media_type.to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ];
        Ok(Reply { status: 200, headers, content: Content::Made(make) })
    }

    fn describe(_: &mut SchemaGenerator) -> Gives {
        let schema = json_schema!({"type": "object", "description": "The document."});
        Gives { status: 200, body: Some(("application/json", schema)) }
    }
}

impl Told {
    pub(crate) fn new(it: mpsc::Receiver<Bytes>) -> Told {
        Told(Cell::new(Some(it)))
    }
}

impl Output for Told {
    fn reply(&self) -> Result<Reply, Problem> {
        let it = self.0.take().ok_or_else(|| Problem::internal("a stream is read once"))?;
        let headers = vec![
            (header::CONTENT_TYPE, "text/event-stream".to_owned()),
            // Proxies are not to wait until they have much.
            (HeaderName::from_static("x-accel-buffering"), "no".to_owned()),
        ];
        Ok(Reply { status: 200, headers, content: Content::Told(it) })
    }

    fn describe(_: &mut SchemaGenerator) -> Gives {
        let schema = json_schema!({"type": "string", "description": "Server-sent events."});
        Gives { status: 200, body: Some(("text/event-stream", schema)) }
    }
}
