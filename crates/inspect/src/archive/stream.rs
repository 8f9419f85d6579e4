//! Decoders of compressed streams, as readers.
use super::{
    format::Format,
    inflate::Gunzip,
    meter::{State, Window},
};
use bzip2::bufread::MultiBzDecoder;
use lzma_rust2::{Lzma2Reader, LzmaReader, XzReader};
use model::Reason;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};
use std::{
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

/// The largest dictionary or window: as much as `xz -9` needs. `zstd` needs less up to `-19`, more from `--ultra -22` on.
const WINDOW_KIB: u32 = 65 << 10;
/// Below this much, a dictionary is no large window.
const SMALL_BYTES: u32 = 1 << 20;
const BUFFER_BYTES: usize = 32 << 10;

/// What `input` is when unpacked. [`Format::compresses`] says for which formats there is such a thing.
pub(super) fn decode<'a>(
    format: Format,
    input: impl Read + 'a,
    state: &Rc<State>,
) -> io::Result<Box<dyn Read + 'a>> {
    let input = BufReader::with_capacity(BUFFER_BYTES, input);
    Ok(match format {
        Format::Gzip => Box::new(Gunzip::new(input, state)?),
        Format::Bzip2 => Box::new(MultiBzDecoder::new(input)),
        Format::Xz => xz(input, state)?,
        Format::Zstd => Box::new(Zstd::new(input, state)?),
        Format::Lzma => {
            let _window = Some(state.window()?);
            let inner = LzmaReader::new_mem_limit(input, WINDOW_KIB, None)?;
            Box::new(Windowed { inner, _window })
        }
        _ => {
            let what = format!("{} as a stream", format.name());
            return Err(state.flaw(Reason::Unsupported(what)));
        }
    })
}

pub(super) fn xz<'a>(
    input: impl BufRead + 'a,
    state: &Rc<State>,
) -> io::Result<Box<dyn Read + 'a>> {
    let _window = Some(state.window()?);
    let inner = XzReader::new_mem_limit(input, true, WINDOW_KIB);
    Ok(Box::new(Windowed { inner, _window }))
}

/// LZMA as it stands in zip (APPNOTE.TXT 5.8.8): a version, the length of the properties, these, the stream.
pub(super) fn lzma_in_zip<'a>(
    mut input: impl BufRead + 'a,
    size: u64,
    state: &Rc<State>,
) -> io::Result<Box<dyn Read + 'a>> {
    let mut header = [0; 9];
    input.read_exact(&mut header)?;
    let [_, _, 5, 0, properties, dictionary @ ..] = header else {
        let what = "lzma: unknown properties".to_owned();
        return Err(state.flaw(Reason::Malformed(what)));
    };
    lzma(input, size, properties, u32::from_le_bytes(dictionary), state)
}

/// LZMA without a header.
pub(super) fn lzma<'a>(
    input: impl BufRead + 'a,
    size: u64,
    properties: u8,
    dictionary: u32,
    state: &Rc<State>,
) -> io::Result<Box<dyn Read + 'a>> {
    let _window = leave(dictionary, state)?;
    let inner = LzmaReader::new_with_props(input, size, properties, dictionary, None)?;
    Ok(Box::new(Windowed { inner, _window }))
}

/// The same of LZMA2.
pub(super) fn lzma2<'a>(
    input: impl BufRead + 'a,
    dictionary: u32,
    state: &Rc<State>,
) -> io::Result<Box<dyn Read + 'a>> {
    let _window = leave(dictionary, state)?;
    let inner = Lzma2Reader::new(input, dictionary, None);
    Ok(Box::new(Windowed { inner, _window }))
}

/// Leave to have a dictionary, if it is large.
fn leave(dictionary: u32, state: &Rc<State>) -> io::Result<Option<Window>> {
    if dictionary > WINDOW_KIB.saturating_mul(1 << 10) {
        let what = format!("lzma: a dictionary of {dictionary} bytes");
        return Err(state.flaw(Reason::TooLarge(what)));
    }
    (dictionary > SMALL_BYTES).then(|| state.window()).transpose()
}

/// A decoder that has leave to have a large window.
struct Windowed<R> {
    inner: R,
    _window: Option<Window>,
}

impl<R: Read> Read for Windowed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

/// Any number of frames, skippable ones included (RFC 8878, 3.1).
pub(super) struct Zstd<R> {
    decoder: FrameDecoder,
    input: R,
    in_frame: bool,
    _window: Window,
}

impl<R: BufRead> Zstd<R> {
    pub(super) fn new(input: R, state: &Rc<State>) -> io::Result<Zstd<R>> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(u64::from(WINDOW_KIB).saturating_mul(1 << 10));
        Ok(Zstd { decoder, input, in_frame: false, _window: state.window()? })
    }

    fn next_frame(&mut self) -> io::Result<()> {
        use ReadFrameHeaderError::SkipFrame;
        match self.decoder.init(&mut self.input) {
            Ok(()) => self.in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(SkipFrame { length, .. })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
                if skipped != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(err @ FrameDecoderError::WindowSizeTooBig { .. }) => {
                return Err(io::Error::new(io::ErrorKind::OutOfMemory, err.to_string()));
            }
            Err(err) => return Err(io::Error::other(err.to_string())),
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 {
            if self.in_frame && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let outcome = self.decoder.decode_blocks(&mut self.input, one);
                outcome.map_err(|err| io::Error::other(err.to_string()))?;
            } else if self.input.fill_buf()?.is_empty() {
                return Ok(0);
            } else {
                self.in_frame = false;
                self.next_frame()?;
            }
        }
        self.decoder.read(buffer)
    }
}
