//! A member of an archive, as it is shown.
use super::meter::State;
use crate::Fault;
use model::Reason;
use std::io::{self, Read};

/// How much of something tells what it is.
pub(super) const HEAD_BYTES: u64 = 512;
/// How much of a buffer is made ready at a time.
const GROWTH_BYTES: usize = 16 << 10;

/// A member of an archive: a regular file. Nothing of it has been unpacked before it is asked for.
pub struct Member<'a> {
    pub(super) path: &'a str,
    pub(super) size: Option<u64>,
    pub(super) mode: u32,
    pub(super) taken: Taken,
    pub(super) most: u64,
    pub(super) reader: &'a mut dyn Read,
    pub(super) state: &'a State,
}

/// What has been read of a member so far.
#[derive(Default)]
pub(super) struct Taken {
    /// Used again for other members: what was written to it once is not cleared.
    pub(super) buffer: Vec<u8>,
    filled: usize,
    /// Whether that is all.
    pub(super) ended: bool,
    /// Why there is no more, though it has not ended.
    pub(super) trouble: Option<Reason>,
    /// Whether more was wanted than there was room for.
    pub(super) cut: bool,
}

/// What is in a member.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// Its first bytes, or all.
    pub bytes: &'a [u8],
    /// Whether that is all, and it is as the archive says. If not, [`super::open`] says why.
    pub complete: bool,
}

impl Member<'_> {
    /// Where it is: the names of all archives below the file, and its own, between them `!/`. These are as they stand
    /// in the archives, and may be anything; bytes that are not UTF-8 are as in [`model::decode`].
    pub fn path(&self) -> &str {
        self.path
    }

    /// How large the archive says that it is, if it does.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Permission bits; 0 if the archive has none.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Its first 512 bytes, or less if it does not have, or give, as many.
    pub fn head(&mut self) -> Result<&[u8], Fault> {
        self.taken.fill(HEAD_BYTES, self.reader, self.state).map_err(Fault::Io)?;
        Ok(self.taken.bytes(HEAD_BYTES))
    }

    /// All of it, or its first bytes if it is too large or damaged.
    pub fn content(&mut self) -> Result<Content<'_>, Fault> {
        let taken = &mut self.taken;
        // Room for the one byte that tells that there is more; or for all, in one piece, if it is as large as it says.
        let enough = self.most.saturating_add(1);
        let wanted = self.size.map_or(0, |it| it.saturating_add(1).min(enough));
        taken.reserve(wanted, enough);
        taken.fill(enough, self.reader, self.state).map_err(Fault::Io)?;
        taken.cut = taken.cut || taken.len() > self.most;
        Ok(Content { bytes: taken.bytes(self.most), complete: taken.ended && !taken.cut })
    }
}

impl Taken {
    /// To be filled anew, with the room that `buffer` has.
    pub(super) fn into(buffer: Vec<u8>) -> Taken {
        Taken { buffer, ..Taken::default() }
    }

    /// The first bytes, up to `most`.
    pub(super) fn bytes(&self, most: u64) -> &[u8] {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.filled);
        self.buffer.get(..most).unwrap_or_default()
    }

    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.filled).unwrap_or(u64::MAX)
    }

    /// Reads on until there are `enough` bytes, if there are.
    pub(super) fn fill(
        &mut self,
        enough: u64,
        reader: &mut dyn Read,
        state: &State,
    ) -> io::Result<()> {
        while self.len() < enough && !self.ended && self.trouble.is_none() {
            self.grow(enough);
            let end = usize::try_from(enough).unwrap_or(usize::MAX).min(self.buffer.len());
            match reader.read(self.buffer.get_mut(self.filled..end).unwrap_or_default()) {
                Ok(0) => self.ended = true,
                Ok(count) => self.filled = self.filled.saturating_add(count),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => self.trouble = Some(state.reason("archive", &err)?),
            }
        }
        Ok(())
    }

    /// Gives back room that is not needed, before what is here is kept for long.
    pub(super) fn shrink(&mut self) {
        if self.buffer.capacity() / 2 > self.filled.max(GROWTH_BYTES) {
            self.buffer.truncate(self.filled);
            self.buffer.shrink_to_fit();
        }
    }

    /// A little more room, if there is none: a member that only says that it is large costs nothing.
    fn grow(&mut self, enough: u64) {
        if self.filled < self.buffer.len() {
            return;
        }
        if self.buffer.len() == self.buffer.capacity() {
            self.reserve(self.len().saturating_mul(2), enough);
        }
        let len = self.buffer.len().saturating_add(GROWTH_BYTES).min(self.buffer.capacity());
        self.buffer.resize(len, 0);
    }

    /// Room for `wanted` bytes in all, never for more than `most`.
    fn reserve(&mut self, wanted: u64, most: u64) {
        let wanted = usize::try_from(wanted.min(most)).unwrap_or(usize::MAX).max(GROWTH_BYTES);
        self.buffer.reserve_exact(wanted.saturating_sub(self.buffer.len()));
    }
}
