//! Java archives, in archives to any depth: each says what it is in Maven's files (Apache Maven Archiver, "pom.properties"),
//! its manifest (JAR File Specification, "JAR Manifest"; OSGi Core, "Bundle Manifest Headers") or, at worst, by its
//! name; and the runtime (`release`, as OpenJDK's build writes it). Nothing but Maven's files and manifests is unpacked.
mod identity;
mod manifest;
mod pom;

use crate::{
    Cataloger,
    listed::{List, list, text, unquoted},
    product,
};
use inspect::{
    Fault, File, Found,
    archive::{Budget, Go, Member, open},
};
use model::Ecosystem;
use pom::Pom;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const ARCHIVE: Cataloger = Cataloger {
    name: "java-archive",
    revision: 2,
    paths: &[
        "*.jar", "*.war", "*.ear", "*.par", "*.sar", "*.har", "*.rar", "*.kar", "*.nar", "*.hpi",
        "*.jpi", "*.aar", "*.lpkg",
    ],
    parse: archive,
};

pub(crate) const RUNTIME: Cataloger =
    Cataloger { name: "java-release", revision: 2, paths: &["release"], parse: runtime };

/// What lies in an archive that is an archive of Java's itself.
const NESTED: [&str; 12] = [
    ".jar", ".war", ".ear", ".par", ".sar", ".har", ".rar", ".kar", ".nar", ".hpi", ".jpi", ".aar",
];
/// The most of a manifest or of Maven's files that is read.
const TEXT_BYTES: usize = 4 << 20;

/// What one archive says of itself.
#[derive(Debug, Default)]
struct Jar {
    manifest: BTreeMap<String, String>,
    /// By the directory that they are in. What was shaded into it has its own.
    poms: BTreeMap<String, Pom>,
}

fn archive(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let mut jars: BTreeMap<String, Jar> = BTreeMap::from([(String::new(), Jar::default())]);
    let mut budget = Budget { depth: 16, members: 4_000_000, ..Budget::default() };
    let missed = open(file, &mut budget, &mut |member| member_of(&mut jars, member))?;
    found.gaps.extend(missed.into_iter().map(|it| it.gap(ARCHIVE.name)));
    let before = found.components.len();
    list(ARCHIVE.name, Ecosystem::Maven, found, |list| {
        let mut known = BTreeSet::new();
        jars.iter().try_for_each(|(place, jar)| {
            let place = if place.is_empty() { file.path.name() } else { place };
            jar.list(place.rsplit('/').next().unwrap_or(place), list, &mut known)
        })
    })?;
    product::of_archive(file, before, found)
}

fn member_of(jars: &mut BTreeMap<String, Jar>, member: &mut Member<'_>) -> Result<Go, Fault> {
    let (place, name) = member.path().rsplit_once("!/").unwrap_or(("", member.path()));
    let ending = name.rfind('.').and_then(|it| name.get(it..)).unwrap_or_default();
    if NESTED.contains(&ending) {
        jars.entry(member.path().to_owned()).or_default();
        return Ok(Go::Inside);
    }
    let Some(rest) = name.strip_prefix("META-INF/") else { return Ok(Go::Past) };
    let maven = rest.strip_prefix("maven/").and_then(|it| it.rsplit_once('/'));
    let (place, maven) = (place.to_owned(), maven.map(|it| (it.0.to_owned(), it.1.to_owned())));
    match (rest, maven) {
        ("MANIFEST.MF", _) => {
            let manifest = manifest::parse(content(member)?);
            jars.entry(place).or_default().manifest = manifest;
        }
        (_, Some((dir, file))) if file == "pom.properties" => {
            let pom = pom::properties(content(member)?);
            jars.entry(place).or_default().poms.insert(dir, pom);
        }
        (_, Some((dir, file))) if file == "pom.xml" => {
            let pom = pom::xml(content(member)?);
            jars.entry(place).or_default().poms.entry(dir).or_insert(pom);
        }
        _ => {}
    }
    Ok(Go::Past)
}

fn content<'a>(member: &'a mut Member<'_>) -> Result<&'a [u8], Fault> {
    let bytes = member.content()?.bytes;
    if bytes.len() > TEXT_BYTES {
        return Err(Fault::TooLarge(format!("{} bytes of description", bytes.len())));
    }
    Ok(bytes)
}

impl Jar {
    /// Takes in the archive called `name`, and what was shaded into it.
    fn list(
        &self,
        name: &str,
        list: &mut List<'_, '_>,
        known: &mut BTreeSet<Pom>,
    ) -> Result<(), Fault> {
        let own = identity::of(name, &self.manifest, &self.poms);
        for it in own.iter().chain(self.poms.values().filter(|it| it.is_whole())) {
            if !known.insert(it.clone()) {
                continue;
            }
            if it.group.is_empty() {
                list.unknown(format!("the group of `{}` in `{name}`", it.artifact));
                list.installed(&it.artifact, &it.version)?;
            } else {
                list.installed(&format!("{}:{}", it.group, it.artifact), &it.version)?;
            }
        }
        if own.is_none() && !self.poms.values().any(Pom::is_whole) && !is_a_part(name) {
            list.unknown(format!("what `{name}` is, and in which version"));
        }
        Ok(())
    }
}

/// Parts that have no name of their own: the classes of an Android library.
fn is_a_part(name: &str) -> bool {
    name == "classes.jar"
}

/// `KEY="value"` a line: `JAVA_VERSION`, `IMPLEMENTOR`. Other files are called so too.
fn runtime(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let of = |key: &str| {
        let line = text.lines().find_map(|it| it.strip_prefix(key)?.strip_prefix('='));
        line.map(unquoted)
    };
    // As the program says it, where that is known.
    let Some(version) = of("JAVA_VERSION").map(|it| of("JAVA_RUNTIME_VERSION").unwrap_or(it))
    else {
        return Ok(());
    };
    let graal = of("GRAALVM_VERSION").is_some();
    let name = if graal { "oracle/graalvm" } else { "oracle/openjdk" };
    list(RUNTIME.name, Ecosystem::Generic, found, |list| list.installed(name, version))
}
