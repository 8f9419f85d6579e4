//! What to do about the findings of an image: the fewest actions, those that remove the worst first.
//!
//! What is upgraded together is one action: all packages that were built from one source, and all
//! packages of one manifest. An action goes to the lowest version that none of its findings has.
mod command;
mod group;
mod interval;
mod project;
#[cfg(test)]
mod tests;

use crate::{Component, Finding, Level, Located, System};
use command::{Wanted, at_once, commands};
use group::{Group, Key, Place, path_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
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
    /// What the actions come to, by what one does.
    pub ways: Vec<Sum>,
}

/// What one does.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Build on a newer base image.
    Base,
    /// Upgrade packages of the distribution.
    Package,
    /// Upgrade middleware, a database, a web application or a runtime.
    Product,
    /// Upgrade what a project or an application depends on.
    Project,
    /// Build a program anew.
    Program,
}

impl Way {
    /// What one does, in words.
    pub fn words(self) -> &'static str {
        match self {
            Way::Base => "build on a newer base image",
            Way::Package => "upgrade packages of the distribution",
            Way::Product => "upgrade products",
            Way::Project => "upgrade what projects and applications depend on",
            Way::Program => "build programs anew",
        }
    }
}

/// What all actions of a way come to.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Sum {
    /// What one does.
    pub way: Way,
    /// How many actions.
    pub actions: usize,
    /// How many findings they remove, by severity.
    pub removes: Counts,
}

/// One thing to do.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Action {
    /// What is upgraded: `openssl`, `lodash and 2 more`.
    pub what: String,
    /// What that is: `Debian package`, `npm package`.
    pub kind: String,
    /// What one does.
    pub way: Way,
    /// Where: the root of another system, or the project, program or archive that packages belong to; empty for the image's
    /// own system.
    pub place: String,
    /// What goes from which version to which.
    pub steps: Vec<Step>,
    /// What to type, or what to write into the manifest.
    pub commands: Vec<String>,
    /// What to do besides the commands, or where none does it, in words; null where commands are all.
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
    let path = path_of(component);
    let wanted = Wanted { component: what, path, target: version, by_source };
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
    let findings: Vec<_> = findings.into_iter().collect();
    let products: BTreeSet<Place<'a>> = findings.iter().filter_map(|it| Place::of(it.1)).collect();
    for (rank, (finding, component)) in findings.into_iter().enumerate() {
        let group = groups.entry(Key::of(component, &products)).or_default();
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
        plan.sum(&action);
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

impl FixPlan {
    /// Adds an action to what is done that way.
    fn sum(&mut self, action: &Action) {
        let at = match self.ways.binary_search_by_key(&action.way, |it| it.way) {
            Ok(at) => at,
            Err(at) => {
                let sum = Sum { way: action.way, actions: 0, removes: Counts::new() };
                self.ways.insert(at, sum);
                at
            }
        };
        let Some(sum) = self.ways.get_mut(at) else { return };
        sum.actions = sum.actions.saturating_add(1);
        for (level, more) in &action.removes {
            let count = sum.removes.entry(*level).or_default();
            *count = count.saturating_add(*more);
        }
    }

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
