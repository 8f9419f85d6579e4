//! Which project, program or archive a package of a language belongs to, as its path tells.
use crate::{Component, Ecosystem, ImagePath, Located};

/// Whether a package manager looks after a package: not where an image is made of packages, but has none itself
/// (distroless images, chiselled Ubuntu), and not where somebody only claims that there is one.
pub(super) fn is_managed(it: &Located<Component>) -> bool {
    const WITHOUT: &[&str] = &["dpkg/status.d/", "manifest.wall", "rpmmanifest/"];
    let path = it.path.as_ref().map(ImagePath::as_str).unwrap_or_default();
    !it.is_claimed() && !WITHOUT.iter().any(|it| path.contains(it))
}

/// The directory of the project, or the file of the program or archive.
pub(super) fn of(ecosystem: Ecosystem, path: &str) -> &str {
    let cut = |mark: &str| path.find(mark).and_then(|at| path.get(..at));
    let directory = || path.rsplit_once('/').map_or("", |it| it.0);
    match ecosystem {
        Ecosystem::Npm if path.starts_with("node_modules/") => "",
        Ecosystem::Npm => cut("/node_modules/").unwrap_or_else(directory),
        Ecosystem::Composer if path.starts_with("vendor/") => "",
        Ecosystem::Composer => cut("/vendor/").unwrap_or_else(directory),
        Ecosystem::Pypi => ["site-packages", "dist-packages"]
            .into_iter()
            .find_map(|it| path.get(..path.find(&format!("{it}/"))?.saturating_add(it.len())))
            .unwrap_or_else(directory),
        Ecosystem::Maven => archive(path),
        // A program is built as a whole, and a lock file is one project's.
        Ecosystem::Golang | Ecosystem::Cargo if !is_lock(path) => path,
        _ => directory(),
    }
}

pub(super) fn is_lock(path: &str) -> bool {
    [".lock", ".mod", ".sum", ".toml"].iter().any(|it| path.ends_with(it))
}

/// The outermost archive, which is what gets built and deployed.
fn archive(path: &str) -> &str {
    let ends = [".jar", ".war", ".ear", ".par", ".sar"].into_iter().filter_map(|ending| {
        let ends = path.match_indices(ending).map(|it| it.0.saturating_add(ending.len()));
        ends.into_iter().find(|end| {
            path.get(*end..)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '!', ':']))
        })
    });
    ends.min().and_then(|end| path.get(..end)).unwrap_or(path)
}
