//! Decompression of a layer, as it streams by: gzip, zstd or none, told apart by their first bytes.
//!
//! Formats: RFC 1952 (gzip, several members in a row included), RFC 8878 (zstd, several frames and skippable
//! frames included). The digest of what comes out is checked by whoever reads it.
use crate::{Malformed, tar::read_full};
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};
use std::io::{self, BufRead, Read};

/// How far back deflate may refer.
const WINDOW_BYTES: usize = 32 << 10;
/// What is handed on at a time.
const CHUNK_BYTES: usize = 512 << 10;
/// The largest zstd window that we keep; `zstd --ultra --long=27` needs as much, tools that build images
/// stay at 8 MiB.
const ZSTD_WINDOW_BYTES: u64 = 128 << 20;
/// Below this much output the ratio of a stream is not looked at.
const RATIO_FREE_BYTES: u64 = 1 << 30;

/// Bytes of the layer, in the middle of a buffer that is used again.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Chunk {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }
}

/// Why a stream ended early.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The reader failed: our fault.
    Io(io::Error),
    /// Not what its first bytes promised.
    Malformed(Malformed),
    /// Over a limit.
    TooLarge(String),
    /// Nobody wants the rest.
    Closed,
}

impl From<Malformed> for Trouble {
    fn from(it: Malformed) -> Trouble {
        Trouble::Malformed(it)
    }
}

impl From<io::Error> for Trouble {
    fn from(it: io::Error) -> Trouble {
        Trouble::Io(it)
    }
}

/// Where decompressed bytes go: full buffers are exchanged for empty ones.
pub(crate) struct Output<'a> {
    chunk: Chunk,
    /// Takes a chunk and gives back an old one; `None` when nobody wants more.
    exchange: &'a mut dyn FnMut(Chunk) -> Option<Chunk>,
    written: u64,
    most: u64,
    ratio: u64,
}

impl<'a> Output<'a> {
    /// Fails once more than `most` bytes come out, or more than `ratio` times what went in.
    pub(crate) fn new(
        most: u64,
        ratio: u64,
        exchange: &'a mut dyn FnMut(Chunk) -> Option<Chunk>,
    ) -> Output<'a> {
        let chunk = Chunk { buffer: vec![0; WINDOW_BYTES + CHUNK_BYTES], start: 0, end: 0 };
        Output { chunk, exchange, written: 0, most, ratio }
    }

    fn free(&mut self) -> &mut [u8] {
        self.chunk.buffer.get_mut(self.chunk.end..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize, read: u64) -> Result<(), Trouble> {
        self.chunk.end = self.chunk.end.saturating_add(count).min(self.chunk.buffer.len());
        self.written = self.written.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.written > self.most {
            return Err(Trouble::TooLarge(format!("more than {} bytes uncompressed", self.most)));
        }
        if self.written > RATIO_FREE_BYTES && self.written > read.saturating_mul(self.ratio) {
            let what = format!("expands to more than {} times its size", self.ratio);
            return Err(Trouble::TooLarge(what));
        }
        Ok(())
    }

    /// Hands on what there is, and keeps the last `keep` bytes readable before what comes next.
    fn flush(&mut self, keep: usize) -> Result<usize, Trouble> {
        let mut tail = [0; WINDOW_BYTES];
        let keep = keep.min(self.chunk.end).min(WINDOW_BYTES);
        let from = self.chunk.end.saturating_sub(keep);
        let kept = self.chunk.buffer.get(from..self.chunk.end).unwrap_or_default();
        if let Some(tail) = tail.get_mut(..keep) {
            tail.copy_from_slice(kept);
        }
        let full = std::mem::take(&mut self.chunk);
        let mut chunk = (self.exchange)(full).ok_or(Trouble::Closed)?;
        chunk.buffer.resize(WINDOW_BYTES + CHUNK_BYTES, 0);
        if let (Some(place), Some(tail)) = (chunk.buffer.get_mut(..keep), tail.get(..keep)) {
            place.copy_from_slice(tail);
        }
        (chunk.start, chunk.end) = (keep, keep);
        self.chunk = chunk;
        Ok(keep)
    }
}

/// Decompresses all of `input` into `output`. What came out before an error has been handed on.
pub(crate) fn decompress(input: impl BufRead, output: &mut Output<'_>) -> Result<(), Trouble> {
    let mut input = Input::new(input);
    let outcome = match input.inner.fill_buf()? {
        [0x1f, 0x8b, ..] => gunzip(&mut input, output),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            unzstd(&mut input, output)
        }
        _ => copy(&mut input, output),
    };
    if !output.chunk.bytes().is_empty() && !matches!(outcome, Err(Trouble::Closed)) {
        output.flush(0)?;
    }
    // The decoders call every failure of their reader a malformed stream: it is not.
    match input.failed {
        Some(err) => Err(Trouble::Io(err)),
        None => outcome,
    }
}

