//! A real mail server, Debian's `python3-aiosmtpd`, where it is installed.
use serde_json::Value;
use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

const PROGRAM: &str = include_str!("mail.py");

/// How the way to it is encrypted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Security {
    /// Not at all.
    Plain,
    /// When asked to, before anything else.
    StartTls,
    /// From the start.
    Tls,
}

/// A mail server, which ends with this. It takes no mail to `nobody`, and knows the user `robot`, password `hush 密码`.
pub struct Mail {
    process: Child,
    host: String,
    letters: Arc<Mutex<Vec<Value>>>,
}

impl Mail {
    /// Starts one with the certificate in `folder`, that wants a password by one of `mechanisms` if there are any. `None`,
    /// said aloud, where it is not installed; with `PLIMSOLL_TEST_ALL=1`, fails.
    pub fn start(folder: &Path, security: Security, mechanisms: &str) -> Option<Mail> {
        let usable = |it: &&&str| {
            let tried =
                Command::new(it).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
            tried.is_ok_and(|it| it.success())
        };
        let Some(python) = ["python3", "/usr/bin/python3"].iter().find(usable) else {
            assert!(
                env::var_os("PLIMSOLL_TEST_ALL").is_none(),
                "python3-aiosmtpd is not installed"
            );
            eprintln!("skipped: python3-aiosmtpd is not installed");
            return None;
        };
        let word = match security {
            Security::Plain => "plain",
            Security::StartTls => "starttls",
            Security::Tls => "tls",
        };
        let mut command = Command::new(python);
        command.args(["-c", PROGRAM, word]).arg(folder).arg(mechanisms);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines =
            BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let host = format!("127.0.0.1:{}", lines.next().expect("it does not start"));
        let letters = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&letters);
        thread::spawn(move || {
            for it in lines {
                seen.lock().unwrap().push(serde_json::from_str(&it).unwrap());
            }
        });
        Some(Mail { process, host, letters })
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// All letters so far, as soon as there are `least`: `from`, `to`, `content`, `tls`, `user`. What the server has taken
    /// is here a moment later.
    pub fn letters(&self, least: usize) -> Vec<Value> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let all = self.letters.lock().unwrap().clone();
            if all.len() >= least {
                return all;
            }
            assert!(Instant::now() < end, "{} letters, not {least}", all.len());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
