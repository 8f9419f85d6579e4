//! How a whole archive is compressed: told by its first bytes.
use crate::{SourceError, disk::failed};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::FileExt,
};

/// A window of zstd beyond this is refused: it is held in memory. `zstd --ultra -22` uses it whole.
const WINDOW_BYTES: u64 = 128 << 20;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    /// One that we do not read.
    Other(&'static str),
}

impl Compression {
    /// RFC 1952, section 2.3.1; RFC 8878, sections 3.1.1 and 3.1.2.
    pub(super) fn of(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Other("xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Other("bzip2"),
            [b'P', b'K', 3, 4, ..] => Compression::Other("zip"),
            _ => Compression::None,
        }
    }

    pub(super) fn of_file(file: &File, name: &str) -> Result<Compression, SourceError> {
        let mut start = [0; 6];
        let len = file.read_at(&mut start, 0).map_err(failed(name))?;
        Ok(Compression::of(start.get(..len).unwrap_or_default()))
    }
}

/// The content of a stream that may be compressed.
pub(super) fn open<'a>(stream: impl Read + 'a) -> Result<Box<dyn Read + 'a>, SourceError> {
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    // A pipe may hand out its first bytes one by one.
    let mut start = Vec::new();
    stream.by_ref().take(6).read_to_end(&mut start).map_err(failed("the archive"))?;
    let compression = Compression::of(&start);
    let whole = io::Cursor::new(start).chain(stream);
    match compression {
        Compression::None => Ok(Box::new(whole)),
        Compression::Gzip => Ok(Box::new(MultiGzDecoder::new(whole))),
        Compression::Zstd => Ok(Box::new(Zstd::new(whole))),
        Compression::Other(it) => Err(SourceError::Unsupported(format!(
            "an archive compressed by {it}; decompress it first"
        ))),
    }
}

/// Every frame of a zstd stream, one after the other.
struct Zstd<R> {
    stream: R,
    frame: FrameDecoder,
}

impl<R: BufRead> Zstd<R> {
    fn new(stream: R) -> Zstd<R> {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(WINDOW_BYTES);
        Zstd { stream, frame }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.frame.can_collect() > 0 || buf.is_empty() {
                return self.frame.read(buf);
            }
            if !self.frame.is_finished() {
                let strategy = ruzstd::decoding::BlockDecodingStrategy::UptoBlocks(1);
                self.frame.decode_blocks(&mut self.stream, strategy).map_err(invalid)?;
            } else if self.stream.fill_buf()?.is_empty() {
                return Ok(0);
            } else {
                self.next_frame()?;
            }
        }
    }
}

impl<R: BufRead> Zstd<R> {
    /// Begins the next frame; one that is there to be skipped, is (RFC 8878, section 3.1.2).
    fn next_frame(&mut self) -> io::Result<()> {
        match self.frame.reset(&mut self.stream) {
            Ok(()) => Ok(()),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let skipped =
                    io::copy(&mut self.stream.by_ref().take(u64::from(length)), &mut io::sink())?;
                if skipped == u64::from(length) { Ok(()) } else { Err(invalid("frame is cut")) }
            }
            Err(err) => Err(invalid(err)),
        }
    }
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
