//! Layers on top of each other: what the image finally contains, and which layer brought it in.
mod parts;

use crate::{
    Cover, Found, LayerReport,
    cover::{Hidden, Key, Program, executables, key, programs},
    manifest,
};
use model::{
    Component, Executables, FileDigest, Gap, ImagePath, Inventory, Located, Owned, OwnedFile,
    Presence, Reason, Release, System,
    malware::{Altered, Examined, Manifest, Suspect, Trust, Visibility},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet},
    io::{self, Read},
    iter,
    rc::Rc,
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

/// Folds the layers of an image, oldest first, into what it finally contains. Of a layer only that is kept
/// which can be seen: an image may have very many layers of very many files.
#[derive(Debug, Default)]
pub struct Squash {
    layers: usize,
    manifests: bool,
    view: View,
    examined: Examined,
    gaps: Vec<Located<Gap>>,
}

impl Squash {
    /// Whether what packages say of their files is wanted too: there may be very many packages.
    pub fn with_manifests(self, manifests: bool) -> Squash {
        Squash { manifests, ..self }
    }

    /// Puts a layer on top.
    pub fn add(&mut self, mut report: LayerReport) {
        let layer = self.layers;
        self.layers = layer.saturating_add(1);
        let gaps = std::mem::take(&mut report.gaps);
        self.examined.add(&report.examined);
        let lost = self.view.add(layer, report).into_iter().map(|path| {
            let reason = Reason::Unsupported("a hard link to a file that was not read".to_owned());
            (Some(path), Gap::new("squash", reason))
        });
        self.gaps.extend(gaps.into_iter().chain(lost).map(|(path, what)| {
            let by = what.by.clone();
            Located { what, path, layer, by, system: None }
        }));
    }

    /// What the image contains. `covers` gives those of the layers, in their order, as [`crate::Cover::write`]
    /// writes them; it is asked more than once.
    pub fn finish<R: Read>(mut self, covers: impl Fn() -> Vec<R>) -> io::Result<Inventory> {
        let systems = self.view.systems();
        let owners = self.view.owners();
        let executables = count(covers(), &owners)?;
        let altered = self.view.altered(&altered(covers(), &owners)?);
        let suspects = self.view.suspects(&owners);
        let packaged = self.view.packaged(&owners, &systems);
        drop(owners);
        let manifests = if self.manifests { self.view.manifests() } else { Vec::new() };
        self.view.forget_owned();
        let mut components = self.view.components(&systems, &packaged);
        parts::mark(&mut components);
        forget_doubles(&mut components);
        let (gaps, examined) = (self.gaps, Some(self.examined));
        Ok(Inventory {
            systems,
            components,
            gaps,
            executables,
            suspects,
            altered,
            manifests,
            examined,
        })
    }
}

/// What can be seen from the top of the layers so far.
#[derive(Debug, Default)]
struct View {
    /// Files in which something was found, by where they really are.
    files: BTreeMap<ImagePath, Here>,
    links: BTreeMap<ImagePath, String>,
    /// All that there ever were, whether they can still be seen or not.
    suspects: Vec<Suspect>,
}

/// Who owns a file, and what its content must hash to, if anybody says.
#[derive(Debug)]
struct Owner {
    key: Key,
    digest: Option<FileDigest>,
    /// Which list of the view it stands in.
    list: u32,
}

/// What was found in a file, by whom; shared by all the names of the file.
type Content = Rc<Vec<(String, Found)>>;

#[derive(Debug)]
struct Here {
    content: Content,
    /// The newest layer that has something here.
    layer: usize,
    /// For each component, the oldest layer of the unbroken run, up to the newest, that has it here. None when
    /// all came with the newest: a file may have very many names.
    since: Vec<usize>,
}

impl Here {
    fn since(&self) -> impl Iterator<Item = usize> {
        self.since.iter().copied().chain(iter::repeat(self.layer))
    }
}

fn components(content: &Content) -> impl Iterator<Item = &Component> {
    content.iter().flat_map(|(_, found)| &found.components)
}

impl View {
    /// Puts a layer on top; answers the hard links that lead to nothing we have read.
    fn add(&mut self, layer: usize, report: LayerReport) -> Vec<ImagePath> {
        // A layer hides first and adds afterwards, whatever the order in its archive.
        let aliases = self.directory_links();
        let LayerReport { mut found, links, same, cover, .. } = report;
        self.hide_suspects(layer, &cover, &aliases);
        let hidden = |path: &ImagePath| hides(&cover, &aliases, path).is_some();
        self.links.retain(|path, _| !hidden(path));
        for (path, target) in links {
            self.links.insert(self.place(&path), target);
        }
        self.add_suspects(layer, &mut found);
        let found: BTreeMap<ImagePath, Content> =
            found.into_iter().map(|(path, found)| (path, Rc::new(found))).collect();
        let added: BTreeMap<ImagePath, &Content> =
            found.iter().map(|(path, content)| (self.place(path), content)).collect();
        self.files.retain(|path, _| added.contains_key(path) || !hidden(path));
        for (place, content) in added {
            self.put(place, layer, content.clone());
        }
        let mut lost = Vec::new();
        for (path, target) in same {
            let below = || self.files.get(&self.place(&target)).map(|it| &it.content);
            match found.get(&target).or_else(below).cloned() {
                Some(content) => {
                    let here = Here { content, layer, since: Vec::new() };
                    self.files.insert(self.place(&path), here);
                }
                None => lost.push(path),
            }
        }
        lost
    }