/// Counts what is read, and remembers how reading failed.
pub(crate) struct Input<R> {
    inner: R,
    read: u64,
    failed: Option<io::Error>,
}

impl<R> Input<R> {
    pub(crate) fn new(inner: R) -> Input<R> {
        Input { inner, read: 0, failed: None }
    }
}

impl<R: BufRead> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(count) => {
                self.read = self.read.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                Ok(count)
            }
            Err(err) if err.kind() == io::ErrorKind::Interrupted => Err(err),
            Err(err) => {
                let copy = io::Error::new(err.kind(), err.to_string());
                self.failed = Some(err);
                Err(copy)
            }
        }
    }
}

fn copy<R: BufRead>(input: &mut Input<R>, output: &mut Output<'_>) -> Result<(), Trouble> {
    loop {
        let count = read_full(input, output.free())?;
        output.advance(count, input.read)?;
        if !output.free().is_empty() {
            return Ok(());
        }
        output.flush(0)?;
    }
}

fn unzstd<R: BufRead>(input: &mut Input<R>, output: &mut Output<'_>) -> Result<(), Trouble> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW_BYTES);
    let malformed = |err: FrameDecoderError| Malformed(format!("zstd: {err}").into());
    while !input.inner.fill_buf()?.is_empty() {
        match decoder.init(&mut *input) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
                if skipped != length {
                    return Err(Malformed::new("zstd: ends inside a skippable frame").into());
                }
                continue;
            }
            Err(err) => return Err(malformed(err).into()),
        }
        loop {
            let finished = decoder
                .decode_blocks(&mut *input, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(malformed)?;
            drain(&mut decoder, input.read, output)?;
            if finished {
                break;
            }
        }
    }
    Ok(())
}

fn drain(decoder: &mut FrameDecoder, read: u64, output: &mut Output<'_>) -> Result<(), Trouble> {
    while decoder.can_collect() > 0 {
        let count = decoder.read(output.free())?;
        output.advance(count, read)?;
        if output.free().is_empty() {
            output.flush(0)?;
        }
    }
    Ok(())
}

/// The bytes of a gzip stream that have been read but not used yet. A few that have been used stay in
/// front, since the decoder takes a little more than its stream has.
pub(crate) struct Pending {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
}

/// How much the decoder is given at a time.
const PIECE_BYTES: usize = 16 << 10;
/// How much of what has been used is kept: the checksum, and what the decoder may have taken too much.
const KEPT_BYTES: usize = 16;

impl Pending {
    pub(crate) fn new() -> Pending {
        Pending { buffer: vec![0; 128 << 10], start: 0, end: 0, ended: false }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Steps back to `count` bytes before the place reached.
    fn unread(&mut self, count: usize) {
        self.start = self.start.saturating_sub(count);
    }

    fn fill<R: BufRead>(&mut self, input: &mut Input<R>) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        let from = self.start.saturating_sub(KEPT_BYTES);
        self.buffer.copy_within(from..self.end, 0);
        self.start = self.start.saturating_sub(from);
        self.end = self.end.saturating_sub(from);
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        let wanted = free.len();
        let count = read_full(input, free)?;
        self.end = self.end.saturating_add(count);
        self.ended = count < wanted;
        Ok(())
    }

    /// Whether nothing but zeros follows: like gzip itself, who takes these for padding.
    pub(crate) fn only_zeros<R: BufRead>(&mut self, input: &mut Input<R>) -> io::Result<bool> {
        while !self.bytes().is_empty() {
            if self.bytes().iter().any(|it| *it != 0) {
                return Ok(false);
            }
            self.start = self.end;
            self.fill(input)?;
        }
        Ok(true)
    }

    /// At least `count` bytes, unless the stream has no more.
    pub(crate) fn at_least<R: BufRead>(
        &mut self,
        count: usize,
        input: &mut Input<R>,
    ) -> io::Result<&[u8]> {
        if self.bytes().len() < count {
            self.fill(input)?;
        }
        Ok(self.bytes())
    }
}

fn gunzip<R: BufRead>(input: &mut Input<R>, output: &mut Output<'_>) -> Result<(), Trouble> {
    let mut pending = Pending::new();
    loop {
        gzip_header(&mut pending, input)?;
        let (crc, length) = member(&mut pending, input, output)?;
        trailer(&mut pending, input, crc, length)?;
        if let [0x1f, 0x8b, ..] = *pending.at_least(2, input)? {
            continue;
        }
        return match pending.only_zeros(input)? {
            true => Ok(()),
            false => Err(Malformed::new("gzip: data behind the end of the stream").into()),
        };
    }
}

