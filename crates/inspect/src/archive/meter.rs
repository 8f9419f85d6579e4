//! What has been spent, and why reading failed.
use super::Budget;
use model::Reason;
use std::{
    cell::{Cell, RefCell},
    io::{self, Read},
    rc::Rc,
};

/// Below this much, what an archive unpacks to is not held against its size.
const RATIO_FREE_BYTES: u64 = 1 << 20;
/// How many decoders with a window of up to 64 MiB may be at work inside each other.
const WINDOWS: u32 = 2;

/// What all readers of a walk share. Readers stand in decoders that call every failure a broken stream; so who
/// fails leaves the true reason here.
#[derive(Debug, Default)]
pub(super) struct State {
    /// How the spool failed.
    failed: RefCell<Option<io::Error>>,
    /// What was wrong with the archive, last.
    flaw: RefCell<Option<Reason>>,
    /// How many bytes may still be unpacked.
    pub(super) bytes: Cell<u64>,
    /// Whether more than that was wanted.
    pub(super) spent: Cell<bool>,
    /// How many bytes may still be held in memory.
    pub(super) memory: Cell<u64>,
    ratio: u64,
    windows: Cell<u32>,
}

impl State {
    pub(super) fn new(budget: &Budget) -> State {
        State {
            bytes: Cell::new(budget.bytes),
            memory: Cell::new(budget.memory_bytes),
            ratio: budget.ratio,
            ..State::default()
        }
    }

    /// An error that stands for `reason`.
    pub(super) fn flaw(&self, reason: Reason) -> io::Error {
        self.flaw.replace(Some(reason));
        io::ErrorKind::InvalidData.into()
    }

    /// An error of our own.
    pub(super) fn fail(&self, err: io::Error) -> io::Error {
        let copy = err.kind().into();
        self.failed.replace(Some(err));
        copy
    }

    /// What `err`, which some reader gave, truly was; `Err` if it was ours.
    pub(super) fn reason(&self, by: &str, err: &io::Error) -> io::Result<Reason> {
        let flaw = self.flaw.take();
        match (self.failed.take(), flaw, err.kind()) {
            (Some(err), ..) => Err(err),
            (_, Some(reason), _) => Ok(reason),
            (.., io::ErrorKind::OutOfMemory) => Ok(Reason::TooLarge(format!("{by}: {err}"))),
            (.., io::ErrorKind::Unsupported) => Ok(Reason::Unsupported(format!("{by}: {err}"))),
            (.., io::ErrorKind::UnexpectedEof) => {
                Ok(Reason::Malformed(format!("{by}: ends early")))
            }
            _ => Ok(Reason::Malformed(format!("{by}: {err}"))),
        }
    }

    /// Pays for `count` bytes.
    pub(super) fn spend(&self, count: u64) -> Result<(), Reason> {
        match self.bytes.get().checked_sub(count) {
            Some(left) => {
                self.bytes.set(left);
                Ok(())
            }
            None => {
                self.spent.set(true);
                Err(Reason::TooLarge("more is packed here than may be unpacked".to_owned()))
            }
        }
    }

    /// Leave for a decoder with a large window, while what comes back lives.
    pub(super) fn window(self: &Rc<State>) -> io::Result<Window> {
        if self.windows.get() >= WINDOWS {
            let what = "streams with large windows inside each other";
            return Err(self.flaw(Reason::TooLarge(format!("more than {WINDOWS} {what}"))));
        }
        self.windows.set(self.windows.get().saturating_add(1));
        Ok(Window(Rc::clone(self)))
    }
}

/// Leave to have a large window.
pub(super) struct Window(Rc<State>);

impl Drop for Window {
    fn drop(&mut self) {
        self.0.windows.set(self.0.windows.get().saturating_sub(1));
    }
}

/// How many bytes of one archive went in, and how many came out.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) taken: Cell<u64>,
    pub(super) made: Cell<u64>,
}

impl Account {
    /// Of an archive whose size is known.
    pub(super) fn of(size: u64) -> Rc<Account> {
        Rc::new(Account { taken: Cell::new(size), made: Cell::new(0) })
    }

    /// Whether it unpacks to more than it may.
    pub(super) fn check(&self, state: &State) -> Result<(), Reason> {
        let most = self.taken.get().saturating_mul(state.ratio).max(RATIO_FREE_BYTES);
        if self.made.get() <= most {
            return Ok(());
        }
        Err(Reason::TooLarge(format!("unpacks to more than {} times its size", state.ratio)))
    }
}

/// Counts what is read on the way into a decoder.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) account: Rc<Account>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        add(&self.account.taken, count);
        Ok(count)
    }
}

/// Pays for what comes out of a decoder. Once broken it stays so, for the same reason.
pub(super) struct Metered<R> {
    pub(super) inner: R,
    pub(super) by: &'static str,
    pub(super) account: Rc<Account>,
    pub(super) state: Rc<State>,
    broken: Option<Reason>,
}

impl<R: Read> Metered<R> {
    pub(super) fn new(
        inner: R,
        by: &'static str,
        account: &Rc<Account>,
        state: &Rc<State>,
    ) -> Metered<R> {
        let (account, state) = (Rc::clone(account), Rc::clone(state));
        Metered { inner, by, account, state, broken: None }
    }

    fn charge(&self, count: usize) -> Result<(), Reason> {
        add(&self.account.made, count);
        self.account.check(&self.state)?;
        self.state.spend(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(reason) = &self.broken {
            return Err(self.state.flaw(reason.clone()));
        }
        let reason = match self.inner.read(buffer) {
            Ok(count) => match self.charge(count) {
                Ok(()) => return Ok(count),
                Err(reason) => reason,
            },
            Err(err) if err.kind() == io::ErrorKind::Interrupted => return Err(err),
            Err(err) => match self.state.reason(self.by, &err) {
                Ok(reason) => reason,
                Err(err) => return Err(self.state.fail(err)),
            },
        };
        self.broken = Some(reason.clone());
        Err(self.state.flaw(reason))
    }
}

/// Holds what comes out against what the archive says.
pub(super) struct Checked<R> {
    inner: R,
    crc: crc32fast::Hasher,
    left: u64,
    expected: Option<u32>,
}

impl<R: Read> Checked<R> {
    pub(super) fn new(inner: R, size: u64, crc: Option<u32>) -> Checked<R> {
        Checked { inner, crc: crc32fast::Hasher::new(), left: size, expected: crc }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..count).unwrap_or_default());
        let wrong = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        match self.left.checked_sub(u64::try_from(count).unwrap_or(u64::MAX)) {
            None => return wrong("it is larger than the archive says"),
            Some(left) => self.left = left,
        }
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        let crc = self.crc.clone().finalize();
        match self.expected {
            _ if self.left > 0 => wrong("it is smaller than the archive says"),
            Some(expected) if expected != crc => wrong("wrong checksum"),
            _ => Ok(0),
        }
    }
}

pub(super) fn add(to: &Cell<u64>, count: usize) {
    to.set(to.get().saturating_add(u64::try_from(count).unwrap_or(u64::MAX)));
}
