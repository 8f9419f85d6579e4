//! What to do about the findings of an image: the fewest actions, those that remove the worst first.
//!
//! What is upgraded together is one action: all packages that were built from one source, and all
//! packages of one manifest. An action goes to the lowest version that none of its findings has.
mod command;
mod project;
#[cfg(test)]
mod tests;

use crate::{Component, Ecosystem, Finding, Level, Located, System};
use command::{Wanted, at_once, commands};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet},
};

/// How many findings there are of each severity.
pub type Counts = BTreeMap<Level, usize>;

/// What removes findings, and what nothing removes.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct FixPlan {
    /// The actions, the one that removes the worst first.
    pub actions: Vec<Action>,
    /// The commands that do all actions of a package manager at once, and more.
    pub at_once: Vec<AtOnce>,
    /// What the actions remove of the distribution's packages that the oldest layer brought in: a newer base image may have
    /// them mended.
    pub in_base: Counts,
    /// The findings that no version mends yet, by severity.
    pub stays: Counts,
}

/// One thing to do.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Action {
    /// What is upgraded: `openssl`, `lodash and 2 more`.
    pub what: String,
    /// What that is: `Debian package`, `npm package`.
    pub kind: String,
    /// Where: the root of another system, or the project, program or archive that packages belong to; empty for the image's
    /// own system.
    pub place: String,
    /// What goes from which version to which.
    pub steps: Vec<Step>,
    /// What to type, or what to write into the manifest.
    pub commands: Vec<String>,
    /// What to do where no command does it, in words; null where one does.
    pub by_hand: Option<String>,
    /// Whether everything stays within its major version; null where versions do not tell.
    pub same_major: Option<bool>,
    /// The subscription that one needs for it.
    pub subscription: Option<String>,
    /// The layers that brought it in, the oldest being 0.
    pub layers: Vec<usize>,
    /// How many findings it removes, by severity.
    pub removes: Counts,
    /// The vulnerabilities that it removes, the most urgent first.
    pub vulnerabilities: Vec<String>,
    /// How many findings of the same packages stay, since no version mends them yet.
    pub stays: Counts,
}

/// A package that changes its version.
#[derive(Clone, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Step {
    /// Its name.
    pub package: String,
    /// The version that is there.
    pub installed: String,
    /// The lowest version without any of the findings. Where advisories speak of source packages, that of the source.
    pub target: String,
}

/// A command that upgrades everything that a package manager looks after.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct AtOnce {
    /// The root of the system that it is for; empty for the image's own.
    pub place: String,
    /// What to type.
    pub command: String,
    /// How many of the actions it does.
    pub actions: usize,
}

/// What brings one component to a version.
pub fn fix_command(
    component: &Located<Component>,
    version: &str,
    by_source: bool,
    system: Option<&System>,
) -> Option<String> {
    let what = &component.what;
    let wanted = Wanted { component: what, target: version, by_source };
    let managed = project::is_managed(component);
    managed.then(|| commands(what.ecosystem, &[wanted], system).into_iter().next()).flatten()
}

/// Plans for these findings, the most urgent first, each with the component that has it.
pub fn plan<'a>(
    findings: impl IntoIterator<Item = (&'a Finding, &'a Located<Component>)>,
    systems: &[System],
) -> FixPlan {
    let mut groups: BTreeMap<Key<'a>, Group<'a>> = BTreeMap::new();
    let mut plan = FixPlan::default();
    for (rank, (finding, component)) in findings.into_iter().enumerate() {
        let group = groups.entry(Key::of(component)).or_default();
        if finding.fixed.is_none() {
            count(&mut plan.stays, finding);
            count(&mut group.stays, finding);
            continue;
        }
        if component.layer == 0 && component.what.ecosystem.is_system() {
            count(&mut plan.in_base, finding);
        }
        group.add(rank, finding, component);
    }
    groups.retain(|_, it| !it.wanted.is_empty());
    for (key, group) in &groups {
        if group.managed {
            plan.note_upgrade(key, systems);
        }
        let action = group.action(key, systems);
        plan.actions.push(action);
    }
    let rank: BTreeMap<String, usize> = groups
        .values()
        .flat_map(|it| it.ids.iter().map(|(id, rank)| ((*id).to_owned(), *rank)))
        .collect();
    let first = |it: &Action| it.vulnerabilities.first().and_then(|id| rank.get(id)).copied();
    plan.actions
        .sort_by_cached_key(|it| (Reverse(weight(&it.removes)), first(it), it.what.clone()));
    plan
}

