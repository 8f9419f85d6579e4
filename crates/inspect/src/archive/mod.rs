//! The one way into an archive that is a file of a layer: every member is shown to whoever asks, archives in
//! archives included, and what could not be shown is said.
//!
//! Formats are told apart by content ([`format`]). Whatever is read is paid for from a [`Budget`], so that no
//! archive takes more time or memory than was meant for it, however it is made.
mod ar;
mod cpio;
mod format;
mod inflate;
mod member;
mod meter;
mod rpm;
mod sevenz;
mod stream;
mod tar;
mod walk;
mod window;
mod zip;

pub use format::{Format, format};
pub use member::{Content, Member};

use crate::{Fault, File};
use model::{Gap, Reason};

/// What may be spent on archives. [`open`] takes from it what it spends, so that one budget may do for one file or
/// for many.
#[derive(Clone, Debug)]
pub struct Budget {
    /// How deep archives may lie in each other. Something compressed, and the archive that it is when unpacked, are one.
    pub depth: u32,
    /// How many members are looked at, directories of zip archives included.
    pub members: u64,
    /// How many bytes are unpacked, those of archives in between included.
    pub bytes: u64,
    /// How many times its size one archive may unpack to, once that is more than a mebibyte.
    pub ratio: u64,
    /// The most of a member that is shown.
    pub member_bytes: u64,
    /// The most that members and archives in them take in memory at a time; decoders need up to 128 MiB beside that.
    pub memory_bytes: u64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            depth: 4,
            members: 20_000,
            bytes: 2 << 30,
            ratio: 100,
            member_bytes: 64 << 20,
            memory_bytes: 96 << 20,
        }
    }
}

/// How to go on after a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Go {
    /// If the member is an archive, show what is in it; then the next.
    Inside,
    /// The next; whatever is in this one is of no interest.
    Past,
    /// Enough of all.
    Stop,
}

/// Something in an archive that was not shown, or not as it was meant to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Missed {
    /// Which member, as in [`Member::path`]; empty for the file itself.
    pub member: String,
    /// Why.
    pub reason: Reason,
}

impl Missed {
    /// As a gap of `by`, which names the member in its reason if that has words.
    pub fn gap(self, by: &str) -> Gap {
        let name = |what: String| {
            if self.member.is_empty() { what } else { format!("{}: {what}", self.member) }
        };
        let reason = match self.reason {
            Reason::TooLarge(it) => Reason::TooLarge(name(it)),
            Reason::Malformed(it) => Reason::Malformed(name(it)),
            Reason::Ambiguous(it) => Reason::Ambiguous(name(it)),
            Reason::Unsupported(it) => Reason::Unsupported(name(it)),
            Reason::Crashed(it) => Reason::Crashed(name(it)),
            Reason::Unknown(it) => Reason::Unknown(name(it)),
            Reason::Encrypted => Reason::Encrypted,
        };
        Gap::new(by, reason)
    }
}

/// Sees a member, and may read it. What it returns as its own fault becomes a gap of that member, except for
/// [`Fault::Io`], which ends everything.
pub type Visit<'v> = dyn FnMut(&mut Member<'_>) -> Result<Go, Fault> + 'v;

/// Shows every member of `file` that is a regular file, in the order of the archive, to `visit`; none if it is no
/// archive. Nothing of a member is unpacked unless `visit` reads it or goes inside. Gives what was missed; fails
/// only if the spool does, or `visit` with [`Fault::Io`].
pub fn open(
    file: &File<'_>,
    budget: &mut Budget,
    visit: &mut Visit<'_>,
) -> Result<Vec<Missed>, Fault> {
    walk::walk(file, budget, visit)
}

#[cfg(test)]
mod tests;
