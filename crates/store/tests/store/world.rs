//! Images, inventories and findings, in few words.
use model::{
    Component, Coverage, Ecosystem, Enrichment, Finding, Grade, ImagePath, Inventory, Kind,
    Located, Namespace, Priority, Rating, Release, Status, System, Why,
};
use store::{
    Result, Store, Tx,
    places::{self, Kind as Manifest, Seen},
    registries, rematch,
    scans::{self, Outcome, Scan},
};

/// The build of the advisories that tests begin with.
pub(crate) const BUILD: &str = "one";

/// What the tests' scans say of an image besides its components, as `scan` writes it.
pub(crate) const DETAIL: &str = r#"{
    "image": {"name": "registry.example/team/a:1", "digest": null, "platform": {"os": "linux", "architecture": "amd64"},
      "created": null, "layers": [
        {"blob": {"mediaType": "", "digest": null, "size": 5}, "diff_id": null, "created_by": "ADD file:1 in /"},
        {"blob": {"mediaType": "", "digest": null, "size": 5}, "diff_id": null, "created_by": "RUN npm install"}]},
    "layers": [{"bytes": 10, "entries": 2}, {"bytes": 20, "entries": 3}],
    "systems": [{"root": "", "release": {"id": "debian", "id_like": [], "version_id": "12", "codename": "",
      "pretty": "Debian 12", "version": "", "variant": "", "cpe": ""}}],
    "executables": {"files": 10, "bytes": 1000, "owned_files": 9, "owned_bytes": 750}
  }"#;

/// As in `assess`, but simpler.
pub(crate) fn rate(_: Kind, level: model::Level, status: Status, known: &Enrichment) -> Priority {
    let value = match level {
        model::Level::Critical | model::Level::High => 60,
        model::Level::Medium => 30,
        _ => 10,
    };
    let fix = if status == Status::Fixed { 5 } else { 0 };
    let exploited = if known.exploited.is_some() { 30 } else { 0 };
    Priority { value: value + fix + exploited, rule: String::new() }
}

/// A digest.
pub(crate) fn digest(name: &str) -> String {
    let hex: String = name.bytes().cycle().take(32).map(|it| format!("{it:02x}")).collect();
    format!("sha256:{hex}")
}

/// A registry.
pub(crate) fn registry(store: &Store, name: &str) -> i64 {
    let new = registries::New {
        kind: "oci",
        name,
        address: "registry.example",
        account: None,
        document: "{}",
        secret: Some(b"secret"),
        hook: None,
        created_at: 1,
    };
    store.write(|tx| registries::add(tx, &new)).unwrap()
}

/// A manifest of an image with these tags.
pub(crate) fn seen(name: &str, tags: &[&str]) -> Seen {
    Seen {
        digest: digest(name),
        kind: Manifest::Image,
        platform: "linux/amd64".to_owned(),
        size: 1000,
        pushed_at: 5,
        tags: tags.iter().map(|it| ((*it).to_owned(), 5)).collect(),
        parts: Vec::new(),
    }
}

/// A whole round over repositories with these images, and its number.
pub(crate) fn round(
    store: &Store,
    registry: i64,
    repositories: &[(&str, Vec<Seen>)],
    at: i64,
) -> i64 {
    let round = store.write(|tx| registries::begin_round(tx, registry)).unwrap().round;
    let names: Vec<String> = repositories.iter().map(|it| it.0.to_owned()).collect();
    let found = store.write(|tx| places::repositories(tx, registry, round, &names)).unwrap();
    for (name, images) in repositories {
        let id = found.iter().find(|it| it.name == *name).unwrap().id;
        store
            .write(|tx| {
                places::see(tx, id, round, images, at)?;
                places::close(tx, id, round, "read", at)
            })
            .unwrap();
    }
    store.write(|tx| registries::end_round(tx, registry, round, at)).unwrap();
    round
}

/// A repository by name.
pub(crate) fn repository(store: &Store, registry: i64, name: &str) -> i64 {
    store.read(|tx| store::repositories::named(tx, registry, name)).unwrap().unwrap()
}

