//! The files in which distributions said what they are before there was os-release, and some still
//! say more there: each fills what it can.
use crate::{
    Cataloger,
    release::{assignments, text},
};
use inspect::{Fault, File, Found, Malformed};
use model::Release;

/// `3.20.3`.
pub(crate) const ALPINE: Cataloger = Cataloger {
    name: "alpine-release",
    revision: 1,
    paths: &["etc/alpine-release"],
    parse: alpine,
};

/// `12.5`, or the codename of testing: `trixie/sid`. Ubuntu has it too, with the testing of the day.
pub(crate) const DEBIAN: Cataloger = Cataloger {
    name: "debian-version",
    revision: 1,
    paths: &["etc/debian_version"],
    parse: debian,
};

/// Assignments (Linux Standard Base, "lsb_release").
pub(crate) const LSB: Cataloger =
    Cataloger { name: "lsb-release", revision: 1, paths: &["etc/lsb-release"], parse: lsb };

/// UOS and Deepin: sections of assignments.
pub(crate) const OS_VERSION: Cataloger =
    Cataloger { name: "os-version", revision: 1, paths: &["etc/os-version"], parse: os_version };

/// `CentOS Linux release 7.9.2009 (Core)`: a line for people, of the family that Red Hat began.
pub(crate) const PRODUCT: Cataloger = Cataloger {
    name: "product-release",
    revision: 1,
    paths: &[
        "etc/redhat-release",
        "etc/.productinfo",
        "etc/SuSE-release",
        "etc/UnionTech-release",
        "etc/alinux-release",
        "etc/almalinux-release",
        "etc/anolis-release",
        "etc/azurelinux-release",
        "etc/centos-release",
        "etc/enterprise-release",
        "etc/fedora-release",
        "etc/kylin-release",
        "etc/mageia-release",
        "etc/mariner-release",
        "etc/neokylin-release",
        "etc/openEuler-release",
        "etc/opencloudos-release",
        "etc/oracle-release",
        "etc/photon-release",
        "etc/rocky-release",
        "etc/system-release",
        "etc/tencentos-release",
        "etc/tlinux-release",
        "etc/uos-release",
        "usr/lib/fedora-release",
        "usr/lib/system-release",
    ],
    parse: product,
};

/// How the names for people begin, and the `ID` of os-release that goes with them.
const IDS: &[(&str, &str)] = &[
    ("Alibaba Cloud Linux", "alinux"),
    ("Aliyun Linux", "alinux"),
    ("AlmaLinux", "almalinux"),
    ("Alpine", "alpine"),
    ("Amazon Linux", "amzn"),
    ("Anolis OS", "anolis"),
    ("Arch", "arch"),
    ("Azure Linux", "azurelinux"),
    ("CBL-Mariner", "mariner"),
    ("CentOS", "centos"),
    ("Debian", "debian"),
    ("Deepin", "deepin"),
    ("Enterprise Linux Enterprise Linux", "ol"),
    ("Fedora", "fedora"),
    ("Kali", "kali"),
    ("Kylin", "kylin"),
    ("Linux Mint", "linuxmint"),
    ("Mageia", "mageia"),
    ("Microsoft Azure Linux", "azurelinux"),
    ("OpenCloudOS", "opencloudos"),
    ("openEuler", "openEuler"),
    ("openSUSE", "opensuse"),
    ("OpenWrt", "openwrt"),
    ("Oracle", "ol"),
    ("Photon", "photon"),
    ("Raspbian", "raspbian"),
    ("Red Hat Enterprise Linux", "rhel"),
    ("Rocky", "rocky"),
    ("SUSE Linux Enterprise", "sles"),
    ("Tencent", "tencentos"),
    ("Ubuntu", "ubuntu"),
    ("UnionTech OS", "uos"),
    ("VMware Photon", "photon"),
];

fn alpine(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let version = line(&text)?;
    found.release = Some(Release {
        id: "alpine".to_owned(),
        version_id: version.to_owned(),
        pretty: format!("Alpine Linux {version}"),
        ..Release::default()
    });
    Ok(())
}

