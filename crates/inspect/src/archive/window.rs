//! A part of a file that can be read at any place: memory, or the spool, of which no more than a piece is at hand.
use super::meter::State;
use crate::{Fault, File};
use model::Reason;
use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
    rc::Rc,
};

/// How much of it is brought in at a time.
const PIECE_BYTES: u64 = 64 << 10;

/// The part.
#[derive(Clone, Debug)]
pub(super) struct Window<'a> {
    file: File<'a>,
    start: u64,
    len: u64,
    state: Rc<State>,
}

impl<'a> Window<'a> {
    /// All of `file`.
    pub(super) fn new(file: File<'a>, state: &Rc<State>) -> Window<'a> {
        Window { file, start: 0, len: file.size(), state: Rc::clone(state) }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// A part of it, if it has that.
    pub(super) fn part(&self, start: u64, len: u64) -> Option<Window<'a>> {
        start.checked_add(len).filter(|it| *it <= self.len)?;
        let start = self.start.checked_add(start)?;
        Some(Window { start, len, ..self.clone() })
    }

    /// Up to `len` bytes from `start`.
    pub(super) fn slice(&self, start: u64, len: u64) -> io::Result<Cow<'a, [u8]>> {
        let len = len.min(self.len.saturating_sub(start));
        match self.file.slice(self.start.saturating_add(start), len) {
            Ok(it) => Ok(it),
            Err(Fault::Io(err)) => Err(self.state.fail(err)),
            Err(err) => Err(self.state.flaw(Reason::Malformed(err.to_string()))),
        }
    }

    /// From front to back.
    pub(super) fn reader(&self) -> Reader<'a> {
        Reader { window: self.clone(), at: 0, piece: Cow::Borrowed(&[]), used: 0 }
    }
}

impl rawzip::ReaderAt for Window<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let bytes = self.slice(offset, len)?;
        if let Some(place) = buffer.get_mut(..bytes.len()) {
            place.copy_from_slice(&bytes);
        }
        Ok(bytes.len())
    }
}

/// Reads a window from front to back.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    window: Window<'a>,
    /// Where the next piece begins.
    at: u64,
    piece: Cow<'a, [u8]>,
    used: usize,
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used >= self.piece.len() {
            self.piece = self.window.slice(self.at, PIECE_BYTES)?;
            self.used = 0;
            let count = u64::try_from(self.piece.len()).unwrap_or(u64::MAX);
            self.at = self.at.saturating_add(count);
        }
        Ok(self.piece.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.used = self.used.saturating_add(count);
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
