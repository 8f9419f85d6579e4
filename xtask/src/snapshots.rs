//! Reading the snapshots of feeds that conformance and benchmarks are held against.
use assess::{Builder, Database, Item, database::Meta, feeds};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, Read},
    path::Path,
};

/// Which feed reads which snapshot.
pub(crate) const SNAPSHOTS: &[(&str, &str)] = &[
    ("alpine-secdb-2020.tar.zst", "alpine-secdb"),
    ("cisa-kev-2025-08.json.zst", "kev"),
    ("debian-changelog-derived.osv.jsonl.zst", "debian-changelogs"),
    ("friendsofphp-yaml.tar.zst", "friendsofphp"),
    ("osv-almalinux.tar.zst", "osv"),
    ("osv-alpaquita.tar.zst", "osv"),
    ("osv-bitnami.tar.zst", "osv"),
    ("osv-crates.io.tar.zst", "osv"),
    ("osv-ghsa-samples.tar.zst", "osv"),
    ("osv-go.tar.zst", "osv"),
    ("osv-malicious-packages.tar.zst", "osv"),
    ("osv-pypi.tar.zst", "osv"),
    ("retirejs-repository.tar.zst", "retire-js"),
    ("rubysec-yaml.tar.zst", "rubysec"),
];

/// Calls `each` with every document of a snapshot: the members of an archive, or the file itself.
pub(crate) fn documents(path: &Path, mut each: impl FnMut(&str, &[u8])) -> io::Result<()> {
    let file = BufReader::new(File::open(path)?);
    let mut content = ruzstd::decoding::StreamingDecoder::new(file)
        .map_err(|it| io::Error::other(it.to_string()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.ends_with(".tar.zst") {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        each(&name, &bytes);
        return Ok(());
    }
    members(&mut content, &mut each)
}

/// The regular files of a tar archive (POSIX.1-1988 ustar, with GNU long names).
fn members(archive: &mut impl Read, each: &mut impl FnMut(&str, &[u8])) -> io::Result<()> {
    let mut long: Option<String> = None;
    let mut body = Vec::new();
    loop {
        let mut head = [0; 512];
        archive.read_exact(&mut head)?;
        if head.iter().all(|it| *it == 0) {
            return Ok(());
        }
        let size =
            u64::from_str_radix(text(&head[124..136]).trim(), 8).map_err(io::Error::other)?;
        body.clear();
        archive.take(size).read_to_end(&mut body)?;
        archive.read_exact(&mut vec![0; (512 - size as usize % 512) % 512])?;
        match head[156] {
            b'L' => long = Some(text(&body).to_owned()),
            b'0' | 0 => {
                let name =
                    long.take().unwrap_or_else(|| match (&head[257..262], text(&head[345..500])) {
                        (b"ustar", prefix) if !prefix.is_empty() => {
                            format!("{prefix}/{}", text(&head[..100]))
                        }
                        _ => text(&head[..100]).to_owned(),
                    });
                each(&name, &body);
            }
            _ => long = None,
        }
    }
}

fn text(field: &[u8]) -> &str {
    let end = field.iter().position(|it| *it == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).unwrap_or_default()
}

/// Whether a member of an archive is a record of `feed`, and not a licence.
fn is_record(feed: &str, name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    match feed {
        "alpine-secdb" | "friendsofphp" => file.ends_with(".yaml"),
        "rubysec" => file.ends_with(".yml"),
        _ => [".json", ".jsonl.zst", ".json.zst", ".csv.zst"].iter().any(|it| file.ends_with(it)),
    }
}

/// Gives `take` all that the snapshots say whose names `wanted` takes; returns the number of
/// documents and what was malformed.
pub(crate) fn feed_all(
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
    take: &mut dyn FnMut(Item) -> io::Result<()>,
) -> io::Result<(usize, Vec<String>)> {
    let mut count = 0;
    let mut bad = Vec::new();
    for (file, name) in SNAPSHOTS.iter().filter(|it| wanted(it.0) && folder.join(it.0).is_file()) {
        let feed = feeds::feed(name).ok_or_else(|| io::Error::other(format!("no feed {name}")))?;
        let mut fault = None;
        documents(&folder.join(file), |name, bytes| {
            if !is_record(feed.name, name) {
                return;
            }
            count += 1;
            let mut emit = |item: Item| {
                if let Err(it) = take(item) {
                    fault = Some(it);
                }
            };
            if let Err(it) = (feed.parse)(bytes, name, &mut emit) {
                bad.push(format!("{file}: {name}: {it}"));
            }
        })?;
        if let Some(it) = fault {
            return Err(it);
        }
    }
    Ok((count, bad))
}

/// A database of all snapshots in a folder, in memory; the identifiers of all advisories in it, with
/// the day on which each last changed; and what was malformed.
pub(crate) fn database(folder: &Path) -> io::Result<(Database, Ids, Vec<String>)> {
    let mut builder = Builder::new(Meta::default());
    let mut ids = Ids::new();
    let (_, bad) = feed_all(folder, |_| true, &mut |item| {
        if let Item::Advisory(it) = &item {
            ids.insert(it.id.clone(), it.modified);
        }
        builder.add(&item)
    })?;
    let mut bytes = Vec::new();
    builder.finish(&mut bytes)?;
    Ok((Database::from_bytes(bytes).map_err(io::Error::other)?, ids, bad))
}

/// When each advisory last changed, by identifier.
pub(crate) type Ids = BTreeMap<String, Option<Timestamp>>;

/// Whether a folder is there at all.
pub(crate) fn folder(data: &Path) -> Option<std::path::PathBuf> {
    Some(data.join("feeds")).filter(|it| fs::metadata(it).is_ok_and(|it| it.is_dir()))
}
