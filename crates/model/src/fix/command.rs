//! What to type, or to write down, so that packages change their version: one row for each package manager.
use crate::{Component, Distribution, Ecosystem, Presence, System};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// A package, and the version that it is to have.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) component: &'a Component,
    /// The file that speaks of it: its manager's.
    pub(super) path: &'a str,
    /// The version; that of the source package where `by_source`.
    pub(super) target: &'a str,
    pub(super) by_source: bool,
}

/// How a package manager is told.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Manager {
    /// What stands in front of all packages; `{}` for them. Nothing: each package has a line of its own.
    line: &'static str,
    /// A package in a version.
    package: &'static str,
    /// A package, when only the version of its source is known.
    newest: &'static str,
    /// Upgrades everything.
    all: &'static str,
}

const fn row(
    line: &'static str,
    package: &'static str,
    newest: &'static str,
    all: &'static str,
) -> Manager {
    Manager { line, package, newest, all }
}

const APK: Manager =
    row("apk add --no-cache --upgrade {}", "{name}>={version}", "{name}", "apk upgrade --no-cache");
const APT: Manager = row(
    "apt-get update && apt-get install -y --only-upgrade {}",
    "{name}={version}",
    "{name}",
    "apt-get update && apt-get upgrade -y",
);
const DNF: Manager = row("dnf upgrade -y {}", "{name}-{version}", "{name}", "dnf upgrade -y");
const OPKG: Manager = row("opkg update && opkg upgrade {}", "{name}", "{name}", "");
// Arch knows no upgrade of one package alone.
const PACMAN: Manager =
    row("pacman -Syu --noconfirm {}", "{name}", "{name}", "pacman -Syu --noconfirm");
const TDNF: Manager = row("tdnf update -y {}", "{name}-{version}", "{name}", "tdnf update -y");
const YUM: Manager = row("yum update -y {}", "{name}-{version}", "{name}", "yum update -y");
const ZYPPER: Manager = row(
    "zypper --non-interactive install {}",
    "{name}>={version}",
    "{name}",
    "zypper --non-interactive update",
);

/// The last releases with `yum`, by the distribution's name in OSV.
const LAST_YUM: &[(&str, u32)] = &[
    ("Alibaba Cloud Linux", 2),
    ("Amazon Linux", 2),
    ("Anolis", 7),
    ("CentOS", 7),
    ("Oracle Linux", 7),
    ("Red Hat", 7),
    ("TencentOS", 2),
];

const NPM: Manager = row("npm install {}", "{name}@{version}", "", "");
const NPM_DEV: Manager = row("npm install --save-dev {}", "{name}@{version}", "", "");
// What another package asked for, and no install of its own would replace.
const NPM_NESTED: Manager =
    row("npm pkg set {} && npm install", "overrides[{name}]={version}", "", "");
const YARN: Manager =
    row("npm pkg set {} && yarn install", "resolutions[{name}]={version}", "", "");
const PNPM: Manager =
    row("npm pkg set {} && pnpm install", "pnpm.overrides[{name}]={version}", "", "");
const BUN: Manager = row("npm pkg set {} && bun install", "overrides[{name}]={version}", "", "");

const PIP: Manager = row("pip install {}", "{name}=={version}", "", "");
const REQUIREMENTS: Manager = row("", "{name}=={version}", "", "");
const CONDA: Manager = row("conda install -y {}", "{name}={version}", "", "");
const POETRY: Manager = row("poetry update {}", "{name}", "", "");
const UV: Manager = row("uv lock {}", "--upgrade-package={name}=={version}", "", "");
const PDM: Manager = row("pdm update {}", "{name}", "", "");
const PIPENV: Manager = row("pipenv update {}", "{name}", "", "");

