//! Debian's `clamav-testfiles`: one harmless program in many kinds of containers. By its digest it must be found in each
//! kind that we read; what we do not read must be told of.
use super::{Outcome, after, file};
use inspect::{File, More};
use malware::{Hashes, Judge, Rules};
use model::{ImagePath, malware::Evidence};
use std::{error::Error, fs, path::PathBuf};

/// Ends of the names of those that we read; the program itself is among them.
const READ: &[&str] = &["clam.exe", ".7z", ".cpio", ".exe.bz2", ".bz2.zip", "clam.zip", ".tar.gz"];
/// Archives of which only is told: kinds that we know and do not read, and one that is packed again and again.
const TOLD: &[&str] = &[".arj", ".cab", ".d64.zip", ".impl.zip", ".tgz"];
/// Where the package puts them.
const PLACE: &str = "/usr/share/clamav-testfiles";

/// `evaluate containers`.
pub(super) fn containers(args: &[String]) -> Outcome {
    let folder = PathBuf::from(after(args, "--files").unwrap_or_else(|| PLACE.to_owned()));
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("skipped: {} is missing; it is Debian's clamav-testfiles", folder.display());
        return Ok(true);
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|it| it.path()).collect();
    files.sort();
    let judge = knowing(&fs::read(folder.join("clam.exe"))?)?;
    let mut counts = [0; 4];
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let seen = file::judge(&judge, &name, 0o644, &fs::read(file)?);
        let listed = |it: &Evidence| it.rule == "known-digest";
        let found = seen.verdicts.iter().any(|it| it.suspect.sample.evidence.iter().any(listed));
        let is = |names: &[&str]| names.iter().any(|it| name.ends_with(it));
        let (read, told) = (is(READ), is(TOLD));
        let (at, what) = match (found, seen.gaps.first()) {
            (true, _) => (0, "found".to_owned()),
            (false, Some(it)) => (1, format!("told of: {it}")),
            (false, None) if !read && !told => (2, "taken as a file of its own kind".to_owned()),
            (false, None) => (3, "SILENT".to_owned()),
        };
        counts[at] += 1;
        let wrong = read && !found;
        println!("{} {name:28} {what}", if wrong { "WRONG" } else { "     " });
        counts[3] += usize::from(wrong && at != 3);
    }
    let [found, told, other, wrong] = counts;
    println!(
        "{} files: found in {found}, told of {told}, {other} of kinds that hold files for other systems",
        files.len()
    );
    println!("{wrong} of kinds that are read without it being found (bar: 0)");
    Ok(wrong == 0)
}

/// A judge that knows this content by a signature as ClamAV writes it (`.hdb`: MD5, size, name).
fn knowing(content: &[u8]) -> Result<Judge, Box<dyn Error>> {
    let path = ImagePath::default().link("clam.exe");
    let digests = File::new(&path, content).digests(More::Both).map_err(|it| it.to_string())?;
    let names = digests.names();
    let md5 = names.into_iter().find(|it| it.len() == 32).ok_or("no MD5 was computed")?;
    let list = format!("{md5}:{}:ClamAV-Test-File", content.len());
    let bad = Hashes::parse(&list).map_err(|it| it.0)?;
    Ok(Judge::new(Rules::default(), bad, Hashes::default()))
}
