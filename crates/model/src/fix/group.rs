//! What is upgraded together, and what becomes of it: packages of one source, of one project, a product with its parts.
use super::{
    Action, Counts, Step, Way,
    command::{Wanted, commands},
    count,
    interval::{self, Interval},
    project,
};
use crate::{Component, Ecosystem, Finding, Located, Product, System};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

/// What is upgraded together: the system and source, or the ecosystem and project.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key<'a> {
    pub(super) ecosystem: Ecosystem,
    pub(super) system: Option<usize>,
    name: &'a str,
    /// Of a product, which one: several may lie in one directory.
    product: &'a str,
}

impl<'a> Key<'a> {
    pub(super) fn of(it: &'a Located<Component>, products: &BTreeSet<Place<'a>>) -> Key<'a> {
        let ecosystem = it.what.ecosystem;
        if ecosystem.is_system() {
            return Key { ecosystem, system: it.system, name: it.what.source().0, product: "" };
        }
        // Its parts come with it.
        if let Some(Place { ecosystem, product, directory }) =
            products.iter().find(|product| product.holds(it)).copied()
        {
            return Key { ecosystem, system: None, name: directory, product };
        }
        let is_product = matches!(ecosystem, Ecosystem::Generic | Ecosystem::Bitnami);
        let product = if is_product { &it.what.name } else { "" };
        Key { ecosystem, system: None, name: project::of(ecosystem, path_of(it)), product }
    }

    fn way(&self, group: &Group<'_>) -> Way {
        let is_program = || group.wanted.values().all(|it| !project::is_lock(it.path));
        match self.ecosystem {
            it if it.is_system() && group.managed => Way::Package,
            it if it.is_system() => Way::Base,
            Ecosystem::Generic | Ecosystem::Bitnami => Way::Product,
            Ecosystem::Golang | Ecosystem::Cargo if is_program() => Way::Program,
            _ => Way::Project,
        }
    }
}

/// Where a product lies.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place<'a> {
    ecosystem: Ecosystem,
    product: &'a str,
    directory: &'a str,
}

impl<'a> Place<'a> {
    pub(super) fn of(it: &'a Located<Component>) -> Option<Place<'a>> {
        let product = Product::of(&it.what)?;
        let ecosystem = product.ecosystem;
        let directory = project::of(ecosystem, path_of(it));
        Some(Place { ecosystem, product: product.name, directory })
    }

    /// Whether a component is the product, or a part of it that lies there.
    fn holds(&self, it: &Located<Component>) -> bool {
        if Place::of(it) == Some(*self) {
            return true;
        }
        let within = path_of(it).strip_prefix(self.directory).is_some_and(|it| it.starts_with('/'));
        let product = || Product::of(&Component::new(self.ecosystem, self.product, ""));
        within && product().is_some_and(|product| product.has_part(&it.what))
    }
}

pub(super) fn path_of(it: &Located<Component>) -> &str {
    it.path.as_ref().map(crate::ImagePath::as_str).unwrap_or_default()
}

/// The findings of what is upgraded together.
#[derive(Default)]
pub(super) struct Group<'a> {
    /// Whether a package manager can get at some of it.
    pub(super) managed: bool,
    /// What is wanted of each package in each version.
    pub(super) wanted: BTreeMap<(&'a str, &'a str), Wanted<'a>>,
    /// The versions of each that its findings are about.
    affected: BTreeMap<(&'a str, &'a str), Vec<Interval<'a>>>,
    pub(super) ids: BTreeMap<&'a str, usize>,
    layers: BTreeSet<usize>,
    subscription: Option<&'a str>,
    removes: Counts,
    pub(super) stays: Counts,
}

impl<'a> Group<'a> {
    pub(super) fn add(
        &mut self,
        rank: usize,
        finding: &'a Finding,
        component: &'a Located<Component>,
    ) {
        let Some(fixed) = finding.fixed.as_deref() else { return };
        let what = &component.what;
        let key = (what.name.as_str(), what.version.as_str());
        let path = path_of(component);
        let wanted = self.wanted.entry(key).or_insert(Wanted {
            component: what,
            path,
            target: fixed,
            by_source: finding.why.by_source,
        });
        wanted.raise(fixed);
        if project::is_lock(path) {
            // Where there is a lock file, whoever wrote it is to be told.
            (wanted.component, wanted.path) = (what, path);
        }
        self.affected.entry(key).or_default().extend(interval::read(&finding.why.range));
        self.managed |= project::is_managed(component);
        self.ids.entry(&finding.id).or_insert(rank);
        self.layers.insert(component.layer);
        self.subscription = self.subscription.or(finding.subscription.as_deref());
        count(&mut self.removes, finding);
    }

