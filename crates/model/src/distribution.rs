//! The distributions that we recognise, and all that differs between them: one row each.
use crate::{Ecosystem, Namespace, Release};
use jiff::civil::{Date, date};

/// A distribution: a row of [`DISTRIBUTIONS`].
#[derive(Debug)]
pub struct Distribution {
    /// What people call it.
    pub name: &'static str,
    /// The `ID`s it goes by in os-release(5), compared without regard to case.
    pub ids: &'static [&'static str],
    /// What `PRETTY_NAME` holds, for those that share an `ID` with another; empty otherwise.
    pub pretty: &'static str,
    /// What its packages are.
    pub ecosystem: Ecosystem,
    /// Its name in OSV records, before the colon (OSV schema, "Defined Ecosystems"). For those that
    /// OSV does not know, a name of ours.
    pub osv: &'static str,
    /// The release as its advisories write it, from what the image says: `12`, `v3.20`,
    /// `22.04:LTS`, `15 SP4`; empty for rolling distributions, `None` when the image does not say.
    release: fn(&Release) -> Option<String>,
    /// Its namespaces, `{}` standing for the release. The distribution's own comes first.
    namespaces: &'static [&'static str],
    /// Namespaces of the distribution that this one is a rebuild of.
    inherits: &'static [&'static str],
    /// The last day on which everybody gets fixes for a release.
    end_of_life: Dates,
}

/// The end of life by release.
type Dates = &'static [(&'static str, Date)];

impl Distribution {
    /// The distribution that a release file names.
    pub fn of(release: &Release) -> Option<&'static Distribution> {
        let is = |id: &&str| id.eq_ignore_ascii_case(&release.id);
        let fits = |it: &&Distribution| it.ids.iter().any(is) && release.pretty.contains(it.pretty);
        DISTRIBUTIONS.iter().filter(fits).max_by_key(|it| it.pretty.len())
    }

    /// The distribution that OSV records call `name`.
    pub fn from_osv(name: &str) -> Option<&'static Distribution> {
        DISTRIBUTIONS.iter().find(|it| it.osv == name)
    }

    /// The release as its advisories write it; `None` when the image does not say.
    pub fn release(&self, release: &Release) -> Option<String> {
        (self.release)(release)
    }

    /// Where advisories for this release are found, the most general first. None when the release
    /// is not known, since those of another release would mislead.
    ///
    /// Distributions split by channels (Red Hat's repositories, SUSE's modules) have one for each
    /// channel, as an image can't tell from which one a package came.
    pub fn namespaces(&self, release: &Release) -> Vec<Namespace> {
        self.fill(self.namespaces, release)
    }

    /// Namespaces of the distribution that this one is a rebuild of. What is unfixed there is
    /// unfixed here; fixed versions are this distribution's own to tell.
    pub fn inherited(&self, release: &Release) -> Vec<Namespace> {
        self.fill(self.inherits, release)
    }

    /// The last day with fixes for everybody; `None` when the release has no such day, or none
    /// that we know.
    pub fn end_of_life(&self, release: &Release) -> Option<Date> {
        let release = self.release(release)?;
        self.end_of_life.iter().find(|it| it.0 == release).map(|it| it.1)
    }

    fn fill(&self, templates: &[&str], release: &Release) -> Vec<Namespace> {
        let Some(release) = self.release(release) else { return Vec::new() };
        templates.iter().map(|it| Namespace::new(&it.replace("{}", &release))).collect()
    }
}

impl Namespace {
    /// The subscription that fixes of this namespace are for; `None` when they are for everybody.
    pub fn subscription(&self) -> Option<&'static str> {
        match self.as_str() {
            it if it.starts_with("Ubuntu:Pro:") => Some("Ubuntu Pro"),
            it if it.starts_with("SUSE:") && it.contains("LTSS") => Some("SUSE LTSS"),
            _ => None,
        }
    }
}

/// A row for those that need no more than this; the others add to it.
const fn row(
    name: &'static str,
    ids: &'static [&'static str],
    ecosystem: Ecosystem,
    osv: &'static str,
    release: fn(&Release) -> Option<String>,
    namespaces: &'static [&'static str],
    end_of_life: Dates,
) -> Distribution {
    let (pretty, inherits) = ("", &[]);
    Distribution { name, ids, pretty, ecosystem, osv, release, namespaces, inherits, end_of_life }
}

