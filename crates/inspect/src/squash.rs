//! Layers on top of each other: what the image finally contains, and which layer brought it in.
use crate::{Found, LayerReport, cover::key};
use model::{Component, Executables, Gap, ImagePath, Inventory, Located, Reason, Release, System};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet},
};

/// Where release files stand, the one to be believed most first (os-release(5), "Description").
const RELEASES: &[&str] = &["etc/os-release", "usr/lib/os-release"];

/// Directories in which a package manager keeps its database. One found elsewhere is somebody's copy.
const DATABASES: &[&str] = &[
    "lib/apk/db",
    "usr/lib/apk/db",
    "usr/lib/opkg",
    "usr/lib/sysimage/rpm",
    "usr/share/rpm",
    "var/lib/chisel",
    "var/lib/dpkg",
    "var/lib/opkg",
    "var/lib/pacman/local",
    "var/lib/rpm",
    "var/lib/rpmmanifest",
];

/// As many links as Linux follows on the way to a file (path_resolution(7)).
const HOPS: usize = 40;

/// Folds the layers of an image, oldest first, into what the image finally contains.
pub fn squash(layers: &[LayerReport]) -> Inventory {
    let mut view = View::default();
    let mut gaps = Vec::new();
    for (layer, report) in layers.iter().enumerate() {
        let mut gap = |path: Option<ImagePath>, what: Gap| {
            let by = what.by.clone();
            gaps.push(Located { what, path, layer, by, system: None });
        };
        for (path, what) in &report.gaps {
            gap(path.clone(), what.clone());
        }
        for path in view.add(layer, report) {
            let reason = Reason::Unsupported("a hard link to a file that was not read".to_owned());
            gap(Some(path), Gap::new("squash", reason));
        }
    }
    let systems = view.systems();
    let components = view.components(&systems);
    Inventory { executables: view.executables(layers), systems, components, gaps }
}

/// What one layer has at one path: the layer, and what was found by whom.
type Version<'a> = (usize, &'a [(String, Found)]);

/// What can be seen from the top of the layers so far.
#[derive(Default)]
struct View<'a> {
    /// Files in which something was found, by where they really are: what each layer had there.
    files: BTreeMap<ImagePath, Vec<Version<'a>>>,
    links: BTreeMap<ImagePath, &'a str>,
}

impl<'a> View<'a> {
    /// Puts a layer on top; answers the hard links that lead to nothing we have read.
    fn add(&mut self, layer: usize, report: &'a LayerReport) -> Vec<ImagePath> {
        // A layer hides first and adds afterwards, whatever the order in its archive.
        let aliases = self.directory_links();
        let hidden = |path: &ImagePath| {
            let mut names = aliases.iter().filter_map(|(link, target)| {
                Some(format!("{}/{}", link.as_str(), path.below(target.as_str())?))
            });
            report.cover.hides(path.as_str()) || names.any(|it| report.cover.hides(&it))
        };
        self.links.retain(|path, _| !hidden(path));
        for (path, target) in &report.links {
            self.links.insert(self.place(path), target);
        }
        let added: BTreeMap<ImagePath, &[(String, Found)]> =
            report.found.iter().map(|(path, found)| (self.place(path), &found[..])).collect();
        self.files.retain(|path, _| added.contains_key(path) || !hidden(path));
        for (place, found) in added {
            self.files.entry(place).or_default().push((layer, found));
        }
        let mut lost = Vec::new();
        for (path, target) in &report.same {
            let there = report.found.get(target).map(Vec::as_slice);
            let below = || self.files.get(&self.place(target))?.last().map(|it| it.1);
            match there.or_else(below) {
                Some(found) => {
                    let place = self.place(path);
                    self.files.entry(place).or_default().push((layer, found));
                }
                None => lost.push(path.clone()),
            }
        }
        lost
    }

