//! Members of a 7z archive.
//!
//! Format: 7zFormat.txt of the LZMA SDK. A header at the end lists files and folders: a folder is one stream that some
//! coders made of the content of files in a row.
use super::{
    meter::{Account, Checked, Metered, State},
    stream,
    walk::{End, Entry, Walk},
    window::Window,
};
use crate::Malformed;
use model::Reason;
use std::{
    io::{self, BufReader, Read},
    rc::Rc,
};

mod header;

use header::{Coder, Folder, Header, Streams};

/// The first header, which says where the other is.
const START_BYTES: u64 = 32;
/// The most of a header that we read: one of a million files has less.
const HEADER_BYTES: u64 = 32 << 20;

/// Shows all regular files.
pub(super) fn walk(walk: &mut Walk<'_>, window: &Window<'_>) -> Result<(), End> {
    let archive =
        Archive { window, account: Account::of(window.len()), state: Rc::clone(&walk.state) };
    let header = archive.header()?;
    if header.streams.end > window.len().saturating_sub(START_BYTES) {
        return Err(Malformed::new("7z: packed data outside the archive").into());
    }
    let mut files = header.files.iter();
    for (index, folder) in header.streams.folders.iter().enumerate() {
        let members: Vec<_> = folder.members.iter().collect();
        let mut stream = match archive.unpack(&header.streams, index) {
            Ok(it) => Ok(it),
            Err(err) => match archive.state.end("7z", &err) {
                End::Broken(reason) => Err(reason),
                end => return Err(end),
            },
        };
        for (size, crc) in members {
            let file = files.find(|it| it.has_content);
            let file = file.ok_or(Malformed::new("7z: more contents than names"))?;
            let stream = match &mut stream {
                Ok(it) => it,
                Err(reason) => {
                    walk.count()?;
                    walk.missed_in(&file.name, reason.clone());
                    continue;
                }
            };
            let entry = Entry { name: &file.name, size: Some(*size), mode: file.mode };
            let mut content = stream.take(*size);
            walk.member(&entry, &mut Checked::new(&mut content, *size, *crc), None)?;
            io::copy(&mut content, &mut io::sink()).map_err(|it| archive.state.end("7z", &it))?;
        }
    }
    if files.any(|it| it.has_content) {
        return Err(Malformed::new("7z: more names than contents").into());
    }
    Ok(())
}

struct Archive<'a> {
    window: &'a Window<'a>,
    account: Rc<Account>,
    state: Rc<State>,
}

impl<'a> Archive<'a> {
    /// The header, which may be packed, and that packed again.
    fn header(&self) -> Result<Header, End> {
        let end = |err: io::Error| self.state.end("7z", &err);
        let start = self.window.slice(0, START_BYTES).map_err(end)?;
        let (offset, size) = header::start(&start)?;
        if size == 0 {
            return Ok(Header::default());
        }
        let offset = offset.checked_add(START_BYTES).ok_or(header::BAD)?;
        let place = self.window.part(offset, size).filter(|_| size <= HEADER_BYTES);
        let place = place.ok_or(Malformed::new("7z: a header outside the archive"))?;
        let mut bytes = place.slice(0, size).map_err(end)?.into_owned();
        for _ in 0..4 {
            let Some(streams) = header::packed(&bytes)? else {
                return Ok(header::parse(&bytes)?);
            };
            bytes = Vec::new();
            let stream = self.unpack(&streams, 0).map_err(end)?;
            stream.take(HEADER_BYTES).read_to_end(&mut bytes).map_err(end)?;
        }
        Err(Malformed::new("7z: a header packed over and over").into())
    }