/// Every distribution, alphabetically.
///
/// Left out on purpose are namespaces for Kali and other rolling relatives of Debian, whose
/// versions follow no Debian release: for them nothing is known, and nothing is what we say.
#[rustfmt::skip]
pub const DISTRIBUTIONS: &[Distribution] = &[
    row("Alibaba Cloud Linux", &["alinux"], Ecosystem::Rpm, "Alibaba Cloud Linux", major, &["Alibaba Cloud Linux:{}"], ALIBABA),
    Distribution { inherits: RED_HAT, ..row("AlmaLinux", &["almalinux"], Ecosystem::Rpm, "AlmaLinux", major, &["AlmaLinux:{}"], EL_REBUILDS) },
    row("Alpaquita Linux", &["alpaquita"], Ecosystem::Apk, "Alpaquita", stream, &["Alpaquita:{}"], ALPAQUITA),
    row("Alpine Linux", &["alpine"], Ecosystem::Apk, "Alpine", alpine, &["Alpine:{}"], ALPINE),
    row("Amazon Linux", &["amzn"], Ecosystem::Rpm, "Amazon Linux", amazon, &["Amazon Linux:{}"], AMAZON),
    row("Anolis OS", &["anolis"], Ecosystem::Rpm, "Anolis", major, &["Anolis:{}"], ANOLIS),
    row("Arch Linux", &["arch", "archarm"], Ecosystem::Alpm, "Arch Linux", rolling, &["Arch Linux"], &[]),
    row("Azure Linux", &["azurelinux"], Ecosystem::Rpm, "Azure Linux", major, &["Azure Linux:{}"], AZURE),
    row("BellSoft Hardened Containers", &["bellsoft-hardened-containers"], Ecosystem::Apk, "BellSoft Hardened Containers", stream, &["BellSoft Hardened Containers:{}"], &[]),
    row("CBL-Mariner", &["mariner"], Ecosystem::Rpm, "CBL-Mariner", major, &["Azure Linux:{}"], AZURE),
    row("CentOS Linux", &["centos"], Ecosystem::Rpm, "CentOS", major, RED_HAT, CENTOS),
    Distribution { pretty: "Stream", ..row("CentOS Stream", &["centos"], Ecosystem::Rpm, "CentOS Stream", major, RED_HAT, CENTOS_STREAM) },
    row("Chainguard", &["chainguard"], Ecosystem::Apk, "Chainguard", rolling, &["Chainguard"], &[]),
    row("Debian", &["debian"], Ecosystem::Deb, "Debian", debian, &["Debian:{}"], DEBIAN),
    row("Deepin", &["deepin"], Ecosystem::Deb, "Deepin", major, &["Deepin:{}"], &[]),
    row("Echo", &["echo"], Ecosystem::Deb, "Echo", rolling, &["Echo"], &[]),
    row("Fedora", &["fedora"], Ecosystem::Rpm, "Fedora", major, &["Fedora:{}"], FEDORA),
    row("Kali Linux", &["kali"], Ecosystem::Deb, "Kali", rolling, &[], &[]),
    Distribution { pretty: "Server", ..row("Kylin Advanced Server", &["kylin"], Ecosystem::Rpm, "Kylin", kylin, &["Kylin:{}"], &[]) },
    row("Kylin Desktop", &["kylin"], Ecosystem::Deb, "Kylin Desktop", kylin, &["Kylin Desktop:{}"], &[]),
    row("Linux Mint", &["linuxmint"], Ecosystem::Deb, "Linux Mint", mint, &["Ubuntu:{}", "Ubuntu:Pro:{}"], UBUNTU),
    row("Mageia", &["mageia"], Ecosystem::Rpm, "Mageia", major, &["Mageia:{}"], MAGEIA),
    row("MinimOS", &["minimos"], Ecosystem::Apk, "MinimOS", rolling, &["MinimOS"], &[]),
    row("OpenCloudOS", &["opencloudos"], Ecosystem::Rpm, "OpenCloudOS", major, &["OpenCloudOS:{}"], &[]),
    row("openEuler", &["openEuler"], Ecosystem::Rpm, "openEuler", openeuler, &["openEuler:{}"], &[]),
    row("openSUSE Leap", &["opensuse-leap", "opensuse"], Ecosystem::Rpm, "openSUSE", whole, &["openSUSE:Leap {}"], LEAP),
    row("openSUSE Leap Micro", &["opensuse-leap-micro"], Ecosystem::Rpm, "openSUSE", whole, &["openSUSE:Leap Micro {}"], &[]),
    row("openSUSE Tumbleweed", &["opensuse-tumbleweed", "opensuse-microos"], Ecosystem::Rpm, "openSUSE", rolling, &["openSUSE:Tumbleweed"], &[]),
    row("OpenWrt", &["openwrt"], Ecosystem::Opkg, "OpenWrt", minor, &["OpenWrt:{}"], OPENWRT),
    row("Oracle Linux", &["ol"], Ecosystem::Rpm, "Oracle Linux", major, &["Oracle Linux:{}"], ORACLE),
    row("Photon OS", &["photon"], Ecosystem::Rpm, "Photon OS", photon, &["Photon OS:{}"], PHOTON),
    row("Raspbian", &["raspbian"], Ecosystem::Deb, "Raspbian", debian, &["Debian:{}"], &[]),
    row("Red Hat Enterprise Linux", &["rhel"], Ecosystem::Rpm, "Red Hat", major, RED_HAT, RHEL),
    Distribution { inherits: RED_HAT, ..row("Rocky Linux", &["rocky"], Ecosystem::Rpm, "Rocky Linux", major, &["Rocky Linux:{}"], EL_REBUILDS) },
    row("SUSE Linux Enterprise", &["sles", "sles_sap", "sled", "sle_hpc", "sle_rt"], Ecosystem::Rpm, "SUSE", sle, SLE, SLES),
    row("SUSE Linux Enterprise Micro", &["sle-micro", "sle-micro-rancher", "suse-microos", "sl-micro"], Ecosystem::Rpm, "SUSE", whole, &["SUSE:Linux Enterprise Micro {}", "SUSE:Linux Micro {}"], SLE_MICRO),
    row("TencentOS Server", &["tencentos", "tlinux"], Ecosystem::Rpm, "TencentOS", major, &["TencentOS:{}"], &[]),
    row("Ubuntu", &["ubuntu"], Ecosystem::Deb, "Ubuntu", ubuntu, &["Ubuntu:{}", "Ubuntu:Pro:{}"], UBUNTU),
    row("UOS", &["uos"], Ecosystem::Deb, "UOS", major, &["UOS:{}"], &[]),
    Distribution { pretty: "Server", ..row("UOS Server", &["uos"], Ecosystem::Rpm, "UOS Server", major, &["UOS Server:{}"], &[]) },
    row("Wolfi", &["wolfi"], Ecosystem::Apk, "Wolfi", rolling, &["Wolfi"], &[]),
];

