//! Goes from archive to member to archive, no deeper and no longer than the budget allows.
use super::{
    Budget, Format, Go, Member, Missed, Visit, ar, cpio,
    format::format,
    member::{HEAD_BYTES, Taken},
    meter::{Account, Counted, Metered, State},
    rpm, sevenz, stream, tar,
    window::Window,
    zip,
};
use crate::{Fault, File, Malformed};
use model::{ImagePath, Reason};
use std::{
    io::{self, Read},
    rc::Rc,
};

/// How many things that were missed are listed: more say nothing new.
const MISSED: usize = 200;

/// Why an archive is not read on.
pub(super) enum End {
    /// We failed.
    Io(io::Error),
    /// Nobody wants more, or more may not be spent.
    Stop,
    /// The rest of this one can't be understood.
    Broken(Reason),
}

impl From<Malformed> for End {
    fn from(it: Malformed) -> End {
        End::Broken(Reason::Malformed(it.0.into_owned()))
    }
}

impl State {
    /// What follows from `err`, which a reader gave.
    pub(super) fn end(&self, by: &str, err: &io::Error) -> End {
        match self.reason(by, err) {
            Ok(reason) => End::Broken(reason),
            Err(err) => End::Io(err),
        }
    }
}

/// What an archive says of a member.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) size: Option<u64>,
    pub(super) mode: u32,
}

/// Where an archive is.
pub(super) enum Input<'a> {
    Window(Window<'a>),
    Stream(&'a mut dyn Read),
}

/// Where we are, and what is left to spend.
pub(super) struct Walk<'v> {
    visit: &'v mut Visit<'v>,
    pub(super) state: Rc<State>,
    budget: Budget,
    missed: Vec<Missed>,
    /// The name of the file.
    top: &'v str,
    /// Of the archive or member that we are in.
    path: String,
    depth: u32,
    /// Whether what we are in is a compressed stream.
    compressed: bool,
    /// A buffer for the next member.
    spare: Vec<u8>,
}

pub(super) fn walk(
    file: &File<'_>,
    budget: &mut Budget,
    visit: &mut Visit<'_>,
) -> Result<Vec<Missed>, Fault> {
    let mut walk = Walk {
        visit: &mut |member| visit(member),
        state: Rc::new(State::new(budget)),
        budget: budget.clone(),
        missed: Vec::new(),
        top: file.path.name(),
        path: String::new(),
        depth: 0,
        compressed: false,
        spare: Vec::new(),
    };
    let window = Window::new(*file, &walk.state);
    let end = walk.inside(window);
    budget.bytes = walk.state.bytes.get();
    budget.members = walk.budget.members;
    match end {
        Err(End::Io(err)) => Err(Fault::Io(err)),
        _ => Ok(walk.missed),
    }
}

