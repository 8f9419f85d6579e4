//! Shows files to inspectors. The slow ones get theirs on threads of their own; what was found still comes in the order
//! of the files, whoever was done first, so that it depends on nothing but them.
use crate::{Fault, File, Found, Inspector, Judged, More};
use model::{
    Gap, ImagePath, Reason,
    malware::{Digests, Sample},
};
use std::{
    collections::BTreeMap,
    io,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, Scope},
};

/// How many files are shown to slow inspectors at once.
const AT_ONCE: usize = 2;

/// What came of one step of the walk over a layer.
pub(crate) enum Event {
    /// A file was shown.
    Seen(Seen),
    /// This is a second name of the file at the other path.
    Same(ImagePath, ImagePath),
    /// Something went unseen: where, to whom, why.
    Gap(Option<ImagePath>, &'static str, Reason),
}

/// What inspectors found in a file.
pub(crate) struct Seen {
    pub(crate) path: ImagePath,
    pub(crate) size: u64,
    pub(crate) found: Vec<(String, Found)>,
    /// What became of it when it was looked at for malicious content, and whether that failed.
    pub(crate) judged: Vec<(Judged, bool)>,
    pub(crate) gaps: Vec<Gap>,
    /// Whether it might have been put off, and, if somebody did that, what must be known then.
    pub(crate) may_wait: bool,
    pub(crate) put_off: Option<Box<PutOff>>,
    /// Whether this is the second look.
    pub(crate) again: bool,
    /// The spool failed: ours.
    pub(crate) err: Option<io::Error>,
}

/// A file that somebody wants to look at again.
pub(crate) struct PutOff {
    pub(crate) by: &'static dyn Inspector,
    pub(crate) judged: Judged,
    /// What it is, without anything that speaks against it.
    pub(crate) sample: Sample,
    /// All of it; empty once it lies elsewhere.
    pub(crate) bytes: Vec<u8>,
}

impl Seen {
    fn of(file: &File<'_>) -> Seen {
        Seen {
            path: file.path.clone(),
            size: file.size(),
            found: Vec::new(),
            judged: Vec::new(),
            gaps: Vec::new(),
            may_wait: file.may_wait(),
            put_off: None,
            again: false,
            err: None,
        }
    }
}

/// Shows a file to each of these.
pub(crate) fn show(wanted: &[&'static dyn Inspector], file: &File<'_>) -> Seen {
    let mut seen = Seen::of(file);
    for inspector in wanted {
        let mut found = Found::default();
        let outcome = caught(|| inspector.inspect(file, &mut found));
        if let (true, Some(Ok(()))) = (found.put_off, &outcome) {
            let (judged, sample) = (found.judged.take(), found.sample.take());
            let put_off = |(judged, sample)| {
                let (by, bytes) = (*inspector, Vec::new());
                Box::new(PutOff { by, judged, sample, bytes })
            };
            seen.put_off = judged.zip(sample).map(put_off);
        }
        seen.take(*inspector, file, found, outcome);
        if seen.err.is_some() {
            break;
        }
    }
    seen
}

/// Shows a file again to the one who put that off.
fn show_again(by: &'static dyn Inspector, judged: Judged, file: &File<'_>) -> Seen {
    let mut seen = Seen { again: true, ..Seen::of(file) };
    let mut found = Found { judged: Some(judged), ..Found::default() };
    let outcome = caught(|| by.inspect_again(file, &mut found));
    seen.take(by, file, found, outcome);
    seen
}

/// The one place where a panic of ours is caught: `None` then.
fn caught(look: impl FnOnce() -> Result<(), Fault>) -> Option<Result<(), Fault>> {
    panic::catch_unwind(AssertUnwindSafe(look)).ok()
}

impl Seen {
    /// Takes in what one inspector found, or why it could not look at all of it.
    fn take(
        &mut self,
        by: &'static dyn Inspector,
        file: &File<'_>,
        mut found: Found,
        outcome: Option<Result<(), Fault>>,
    ) {
        let reason = match outcome {
            Some(Ok(())) => None,
            Some(Err(Fault::Malformed(it))) => Some(Reason::Malformed(it.0.into_owned())),
            Some(Err(Fault::TooLarge(it))) => Some(Reason::TooLarge(it)),
            Some(Err(Fault::Unsupported(it))) => Some(Reason::Unsupported(it)),
            Some(Err(Fault::Encrypted)) => Some(Reason::Encrypted),
            Some(Err(Fault::Io(err))) => {
                self.err = Some(err);
                return;
            }
            None => Some(Reason::Crashed("a parser panicked".to_owned())),
        };
        let own = reason.map(|it| Gap::new(by.name(), it));
        if found.components.iter().any(|it| !it.ecosystem.is_system()) {
            match digests(file) {
                Ok(digests) => found.digests = digests,
                Err(err) => {
                    self.err = Some(err);
                    return;
                }
            }
        }
        self.judged.extend(found.judged.take().map(|it| (it, own.is_some())));
        self.gaps.extend(std::mem::take(&mut found.gaps).into_iter().chain(own));
        found.put_off = false;
        if found != Found::default() {
            self.found.push((by.name().to_owned(), found));
        }
    }
}

/// What a file hashes to, in all the ways in which package managers ask; `None` for large ones, since that takes time.
fn digests(file: &File<'_>) -> io::Result<Option<Digests>> {
    if file.size() > DIGEST_BYTES {
        return Ok(None);
    }
    match file.digests(More::Both) {
        Ok(it) => Ok(Some(it)),
        Err(Fault::Io(err)) => Err(err),
        Err(_) => Ok(None),
    }
}

/// A file to be shown, and its place among all events.
struct Job {
    at: u64,
    path: ImagePath,
    mode: u32,
    bytes: Vec<u8>,
    look: Look,
}

/// Who is to look at a file.
pub(crate) enum Look {
    /// These, of which those that can may put some of it off.
    First(Vec<&'static dyn Inspector>, bool),
    /// This one, for the second time.
    Again(&'static dyn Inspector, Judged),
}

/// The most of a file in which a component was found that is hashed.
const DIGEST_BYTES: u64 = 1 << 20;
/// What a file costs besides its bytes while it waits.
const JOB_BYTES: u64 = 1 << 10;

/// Events in the order in which the walk came to them; some are still being worked at.
pub(crate) struct Events<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    crew: Option<Crew>,
    ready: BTreeMap<u64, Event>,
    /// The place of the next one to come, and of the next one to be handed out.
    next: u64,
    due: u64,
    /// What the files that wait, or are being worked at, take.
    bytes: u64,
}

/// The threads for slow inspectors: they end when nobody is left to give them something.
struct Crew {
    jobs: Sender<Job>,
    done: Receiver<(u64, u64, Seen)>,
}

impl Crew {
    fn start<'scope>(scope: &'scope Scope<'scope, '_>) -> io::Result<Crew> {
        let (jobs, waiting) = channel::<Job>();
        let (finished, done) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..AT_ONCE {
            let (waiting, finished) = (Arc::clone(&waiting), finished.clone());
            let next = move || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            thread::Builder::new().spawn_scoped(scope, move || {
                while let Ok(job) = next() {
                    let (at, bytes) = (job.at, job.cost());
                    let seen = job.show();
                    if finished.send((at, bytes, seen)).is_err() {
                        return;
                    }
                }
            })?;
        }
        Ok(Crew { jobs, done })
    }
}

impl Job {
    fn cost(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX).saturating_add(JOB_BYTES)
    }

    fn show(self) -> Seen {
        let file = File::new(&self.path, &self.bytes).with_mode(self.mode);
        match self.look {
            Look::First(wanted, may_wait) => {
                let mut seen = show(&wanted, &file.waiting(may_wait));
                if let Some(it) = &mut seen.put_off {
                    it.bytes = self.bytes;
                }
                seen
            }
            Look::Again(by, judged) => show_again(by, judged, &file),
        }
    }
}

impl<'scope, 'env> Events<'scope, 'env> {
    pub(crate) fn new(scope: &'scope Scope<'scope, 'env>) -> Events<'scope, 'env> {
        Events { scope, crew: None, ready: BTreeMap::new(), next: 0, due: 0, bytes: 0 }
    }