/// Red Hat's namespaces are CPEs: a release as a whole, for what is not fixed, and one for each of
/// its repositories. From RHEL 10 on each minor release has its own; as images move on to the next
/// without asking, the fixes of all of them are this release's. CentOS gets the very same packages;
/// CentOS Stream gets them earlier, which the comparison of versions bears.
const RED_HAT: &[&str] = &[
    "Red Hat:enterprise_linux:{}",
    "Red Hat:enterprise_linux:{}::baseos",
    "Red Hat:enterprise_linux:{}::appstream",
    "Red Hat:enterprise_linux:{}::crb",
    "Red Hat:enterprise_linux:{}::supplementary",
    "Red Hat:enterprise_linux:{}::server",
    "Red Hat:enterprise_linux:{}::client",
    "Red Hat:enterprise_linux:{}::workstation",
    "Red Hat:enterprise_linux:{}::computenode",
    "Red Hat:rhel_software_collections:3::el{}",
    "Red Hat:enterprise_linux:{}.0",
    "Red Hat:enterprise_linux:{}.1",
    "Red Hat:enterprise_linux:{}.2",
    "Red Hat:enterprise_linux:{}.3",
    "Red Hat:enterprise_linux:{}.4",
    "Red Hat:enterprise_linux:{}.5",
    "Red Hat:enterprise_linux:{}.6",
    "Red Hat:enterprise_linux:{}.7",
    "Red Hat:enterprise_linux:{}.8",
    "Red Hat:enterprise_linux:{}.9",
    "Red Hat:enterprise_linux:{}.10",
];

/// SUSE files an advisory under the product that ships the package, which since SLE 15 is most
/// often a module and not the server, and after general support the product's LTSS.
const SLE: &[&str] = &[
    "SUSE:Linux Enterprise Server {}",
    "SUSE:Linux Enterprise Server for SAP Applications {}",
    "SUSE:Linux Enterprise Desktop {}",
    "SUSE:Linux Enterprise Software Development Kit {}",
    "SUSE:Linux Enterprise Workstation Extension {}",
    "SUSE:Linux Enterprise Module for Basesystem {}",
    "SUSE:Linux Enterprise Module for Containers {}",
    "SUSE:Linux Enterprise Module for Desktop Applications {}",
    "SUSE:Linux Enterprise Module for Development Tools {}",
    "SUSE:Linux Enterprise Module for Legacy {}",
    "SUSE:Linux Enterprise Module for Public Cloud {}",
    "SUSE:Linux Enterprise Module for Python 2 {}",
    "SUSE:Linux Enterprise Module for Python 3 {}",
    "SUSE:Linux Enterprise Module for Server Applications {}",
    "SUSE:Linux Enterprise Module for Transactional Server {}",
    "SUSE:Linux Enterprise Module for Web and Scripting {}",
    "SUSE:Package Hub {}",
    "SUSE:Linux Enterprise Server {}-LTSS",
    "SUSE:Linux Enterprise Server LTSS Extended Security {}",
];

fn filled(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|it| !it.is_empty())
}

fn rolling(_: &Release) -> Option<String> {
    Some(String::new())
}

/// `5.5` of `5.5`.
fn whole(it: &Release) -> Option<String> {
    filled(&it.version_id)
}

/// `9` of `9.4`.
fn major(it: &Release) -> Option<String> {
    filled(it.version_id.split('.').next().unwrap_or_default())
}

