//! A small HTTP/1.1 server that misbehaves on request, and a smaller client.
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A server on a free port of this machine. Ends when dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    sent: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// `GET`, `POST`...
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// What came with it.
    pub body: Vec<u8>,
}

/// What to answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers besides the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How it goes over the line.
    pub wire: Wire,
}

/// How an answer goes over the line.
#[derive(Clone, Debug, Default)]
pub enum Wire {
    /// As it should.
    #[default]
    Whole,
    /// The line drops after so many bytes of the body.
    Cut(usize),
    /// In chunks of three bytes and no length.
    Chunked,
    /// With this `Content-Length`, whatever the body has; then the line is closed.
    Claim(u64),
    /// Without a length: the body ends with the line.
    Unframed,
    /// So many bytes of the body, then silence.
    Hang(usize),
    /// Not even the first byte of an answer.
    Silent,
    /// A byte at a time with this pause in between.
    Slow(Duration),
    /// These bytes instead of any HTTP.
    Raw(Vec<u8>),
}

impl Seen {
    /// The header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

impl Reply {
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, body: body.into(), ..Reply::default() }
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sent like this.
    pub fn wire(mut self, wire: Wire) -> Reply {
        self.wire = wire;
        self
    }
}

impl Server {
    /// Starts a server that answers with `handle`.
    pub fn start(handle: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (sent, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let listening = {
            let (seen, ended) = (Arc::clone(&seen), Arc::clone(&ended));
            let sent = Arc::clone(&sent);
            let handle = Arc::new(handle);
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if ended.load(Ordering::SeqCst) {
                        break;
                    }
                    let (seen, ended) = (Arc::clone(&seen), Arc::clone(&ended));
                    let (handle, sent) = (Arc::clone(&handle), Arc::clone(&sent));
                    // A client that hangs up in the middle is none of the server's business.
                    thread::spawn(move || {
                        let counted = |request: &Seen| {
                            let reply = handle(request);
                            let bytes = u64::try_from(reply.body.len()).unwrap_or_default();
                            sent.fetch_add(bytes, Ordering::Relaxed);
                            reply
                        };
                        serve(&stream, &seen, &ended, &counted).ok()
                    });
                }
            })
        };
        Server { address, seen, sent, ended, listening: Some(listening) }
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many bytes the bodies of all answers so far have.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many requests so far had `text` in their path or query.
    pub fn count(&self, text: &str) -> usize {
        self.seen().iter().filter(|it| it.target.contains(text)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            listening.join().unwrap();
        }
    }
}

fn serve(
    stream: &TcpStream,
    seen: &Mutex<Vec<Seen>>,
    ended: &AtomicBool,
    handle: &(impl Fn(&Seen) -> Reply + ?Sized),
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (start, headers) = read_head(&mut reader)?;
    let mut words = start.split(' ').map(str::to_owned);
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let mut request = Seen { method, target, headers, body: Vec::new() };
    if let Some(length) = request.header("content-length").and_then(|it| it.parse().ok()) {
        reader.take(length).read_to_end(&mut request.body)?;
    }
    let reply = handle(&request);
    let head = request.method == "HEAD";
    seen.lock().unwrap().push(request);
    send(stream, &reply, head, ended)?;
    stream.shutdown(Shutdown::Both)
}

fn send(mut stream: &TcpStream, reply: &Reply, head: bool, ended: &AtomicBool) -> io::Result<()> {
    match &reply.wire {
        Wire::Raw(bytes) => return stream.write_all(bytes),
        Wire::Silent => return wait(ended),
        _ => {}
    }
    let mut text = format!("HTTP/1.1 {} Test\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        text += &format!("{name}: {value}\r\n");
    }
    match &reply.wire {
        Wire::Chunked => text += "transfer-encoding: chunked\r\n",
        Wire::Claim(length) => text += &format!("content-length: {length}\r\n"),
        Wire::Unframed => {}
        _ => text += &format!("content-length: {}\r\n", reply.body.len()),
    }
    stream.write_all((text + "\r\n").as_bytes())?;
    let body = if head { &[][..] } else { &reply.body };
    match &reply.wire {
        Wire::Cut(length) => stream.write_all(&body[..body.len().min(*length)]),
        Wire::Chunked => {
            for chunk in body.chunks(3) {
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
        Wire::Hang(length) => {
            stream.write_all(&body[..body.len().min(*length)])?;
            wait(ended)
        }
        Wire::Slow(pause) => {
            for byte in body {
                thread::sleep(*pause);
                stream.write_all(&[*byte])?;
            }
            Ok(())
        }
        _ => stream.write_all(body),
    }
}

fn wait(ended: &AtomicBool) -> io::Result<()> {
    while !ended.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

type Headers = Vec<(String, String)>;

fn read_head(reader: &mut impl BufRead) -> io::Result<(String, Headers)> {
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text)?;
        io::Result::Ok(text.trim_end().to_owned())
    };
    let start = line()?;
    let mut headers = Vec::new();
    loop {
        let text = line()?;
        match text.split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => return Ok((start, headers)),
        }
    }
}

/// Sends one request without any of our own network code, and returns the answer.
pub fn ask(
    host: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(text.as_bytes())?;
    stream.write_all(body)?;
    let mut reader = BufReader::new(stream);
    let (start, headers) = read_head(&mut reader)?;
    let status = start.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    let length =
        headers.iter().find(|it| it.0 == "content-length").and_then(|it| it.1.parse().ok());
    let mut body = Vec::new();
    // Some keep the line open, whatever they were asked.
    reader.take(length.unwrap_or(u64::MAX)).read_to_end(&mut body)?;
    Ok(Reply { status, headers, body, wire: Wire::Whole })
}
