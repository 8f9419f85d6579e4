//! Deflate and gzip as readers (RFC 1951, RFC 1952), over the decoder and the headers of `crate::decompress`.
use super::meter::State;
use crate::{
    Malformed,
    decompress::{Input, Pending, Trouble, gzip_header, trailer},
};
use fdeflate::Decompressor;
use model::Reason;
use std::{
    io::{self, BufRead, Read},
    rc::Rc,
};

/// How far back deflate may refer.
const WINDOW_BYTES: usize = 32 << 10;
/// The room for what the decoder makes: below what comes from the system anew each time.
const BUFFER_BYTES: usize = 96 << 10;
/// The least that is made at a time. Of most members no more than the first bytes are wanted.
const LEAST_BYTES: usize = 1 << 10;
/// How much the decoder is given at a time: what it makes before it meets an error is lost.
const PIECE_BYTES: usize = 16 << 10;
/// What the decoder takes behind the stream: the checksum that zlib has there, and what it reads ahead.
const AHEAD_BYTES: usize = 16;

/// A decoder and what it has made.
struct Core {
    decoder: Decompressor,
    buffer: Vec<u8>,
    /// What has not been handed out yet.
    start: usize,
    end: usize,
    /// Where the stream begins, or what it may still refer to.
    base: usize,
}

impl Core {
    /// For a stream of about `size` bytes.
    fn new(size: u64) -> Result<Core, Malformed> {
        let size = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(256);
        let buffer = vec![0; size.min(BUFFER_BYTES)];
        let mut core = Core { decoder: Decompressor::new(), buffer, start: 0, end: 0, base: 0 };
        core.begin()?;
        Ok(core)
    }

    /// Another stream, that does not refer to what was before.
    fn begin(&mut self) -> Result<(), Malformed> {
        self.decoder = Decompressor::new();
        self.decoder.ignore_adler32();
        self.base = self.end;
        // The decoder wants the two bytes that zlib puts in front (RFC 1950).
        self.decoder.read(&[0x78, 0x01], &mut [], 0, false).map_err(malformed)?;
        Ok(())
    }

    /// Makes more of `input`, about `most` bytes, and says how much of it was used. All that was made must have been
    /// handed out.
    fn make(&mut self, input: &[u8], most: usize) -> Result<usize, Malformed> {
        if self.end == self.buffer.len() {
            self.buffer.resize(BUFFER_BYTES, 0);
        }
        if self.end == self.buffer.len() {
            let from = self.end.saturating_sub(WINDOW_BYTES).max(self.base);
            self.buffer.copy_within(from..self.end, 0);
            (self.base, self.end) = (0, self.end.saturating_sub(from));
        }
        let at = self.end.saturating_sub(self.base);
        let room = self.end.saturating_add(most.max(LEAST_BYTES)).min(self.buffer.len());
        let place = self.buffer.get_mut(self.base..room).unwrap_or_default();
        let (used, made) = self.decoder.read(input, place, at, false).map_err(malformed)?;
        self.start = self.end;
        self.end = self.end.saturating_add(made).min(self.buffer.len());
        Ok(used)
    }

    fn made(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn hand_out(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.made().read(buffer).unwrap_or_default();
        self.start = self.start.saturating_add(count);
        count
    }
}

fn malformed(err: fdeflate::DecompressionError) -> Malformed {
    Malformed(format!("{err:?}").into())
}

fn invalid(err: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, err.0)
}

/// A deflate stream without anything around it.
pub(super) struct Inflate<R> {
    /// There is none until something is read: most members of most archives are passed over.
    core: Option<Core>,
    /// About how many bytes it makes.
    size: u64,
    input: R,
    /// How many bytes that are not there the decoder was given.
    ahead: usize,
}

impl<R: BufRead> Inflate<R> {
    /// Of about `size` bytes.
    pub(super) fn new(input: R, size: u64) -> Inflate<R> {
        Inflate { core: None, size, input, ahead: 0 }
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let core = match &mut self.core {
            Some(core) => core,
            none => none.insert(Core::new(self.size).map_err(invalid)?),
        };
        while core.made().is_empty() && !core.decoder.is_done() {
            let piece = self.input.fill_buf()?;
            let piece = piece.get(..PIECE_BYTES).unwrap_or(piece);
            if piece.is_empty() {
                let used = core.make(&[0], buffer.len()).map_err(invalid)?;
                self.ahead = self.ahead.saturating_add(used);
                if self.ahead > AHEAD_BYTES || used == 0 && core.made().is_empty() {
                    return Err(invalid(Malformed::new("ends early")));
                }
            } else {
                let used = core.make(piece, buffer.len()).map_err(invalid)?;
                self.input.consume(used);
            }
        }
        Ok(core.hand_out(buffer))
    }
}

/// A gzip stream of any number of members.
pub(super) struct Gunzip<R> {
    core: Core,
    input: Input<R>,
    pending: Pending,
    crc: crc32fast::Hasher,
    length: u32,
    place: Place,
    state: Rc<State>,
}

#[derive(PartialEq)]
enum Place {
    Header,
    Data,
    Trailer,
    End,
}

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(input: R, state: &Rc<State>) -> io::Result<Gunzip<R>> {
        let core = Core::new(u64::MAX).map_err(invalid)?;
        let (input, pending) = (Input::new(input), Pending::new());
        let (crc, state) = (crc32fast::Hasher::new(), Rc::clone(state));
        Ok(Gunzip { core, input, pending, crc, length: 0, place: Place::Header, state })
    }

    fn step(&mut self) -> Result<(), Trouble> {
        match self.place {
            Place::Header => {
                gzip_header(&mut self.pending, &mut self.input)?;
                self.core.begin()?;
                (self.crc, self.length) = (crc32fast::Hasher::new(), 0);
                self.place = Place::Data;
            }
            Place::Data => self.data()?,
            Place::Trailer => {
                let crc = std::mem::take(&mut self.crc).finalize();
                trailer(&mut self.pending, &mut self.input, crc, self.length)?;
                self.place = Place::End;
                if let [0x1f, 0x8b, ..] = *self.pending.at_least(2, &mut self.input)? {
                    self.place = Place::Header;
                } else if self.pending.only_zeros(&mut self.input)? {
                } else {
                    let what = "data behind the end of the stream".to_owned();
                    return Err(Trouble::Io(self.state.flaw(Reason::Ambiguous(what))));
                }
            }
            Place::End => {}
        }
        Ok(())
    }

    fn data(&mut self) -> Result<(), Trouble> {
        let piece = self.pending.at_least(1, &mut self.input)?;
        let piece = piece.get(..PIECE_BYTES).unwrap_or(piece);
        let (ended, used) = (piece.is_empty(), self.core.make(piece, BUFFER_BYTES)?);
        self.pending.consume(used);
        let made = self.core.made();
        self.crc.update(made);
        self.length = self.length.wrapping_add(u32::try_from(made.len()).unwrap_or_default());
        if self.core.decoder.is_done() {
            self.place = Place::Trailer;
        } else if ended && made.is_empty() {
            return Err(Malformed::new("ends early").into());
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.core.made().is_empty() && self.place != Place::End {
            self.step().map_err(|it| match it {
                Trouble::Io(err) => err,
                Trouble::Malformed(it) => invalid(it),
                Trouble::TooLarge(_) | Trouble::Closed => io::ErrorKind::InvalidData.into(),
            })?;
        }
        Ok(self.core.hand_out(buffer))
    }
}
