//! The Ruby Advisory Database: a YAML document for each vulnerability of a gem or of Ruby itself, which lists the versions
//! that are patched and those that never were affected (rubysec/ruby-advisory-db, README, "Schema").
use super::{
    Emit, Feed, Item, Malformed, Place,
    interval::{Interval, complement},
    is_member,
    json::nullable,
    midnight, ranges, yaml,
};
use model::{Advisory, Affected, Ecosystem, Level, Names, Namespace, Severity, version::Scheme};
use serde::Deserialize;

pub(super) const FEED: Feed = Feed {
    name: "rubysec",
    title: "Ruby Advisory Database",
    places: &[Place::one(
        "https://github.com/rubysec/ruby-advisory-db/archive/refs/heads/master.tar.gz",
    )],
    licence: "public domain; parts derived from OSVDB under its terms",
    attribution: "Ruby Advisory Database (rubysec.com)",
    default: true,
    derived: false,
    parse,
};

/// The implementations of Ruby, as the NVD calls them.
const ENGINES: &[(&str, &str)] = &[
    ("jruby", "jruby:jruby"),
    ("mruby", "mruby:mruby"),
    ("rbx", "rubinius:rubinius"),
    ("ruby", "ruby-lang:ruby"),
];

#[derive(Deserialize)]
struct Record {
    gem: Option<String>,
    engine: Option<String>,
    cve: Option<String>,
    ghsa: Option<String>,
    osvdb: Option<String>,
    url: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    title: String,
    date: Option<String>,
    cvss_v2: Option<String>,
    cvss_v3: Option<String>,
    cvss_v4: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    patched_versions: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    unaffected_versions: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    related: Related,
}

#[derive(Default, Deserialize)]
struct Related {
    #[serde(default, deserialize_with = "nullable")]
    url: Vec<String>,
}

fn parse(document: &[u8], name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    if !is_member(name, &["gems/", "rubies/"], ".yml") {
        return Ok(());
    }
    let record: Record = yaml::document(document)?;
    let mut names = names(&record).into_iter();
    let id = names.next().ok_or(Malformed("no cve, ghsa or osvdb".into()))?;
    let affected = match affected(&record) {
        Ok(it) => it,
        Err(why) => {
            emit(Item::Skipped(why));
            return Ok(());
        }
    };
    let scores = [&record.cvss_v4, &record.cvss_v3, &record.cvss_v2];
    let score = scores.into_iter().flatten().find_map(|it| it.parse().ok());
    let level = score
        .map(|it| Severity { by: "RubySec".to_owned(), value: Level::of_score(it).to_string() });
    emit(Item::Advisory(Box::new(Advisory {
        id,
        feed: FEED.name.to_owned(),
        aliases: names.collect(),
        title: record.title.trim().to_owned(),
        published: record.date.as_deref().and_then(midnight),
        severities: level.into_iter().collect(),
        references: record.url.into_iter().chain(record.related.url).collect(),
        affected: vec![affected],
        ..Advisory::default()
    })));
    Ok(())
}

/// What a record is called, the most widely known name first.
fn names(record: &Record) -> Vec<String> {
    let of = [("CVE", &record.cve), ("GHSA", &record.ghsa), ("OSVDB", &record.osvdb)];
    let name = |(kind, it): (&str, &Option<String>)| Some(format!("{kind}-{}", it.as_ref()?));
    of.into_iter().filter_map(name).collect()
}

fn affected(record: &Record) -> Result<Affected, String> {
    let (namespace, package) = match (&record.gem, &record.engine) {
        (Some(gem), _) => ("RubyGems", gem.as_str()),
        (None, Some(engine)) => {
            let known = ENGINES.iter().find(|it| it.0 == engine);
            (Namespace::NVD, known.ok_or_else(|| format!("Ruby engine {engine}"))?.1)
        }
        (None, None) => return Err("neither a gem nor an engine".to_owned()),
    };
    let namespace = Namespace::new(namespace);
    let scheme = namespace.ecosystem().map_or(Scheme::Gem, Ecosystem::scheme);
    let mut safe = Vec::new();
    for (list, patched) in [(&record.patched_versions, true), (&record.unaffected_versions, false)]
    {
        for it in list {
            let interval = Interval::parse(it, scheme);
            safe.push((interval.ok_or_else(|| format!("requirement {it}"))?, patched));
        }
    }
    let mut affected = Affected::every_version(namespace, package, Names::Package);
    affected.ranges.clear();
    for (interval, fix) in complement(safe, scheme) {
        interval.put(fix, &mut affected);
    }
    affected.status = ranges::status(&affected.ranges, None);
    Ok(affected)
}
