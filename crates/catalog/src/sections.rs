//! Where the named parts of a program lie: ELF (System V ABI, "Sections"; "Program Header"), PE ("PE Format", "Section
//! Table") and Mach-O (`mach-o/loader.h`, `LC_SEGMENT` and `LC_SEGMENT_64`). Only headers are read, a few kilobytes of
//! a program of any size.
use inspect::{Fault, File, Head, Malformed};
use std::borrow::Cow;

/// More sections than any compiler makes.
const SECTIONS: u64 = 4096;
/// The most of load commands of Mach-O that is read.
const COMMANDS_BYTES: u64 = 1 << 20;
/// Libraries larger than this are not looked at: the spool is for what may well have something to tell.
const LIBRARY_BYTES: u64 = 32 << 20;

/// A part of a program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    /// `.text`; of Mach-O without the segment. Empty for a part that has none: what ELF loads.
    pub(crate) name: String,
    /// Where it is in memory.
    pub(crate) address: u64,
    /// Where it is in the file.
    pub(crate) offset: u64,
    /// Its bytes in the file.
    pub(crate) size: u64,
    /// Whether it may be written in memory.
    pub(crate) writable: bool,
}

/// Whether a file is a program that may say what it was made of.
pub(crate) fn is_program(head: &Head<'_>) -> bool {
    let name = head.path.name();
    match head.start {
        // Executables and shared objects: not what compilers leave behind.
        [0x7f, b'E', b'L', b'F', _, order, ..] => {
            let kind = if *order == 2 { head.start.get(17) } else { head.start.get(16) };
            let library = name.ends_with(".so") || name.contains(".so.");
            matches!(kind, Some(2 | 3))
                && head.mode & 0o111 != 0
                && !(library && head.size > LIBRARY_BYTES)
        }
        [b'M', b'Z', ..] => name.ends_with(".exe"),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => true,
        _ => false,
    }
}

/// The parts of a program; none if it is of no format known here.
pub(crate) fn sections(file: &File<'_>) -> Result<Vec<Section>, Fault> {
    let start = file.slice(0, file.size().min(64))?;
    match &*start {
        [0x7f, b'E', b'L', b'F', ..] => elf(file, &start),
        [b'M', b'Z', ..] => pe(file, &start),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => mach_o(file, &start),
        _ => Ok(Vec::new()),
    }
}

/// Numbers out of a header, in its byte order.
struct Numbers<'a> {
    bytes: Cow<'a, [u8]>,
    big: bool,
}

impl Numbers<'_> {
    fn at(&self, offset: usize, width: usize) -> Result<u64, Malformed> {
        number(&self.bytes, offset, width, self.big)
    }

    fn name(&self, offset: usize, len: usize) -> String {
        let bytes = self.bytes.get(offset..).unwrap_or_default();
        let bytes = bytes.get(..len).unwrap_or(bytes);
        let end = bytes.iter().position(|it| *it == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
    }
}

/// An unsigned number of `width` bytes.
pub(crate) fn number(
    bytes: &[u8],
    offset: usize,
    width: usize,
    big: bool,
) -> Result<u64, Malformed> {
    let end = offset.checked_add(width);
    let bytes = end.and_then(|it| bytes.get(offset..it)).ok_or(Malformed::new("ends early"))?;
    let add = |all: u64, it: &u8| all << 8 | u64::from(*it);
    Ok(if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
}

fn headers<'a>(
    file: &File<'a>,
    offset: u64,
    count: u64,
    width: u64,
    big: bool,
) -> Result<Vec<Numbers<'a>>, Fault> {
    if count > SECTIONS {
        return Err(Malformed::new("too many sections").into());
    }
    let at = |i: u64| offset.saturating_add(i.saturating_mul(width));
    (0..count).map(|i| Ok(Numbers { bytes: file.slice(at(i), width)?, big })).collect()
}

fn elf(file: &File<'_>, start: &[u8]) -> Result<Vec<Section>, Fault> {
    let wide = start.get(4) == Some(&2);
    let big = start.get(5) == Some(&2);
    let head = Numbers { bytes: Cow::Borrowed(start), big };
    // Offsets and widths of what differs between 32 and 64 bits.
    let (word, phoff, shoff, counts) = if wide { (8, 32, 40, 54) } else { (4, 28, 32, 42) };
    let mut all = Vec::new();
    let (width, count) = (head.at(counts, 2)?, head.at(counts.saturating_add(2), 2)?);
    for it in headers(file, head.at(phoff, word)?, count, width, big)? {
        // PT_LOAD.
        if it.at(0, 4)? == 1 {
            let at = if wide { [4, 8, 16, 32] } else { [24, 4, 8, 16] };
            let [flags, offset, address, size] = at;
            all.push(Section {
                name: String::new(),
                writable: it.at(flags, 4)? & 2 != 0,
                offset: it.at(offset, word)?,
                address: it.at(address, word)?,
                size: it.at(size, word)?,
            });
        }
    }
    // Stripped of its table of sections: what is loaded must do.
    all.extend(elf_sections(file, &head, wide, (shoff, counts)).unwrap_or_default());
    Ok(all)
}

