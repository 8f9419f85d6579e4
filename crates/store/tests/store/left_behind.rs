//! The server that tests use ends with them.
use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use testkit::postgres::Server;

/// Not a test by itself: the process that the one below starts, and that ends without a chance to clean up.
#[test]
#[ignore = "started by another test"]
fn a_process_that_dies() {
    let server = Server::start(&[]).unwrap();
    println!("{}\n{}", server.pid(), server.folder().display());
    std::process::abort();
}

#[test]
fn no_server_outlives_a_process_that_dies() {
    if testkit::postgres::database().is_none() {
        return;
    }
    let name = "left_behind::a_process_that_dies";
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([name, "--exact", "--ignored", "--nocapture"]);
    let output = command.stderr(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let folder = said.lines().find(|it| it.contains("plimsoll-postgres")).unwrap();
    let pid = said.lines().find(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()));
    let process = Path::new("/proc").join(pid.unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    while process.exists() || Path::new(folder).exists() {
        assert!(Instant::now() < deadline, "{} or {folder} is left", process.display());
        thread::sleep(Duration::from_millis(20));
    }
}
