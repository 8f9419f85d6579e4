//! Layers are inspected in a child of the same binary: the layer goes in, the report comes out. When it
//! dies or hangs, that is one gap for that layer, and the rest goes on.
use crate::{
    bundles::Named,
    sandbox,
    waiting::{self, Waiting},
};
use inspect::{Head, LayerReport, Limits, inspect_layer};
use malware::Packages;
use model::{Digest, Gap, Reason};
use rustix::pipe::fcntl_setpipe_size;
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// The name of the hidden subcommand that is the child.
pub const SUBCOMMAND: &str = "inspect-layer";

/// The largest report that a child may send: the paths of thirty million files.
const REPORT_BYTES: u64 = 1 << 30;

/// What the pipe to the child holds: with the usual 64 KiB both sides go to sleep all the time.
const PIPE_BYTES: usize = 256 << 10;

/// What the child is told, in its environment: arguments are for people.
pub const TASK: &str = "PLIMSOLL_INSPECT";

/// So that glibc's allocator gives back what large files took: otherwise it learns from them to keep as much for itself, in
/// each thread (mallopt(3), "M_MMAP_THRESHOLD").
const MALLOC: &[(&str, &str)] =
    &[("MALLOC_MMAP_THRESHOLD_", "1048576"), ("MALLOC_TRIM_THRESHOLD_", "4194304")];

/// What the child is told.
#[derive(Debug, Deserialize, Serialize)]
struct Task {
    limits: Limits,
    malware: bool,
    bundles: Vec<Named>,
    /// Directory for the spool of big files.
    spool: PathBuf,
}

/// What the child answers; the report follows.
#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    /// Walls around the child that could not be put up.
    missing: Vec<String>,
    /// The digest of the layer if it could be read to its end; or how the child failed, and whether for want of room.
    outcome: Result<Option<Digest>, (String, bool)>,
}

/// How layers are inspected.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The binary to run with [`SUBCOMMAND`]; `None` inspects in this process, for tests.
    pub program: Option<PathBuf>,
    /// What one layer may cost.
    pub limits: Limits,
    /// Whether malicious files are looked for.
    pub malware: bool,
    /// Bundles whose rules and lists are used for that too.
    pub bundles: Vec<Named>,
    /// What is known of packages from outside of images; asked when layers are put together, so no layer depends on it.
    pub packages: Arc<Packages>,
    /// Directory for the spool of big files, which are unlinked from the start.
    pub spool: PathBuf,
    /// How long a child may go without reading or answering before it is taken for hung.
    pub stall: Duration,
    /// Set by whoever no longer wants the result: what runs then fails, within a second.
    pub stop: Arc<AtomicBool>,
}

/// A layer's report, and the walls that were missing while it was made.
#[derive(Debug)]
pub(crate) struct Inspected {
    pub(crate) report: Waiting,
    /// Digest of the uncompressed layer; `None` when it could not be read to its end.
    pub(crate) diff_id: Option<Digest>,
    pub(crate) missing: Vec<String>,
}