    /// Links to directories in which something was found, with where they lead.
    fn directory_links(&self) -> Vec<(ImagePath, ImagePath)> {
        let directories: BTreeSet<&str> =
            self.files.keys().flat_map(ImagePath::ancestors).collect();
        let mut known = HashMap::new();
        let links = self.links.iter().filter_map(|(path, target)| {
            let target = self.end(path.link(target), &mut known)?;
            directories.contains(target.as_str()).then(|| (path.clone(), target))
        });
        links.collect()
    }

    /// Where `path` leads, if it leads anywhere. What was found out on the way is `known` the next time:
    /// a chain of very many links would take very long otherwise, in every layer anew.
    fn end(
        &self,
        path: ImagePath,
        known: &mut HashMap<ImagePath, Option<ImagePath>>,
    ) -> Option<ImagePath> {
        let (mut way, mut current) = (Vec::new(), path);
        let end = loop {
            if let Some(end) = known.get(&current) {
                break end.clone();
            }
            if way.len() > HOPS {
                break None;
            }
            match self.hop(current.as_str()) {
                Some(next) => way.push(std::mem::replace(&mut current, next)),
                None => break Some(current),
            }
        };
        known.extend(way.into_iter().map(|it| (it, end.clone())));
        end
    }

    /// Where something called `path` really stands: links on the way to it are followed, a link that
    /// stands there itself is not.
    fn place(&self, path: &ImagePath) -> ImagePath {
        let parent = path.parent().unwrap_or_default();
        // Asked for every file that a package owns: most stand behind no link.
        if self.hop(parent).is_none() {
            return path.clone();
        }
        let root = ImagePath::default();
        let parent = self.real(&root.link(parent));
        root.link(&format!("{parent}/{}", path.name()))
    }

    /// Where `path` leads when every link is followed. Links in a circle lead nowhere: the path stays.
    fn real(&self, path: &ImagePath) -> ImagePath {
        let mut current = path.clone();
        for _ in 0..HOPS {
            match self.hop(current.as_str()) {
                Some(next) => current = next,
                None => return current,
            }
        }
        path.clone()
    }

    /// Follows the first link on the way.
    fn hop(&self, path: &str) -> Option<ImagePath> {
        let ends = path.match_indices('/').map(|it| it.0).chain([path.len()]);
        ends.filter_map(|end| path.split_at_checked(end)).find_map(|(prefix, rest)| {
            let (at, target) = self.links.get_key_value(prefix)?;
            Some(ImagePath::default().link(&format!("{}/{rest}", at.link(target))))
        })
    }

    /// What was found where, in the newest layer that has it.
    fn newest(&self) -> impl Iterator<Item = (&ImagePath, &'a str, &'a Found)> {
        self.files.iter().flat_map(|(path, history)| {
            let newest = history.last().map(|it| it.1).unwrap_or_default();
            newest.iter().map(move |(by, found)| (path, by.as_str(), found))
        })
    }

    /// The systems in the image; the first is the image itself, whether it says what it is or not.
    fn systems(&self) -> Vec<System> {
        let mut ranked: BTreeMap<ImagePath, Vec<(usize, &Release)>> = BTreeMap::new();
        ranked.insert(ImagePath::default(), Vec::new());
        for (path, _, found) in self.newest() {
            let Some(release) = &found.release else { continue };
            let rank = RELEASES.iter().position(|it| path.ends_with(it));
            let suffix = match rank.and_then(|it| RELEASES.get(it)) {
                Some(it) => (*it).to_owned(),
                None => format!("etc/{}", path.name()),
            };
            let Some(root) = path.as_str().strip_suffix(&suffix) else { continue };
            let Ok(root) = ImagePath::parse(root.as_bytes()) else { continue };
            ranked.entry(root).or_default().push((rank.unwrap_or(RELEASES.len()), release));
        }
        let systems = ranked.into_iter().map(|(root, mut releases)| {
            releases.sort_by_key(|it| it.0);
            System { root, release: merge(&releases) }
        });
        systems.collect()
    }

