//! Where a component's advisories are looked for.
use crate::names;
use jiff::civil::Date;
use model::{
    Component, Distribution, Inventory, Located, Names, Namespace, Presence, Product, System,
};

/// What the advisories of a distribution are to one root file system.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    /// The namespaces that speak of its packages; none when the release is unknown.
    pub namespaces: Vec<Namespace>,
    /// Namespaces of the distribution that this one is a rebuild of: what is unfixed there is
    /// unfixed here, while fixed versions are this distribution's own to tell.
    pub inherited: Vec<Namespace>,
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
        namespaces: distribution.map(|it| it.namespaces(release)).unwrap_or_default(),
        inherited: distribution.map(|it| it.inherited(release)).unwrap_or_default(),
        end_of_life: distribution.and_then(|it| it.end_of_life(release)),
        release: said.cloned().unwrap_or_default(),
    }
}

/// What an advisory must name to be about each component of an inventory, in its order: namespaces and packages,
/// spelled as [`diff`](crate::diff) spells them.
pub fn keys(inventory: &Inventory) -> Vec<Vec<(String, String)>> {
    let scopes = scopes(inventory);
    let key = |it: Question| {
        let mut parts = it.key.split('\0').map(str::to_owned);
        parts.next().zip(parts.next())
    };
    let of =
        |it| questions(std::iter::once((0, it)), &scopes).into_iter().filter_map(key).collect();
    inventory.components.iter().map(of).collect()
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
    /// Whether only what is unfixed counts.
    pub(crate) inherited: bool,
}

/// Every place to look for what is known of components, which come with their numbers, in order.
pub(crate) fn questions<'a>(
    components: impl Iterator<Item = (usize, &'a Located<Component>)>,
    scopes: &[Scope],
) -> Vec<Question> {
    let mut questions = Vec::new();
    for (component, it) in components {
        for (namespace, package, inherited) in places_of(it, scopes) {
            let (key, package) = (names::key(&namespace, package), package.to_owned());
            questions.push(Question { key, namespace, package, component, inherited });
        }
    }
    questions.sort();
    questions.dedup();
    questions
}

/// Namespaces that speak of a component, under which of its names, and whether that is inherited.
fn places_of<'a>(it: &'a Located<Component>, scopes: &[Scope]) -> Vec<(Namespace, &'a str, bool)> {
    if let Presence::Packaged(_) = it.what.presence {
        return Vec::new();
    }
    if !it.what.ecosystem.is_system() {
        return names_outside(&it.what).map(|(space, name)| (space, name, false)).collect();
    }
    let Some(scope) = it.system.and_then(|it| scopes.get(it)) else { return Vec::new() };
    let own = scope.namespaces.iter().map(|it| (it, false));
    let spaces = own.chain(scope.inherited.iter().map(|it| (it, true)));
    let names = names_of(&it.what);
    let under = |(space, inherited): (&Namespace, bool)| {
        names.iter().map(|it| (space.clone(), *it, inherited)).collect::<Vec<_>>()
    };
    spaces.flat_map(under).collect()
}

/// Where advisories speak of a component that no distribution packed, and what they call it there: its language, and
/// for a product whoever knows it by another name.
pub(crate) fn names_outside(component: &Component) -> impl Iterator<Item = (Namespace, &str)> {
    let own = Namespace::language(component.ecosystem).into_iter();
    let product = Product::of(component).map(|it| it.known_as.iter()).into_iter().flatten();
    own.map(|it| (it, component.name.as_str()))
        .chain(product.map(|(space, name)| (Namespace::new(space), *name)))
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
