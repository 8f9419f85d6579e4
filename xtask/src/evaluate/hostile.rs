//! Files that are damaged or made to take long, made from seeds: always the same.
use testkit::{
    elf::Elf,
    image::gzip,
    planted::{packed, reverse_shell},
    spelling::zip,
    tar::{file, tar},
};

/// A file that nobody should have to read.
pub(super) struct Hostile {
    /// What is wrong with it.
    pub(super) name: String,
    /// Where it lies.
    pub(super) path: String,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// Whether something is in it that must be found, or told of as not seen.
    pub(super) hides: bool,
}

/// Every one.
pub(super) fn all() -> Vec<Hostile> {
    [programs(), archives(), bombs(), texts()].into_iter().flatten().collect()
}

/// Programs with their headers cut and flipped. Of a program rules see every byte, whatever its headers say.
fn programs() -> Vec<Hostile> {
    let kinds = [
        ("program", Elf::program().interpreter("/lib64/ld-linux-x86-64.so.2").needs("libc.so.6")),
        ("library", Elf::library().exports(&["readdir", "accept"]).imports(&["dlsym"])),
        ("module", Elf::object().imports(&["printk"]).section(".modinfo", 2, b"license=GPL\0")),
        ("Go", Elf::program().go("example.com/a", &["mod\texample.com/a\tv1.0.0\t"])),
    ];
    let mut all = Vec::new();
    for (name, elf) in kinds {
        all.extend(damaged(name, "usr/bin/tool", &elf.build(), 16, false));
    }
    all
}

/// Cut and flipped at so many places each.
fn damaged(name: &str, path: &str, bytes: &[u8], places: usize, hides: bool) -> Vec<Hostile> {
    let mut all = Vec::new();
    for i in 1..=places {
        let at = bytes.len() * i / (places + 1);
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 0xff;
        for (how, bytes) in [("cut", bytes[..at].to_vec()), ("flipped", flipped)] {
            let name = format!("{name} {how} at {at}");
            all.push(Hostile { name, path: path.to_owned(), bytes, hides });
        }
    }
    all
}

/// What lies in them is always found when it can be read.
fn archives() -> Vec<Hostile> {
    let inner = tar(&[file("x.sh", reverse_shell())]);
    let mut kinds = vec![
        ("zip", zip("x.sh", reverse_shell().as_bytes())),
        ("gzip", gzip(reverse_shell().as_bytes())),
        ("tar.gz", gzip(&inner)),
    ];
    let by_programs = [
        ("7z", "7zz a -bd a.7z x.sh; mv a.7z out"),
        ("deflated zip", "zip -q a.zip x.sh; mv a.zip out"),
        ("xz", "xz -c x.sh >out"),
        ("bzip2", "bzip2 -c x.sh >out"),
        ("zstd", "zstd -qc --check x.sh >out"),
        ("cpio", "echo x.sh | cpio -o --quiet -H newc >out"),
    ];
    for (name, script) in by_programs {
        kinds.extend(packed(script).map(|bytes| (name, bytes)));
    }
    let mut all = Vec::new();
    for (name, bytes) in kinds {
        let damaged = damaged(name, "opt/a.bin", &bytes, 12, true).into_iter();
        // Nobody takes it for bzip2 without the ten bytes at its start.
        let damaged = damaged.filter(|it| name != "bzip2" || it.bytes.get(..10) == bytes.get(..10));
        // Nothing tells when a byte of the content of these was changed: cpio has no sum, and that of zstd is not looked at.
        all.extend(damaged.map(|it| {
            let hides = !(matches!(name, "cpio" | "zstd") && it.name.contains("flipped"));
            Hostile { hides, ..it }
        }));
    }
    // In a tar archive the header alone is held by a sum.
    let heads = damaged("tar", "opt/a.tar", &inner[..512], 8, true);
    all.extend(heads.into_iter().filter(|it| it.name.contains("flipped")).map(|it| {
        let bytes = [&it.bytes, &inner[512..]].concat();
        Hostile { bytes, ..it }
    }));
    all
}

