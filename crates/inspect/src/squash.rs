//! Layers on top of each other: what the image finally contains, and which layer brought it in.
mod parts;

use crate::{
    Cover, Found, LayerReport,
    cover::{Hidden, Key, Program, executables, key, programs},
    links::Links,
    manifest,
    owners::{Owner, answers, each_owned, of, owners},
};
use model::{
    Component, Executables, Gap, ImagePath, Inventory, Located, Presence, Reason, Release, Signed,
    System, Unread,
    malware::{Altered, Examined, Manifest, Signatures, Suspect, Trust, Visibility},
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

/// How many files are kept of which nothing is known but that a package vouched for them.
const CLAIMED: usize = 100_000;

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
        let owners = owners(self.view.found().map(|it| it.1), &self.view.links);
        let (elsewhere, all) = self.view.elsewhere();
        if !all {
            let what = format!(
                "more than {ELSEWHERE} names of packages' files through links: not all are held against their packages"
            );
            let (path, what) = (None, Gap::new("squash", Reason::TooLarge(what)));
            let by = what.by.clone();
            self.gaps.push(Located { what, path, layer: 0, by, system: None });
        }
        let executables = count(covers(), &owners, &elsewhere)?;
        let altered = self.view.altered(&altered(covers(), &owners, &elsewhere)?);
        let mut suspects = self.view.suspects(&owners);
        let unread = unread(&mut suspects, self.view.forgotten);
        let (forged, signatures) = self.view.signatures(&systems);
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
            forged,
            signatures,
            examined,
            unread,
        })
    }
}

/// What can be seen from the top of the layers so far.
#[derive(Debug, Default)]
struct View {
    /// Files in which something was found, by where they really are.
    files: BTreeMap<ImagePath, Here>,
    links: Links,
    /// All that there ever were, whether they can still be seen or not.
    suspects: Vec<Suspect>,
    /// How many of them say nothing: packages vouched for them in their layers.
    claimed: usize,
    /// How many more there were than are kept.
    forgotten: usize,
    /// Directories to which a layer wrote through a link of a layer below: by where they really are, the layer and what it
    /// calls them.
    through: HashMap<ImagePath, Vec<(usize, ImagePath)>>,
}

/// Where the files that run of a layer really are, where that is not what it says: keys of paths.
type Elsewhere = HashMap<(usize, Key), Key>;
/// The most of them: they take 80 MB.
const ELSEWHERE: usize = 1_000_000;

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
        let LayerReport { mut found, links, same, through, cover, .. } = report;
        self.hide_suspects(layer, &cover, &aliases);
        let hidden = |path: &ImagePath| hides(&cover, &aliases, path).is_some();
        self.links.0.retain(|path, _| !hidden(path));
        for (path, target) in links {
            self.links.0.insert(self.links.place(&path), target);
        }
        for dir in through {
            let real = self.links.real(&dir);
            if real != dir {
                self.through.entry(real).or_default().push((layer, dir));
            }
        }
        self.add_suspects(layer, &mut found);
        let found: BTreeMap<ImagePath, Content> =
            found.into_iter().map(|(path, found)| (path, Rc::new(found))).collect();
        let added: BTreeMap<ImagePath, &Content> =
            found.iter().map(|(path, content)| (self.links.place(path), content)).collect();
        self.files.retain(|path, _| added.contains_key(path) || !hidden(path));
        for (place, content) in added {
            self.put(place, layer, content.clone());
        }
        let mut lost = Vec::new();
        for (path, target) in same {
            let below = || self.files.get(&self.links.place(&target)).map(|it| &it.content);
            match found.get(&target).or_else(below).cloned() {
                Some(content) => {
                    let here = Here { content, layer, since: Vec::new() };
                    self.files.insert(self.links.place(&path), here);
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
        let links = self.links.0.iter().filter_map(|(path, target)| {
            let target = self.links.end(path.link(target), &mut known)?;
            directories.contains(target.as_str()).then(|| (path.clone(), target))
        });
        links.collect()
    }

    /// What was found where.
    fn found(&self) -> impl Iterator<Item = (&ImagePath, &Found)> + Clone {
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
                dir.is_ok_and(|dir| path.below(self.links.real(&dir).as_str()).is_some())
            });
            is_database.then_some(i)
        })
    }

    /// Files of packages to which a layer wrote through a link of a layer below; and whether that is all of them.
    fn elsewhere(&self) -> (Elsewhere, bool) {
        let (mut elsewhere, mut all) = (Elsewhere::new(), true);
        if self.through.is_empty() {
            return (elsewhere, all);
        }
        each_owned(self.found().map(|it| it.1), &self.links, |_, _, _, place| {
            let written = place.parent().and_then(|it| self.through.get(it));
            for (layer, dir) in written.into_iter().flatten() {
                let name = key(&format!("{dir}/{}", place.name()));
                all &= elsewhere.len() < ELSEWHERE;
                if all {
                    elsewhere.insert((*layer, name), key(place.as_str()));
                }
            }
        });
        (elsewhere, all)
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

    /// Packages whose lists of files are not those that were signed, and how many are signed.
    fn signatures(&self, systems: &[System]) -> (Vec<Located<String>>, Option<Signatures>) {
        let (mut forged, mut counts) = (Vec::new(), Signatures::default());
        for (path, here) in &self.files {
            for (by, found) in here.content.iter() {
                for it in &found.owned {
                    counts.count(it.signed);
                    if it.signed == Signed::Forged {
                        let (what, path, by) = (it.package.clone(), Some(path.clone()), by.clone());
                        let system = path.as_ref().and_then(|it| self.system_of(it, systems));
                        forged.push(Located { what, path, layer: here.layer, by, system });
                    }
                }
            }
        }
        (forged, Some(counts).filter(|it| *it != Signatures::default()))
    }

    /// Gives back the memory of what packages own.
    fn forget_owned(&mut self) {
        for content in self.files.values_mut().filter_map(|it| Rc::get_mut(&mut it.content)) {
            content.iter_mut().for_each(|(_, found)| found.owned = Vec::new());
        }
    }

    /// The files that are not what their packages brought, with their paths.
    fn altered(&self, altered: &HashMap<Key, (usize, Program)>) -> Vec<Altered> {
        if altered.is_empty() {
            return Vec::new();
        }
        let mut all = BTreeMap::new();
        each_owned(self.found().map(|it| it.1), &self.links, |owned, _, _, path| {
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
        let lists = self.found().flat_map(|it| &it.1.owned);
        let packages: Vec<&str> = lists.map(|it| it.package.as_str()).collect();
        let package = |it: &Owner| {
            let name = usize::try_from(it.list).ok().and_then(|it| packages.get(it));
            name.map_or_else(String::new, |it| (*it).to_owned())
        };
        for it in &mut suspects {
            let key = key(it.path.as_str());
            let program = Program::new(key, &it.sample.digests);
            let mut mismatch = None;
            for (owner, same) in answers(owners, &program, &key) {
                match (same, owner.signed) {
                    (true, Signed::Verified) => it.trust = Trust::Signed(package(owner)),
                    (true, Signed::Forged) => it.trust = Trust::Forged(package(owner)),
                    (true, _) => it.trust = Trust::Claimed(package(owner)),
                    (false, _) => mismatch = Some(owner),
                }
            }
            // An older version that is out of sight differs rightly.
            let open = it.trust == Trust::Unknown && it.visibility == Visibility::Effective;
            if let Some(owner) = mismatch.filter(|_| open) {
                it.trust = Trust::Mismatch(package(owner));
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
                if !sample.says_something() {
                    if self.claimed >= CLAIMED {
                        self.forgotten = self.forgotten.saturating_add(1);
                        return;
                    }
                    self.claimed = self.claimed.saturating_add(1);
                }
                let (path, trust) = (self.links.place(path), Trust::Unknown);
                self.suspects.push(Suspect { path, layer, visibility, trust, sample });
            });
            all.retain(|it| it.1 != Found::default());
            !all.is_empty()
        });
    }
}

