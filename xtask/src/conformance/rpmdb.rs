//! Real databases of RPM, each in a folder of its own, against what `rpm` itself reads from them:
//! packages, their sources, vendors and modules, and every file with its digest. Where `rpm` can't
//! help, a database must be read without a fault or a gap, and not be empty.
use super::Score;
use catalog::{CATALOGERS, Verifier};
use inspect::{File, Found, Inspector, openpgp::Keys};
use model::{Component, FileDigest, ImagePath, Owned, decode, malware::Signatures};
use std::{
    env, fs,
    path::Path,
    process::{self, Command},
};

/// The file, the cataloger that reads it, and rpm's name for the kind.
const KINDS: [(&str, &str, &str); 3] = [
    ("rpmdb.sqlite", "rpm-sqlite", "sqlite"),
    ("Packages.db", "rpm-ndb", "ndb"),
    ("Packages", "rpm-bdb", "bdb_ro"),
];

const PACKAGES: &str = "%{NAME}\t%{EPOCH}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{VENDOR}\t%{MODULARITYLABEL}\n";
const FILES: &str = "[%{=NAME}-%{=VERSION}-%{=RELEASE}.%{=ARCH}\t%{FILENAMES}\t%{FILEDIGESTS}\t%{FILEFLAGS}\t%{FILEMODES:octal}\n]";

pub(crate) fn run(folder: &Path, score: &mut Score) {
    let mut databases: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    databases.sort();
    for database in databases {
        for (file, cataloger, backend) in KINDS {
            let path = database.join(file);
            if path.is_file() {
                check(&path, cataloger, backend, score);
            }
        }
    }
}

fn check(path: &Path, cataloger: &str, backend: &str, score: &mut Score) {
    let shown = path.display();
    let bytes = fs::read(path).unwrap();
    let (found, outcome) = inspect(path, cataloger, &bytes);
    let clean = outcome == "ok" && found.gaps.is_empty();
    score.case(clean, || format!("{shown}: {outcome}, {:?}", found.gaps));
    signatures(path, cataloger, &bytes, score);
    match rpm(&bytes, path, backend) {
        Ok([packages, files]) => {
            compare(path, "packages", theirs(&packages), ours(&found), score);
            compare(path, "files", their_files(&files), our_files(&found), score);
        }
        Err(why) => {
            println!("rpmdb: {shown}: not compared with rpm: {why}");
            let full = !found.components.is_empty();
            score.case(full, || format!("{shown}: no package"));
        }
    }
}

/// Reads a database the way a scan does, from a spool, and makes sure that memory gives the same.
fn inspect(path: &Path, cataloger: &str, bytes: &[u8]) -> (Found, String) {
    let cataloger = CATALOGERS.iter().find(|it| it.name == cataloger).unwrap();
    let spool = fs::File::open(path).unwrap();
    let place = ImagePath::parse(b"var/lib/rpm/x").unwrap();
    let read = |file: File<'_>| {
        let mut found = Found::default();
        let outcome = cataloger.inspect(&file, &mut found);
        (found, outcome.map_or_else(|it| it.to_string(), |()| "ok".to_owned()))
    };
    let spooled = read(File::spooled(&place, &spool, 0, bytes.len() as u64));
    assert!(
        spooled == read(File::new(&place, bytes)),
        "{}: spool and memory differ",
        path.display()
    );
    spooled
}

/// By the public keys that lie beside the database (`*.asc`), if any do, each package must be verified.
fn signatures(path: &Path, cataloger: &str, bytes: &[u8], score: &mut Score) {
    let beside = fs::read_dir(path.parent().unwrap()).unwrap().map(|it| it.unwrap().path());
    let mut keys = Keys::default();
    for it in beside.filter(|it| it.extension().is_some_and(|it| it == "asc")) {
        keys.extend(Keys::parse(&fs::read(it).unwrap()).unwrap());
    }
    if keys.is_empty() {
        println!("rpmdb: {}: no keys beside it, so no signature is verified", path.display());
        return;
    }
    let place = ImagePath::parse(b"var/lib/rpm/x").unwrap();
    let mut found = Found::default();
    let all = Verifier::all(keys);
    let verifier = all.iter().find(|it| it.name() == cataloger).unwrap();
    verifier.inspect(&File::new(&place, bytes), &mut found).unwrap();
    let mut counts = Signatures::default();
    found.owned.iter().for_each(|it| counts.count(it.signed));
    println!("rpmdb: {}: {counts:?}", path.display());
    let verified = Signatures { verified: counts.verified, ..Signatures::default() };
    let all = counts == verified && found.gaps.is_empty();
    score.case(all, || format!("{}: {counts:?}, {:?}", path.display(), found.gaps));
}