fn elf_sections(
    file: &File<'_>,
    head: &Numbers<'_>,
    wide: bool,
    (shoff, counts): (usize, usize),
) -> Result<Vec<Section>, Fault> {
    let word = if wide { 8 } else { 4 };
    let at = |more: usize| head.at(counts.saturating_add(more), 2);
    let table = headers(file, head.at(shoff, word)?, at(6)?, at(4)?, head.big)?;
    let [flags, address, offset, size] = if wide { [8, 16, 24, 32] } else { [8, 12, 16, 20] };
    let names = usize::try_from(at(8)?).ok().and_then(|it| table.get(it));
    let names = names.ok_or(Malformed::new("no names of sections"))?;
    let size_of_names = names.at(size, word)?.min(1 << 20);
    let bytes = file.slice(names.at(offset, word)?, size_of_names)?;
    let names = Numbers { bytes, big: head.big };
    let read = |it: &Numbers<'_>| {
        // SHT_NOBITS has nothing in the file.
        let in_file = if it.at(4, 4)? == 8 { 0 } else { it.at(size, word)? };
        let name = usize::try_from(it.at(0, 4)?).unwrap_or(usize::MAX);
        Ok(Section {
            name: names.name(name, 64),
            address: it.at(address, word)?,
            offset: it.at(offset, word)?,
            size: in_file,
            writable: it.at(flags, word)? & 1 != 0,
        })
    };
    table.iter().map(read).collect()
}

fn pe(file: &File<'_>, start: &[u8]) -> Result<Vec<Section>, Fault> {
    let at = number(start, 60, 4, false)?;
    let coff = Numbers { bytes: file.slice(at, 24)?, big: false };
    if !coff.bytes.starts_with(b"PE\0\0") {
        return Ok(Vec::new());
    }
    let optional = coff.at(20, 2)?;
    let after = at.saturating_add(24);
    let magic = Numbers { bytes: file.slice(after, 32)?, big: false };
    let base = if magic.at(0, 2)? == 0x20b { magic.at(24, 8)? } else { magic.at(28, 4)? };
    let table = headers(file, after.saturating_add(optional), coff.at(6, 2)?, 40, false)?;
    let read = |it: &Numbers<'_>| {
        Ok(Section {
            name: it.name(0, 8),
            address: base.saturating_add(it.at(12, 4)?),
            offset: it.at(20, 4)?,
            size: it.at(16, 4)?,
            writable: it.at(36, 4)? & 0x8000_0000 != 0,
        })
    };
    table.iter().map(read).collect()
}

fn mach_o(file: &File<'_>, start: &[u8]) -> Result<Vec<Section>, Fault> {
    let wide = start.first() == Some(&0xcf);
    let (header, word) = if wide { (32, 8) } else { (28, 4) };
    let (count, bytes) = (number(start, 16, 4, false)?, number(start, 20, 4, false)?);
    let commands = file.slice(header, bytes.min(COMMANDS_BYTES))?;
    let (mut rest, mut all) = (&*commands, Vec::new());
    for _ in 0..count.min(SECTIONS) {
        let (kind, size) = (number(rest, 0, 4, false)?, number(rest, 4, 4, false)?);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let (command, after) =
            rest.split_at_checked(size.max(8)).ok_or(Malformed::new("ends early"))?;
        // LC_SEGMENT and LC_SEGMENT_64.
        if kind == if wide { 0x19 } else { 1 } {
            segment(command, word, &mut all)?;
        }
        rest = after;
    }
    Ok(all)
}

fn segment(command: &[u8], word: usize, all: &mut Vec<Section>) -> Result<(), Malformed> {
    let wide = word == 8;
    let (protection, count, first, width) =
        if wide { (60, 64, 72_usize, 80) } else { (44, 48, 56, 68) };
    let writable = number(command, protection, 4, false)? & 2 != 0;
    let count = number(command, count, 4, false)?;
    let sections = command.get(first..).unwrap_or_default().chunks_exact(width);
    for it in sections.take(usize::try_from(count).unwrap_or_default()) {
        let it = Numbers { bytes: Cow::Borrowed(it), big: false };
        let (size, offset) = if wide { (40, 48) } else { (36, 40) };
        all.push(Section {
            name: it.name(0, 16),
            address: it.at(32, word)?,
            offset: it.at(offset, 4)?,
            size: it.at(size, word)?,
            writable,
        });
    }
    Ok(())
}