/// How a package is upgraded; `None` where no command does that.
fn manager(it: &Wanted<'_>, system: Option<&System>) -> Option<Manager> {
    let development = it.component.presence == Presence::Development;
    Some(match it.component.ecosystem {
        Ecosystem::Npm => npm(it.path, development),
        Ecosystem::Pypi => python(it.path),
        Ecosystem::Cargo => {
            row("", "cargo update -p {name}@{installed} --precise {version}", "", "")
        }
        Ecosystem::Composer if development => {
            row("composer require --dev {}", "{name}:{version}", "", "")
        }
        Ecosystem::Composer => row("composer require {}", "{name}:{version}", "", ""),
        Ecosystem::Conan => row("", "requires = {name}/{version}", "", ""),
        Ecosystem::Cran => {
            row("", "Rscript -e 'remotes::install_version(\"{name}\", \"{version}\")'", "", "")
        }
        Ecosystem::Gem => row("bundle update --conservative {}", "{name}", "", ""),
        Ecosystem::Golang => row("go get {}", "{name}@v{version}", "", ""),
        Ecosystem::Hackage => row("", "constraints: {name} >={version}", "", ""),
        Ecosystem::Hex => row("mix deps.update {}", "{name}", "", ""),
        Ecosystem::Julia => row(
            "",
            "julia --project -e 'using Pkg; Pkg.add(name=\"{name}\", version=\"{version}\")'",
            "",
            "",
        ),
        Ecosystem::Maven => row(
            "",
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>",
            "",
            "",
        ),
        Ecosystem::Nuget => row("", "dotnet add package {name} --version {version}", "", ""),
        Ecosystem::Pub => row("dart pub upgrade {}", "{name}", "", ""),
        Ecosystem::Swift => {
            row("", ".package(url: \"https://{name}\", from: \"{version}\")", "", "")
        }
        other => return distribution(other, system),
    })
}

/// How the packages of a distribution are upgraded.
fn distribution(ecosystem: Ecosystem, system: Option<&System>) -> Option<Manager> {
    Some(match ecosystem {
        Ecosystem::Apk => APK,
        Ecosystem::Alpm => PACMAN,
        Ecosystem::Deb => APT,
        Ecosystem::Opkg => OPKG,
        Ecosystem::Rpm => rpm(system),
        _ => return None,
    })
}

