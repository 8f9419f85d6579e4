//! Runs programs and says what they took: time, processor time, memory of all their processes together.
use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Seconds on the wall.
    pub(crate) seconds: f64,
    /// Seconds of processor time, user and system.
    pub(crate) cpu_seconds: f64,
}

/// The most memory that was resident while a program ran, in KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Of all its processes at one moment.
    pub(crate) together: u64,
    /// The peak of the one that was started, as the kernel counts it.
    pub(crate) parent: u64,
    /// The highest peak among those that it started itself.
    pub(crate) child: u64,
}

/// Runs to the end; a failure is an error that shows what the program said.
pub(crate) fn run(command: &mut Command) -> io::Result<Cost> {
    let (before, start) = (children_ticks(), Instant::now());
    let output = command.stdin(Stdio::null()).output()?;
    let seconds = start.elapsed().as_secs_f64();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("{command:?}: {}: {said}", output.status)));
    }
    let ticks = children_ticks().saturating_sub(before);
    // A tick is a hundredth of a second on every Linux that we know of (sysconf(3), `_SC_CLK_TCK`).
    Ok(Cost { seconds, cpu_seconds: ticks as f64 / 100.0 })
}

/// The middle one.
pub(crate) fn median(costs: &[Cost]) -> Cost {
    let middle = |of: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = costs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    Cost { seconds: middle(|it| it.seconds), cpu_seconds: middle(|it| it.cpu_seconds) }
}

/// Runs to the end with what `feed` writes on standard input, looking at the memory all the time.
/// Answers what the program printed.
pub(crate) fn watch(
    command: &mut Command,
    feed: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<(Memory, Cost, String)> {
    let start = Instant::now();
    let before = children_ticks();
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let pid = child.id();
    let (done, ended) = mpsc::channel::<()>();
    let watcher = thread::spawn(move || {
        let mut memory = Memory::default();
        while ended.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
            look(pid, &mut memory);
        }
        memory
    });
    let fed = match child.stdin.take() {
        Some(stdin) => feed(&mut io::BufWriter::with_capacity(256 << 10, stdin)),
        None => Ok(()),
    };
    let output = child.wait_with_output()?;
    let seconds = start.elapsed().as_secs_f64();
    drop(done);
    let memory = watcher.join().unwrap_or_default();
    if !output.status.success() {
        return Err(io::Error::other(format!("{command:?}: {}", output.status)));
    }
    fed?;
    let cpu_seconds = children_ticks().saturating_sub(before) as f64 / 100.0;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((memory, Cost { seconds, cpu_seconds }, said))
}

/// One look at a process and all below it (proc(5), `status`, `task/.../children`).
fn look(pid: u32, memory: &mut Memory) {
    let mut together = 0;
    let mut waiting = vec![pid];
    while let Some(it) = waiting.pop() {
        let status = fs::read_to_string(format!("/proc/{it}/status")).unwrap_or_default();
        together += kib(&status, "VmRSS:");
        let peak = if it == pid { &mut memory.parent } else { &mut memory.child };
        *peak = kib(&status, "VmHWM:").max(*peak);
        let tasks = fs::read_dir(format!("/proc/{it}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            waiting.extend(children.split_whitespace().filter_map(|it| it.parse::<u32>().ok()));
        }
    }
    // A peak of the first process alone may have come and gone between two looks.
    memory.together = memory.together.max(together).max(memory.parent);
}

fn kib(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|it| it.strip_prefix(field));
    line.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// The processor time of the children that have ended so far (proc(5), `stat`: cutime and cstime).
fn children_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |it| it.1).split_whitespace();
    fields.skip(13).take(2).filter_map(|it| it.parse::<u64>().ok()).sum()
}

/// The program that is found first in `PATH`.
pub(crate) fn find<'a>(names: &[&'a str]) -> Option<&'a str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    names.iter().copied().find(|name| folders.iter().any(|it| it.join(name).is_file()))
}

/// Our own program, built for use.
pub(crate) fn plimsoll(root: &Path) -> io::Result<std::path::PathBuf> {
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--quiet"])
        .current_dir(root)
        .status()?;
    if !status.success() {
        return Err(io::Error::other("the program does not build"));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(std::path::PathBuf::from);
    Ok(target.unwrap_or_else(|| root.join("target")).join("release/plimsoll"))
}
