//! Go modules: what a program was built from (`debug/buildinfo`; its layout is that of `cmd/link`, the section
//! `.go.buildinfo`, with pointers before Go 1.18 and inline since), and `go.mod` ("Go Modules Reference", "go.mod files").
use crate::{
    Cataloger,
    listed::{List, list, locked, text},
    sections::{Section, number, sections},
    wanted::PROGRAM,
};
use inspect::{Fault, File, Found, Malformed};
use model::Ecosystem;
use std::collections::BTreeMap;

pub(crate) const PROGRAMS: Cataloger =
    Cataloger { name: "go-program", revision: 2, paths: &[PROGRAM], parse: program };

pub(crate) const MOD: Cataloger =
    Cataloger { name: "go-mod", revision: 1, paths: &["go.mod"], parse: go_mod };

const MAGIC: &[u8] = b"\xff Go buildinf:";
/// How the magic is aligned, and how large what it begins is.
const ALIGN: usize = 16;
const HEADER_BYTES: u64 = 32;
/// How much of the data of a program without a section of that name is searched.
const SEARCHED_BYTES: u64 = 1 << 20;
/// The most that a list of modules has: tens of thousands.
const INFO_BYTES: u64 = 16 << 20;

/// A version of Go, and the list of modules.
type Info = (String, String);

fn program(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    // Whatever is wrong with a program that is none of Go's says nothing about Go.
    let Ok(sections) = sections(file) else { return Ok(()) };
    let Some((go, modules)) = info(file, &sections)? else { return Ok(()) };
    list(PROGRAMS.name, Ecosystem::Golang, found, |list| {
        if let Some(version) = stdlib(&go) {
            list.installed("stdlib", &version)?;
        }
        read(list, &modules)
    })
}

fn info(file: &File<'_>, sections: &[Section]) -> Result<Option<Info>, Fault> {
    let named = |it: &&Section| matches!(it.name.as_str(), ".go.buildinfo" | "__go_buildinfo");
    let data = |it: &&Section| it.writable && it.size > 0;
    let Some(section) = sections.iter().find(named).or_else(|| sections.iter().find(data)) else {
        return Ok(None);
    };
    let bytes = file.slice(section.offset, section.size.min(SEARCHED_BYTES))?;
    let blocks = bytes.chunks(ALIGN).position(|it| it.starts_with(MAGIC));
    let Some(at) = blocks.and_then(|it| it.checked_mul(ALIGN)) else { return Ok(None) };
    let at = section.offset.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
    let header = file.slice(at, HEADER_BYTES)?;
    let width = usize::from(header.get(14).copied().unwrap_or_default());
    let flags = header.get(15).copied().unwrap_or_default();
    if flags & 2 != 0 {
        return inline(file, at.saturating_add(HEADER_BYTES)).map(Some);
    }
    let read = |slot: usize| pointed(file, sections, &header, slot, (width, flags & 1 != 0));
    let go = String::from_utf8_lossy(&read(16)?).into_owned();
    Ok(Some((go, modules(&read(width.saturating_add(16))?))))
}

/// Since Go 1.18: both texts follow, each behind its length.
fn inline(file: &File<'_>, at: u64) -> Result<Info, Fault> {
    let (go, after) = counted(file, at)?;
    let (text, _) = counted(file, after)?;
    Ok((String::from_utf8_lossy(&go).into_owned(), modules(&text)))
}