/// RFC 1952, section 2.3.
pub(crate) fn gzip_header<R: BufRead>(
    pending: &mut Pending,
    input: &mut Input<R>,
) -> Result<(), Trouble> {
    const EARLY: Malformed = Malformed::new("gzip: ends inside a header");
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _, ..] = *pending.at_least(10, input)? else {
        return Err(Malformed::new("gzip: unknown header").into());
    };
    pending.consume(10);
    if flags & 0b1110_0000 != 0 {
        return Err(Malformed::new("gzip: reserved flag").into());
    }
    if flags & 4 != 0 {
        let [a, b, ..] = *pending.at_least(2, input)? else { return Err(EARLY.into()) };
        let count = usize::from(u16::from_le_bytes([a, b])).saturating_add(2);
        if pending.at_least(count, input)?.len() < count {
            return Err(EARLY.into());
        }
        pending.consume(count);
    }
    // A name and a comment, each ended by a zero.
    for _ in [8, 16].iter().filter(|it| flags & **it != 0) {
        let most = 64 << 10;
        let bytes = pending.at_least(most, input)?;
        let count = bytes.iter().take(most).position(|it| *it == 0).ok_or(EARLY)?;
        pending.consume(count.saturating_add(1));
    }
    if flags & 2 != 0 {
        if pending.at_least(2, input)?.len() < 2 {
            return Err(EARLY.into());
        }
        pending.consume(2);
    }
    Ok(())
}

/// The deflate stream of one member: its checksum and length.
fn member<R: BufRead>(
    pending: &mut Pending,
    input: &mut Input<R>,
    output: &mut Output<'_>,
) -> Result<(u32, u32), Trouble> {
    let mut decoder = fdeflate::Decompressor::new();
    decoder.ignore_adler32();
    // The decoder wants the two bytes that zlib puts in front (RFC 1950); gzip has a header of its own.
    decoder.read(&[0x78, 0x01], &mut [], 0, false).map_err(deflate)?;
    let mut crc = crc32fast::Hasher::new();
    let mut length: u64 = 0;
    // Where in the buffer this member begins: nothing before it may be referred to.
    let mut base = output.chunk.end;
    loop {
        if pending.bytes().is_empty() {
            pending.fill(input)?;
        }
        let at = output.chunk.end.saturating_sub(base);
        let place = output.chunk.buffer.get_mut(base..).unwrap_or_default();
        // Told of the end of its input the decoder would not say what it made before that; and what
        // it makes before it meets an error is lost, so it gets a little at a time.
        let piece = pending.bytes();
        let piece = piece.get(..PIECE_BYTES).unwrap_or(piece);
        let (used, made) = decoder.read(piece, place, at, false).map_err(deflate)?;
        if used == 0 && made == 0 && pending.ended && !decoder.is_done() {
            return Err(Malformed::new("deflate: ends early").into());
        }
        pending.consume(used);
        crc.update(place.get(at..at.saturating_add(made)).unwrap_or_default());
        length = length.wrapping_add(u64::try_from(made).unwrap_or_default());
        output.advance(made, input.read)?;
        if decoder.is_done() {
            let low = length & u64::from(u32::MAX);
            return Ok((crc.finalize(), u32::try_from(low).unwrap_or_default()));
        }
        if output.free().is_empty() {
            output.flush(output.chunk.end.saturating_sub(base))?;
            base = 0;
        }
    }
}

/// Checks the trailer of a member (RFC 1952, section 2.3.1), and stops right behind it.
///
/// The decoder has taken the four bytes of the checksum, where zlib has one too, and up to three
/// more that it had at hand: which, it does not say, so the trailer is looked for in those places.
pub(crate) fn trailer<R: BufRead>(
    pending: &mut Pending,
    input: &mut Input<R>,
    crc: u32,
    length: u32,
) -> Result<(), Trouble> {
    let mut expected = [0; 8];
    let (left, right) = expected.split_at_mut(4);
    left.copy_from_slice(&crc.to_le_bytes());
    right.copy_from_slice(&length.to_le_bytes());
    pending.unread(7);
    let bytes = pending.at_least(11, input)?;
    let found = (0..4).find(|it| bytes.get(*it..).is_some_and(|it| it.starts_with(&expected)));
    match found {
        Some(offset) => {
            pending.consume(offset.saturating_add(8));
            Ok(())
        }
        None => Err(Malformed::new("gzip: wrong checksum or length").into()),
    }
}