/// What `rpm -qa` prints for packages and for files.
fn rpm(bytes: &[u8], path: &Path, backend: &str) -> Result<[String; 2], String> {
    let folder = env::temp_dir().join(format!("plimsoll-rpmdb-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(path.file_name().unwrap()), bytes).unwrap();
    let ask = |backend| Ok([query(&folder, backend, PACKAGES)?, query(&folder, backend, FILES)?]);
    let answers = ask(backend).or_else(|why| {
        if backend != "ndb" {
            return Err(why);
        }
        println!(
            "rpmdb: {}: rpm does not read it ({why}), turned into SQLite for it",
            path.display()
        );
        turn_into_sqlite(bytes, &folder)?;
        ask("sqlite")
    });
    fs::remove_dir_all(&folder).unwrap();
    answers
}

fn query(folder: &Path, backend: &str, format: &str) -> Result<String, String> {
    let mut rpm = Command::new("rpm");
    rpm.arg("--define").arg(format!("_db_backend {backend}")).arg("--dbpath").arg(folder);
    let output = rpm.args(["-qa", "--qf", format]).output();
    let output = output.map_err(|it| format!("rpm: {it}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    // An rpm built without the kind does as if there were no database.
    let refusal = |it: &&str| it.contains("using dummy database") || it.starts_with("error:");
    match errors.lines().find(refusal) {
        Some(it) => Err(it.to_owned()),
        None => Ok(decode(&output.stdout)),
    }
}

/// Puts the headers of a database of rpm's own kind into one of SQLite, with `rpm` and `sqlite3`.
/// Trusts the database, so shares nothing with the cataloger.
fn turn_into_sqlite(ndb: &[u8], folder: &Path) -> Result<(), String> {
    fs::remove_file(folder.join("Packages.db")).unwrap();
    let mut rpm = Command::new("rpm");
    rpm.args(["--define", "_db_backend sqlite", "--initdb", "--dbpath"]).arg(folder);
    rpm.status().map_err(|it| format!("rpm: {it}"))?;
    let number = |at: usize| u32::from_le_bytes(ndb[at..at + 4].try_into().unwrap()) as usize;
    let mut sql = String::from("begin;\n");
    for slot in (32..number(12) * 4096).step_by(16).filter(|it| number(it + 8) != 0) {
        let blob = number(slot + 8) * 16;
        let content = &ndb[blob + 16..blob + 16 + number(blob + 12)];
        let hex: String = content.iter().map(|it| format!("{it:02x}")).collect();
        sql += &format!("insert into Packages values ({}, x'{hex}');\n", number(slot + 4));
    }
    fs::write(folder.join("headers.sql"), sql + "commit;\n").unwrap();
    let mut sqlite = Command::new("sqlite3");
    let sqlite = sqlite.current_dir(folder).args(["rpmdb.sqlite", ".read headers.sql"]);
    let status = sqlite.status().map_err(|it| format!("sqlite3: {it}"))?;
    if status.success() { Ok(()) } else { Err("sqlite3 failed".to_owned()) }
}

fn theirs(answer: &str) -> Vec<String> {
    let package = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, epoch, version, arch, source, vendor, module] = fields[..] else {
            return Some(format!("not understood: {line}"));
        };
        let epoch =
            if ["(none)", "0"].contains(&epoch) { String::new() } else { format!("{epoch}:") };
        let source = match source.trim_end_matches(".src.rpm").rsplitn(3, '-').collect::<Vec<_>>()[..]
        {
            [release, version, name] => format!("{name} {epoch}{version}-{release}"),
            _ => "(none)".to_owned(),
        };
        (name != "gpg-pubkey")
            .then(|| format!("{name} {epoch}{version} | {arch} | {source} | {vendor} | {module}"))
    };
    answer.lines().filter_map(package).collect()
}

fn ours(found: &Found) -> Vec<String> {
    let text = |it: &Option<String>| it.as_deref().unwrap_or("(none)").to_owned();
    let package = |it: &Component| {
        let source = it.source.as_ref().map(|it| format!("{} {}", it.name, it.version));
        let [arch, vendor, module] = [&it.arch, &it.vendor, &it.module].map(text);
        let source = text(&source);
        format!("{} {} | {arch} | {source} | {vendor} | {module}", it.name, it.version)
    };
    found.components.iter().map(package).collect()
}

fn their_files(answer: &str) -> Vec<String> {
    let file = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let [package, path, digest, flags, mode] = fields[..] else {
            return Some(format!("not understood: {line}"));
        };
        let flags: u32 = flags.parse().unwrap();
        let directory = mode.trim_start_matches('0').starts_with('4') && mode.len() == 5;
        let digest = if flags & 64 == 0 { digest } else { "" };
        let config = if flags & 1 == 0 { "" } else { " config" };
        let path = path.trim_start_matches('/');
        (!directory && !package.starts_with("gpg-pubkey-"))
            .then(|| format!("{package} {path} {digest}{config}"))
    };
    answer.lines().filter_map(file).collect()
}

fn our_files(found: &Found) -> Vec<String> {
    let of = |owned: &Owned| {
        let package = owned.package.clone();
        let lines = owned.files.iter().map(move |it| {
            let config = if it.config { " config" } else { "" };
            let digest = it.digest.as_ref().map(hex).unwrap_or_default();
            format!("{package} {} {digest}{config}", it.path)
        });
        lines.collect::<Vec<_>>()
    };
    found.owned.iter().flat_map(of).collect()
}

fn hex(digest: &FileDigest) -> String {
    let bytes: &[u8] = match digest {
        FileDigest::Md5(it) => it,
        FileDigest::Sha1(it) => it,
        FileDigest::Sha256(it) => it,
        FileDigest::Longer(it) => it,
    };
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// One case: the same lines, in any order.
fn compare(
    path: &Path,
    what: &str,
    mut theirs: Vec<String>,
    mut ours: Vec<String>,
    score: &mut Score,
) {
    theirs.sort();
    ours.sort();
    println!("rpmdb: {}: {} {what}", path.display(), ours.len());
    score.case(theirs == ours, || {
        let missing: Vec<_> = theirs.iter().filter(|it| ours.binary_search(it).is_err()).collect();
        let surplus: Vec<_> = ours.iter().filter(|it| theirs.binary_search(it).is_err()).collect();
        let (first, other) = (missing.first(), surplus.first());
        format!(
            "{}: {what}: rpm has {}, we have {}; missing {}, such as {first:?}; too many {}, such as {other:?}",
            path.display(), theirs.len(), ours.len(), missing.len(), surplus.len(),
        )
    });
}