/// What is upgraded together: the system and source, or the ecosystem and project.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Key<'a> {
    ecosystem: Ecosystem,
    system: Option<usize>,
    name: &'a str,
}

impl<'a> Key<'a> {
    fn of(it: &'a Located<Component>) -> Key<'a> {
        let ecosystem = it.what.ecosystem;
        if ecosystem.is_system() {
            return Key { ecosystem, system: it.system, name: it.what.source().0 };
        }
        let path = it.path.as_ref().map(crate::ImagePath::as_str).unwrap_or_default();
        Key { ecosystem, system: None, name: project::of(ecosystem, path) }
    }
}

/// The findings of what is upgraded together.
#[derive(Default)]
struct Group<'a> {
    /// Whether a package manager can get at some of it.
    managed: bool,
    /// What is wanted of each package in each version.
    wanted: BTreeMap<(&'a str, &'a str), Wanted<'a>>,
    ids: BTreeMap<&'a str, usize>,
    layers: BTreeSet<usize>,
    subscription: Option<&'a str>,
    removes: Counts,
    stays: Counts,
}

impl<'a> Group<'a> {
    fn add(&mut self, rank: usize, finding: &'a Finding, component: &'a Located<Component>) {
        let Some(fixed) = finding.fixed.as_deref() else { return };
        let what = &component.what;
        let wanted = self.wanted.entry((&what.name, &what.version)).or_insert(Wanted {
            component: what,
            target: fixed,
            by_source: finding.why.by_source,
        });
        wanted.raise(fixed);
        self.managed |= project::is_managed(component);
        self.ids.entry(&finding.id).or_insert(rank);
        self.layers.insert(component.layer);
        self.subscription = self.subscription.or(finding.subscription.as_deref());
        count(&mut self.removes, finding);
    }

    fn action(&self, key: &Key<'_>, systems: &[System]) -> Action {
        let mut wanted: Vec<Wanted<'_>> = self.wanted.values().copied().collect();
        if key.ecosystem.is_system() {
            // One source, one version: what one of its packages needs, all get.
            let targets: Vec<&str> = wanted.iter().map(|it| it.target).collect();
            wanted.iter_mut().for_each(|it| targets.iter().for_each(|target| it.raise(target)));
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
            place: match key.ecosystem.is_system() {
                true => system.map(|it| it.root.to_string()).unwrap_or_default(),
                false => key.name.to_owned(),
            },
            steps: wanted.iter().map(step).collect(),
            by_hand: commands.is_empty().then(|| by_hand(key.ecosystem).to_owned()),
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

impl FixPlan {
    /// Notes that one more action is among what upgrading a whole system does.
    fn note_upgrade(&mut self, key: &Key<'_>, systems: &[System]) {
        let system = key.system.and_then(|it| systems.get(it));
        let Some(command) = at_once(key.ecosystem, system) else { return };
        let place = system.map(|it| it.root.to_string()).unwrap_or_default();
        let same = self.at_once.iter_mut().find(|it| it.place == place && it.command == command);
        match same {
            Some(it) => it.actions = it.actions.saturating_add(1),
            None => self.at_once.push(AtOnce { place, command: command.to_owned(), actions: 1 }),
        }
    }
}

/// What an action is called: by the source, or by the packages of a project.
fn what(key: &Key<'_>, wanted: &[Wanted<'_>]) -> String {
    let names: BTreeSet<&str> = wanted.iter().map(|it| it.component.name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        _ if key.ecosystem.is_system() => key.name.to_owned(),
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn by_hand(ecosystem: Ecosystem) -> &'static str {
    match ecosystem.is_system() {
        true => "no package manager looks after it: build on a newer base image",
        false => "no command does that: put the newer version in its place",
    }
}

/// What is removed, the worst severity first. What nobody has rated may be anything, and stands in the middle.
fn weight(counts: &Counts) -> [usize; 6] {
    use Level::{Critical, High, Low, Medium, Negligible, Unknown};
    let of = |level| counts.get(&level).copied().unwrap_or_default();
    [Critical, High, Medium, Unknown, Low, Negligible].map(of)
}

fn count(counts: &mut Counts, finding: &Finding) {
    let count = counts.entry(finding.severity.level).or_default();
    *count = count.saturating_add(1);
}

impl<'a> Wanted<'a> {
    /// Raises the target to this version, if that is newer.
    fn raise(&mut self, version: &'a str) {
        let order = self.component.ecosystem.scheme().order(self.target, version);
        if order == Some(Ordering::Less) {
            self.target = version;
        }
    }
}
