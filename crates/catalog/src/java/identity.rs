//! What an archive is, where Maven left nothing, or several things: its name and its manifest have to agree.
use super::pom::Pom;
use std::collections::BTreeMap;

/// Organisations that give this as theirs in manifests of many groups.
const ORGANISATIONS: [&str; 4] = ["org.apache", "com.sun", "com.google", "org.eclipse"];

/// Groups that no manifest says: artifacts, with what a value of the manifest must begin with. A `*` at the end
/// stands for anything.
#[rustfmt::skip]
const GROUPS: &[(&str, &str, &str)] = &[
    ("spring-boot*", "org.springframework.boot", "spring.boot"),
    ("spring-security-*", "org.springframework.security", "spring.security"),
    ("spring-data-*", "org.springframework.data", "spring.data"),
    ("spring-*", "org.springframework", "spring."),
    ("spring-*", "org.springframework", "spring-"),
    ("ant*", "org.apache.ant", "org.apache.tools.ant"),
    ("bcprov-*", "org.bouncycastle", "bcprov"),
    ("bcpkix-*", "org.bouncycastle", "bcpkix"),
    ("commons-collections", "commons-collections", "org.apache.commons.collections"),
    ("commons-httpclient", "commons-httpclient", "org.apache.commons.httpclient"),
    ("derby*", "org.apache.derby", "derby"),
    ("groovy*", "org.codehaus.groovy", "groovy"),
    ("gson", "com.google.code.gson", "com.google.gson"),
    ("guice", "com.google.inject", "com.google.inject"),
    ("guice-*", "com.google.inject.extensions", "com.google.inject"),
    ("h2", "com.h2database", "org.h2"),
    ("ivy", "org.apache.ivy", "org.apache.ivy"),
    ("jackson-core-asl", "org.codehaus.jackson", "jackson-core-asl"),
    ("jackson-mapper-asl", "org.codehaus.jackson", "jackson-mapper-asl"),
    ("jackson-module-scala*", "com.fasterxml.jackson.module", "com.fasterxml.jackson.module"),
    ("jdo-api", "javax.jdo", "javax.jdo"),
    ("libthrift", "org.apache.thrift", "org.apache.thrift"),
    ("log4j", "log4j", "log4j"),
    ("lucene-*", "org.apache.lucene", "org.apache.lucene"),
    ("lz4-java", "org.lz4", "org.lz4"),
    ("mysql-connector-java", "mysql", "com.mysql.cj"),
    ("mysql-connector-j", "com.mysql", "com.mysql.cj"),
    ("oro", "oro", "org.apache.oro"),
    ("postgresql", "org.postgresql", "org.postgresql"),
    ("struts", "struts", "Struts"),
    ("velocity", "org.apache.velocity", "org.apache.velocity"),
    ("xercesImpl", "xerces", "org.apache.xerces"),
    ("xstream", "com.thoughtworks.xstream", "xstream"),
    ("xz", "org.tukaani", "org.tukaani.xz"),
    ("zookeeper", "org.apache.zookeeper", "org.apache.zookeeper"),
];

type Manifest = BTreeMap<String, String>;

/// The archive called `name`; `None` where neither Maven's files, nor the manifest, nor the name say it. Its group is
/// empty where it can't be known offline.
pub(super) fn of(name: &str, manifest: &Manifest, poms: &BTreeMap<String, Pom>) -> Option<Pom> {
    let stem = name.rsplit_once('.').map_or(name, |it| it.0);
    let is_own = |it: &&Pom| {
        let rest = stem.strip_prefix(&it.artifact).filter(|_| !it.artifact.is_empty());
        rest.is_some_and(|it| it.is_empty() || it.starts_with(['-', '_', '.']))
    };
    let pom = poms.values().filter(is_own).max_by_key(|it| it.artifact.len());
    match pom {
        Some(it) if it.is_whole() => Some(it.clone()),
        // A project whose version something else fills in: that is in the manifest, or in the name.
        Some(it) if !it.group.is_empty() && !it.group.contains("${") => {
            let version = version(manifest, split(stem).1)?;
            Some(Pom { version, ..it.clone() })
        }
        // One alone is this archive's under another name; several were put into something that has none.
        _ => guessed(stem, manifest).filter(|it| !it.group.is_empty() || poms.len() != 1),
    }
}