/// `23.05` of `23.05.3`.
fn minor(it: &Release) -> Option<String> {
    let mut parts = it.version_id.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

/// `5.0` of `5.0` and of `5`.
fn photon(it: &Release) -> Option<String> {
    minor(it).or_else(|| Some(format!("{}.0", filled(&it.version_id)?)))
}

/// `23` of `23`, `stream` where nothing else is said.
fn stream(it: &Release) -> Option<String> {
    major(it).or_else(|| Some("stream".to_owned()))
}

/// `v3.20` of `3.20.3`; `edge` calls itself after the next release, `3.21.0_alpha20240807`.
fn alpine(it: &Release) -> Option<String> {
    let edge = it.version_id.contains("_alpha") || it.pretty.ends_with("edge");
    if edge { Some("edge".to_owned()) } else { Some(format!("v{}", minor(it)?)) }
}

/// `2`, `2023`; the first one went by the month, `2018.03`.
fn amazon(it: &Release) -> Option<String> {
    let first = it.version_id.starts_with("201") && it.version_id.contains('.');
    if first { Some("1".to_owned()) } else { major(it) }
}

/// `12`. Testing and unstable have only a codename, which tells the release they become; so an old
/// image of testing is held against the release that came of it. `sid` alone is never a release.
fn debian(it: &Release) -> Option<String> {
    major(it).or_else(|| debian_release(&it.codename).map(str::to_owned))
}

/// What Debian's release of this name is called in namespaces: `12` for `bookworm`.
pub fn debian_release(codename: &str) -> Option<&'static str> {
    let named = DEBIAN_CODENAMES.iter().find(|it| codename.eq_ignore_ascii_case(it.0));
    named.map(|it| it.1)
}

/// debian-distro-info(1).
const DEBIAN_CODENAMES: &[(&str, &str)] = &[
    ("lenny", "5"),
    ("squeeze", "6"),
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
    ("sid", "sid"),
];

/// `24.04:LTS`, `25.10`: every second April's is a long-term one.
fn ubuntu(it: &Release) -> Option<String> {
    let release = minor(it)?;
    let (year, month) = release.split_once('.')?;
    let even = year.ends_with(['0', '2', '4', '6', '8']);
    Some(if even && month == "04" { release + ":LTS" } else { release })
}

/// Mint is Ubuntu's long-term release with other desktops on top, two versions a release. Its
/// edition from Debian counts from one again, and gives `None`.
fn mint(it: &Release) -> Option<String> {
    let version: u32 = major(it)?.parse().ok().filter(|it| *it >= 17)?;
    Some(format!("{}.04:LTS", version.checked_mul(2)?.checked_sub(20)?))
}

/// `15 SP4` of `15.4`, `15` of `15` and of `15.0`; from 16 on there are no service packs.
fn sle(it: &Release) -> Option<String> {
    let major = major(it)?;
    let pack = it.version_id.split('.').nth(1).unwrap_or("0");
    Some(match major.as_str() {
        "10" | "11" | "12" | "15" if pack == "0" => major,
        "10" | "11" | "12" | "15" => format!("{major} SP{pack}"),
        _ => format!("{major}.{pack}"),
    })
}

/// `22.03-LTS-SP4`, of which `VERSION_ID` has but `22.03`, and `VERSION` `22.03 (LTS-SP4)`.
fn openeuler(it: &Release) -> Option<String> {
    let edition = it.version.split(['(', ')']).nth(1).unwrap_or_default();
    let release = filled(&it.version_id)?;
    Some(if edition.is_empty() { release } else { format!("{release}-{edition}") })
}

/// `V10-SP3`. Outside of `.productinfo`, where it says `V10 (SP3)`, the service pack hides in the
/// nickname: `V10 (Lance)`.
fn kylin(it: &Release) -> Option<String> {
    let release = filled(&it.version_id)?.to_uppercase();
    let nickname = it.version.split(['(', ')']).nth(1).unwrap_or_default();
    let pack = match nickname {
        "Tercel" => "SP1",
        "Sword" => "SP2",
        "Lance" | "Halberd" => "SP3",
        it if it.starts_with("SP") => it,
        _ => "",
    };
    let bare = pack.is_empty() || release.contains("-SP");
    Some(if bare { release } else { format!("{release}-{pack}") })
}

/// Mainstream and extended life support (Alibaba Cloud, "Operating system lifecycle").
const ALIBABA: Dates = &[("2", date(2026, 3, 31)), ("3", date(2031, 3, 31))];

/// Security fixes (the wikis of AlmaLinux and Rocky Linux, which agree).
const EL_REBUILDS: Dates =
    &[("8", date(2029, 5, 31)), ("9", date(2032, 5, 31)), ("10", date(2035, 5, 31))];

/// Support, as BellSoft announces it.
const ALPAQUITA: Dates = &[("23", date(2026, 1, 1)), ("25", date(2031, 1, 1))];

/// The table on alpinelinux.org/releases, where all packages of `main` are supported.
const ALPINE: Dates = &[
    ("v3.2", date(2017, 5, 1)),
    ("v3.3", date(2017, 11, 1)),
    ("v3.4", date(2018, 5, 1)),
    ("v3.5", date(2018, 11, 1)),
    ("v3.6", date(2019, 5, 1)),
    ("v3.7", date(2019, 11, 1)),
    ("v3.8", date(2020, 5, 1)),
    ("v3.9", date(2020, 11, 1)),
    ("v3.10", date(2021, 5, 1)),
    ("v3.11", date(2021, 11, 1)),
    ("v3.12", date(2022, 5, 1)),
    ("v3.13", date(2022, 11, 1)),
    ("v3.14", date(2023, 5, 1)),
    ("v3.15", date(2023, 11, 1)),
    ("v3.16", date(2024, 5, 23)),
    ("v3.17", date(2024, 11, 22)),
    ("v3.18", date(2025, 5, 9)),
    ("v3.19", date(2025, 11, 1)),
    ("v3.20", date(2026, 4, 1)),
    ("v3.21", date(2026, 11, 1)),
    ("v3.22", date(2027, 5, 1)),
    ("v3.23", date(2027, 11, 1)),
    ("v3.24", date(2028, 6, 1)),
];

