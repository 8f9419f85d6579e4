//! Directories as tar streams, read back by other people's readers.
use super::*;
use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};
use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    process::{Command, Stdio},
};

fn directory(root: &Path, wanted: fn(&ImagePath) -> bool) -> Directory {
    let want = |it| if it { Want::Yes } else { Want::No };
    // Half of the files are asked for twice, as inspectors that look at the content do.
    let look = move |path: &ImagePath, size: u64, start: Option<&[u8]>| match start {
        None if size.is_multiple_of(2) => Want::Look,
        _ => want(wanted(path)),
    };
    Directory::new(root, Arc::new(move |path, size, _, start| look(path, size, start)))
}

fn open(source: &Directory) -> Box<dyn Read + Send> {
    let images = source.images().unwrap();
    source.blob(&images[0].layers[0]).unwrap()
}

fn whole(source: &Directory) -> Vec<u8> {
    let mut bytes = Vec::new();
    open(source).read_to_end(&mut bytes).unwrap();
    bytes
}

/// An entry a line, as the `tar` crate understands it: kind, name, target or content.
fn entries(stream: &[u8]) -> Vec<String> {
    let mut archive = ::tar::Archive::new(stream);
    let show = |entry: io::Result<::tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let sizes: Vec<String> = entry
            .pax_extensions()
            .unwrap()
            .into_iter()
            .flatten()
            .map(|it| it.unwrap())
            .filter(|it| it.key_bytes() == b"GNU.sparse.realsize")
            .map(|it| it.value().unwrap().to_owned())
            .collect();
        let name = entry.path_bytes().escape_ascii().to_string();
        let rest = match (&sizes[..], entry.link_name_bytes()) {
            ([size], _) => format!("hole of {size}"),
            (_, Some(target)) => format!("-> {}", target.escape_ascii()),
            _ => content.escape_ascii().to_string(),
        };
        format!("{} {name} {rest}", char::from(entry.header().entry_type().as_byte()))
    };
    archive.entries().unwrap().map(show).collect()
}

#[test]
fn everything_in_a_directory_becomes_an_entry() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    fs::write(root.join("usr/bin/ls"), "binary").unwrap();
    fs::write(root.join("usr/status"), "text").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    symlink("usr/bin", root.join("bin")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("..", root.join("usr/up")).unwrap();
    symlink("/etc/passwd", root.join("passwd")).unwrap();
    mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    let source = directory(root, |it| it.name() == "status");
    let expected = [
        "2 bin -> usr/bin",
        "0 empty ",
        "2 loop -> loop",
        "2 passwd -> /etc/passwd",
        "6 pipe ",
        "5 usr ",
        "5 usr/bin ",
        "0 usr/bin/ls hole of 6",
        "0 usr/status text",
        "2 usr/up -> ..",
    ];
    assert_eq!(entries(&whole(&source)), expected);
    assert_eq!(source.problems(), []);
    assert_eq!(whole(&source), whole(&source), "it is the same every time");
}

#[test]
fn names_may_be_long_and_any_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let deep = format!("{}/{}", "d".repeat(200), "e".repeat(200));
    fs::create_dir_all(dir.path().join(&deep)).unwrap();
    fs::write(dir.path().join(&deep).join("file"), "x").unwrap();
    symlink("t".repeat(300), dir.path().join("link")).unwrap();
    fs::write(dir.path().join(OsStr::from_bytes(b"b\xffd\n")), "y").unwrap();
    let got = entries(&whole(&directory(dir.path(), |_| true)));
    let expected = [
        "0 b\\xffd\\n y".to_owned(),
        format!("5 {} ", "d".repeat(200)),
        format!("5 {deep} "),
        format!("0 {deep}/file x"),
        format!("2 link -> {}", "t".repeat(300)),
    ];
    assert_eq!(got, expected);
}

#[test]
fn hard_links_are_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let add = |name: &str, of: &str| {
        fs::hard_link(dir.path().join(of), dir.path().join(name)).unwrap();
    };
    fs::write(dir.path().join("a"), "one").unwrap();
    add("b", "a");
    fs::write(dir.path().join("c"), "two").unwrap();
    add("status", "c");
    add("z", "c");
    let got = entries(&whole(&directory(dir.path(), |it| ["a", "status"].contains(&it.name()))));
    // The content of `c` was not wanted, but that of its other name is.
    assert_eq!(got, ["0 a one", "1 b -> a", "0 c hole of 3", "0 status two", "1 z -> status"]);
}

