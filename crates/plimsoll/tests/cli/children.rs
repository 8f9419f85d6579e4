//! The processes that read layers: what they may do, and that nothing is lost when they die or hang.
use crate::{
    bench::{Bench, PATIENCE, a_gap, field, finish, inspecting, inspectors},
    images::{OLD, debian, harmless, of, status},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::Write,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};
use testkit::{
    archive,
    http::Wire,
    image::{BuiltImage, image},
    registry::{Auth, Registry, What},
    tar::{file, tar},
};

/// An image of two layers whose second comes in very slowly, while it is scanned.
struct Slow {
    bench: Bench,
    registry: Registry,
    image: BuiltImage,
}

impl Slow {
    fn new() -> Slow {
        let image = of(&[debian(OLD), vec![file("srv/x", "x")]]);
        let registry = Registry::start(Auth::Open);
        registry.put("app", "1", &image);
        Slow { bench: Bench::new(), registry, image }
    }

    /// Starts a scan; the child that reads the second layer, which takes about a second more.
    fn start(&self, arguments: &[&str]) -> (Child, Pid) {
        let digest = self.image.layers()[1].digest.hex();
        let pause = Duration::from_millis(1500) / self.image.layers()[1].bytes.len() as u32;
        self.registry.fail(digest, 1, What::Wire(Wire::Slow(pause)));
        let before = self.registry.count(digest);
        let name = format!("{}/app:1", self.registry.host());
        let mut command =
            self.bench.command(["scan", "--parallel", "1", "--format", "json", &name]);
        command.args(["--stall-timeout", "1"]).args(arguments).env("PLIMSOLL_SECRET", "x");
        let parent = command.spawn().unwrap();
        until("the layer is asked for", || self.registry.count(digest) > before);
        let child = inspecting(&parent);
        (parent, child)
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

/// What holds after a child was lost: the other layer is there, the gap is told, and nothing is kept of it.
fn one_layer_lost(slow: &Slow, parent: Child, words: &str) {
    let pid = parent.id();
    let run = finish(parent);
    assert_eq!(run.code, 1, "the gate on coverage: {}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    crate::schema::holds(&report);
    let image = &report["images"][0];
    a_gap(image, &["layer 1: ", "our parser failed", words]);
    assert_eq!(image["components"].as_array().unwrap().len(), 3);
    assert_eq!(image["layers"][1]["diff_id"], serde_json::Value::Null);
    assert_eq!(slow.bench.kept().len(), 1, "only the whole layer may be kept");
    assert_eq!(inspectors(pid), [0; 0]);
    let name = format!("{}/app:1", slow.registry.host());
    assert_eq!(slow.bench.scan(&name)["gaps"], serde_json::json!([]), "it is tried again");
}

#[test]
fn a_child_that_is_killed_costs_one_layer() {
    let slow = Slow::new();
    let (parent, child) = slow.start(&["--fail-on-coverage", "partial"]);
    kill_process(child, Signal::KILL).unwrap();
    one_layer_lost(&slow, parent, "signal: 9");
}

#[test]
fn a_child_that_hangs_is_ended() {
    let slow = Slow::new();
    let (parent, child) = slow.start(&["--fail-on-coverage", "partial"]);
    kill_process(child, Signal::STOP).unwrap();
    one_layer_lost(&slow, parent, "no progress for 1 seconds");
}

/// What the descriptors of a process lead to.
fn opened(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let targets = entries.filter_map(|it| fs::read_link(it.path()).ok());
    targets.map(|it| it.to_str().unwrap().to_owned()).collect()
}

#[test]
fn children_are_confined() {
    let left_open = opened(std::process::id());
    let slow = Slow::new();
    let (parent, child) = slow.start(&[]);
    let pid = number(child);
    if fs::read_to_string("/proc/self/status").unwrap().contains("\nSeccomp:") {
        until("seccomp", || field(pid, "Seccomp:") == Some(2));
        assert_eq!(field(pid, "NoNewPrivs:"), Some(1));
    } else {
        eprintln!("this kernel has no seccomp: nothing to see");
    }
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    // Besides the task there is only what tells the allocator to give memory back.
    let variables = environment.split(|it| *it == 0);
    let variables: Vec<_> =
        variables.filter(|it| !it.is_empty() && !it.starts_with(b"MALLOC_")).collect();
    assert!(
        matches!(&variables[..], [one] if one.starts_with(b"PLIMSOLL_INSPECT=")),
        "{variables:?}"
    );
    let mut open = opened(pid);
    // Pipes, nothing, and the spool, which has no name any more. Whatever whoever started the test left
    // open is there too.
    let known = ["pipe:", "/dev/null", "(deleted)"];
    open.retain(|it| !known.iter().any(|known| it.contains(known)));
    open.retain(|it| !left_open.contains(it));
    assert_eq!(open, [""; 0]);
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    assert!(
        limits.lines().any(|it| it.starts_with("Max data size") && it.contains("1073741824")),
        "{limits}"
    );
    let run = finish(parent);
    let missing = run.image()["missing_walls"].clone();
    let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    if modules.contains("landlock") {
        assert_eq!(missing, serde_json::json!([]));
    } else {
        eprintln!("whether this kernel has Landlock can't be seen; missing: {missing}");
    }
}

#[test]
fn children_do_not_outlive_their_parent() {
    let slow = Slow::new();
    let (mut parent, child) = slow.start(&[]);
    parent.kill().unwrap();
    parent.wait().unwrap();
    let line = format!("/proc/{}/cmdline", number(child));
    until("the child is gone", || fs::read(&line).unwrap_or_default().is_empty());
    assert_eq!(fs::read_dir(slow.bench.path("spool")).unwrap().count(), 0);
    assert!(slow.bench.kept().len() <= 1);
}

/// The child stops in the middle of a layer that the pipe to it can't hold.
#[test]
fn a_pipe_that_backs_up_does_not_hang_us() {
    let bench = Bench::new();
    let tars =
        [tar(&debian(OLD)), tar(&[file("srv/big", vec![7; 3 << 20]), status(&harmless("x"))])];
    let bytes = archive::pack(&archive::saved(&image("linux/amd64", &tars), &tars, "app:1"));
    let mut command = bench.command(["scan", "--format", "json", "--stall-timeout", "1", "-"]);
    command.stdin(Stdio::piped());
    let mut parent = command.spawn().unwrap();
    let mut input = parent.stdin.take().unwrap();
    // The members are in the order of their names: the second layer begins behind the first.
    let begin = tars[0].len() + (100 << 10);
    input.write_all(&bytes[..begin]).unwrap();
    // Long enough for the first layer to be done, so that it is the second that waits.
    thread::sleep(Duration::from_millis(700));
    kill_process(inspecting(&parent), Signal::STOP).unwrap();
    let rest = bytes[begin..].to_vec();
    let writer = thread::spawn(move || input.write_all(&rest));
    let image = finish(parent).image();
    writer.join().unwrap().unwrap();
    a_gap(&image, &["layer 1: ", "no progress for 1 seconds"]);
    assert_eq!(image["components"].as_array().unwrap().len(), 3);
}
