//! Runs Docker's credential helpers (docker/docker-credential-helpers, "Development").
use std::{
    io::{Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a helper may take. Some ask their user for a finger or a password.
const LIMIT: Duration = Duration::from_secs(60);

/// The most that a helper may say.
const OUTPUT_BYTES: u64 = 1 << 20;

/// Runs `docker-credential-<name> get` with the server on its standard input, and returns what it
/// writes; `None` when it keeps nothing for that server.
pub fn run_helper(name: &str, server: &str) -> Result<Option<Vec<u8>>, String> {
    // The name comes from a file: it names a program on the path, not a path.
    if name.is_empty() || !name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
    {
        return Err("not the name of a program".to_owned());
    }
    let mut command = Command::new(format!("docker-credential-{name}"));
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    run(command, server, LIMIT)
}

fn run(mut command: Command, server: &str, limit: Duration) -> Result<Option<Vec<u8>>, String> {
    let mut child = command.spawn().map_err(|it| it.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input says so in its output.
        drop(stdin.write_all(server.as_bytes()));
    }
    let stdout = child.stdout.take();
    let reading = thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.map(|it| it.take(OUTPUT_BYTES).read_to_end(&mut output));
        read.transpose().map(|_| output)
    });
    let status = wait(&mut child, limit)?;
    let output = reading.join().map_err(|_| "its output cannot be read".to_owned())?;
    let output = output.map_err(|it| it.to_string())?;
    if status.success() {
        return Ok(Some(output));
    }
    // Helpers explain themselves on standard output, and nothing tells "none" from "failed" but
    // these words.
    let words = String::from_utf8_lossy(&output);
    if words.contains("credentials not found") {
        return Ok(None);
    }
    let words = words.lines().next().unwrap_or_default();
    Err(format!("failed ({status}): {}", words.chars().take(200).collect::<String>()))
}

fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus, String> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() < limit => thread::sleep(Duration::from_millis(10)),
            Ok(None) => {
                // It may have ended by itself in between, which is as well.
                drop(child.kill());
                drop(child.wait());
                return Err(format!("gave no answer within {} s", limit.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Option<Vec<u8>>, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        run(command, "a.example", limit)
    }

    #[test]
    fn helpers_answer_on_standard_output() {
        let second = Duration::from_secs(20);
        assert_eq!(shell("cat", second), Ok(Some(b"a.example".to_vec())));
        let none = "echo 'credentials not found in native keychain'; exit 1";
        assert_eq!(shell(none, second), Ok(None));
        assert!(shell("echo no bus; exit 2", second).unwrap_err().contains("no bus"));
        let error = shell("exec sleep 60", Duration::from_millis(30)).unwrap_err();
        assert!(error.contains("no answer"), "{error}");
    }

    #[test]
    fn only_programs_on_the_path_are_run() {
        for bad in ["", "../x", "a/b", "a b"] {
            assert!(run_helper(bad, "a.example").unwrap_err().contains("not the name"), "{bad}");
        }
        assert!(run_helper("surely-not-installed", "a.example").is_err());
    }
}