    /// Something has come of the next step.
    pub(crate) fn put(&mut self, event: Event) {
        self.ready.insert(self.next, event);
        self.next = self.next.saturating_add(1);
    }

    /// A file is to be shown.
    pub(crate) fn show(
        &mut self,
        look: Look,
        path: ImagePath,
        mode: u32,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        let slow = match &look {
            Look::First(wanted, _) => wanted.iter().any(|it| it.is_slow()),
            Look::Again(..) => true,
        };
        let job = Job { at: self.next, path, mode, bytes, look };
        if !slow {
            self.put(Event::Seen(job.show()));
            return Ok(());
        }
        let crew = match self.crew.take() {
            Some(it) => it,
            None => Crew::start(self.scope)?,
        };
        self.bytes = self.bytes.saturating_add(job.cost());
        self.next = self.next.saturating_add(1);
        // Nobody takes it only when all threads are gone: then there is an error when it is waited for.
        drop(crew.jobs.send(job));
        self.crew = Some(crew);
        Ok(())
    }

    /// Whether a file of this size would take more than there is room for, as long as others are not done.
    pub(crate) fn is_full(&self, size: u64, room: u64) -> bool {
        self.bytes > 0 && self.bytes.saturating_add(size) > room
    }

    /// Whether there is something that was not handed out yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.due < self.next
    }

    /// Waits until one more file is done.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        let done = self.crew.as_ref().and_then(|it| it.done.recv().ok());
        let gone = || io::Error::other("the threads that examine files have ended");
        self.seen(done.ok_or_else(gone)?);
        Ok(())
    }

    /// The next event, if all of it is there.
    pub(crate) fn due(&mut self) -> Option<Event> {
        while let Some(done) = self.crew.as_ref().and_then(|it| it.done.try_recv().ok()) {
            self.seen(done);
        }
        let event = self.ready.remove(&self.due)?;
        self.due = self.due.saturating_add(1);
        Some(event)
    }

    fn seen(&mut self, (at, bytes, seen): (u64, u64, Seen)) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.ready.insert(at, Event::Seen(seen));
    }
}
