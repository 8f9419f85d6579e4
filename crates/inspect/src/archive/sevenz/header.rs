//! The header of a 7z archive. Nothing is allocated for what it merely says that there is.
use crate::Malformed;
use std::ops::Range;

pub(super) const BAD: Malformed = Malformed::new("7z: a header that contradicts itself");

/// What is in the archive.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) streams: Streams,
    pub(super) files: Vec<Entry>,
}

/// One file or directory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) mode: u32,
    pub(super) has_content: bool,
}

/// All that is packed.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Where each packed stream begins behind the first header, and its size.
    pub(super) packed: Vec<(u64, u64)>,
    pub(super) end: u64,
    pub(super) folders: Vec<Folder>,
}

/// A stream, and how it is unpacked.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) coders: Vec<Coder>,
    /// Inputs, each with the coder that it comes from.
    pub(super) bound: Vec<(usize, usize)>,
    /// Inputs, each with the packed stream that it is.
    pub(super) packed: Vec<(usize, usize)>,
    /// The coder that nothing is bound to.
    pub(super) last: usize,
    crc: Option<u32>,
    /// Size and checksum of each file in it.
    pub(super) members: Vec<(u64, Option<u32>)>,
}

#[derive(Debug)]
pub(super) struct Coder {
    pub(super) id: Vec<u8>,
    pub(super) properties: Vec<u8>,
    pub(super) inputs: Range<usize>,
    /// Of what comes out.
    pub(super) size: u64,
}

/// Offset behind it, and size, of the header that the first one leads to.
pub(super) fn start(bytes: &[u8]) -> Result<(u64, u64), Malformed> {
    let mut input = Input(bytes.get(12..).ok_or(BAD)?);
    Ok((input.word()?, input.word()?))
}

/// The streams that the true header is packed in, if it is.
pub(super) fn packed(bytes: &[u8]) -> Result<Option<Streams>, Malformed> {
    match bytes.split_first() {
        Some((0x17, rest)) => Input(rest).streams().map(Some),
        _ => Ok(None),
    }
}

