//! Members of an ar archive: static libraries, Debian packages.
//!
//! Formats: ar(5) of FreeBSD; deb(5). Long names of GNU ("//" holds them, "/123" says where) and of BSD ("#1/12" says
//! that a name of twelve bytes stands before the data).
use super::{
    cpio::skip,
    walk::{End, Entry, Walk},
};
use crate::Malformed;
use std::io::{self, Read};

/// The most of a table of long names that we keep.
const NAMES_BYTES: u64 = 4 << 20;
const BAD: Malformed = Malformed::new("ar: a header that is none");

/// Shows all members but for tables of names and symbols.
pub(super) fn walk(walk: &mut Walk<'_>, reader: &mut dyn Read) -> Result<(), End> {
    let state = std::rc::Rc::clone(&walk.state);
    let end = |err: io::Error| state.end("ar", &err);
    skip(reader, 8).map_err(end)?;
    let mut names = Vec::new();
    loop {
        let mut header = [0; 60];
        match crate::tar::read_full(&mut &mut *reader, &mut header).map_err(end)? {
            // Members begin at even places, and some pad the last one too.
            0 => return Ok(()),
            60 => {}
            _ => return Err(Malformed::new("ar: ends inside a header").into()),
        }
        let (name, fields) = header.split_at(16);
        let mode = number(fields.get(24..32), 8)?;
        let size = number(fields.get(32..42), 10)?;
        if fields.get(42..) != Some(b"`\n") {
            return Err(BAD.into());
        }
        let mut content = reader.take(size);
        match name.trim_ascii_end() {
            b"/" | b"/SYM64/" | b"__.SYMDEF" | b"__.SYMDEF SORTED" => {}
            b"//" if size > NAMES_BYTES => {
                return Err(Malformed::new("ar: too many long names").into());
            }
            b"//" => {
                content.read_to_end(&mut names).map_err(end)?;
            }
            name => {
                let name = long_name(name, &names, &mut content).map_err(end)??;
                let mode = u32::try_from(mode & 0o7777).unwrap_or_default();
                let entry = Entry { name: &name, size: Some(content.limit()), mode };
                walk.member(&entry, &mut content, None)?;
            }
        }
        let left = content.limit();
        skip(reader, left).map_err(end)?;
        if size % 2 == 1 {
            // Missing behind the last member only.
            io::copy(&mut reader.take(1), &mut io::sink()).map_err(end)?;
        }
    }
}

fn long_name(
    name: &[u8],
    names: &[u8],
    content: &mut io::Take<impl Read>,
) -> io::Result<Result<String, Malformed>> {
    if let Some(len) = name.strip_prefix(b"#1/") {
        let len = match number(Some(len), 10) {
            Ok(it) if it <= content.limit().min(NAMES_BYTES) => it,
            _ => return Ok(Err(BAD)),
        };
        let mut name = Vec::new();
        content.by_ref().take(len).read_to_end(&mut name)?;
        let name = name.split(|it| *it == 0).next().unwrap_or_default();
        return Ok(Ok(model::decode(name)));
    }
    let Some(at) = name.strip_prefix(b"/") else {
        return Ok(Ok(model::decode(name.strip_suffix(b"/").unwrap_or(name))));
    };
    let at = number(Some(at), 10).ok().and_then(|it| usize::try_from(it).ok());
    let name = at.and_then(|it| names.get(it..)).and_then(|it| it.split(|it| *it == b'\n').next());
    Ok(name.map(|it| model::decode(it.strip_suffix(b"/").unwrap_or(it))).ok_or(BAD))
}

fn number(field: Option<&[u8]>, radix: u32) -> Result<u64, Malformed> {
    let digits = field.and_then(|it| str::from_utf8(it).ok()).ok_or(BAD)?.trim();
    if digits.is_empty() { Ok(0) } else { u64::from_str_radix(digits, radix).map_err(|_| BAD) }
}