/// The child: reads a layer from standard input, writes its report to standard output.
pub fn main(task: Option<&str>) -> ExitCode {
    let task = task.and_then(unhex).and_then(|it| postcard::from_bytes::<Task>(&it).ok());
    let Some(task) = task else {
        eprintln!("{SUBCOMMAND} is for plimsoll's own use");
        return ExitCode::from(2);
    };
    // A panic is caught and reported as a gap; its text would only confuse.
    std::panic::set_hook(Box::new(|_| {}));
    let mut spool = tempfile::tempfile_in(&task.spool);
    // Afterwards no file can be opened; what is in these is only read into memory before.
    let bundles = read(&task.bundles);
    let missing = sandbox::confine(
        task.limits.file_bytes.saturating_add(task.limits.waiting_bytes),
        spool.as_ref().ok(),
    );
    let examiners = task.malware.then(|| crate::examiners(bundles)).transpose();
    let outcome = examiners.and_then(|examiners| {
        let wanting = |head: &Head<'_>| crate::wanting(head, examiners);
        inspect_layer(io::stdin(), &wanting, &task.limits, spool.as_mut().ok())
    });
    // Most layers need no spool. Where one does, it matters why there is none.
    let outcome = outcome.map_err(|err| match spool {
        Ok(_) => err,
        Err(why) => {
            let place = task.spool.display();
            let text = format!("{err}: a temporary file in {place}: {why}; TMPDIR names another");
            io::Error::new(why.kind(), text)
        }
    });
    let mut output = io::BufWriter::with_capacity(128 << 10, io::stdout().lock());
    match answer(missing, outcome, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn read(bundles: &[Named]) -> Vec<(Named, io::Result<Vec<u8>>)> {
    bundles.iter().map(|it| (it.clone(), it.read())).collect()
}

/// The length of the answer, the answer, the report.
fn answer(
    missing: Vec<String>,
    outcome: io::Result<LayerReport>,
    output: &mut impl Write,
) -> io::Result<()> {
    let diff_id = outcome.as_ref().map(|it| it.diff_id.clone());
    let diff_id = diff_id.map_err(|err| (err.to_string(), is_full(err)));
    let answer = postcard::to_stdvec(&Answer { missing, outcome: diff_id });
    let answer = answer.map_err(io::Error::other)?;
    output.write_all(&u64::try_from(answer.len()).unwrap_or(0).to_le_bytes())?;
    output.write_all(&answer)?;
    waiting::write(&outcome.unwrap_or_default(), output)
}

impl Inspection {
    /// Stands for all that a layer's report depends on besides the layer: raised with the inspectors, and by hand
    /// with the pass over the layer itself.
    pub fn revision(&self) -> String {
        let catalogers =
            catalog::CATALOGERS.iter().map(|it| format!("{}={}", it.name, it.revision));
        let catalogers: Vec<String> = catalogers.collect();
        let mut judge = if self.malware { malware::Judge::revision() } else { String::new() };
        for it in self.bundles.iter().filter(|_| self.malware) {
            judge.extend([" bundle=", &it.sha256]);
        }
        format!("layer=5 {} {judge} {:?}", catalogers.join(" "), self.limits)
    }

    /// Inspects `layer`. `Err` means that the layer could not be read, or a child not be started.
    pub(crate) fn inspect(&self, layer: &mut dyn Read) -> io::Result<Inspected> {
        let Some(program) = &self.program else {
            let mut spool = tempfile::tempfile_in(&self.spool)?;
            let bundles = || crate::examiners(read(&self.bundles));
            let examiners = self.malware.then(bundles).transpose()?;
            let wanting = |head: &Head<'_>| crate::wanting(head, examiners);
            let report = inspect_layer(layer, &wanting, &self.limits, Some(&mut spool))?;
            let missing = vec!["a process of its own".to_owned()];
            let diff_id = report.diff_id.clone();
            return Ok(Inspected { report: Waiting::from(&report), diff_id, missing });
        };
        let child = self.start(program)?;
        match self.converse(child, layer)? {
            Ok((Answer { outcome: Ok(diff_id), missing }, report)) => {
                Ok(Inspected { report, diff_id, missing })
            }
            Ok((Answer { outcome: Err((why, full)), .. }, _)) => {
                let kind = if full { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
                Err(io::Error::new(kind, why))
            }
            Err(why) => {
                let report = Waiting::from(&broken(Reason::Crashed(why)));
                Ok(Inspected { report, diff_id: None, missing: Vec::new() })
            }
        }
    }

    /// An error when nobody wants the result any more.
    pub(crate) fn wanted(&self) -> io::Result<()> {
        let stopped = self.stop.load(Ordering::Relaxed);
        if stopped { Err(io::Error::other("stopped")) } else { Ok(()) }
    }

    fn start(&self, program: &Path) -> io::Result<Child> {
        let task = Task {
            limits: self.limits,
            malware: self.malware,
            bundles: self.bundles.clone(),
            spool: self.spool.clone(),
        };
        let task = postcard::to_stdvec(&task).map_err(io::Error::other)?;
        Command::new(program)
            .arg(SUBCOMMAND)
            .env_clear()
            .env(TASK, hex(&task))
            .envs(MALLOC.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }

    /// Sends the layer and reads the answer; the inner `Err` says how the child died.
    fn converse(
        &self,
        mut child: Child,
        layer: &mut dyn Read,
    ) -> io::Result<Result<(Answer, Waiting), String>> {
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a child without pipes"));
        };
        // A user with very many pipes gets no larger ones: then it takes a little longer.
        let _ = fcntl_setpipe_size(&stdin, PIPE_BYTES);
        let pulse = Pulse::default();
        let (done, watched) = mpsc::channel::<()>();
        let (sent, answer, hung) = thread::scope(|scope| {
            let (child, pulse) = (&mut child, &pulse);
            let watch = scope.spawn(move || self.watch(child, pulse, &watched));
            let receive =
                scope.spawn(move || receive(Beating { inner: stdout, pulse }, &self.spool));
            let sent = send(layer, stdin, pulse);
            if sent.is_err() {
                pulse.give_up.store(true, Ordering::Relaxed);
            }
            let answer = receive.join();
            drop(done);
            (sent, answer, watch.join())
        });
        let status = child.wait()?;
        self.wanted()?;
        // The layer could not be read: our fault, and whatever the child made of half of it is void.
        sent?;
        let answer = answer.unwrap_or(Ok(None))?;
        Ok(match answer {
            Some(answer) if status.success() => Ok(answer),
            _ if matches!(hung, Ok(true)) => {
                Err(format!("no progress for {} seconds", self.stall.as_secs()))
            }
            _ => Err(format!("the inspecting process ended with {status}")),
        })
    }

    /// Ends the child when it makes no progress; answers whether it had to.
    fn watch(&self, child: &mut Child, pulse: &Pulse, done: &mpsc::Receiver<()>) -> bool {
        let beat = Duration::from_millis(250).min(self.stall);
        let (mut last, mut idle) = (0, Duration::ZERO);
        loop {
            if done.recv_timeout(beat) != Err(RecvTimeoutError::Timeout) {
                return false;
            }
            let now = pulse.bytes.load(Ordering::Relaxed);
            let waiting = pulse.waiting_for_layer.load(Ordering::Relaxed);
            idle = if now == last && !waiting { idle.saturating_add(beat) } else { Duration::ZERO };
            last = now;
            let hung = idle >= self.stall;
            if hung || pulse.give_up.load(Ordering::Relaxed) || self.wanted().is_err() {
                // It may have ended by itself a moment ago.
                drop(child.kill());
                return hung;
            }
        }
    }
}

/// Signs of life.
#[derive(Debug, Default)]
struct Pulse {
    bytes: AtomicU64,
    /// Whether it is not the child that keeps us waiting.
    waiting_for_layer: AtomicBool,
    give_up: AtomicBool,
}

/// Sends the layer to its end, whether the child still reads or not: whoever verifies the layer's
/// digest must see all of it.
fn send(layer: &mut dyn Read, child: impl Write, pulse: &Pulse) -> io::Result<()> {
    let mut child = Some(child);
    let mut buffer = vec![0; 256 << 10];
    loop {
        pulse.waiting_for_layer.store(true, Ordering::Relaxed);
        let count = match layer.read(&mut buffer) {
            Ok(count) => count,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
            Err(err) => return Err(err),
        };
        if count == 0 {
            pulse.waiting_for_layer.store(false, Ordering::Relaxed);
            return Ok(());
        }
        if let Some(pipe) = &mut child {
            pulse.waiting_for_layer.store(false, Ordering::Relaxed);
            if pipe.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
                child = None;
            }
        }
        pulse.bytes.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
    }
}

/// The answer, and the report behind it; `None` when the child did not get that far. An error is ours.
fn receive(child: impl Read, spool: &Path) -> io::Result<Option<(Answer, Waiting)>> {
    let mut child = io::BufReader::with_capacity(256 << 10, child.take(REPORT_BYTES));
    let mut length = [0; 8];
    if child.read_exact(&mut length).is_err() {
        return Ok(None);
    }
    let mut answer = Vec::new();
    child.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut answer)?;
    let report = Waiting::new(&mut child, spool)?;
    Ok(postcard::from_bytes(&answer).ok().map(|answer| (answer, report)))
}

/// What the child sends, each piece of which is a sign of life.
struct Beating<'a, R> {
    inner: R,
    pulse: &'a Pulse,
}

impl<R: Read> Read for Beating<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.pulse.bytes.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        Ok(count)
    }
}

/// Whether there was no room for what we had to write.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// The report of a layer of which nothing is known but why.
pub(crate) fn broken(reason: Reason) -> LayerReport {
    let mut report = LayerReport::default();
    report.gaps.push((None, Gap::new("layer", reason)));
    report
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, it| text + &format!("{it:02x}"))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|it| u8::from_str_radix(str::from_utf8(it).ok()?, 16).ok()).collect()
}