/// Standard and maintenance support.
const AMAZON: Dates =
    &[("1", date(2023, 12, 31)), ("2", date(2026, 6, 30)), ("2023", date(2029, 6, 30))];

/// Maintenance support (OpenAnolis, "life-cycle").
const ANOLIS: Dates = &[("8", date(2031, 3, 31))];

/// Support, which for CBL-Mariner is the same by another name.
const AZURE: Dates =
    &[("1", date(2023, 8, 31)), ("2", date(2025, 7, 31)), ("3", date(2027, 8, 31))];

/// Maintenance updates.
const CENTOS: Dates = &[
    ("5", date(2017, 3, 31)),
    ("6", date(2020, 11, 30)),
    ("7", date(2024, 6, 30)),
    ("8", date(2021, 12, 31)),
];

/// The end of full support of the RHEL that it leads to.
const CENTOS_STREAM: Dates =
    &[("8", date(2024, 5, 31)), ("9", date(2027, 5, 31)), ("10", date(2030, 5, 31))];

/// LTS included, which everybody gets; ELTS, which is paid for, is not (distro-info-data).
const DEBIAN: Dates = &[
    ("6", date(2016, 2, 29)),
    ("7", date(2018, 5, 31)),
    ("8", date(2020, 6, 30)),
    ("9", date(2022, 6, 30)),
    ("10", date(2024, 6, 30)),
    ("11", date(2026, 8, 31)),
    ("12", date(2028, 6, 30)),
    ("13", date(2030, 6, 30)),
];

/// Maintenance (Fedora's schedule).
const FEDORA: Dates = &[
    ("28", date(2019, 5, 28)),
    ("29", date(2019, 11, 26)),
    ("30", date(2020, 5, 26)),
    ("31", date(2020, 11, 24)),
    ("32", date(2021, 5, 25)),
    ("33", date(2021, 11, 30)),
    ("34", date(2022, 6, 7)),
    ("35", date(2022, 12, 13)),
    ("36", date(2023, 5, 16)),
    ("37", date(2023, 12, 5)),
    ("38", date(2024, 5, 21)),
    ("39", date(2024, 11, 26)),
    ("40", date(2025, 5, 13)),
    ("41", date(2025, 12, 15)),
    ("42", date(2026, 5, 27)),
    ("43", date(2026, 12, 9)),
    ("44", date(2027, 6, 2)),
];

/// Support.
const MAGEIA: Dates = &[
    ("6", date(2019, 9, 30)),
    ("7", date(2021, 6, 30)),
    ("8", date(2023, 11, 30)),
    ("9", date(2026, 9, 29)),
    ("10", date(2028, 3, 31)),
];

/// Maintenance.
const LEAP: Dates = &[
    ("42.1", date(2017, 5, 17)),
    ("42.2", date(2018, 1, 26)),
    ("42.3", date(2019, 7, 1)),
    ("15.0", date(2019, 12, 3)),
    ("15.1", date(2021, 2, 2)),
    ("15.2", date(2022, 1, 4)),
    ("15.3", date(2022, 12, 31)),
    ("15.4", date(2023, 12, 7)),
    ("15.5", date(2024, 12, 31)),
    ("15.6", date(2026, 4, 30)),
    ("16.0", date(2027, 10, 31)),
];

/// Security support.
const OPENWRT: Dates = &[
    ("17.01", date(2019, 2, 1)),
    ("18.06", date(2021, 7, 1)),
    ("19.07", date(2022, 4, 30)),
    ("21.02", date(2023, 4, 30)),
    ("22.03", date(2024, 4, 11)),
    ("23.05", date(2025, 8, 16)),
    ("24.10", date(2026, 9, 5)),
];

/// Premier support, whose errata are on the public yum server; extended support is sold.
const ORACLE: Dates = &[
    ("6", date(2021, 3, 31)),
    ("7", date(2024, 12, 31)),
    ("8", date(2029, 7, 31)),
    ("9", date(2032, 6, 30)),
];

/// Support.
const PHOTON: Dates = &[
    ("1.0", date(2022, 2, 28)),
    ("2.0", date(2022, 12, 1)),
    ("3.0", date(2025, 10, 2)),
    ("4.0", date(2027, 10, 11)),
];

/// Maintenance support, which is part of every subscription, and what UBI gets; extended life cycle
/// support is sold apart.
const RHEL: Dates = &[
    ("5", date(2017, 3, 31)),
    ("6", date(2020, 11, 30)),
    ("7", date(2024, 6, 30)),
    ("8", date(2029, 5, 31)),
    ("9", date(2032, 5, 31)),
    ("10", date(2035, 5, 31)),
];

