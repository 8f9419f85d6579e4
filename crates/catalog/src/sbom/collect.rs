//! Puts together what a bill of materials lists, whatever its format.
use model::{
    Component, Ecosystem, Gap, ImagePath, Inventory, Located, Purl, Reason, Release, SourcePackage,
    System,
};
use std::collections::{BTreeMap, BTreeSet};

/// How many are named in a gap that counts.
const NAMED: usize = 5;

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Collected {
    components: BTreeSet<(Component, Option<ImagePath>)>,
    /// The operating system that the bill names: `ID`, `VERSION_ID`.
    system: Option<(String, String)>,
    /// The distributions that package URLs name, and how often.
    distros: BTreeMap<(String, String), u64>,
    /// What has no package URL.
    nameless: Counted,
    /// What has one that is none.
    malformed: Counted,
    /// Types of package URLs that are no ecosystem of ours.
    unknown: Counted,
    /// What has no version.
    versionless: Counted,
}

/// One entry of a bill.
#[derive(Debug, Default)]
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
    pub(super) purl: Option<&'a str>,
    /// The source package, where the bill has it outside of the package URL.
    pub(super) source: Option<SourcePackage>,
    /// Who made it.
    pub(super) vendor: Option<&'a str>,
    /// A file that it was found in.
    pub(super) path: Option<&'a str>,
}

/// How many there are, with a few examples.
#[derive(Debug, Default)]
struct Counted {
    count: u64,
    examples: BTreeSet<String>,
}

impl Collected {
    /// Adds what the bill calls the operating system.
    pub(super) fn system(&mut self, name: &str, version: Option<&str>) {
        let system = (id(name), version.unwrap_or_default().to_owned());
        self.system.get_or_insert(system);
    }

    /// Adds an entry.
    pub(super) fn item(&mut self, item: Item<'_>) {
        let Some(text) = item.purl else { return self.nameless.add(item.name) };
        let Ok(mut purl) = Purl::parse(text) else { return self.malformed.add(text) };
        let Some(ecosystem) = Ecosystem::from_purl(&purl.kind) else {
            return self.unknown.add(&purl.kind);
        };
        purl.version = purl.version.or_else(|| item.version.map(str::to_owned));
        let Some(mut component) = purl.component() else {
            return self.versionless.add(item.name);
        };
        if ecosystem.is_system() {
            let vendor = || purl.namespace.first().map(|it| (it.clone(), String::new()));
            if let Some((name, version)) = purl.distro().or_else(vendor) {
                let votes = self.distros.entry((id(&name), version)).or_default();
                *votes = votes.saturating_add(1);
            }
            component.source = component.source.or(item.source);
        }
        component.vendor = item.vendor.map(str::to_owned);
        let path = item.path.and_then(|it| ImagePath::parse(it.as_bytes()).ok());
        self.components.insert((component, path));
    }

    /// All of it.
    pub(super) fn inventory(mut self, by: &str) -> Inventory {
        let gaps = self.gaps();
        let located = |gap| located(Gap::new(by, gap), None, by, None);
        let gaps = gaps.into_iter().map(located).collect();
        let has_packages = self.components.iter().any(|it| it.0.ecosystem.is_system());
        let release = self.release();
        let systems = if release.is_some() || has_packages {
            vec![System { release, ..System::default() }]
        } else {
            Vec::new()
        };
        let system = systems.first().map(|_| 0);
        let components =
            self.components.into_iter().map(|(it, path)| self::located(it, path, by, system));
        let components = components.collect();
        Inventory { systems, components, gaps, ..Inventory::default() }
    }

    fn release(&self) -> Option<Release> {
        let votes = || self.distros.iter().max_by_key(|it| *it.1).map(|it| it.0);
        let (id, version_id) = self.system.as_ref().or_else(votes)?.clone();
        Some(Release { id, version_id, ..Release::default() })
    }

    fn gaps(&mut self) -> Vec<Reason> {
        let mut gaps = Vec::new();
        let mut add = |reason: fn(String) -> Reason, counted: &Counted, what: &str| {
            if counted.count > 0 {
                gaps.push(reason(format!("{} {what}: {counted}", counted.count)));
            }
        };
        let unknown = "of a kind of package that is not known";
        add(Reason::Unknown, &self.nameless, "without a package URL");
        add(Reason::Unknown, &self.versionless, "without a version");
        add(Reason::Unsupported, &self.unknown, unknown);
        add(Reason::Malformed, &self.malformed, "whose package URL is none");
        // A distribution named without its version is no contradiction to one with it.
        let named: Vec<_> = self.distros.keys().filter(|it| !it.1.is_empty()).collect();
        if self.system.is_none() && named.len() > 1 {
            let names: Vec<_> = named.iter().map(|it| format!("{} {}", it.0, it.1)).collect();
            gaps.push(Reason::Ambiguous(format!("packages of {}", names.join(", "))));
        }
        if !named.is_empty() {
            self.distros.retain(|it, _| !it.1.is_empty());
        }
        gaps
    }
}

fn located<T>(what: T, path: Option<ImagePath>, by: &str, system: Option<usize>) -> Located<T> {
    Located { what, path, layer: 0, by: by.to_owned(), system }
}

/// The `ID` of os-release(5) for what Trivy and vendors call a distribution.
fn id(name: &str) -> String {
    let name = name.to_lowercase();
    let id = match name.as_str() {
        "redhat" | "red hat enterprise linux" => "rhel",
        "amazon" | "amazon linux" => "amzn",
        "oracle" | "oracle linux server" => "ol",
        "alma" => "almalinux",
        "suse" | "suse linux enterprise server" => "sles",
        "opensuse.leap" => "opensuse-leap",
        "opensuse.tumbleweed" => "opensuse-tumbleweed",
        "cbl-mariner" => "mariner",
        "azure" => "azurelinux",
        it => it,
    };
    id.to_owned()
}

impl Counted {
    fn add(&mut self, name: &str) {
        self.count = self.count.saturating_add(1);
        if self.examples.len() < NAMED {
            self.examples.insert(name.chars().take(100).collect());
        }
    }
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.examples.iter().map(|it| format!("`{it}`")).collect();
        write!(f, "{}", names.join(", "))?;
        let named = u64::try_from(names.len()).unwrap_or(u64::MAX);
        if self.count > named { f.write_str("...") } else { Ok(()) }
    }
}