/// The key of an image.
pub(crate) fn image(store: &Store, name: &str) -> i64 {
    store.read(|tx| scans::known(tx, &digest(name))).unwrap().unwrap().id
}

/// What a component is, where and in which layer. `deb:` and `npm:` before a name say what it is.
pub(crate) fn located(name: &str, version: &str, layer: usize) -> Located<Component> {
    let (kind, name) = name.split_once(':').unwrap_or(("deb", name));
    let (ecosystem, system, path) = match kind {
        "npm" => (Ecosystem::Npm, None, format!("srv/{layer}/node_modules/{name}/package.json")),
        _ => (Ecosystem::Deb, Some(0), "var/lib/dpkg/status".to_owned()),
    };
    Located {
        what: Component::new(ecosystem, name, version),
        path: Some(ImagePath::parse(path.as_bytes()).unwrap()),
        layer,
        by: "cataloger".to_owned(),
        system,
    }
}

/// An inventory of Debian 12.
pub(crate) fn inventory(components: Vec<Located<Component>>) -> Inventory {
    let release = Release {
        id: "debian".to_owned(),
        version_id: "12".to_owned(),
        pretty: "Debian 12".to_owned(),
        ..Release::default()
    };
    let systems = vec![System { release: Some(release), ..System::default() }];
    Inventory { systems, components, ..Inventory::default() }
}

/// A finding about the component of this index.
pub(crate) fn finding(component: usize, id: &str, level: model::Level) -> Finding {
    Finding {
        component,
        id: id.to_owned(),
        aliases: Vec::new(),
        errata: Vec::new(),
        kind: Kind::Vulnerability,
        status: Status::Fixed,
        certain: true,
        fixed: Some("9.9".to_owned()),
        subscription: None,
        severity: Rating { level, ..Rating::default() },
        ratings: Vec::new(),
        title: format!("what {id} is about"),
        cwes: Vec::new(),
        references: Vec::new(),
        published: None,
        exploited: None,
        exploits: Vec::new(),
        restart: None,
        epss: None,
        priority: Priority::default(),
        why: Why {
            namespace: Namespace::new("Debian:12"),
            package: "p".to_owned(),
            by_source: false,
            version: "1".to_owned(),
            scheme: "dpkg".to_owned(),
            feed: "test".to_owned(),
            advisory: id.to_owned(),
            range: "< 9.9".to_owned(),
            comparison: "1 < 9.9 (dpkg)".to_owned(),
        },
        sample: None,
        sources: Vec::new(),
    }
}

/// By what advisories name a component.
pub(crate) fn keys(it: &Located<Component>) -> Vec<(String, String)> {
    let namespace = if it.system.is_some() { "Debian:12" } else { "npm" };
    vec![(namespace.to_owned(), it.what.name.clone())]
}

/// Stores the result of a scan of this image.
pub(crate) fn scan(
    store: &Store,
    name: &str,
    inventory: &Inventory,
    findings: &[Finding],
    at: i64,
) {
    store.write(|tx| rematch::begin(tx, BUILD)).unwrap();
    let image = image(store, name);
    let outcome = store.write(|tx| write_scan(tx, image, BUILD, inventory, findings, at));
    assert_eq!(outcome.unwrap(), Outcome::Stored);
    while store.write(|tx| store::settle(tx, 1, at)).unwrap() > 0 {}
}

/// The same in a transaction of one's own.
pub(crate) fn write_scan(
    tx: &mut Tx<'_>,
    image: i64,
    build: &str,
    inventory: &Inventory,
    findings: &[Finding],
    at: i64,
) -> Result<Outcome> {
    let keys: Vec<_> = inventory.components.iter().map(keys).collect();
    let coverage = Coverage { grade: Grade::Known, reasons: Vec::new() };
    let scan = Scan {
        image,
        at,
        build,
        revision: "r1",
        system: "Debian 12",
        platform: "linux/amd64",
        size: 1,
        inventory,
        keys: &keys,
        findings,
        coverage: &coverage,
        verify: at % 20 == 0,
        detail: DETAIL.as_bytes(),
    };
    scans::succeed(tx, &scan, &rate)
}
