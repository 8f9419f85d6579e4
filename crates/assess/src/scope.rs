//! Where a component's advisories are looked for.
use crate::names;
use jiff::civil::Date;
use model::{Component, Distribution, Inventory, Located, Names, Namespace, Release, System};

/// What the advisories of a distribution are to one root file system.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    /// The namespaces that speak of its packages; none when the release is unknown.
    pub namespaces: Vec<Namespace>,
    /// The last day with fixes for everybody.
    pub end_of_life: Option<Date>,
    /// What the release file says, for people.
    pub release: String,
}

/// The scope of each system of an inventory.
pub(crate) fn scopes(inventory: &Inventory) -> Vec<Scope> {
    inventory.systems.iter().map(of).collect()
}

fn of(system: &System) -> Scope {
    let Some(release) = &system.release else { return Scope::default() };
    let distribution = Distribution::of(release);
    let said = [&release.pretty, &release.id].into_iter().find(|it| !it.is_empty());
    Scope {
        namespaces: distribution.map(|it| namespaces(it, release)).unwrap_or_default(),
        end_of_life: distribution.and_then(|it| it.end_of_life(release)),
        release: said.cloned().unwrap_or_default(),
    }
}

fn namespaces(distribution: &Distribution, release: &Release) -> Vec<Namespace> {
    vec![distribution.namespace(release)]
}

/// A place to look for what is known of a component.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Question {
    /// How the database spells it; questions in this order read each block once.
    pub(crate) key: String,
    /// Where.
    pub(crate) namespace: Namespace,
    /// What: the component's name, or that of its source.
    pub(crate) package: String,
    /// Index of the component.
    pub(crate) component: usize,
}

/// Every place to look for what is known of the components of an inventory, in order.
pub(crate) fn questions(inventory: &Inventory, scopes: &[Scope]) -> Vec<Question> {
    let mut questions = Vec::new();
    for (i, it) in inventory.components.iter().enumerate() {
        for namespace in namespaces_of(it, scopes) {
            for package in names_of(&it.what) {
                let key = names::key(&namespace, package);
                let package = package.to_owned();
                questions.push(Question {
                    key,
                    namespace: namespace.clone(),
                    package,
                    component: i,
                });
            }
        }
    }
    questions.sort();
    questions.dedup();
    questions
}

fn namespaces_of(it: &Located<Component>, scopes: &[Scope]) -> Vec<Namespace> {
    if it.what.ecosystem.is_system() {
        let scope = it.system.and_then(|it| scopes.get(it));
        return scope.map(|it| it.namespaces.clone()).unwrap_or_default();
    }
    Namespace::language(it.what.ecosystem).into_iter().collect()
}

/// The names under which an advisory may mean a component.
fn names_of(component: &Component) -> Vec<&str> {
    let source = component.source().0;
    if source == component.name { vec![source] } else { vec![&component.name, source] }
}

/// Whether a package name of an advisory, found under `package`, means this component.
pub(crate) fn means(component: &Component, names: Names, package: &str) -> bool {
    match names {
        Names::Package => component.name == package,
        Names::Source => component.source().0 == package,
    }
}