fn file(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Which of the managers of Node's packages looks after one, as its file tells.
fn npm(path: &str, development: bool) -> Manager {
    match file(path) {
        "yarn.lock" => YARN,
        "pnpm-lock.yaml" => PNPM,
        "bun.lock" => BUN,
        _ if path.matches("node_modules/").count() > 1 => NPM_NESTED,
        _ if development => NPM_DEV,
        _ => NPM,
    }
}

/// Which of the managers of Python's packages looks after one, as its file tells.
fn python(path: &str) -> Manager {
    match file(path) {
        "poetry.lock" => POETRY,
        "uv.lock" => UV,
        "pdm.lock" => PDM,
        "Pipfile.lock" => PIPENV,
        it if it.ends_with(".txt") && it.contains("requirements") => REQUIREMENTS,
        _ if path.contains("conda-meta/") => CONDA,
        _ => PIP,
    }
}

fn rpm(system: Option<&System>) -> Manager {
    let release = system.and_then(|it| it.release.as_ref());
    let Some((distribution, release)) = release.and_then(|it| Some((Distribution::of(it)?, it)))
    else {
        return DNF;
    };
    let name = distribution.osv;
    let text = distribution.release(release).unwrap_or_default();
    let major = text.split(|it: char| !it.is_ascii_digit()).find_map(|it| it.parse::<u32>().ok());
    let old = LAST_YUM.iter().find(|it| it.0 == name);
    match name {
        "SUSE" | "openSUSE" => ZYPPER,
        "Azure Linux" | "CBL-Mariner" | "Photon OS" => TDNF,
        _ if old.zip(major).is_some_and(|(last, major)| major <= last.1) => YUM,
        _ => DNF,
    }
}

/// What brings these packages of one ecosystem to the versions that are wanted.
pub(super) fn commands(
    ecosystem: Ecosystem,
    wanted: &[Wanted<'_>],
    system: Option<&System>,
) -> Vec<String> {
    let mut managed: BTreeMap<Manager, BTreeSet<String>> = BTreeMap::new();
    let mut commands: Vec<String> = Vec::new();
    // No package is called that, and every tool would take it for an option.
    for it in wanted.iter().filter(|it| !it.component.name.starts_with('-')) {
        match manager(it, system) {
            _ if it.is_standard() => commands.push(format!("go get go@{}", quoted(it.target))),
            Some(manager) => managed.entry(manager).or_default().extend(it.word(&manager)),
            None => {}
        }
    }
    for (manager, words) in managed.into_iter().filter(|it| !it.1.is_empty()) {
        let words: Vec<String> = words.into_iter().collect();
        match manager.line {
            "" => commands.extend(words),
            line => commands.push(line.replace("{}", &words.join(" "))),
        }
    }
    if ecosystem == Ecosystem::Golang && !commands.is_empty() {
        commands.push("go mod tidy".to_owned());
    }
    commands
}

/// What upgrades all packages of a system.
pub(super) fn at_once(ecosystem: Ecosystem, system: Option<&System>) -> Option<&'static str> {
    distribution(ecosystem, system).map(|it| it.all).filter(|it| !it.is_empty())
}

impl Wanted<'_> {
    /// Whether it is Go's own library, which comes with the compiler.
    pub(super) fn is_standard(&self) -> bool {
        self.component.ecosystem == Ecosystem::Golang
            && matches!(self.component.name.as_str(), "stdlib" | "toolchain")
    }

    /// The package for the manager's line, or a line of its own. None where it would have to stand in a program, and is no
    /// plain word.
    fn word(&self, manager: &Manager) -> Option<String> {
        let Component { name, version, .. } = self.component;
        // The advisory speaks of the source, and a package may count its versions otherwise.
        let other = self.by_source && self.component.source().1 != version;
        let template = if other { manager.newest } else { manager.package };
        let (group, artifact) = name.split_once(':').unwrap_or(("", name));
        let fill = |value: &dyn Fn(&str) -> String| {
            template
                .replace("{name}", &value(name))
                .replace("{group}", &value(group))
                .replace("{artifact}", &value(artifact))
                .replace("{installed}", &value(version))
                .replace("{version}", &value(self.target))
        };
        if template.starts_with('<') {
            return Some(fill(&|it| it.replace('&', "&amp;").replace('<', "&lt;")));
        }
        if template.contains('"') {
            return (is_plain(name) && is_plain(self.target)).then(|| fill(&str::to_owned));
        }
        Some(match manager.line {
            "" => fill(&|it| quoted(it).into_owned()),
            _ => quoted(&fill(&str::to_owned)).into_owned(),
        })
    }

    /// Whether the version that is wanted has the major number of the installed one.
    pub(super) fn keeps_major(&self) -> Option<bool> {
        let ecosystem = self.component.ecosystem;
        let installed = match self.by_source {
            true => self.component.source().1,
            false => &self.component.version,
        };
        Some(major(ecosystem, installed)? == major(ecosystem, self.target)?)
    }
}

/// The number whose change announces that something breaks. Before 1.0 that is the second, where versions follow
/// Semantic Versioning (2.0.0, section 4).
fn major(ecosystem: Ecosystem, version: &str) -> Option<(&str, &str)> {
    let version = version.split_once(':').map_or(version, |it| it.1);
    let version = version.trim_start_matches(['v', 'V']);
    let mut numbers = version.split(|it: char| !it.is_ascii_digit());
    let first = numbers.next().filter(|it| !it.is_empty())?;
    let second = numbers.next().unwrap_or_default();
    let early = first == "0" && !ecosystem.is_system();
    Some((first, if early { second } else { "" }))
}

/// A word as a shell takes it for one. What stands in it comes from the image.
fn quoted(word: &str) -> Cow<'_, str> {
    match is_plain(word) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', "'\\''"))),
    }
}

fn is_plain(word: &str) -> bool {
    word.chars().all(|it| it.is_ascii_alphanumeric() || "._+-:@/~^=%,".contains(it))
}