/// General support; LTSS is sold apart.
const SLES: Dates = &[
    ("11", date(2010, 12, 31)),
    ("11 SP1", date(2012, 8, 31)),
    ("11 SP2", date(2014, 1, 31)),
    ("11 SP3", date(2016, 1, 31)),
    ("11 SP4", date(2019, 3, 31)),
    ("12", date(2016, 6, 30)),
    ("12 SP1", date(2017, 5, 31)),
    ("12 SP2", date(2018, 3, 31)),
    ("12 SP3", date(2019, 6, 30)),
    ("12 SP4", date(2020, 6, 30)),
    ("12 SP5", date(2024, 10, 31)),
    ("15", date(2019, 12, 31)),
    ("15 SP1", date(2021, 1, 31)),
    ("15 SP2", date(2021, 12, 31)),
    ("15 SP3", date(2022, 12, 31)),
    ("15 SP4", date(2023, 12, 31)),
    ("15 SP5", date(2024, 12, 31)),
    ("15 SP6", date(2025, 12, 31)),
    ("15 SP7", date(2031, 7, 31)),
    ("16.0", date(2027, 11, 30)),
];

/// General support.
const SLE_MICRO: Dates = &[
    ("5.0", date(2022, 3, 31)),
    ("5.1", date(2025, 10, 31)),
    ("5.2", date(2026, 4, 30)),
    ("5.3", date(2026, 10, 30)),
    ("5.4", date(2027, 4, 30)),
    ("5.5", date(2027, 10, 31)),
    ("6.0", date(2028, 6, 30)),
    ("6.1", date(2028, 11, 30)),
    ("6.2", date(2029, 11, 30)),
];

