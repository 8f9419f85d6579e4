//! The table of notorious vulnerabilities that ships with the program against what others publish of the same ones.
use super::{Score, feeds};
use crate::snapshots;
use assess::{Builder, Database, Item, database::Meta, starter};
use model::{Advisory, Affected, Component, Ecosystem, End, Exploited, Namespace};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

/// Vulnerabilities by name, each with what an advisory on it says of packages.
type Said = BTreeMap<(String, Namespace, String), Vec<Affected>>;

/// What somebody says.
#[derive(Default)]
struct Speaker {
    advisories: Vec<Advisory>,
    said: Said,
    exploited: BTreeMap<String, Exploited>,
}

impl Speaker {
    /// Takes what is about one of `only`, or everything.
    fn take(&mut self, item: Item, only: Option<&BTreeSet<String>>) {
        let wanted = |it: &String| only.is_none_or(|only| only.contains(it));
        match item {
            Item::Advisory(it) if it.withdrawn.is_none() => {
                let ids: Vec<&String> =
                    [&it.id].into_iter().chain(&it.aliases).filter(|it| wanted(it)).collect();
                for (id, affected) in
                    ids.iter().flat_map(|id| it.affected.iter().map(move |it| (id, it)))
                {
                    let package = affected.package.to_lowercase().replace(['_', '.'], "-");
                    let key = ((*id).clone(), affected.namespace.clone(), package);
                    self.said.entry(key).or_default().push(affected.clone());
                }
                if !ids.is_empty() {
                    self.advisories.push(*it);
                }
            }
            Item::Enrichment(it) if wanted(&it.cve) => {
                self.exploited.extend(it.exploited.map(|known| (it.cve, known)));
            }
            _ => {}
        }
    }

    fn database(&self) -> io::Result<Database> {
        let mut builder = Builder::new(Meta::default());
        for it in &self.advisories {
            builder.add(&Item::Advisory(Box::new(it.clone())))?;
        }
        let mut bytes = Vec::new();
        builder.finish(&mut bytes)?;
        Database::from_bytes(bytes).map_err(io::Error::other)
    }
}

pub(crate) fn run(folder: &Path, score: &mut Score) {
    if let Err(why) = compare(folder, score) {
        score.case(false, || why.to_string());
    }
}

fn compare(folder: &Path, score: &mut Score) -> io::Result<()> {
    let mut ours = Speaker::default();
    let states: Vec<_> =
        starter::states().into_iter().filter(|it| it.name != "debian-changelogs").collect();
    starter::items(&states, &mut |item| ours.take(item, None)).map_err(io::Error::other)?;
    let ids: BTreeSet<String> = ours.advisories.iter().map(|it| it.id.clone()).collect();
    let mut theirs = Speaker::default();
    let wanted = |file: &str| file.starts_with("osv-") || file.starts_with("cisa-kev");
    snapshots::feed_all(folder, wanted, &mut |item| {
        theirs.take(item, Some(&ids));
        Ok(())
    })?;
    ranges(&ours, &theirs, score)?;
    exploited(&ours, &theirs, score);
    Ok(())
}

/// Every version that either side names must be affected for both, or for neither.
fn ranges(ours: &Speaker, theirs: &Speaker, score: &mut Score) -> io::Result<()> {
    let (our_database, their_database) = (ours.database()?, theirs.database()?);
    let (mut agreed, mut differing, mut unknown) = (0, 0, 0);
    for (key @ (id, namespace, _), said) in &ours.said {
        let (Some(other), Some(ecosystem)) = (theirs.said.get(key), namespace.ecosystem()) else {
            unknown += 1;
            continue;
        };
        let versions: BTreeSet<&str> = said.iter().chain(other).flat_map(bounds).collect();
        let (package, known_as) = (&said[0].package, &other[0].package);
        let differ = |version: &&str| {
            let with =
                |database, package| affects(database, namespace, ecosystem, package, version, id);
            with(&our_database, package) != with(&their_database, known_as)
        };
        let wrong: Vec<&str> = versions.into_iter().filter(differ).collect();
        if wrong.is_empty() {
            agreed += 1
        } else {
            differing += 1
        }
        score.case(wrong.is_empty(), || {
            format!("{id} in {namespace} {package}: {}", wrong.join(", "))
        });
    }
    score.note(format!("{} vulnerabilities", ours.advisories.len()));
    score.note(format!(
        "ranges: {agreed} agreed, {differing} differing, {unknown} unknown to the snapshots"
    ));
    Ok(())
}

fn bounds(it: &Affected) -> impl Iterator<Item = &str> {
    it.ranges.iter().flat_map(|it| {
        let end = match &it.end {
            End::Fixed(it) | End::LastAffected(it) | End::Limit(it) => Some(it.as_str()),
            End::Open => None,
        };
        it.introduced.as_deref().into_iter().chain(end)
    })
}

fn affects(
    database: &Database,
    namespace: &Namespace,
    ecosystem: Ecosystem,
    package: &str,
    version: &str,
    id: &str,
) -> bool {
    let component = Component::new(ecosystem, package, version);
    feeds::affecting_ids(database, namespace.as_str(), component).contains(id)
}

/// Of those that CISA's catalogue holds, the day and the ransomware must be what it says; those that it had not taken up
/// by then are in a later one.
fn exploited(ours: &Speaker, theirs: &Speaker, score: &mut Score) {
    let fact = |it: &Exploited| (it.added, it.ransomware);
    let mut later = 0;
    for id in ours.exploited.keys().chain(theirs.exploited.keys()).collect::<BTreeSet<_>>() {
        let (our, their) = (ours.exploited.get(id), theirs.exploited.get(id));
        if their.is_none() && our.is_some_and(|it| it.added.is_none()) {
            later += 1;
            continue;
        }
        score.case(our.map(fact) == their.map(fact), || format!("{id}: {our:?}, but {their:?}"));
    }
    score.note(format!(
        "known to be exploited: {}, {later} of them later than the snapshot",
        ours.exploited.len()
    ));
}