fn debian(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let version = line(&text)?;
    let (id, name) =
        if version.starts_with("kali") { ("kali", "Kali") } else { ("debian", "Debian") };
    let mut release = Release {
        id: id.to_owned(),
        pretty: format!("{name} {version}"),
        version: version.to_owned(),
        ..Release::default()
    };
    let first = version.split(['.', '/']).next().unwrap_or_default().to_owned();
    if first.starts_with(|it: char| it.is_ascii_digit()) {
        release.version_id = first;
    } else {
        release.codename = first;
    }
    found.release = Some(release);
    Ok(())
}

fn lsb(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let mut release = Release::default();
    let mut name = String::new();
    for (key, value) in assignments(&text(file)?) {
        match key {
            "DISTRIB_ID" => name = value,
            "DISTRIB_RELEASE" => release.version_id = value,
            "DISTRIB_CODENAME" => release.codename = value,
            "DISTRIB_DESCRIPTION" => release.pretty = value,
            _ => {}
        }
    }
    release.id = id(&name);
    if release.pretty.is_empty() {
        release.pretty = format!("{name} {}", release.version_id);
    }
    // Red Hat's has nothing but the version of the standard, which is no fault of it.
    found.release = Some(release).filter(|it| !it.id.is_empty());
    Ok(())
}

fn os_version(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let value = |key: &str| {
        let mut pairs = text.lines().filter_map(|it| it.split_once('='));
        pairs.find(|it| it.0.trim() == key).map_or("", |it| it.1.trim())
    };
    let (name, major) = (value("SystemName"), value("MajorVersion"));
    if name.is_empty() || major.is_empty() {
        return Err(Malformed::new("has no SystemName or no MajorVersion").into());
    }
    found.release = Some(Release {
        id: id(name),
        version_id: major.to_owned(),
        version: format!("{major} {}", value("MinorVersion")).trim_end().to_owned(),
        pretty: format!("{name} {major} {}", value("EditionName")).trim_end().to_owned(),
        variant: value("ProductType").to_lowercase(),
        ..Release::default()
    });
    Ok(())
}

/// Name, the word `release` or none, version, and in parentheses a codename or service pack. Kylin
/// breaks the line in the middle; SUSE writes the service pack on a line of its own.
fn product(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let mut pretty = line(&text)?.to_owned();
    let second = text.lines().map(str::trim).nth(1).unwrap_or_default();
    if second.starts_with("release ") {
        pretty = format!("{pretty} {second}");
    }
    let (name, version) = name_and_version(&pretty);
    let mut version_id = version.split_ascii_whitespace().next().unwrap_or_default().to_owned();
    let mut pairs = text.lines().filter_map(|it| it.split_once('='));
    if let Some((_, pack)) = pairs.find(|it| it.0.trim() == "PATCHLEVEL") {
        version_id = format!("{version_id}.{}", pack.trim());
    }
    let version = version.to_owned();
    let id = id(name);
    found.release = Some(Release { id, version_id, version, pretty, ..Release::default() });
    Ok(())
}

/// Split at the word `release`, or else before the first word that is a number.
fn name_and_version(line: &str) -> (&str, &str) {
    if let Some((name, version)) = line.split_once(" release ") {
        return (name, version.trim());
    }
    let splits = line.match_indices(' ').map(|it| line.split_at(it.0));
    let mut splits = splits.map(|(name, rest)| (name, rest.trim_start()));
    let is_number = |it: &(&str, &str)| it.1.starts_with(|it: char| it.is_ascii_digit());
    splits.find(is_number).unwrap_or((line, ""))
}

/// The `ID` for a name; one that we do not know is made into one, so that people see what it was.
fn id(name: &str) -> String {
    let plain = |it: &str| it.to_lowercase().replace(' ', "");
    let known = IDS.iter().find(|it| plain(name).starts_with(&plain(it.0)));
    known.map_or_else(|| name.trim().to_lowercase().replace(' ', "-"), |it| it.1.to_owned())
}

/// The first line with anything on it.
fn line(text: &str) -> Result<&str, Malformed> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|it| !it.is_empty()).ok_or(Malformed::new("is empty"))
}