/// Standard support of `main`; what Ubuntu Pro adds is not for everybody (distro-info-data).
const UBUNTU: Dates = &[
    ("12.04:LTS", date(2017, 4, 28)),
    ("14.04:LTS", date(2019, 4, 25)),
    ("16.04:LTS", date(2021, 4, 30)),
    ("18.04:LTS", date(2023, 5, 31)),
    ("18.10", date(2019, 7, 18)),
    ("19.04", date(2020, 1, 23)),
    ("19.10", date(2020, 7, 17)),
    ("20.04:LTS", date(2025, 5, 29)),
    ("20.10", date(2021, 7, 22)),
    ("21.04", date(2022, 1, 20)),
    ("21.10", date(2022, 7, 14)),
    ("22.04:LTS", date(2027, 6, 1)),
    ("22.10", date(2023, 7, 20)),
    ("23.04", date(2024, 1, 25)),
    ("23.10", date(2024, 7, 11)),
    ("24.04:LTS", date(2029, 5, 31)),
    ("24.10", date(2025, 7, 10)),
    ("25.04", date(2026, 1, 15)),
    ("25.10", date(2026, 7, 9)),
    ("26.04:LTS", date(2031, 5, 29)),
    ("26.10", date(2027, 7, 15)),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// `ID`, `VERSION_ID`, `VERSION`, `VERSION_CODENAME`, `PRETTY_NAME`, then what they mean: name,
    /// release, own namespace, end of life; `-` for nothing.
    const CASES: &str = "
alinux|3|3 (OpenAnolis Edition)||Alibaba Cloud Linux 3.2104 U13.1 (OpenAnolis Edition)|Alibaba Cloud Linux|3|Alibaba Cloud Linux:3|2031-03-31
alinux|2.1903|2.1903 (Hunting Beagle)||Alibaba Cloud Linux (Aliyun Linux) 2.1903 LTS (Hunting Beagle)|Alibaba Cloud Linux|2|Alibaba Cloud Linux:2|2026-03-31
almalinux|9.3|9.3 (Shamrock Pampas Cat)||AlmaLinux 9.3|AlmaLinux|9|AlmaLinux:9|2032-05-31
alpaquita|23|||BellSoft Alpaquita Linux 23|Alpaquita Linux|23|Alpaquita:23|2026-01-01
alpaquita||||BellSoft Alpaquita Linux Stream|Alpaquita Linux|stream|Alpaquita:stream|-
alpine|3.20.3|||Alpine Linux v3.20|Alpine Linux|v3.20|Alpine:v3.20|2026-04-01
alpine|3.21.0_alpha20240807|||Alpine Linux edge|Alpine Linux|edge|Alpine:edge|-
amzn|2|2||Amazon Linux 2|Amazon Linux|2|Amazon Linux:2|2026-06-30
amzn|2018.03|2018.03||Amazon Linux AMI 2018.03|Amazon Linux|1|Amazon Linux:1|2023-12-31
amzn|2023|2023||Amazon Linux 2023.6.20241010|Amazon Linux|2023|Amazon Linux:2023|2029-06-30
anolis|8.10|8.10||Anolis OS 8.10|Anolis OS|8|Anolis:8|2031-03-31
anolis|23|23||Anolis OS 23|Anolis OS|23|Anolis:23|-
arch||||Arch Linux|Arch Linux||Arch Linux|-
azurelinux|3.0|3.0.20241005||Microsoft Azure Linux 3.0|Azure Linux|3|Azure Linux:3|2027-08-31
mariner|2.0|2.0.20230805||CBL-Mariner/Linux|CBL-Mariner|2|Azure Linux:2|2025-07-31
centos|7|7 (Core)||CentOS Linux 7 (Core)|CentOS Linux|7|Red Hat:enterprise_linux:7|2024-06-30
centos|8|8||CentOS Linux 8|CentOS Linux|8|Red Hat:enterprise_linux:8|2021-12-31
centos|8|8||CentOS Stream 8|CentOS Stream|8|Red Hat:enterprise_linux:8|2024-05-31
chainguard|20230214|||Chainguard|Chainguard||Chainguard|-
debian|12|12 (bookworm)|bookworm|Debian GNU/Linux 12 (bookworm)|Debian|12|Debian:12|2028-06-30
debian|||trixie|Debian GNU/Linux trixie/sid|Debian|13|Debian:13|2030-06-30
debian|||sid|Debian GNU/Linux sid|Debian|sid|Debian:sid|-
debian||||Debian GNU/Linux|Debian|-|-|-
deepin|23|23|beige|Deepin 23|Deepin|23|Deepin:23|-
fedora|40|40 (Container Image)||Fedora Linux 40 (Container Image)|Fedora|40|Fedora:40|2025-05-13
kali|2024.3|2024.3|kali-rolling|Kali GNU/Linux Rolling|Kali Linux||-|-
kylin|V10|V10 (Lance)||Kylin Linux Advanced Server V10 (Lance)|Kylin Advanced Server|V10-SP3|Kylin:V10-SP3|-
kylin|V10|V10 (Sword)||Kylin Linux Advanced Server V10 (Sword)|Kylin Advanced Server|V10-SP2|Kylin:V10-SP2|-
kylin|V10|V10 (SP1)||Kylin Linux Advanced Server|Kylin Advanced Server|V10-SP1|Kylin:V10-SP1|-
kylin|V10|V10 (Azalea)||Kylin Linux Advanced Server V10 (Azalea)|Kylin Advanced Server|V10|Kylin:V10|-
kylin|v10|V10 (SP1)|kylin|Kylin V10 SP1|Kylin Desktop|V10-SP1|Kylin Desktop:V10-SP1|-
linuxmint|21.3|21.3 (Virginia)|virginia|Linux Mint 21.3|Linux Mint|22.04:LTS|Ubuntu:22.04:LTS|2027-06-01
linuxmint|6|6 (faye)|faye|LMDE 6 (faye)|Linux Mint|-|-|-
mageia|9|9||Mageia 9|Mageia|9|Mageia:9|2026-09-29
minimos|20250101|||MinimOS|MinimOS||MinimOS|-
OpenCloudOS|8.6|8.6||OpenCloudOS 8.6|OpenCloudOS|8|OpenCloudOS:8|-
openEuler|22.03|22.03 (LTS-SP4)||openEuler 22.03 (LTS-SP4)|openEuler|22.03-LTS-SP4|openEuler:22.03-LTS-SP4|-
openEuler|24.03|24.03 (LTS)||openEuler 24.03 (LTS)|openEuler|24.03-LTS|openEuler:24.03-LTS|-
openEuler|23.09|23.09||openEuler 23.09|openEuler|23.09|openEuler:23.09|-
opensuse-leap|15.6|15.6||openSUSE Leap 15.6|openSUSE Leap|15.6|openSUSE:Leap 15.6|2026-04-30
opensuse|42.3|42.3||openSUSE Leap 42.3|openSUSE Leap|42.3|openSUSE:Leap 42.3|2019-07-01
opensuse-tumbleweed|20240801|||openSUSE Tumbleweed|openSUSE Tumbleweed||openSUSE:Tumbleweed|-
openwrt|23.05.3|23.05.3||OpenWrt 23.05.3|OpenWrt|23.05|OpenWrt:23.05|2025-08-16
ol|9.4|9.4||Oracle Linux Server 9.4|Oracle Linux|9|Oracle Linux:9|2032-06-30
photon|5.0|5.0||VMware Photon OS/Linux|Photon OS|5.0|Photon OS:5.0|-
raspbian|12|12 (bookworm)|bookworm|Raspbian GNU/Linux 12 (bookworm)|Raspbian|12|Debian:12|-
rhel|9.4|9.4 (Plow)||Red Hat Enterprise Linux 9.4 (Plow)|Red Hat Enterprise Linux|9|Red Hat:enterprise_linux:9|2032-05-31
rocky|9.3|9.3 (Blue Onyx)||Rocky Linux 9.3 (Blue Onyx)|Rocky Linux|9|Rocky Linux:9|2032-05-31
sles|15.4|15-SP4||SUSE Linux Enterprise Server 15 SP4|SUSE Linux Enterprise|15 SP4|SUSE:Linux Enterprise Server 15 SP4|2023-12-31
sles|15|15||SUSE Linux Enterprise Server 15|SUSE Linux Enterprise|15|SUSE:Linux Enterprise Server 15|2019-12-31
sles|16.0|16.0||SUSE Linux Enterprise Server 16.0|SUSE Linux Enterprise|16.0|SUSE:Linux Enterprise Server 16.0|2027-11-30
sle-micro|5.5|5.5||SUSE Linux Enterprise Micro 5.5|SUSE Linux Enterprise Micro|5.5|SUSE:Linux Enterprise Micro 5.5|2027-10-31
tencentos|3.1|3.1 (Final)||TencentOS Server 3.1 (Final)|TencentOS Server|3|TencentOS:3|-
ubuntu|22.04|22.04.3 LTS (Jammy Jellyfish)|jammy|Ubuntu 22.04.3 LTS|Ubuntu|22.04:LTS|Ubuntu:22.04:LTS|2027-06-01
ubuntu|25.10|25.10 (Questing Quokka)|questing|Ubuntu 25.10|Ubuntu|25.10|Ubuntu:25.10|2026-07-09
uos|20|20|kongzi|UnionTech OS Server 20|UOS Server|20|UOS Server:20|-
uos|20|20|eagle|UnionTech OS Desktop 20 Pro|UOS|20|UOS:20|-
wolfi|20230201|||Wolfi|Wolfi||Wolfi|-";

    fn parse(fields: &[&str]) -> Release {
        let text = |i: usize| fields[i].to_owned();
        Release {
            id: text(0),
            version_id: text(1),
            version: text(2),
            codename: text(3),
            pretty: text(4),
            ..Release::default()
        }
    }

    #[test]
    fn releases_lead_to_their_advisories_and_their_end() {
        for case in CASES.lines().skip(1) {
            let fields: Vec<&str> = case.split('|').collect();
            let release = parse(&fields);
            let it = Distribution::of(&release).expect(case);
            let or_dash = |it: Option<String>| it.unwrap_or_else(|| "-".to_owned());
            let first = it.namespaces(&release).first().map(ToString::to_string);
            let end = it.end_of_life(&release).map(|it| it.to_string());
            let got =
                [it.name.to_owned(), or_dash(it.release(&release)), or_dash(first), or_dash(end)];
            assert_eq!(got, fields[5..], "{case}");
        }
    }

    #[test]
    fn channels_and_parents() {
        let of = |fields: [&str; 5]| {
            let release = parse(&fields);
            let it = Distribution::of(&release).unwrap();
            let text = |it: Vec<Namespace>| it.iter().map(ToString::to_string).collect::<Vec<_>>();
            (text(it.namespaces(&release)), text(it.inherited(&release)))
        };
        let (ubuntu, _) = of(["ubuntu", "18.04", "", "bionic", "Ubuntu 18.04.6 LTS"]);
        assert_eq!(ubuntu, ["Ubuntu:18.04:LTS", "Ubuntu:Pro:18.04:LTS"]);
        let (rhel, _) = of(["rhel", "10.1", "", "", "Red Hat Enterprise Linux 10.1 (Coughlan)"]);
        assert!(rhel.contains(&"Red Hat:enterprise_linux:10.0".to_owned()));
        let (rocky, parent) = of(["rocky", "8.9", "", "", "Rocky Linux 8.9 (Green Obsidian)"]);
        assert_eq!(rocky, ["Rocky Linux:8"]);
        assert!(parent.contains(&"Red Hat:enterprise_linux:8::appstream".to_owned()));
        let (sles, _) = of(["sles", "15.7", "", "", "SUSE Linux Enterprise Server 15 SP7"]);
        let module = "SUSE:Linux Enterprise Module for Basesystem 15 SP7";
        assert!(sles.iter().any(|it| it == module));
    }

    #[test]
    fn paid_channels_are_known() {
        let check = |text: &str, expected| {
            assert_eq!(Namespace::new(text).subscription(), expected, "{text}");
        };
        check("Ubuntu:Pro:16.04:LTS", Some("Ubuntu Pro"));
        check("Ubuntu:16.04:LTS", None);
        check("SUSE:Linux Enterprise Server 15 SP4-LTSS", Some("SUSE LTSS"));
        check("SUSE:Linux Enterprise Server 15 SP4", None);
    }

    #[test]
    fn the_table_is_in_order_and_every_namespace_in_it_is_understood() {
        let names: Vec<String> = DISTRIBUTIONS.iter().map(|it| it.name.to_lowercase()).collect();
        for it in DISTRIBUTIONS {
            assert!(Distribution::from_osv(it.osv).is_some());
            for text in it.namespaces.iter().chain(it.inherits) {
                let namespace = Namespace::new(&text.replace("{}", "9"));
                assert_eq!(namespace.ecosystem(), Some(it.ecosystem), "{text}");
            }
            for id in it.ids {
                let others = DISTRIBUTIONS.iter().filter(|it| it.ids.contains(id));
                assert!(others.filter(|other| other.pretty == it.pretty).count() == 1, "{id}");
            }
        }
        assert!(names.is_sorted());
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        let nowhere = Release { id: "plan9".to_owned(), ..Release::default() };
        assert!(Distribution::of(&nowhere).is_none());
        assert!(Distribution::from_osv("Plan 9").is_none());
        assert!(Distribution::of(&Release::default()).is_none());
    }
}