    pub(super) fn action(&self, key: &Key<'_>, systems: &[System]) -> Action {
        let mut wanted: Vec<Wanted<'_>> = self.wanted.values().copied().collect();
        for (it, affected) in wanted.iter_mut().zip(self.affected.values()) {
            it.clear(affected);
        }
        // One source, one version: what one of its packages needs, all get; so with a product and those of its parts that
        // count as it does.
        let product = self.wanted.keys().find(|it| it.0 == key.product).map(|it| it.1);
        let together = |it: &Wanted<'_>| {
            key.ecosystem.is_system() || product == Some(it.component.version.as_str())
        };
        let targets: Vec<&str> =
            wanted.iter().filter(|it| together(it)).map(|it| it.target).collect();
        for it in wanted.iter_mut().filter(|it| together(it)) {
            targets.iter().for_each(|target| it.raise(target));
        }
        let step = |it: &Wanted<'_>| Step {
            package: it.component.name.clone(),
            installed: it.component.version.clone(),
            target: it.target.to_owned(),
        };
        let mut ids: Vec<_> = self.ids.iter().collect();
        ids.sort_by_key(|it| it.1);
        let system = key.system.and_then(|it| systems.get(it));
        let commands = match self.managed {
            true => commands(key.ecosystem, &wanted, system),
            false => Vec::new(),
        };
        let majors = wanted.iter().map(Wanted::keeps_major);
        Action {
            what: what(key, &wanted),
            kind: key.ecosystem.label().to_owned(),
            way: key.way(self),
            place: match key.ecosystem.is_system() {
                true => system.map(|it| it.root.to_string()).unwrap_or_default(),
                false => key.name.to_owned(),
            },
            steps: wanted.iter().map(step).collect(),
            by_hand: by_hand(key, &wanted, commands.is_empty()),
            commands,
            // One that leaves its major version decides; else one that does not tell.
            same_major: majors
                .min_by_key(|it| match it {
                    Some(false) => 0,
                    None => 1,
                    Some(true) => 2,
                })
                .flatten(),
            subscription: self.subscription.map(str::to_owned),
            layers: self.layers.iter().copied().collect(),
            removes: self.removes.clone(),
            vulnerabilities: ids.into_iter().map(|it| (*it.0).to_owned()).collect(),
            stays: self.stays.clone(),
        }
    }
}

/// What an action is called: by the source, or by the packages of a project.
fn what(key: &Key<'_>, wanted: &[Wanted<'_>]) -> String {
    // Of a product with its parts, the product.
    let own = wanted.iter().filter(|it| it.component.ecosystem == key.ecosystem);
    let names: BTreeSet<&str> = own.map(|it| it.component.name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        _ if key.ecosystem.is_system() => key.name.to_owned(),
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn by_hand(key: &Key<'_>, wanted: &[Wanted<'_>], no_command: bool) -> Option<String> {
    let standard = wanted.iter().find(|it| it.is_standard());
    let nested = || wanted.iter().any(|it| it.path.len() > key.name.len());
    let product = wanted.iter().find(|it| it.component.ecosystem == key.ecosystem);
    Some(match (key.ecosystem, standard, product) {
        (it, ..) if it.is_system() && no_command => {
            "no package manager looks after it: build on a newer base image".to_owned()
        }
        (_, Some(it), _) => format!("build it anew with Go {} or newer", it.target),
        (Ecosystem::Maven, ..) if nested() => {
            "set the version where the application is built, and build it anew".to_owned()
        }
        (Ecosystem::Maven, ..) => {
            "put the newer archive in its place, or set the version where the application is built"
                .to_owned()
        }
        (Ecosystem::Generic | Ecosystem::Bitnami, _, Some(it)) => format!(
            "upgrade {} to {}: build on an image that has it, or put it in the place of the old one",
            it.component.name, it.target
        ),
        _ if no_command => "no command does that: put the newer version in its place".to_owned(),
        _ => return None,
    })
}

impl<'a> Wanted<'a> {
    /// Raises the target to the first version that none of the findings is about: what mends one of them on the branch of the
    /// installed version may be too old on the branch to which another one leads.
    fn clear(&mut self, affected: &[Interval<'a>]) {
        let scheme = self.component.ecosystem.scheme();
        for _ in affected {
            let holds = |it: &&Interval<'a>| it.holds(self.target, scheme);
            let Some(fixed) = affected.iter().filter(holds).find_map(|it| it.fixed) else { return };
            self.target = fixed;
        }
    }

    /// Raises the target to this version, if that is newer.
    fn raise(&mut self, version: &'a str) {
        let order = self.component.ecosystem.scheme().order(self.target, version);
        if order == Some(Ordering::Less) {
            self.target = version;
        }
    }
}