#[test]
fn gnu_tar_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let big = File::create(dir.path().join("big")).unwrap();
    big.set_len(12 << 30).unwrap();
    let long = "n".repeat(150);
    fs::write(dir.path().join(&long), "x").unwrap();
    fs::write(dir.path().join("some"), [b'x'; 700]).unwrap();
    let stream = whole(&directory(dir.path(), |it| it.name() == "some"));
    assert!(stream.len() < 10_000, "the hole takes {} bytes", stream.len());
    let mut tar = Command::new("tar");
    let tar = tar.args(["--numeric-owner", "-tvf", "-"]);
    let Ok(mut tar) = spawn(tar) else { return };
    tar.stdin.take().unwrap().write_all(&stream).unwrap();
    let output = tar.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let sizes: Vec<_> = text.lines().map(|it| it.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!(sizes, ["12884901888", "1", "700"], "{text}");
    assert!(text.contains(&long));
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new("tar");
    let Ok(mut tar) = spawn(command.args(["-xf", "-", "-C"]).arg(root.path())) else { return };
    tar.stdin.take().unwrap().write_all(&stream).unwrap();
    assert!(tar.wait().unwrap().success());
    assert_eq!(fs::metadata(root.path().join("big")).unwrap().len(), 12 << 30);
    assert_eq!(fs::read(root.path().join("some")).unwrap(), [b'x'; 700]);
}

fn spawn(command: &mut Command) -> io::Result<std::process::Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

#[test]
fn what_cannot_be_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("b"), "1").unwrap();
    fs::write(dir.path().join(".wh.b"), "2").unwrap();
    fs::write(dir.path().join("secret"), "3").unwrap();
    fs::set_permissions(dir.path().join("secret"), fs::Permissions::from_mode(0o0)).unwrap();
    let source = directory(dir.path(), |_| true);
    let got = entries(&whole(&source));
    let problems = source.problems();
    assert_eq!(problems[0].0.as_str(), ".wh.b");
    assert!(problems[0].1.contains("whiteout"));
    if std::os::unix::fs::MetadataExt::uid(&fs::metadata(dir.path()).unwrap()) == 0 {
        eprintln!("root reads everything, so an unreadable file can't be had");
        assert_eq!(got, ["0 b 1", "0 secret 3"]);
    } else {
        assert_eq!(got, ["0 b 1"]);
        assert_eq!(problems[1].0.as_str(), "secret");
    }
}

#[test]
fn files_that_change_keep_the_size_in_their_header() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, len: usize| fs::write(dir.path().join(name), vec![b'x'; len]).unwrap();
    write("a", 100_000);
    write("b", 100_000);
    let source = directory(dir.path(), |_| true);
    let mut stream = open(&source);
    let mut bytes = vec![0; 1000];
    stream.read_exact(&mut bytes).unwrap();
    write("a", 5000);
    let mut rest = vec![0; 100_000];
    stream.read_exact(&mut rest).unwrap();
    bytes.append(&mut rest);
    stream.by_ref().take(2000).read_to_end(&mut bytes).unwrap();
    write("b", 200_000);
    stream.read_to_end(&mut bytes).unwrap();
    let problems: Vec<_> = source.problems().into_iter().map(|it| it.1).collect();
    assert_eq!(problems, ["it shrank while it was read", "it grew while it was read"]);
    let sizes: Vec<_> =
        ::tar::Archive::new(&bytes[..]).entries().unwrap().map(|it| it.unwrap().size()).collect();
    assert_eq!(sizes, [100_000, 100_000]);
}

#[test]
fn depth_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, dir.path(), flags, Mode::empty()).unwrap();
    for _ in 0..400 {
        mkdirat(&at, "d", Mode::from_raw_mode(0o755)).unwrap();
        at = openat(&at, "d", flags, Mode::empty()).unwrap();
    }
    let source = directory(dir.path(), |_| true);
    assert_eq!(entries(&whole(&source)).len(), 256);
    assert!(source.problems()[0].1.contains("nested over 256 deep"));
}

#[test]
fn made_up_file_systems_are_not_entered() {
    // Most machines have one; what is in it must not appear.
    let Ok(root) = place::root(Path::new("/")) else { return };
    let name = std::ffi::CString::new("proc").unwrap();
    let (Ok(stat), Ok(top)) = (place::stat(&root, &name), rustix::fs::fstat(&root)) else { return };
    if Path::new("/proc/self").exists() && stat.st_dev != top.st_dev {
        assert!(place::directory(&root, &name, &stat, top.st_dev).unwrap().is_none());
    }
}

#[test]
fn the_root_must_be_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, expected: &str| {
        let got = directory(&dir.path().join(name), |_| true).images().unwrap_err().to_string();
        assert!(got.contains(expected), "{name}: {got}");
    };
    fs::write(dir.path().join("file"), "").unwrap();
    check("missing", "not found: directory");
    check("file", "it is a file");
}