impl Walk<'_> {
    /// Something in the archive or member that we are in was missed.
    pub(super) fn missed(&mut self, reason: Reason) {
        let missed = Missed { member: self.path.clone(), reason };
        if self.missed.len() < MISSED {
            self.missed.push(missed);
        } else if self.missed.len() == MISSED {
            let what = format!("more than {MISSED} things were missed; the others are not listed");
            self.missed.push(Missed { member: String::new(), reason: Reason::TooLarge(what) });
        }
    }

    /// Something in a member of the archive that we are in was missed.
    pub(super) fn missed_in(&mut self, name: &str, reason: Reason) {
        let len = self.push(name);
        self.missed(reason);
        self.path.truncate(len);
    }

    fn push(&mut self, name: &str) -> usize {
        let len = self.path.len();
        if len > 0 {
            self.path.push_str("!/");
        }
        self.path.push_str(name);
        len
    }

    /// Takes one from the members that may be seen.
    pub(super) fn count(&mut self) -> Result<(), End> {
        match self.budget.members.checked_sub(1) {
            Some(left) => {
                self.budget.members = left;
                Ok(())
            }
            None => {
                self.missed(Reason::TooLarge("more members than may be looked at".to_owned()));
                Err(End::Stop)
            }
        }
    }

    /// Ends everything when more was packed than may be unpacked.
    fn go_on(&self) -> Result<(), End> {
        if self.state.spent.get() { Err(End::Stop) } else { Ok(()) }
    }

    /// Shows a member, whose content `reader` has, and goes on inside. `window`, if its content lies open in that.
    pub(super) fn member(
        &mut self,
        entry: &Entry<'_>,
        reader: &mut dyn Read,
        window: Option<Window<'_>>,
    ) -> Result<(), End> {
        self.count()?;
        let len = self.push(entry.name);
        let (compressed, depth) = (self.compressed, self.depth);
        let outcome = self.show(entry, reader, window);
        let outcome = self.stays_here(outcome);
        (self.compressed, self.depth) = (compressed, depth);
        self.path.truncate(len);
        outcome
    }

    /// What is wrong with an archive or member is no reason to leave the one around it.
    fn stays_here(&mut self, outcome: Result<(), End>) -> Result<(), End> {
        match outcome {
            Err(End::Broken(reason)) => {
                self.missed(reason);
                self.go_on()
            }
            other => other,
        }
    }

    fn show(
        &mut self,
        entry: &Entry<'_>,
        reader: &mut dyn Read,
        window: Option<Window<'_>>,
    ) -> Result<(), End> {
        let state = Rc::clone(&self.state);
        let mut member = Member {
            path: &self.path,
            size: entry.size,
            mode: entry.mode,
            taken: Taken::into(std::mem::take(&mut self.spare)),
            most: self.budget.member_bytes.min(state.memory.get()),
            reader,
            state: &state,
        };
        let go = (self.visit)(&mut member);
        let mut taken = member.taken;
        let go = match go {
            Ok(it) => it,
            Err(fault) => {
                self.missed(reason(fault)?);
                Go::Inside
            }
        };
        if go == Go::Inside {
            taken.fill(HEAD_BYTES, reader, &state).map_err(End::Io)?;
        }
        if taken.cut {
            let what = format!(
                "only its first {} bytes were looked at",
                self.budget.member_bytes.min(state.memory.get())
            );
            self.missed(Reason::TooLarge(what));
        }
        if let Some(reason) = taken.trouble.take() {
            self.missed(reason);
        }
        self.go_on()?;
        match go {
            Go::Inside => self.below(taken, reader, window),
            Go::Past => {
                self.keep(taken.buffer);
                Ok(())
            }
            Go::Stop => Err(End::Stop),
        }
    }

    /// What has been taken of a member, and the rest of it, may be an archive.
    fn below(
        &mut self,
        mut taken: Taken,
        reader: &mut dyn Read,
        window: Option<Window<'_>>,
    ) -> Result<(), End> {
        let state = Rc::clone(&self.state);
        taken.shrink();
        let held = taken.len();
        state.memory.set(state.memory.get().saturating_sub(held));
        let here = ImagePath::default();
        let bytes = taken.bytes(u64::MAX);
        let outcome = if let Some(window) = window {
            self.inside(window)
        } else if taken.ended {
            self.inside(Window::new(File::new(&here, bytes), &state))
        } else if let Some(format) = format(bytes) {
            self.enter(format, Input::Stream(&mut bytes.chain(reader)))
        } else if zip::is_usual_name(&self.path) {
            // It may begin with anything.
            self.held(&mut bytes.chain(reader), Walk::inside)
        } else {
            Ok(())
        };
        state.memory.set(state.memory.get().saturating_add(held));
        self.keep(taken.buffer);
        outcome
    }

    /// Keeps one buffer to be used again.
    fn keep(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() > self.spare.capacity() {
            self.spare = buffer;
        }
    }

    /// Goes inside `window`, if it is an archive.
    fn inside(&mut self, window: Window<'_>) -> Result<(), End> {
        let state = Rc::clone(&self.state);
        let head = window.slice(0, HEAD_BYTES).map_err(|it| state.end("archive", &it))?;
        match format(&head) {
            Some(format) => self.enter(format, Input::Window(window)),
            None if zip::is_at_end(&window).map_err(|it| state.end("zip", &it))? => {
                self.enter(Format::Zip, Input::Window(window))
            }
            None => Ok(()),
        }
    }

    /// Shows what is in an archive.
    fn enter(&mut self, format: Format, input: Input<'_>) -> Result<(), End> {
        let before = (self.depth, self.compressed);
        if self.compressed || !format.compresses() {
            self.depth = self.depth.saturating_add(1);
        }
        let outcome = if self.depth > self.budget.depth {
            let what = format!("archives more than {} deep in each other", self.budget.depth);
            Err(End::Broken(Reason::TooLarge(what)))
        } else {
            self.compressed = format.compresses();
            self.read(format, input)
        };
        (self.depth, self.compressed) = before;
        self.stays_here(outcome)
    }

    fn read(&mut self, format: Format, input: Input<'_>) -> Result<(), End> {
        let mut reader;
        let stream: &mut dyn Read = match (format, input) {
            (Format::Other(name), _) => {
                return Err(End::Broken(Reason::Unsupported(name.to_owned())));
            }
            (Format::Zip, Input::Window(window)) => return zip::walk(self, &window),
            (Format::Zip, Input::Stream(stream)) => {
                return self.held(stream, |walk, window| zip::walk(walk, &window));
            }
            (Format::SevenZip, Input::Window(window)) => return sevenz::walk(self, &window),
            (Format::SevenZip, Input::Stream(stream)) => {
                return self.held(stream, |walk, window| sevenz::walk(walk, &window));
            }
            (_, Input::Window(window)) => {
                reader = window.reader();
                &mut reader
            }
            (_, Input::Stream(stream)) => stream,
        };
        match format {
            Format::Tar => tar::walk(self, stream),
            Format::Cpio => cpio::walk(self, stream),
            Format::Ar => ar::walk(self, stream),
            Format::Rpm => rpm::walk(self, stream),
            _ => self.unpack(format, stream),
        }
    }

    /// Brings all of `stream` into memory for an archive that is not read from front to back.
    fn held(
        &mut self,
        stream: &mut dyn Read,
        then: impl FnOnce(&mut Self, Window<'_>) -> Result<(), End>,
    ) -> Result<(), End> {
        let state = Rc::clone(&self.state);
        let most = state.memory.get();
        let mut taken = Taken::into(std::mem::take(&mut self.spare));
        taken.fill(most.saturating_add(1), stream, &state).map_err(End::Io)?;
        if let Some(reason) = taken.trouble {
            return Err(End::Broken(reason));
        }
        if !taken.ended {
            let what = format!("an archive in an archive, of more than {most} bytes");
            return Err(End::Broken(Reason::TooLarge(what)));
        }
        taken.shrink();
        state.memory.set(most.saturating_sub(taken.len()));
        let here = ImagePath::default();
        let file = File::new(&here, taken.bytes(u64::MAX));
        let outcome = then(self, Window::new(file, &state));
        state.memory.set(most);
        self.keep(taken.buffer);
        outcome
    }

    /// What a compressed stream is when unpacked: an archive that goes by the same name, or one member.
    fn unpack(&mut self, by: Format, stream: &mut dyn Read) -> Result<(), End> {
        let state = Rc::clone(&self.state);
        let account = Rc::<Account>::default();
        let counted = Counted { inner: stream, account: Rc::clone(&account) };
        let decoder =
            stream::decode(by, counted, &state).map_err(|it| state.end(by.name(), &it))?;
        let mut unpacked = Metered::new(decoder, by.name(), &account, &state);
        let mut head = Taken::default();
        head.fill(HEAD_BYTES, &mut unpacked, &state).map_err(End::Io)?;
        // What came before the trouble is shown; who reads on meets it again.
        let trouble = head.trouble.take();
        let bytes = head.bytes(HEAD_BYTES);
        if let Some(reason) = trouble.filter(|_| bytes.is_empty()) {
            return Err(End::Broken(reason));
        }
        let mut whole = bytes.chain(unpacked);
        if let Some(format @ (Format::Tar | Format::Cpio)) = format(bytes) {
            return self.enter(format, Input::Stream(&mut whole));
        }
        let name = if self.path.is_empty() { self.top } else { &self.path };
        let name = unpacked_name(name.rsplit('/').next().unwrap_or_default());
        self.member(&Entry { name: &name, size: None, mode: 0 }, &mut whole, None)
    }

    /// Goes on with what stands behind an archive, or behind the headers of one: zeros, and perhaps another archive.
    pub(super) fn behind(&mut self, stream: &mut dyn Read) -> Result<(), End> {
        let state = Rc::clone(&self.state);
        let mut head = Taken::default();
        head.fill(HEAD_BYTES, stream, &state).map_err(End::Io)?;
        while !head.ended
            && head.trouble.is_none()
            && head.bytes(u64::MAX).iter().all(|it| *it == 0)
        {
            head = Taken::into(head.buffer);
            head.fill(HEAD_BYTES, stream, &state).map_err(End::Io)?;
        }
        if let Some(reason) = head.trouble {
            return Err(End::Broken(reason));
        }
        let bytes = head.bytes(u64::MAX);
        let start = bytes.iter().position(|it| *it != 0).unwrap_or(bytes.len());
        let bytes = bytes.get(start..).unwrap_or_default();
        match format(bytes) {
            _ if bytes.is_empty() => Ok(()),
            Some(format) => self.enter(format, Input::Stream(&mut bytes.chain(stream))),
            None => {
                let what = "data behind the archive that is none".to_owned();
                Err(End::Broken(Reason::Ambiguous(what)))
            }
        }
    }
}

/// The reason that a visitor's fault is, unless it was ours.
fn reason(fault: Fault) -> Result<Reason, End> {
    Ok(match fault {
        Fault::Malformed(it) => Reason::Malformed(it.0.into_owned()),
        Fault::TooLarge(it) => Reason::TooLarge(it),
        Fault::Unsupported(it) => Reason::Unsupported(it),
        Fault::Encrypted => Reason::Encrypted,
        Fault::Io(err) => return Err(End::Io(err)),
    })
}

/// What tools call the file that they make of `name`.
fn unpacked_name(name: &str) -> String {
    let plain = [".gz", ".bz2", ".xz", ".zst", ".lzma", ".z"];
    let tar = [".tgz", ".tbz2", ".tbz", ".txz", ".tzst", ".tlz"];
    let stem = |ends: &[&str]| ends.iter().find_map(|it| name.strip_suffix(it)).map(str::to_owned);
    stem(&plain).or_else(|| Some(stem(&tar)? + ".tar")).unwrap_or_else(|| name.to_owned())
}
