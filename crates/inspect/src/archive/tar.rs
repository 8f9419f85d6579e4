//! Members of a tar archive, with the reader of layers.
use super::{
    meter::{Account, Counted, State, add},
    walk::{End, Entry, Walk},
};
use crate::tar::{Entries, Kind, Stop};
use std::{
    io::{self, BufReader, Read},
    rc::Rc,
};

const BUFFER_BYTES: usize = 32 << 10;

/// Shows all regular files. Hard links are other names of what was shown.
pub(super) fn walk(walk: &mut Walk<'_>, reader: &mut dyn Read) -> Result<(), End> {
    let state = Rc::clone(&walk.state);
    let account = Rc::<Account>::default();
    let counted = Counted { inner: reader, account: Rc::clone(&account) };
    let reader = BufReader::with_capacity(BUFFER_BYTES, counted);
    let mut entries = Entries::new(reader);
    let outcome = loop {
        match entries.next_entry() {
            Ok(None) => break Ok(()),
            Ok(Some(it)) if it.kind == Kind::File => {
                let entry =
                    Entry { name: it.path.as_str(), size: Some(it.size), mode: it.mode & 0o7777 };
                let mut content =
                    Content { entries: &mut entries, account: &account, state: &state };
                if let Err(end) = walk.member(&entry, &mut content, None) {
                    break Err(end);
                }
            }
            Ok(Some(_)) => {}
            Err(Stop::Io(err)) => break Err(state.end("tar", &err)),
            Err(Stop::Broken(reason)) => break Err(End::Broken(reason)),
        }
    };
    for reason in std::mem::take(&mut entries.oddities) {
        walk.missed(reason);
    }
    outcome
}

/// The content of an entry.
struct Content<'a, R> {
    entries: &'a mut Entries<R>,
    account: &'a Account,
    state: &'a State,
}

impl<R> Content<'_, R> {
    /// How much more came out than went in: holes of sparse files come from nowhere.
    fn holes(&self) -> u64 {
        self.account.made.get().saturating_sub(self.account.taken.get())
    }
}

impl<R: io::BufRead> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let before = self.holes();
        match self.entries.read(buffer) {
            Ok(count) => {
                add(&self.account.made, count);
                let more = self.holes().saturating_sub(before);
                self.state.spend(more).map_err(|it| self.state.flaw(it))?;
                Ok(count)
            }
            Err(Stop::Io(err)) => Err(err),
            Err(Stop::Broken(reason)) => Err(self.state.flaw(reason)),
        }
    }
}
