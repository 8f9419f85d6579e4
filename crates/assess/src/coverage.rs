//! How much of an image the advisories could speak about at all.
use crate::{
    Database,
    scope::{self, Scope},
};
use jiff::civil::Date;
use model::{Coverage, Grade, Inventory, Uncovered};
use std::collections::BTreeSet;

/// What an assessment of this inventory with this database can see.
pub(crate) fn coverage(
    inventory: &Inventory,
    database: &Database,
    today: Date,
    scopes: &[Scope],
) -> Coverage {
    let mut reasons = BTreeSet::new();
    for scope in scopes {
        reasons.extend(of_system(scope, database, today));
    }
    // What a document claims does not stand in for a package database.
    let system =
        |it: &&model::Located<model::Component>| it.what.ecosystem.is_system() && !it.is_claimed();
    let packages = inventory.components.iter().filter(system);
    match (packages.clone().next(), scopes) {
        // Packages of which nothing says whose they are.
        (Some(_), []) => drop(reasons.insert(Uncovered::UnknownDistribution(String::new()))),
        (None, _) => drop(reasons.insert(Uncovered::NoPackageDatabase)),
        _ => {}
    }
    let packaged = |it: &model::Component| matches!(it.presence, model::Presence::Packaged(_));
    let language = |it: &&model::Located<model::Component>| {
        !it.what.ecosystem.is_system() && !packaged(&it.what)
    };
    for it in inventory.components.iter().filter(language) {
        let mut spaces = scope::names_outside(&it.what).map(|it| it.0);
        let first = spaces.next().filter(|it| !database.covers(it));
        let covered = spaces.any(|it| database.covers(&it));
        reasons.extend(first.filter(|_| !covered).map(Uncovered::NoFeed));
    }
    if database.is_starter() {
        reasons.insert(Uncovered::StarterSetOnly);
    }
    if !inventory.gaps.is_empty() {
        reasons.insert(Uncovered::Unread(inventory.gaps.len()));
    }
    let grade = reasons.iter().map(Uncovered::grade).max().unwrap_or(Grade::Known);
    Coverage { grade, reasons: reasons.into_iter().collect() }
}

fn of_system(scope: &Scope, database: &Database, today: Date) -> Vec<Uncovered> {
    let Some(first) = scope.namespaces.first() else {
        return vec![Uncovered::UnknownDistribution(scope.release.clone())];
    };
    let mut reasons = Vec::new();
    if !scope.namespaces.iter().any(|it| database.covers(it)) {
        reasons.push(Uncovered::NoFeed(first.clone()));
    }
    if let Some(day) = scope.end_of_life.filter(|it| *it < today) {
        reasons.push(Uncovered::EndOfLife(first.clone(), day));
    }
    reasons
}