/// A header that is not packed.
pub(super) fn parse(bytes: &[u8]) -> Result<Header, Malformed> {
    let mut input = Input(bytes);
    let mut header = Header::default();
    if input.byte()? != 1 {
        return Err(BAD);
    }
    loop {
        match input.byte()? {
            0 => return Ok(header),
            2 => {
                while input.byte()? != 0 {
                    input.sized()?;
                }
            }
            4 => header.streams = input.streams()?,
            5 => header.files = input.files()?,
            _ => return Err(BAD),
        }
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(BAD)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    fn word(&mut self) -> Result<u64, Malformed> {
        Ok(self.take(8)?.first_chunk().map_or(0, |it| u64::from_le_bytes(*it)))
    }

    fn half(&mut self) -> Result<u32, Malformed> {
        Ok(self.take(4)?.first_chunk().map_or(0, |it| u32::from_le_bytes(*it)))
    }

    /// As many bytes follow the first as that begins with ones; the rest of it is the highest part.
    fn number(&mut self) -> Result<u64, Malformed> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let mut low = [0; 8];
        let bytes = self.take(usize::try_from(more).unwrap_or_default())?;
        low.iter_mut().zip(bytes).for_each(|(low, byte)| *low = *byte);
        let high = u64::from(first) & 0x7f_u64.checked_shr(more).unwrap_or(0);
        let high = high.checked_shl(more.saturating_mul(8)).unwrap_or(0);
        Ok(u64::from_le_bytes(low) | high)
    }

    /// How many of something follow, of which each takes a byte at least.
    fn count(&mut self) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| BAD)?;
        if count <= self.0.len() { Ok(count) } else { Err(BAD) }
    }

    fn sized(&mut self) -> Result<Input<'a>, Malformed> {
        let count = self.count()?;
        Ok(Input(self.take(count)?))
    }

    fn bits(&mut self, count: usize) -> Result<Vec<bool>, Malformed> {
        let bytes = self.take(count.div_ceil(8))?;
        let bits = bytes.iter().flat_map(|it| (0..8).map(move |bit| it & (0x80 >> bit) != 0));
        Ok(bits.take(count).collect())
    }

    /// One bit each, unless the first byte says that all are set.
    fn defined(&mut self, count: usize) -> Result<Vec<bool>, Malformed> {
        if self.byte()? == 0 { self.bits(count) } else { Ok(vec![true; count]) }
    }

    fn digests(&mut self, count: usize) -> Result<Vec<Option<u32>>, Malformed> {
        let defined = self.defined(count)?;
        defined.into_iter().map(|it| it.then(|| self.half()).transpose()).collect()
    }

    fn streams(&mut self) -> Result<Streams, Malformed> {
        let mut streams = Streams::default();
        loop {
            match self.byte()? {
                0 => break,
                6 => self.packed(&mut streams)?,
                7 => self.folders(&mut streams)?,
                8 => {
                    self.members(&mut streams.folders)?;
                    return if self.byte()? == 0 { Ok(streams) } else { Err(BAD) };
                }
                _ => return Err(BAD),
            }
        }
        for folder in &mut streams.folders {
            folder.members = vec![(folder.size()?, folder.crc)];
        }
        Ok(streams)
    }

    fn packed(&mut self, streams: &mut Streams) -> Result<(), Malformed> {
        let mut start = self.number()?;
        let count = self.count()?;
        loop {
            match self.byte()? {
                0 => break,
                9 => {
                    for _ in 0..count {
                        let size = self.number()?;
                        streams.packed.push((start, size));
                        start = start.checked_add(size).ok_or(BAD)?;
                    }
                }
                10 => drop(self.digests(count)?),
                _ => return Err(BAD),
            }
        }
        streams.end = start;
        Ok(())
    }

    fn folders(&mut self, streams: &mut Streams) -> Result<(), Malformed> {
        let (11, count, 0) = (self.byte()?, self.count()?, self.byte()?) else { return Err(BAD) };
        let mut first = 0;
        for _ in 0..count {
            let folder = self.folder(first)?;
            first = first.saturating_add(folder.packed.len());
            streams.folders.push(folder);
        }
        loop {
            match self.byte()? {
                0 => return Ok(()),
                10 => {
                    let digests = self.digests(count)?;
                    streams.folders.iter_mut().zip(digests).for_each(|(it, crc)| it.crc = crc);
                }
                12 => {
                    for coder in streams.folders.iter_mut().flat_map(|it| &mut it.coders) {
                        coder.size = self.number()?;
                    }
                }
                _ => return Err(BAD),
            }
        }
    }

    /// `first` is the packed stream that its first is.
    fn folder(&mut self, first: usize) -> Result<Folder, Malformed> {
        let mut folder = Folder::default();
        let count = self.count()?;
        let mut inputs: usize = 0;
        // 7-Zip itself reads no more coders, or inputs, than 32.
        if count == 0 || count > 32 {
            return Err(BAD);
        }
        for _ in 0..count {
            let flags = self.byte()?;
            let id = self.take(usize::from(flags & 0x0f))?.to_vec();
            let (mut taken, mut made) = (1, 1);
            if flags & 0x10 != 0 {
                (taken, made) = (self.count()?, self.count()?);
            }
            let properties = if flags & 0x20 != 0 { self.sized()?.0.to_vec() } else { Vec::new() };
            if flags & 0xc0 != 0 || taken > 32 || made != 1 {
                return Err(BAD);
            }
            let end = inputs.saturating_add(taken);
            folder.coders.push(Coder { id, properties, inputs: inputs..end, size: 0 });
            inputs = end;
        }
        for _ in 1..count {
            let (input, output) = (self.number()?, self.number()?);
            let index = |it| usize::try_from(it).map_err(|_| BAD);
            folder.bound.push((index(input)?, index(output)?));
        }
        let free = (0..inputs).filter(|it| folder.bound.iter().all(|bound| bound.0 != *it));
        let mut free: Vec<usize> = free.collect();
        if free.len() > 1 {
            for it in &mut free {
                *it = usize::try_from(self.number()?).map_err(|_| BAD)?;
            }
        }
        folder.packed =
            free.into_iter().enumerate().map(|(i, it)| (it, first.saturating_add(i))).collect();
        let last = (0..count).find(|it| folder.bound.iter().all(|bound| bound.1 != *it));
        folder.last = last.ok_or(BAD)?;
        Ok(folder)
    }

    /// The files in each folder: how many, the sizes of all but the last, checksums that the folder does not have.
    fn members(&mut self, folders: &mut [Folder]) -> Result<(), Malformed> {
        let mut counts = vec![1; folders.len()];
        let mut kind = self.byte()?;
        if kind == 13 {
            for count in &mut counts {
                *count = self.count()?;
            }
            kind = self.byte()?;
        }
        for (folder, count) in folders.iter_mut().zip(&counts) {
            let mut left = if *count == 0 { 0 } else { folder.size()? };
            for _ in 1..*count {
                if kind != 9 {
                    return Err(BAD);
                }
                let size = self.number()?;
                left = left.checked_sub(size).ok_or(BAD)?;
                folder.members.push((size, None));
            }
            if *count > 0 {
                folder.members.push((left, folder.crc.filter(|_| *count == 1)));
            }
        }
        if kind == 9 {
            kind = self.byte()?;
        }
        while kind != 0 {
            if kind == 10 {
                let members = folders.iter_mut().flat_map(|it| &mut it.members);
                let unknown: Vec<_> = members.filter(|it| it.1.is_none()).collect();
                let digests = self.digests(unknown.len())?;
                unknown.into_iter().zip(digests).for_each(|(it, crc)| it.1 = crc);
            } else {
                self.sized()?;
            }
            kind = self.byte()?;
        }
        Ok(())
    }

    fn files(&mut self) -> Result<Vec<Entry>, Malformed> {
        let count = self.count()?;
        let (mut names, mut modes) = (Vec::new(), Vec::new());
        let mut empty = vec![false; count];
        loop {
            let kind = self.byte()?;
            if kind == 0 {
                break;
            }
            let mut input = self.sized()?;
            match kind {
                14 => empty = input.bits(count)?,
                17 if input.byte()? == 0 => names = input.names(count)?,
                21 => {
                    let defined = input.defined(count)?;
                    if input.byte()? == 0 {
                        let mode = |it: bool| it.then(|| input.half()).transpose();
                        modes = defined.into_iter().map(mode).collect::<Result<_, _>>()?;
                    }
                }
                _ => {}
            }
        }
        if names.len() != count {
            return Err(BAD);
        }
        modes.resize(count, None);
        let files = names.into_iter().zip(modes).zip(empty).map(|((name, attributes), empty)| {
            // With this bit set, the higher half is what Unix has.
            let mode = attributes.filter(|it| it & 0x8000 != 0).map_or(0, |it| it >> 16 & 0o7777);
            Entry { name, mode, has_content: !empty }
        });
        Ok(files.collect())
    }

    /// UTF-16, each ended by a zero.
    fn names(&mut self, count: usize) -> Result<Vec<String>, Malformed> {
        let (units, _) = self.0.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|it| u16::from_le_bytes(*it)).collect();
        let names = units.split(|it| *it == 0).take(count);
        Ok(names.map(String::from_utf16_lossy).collect())
    }
}

impl Folder {
    fn size(&self) -> Result<u64, Malformed> {
        self.coders.get(self.last).map(|it| it.size).ok_or(BAD)
    }
}
