//! Streams that may be compressed, told by their first bytes: whole archives, and the documents of feeds.
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};
use std::io::{self, BufRead, Read};

/// A window of zstd or a dictionary of xz beyond this is refused: it is held in memory. `zstd --ultra -22` uses it whole.
const WINDOW_BYTES: u64 = 128 << 20;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of any number of members.
    Gzip,
    /// Zstandard, of any number of frames.
    Zstd,
    /// xz.
    Xz,
    /// By something that we do not read: what.
    Other(&'static str),
}

impl Compression {
    /// By the first six bytes: RFC 1952, section 2.3.1; RFC 8878, section 3.1.1; The .xz File Format, section 2.1.1.
    pub fn of(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Other("bzip2"),
            [b'P', b'K', 3, 4, ..] => Compression::Other("zip"),
            _ => Compression::None,
        }
    }

    /// What comes out of `stream`.
    pub fn open<'a>(self, stream: impl BufRead + 'a) -> Box<dyn Read + 'a> {
        match self {
            Compression::None => Box::new(stream),
            Compression::Gzip => Box::new(MultiGzDecoder::new(stream)),
            Compression::Zstd => Box::new(Zstd::new(stream)),
            Compression::Xz => Box::new(xz(stream)),
            Compression::Other(it) => Box::new(Unreadable(it)),
        }
    }

    /// A file's name as it is when unpacked.
    pub fn strip(self, name: &str) -> &str {
        let endings: &[&str] = match self {
            Compression::None => &[],
            Compression::Gzip => &[".gz"],
            Compression::Zstd => &[".zst", ".zstd"],
            Compression::Xz => &[".xz"],
            Compression::Other(_) => &[],
        };
        endings.iter().find_map(|it| name.strip_suffix(it)).unwrap_or(name)
    }
}

fn xz(stream: impl Read) -> impl Read {
    XzReader::new_mem_limit(stream, true, u32::try_from(WINDOW_BYTES >> 10).unwrap_or(u32::MAX))
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

    /// Begins the next frame; one that is there to be skipped, is (RFC 8878, section 3.1.2).
    fn next_frame(&mut self) -> io::Result<()> {
        use FrameDecoderError::ReadFrameHeaderError as Header;
        match self.frame.reset(&mut self.stream) {
            Ok(()) => Ok(()),
            Err(Header(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut self.stream.by_ref().take(length), &mut io::sink())?;
                if skipped == length { Ok(()) } else { Err(invalid("a frame is cut")) }
            }
            Err(err) => Err(invalid(err)),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.frame.can_collect() > 0 || buffer.is_empty() {
                return self.frame.read(buffer);
            }
            if !self.frame.is_finished() {
                let strategy = BlockDecodingStrategy::UptoBlocks(1);
                self.frame.decode_blocks(&mut self.stream, strategy).map_err(invalid)?;
            } else if self.stream.fill_buf()?.is_empty() {
                return Ok(0);
            } else {
                self.next_frame()?;
            }
        }
    }
}

struct Unreadable(&'static str);

impl Read for Unreadable {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("compressed by {}; unpack it first", self.0),
        ))
    }
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