/// Takes out those of which nothing is known, since a package vouched for them in their layer. Tells which packages still
/// do so, and how many files can be seen for which none does any more.
fn unread(suspects: &mut Vec<Suspect>, forgotten: usize) -> Unread {
    let mut unread = Unread { files: forgotten, ..Unread::default() };
    suspects.retain(|it| {
        let known = it.sample.says_something();
        match &it.trust {
            _ if known => {}
            Trust::Signed(_) => {}
            Trust::Claimed(package) => drop(unread.packages.insert(package.clone())),
            _ if it.visibility == Visibility::Effective => {
                unread.files = unread.files.saturating_add(1);
            }
            _ => {}
        }
        known
    });
    unread
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

/// The files that run, of which packages say what they must hash to, and none of them is right; with the layer.
fn altered(
    covers: Vec<impl Read>,
    owners: &[Owner],
    elsewhere: &Elsewhere,
) -> io::Result<HashMap<Key, (usize, Program)>> {
    let tables = covers.into_iter().map(programs).collect::<io::Result<Vec<_>>>()?;
    let several: HashSet<Key> = elsewhere.values().copied().collect();
    // Whether it is wrong stands behind the layer: of two names of a file in one layer the wrong one counts.
    let mut top: HashMap<Key, (usize, bool, Program)> = HashMap::new();
    uppermost(
        tables,
        |it| it.key,
        |layer, program| {
            let here = *elsewhere.get(&(layer, program.key)).unwrap_or(&program.key);
            let answers: Vec<bool> = answers(owners, &program, &here).map(|it| it.1).collect();
            let wrong = !answers.is_empty() && !answers.contains(&true);
            if wrong || several.contains(&here) {
                let it = top.entry(here).or_insert((layer, wrong, program));
                *it = (*it).max((layer, wrong, program));
            }
        },
    )?;
    let wrong = top.into_iter().filter(|it| it.1.1);
    Ok(wrong.map(|(key, (layer, _, program))| (key, (layer, program))).collect())
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
fn count(
    covers: Vec<impl Read>,
    owners: &[Owner],
    elsewhere: &Elsewhere,
) -> io::Result<Executables> {
    let tables = covers.into_iter().map(executables).collect::<io::Result<Vec<_>>>()?;
    let mut counts = Executables::default();
    uppermost(
        tables,
        |it| it.0,
        |layer, (key, bytes)| {
            let key = *elsewhere.get(&(layer, key)).unwrap_or(&key);
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