    /// The stream of a folder.
    fn unpack(&self, streams: &Streams, index: usize) -> io::Result<Metered<Box<dyn Read + 'a>>> {
        let folder = streams.folders.get(index).ok_or_else(broken)?;
        let outcome = self.coder(streams, folder, folder.last, folder.coders.len());
        Ok(Metered::new(outcome?, "7z", &self.account, &self.state))
    }

    /// What comes out of a coder: each of its inputs is what comes out of another, or a packed stream. `depth` stops
    /// where they go round in circles.
    fn coder(
        &self,
        streams: &Streams,
        folder: &Folder,
        index: usize,
        depth: usize,
    ) -> io::Result<Box<dyn Read + 'a>> {
        let depth = depth.checked_sub(1).ok_or_else(broken)?;
        let coder = folder.coders.get(index).ok_or_else(broken)?;
        let mut inputs = Vec::new();
        for input in coder.inputs.clone() {
            let bound = folder.bound.iter().find(|it| it.0 == input);
            let packed = folder.packed.iter().find(|it| it.0 == input);
            inputs.push(match (bound, packed) {
                (Some((_, other)), _) => self.coder(streams, folder, *other, depth)?,
                (None, Some((_, stream))) => {
                    let (start, size) = *streams.packed.get(*stream).ok_or_else(broken)?;
                    let start = start.checked_add(START_BYTES).ok_or_else(broken)?;
                    Box::new(self.window.part(start, size).ok_or_else(broken)?.reader())
                }
                (None, None) => return Err(broken()),
            });
        }
        self.decode(coder, inputs)
    }

    fn decode(
        &self,
        coder: &Coder,
        mut inputs: Vec<Box<dyn Read + 'a>>,
    ) -> io::Result<Box<dyn Read + 'a>> {
        use lzma_rust2::filter::{bcj::BcjReader, bcj2::Bcj2Reader, delta::DeltaReader};
        if coder.id == [3, 3, 1, 0x1b] {
            let inputs = inputs.into_iter().map(BufReader::new).collect();
            return Ok(Box::new(Bcj2Reader::try_new(inputs, coder.size)?));
        }
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else { return Err(broken()) };
        let properties = coder.properties.as_slice();
        Ok(match coder.id.as_slice() {
            [0] => input,
            [3, 1, 1] => {
                let [properties, dictionary @ ..] =
                    *properties.first_chunk::<5>().ok_or_else(broken)?;
                let dictionary = u32::from_le_bytes(dictionary);
                stream::lzma(
                    BufReader::new(input),
                    coder.size,
                    properties,
                    dictionary,
                    &self.state,
                )?
            }
            [0x21] => {
                let bits = *properties.first().filter(|it| **it < 40).ok_or_else(broken)?;
                let base = 2 | u64::from(bits & 1);
                let dictionary = base.checked_shl(u32::from(bits / 2).saturating_add(11));
                let dictionary =
                    dictionary.and_then(|it| u32::try_from(it).ok()).ok_or_else(broken)?;
                stream::lzma2(BufReader::new(input), dictionary, &self.state)?
            }
            [3] => {
                let distance = properties.first().map_or(0, |it| usize::from(*it));
                Box::new(DeltaReader::new(input, distance.saturating_add(1)))
            }
            [4] | [3, 3, 1, 3] => Box::new(BcjReader::new_x86(input, 0)),
            [5] | [3, 3, 2, 5] => Box::new(BcjReader::new_ppc(input, 0)),
            [6] | [3, 3, 4, 1] => Box::new(BcjReader::new_ia64(input, 0)),
            [7] | [3, 3, 5, 1] => Box::new(BcjReader::new_arm(input, 0)),
            [8] | [3, 3, 7, 1] => Box::new(BcjReader::new_arm_thumb(input, 0)),
            [9] | [3, 3, 8, 5] => Box::new(BcjReader::new_sparc(input, 0)),
            [0x0a] => Box::new(BcjReader::new_arm64(input, 0)),
            [0x0b] => Box::new(BcjReader::new_riscv(input, 0)),
            [4, 1, 8] => Box::new(super::inflate::Inflate::new(BufReader::new(input), coder.size)),
            [4, 2, 2] => Box::new(bzip2::bufread::MultiBzDecoder::new(BufReader::new(input))),
            [4, 0xf7, 0x11, 1] => Box::new(stream::Zstd::new(BufReader::new(input), &self.state)?),
            [6, 0xf1, 7, ..] => return Err(self.state.flaw(Reason::Encrypted)),
            [3, 4, 1] => {
                return Err(self.state.flaw(Reason::Unsupported("7z: packed by ppmd".to_owned())));
            }
            [4, 1, 9] => {
                return Err(self
                    .state
                    .flaw(Reason::Unsupported("7z: packed by deflate64".to_owned())));
            }
            other => {
                let what = format!("7z: packed by method {other:02x?}");
                return Err(self.state.flaw(Reason::Unsupported(what)));
            }
        })
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "streams that don't fit together")
}
