//! What came back.
use crate::{Error, Timeouts, Url, pace::Permit};
use std::{
    fmt,
    io::{self, Read},
    time::{Duration, Instant},
};
use ureq::http::HeaderMap;

/// What is worth reading only to keep a connection.
const LITTLE_BYTES: u64 = 16 << 10;

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Where it came from, after redirects.
    pub url: Url,
    /// What follows the headers, byte by byte as it was sent.
    pub body: Body,
    headers: HeaderMap,
}

/// The body of an answer. Reading it fails when the connection breaks, when nothing comes any more,
/// and when it comes too slowly to be called progress.
pub struct Body {
    reader: Box<dyn Read + Send>,
    timeouts: Timeouts,
    waited: Duration,
    since: u64,
    _permit: Permit,
}

impl Response {
    pub(crate) fn new(
        url: Url,
        response: ureq::http::Response<ureq::Body>,
        timeouts: &Timeouts,
        permit: Permit,
    ) -> Response {
        let (parts, body) = response.into_parts();
        let body = Body {
            reader: Box::new(body.into_reader()),
            timeouts: timeouts.clone(),
            waited: Duration::ZERO,
            since: 0,
            _permit: permit,
        };
        Response { status: parts.status.as_u16(), url, body, headers: parts.headers }
    }

    /// The first header of this name, if it is plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|it| it.to_str().ok())
    }

    /// All headers of this name that are plain text.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|it| it.to_str().ok())
    }

    /// How long the server asks us to stay away.
    pub fn retry_after(&self) -> Option<Duration> {
        crate::retry::asked(self)
    }

    /// Reads the little that is left, so that the connection can serve the next request. Where much
    /// is left or nobody knows, a new connection is cheaper.
    pub fn finish(self) {
        let length = self.header("content-length").and_then(|it| it.parse().ok());
        if length.is_some_and(|it: u64| it <= LITTLE_BYTES) {
            // Nothing depends on whether this works.
            drop(self.bounded(LITTLE_BYTES));
        }
    }

    /// The whole body, which may have no more than `limit` bytes.
    pub fn bounded(self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = self.body.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| Error::Unreachable(format!("{}: {error}", self.url)))?;
        match u64::try_from(bytes.len()) {
            Ok(len) if len <= limit => Ok(bytes),
            _ => Err(Error::TooLarge(format!("{} has more than {limit} bytes", self.url))),
        }
    }
}

impl Body {
    /// Whether what has come since the last look is worth the time that it took.
    fn crawls(&mut self, waited: Duration, bytes: usize) -> bool {
        self.waited = self.waited.saturating_add(waited);
        self.since = self.since.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let crawls = self.waited >= self.timeouts.crawl && self.since < self.timeouts.least_bytes;
        if self.since >= self.timeouts.least_bytes {
            (self.waited, self.since) = (Duration::ZERO, 0);
        }
        crawls
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        let read = self.reader.read(buf).map_err(plain)?;
        if read > 0 && self.crawls(start.elapsed(), read) {
            let text = format!("fewer than {} bytes came in {:?}", self.since, self.waited);
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        Ok(read)
    }
}

/// The client library's errors as those of the standard library. `InvalidData`, which TLS says of
/// records that were spoiled on their way, is left to those who judge the content.
fn plain(error: io::Error) -> io::Error {
    match error.get_ref().and_then(|it| it.downcast_ref::<ureq::Error>()) {
        Some(ureq::Error::Timeout(_)) => {
            io::Error::new(io::ErrorKind::TimedOut, "nothing came any more")
        }
        Some(other) => io::Error::other(other.to_string()),
        None if error.kind() == io::ErrorKind::InvalidData => {
            io::Error::new(io::ErrorKind::ConnectionAborted, error.to_string())
        }
        None => error,
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