    fn components(&self, systems: &[System]) -> Vec<Located<Component>> {
        let mut components = Vec::new();
        let mut seen = HashSet::new();
        for (path, history) in &self.files {
            let system = self.system_of(path, systems);
            let mut sets: Vec<(usize, HashSet<&Component>)> = Vec::new();
            for (layer, found) in history.iter().rev() {
                let all = found.iter().flat_map(|it| &it.1.components).collect();
                sets.push((*layer, all));
            }
            let newest = history.last().map(|it| it.1).unwrap_or_default();
            for (by, found) in newest {
                for what in &found.components {
                    let system = system.filter(|_| what.ecosystem.is_system());
                    let place =
                        Some(path).filter(|_| !what.ecosystem.is_system() || system.is_none());
                    if !seen.insert((place, system, what)) {
                        continue;
                    }
                    // The oldest layer of the unbroken run, up to the newest, that has it.
                    let run = sets.iter().take_while(|(_, set)| set.contains(what));
                    let layer = run.last().map_or(0, |it| it.0);
                    let (what, path) = (what.clone(), Some(path.clone()));
                    components.push(Located { what, path, layer, by: by.clone(), system });
                }
            }
        }
        components
    }

    /// The system whose package database the file at `path` is.
    fn system_of(&self, path: &ImagePath, systems: &[System]) -> Option<usize> {
        systems.iter().enumerate().rev().find_map(|(i, system)| {
            path.below(system.root.as_str())?;
            let is_database = DATABASES.iter().any(|dir| {
                let dir = ImagePath::parse(format!("{}/{dir}", system.root).as_bytes());
                dir.is_ok_and(|dir| path.below(self.real(&dir).as_str()).is_some())
            });
            is_database.then_some(i)
        })
    }

    /// Executables in any layer, and how many a package owns by their path.
    fn executables(&self, layers: &[LayerReport]) -> Executables {
        let mut counts = count(layers);
        let owned = self.newest().flat_map(|(_, _, found)| &found.owned);
        let mut seen = HashSet::new();
        for file in owned.flat_map(|it| &it.files) {
            let key = key(self.place(&file.path).as_str());
            let bytes = layers.iter().rev().find_map(|it| it.cover.executable(&key));
            if let Some(bytes) = bytes.filter(|_| seen.insert(key)) {
                counts.owned_files = counts.owned_files.saturating_add(1);
                counts.owned_bytes = counts.owned_bytes.saturating_add(bytes);
            }
        }
        counts
    }
}

/// Counts executables by merging the tables of the layers, which are in order: there may be millions, so
/// that nothing is kept of them. Of one that several layers have, the uppermost counts.
fn count(layers: &[LayerReport]) -> Executables {
    let mut tables: Vec<_> = layers.iter().map(|it| it.cover.executables()).collect();
    let mut heads = BinaryHeap::new();
    for (layer, table) in tables.iter_mut().enumerate() {
        heads.extend(table.next().map(|(key, bytes)| (Reverse(key), layer, bytes)));
    }
    let mut counts = Executables::default();
    let mut last = None;
    // Of equal keys the one of the uppermost layer comes out first.
    while let Some((Reverse(key), layer, bytes)) = heads.pop() {
        if last.replace(key) != Some(key) {
            counts.files = counts.files.saturating_add(1);
            counts.bytes = counts.bytes.saturating_add(bytes);
        }
        let next = tables.get_mut(layer).and_then(Iterator::next);
        heads.extend(next.map(|(key, bytes)| (Reverse(key), layer, bytes)));
    }
    counts
}

/// The first release, with what it leaves open filled in from the others of the same name.
fn merge(releases: &[(usize, &Release)]) -> Option<Release> {
    let (first, others) = releases.split_first()?;
    let mut merged = first.1.clone();
    for (_, other) in others.iter().filter(|it| it.1.id == merged.id) {
        for (mine, theirs) in [
            (&mut merged.version_id, &other.version_id),
            (&mut merged.codename, &other.codename),
            (&mut merged.version, &other.version),
        ] {
            if mine.is_empty() {
                mine.clone_from(theirs);
            }
        }
    }
    Some(merged)
}