fn deflate(err: fdeflate::DecompressionError) -> Trouble {
    Malformed(format!("deflate: {err:?}").into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{Cursor, Write};

    fn all(input: &[u8]) -> (Vec<u8>, Result<(), Trouble>) {
        let mut bytes = Vec::new();
        let mut exchange = |chunk: Chunk| {
            bytes.extend_from_slice(chunk.bytes());
            Some(chunk)
        };
        let mut output = Output::new(1 << 32, 2000, &mut exchange);
        let outcome =
            decompress(io::BufReader::with_capacity(1000, Cursor::new(input)), &mut output);
        (bytes, outcome)
    }

    fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
        let mut encoder =
            flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// Long enough for several chunks, and not the same all over.
    fn sample() -> Vec<u8> {
        (0_u32..400_000).flat_map(|it| (it.wrapping_mul(it) >> 7).to_le_bytes()).collect()
    }

    #[test]
    fn each_kind_of_stream_comes_out_as_it_went_in() {
        let plain = sample();
        for (name, stream) in [
            ("plain", plain.clone()),
            ("gzip, stored", gzip(&plain, 0)),
            ("gzip, fast", gzip(&plain, 1)),
            ("gzip, best", gzip(&plain, 9)),
            ("zstd", zstd(&plain)),
        ] {
            let (bytes, outcome) = all(&stream);
            outcome.unwrap();
            assert!(bytes == plain, "{name}");
        }
        let (bytes, outcome) = all(b"");
        outcome.unwrap();
        assert!(bytes.is_empty());
    }

    #[test]
    fn members_and_frames_in_a_row_are_one_stream() {
        let plain = sample();
        let (one, two) = plain.split_at(777_777);
        let skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        for stream in [
            [gzip(one, 6), gzip(two, 1)].concat(),
            [gzip(b"", 6), gzip(one, 6), gzip(b"", 1), gzip(two, 1), vec![0; 512]].concat(),
            [zstd(one), zstd(two)].concat(),
            [skippable.to_vec(), zstd(one), skippable.to_vec(), zstd(two)].concat(),
        ] {
            let (bytes, outcome) = all(&stream);
            outcome.unwrap();
            assert!(bytes == plain);
        }
    }

    #[test]
    fn damage_is_told_and_what_came_before_it_is_kept() {
        let plain = sample();
        for stream in [gzip(&plain, 6), zstd(&plain)] {
            let (bytes, outcome) = all(&stream[..stream.len() - 9]);
            assert!(matches!(outcome, Err(Trouble::Malformed(_))), "{outcome:?}");
            assert!(bytes.len() > plain.len() / 2 && plain.starts_with(&bytes));
        }
        let mut wrong = gzip(&plain, 6);
        let end = wrong.len() - 6;
        wrong[end] ^= 1;
        assert!(matches!(all(&wrong).1, Err(Trouble::Malformed(_))));
        let trailing = [gzip(&plain, 6), b"more".to_vec()].concat();
        assert!(matches!(all(&trailing).1, Err(Trouble::Malformed(_))));
    }

    #[test]
    fn a_bomb_is_over_a_limit() {
        let bomb = gzip(&vec![0; 8 << 20], 9);
        let mut exchange = Some;
        let mut output = Output::new(1 << 20, 2000, &mut exchange);
        let outcome = decompress(Cursor::new(&bomb), &mut output);
        assert!(matches!(outcome, Err(Trouble::TooLarge(_))), "{outcome:?}");
    }

    #[test]
    fn an_error_of_the_reader_is_ours() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("line dropped"))
            }
        }
        for stream in [gzip(&sample(), 6), zstd(&sample()), sample()] {
            let input = io::BufReader::new(Cursor::new(&stream[..100_000]).chain(Fails));
            let mut exchange = Some;
            let mut output = Output::new(1 << 30, 2000, &mut exchange);
            let outcome = decompress(input, &mut output);
            assert!(matches!(outcome, Err(Trouble::Io(_))), "{outcome:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_survive_a_round_trip(parts: Vec<Vec<u8>>, level in 0_u32..10) {
            let stream: Vec<u8> = parts.iter().flat_map(|it| gzip(it, level)).collect();
            let (bytes, outcome) = all(&stream);
            prop_assert!(outcome.is_ok(), "{:?}", outcome);
            prop_assert_eq!(bytes, parts.concat());
        }

        #[test]
        fn no_bytes_make_it_panic(kind in 0_usize..3, bytes: Vec<u8>) {
            let magic: [&[u8]; 3] =
                [b"", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0], &[0x28, 0xb5, 0x2f, 0xfd]];
            let _ = all(&[magic[kind], &bytes].concat());
        }
    }
}