/// A text behind its length (`encoding/binary`, `Uvarint`), and where it ends.
fn counted(file: &File<'_>, at: u64) -> Result<(Vec<u8>, u64), Fault> {
    let head = file.slice(at, file.size().saturating_sub(at).min(10))?;
    let (mut len, mut bytes) = (0_u64, 0_u64);
    for (byte, shift) in head.iter().zip((0..).step_by(7)) {
        len |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        bytes = bytes.saturating_add(1);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let start = at.saturating_add(bytes);
    let text = file.slice(start, within(len)?)?.into_owned();
    Ok((text, start.saturating_add(len)))
}

fn within(len: u64) -> Result<u64, Fault> {
    let too_large = || Fault::TooLarge(format!("{len} bytes of build information"));
    Some(len).filter(|it| *it <= INFO_BYTES).ok_or_else(too_large)
}

/// Before Go 1.18: a pointer to a pointer and a length, wherever the program is loaded.
fn pointed(
    file: &File<'_>,
    sections: &[Section],
    header: &[u8],
    slot: usize,
    (width, big): (usize, bool),
) -> Result<Vec<u8>, Fault> {
    if !matches!(width, 4 | 8) {
        return Err(Malformed::new("a width of pointers that is none").into());
    }
    let at = |address: u64, len: u64| {
        let holds = |it: &&Section| {
            let offset = address.checked_sub(it.address).filter(|_| it.address > 0);
            offset.is_some_and(|offset| offset < it.size)
        };
        let section = sections.iter().find(holds).ok_or(Malformed::new("a pointer to nowhere"))?;
        let offset = address.saturating_sub(section.address).saturating_add(section.offset);
        file.slice(offset, len)
    };
    let text = number(header, slot, width, big)?;
    if text == 0 {
        return Ok(Vec::new());
    }
    let pair = at(text, u64::try_from(width).unwrap_or(8).saturating_mul(2))?;
    let (start, len) = (number(&pair, 0, width, big)?, number(&pair, width, width, big)?);
    if len == 0 {
        return Ok(Vec::new());
    }
    Ok(at(start, within(len)?)?.into_owned())
}

/// Without the sixteen bytes before and after, by which it is found in memory.
fn modules(text: &[u8]) -> String {
    let inner = text.get(16..text.len().saturating_sub(16)).filter(|it| it.ends_with(b"\n"));
    String::from_utf8_lossy(inner.unwrap_or(text)).into_owned()
}

/// `go1.22.3` is 1.22.3, and `go1.21rc2` 1.21.0-rc.2 (`golang.org/x/mod/semver` of what `go version` says); `None`
/// for what was built between releases.
fn stdlib(go: &str) -> Option<String> {
    let version = go.split([' ', '-', '+']).next()?.strip_prefix("go")?;
    let at = version.find(|it: char| it.is_ascii_alphabetic()).unwrap_or(version.len());
    let (numbers, pre) = version.split_at_checked(at)?;
    let numbers =
        if numbers.matches('.').count() == 1 { format!("{numbers}.0") } else { numbers.to_owned() };
    let kind = pre.trim_end_matches(|it: char| it.is_ascii_digit());
    Some(match pre.strip_prefix(kind) {
        Some(number) if !kind.is_empty() => format!("{numbers}-{kind}.{number}"),
        _ => numbers,
    })
}

/// Lines of `mod`, `dep` and `=>`, with tabs between path, version and checksum.
fn read(list: &mut List<'_, '_>, modules: &str) -> Result<(), Fault> {
    let mut lines = modules.lines().peekable();
    while let Some(line) = lines.next() {
        let mut fields = line.split('\t');
        let kind = fields.next();
        if !matches!(kind, Some("mod" | "dep")) {
            continue;
        }
        let (mut path, mut version) = (fields.next().unwrap_or_default(), fields.next());
        if let Some(it) = lines.next_if(|it| it.starts_with("=>\t")) {
            let mut fields = it.split('\t').skip(1);
            let by = fields.next().unwrap_or_default();
            version = fields.next().filter(|it| !it.is_empty());
            path = if version.is_some() { by } else { path };
        }
        let version = version.unwrap_or_default();
        // Built from a directory: nobody says which version that is, so findings can't be certain. Of the program
        // itself whoever built it may have said it.
        let version = match version {
            "" | "(devel)" if kind == Some("mod") => linked(modules).unwrap_or("(devel)"),
            "" => "(devel)",
            it => it,
        };
        list.installed(path, version.strip_prefix('v').unwrap_or(version))?;
    }
    Ok(())
}

/// What the linker was told that the version is (`cmd/link`, `-X importpath.name=value`): `-X main.version=v1.2.3`.
fn linked(modules: &str) -> Option<&str> {
    let flags = modules.lines().find_map(|it| it.strip_prefix("build\t-ldflags="))?;
    let mut words = flags.split([' ', '"', '\'', '\\']).filter_map(|it| it.split_once('='));
    words.find_map(|(name, value)| {
        let name = name.rsplit('.').next()?.to_ascii_lowercase();
        let number = value.strip_prefix('v').unwrap_or(value);
        let is_version =
            matches!(name.as_str(), "version" | "appversion" | "buildversion" | "gitversion");
        let numbers =
            number.split('.').take(2).filter(|it| it.starts_with(|it: char| it.is_ascii_digit()));
        (is_version && numbers.count() == 2).then_some(value)
    })
}

fn go_mod(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let mut required = BTreeMap::new();
    let mut replaced = BTreeMap::new();
    for (verb, line) in directives(&text) {
        let words: Vec<&str> = line.split_whitespace().map(|it| it.trim_matches('"')).collect();
        match (verb, words.as_slice()) {
            ("require", [path, version, ..]) => drop(required.insert(*path, *version)),
            ("replace", [path, "=>", to @ ..] | [path, _, "=>", to @ ..]) => {
                replaced.insert(*path, to.to_vec());
            }
            _ => {}
        }
    }
    locked(MOD.name, Ecosystem::Golang, file, found, |list| {
        required.iter().try_for_each(|(path, version)| {
            let (path, version) = match replaced.get(path).map(Vec::as_slice) {
                Some([path, version]) => (path, version),
                // By a directory.
                Some(_) => return Ok(()),
                None => (path, version),
            };
            list.declared(path, version.strip_prefix('v').unwrap_or(version), false)
        })
    })
}

/// Each line with its verb, which stands in front of it or of the block that it is in.
fn directives(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut block = None;
    text.lines().filter_map(move |line| {
        let line = line.split("//").next().unwrap_or_default().trim();
        match (block, line) {
            (Some(_), ")") => block = None,
            (Some(verb), _) => return Some((verb, line)),
            (None, _) => {
                let (verb, rest) = line.split_once([' ', '\t', '('])?;
                if line.ends_with('(') {
                    block = Some(verb);
                } else {
                    return Some((verb, rest.trim()));
                }
            }
        }
        None
    })
}
