//! A real PostgreSQL for tests: found on the machine, started on loopback in a temporary directory, and
//! ended with the test process, however that ends.
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Starts the server (its arguments from the second on) and stops it when its input ends, which it does when the process
/// that holds the other end is gone, even by `kill -9`. Then it removes the directory that is its first argument.
const GUARD: &str = r#"
dir=$1; shift
begin() { "$@" >>"$dir/log" 2>&1 & server=$!; }
end() { kill -QUIT "$server" 2>/dev/null; wait "$server"; }
begin "$@"; echo started
while read -r word; do
  case $word in stop) end ;; start) begin "$@" ;; esac
  echo done
done
end; rm -rf "$dir"
"#;

/// An authority, and a certificate that it made.
const CERTIFICATES: &str = r#"
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new -keyout ca.key -out ca.pem -days 2 -subj /CN=authority
openssl req $new -keyout server.key -out server.csr -subj /CN=localhost
echo subjectAltName=DNS:localhost > names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem
chmod 600 server.key
"#;

/// A PostgreSQL of our own. It ends when dropped, and at the latest with this process.
pub struct Server {
    guard: Child,
    said: BufReader<ChildStdout>,
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
}

/// The URL of a fresh database on the one server that this process shares. `None`, said aloud, where
/// PostgreSQL is not installed; with `PLIMSOLL_TEST_ALL=1` that is a failure.
pub fn database() -> Option<String> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    SHARED.get_or_init(|| Server::start(&[])).as_ref().map(Server::database)
}

/// What `psql` says to these statements in the database of this URL, or its complaint.
pub fn sql(url: &str, statements: &str) -> Result<String, String> {
    let programs = programs().expect("PostgreSQL is installed");
    let mut command = Command::new(programs.join("psql"));
    command.args([
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--set=ON_ERROR_STOP=1",
    ]);
    let output = command.args(["--dbname", url, "--command", statements]).output().unwrap();
    let text = |it: &[u8]| String::from_utf8_lossy(it).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

impl Server {
    /// Starts one with further settings, such as `ssl=on`. `None` as [`database`].
    pub fn start(settings: &[&str]) -> Option<Server> {
        let (programs, folder) = Server::prepare()?;
        Some(Server::launch(programs, folder, settings))
    }

    /// Finds the programs, and makes what the server is to keep everything in.
    fn prepare() -> Option<(PathBuf, PathBuf)> {
        let Some(programs) = programs() else {
            assert!(env::var_os("PLIMSOLL_TEST_ALL").is_none(), "PostgreSQL is not installed");
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let folder = folder();
        let made = as_other(&programs.join("initdb"), &folder)
            .arg("--pgdata")
            .arg(folder.join("data"))
            .args(["--username=plimsoll", "--auth=trust", "--no-sync", "--encoding=UTF8"])
            // Sorts as people do, not as bytes: whatever relies on the latter has to say so.
            .args(["--locale=C", "--locale-provider=icu", "--icu-locale=en"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some((programs, folder))
    }

    /// Starts one that offers TLS, with a certificate for `localhost`; with that of the authority that made it, PEM.
    /// `None` as [`database`], or where there is no `openssl`.
    pub fn with_tls() -> Option<(Server, Vec<u8>)> {
        let missing = Command::new("openssl").arg("version").output().is_err();
        assert!(!missing || env::var_os("PLIMSOLL_TEST_ALL").is_none(), "openssl is not installed");
        if missing {
            eprintln!("skipped: openssl is not installed");
            return None;
        }
        let (programs, folder) = Server::prepare()?;
        let made = as_other(Path::new("sh"), &folder).args(["-ec", CERTIFICATES]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let authority = fs::read(folder.join("ca.pem")).unwrap();
        let file = |setting: &str, name: &str| format!("{setting}={}", folder.join(name).display());
        let (certificate, key) =
            (file("ssl_cert_file", "server.pem"), file("ssl_key_file", "server.key"));
        let server = Server::launch(programs, folder, &["ssl=on", &certificate, &key]);
        Some((server, authority))
    }

    fn launch(programs: PathBuf, folder: PathBuf, settings: &[&str]) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = as_other(&programs.join("postgres"), &folder);
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(&folder);
        command.arg(server.get_program()).args(server.get_args());
        command.arg("-D").arg(folder.join("data"));
        let (port_text, sockets) =
            (format!("port={port}"), format!("unix_socket_directories={}", folder.display()));
        let ours = ["listen_addresses=127.0.0.1", &port_text, &sockets, "fsync=off"];
        let quick = ["synchronous_commit=off", "full_page_writes=off", "max_connections=200"];
        for it in ours.iter().chain(&quick).chain(settings) {
            command.args(["-c", it]);
        }
        // In a group of its own: what interrupts the tests from a terminal is not meant for the guard.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut guard = command.spawn().unwrap();
        let mut said = BufReader::new(guard.stdout.take().unwrap());
        said.read_line(&mut String::new()).unwrap();
        let mut server = Server { guard, said, folder, programs, port };
        server.ready();
        server
    }

    /// Waits until it takes questions.
    fn ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        // The last line of the file says how far it is.
        let is_ready = |it: &str| it.lines().nth(7).is_some_and(|it| it.trim() == "ready");
        while !fs::read_to_string(self.pid_file()).is_ok_and(|it| is_ready(&it)) {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL did not start: {}", log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("data/postmaster.pid")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        let text = fs::read_to_string(self.pid_file()).unwrap();
        text.lines().next().unwrap().parse().unwrap()
    }

    /// Where it keeps everything, below which a test may put files for it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL of a database of this name.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://plimsoll@127.0.0.1:{}/{database}", self.port)
    }

    /// The URL of a fresh database.
    pub fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        sql(&self.url("postgres"), &format!("CREATE DATABASE {name}")).unwrap();
        self.url(&name)
    }

    /// Ends it as a crash would; [`Server::resume`] starts it again.
    pub fn crash(&mut self) {
        self.tell("stop");
    }

    /// Starts it again at the same address, with what it had.
    pub fn resume(&mut self) {
        // Its file may be left from before, and say that it is ready.
        drop(fs::remove_file(self.pid_file()));
        self.tell("start");
        self.ready();
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.guard.stdin.as_mut().unwrap(), "{word}").unwrap();
        self.said.read_line(&mut String::new()).unwrap();
    }

    /// The program of this name that belongs to it, such as `pg_dump`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
    }
}

