//! Where a test works: folders of its own, and the program in an environment that holds nothing else.
use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use testkit::{archive, image::BuiltImage};

/// What the children of the program are known by.
const CHILD: &[u8] = b"inspect-layer";
/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The folders of one test; they go with it.
pub(crate) struct Bench(TempDir);

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let bench = Bench(tempfile::tempdir().unwrap());
        for folder in ["home", "cache", "spool"] {
            fs::create_dir(bench.path(folder)).unwrap();
        }
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file there; its path, as it is typed.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Puts an OCI layout of `image` there.
    pub(crate) fn layout(&self, image: &BuiltImage) -> String {
        let path = self.path("layout");
        drop(fs::remove_dir_all(&path));
        archive::write(&archive::layout(image, "latest"), &path);
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn command(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        // Building the database takes longer than all else: it is shared, as on a user's machine.
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("data");
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("spool"))
            .env("PLIMSOLL_CACHE_DIR", self.path("cache"))
            .env("PLIMSOLL_DATA_DIR", data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// Scans, and expects that to succeed; the report on the only image.
    pub(crate) fn scan(&self, image: &str) -> Value {
        self.run(&["scan", "--format", "json", image]).image()
    }

    /// All reports of layers that are kept.
    pub(crate) fn kept(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path("cache/layers")) else { return Vec::new() };
        entries.map(|it| it.unwrap().path()).collect()
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    finish(command.spawn().unwrap())
}

/// Waits for the end of the program.
pub(crate) fn finish(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    let text = |it: Vec<u8>| String::from_utf8(it).unwrap();
    let run =
        Run { code: code(output.status), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!run.stderr.contains("panicked"), "{run:?}");
    run
}

/// The exit code; a program that was killed has none, which is always wrong here.
fn code(status: ExitStatus) -> i32 {
    status.code().expect("the program was killed")
}

impl Run {
    /// The report of a run that succeeded.
    pub(crate) fn report(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The only image of it.
    pub(crate) fn image(&self) -> Value {
        let mut report = self.report();
        let images = report["images"].as_array_mut().unwrap();
        assert_eq!(images.len(), 1);
        images.remove(0)
    }

    /// Expects failure, with these words in what it says.
    pub(crate) fn fails(&self, words: &str) {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(self.stdout.is_empty(), "{}", self.stdout);
        assert!(self.stderr.starts_with("plimsoll: "), "{}", self.stderr);
        assert!(self.stderr.contains(words), "{}", self.stderr);
    }
}

/// The process that inspects a layer for the program `parent`, once there is one.
pub(crate) fn inspecting(parent: &Child) -> rustix::process::Pid {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(child) = inspectors(parent.id()).first() {
            return rustix::process::Pid::from_raw(i32::try_from(*child).unwrap()).unwrap();
        }
        assert!(Instant::now() < end, "no child came up");
        thread::sleep(Duration::from_millis(2));
    }
}

/// All processes that inspect layers for the program `parent` right now, past their exec.
pub(crate) fn inspectors(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    let ours = pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        field(*pid, "PPid:") == Some(u64::from(parent))
            && line.split(|it| *it == 0).nth(1) == Some(CHILD)
    });
    ours.collect()
}

/// A number of `/proc/<pid>/status`; `None` when the process is gone.
pub(crate) fn field(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A list in a report, each with one of its fields.
pub(crate) fn texts(image: &Value, list: &str, field: &str) -> Vec<String> {
    let rows = image[list].as_array().unwrap().iter();
    rows.map(|it| it[field].as_str().unwrap_or_default().to_owned()).collect()
}

/// The reasons of all gaps in a report, each behind its place.
pub(crate) fn gaps(image: &Value) -> Vec<String> {
    let rows = image["gaps"].as_array().unwrap().iter();
    let show = |it: &Value| {
        let place = it["path"].as_str().map_or(format!("layer {}", it["layer"]), str::to_owned);
        format!("{place}: {}", it["reason"].as_str().unwrap())
    };
    rows.map(show).collect()
}

/// Expects exactly one gap, with all of these words.
pub(crate) fn one_gap(image: &Value, words: &[&str]) {
    a_gap(image, words);
    assert_eq!(gaps(image).len(), 1, "{:?}", gaps(image));
}

/// Expects a gap with all of these words, and that it counts.
pub(crate) fn a_gap(image: &Value, words: &[&str]) {
    let gaps = gaps(image);
    assert!(gaps.iter().any(|gap| words.iter().all(|it| gap.contains(it))), "{words:?}: {gaps:?}");
    assert_ne!(image["coverage"]["grade"], "known");
}
