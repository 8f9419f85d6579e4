//! What is to be scanned, found out from how it was typed.
use crate::{
    args::{Choice, Target},
    network,
};
use inspect::Head;
use registry::{Archive, Directory, Layout, PlatformChoice, Source, Want};
use std::{
    fs,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

/// Something to scan.
pub(crate) enum Opened {
    /// Images whose layers can be read in any order.
    Source(Box<dyn Source>),
    /// A root file system.
    Directory(Directory),
    /// An archive that can be read once only, from front to back.
    Stream(Box<dyn Read + Send>),
    /// A bill of materials.
    Sbom(Vec<u8>),
}

/// The platforms that were asked for.
pub(crate) fn platform(target: &Target) -> PlatformChoice {
    match &target.platform {
        None => PlatformChoice::Host,
        Some(Choice::All) => PlatformChoice::All,
        Some(Choice::One(it)) => PlatformChoice::One(it.clone()),
    }
}

/// The image or tag within an archive or layout: what is behind the colon that ends a path.
pub(crate) fn choice(image: &str) -> (&str, Option<&str>) {
    if Path::new(image).exists() {
        return (image, None);
    }
    // A digest has a colon of its own.
    let mut splits = image.rmatch_indices(':').filter_map(|(at, _)| image.split_at_checked(at));
    match splits.find(|(path, _)| Path::new(path).exists()) {
        Some((path, choice)) => (path, choice.strip_prefix(':')),
        None => (image, None),
    }
}

/// Opens what was asked for.
pub(crate) fn open(target: &Target) -> Result<Opened, String> {
    let image = target.image.as_str();
    let registry = |image| {
        let source = network::image(image, platform(target), &target.mirror, &target.network)?;
        Ok(Opened::Source(Box::new(source)))
    };
    let (kind, rest) = match image.split_once(':') {
        Some((kind @ ("dir" | "registry" | "archive" | "oci" | "sbom"), rest)) => (kind, rest),
        _ => ("", image),
    };
    let (path, choice) = choice(rest);
    let there = Path::new(path);
    match kind {
        "dir" => Ok(Opened::Directory(Directory::new(there, wanted(!target.no_malware)))),
        "sbom" => fs::read(there).map(Opened::Sbom).map_err(|err| format!("{path}: {err}")),
        "registry" => registry(rest),
        _ if rest == "-" => Ok(Opened::Stream(Box::new(io::stdin()))),
        _ if Layout::is_at(there) => {
            Ok(Opened::Source(Box::new(Layout::new(there, choice, platform(target)))))
        }
        _ if there.is_file() => file(path, choice, target),
        "" if is_path(image) && !there.exists() => {
            Err(format!("{path}: no such file or directory"))
        }
        "" if there.is_dir() => Err(format!(
            "{path} is a directory but no OCI layout; write dir:{path} to scan it as a root file system"
        )),
        "" => registry(image),
        _ => Err(format!("{path}: no such file or directory")),
    }
}

/// Whether it was written as a path, which no registry reference is.
fn is_path(image: &str) -> bool {
    image.starts_with(['/', '.']) || image.ends_with(".tar") || image.ends_with(".json")
}

fn wanted(malware: bool) -> registry::Wanted {
    Arc::new(move |path, size, mode, start| {
        // No inspector so far goes by what a file begins with.
        let head = Head { path, size, mode, start: start.unwrap_or_default() };
        if scan::is_wanted(&head, malware) { Want::Yes } else { Want::No }
    })
}

fn file(path: &str, choice: Option<&str>, target: &Target) -> Result<Opened, String> {
    let failed = |err: io::Error| format!("{path}: {err}");
    let mut file = fs::File::open(path).map_err(failed)?;
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start).map_err(failed)?;
    if start.trim_ascii_start().starts_with(b"{") {
        return fs::read(path).map(Opened::Sbom).map_err(failed);
    }
    match Archive::open(Path::new(path), choice, platform(target)) {
        Ok(Some(archive)) => Ok(Opened::Source(Box::new(archive))),
        Ok(None) => fs::File::open(path).map(|it| Opened::Stream(Box::new(it))).map_err(failed),
        Err(err) => Err(err.to_string()),
    }
}