/// Where the programs of the newest PostgreSQL are: Debian keeps them out of `PATH`.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|it| it.path().join("bin")).collect();
    let number = |it: &PathBuf| it.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    folders.sort_by_key(number);
    folders.reverse();
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let whole =
        |it: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| it.join(name).exists());
    folders.into_iter().find(whole)
}

/// A directory that the server's user owns.
fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("plimsoll-postgres-{}-{count}", std::process::id());
    let folder = env::temp_dir().join(name);
    // Left by a process of this number, on a machine that stopped in the middle.
    drop(fs::remove_dir_all(&folder));
    fs::create_dir(&folder).unwrap();
    if let Some(user) = other_user() {
        chown(&folder, Some(user), None).unwrap();
    }
    folder
}

/// The program, run in this folder, and by somebody else when we are root, whom PostgreSQL refuses.
fn as_other(program: &Path, folder: &Path) -> Command {
    let mut command = match other_user() {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={user}"), "--clear-groups", "--pdeathsig=QUIT"]);
            command.arg(program);
            command
        }
    };
    command.current_dir(folder);
    command
}

/// The user to run as, when we are root.
fn other_user() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ids = status.lines().find_map(|it| it.strip_prefix("Uid:")).unwrap();
    let effective: u32 = ids.split_whitespace().nth(1).unwrap().parse().unwrap();
    (effective == 0).then(|| {
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let id = |name: &str| {
            let line = users.lines().find(|it| it.split(':').next() == Some(name))?;
            line.split(':').nth(2)?.parse().ok()
        };
        id("postgres").or_else(|| id("nobody")).unwrap()
    })
}