fn guessed(stem: &str, manifest: &Manifest) -> Option<Pom> {
    let jenkins = [manifest.get("Group-Id"), manifest.get("Short-Name")];
    if let ([Some(group), Some(artifact)], Some(version)) =
        (jenkins, manifest.get("Plugin-Version"))
    {
        let version = first_word(version);
        return Some(Pom { group: group.clone(), artifact: artifact.clone(), version });
    }
    let (artifact, named) = split(stem);
    let version = version(manifest, named)?;
    let (group, artifact) = match tomcat(manifest) {
        Some(it) => it,
        None => (group(artifact, manifest).unwrap_or_default(), artifact.to_owned()),
    };
    Some(Pom { group, artifact, version })
}

/// `guava-31.1-jre`: the version begins with the first digit behind a hyphen.
fn split(stem: &str) -> (&str, Option<&str>) {
    let digit = |it: &str| it.starts_with(|it: char| it.is_ascii_digit());
    let mut hyphens = stem.match_indices('-').filter_map(|(at, _)| stem.split_at_checked(at));
    let found = hyphens.find_map(|(before, after)| {
        Some((before, after.strip_prefix('-').filter(|it| digit(it))?))
    });
    found.filter(|it| !it.0.is_empty()).map_or((stem, None), |(name, it)| (name, Some(it)))
}

/// That of the name, unless the manifest says something else: there may stand more beside it, as when it was built.
fn version(manifest: &Manifest, named: Option<&str>) -> Option<String> {
    let keys = ["Implementation-Version", "Bundle-Version", "Specification-Version"];
    let mut said = keys.iter().filter_map(|it| manifest.get(*it)).map(|it| first_word(it));
    let said = said.find(|it| it.starts_with(|it: char| it.is_ascii_digit()));
    let major = |it: &str| it.split(['.', '-']).next().unwrap_or_default().to_owned();
    match (named, said) {
        (Some(named), Some(said)) if major(named) != major(&said) => Some(said),
        (Some(named), _) => Some(named.to_owned()),
        (None, said) => said,
    }
}

fn first_word(text: &str) -> String {
    text.split([' ', ';']).next().unwrap_or_default().trim_matches('"').to_owned()
}

/// Tomcat's own archives have other names than those in Maven's repository: `catalina.jar`.
fn tomcat(manifest: &Manifest) -> Option<(String, String)> {
    let name = manifest.get("Bundle-SymbolicName")?.strip_prefix("org.apache.")?;
    let (prefix, _) = name.split_once('-')?;
    (prefix == "tomcat").then(|| ("org.apache.tomcat".to_owned(), first_word(name)))
}

fn group(artifact: &str, manifest: &Manifest) -> Option<String> {
    let keys = ["Bundle-SymbolicName", "Automatic-Module-Name", "Implementation-Title"];
    let values: Vec<String> =
        keys.iter().filter_map(|it| manifest.get(*it)).map(|it| first_word(it)).collect();
    let known = GROUPS.iter().find(|(name, _, evidence)| {
        let same = match name.strip_suffix('*') {
            Some(prefix) => artifact.starts_with(prefix),
            None => artifact == *name,
        };
        same && values.iter().any(|it| it.starts_with(evidence))
    });
    known.map(|it| it.1.to_owned()).or_else(|| bundle(artifact, values.first()?)).or_else(|| {
        let id = manifest.get("Implementation-Vendor-Id")?;
        let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
        let sound = id.contains('.') && id.chars().all(plain);
        (sound && !ORGANISATIONS.contains(&id.as_str())).then(|| id.clone())
    })
}

/// `org.scala-lang.modules.scala-xml` is `scala-xml` of the group before it. That says nothing where the last part is
/// a plain word, since then it may be part of the group: `com.google.gson`.
fn bundle(artifact: &str, name: &str) -> Option<String> {
    let artifact = artifact.split("_2.").next()?;
    let group = name.strip_suffix(artifact)?.strip_suffix('.')?;
    (artifact.contains('-') && group.contains('.')).then(|| group.to_owned())
}