    fn put(&mut self, place: ImagePath, layer: usize, content: Content) {
        let mut since = Vec::new();
        if let Some(before) = self.files.get(&place) {
            let before: HashMap<_, _> = components(&before.content).zip(before.since()).collect();
            let of = |it| before.get(it).copied().unwrap_or(layer);
            since = components(&content).map(of).collect();
        }
        self.files.insert(place, Here { content, layer, since });
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

    /// What was found where.
    fn found(&self) -> impl Iterator<Item = (&ImagePath, &Found)> {
        let all = self.files.iter();
        all.flat_map(|(path, here)| here.content.iter().map(move |(_, found)| (path, found)))
    }

    /// The systems in the image; the first is the image itself, whether it says what it is or not.
    fn systems(&self) -> Vec<System> {
        let mut ranked: BTreeMap<ImagePath, Vec<(usize, &Release)>> = BTreeMap::new();
        ranked.insert(ImagePath::default(), Vec::new());
        for (path, found) in self.found() {
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

    /// The files with components of languages that are part of a distribution's package: it says that they are its own,
    /// and they hold what it brought, as far as digests are known.
    fn packaged(&self, owners: &[Owner], systems: &[System]) -> HashMap<ImagePath, String> {
        let mut lists = Vec::new();
        for (path, here) in &self.files {
            let mut owned = here.content.iter().flat_map(|(_, found)| &found.owned).peekable();
            // Package managers of languages own files as well, and are not asked.
            let system = owned.peek().is_some() && self.system_of(path, systems).is_some();
            lists.extend(owned.map(|it| Some(it.package.as_str()).filter(|_| system)));
        }
        let list = |it: &Owner| *lists.get(usize::try_from(it.list).ok()?)?;
        let mut packaged = HashMap::new();
        for (path, here) in &self.files {
            if components(&here.content).all(|it| it.ecosystem.is_system()) {
                continue;
            }
            let key = key(path.as_str());
            let digests = here.content.iter().find_map(|(_, found)| found.digests.as_ref());
            let program = digests.map(|it| Program::new(key, it));
            let differs = |it: &Owner| Some(!program?.is(it.digest.as_ref()?)?);
            let mut own = of(owners, &key).filter(|it| list(it).is_some()).peekable();
            let package = own.peek().and_then(|it| list(it));
            if let Some(package) = package.filter(|_| !own.any(|it| differs(it) == Some(true))) {
                packaged.insert(path.clone(), package.to_owned());
            }
        }
        packaged
    }

    fn components(
        self,
        systems: &[System],
        packaged: &HashMap<ImagePath, String>,
    ) -> Vec<Located<Component>> {
        let mut seen = HashSet::new();
        // The number of the file and that of the component in it.
        let mut first = Vec::new();
        let of: Vec<Option<usize>> =
            self.files.keys().map(|path| self.system_of(path, systems)).collect();
        for (file, ((path, here), system)) in self.files.iter().zip(&of).enumerate() {
            for (number, it) in components(&here.content).enumerate() {
                let system = system.filter(|_| it.ecosystem.is_system());
                let place = Some(path).filter(|_| !it.ecosystem.is_system() || system.is_none());
                if seen.insert((place, system, it)) {
                    first.push((file, number));
                }
            }
        }
        drop(seen);
        let mut first = first.into_iter().peekable();
        let mut components = Vec::new();
        for (file, ((path, mut here), system)) in self.files.into_iter().zip(of).enumerate() {
            // Most names of a file that has very many bring nothing new.
            if first.peek().is_none_or(|it| it.0 != file) {
                continue;
            }
            let content = std::mem::take(&mut here.content);
            let mut numbers = here.since().enumerate();
            for (by, found) in Rc::unwrap_or_clone(content) {
                for (mut what, (number, layer)) in drain(found.components).zip(&mut numbers) {
                    if let Some(it) = packaged.get(&path).filter(|_| !what.ecosystem.is_system()) {
                        what.presence = Presence::Packaged(it.clone());
                    }
                    if first.next_if_eq(&(file, number)).is_some() {
                        let system = system.filter(|_| what.ecosystem.is_system());
                        let (path, by) = (Some(path.clone()), by.clone());
                        components.push(Located { what, path, layer, by, system });
                    }
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

    /// Calls `each` for every file that a package owns, with where it really is and in which list it stands.
    fn each_owned(&self, mut each: impl FnMut(&Owned, u32, &OwnedFile, ImagePath)) {
        let diversions = self.found().flat_map(|(_, found)| &found.diversions);
        let diversions: HashMap<&ImagePath, _> = diversions.map(|it| (&it.from, it)).collect();
        for (owned, list) in self.found().flat_map(|(_, found)| &found.owned).zip(0..) {
            let name = owned.package.split(':').next().unwrap_or_default();
            for it in &owned.files {
                let elsewhere = diversions.get(&it.path).filter(|it| it.by != name);
                each(owned, list, it, self.place(elsewhere.map_or(&it.path, |it| &it.to)));
            }
        }
    }

    /// Whose each file is, in the order of their keys.
    fn owners(&self) -> Vec<Owner> {
        let mut owners = Vec::new();
        self.each_owned(|_, list, it, place| {
            let digest = it.digest.clone().filter(|_| !it.config);
            owners.push(Owner { key: key(place.as_str()), digest, list });
        });
        owners.sort_unstable_by_key(|it| it.key);
        owners
    }

    /// What each package says of its files, where it gives digests.
    fn manifests(&self) -> Vec<Manifest> {
        let files = self.files.iter();
        let lists = files.flat_map(|(path, here)| {
            let owned = here.content.iter().flat_map(|(_, found)| &found.owned);
            owned.map(move |it| (path, here.layer, it))
        });
        let manifests = lists.filter_map(|(path, layer, it)| {
            let (kind, digest) = manifest(&it.files)?;
            let (package, kind) = (it.package.clone(), kind.to_owned());
            Some(Manifest { package, path: path.clone(), layer, kind, digest })
        });
        manifests.collect()
    }

    /// Gives back the memory of what packages own.
    fn forget_owned(&mut self) {
        for content in self.files.values_mut().filter_map(|it| Rc::get_mut(&mut it.content)) {
            content.iter_mut().for_each(|(_, found)| found.owned = Vec::new());
        }
    }

    /// The package of an owner.
    fn package(&self, owner: &Owner) -> String {
        let list = usize::try_from(owner.list).unwrap_or_default();
        let owned = self.found().flat_map(|(_, found)| &found.owned).nth(list);
        owned.map(|it| it.package.clone()).unwrap_or_default()
    }

    /// The files that are not what their packages brought, with their paths.
    fn altered(&self, altered: &HashMap<Key, (usize, Program)>) -> Vec<Altered> {
        if altered.is_empty() {
            return Vec::new();
        }
        let mut all = BTreeMap::new();
        self.each_owned(|owned, _, _, path| {
            if let Some((layer, program)) = altered.get(&key(path.as_str())) {
                let (package, sha256) = (owned.package.clone(), program.sha256);
                all.insert(path.clone(), Altered { path, package, layer: *layer, sha256 });
            }
        });
        all.into_values().collect()
    }

    /// All that is suspect, with whose it is.
    fn suspects(&mut self, owners: &[Owner]) -> Vec<Suspect> {
        let mut suspects = std::mem::take(&mut self.suspects);
        for it in &mut suspects {
            let key = key(it.path.as_str());
            let program = Program::new(key, &it.sample.digests);
            let mut mismatch = None;
            for owner in of(owners, &key) {
                match owner.digest.as_ref().and_then(|it| program.is(it)) {
                    Some(true) => it.trust = Trust::Claimed(self.package(owner)),
                    Some(false) => mismatch = Some(owner),
                    None => {}
                }
            }
            // An older version that is out of sight differs rightly.
            let open = it.trust == Trust::Unknown && it.visibility == Visibility::Effective;
            if let Some(owner) = mismatch.filter(|_| open) {
                it.trust = Trust::Mismatch(self.package(owner));
            }
        }
        suspects
    }

    /// What a layer takes out of sight stays suspect: it is shipped.
    fn hide_suspects(&mut self, layer: usize, cover: &Cover, aliases: &[(ImagePath, ImagePath)]) {
        for it in &mut self.suspects {
            if it.visibility == Visibility::Effective {
                match hides(cover, aliases, &it.path) {
                    Some(Hidden::Replaced) => it.visibility = Visibility::Shadowed(layer),
                    Some(Hidden::Removed) => it.visibility = Visibility::Deleted(layer),
                    None => {}
                }
            }
        }
    }

    /// Takes samples out of what was found in a layer.
    fn add_suspects(
        &mut self,
        layer: usize,
        found: &mut BTreeMap<ImagePath, Vec<(String, Found)>>,
    ) {
        let visibility = Visibility::Effective;
        found.retain(|path, all| {
            let samples = all.iter_mut().filter_map(|it| it.1.sample.take());
            samples.for_each(|sample| {
                let (path, trust) = (self.place(path), Trust::Unknown);
                self.suspects.push(Suspect { path, layer, visibility, trust, sample });
            });
            all.retain(|it| it.1 != Found::default());
            !all.is_empty()
        });
    }
}

/// Whether a layer hides what is at `path` below it, by that name or by one through a link to a directory.
fn hides(cover: &Cover, aliases: &[(ImagePath, ImagePath)], path: &ImagePath) -> Option<Hidden> {
    // What happens to the link itself leaves alone what it leads to.
    let through = |(link, target): &(ImagePath, ImagePath)| {
        let rest = path.below(target.as_str())?;
        cover.hides(&format!("{link}/{rest}"), link.as_str())
    };
    cover.hides(path.as_str(), "").or_else(|| aliases.iter().find_map(through))
}

/// Whose the file with this key is: more than one when packages share it, or speak of it in several lists.
fn of<'a>(owners: &'a [Owner], key: &Key) -> impl Iterator<Item = &'a Owner> {
    let from = owners.partition_point(|it| it.key < *key);
    let key = *key;
    owners.get(from..).unwrap_or_default().iter().take_while(move |it| it.key == key)
}

/// The files that run, of which packages say what they must hash to, and none of them is right; with the layer.
fn altered(covers: Vec<impl Read>, owners: &[Owner]) -> io::Result<HashMap<Key, (usize, Program)>> {
    let tables = covers.into_iter().map(programs).collect::<io::Result<Vec<_>>>()?;
    let mut altered = HashMap::new();
    uppermost(
        tables,
        |it| it.key,
        |layer, program| {
            let answers =
                of(owners, &program.key).filter_map(|it| program.is(it.digest.as_ref()?));
            let answers: Vec<bool> = answers.collect();
            if !answers.is_empty() && !answers.contains(&true) {
                altered.insert(program.key, (layer, program));
            }
        },
    )?;
    Ok(altered)
}

/// What a lock file names and what is there in the same version is one: the latter.
fn forget_doubles(components: &mut Vec<Located<Component>>) {
    let key = |it: &Component| (it.ecosystem, it.name.clone(), it.version.clone());
    let declared =
        |it: &Component| matches!(it.presence, Presence::Declared | Presence::Development);
    if !components.iter().any(|it| declared(&it.what)) {
        return;
    }
    let there = components.iter().map(|it| &it.what);
    let there = there.filter(|it| it.presence == Presence::Installed && !it.ecosystem.is_system());
    let there: HashSet<_> = there.map(key).collect();
    components.retain(|it| !declared(&it.what) || !there.contains(&key(&it.what)));
}

/// The elements of a list that may be long, whose memory is given back on the way.
fn drain<T>(mut list: Vec<T>) -> impl Iterator<Item = T> {
    list.reverse();
    iter::from_fn(move || {
        if list.len().is_multiple_of(10_000) {
            list.shrink_to_fit();
        }
        list.pop()
    })
}

/// Counts the executables in any layer, and those that a package owns by their path.
fn count(covers: Vec<impl Read>, owners: &[Owner]) -> io::Result<Executables> {
    let tables = covers.into_iter().map(executables).collect::<io::Result<Vec<_>>>()?;
    let mut counts = Executables::default();
    uppermost(
        tables,
        |it| it.0,
        |_, (key, bytes)| {
            counts.files = counts.files.saturating_add(1);
            counts.bytes = counts.bytes.saturating_add(bytes);
            if of(owners, &key).next().is_some() {
                counts.owned_files = counts.owned_files.saturating_add(1);
                counts.owned_bytes = counts.owned_bytes.saturating_add(bytes);
            }
        },
    )?;
    Ok(counts)
}

/// Merges tables, each in the order of its keys, and takes of the rows with one key that of the uppermost layer.
fn uppermost<T: Ord>(
    mut tables: Vec<impl Iterator<Item = io::Result<T>>>,
    key: impl Fn(&T) -> Key,
    mut take: impl FnMut(usize, T),
) -> io::Result<()> {
    let (layers, mut heads) = (tables.len(), BinaryHeap::new());
    let mut next = |layer: usize| {
        let row = tables.get_mut(layer).and_then(Iterator::next).transpose()?;
        io::Result::Ok(row.map(|row| (Reverse(key(&row)), layer, row)))
    };
    for layer in 0..layers {
        heads.extend(next(layer)?);
    }
    let mut last = None;
    // Of equal keys the one of the uppermost layer comes out first.
    while let Some((Reverse(key), layer, row)) = heads.pop() {
        if last.replace(key) != Some(key) {
            take(layer, row);
        }
        heads.extend(next(layer)?);
    }
    Ok(())
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
