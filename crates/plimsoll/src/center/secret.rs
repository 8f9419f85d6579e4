//! Where secrets come from: files, standard input, the environment, a person at a terminal; never the command line, which
//! everybody on the machine can read.
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::{
    env,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
};

/// The most that is read of one secret.
const MOST_BYTES: u64 = 1 << 20;

/// The most that a document may have, which is more than any center takes.
const DOCUMENT_BYTES: u64 = 64 << 20;

/// What has been read of standard input is gone, so that there is only one of these.
pub(super) struct Sources {
    input: Box<dyn BufRead>,
}

impl Sources {
    pub(super) fn new() -> Sources {
        Sources { input: Box::new(io::stdin().lock()) }
    }

    #[cfg(test)]
    pub(super) fn of(input: &'static str) -> Sources {
        Sources { input: Box::new(input.as_bytes()) }
    }

    /// The secret that is in `source`: a file, a line of standard input (`-`), or a variable (`env:NAME`).
    pub(super) fn secret(&mut self, name: &str, source: &str) -> Result<String, String> {
        let text = match source.strip_prefix("env:") {
            Some(variable) => env::var(variable).map_err(|_| format!("{name}: {variable} is not in the environment"))?,
            None if source == "-" => self.line()?,
            None => read(source).map_err(|err| match err.kind() {
                // It could be the secret itself, which is not to be shown.
                io::ErrorKind::NotFound => format!(
                    "--{name}-from takes a file, `-` for a line of standard input, or env:NAME, and what was given is none of them"
                ),
                _ => format!("--{name}-from: {err}"),
            })?,
        };
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err(format!("{name}: there is nothing in it")),
            text => Ok(text.to_owned()),
        }
    }

    /// A text that is typed, in a file (`@FILE`), or all of standard input (`-`).
    pub(super) fn text(&mut self, source: &str) -> Result<String, String> {
        let mut text = String::new();
        let read = match source.strip_prefix('@') {
            Some(path) => File::open(path)
                .and_then(|it| it.take(DOCUMENT_BYTES).read_to_string(&mut text))
                .map_err(|err| format!("{path}: {err}"))?,
            None if source == "-" => {
                let read = self.input.by_ref().take(DOCUMENT_BYTES).read_to_string(&mut text);
                read.map_err(|err| format!("standard input: {err}"))?
            }
            None => return Ok(source.to_owned()),
        };
        match u64::try_from(read) {
            Ok(it) if it < DOCUMENT_BYTES => Ok(text),
            _ => Err(format!("{source}: a document has less than {DOCUMENT_BYTES} bytes")),
        }
    }

    /// Asks the person at the terminal, if there is one.
    pub(super) fn ask(&mut self, name: &str) -> Result<String, String> {
        let nobody = || {
            format!(
                "--{name}-from says where it is: a file, `-` for a line of standard input, or env:NAME"
            )
        };
        if !io::stdin().is_terminal() {
            return Err(nobody());
        }
        let terminal =
            File::options().read(true).write(true).open("/dev/tty").map_err(|_| nobody())?;
        let words = name.replace('-', " ");
        hidden(&terminal, &words).map_err(|err| format!("{words}: {err}"))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        let read = self.input.by_ref().take(MOST_BYTES).read_line(&mut line);
        read.map(|_| line).map_err(|err| format!("standard input: {err}"))
    }
}

fn read(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// A line that is not shown while it is typed.
fn hidden(mut terminal: &File, name: &str) -> io::Result<String> {
    let before = tcgetattr(terminal)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    let _restored = Restored(terminal, before);
    tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
    write!(terminal, "{name}: ")?;
    let mut line = String::new();
    BufReader::new(terminal).take(MOST_BYTES).read_line(&mut line)?;
    writeln!(terminal)?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(io::Error::other("nothing was typed")),
        line => Ok(line.to_owned()),
    }
}

/// The terminal is as it was, however we leave.
struct Restored<'a>(&'a File, Termios);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs no more.
        let _ = tcsetattr(self.0, OptionalActions::Now, &self.1);
    }
}
