//! Whole images: exactly the packages that the distribution's own tool lists, and no finding whose fix is not
//! newer than what is installed, by that tool's own comparison.
//!
//! Looks at `docker save` archives (`*.tar`, `*.tar.gz`) and OCI layouts (directories) in the folder, and in
//! `PLIMSOLL_IMAGES`, where images made for the purpose may lie.
use super::Score;
use assess::{Builder, Database, database::Meta, starter};
use jiff::civil::date;
use model::{Ecosystem, Layer};
use registry::{Archive, Layout, PlatformChoice, Source};
use scan::{Inspection, Scanned, Scanner};
use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

pub(crate) fn run(folder: &Path, score: &mut Score) {
    let database = starter_database();
    let mut folders = vec![folder.to_owned()];
    folders.extend(env::var_os("PLIMSOLL_IMAGES").map(PathBuf::from));
    for path in folders.iter().flat_map(|it| fs::read_dir(it).into_iter().flatten().flatten()) {
        let path = path.path();
        match image(&path, &database, score) {
            Ok(()) => {}
            Err(err) => score.case(false, || format!("{}: {err}", path.display())),
        }
    }
}

fn image(path: &Path, database: &Database, score: &mut Score) -> Result<(), String> {
    let unpacked = tempfile::tempdir().map_err(|err| err.to_string())?;
    let tar = unpacked.path().join("image.tar");
    let source: Box<dyn Source> = if Layout::is_at(path) {
        Box::new(Layout::new(path, None, PlatformChoice::Host))
    } else {
        run_command(
            "sh",
            &["-c", &format!("gzip -dcf '{}' >'{}'", path.display(), tar.display())],
        )?;
        let archive =
            Archive::open(&tar, None, PlatformChoice::Host).map_err(|it| it.to_string())?;
        Box::new(archive.ok_or("still compressed")?)
    };
    for image in source.images().map_err(|err| err.to_string())? {
        let root = tempfile::tempdir().map_err(|err| err.to_string())?;
        for layer in &image.layers {
            databases(&*source, layer, root.path()).map_err(|err| err.to_string())?;
        }
        let scanned = scanner().scan(&*source, image).map_err(|err| err.to_string())?;
        packages(path, &scanned, root.path(), score)?;
        findings(path, &scanned, database, score)?;
    }
    Ok(())
}

fn scanner() -> Scanner<'static> {
    let (limits, spool) = (inspect::Limits::default(), env::temp_dir());
    let inspection = Inspection {
        program: None,
        limits,
        malware: true,
        bundles: Vec::new(),
        packages: std::sync::Arc::default(),
        spool,
        stall: Duration::from_secs(60),
        stop: std::sync::Arc::default(),
    };
    Scanner { inspection, cache: None, parallel: 2, attached: false, progress: &|_| {} }
}

/// Unpacks the package databases of a layer with the system's own tar.
fn databases(source: &dyn Source, layer: &Layer, root: &Path) -> io::Result<()> {
    let blob = root.join("layer");
    let mut bytes = source.blob(layer).map_err(io::Error::other)?;
    io::copy(&mut bytes, &mut fs::File::create(&blob)?)?;
    let mut start = [0; 4];
    fs::File::open(&blob)?.read_exact(&mut start)?;
    let packed = if start == [0x28, 0xb5, 0x2f, 0xfd] { "--zstd" } else { "--auto-compress" };
    Command::new("tar")
        .args([packed, "--extract", "--wildcards", "--file"])
        .arg(&blob)
        .arg("--directory")
        .arg(root)
        .args(["*var/lib/dpkg/*", "*lib/apk/db/*"])
        .output()?;
    fs::remove_file(blob)
}

fn packages(path: &Path, scanned: &Scanned, root: &Path, score: &mut Score) -> Result<(), String> {
    let (ecosystem, expected) = if root.join("lib/apk/db/installed").exists() {
        (Ecosystem::Apk, apk(&root.join("lib/apk/db/installed"))?)
    } else {
        (Ecosystem::Deb, dpkg(&root.join("var/lib/dpkg"))?)
    };
    let found = scanned.inventory.components.iter().map(|it| &it.what);
    let found: BTreeSet<String> = found
        .filter(|it| it.ecosystem == ecosystem)
        .map(|it| {
            let (source, source_version) = it.source();
            let arch = it.arch.as_deref().unwrap_or_default();
            format!("{} {} {arch} {source} {source_version}", it.name, it.version)
        })
        .collect();
    score.note(format!("{}: {} packages", path.display(), expected.len()));
    for it in expected.union(&found) {
        let (right, got) = (expected.contains(it), found.contains(it));
        score.case(right && got, || {
            format!("{}: {it}: in the database: {right}, found: {got}", path.display())
        });
    }
    Ok(())
}

fn dpkg(directory: &Path) -> Result<BTreeSet<String>, String> {
    let format = "${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} \
                  ${source:Version}\n";
    let admin = format!("--admindir={}", directory.display());
    let text = run_command("dpkg-query", &[&admin, "--show", "--showformat", format])?;
    let installed = text.lines().filter_map(|it| it.strip_prefix("installed "));
    Ok(installed.map(str::to_owned).collect())
}

fn apk(installed: &Path) -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(installed).map_err(|err| err.to_string())?;
    let packages = text.split("\n\n").filter(|it| it.contains("P:"));
    let field = |package: &str, key: &str| {
        let line = package.lines().find_map(|it| it.strip_prefix(key));
        line.unwrap_or_default().to_owned()
    };
    let show = |it: &str| {
        let (name, version) = (field(it, "P:"), field(it, "V:"));
        format!("{name} {version} {} {} {version}", field(it, "A:"), field(it, "o:"))
    };
    Ok(packages.map(show).collect())
}

fn findings(
    path: &Path,
    scanned: &Scanned,
    database: &Database,
    score: &mut Score,
) -> Result<(), String> {
    let assessment = assess::assess(&scanned.inventory, database, date(2026, 11, 23))
        .map_err(|err| err.to_string())?;
    score.note(format!("{}: {} findings", path.display(), assessment.findings.len()));
    for it in &assessment.findings {
        let Some(fixed) = &it.fixed else { continue };
        let installed = &it.why.version;
        let args = ["--compare-versions", installed, "lt", fixed];
        let newer = Command::new("dpkg").args(args).status().is_ok_and(|it| it.success());
        score.case(newer, || {
            format!("{}: {}: {installed} is not lt {fixed}", path.display(), it.id)
        });
    }
    Ok(())
}

fn starter_database() -> Database {
    let feeds = starter::states();
    let mut builder = Builder::new(Meta::default());
    starter::items(&feeds, &mut |it| builder.add(&it).expect("memory")).expect("the starter set");
    builder.describe(Meta { built: None, feeds });
    let mut bytes = Vec::new();
    builder.finish(&mut bytes).expect("memory");
    Database::from_bytes(bytes).expect("what was just built")
}

fn run_command(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|err| format!("{program}: {err}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