/// Small, and large when they are unpacked, or without end.
fn bombs() -> Vec<Hostile> {
    let zeros = gzip(&vec![0; 64 << 20]);
    let again = |mut bytes: Vec<u8>, pack: &dyn Fn(&[u8]) -> Vec<u8>, times: usize| {
        (0..times).for_each(|_| bytes = pack(&bytes));
        bytes
    };
    let within_tar = again(reverse_shell().into_bytes(), &|it| tar(&[file("a.tar", it)]), 12);
    let within_zip = again(reverse_shell().into_bytes(), &|it| zip("a.zip", it), 40);
    let within_gzip = again(reverse_shell().into_bytes(), &|it| gzip(it), 30);
    let many: Vec<_> = (0..30_000).map(|i| file(&format!("f/{i}"), "a\n")).collect();
    let mut behind = many.clone();
    behind.push(file("x.sh", reverse_shell()));
    let mut bombs: Vec<_> = (0..30).map(|i| file(&format!("{i}.gz"), &zeros)).collect();
    bombs.push(file("x.sh", reverse_shell()));
    let named = [
        ("a script behind thirty bombs", "opt/a.tar", tar(&bombs)),
        ("twelve tars in each other", "opt/a.tar", within_tar),
        ("forty zips in each other", "opt/a.zip", within_zip),
        ("thirty gzips in each other", "opt/a.gz", within_gzip),
        ("more members than anybody counts, and one", "opt/a.tar.gz", gzip(&tar(&behind))),
    ];
    let bombs = named.into_iter().map(|(name, path, bytes)| Hostile {
        name: name.to_owned(),
        path: path.to_owned(),
        bytes,
        hides: true,
    });
    bombs.collect()
}

/// Where texts of each language lie.
const PLACES: &[&str] = &[
    "srv/a.php",
    "srv/a.js",
    "srv/a.sh",
    "srv/a.py",
    "srv/a.jsp",
    "srv/a.pl",
    "srv/a.rb",
    "srv/a.html",
    "srv/a.aspx",
    "srv/package.json",
    "etc/cron.d/a",
    "etc/systemd/system/a.service",
    "etc/passwd",
    "etc/profile",
];
/// What a text is made of that is hard to read: an opening, and what is repeated.
const PIECES: &[(&str, &str)] = &[
    ("brackets", "("),
    ("blocks", "{"),
    ("lists", "[{\"a\":"),
    ("quotes", "'\"\\'"),
    ("commands in commands", "$(`"),
    ("joined strings", "'a'.\"b\"+"),
    ("variables", "$a=$b.$a;b=$a$a;"),
    ("slashes", "/*//\\\n"),
    ("one long line", "aaaaaaaaaaaaaaaa"),
    ("base64", "QUFBQUFBQUFBQUFB"),
    ("here-documents", "<<E\n"),
    ("calls", "eval(base64_decode("),
    ("pipes", "curl http://192.0.2.1/|"),
    ("escapes", "\\x41\\u0041\\101"),
    ("tags", "<?php <% <script>"),
];
/// Bytes of each text.
const BYTES: usize = 2 << 20;

/// Texts that are hard to read, in each language.
fn texts() -> Vec<Hostile> {
    let mut all = Vec::new();
    for place in PLACES {
        for (name, piece) in PIECES {
            let opening = match place.rsplit('.').next() {
                Some("php") => "<?php exit; ",
                Some("jsp" | "aspx") => "<% ",
                Some("sh") => "#!/bin/sh\nexit 0\n",
                _ => "",
            };
            let mut text = opening.to_owned();
            text.push_str(&piece.repeat(BYTES / piece.len()));
            let name = format!("{name} in {place}");
            let (path, bytes) = ((*place).to_owned(), text.into_bytes());
            all.push(Hostile { name, path, bytes, hides: false });
        }
    }
    // A long text, and calls that are given it again and again.
    for (place, is) in
        [("srv/a.py", "a = '"), ("srv/a.js", "var a = '"), ("srv/a.php", "<?php $a='")]
    {
        let name = if place.ends_with("php") { "$a" } else { "a" };
        let call = format!("exec({name},{name},{name});");
        let text = format!("{is}{}';\n{}", "QUFB".repeat(BYTES / 16), call.repeat(BYTES / 64));
        let (path, bytes) = (place.to_owned(), text.into_bytes());
        let name = format!("one long text given to many calls in {place}");
        all.push(Hostile { name, path, bytes, hides: false });
    }
    all
}
