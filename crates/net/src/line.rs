//! A line to a server that speaks in lines, encrypted or not, on which nobody waits for ever and nothing grows without end.
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

/// The longest line, and the most lines, of an answer: far more than RFC 5321, 4.5.3.1.5, has.
const LONGEST: usize = 4 << 10;
const LINES: usize = 100;

/// A line to a server.
pub(crate) struct Line {
    stream: Stream,
    /// What has come and was not looked at.
    buffer: Vec<u8>,
    /// When everything has to be over.
    end: Option<Instant>,
}

enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// A socket that knows for how long to wait.
struct Timed {
    socket: TcpStream,
    /// For anything to move.
    idle: Duration,
    until: Option<Instant>,
}

impl Line {
    pub(crate) fn new(socket: TcpStream, idle: Duration, end: Option<Instant>) -> Line {
        let stream = Stream::Plain(Timed { socket, idle, until: end });
        Line { stream, buffer: Vec::new(), end }
    }

    /// Our own address.
    pub(crate) fn local(&mut self) -> Option<SocketAddr> {
        self.timed().socket.local_addr().ok()
    }

    /// Everything from here on is encrypted, and comes from `host`.
    pub(crate) fn encrypt(&mut self, host: &str, config: Arc<ClientConfig>) -> io::Result<()> {
        if !self.buffer.is_empty() {
            // Somebody else may have put it there, to be taken for the server's.
            return Err(strange("it went on talking before the line was encrypted"));
        }
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|_| strange("its name cannot be in a certificate"))?;
        let mut client = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let it = self.timed();
        let mut timed = Timed { socket: it.socket.try_clone()?, idle: it.idle, until: self.end };
        while client.is_handshaking() {
            client.complete_io(&mut timed)?;
        }
        self.stream = Stream::Tls(Box::new(StreamOwned::new(client, timed)));
        Ok(())
    }

    pub(crate) fn write(&mut self, text: &str, within: Duration) -> io::Result<()> {
        self.wait(within);
        let stream: &mut dyn Write = match &mut self.stream {
            Stream::Plain(it) => it,
            Stream::Tls(it) => it,
        };
        stream.write_all(text.as_bytes())?;
        stream.flush()
    }

    /// The next answer: its code, and what it says, line by line (RFC 5321, 4.2).
    pub(crate) fn reply(&mut self, within: Duration) -> io::Result<(u16, Vec<String>)> {
        self.wait(within);
        let mut said = Vec::new();
        while said.len() < LINES {
            let line = self.line()?;
            let (code, rest) = line.split_at_checked(3).unwrap_or_default();
            let code = code.parse().ok().filter(|it| (200..600).contains(it));
            let code: u16 = code.ok_or_else(|| strange("it does not answer as mail servers do"))?;
            let (mark, text) = rest.split_at_checked(1).unwrap_or((" ", ""));
            said.push(text.to_owned());
            match mark {
                " " => return Ok((code, said)),
                "-" => {}
                _ => return Err(strange("it does not answer as mail servers do")),
            }
        }
        Err(strange("its answer has no end"))
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|it| *it == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() > LONGEST {
                return Err(strange("its answer has a line without end"));
            }
            let mut some = [0; 1024];
            let stream: &mut dyn Read = match &mut self.stream {
                Stream::Plain(it) => it,
                Stream::Tls(it) => it,
            };
            match stream.read(&mut some)? {
                0 => return Err(io::Error::new(ErrorKind::UnexpectedEof, "it hung up")),
                count => self.buffer.extend_from_slice(some.get(..count).unwrap_or_default()),
            }
        }
    }

    fn wait(&mut self, within: Duration) {
        let until = Instant::now().checked_add(within).into_iter().chain(self.end).min();
        self.timed().until = until;
    }

    fn timed(&mut self) -> &mut Timed {
        match &mut self.stream {
            Stream::Plain(it) => it,
            Stream::Tls(it) => &mut it.sock,
        }
    }
}

impl Timed {
    /// How long to wait for the next byte.
    fn patience(&self) -> io::Result<Option<Duration>> {
        let left = self.until.map(|it| it.saturating_duration_since(Instant::now()));
        match left.map_or(self.idle, |it| it.min(self.idle)) {
            Duration::ZERO => Err(io::Error::new(ErrorKind::TimedOut, "it takes too long")),
            it => Ok(Some(it)),
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.patience()?)?;
        self.socket.read(buf).map_err(slow)
    }
}

impl Write for Timed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.patience()?)?;
        self.socket.write(buf).map_err(slow)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Linux calls the end of patience by another name.
fn slow(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => io::Error::new(ErrorKind::TimedOut, "nothing came any more"),
        _ => error,
    }
}

fn strange(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}
