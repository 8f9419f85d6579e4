//! Reads a blob to its end over lines that drop (RFC 9110, 14: range requests).
use crate::{SourceError, Verified, places::Places};
use model::Digest;
use net::{Body, Response};
use std::{
    io::{self, Read},
    sync::Arc,
};

/// What has to come over a line before its drop no longer counts as one more failure.
const PROGRESS_BYTES: u64 = 64 << 10;

/// The bytes of a blob, from however many answers it takes.
struct Resuming {
    places: Arc<Places>,
    digest: Digest,
    /// As the manifest says; 0 where it says nothing.
    size: u64,
    at: u64,
    line: Option<Line>,
    failed: u32,
    /// Where the last failure was.
    mark: u64,
}

/// An answer that is being read.
struct Line {
    body: Body,
    /// Bytes that were read before and come again.
    skip: u64,
    /// Whether the answer says itself where it ends.
    framed: bool,
}

impl Resuming {
    /// Opens the blob. A `size` of 0 is not held against what comes.
    fn open(places: Arc<Places>, digest: Digest, size: u64) -> Result<Resuming, SourceError> {
        let line = Some(line(&places, &digest, size, 0)?);
        Ok(Resuming { places, digest, size, at: 0, line, failed: 0, mark: 0 })
    }

    fn attempt(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.line.is_none() {
            let line = line(&self.places, &self.digest, self.size, self.at);
            self.line = Some(line.map_err(io::Error::other)?);
        }
        let Some(line) = self.line.as_mut() else { return Ok(0) };
        line.pass_over()?;
        let read = line.body.read(buf)?;
        if read > 0 || buf.is_empty() || self.at >= self.size {
            return Ok(read);
        }
        // A line without framing ends the same way whether the blob does or the line dropped.
        match line.framed {
            true => Err(self.wrong_size("ends")),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn wrong_size(&self, how: &str) -> io::Error {
        let Resuming { digest, size, at, .. } = self;
        let text = format!("{digest} {how} after {at} bytes, but the manifest says {size}");
        io::Error::new(io::ErrorKind::InvalidData, SourceError::Malformed(text))
    }

    /// What is told in the end: how far it came, and why no further.
    fn given_up(&self, error: io::Error) -> io::Error {
        if error.get_ref().is_some_and(|it| it.is::<SourceError>()) {
            return error;
        }
        let Resuming { digest, at, .. } = self;
        let name = self.places.origin().name();
        let text = format!("{name}: {digest} breaks off after {at} bytes: {error}");
        io::Error::new(error.kind(), SourceError::Unreachable(text))
    }

    /// Whether it is worth going on after `error`.
    fn dropped(&mut self, error: &io::Error) -> bool {
        self.line = None;
        let ours = error.get_ref().and_then(|it| it.downcast_ref::<SourceError>());
        // What could not even be opened was tried as often as the settings say.
        if ours.is_some() || error.kind() == io::ErrorKind::InvalidData {
            return false;
        }
        if self.at.saturating_sub(self.mark) >= PROGRESS_BYTES {
            self.failed = 0;
        }
        self.mark = self.at;
        self.failed = self.failed.saturating_add(1);
        self.failed < self.places.origin().tries()
    }
}

impl Read for Resuming {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.attempt(buf) {
                Ok(read) => {
                    self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                    if self.size != 0 && self.at > self.size {
                        self.line = None;
                        return Err(self.wrong_size("goes on"));
                    }
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.dropped(&error) => self.places.origin().rest(self.failed),
                Err(error) => return Err(self.given_up(error)),
            }
        }
    }
}

/// The bytes of a blob held against its digest. Where they are wrong, whoever tries again gets them
/// from the registry itself.
pub(crate) struct Checked {
    reader: Verified<Resuming>,
    places: Arc<Places>,
}

impl Checked {
    pub(crate) fn open(
        places: &Arc<Places>,
        digest: Digest,
        size: u64,
    ) -> Result<Checked, SourceError> {
        let reader = Resuming::open(Arc::clone(places), digest.clone(), size)?;
        Ok(Checked { reader: Verified::new(reader, digest), places: Arc::clone(places) })
    }
}

impl Read for Checked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf).inspect_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                self.places.distrust_mirrors();
            }
        })
    }
}

impl Line {
    fn pass_over(&mut self) -> io::Result<()> {
        let mut scrap = [0; 16 << 10];
        while self.skip > 0 {
            let len = scrap.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            let Some(part) = scrap.get_mut(..len) else { break };
            let read = self.body.read(part)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.skip = self.skip.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        }
        Ok(())
    }
}

fn line(places: &Places, digest: &Digest, size: u64, at: u64) -> Result<Line, SourceError> {
    places.each(|place| {
        let range = ("range", format!("bytes={at}-"));
        let headers = if at == 0 { &[][..] } else { &[range][..] };
        let response = place.get("blobs", digest.as_str(), headers)?;
        let start = start(&response, digest)?;
        let Some(skip) = at.checked_sub(start) else {
            let text = format!("{digest}: byte {at} was asked for, {start} and on came");
            return Err(SourceError::Malformed(text));
        };
        let length = response.header("content-length").and_then(|it| it.parse().ok());
        // Seen here, so that a mirror's page of welcome does not pass for a layer.
        let all: Option<u64> = length.and_then(|it: u64| it.checked_add(start));
        if let Some(all) = all.filter(|it| size != 0 && *it != size) {
            let text = format!("{digest} has {all} bytes, but the manifest says {size}");
            return Err(SourceError::Malformed(text));
        }
        let framed = all.is_some() || response.header("transfer-encoding").is_some();
        Ok(Line { body: response.body, skip, framed })
    })
}

/// Where in the blob the answer begins: a server may ignore the range and begin anew.
fn start(response: &Response, digest: &Digest) -> Result<u64, SourceError> {
    if response.status != 206 {
        return Ok(0);
    }
    let range = response.header("content-range").and_then(|it| it.strip_prefix("bytes "));
    let start = range.and_then(|it| it.split('-').next()?.parse().ok());
    let text = format!("{digest}: a part of it that does not say which");
    start.ok_or(SourceError::Malformed(text))
}
