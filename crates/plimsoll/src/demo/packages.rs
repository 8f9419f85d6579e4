//! What is installed in the images of the demo: versions that there were, of packages that there are.
use std::fmt::Write as _;

/// A package: its name, its source's name, its version, and how many KiB its program has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Package {
    pub(super) name: &'static str,
    source: &'static str,
    version: &'static str,
    pub(super) kib: usize,
}

/// A release of a distribution, and how it keeps its packages.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    pub(super) database: &'static str,
    pub(super) write: fn(&[Package]) -> String,
    /// Where it lists the files of a package, `{}` being its name.
    pub(super) list: Option<&'static str>,
}

const fn debian(name: &'static str, file: &'static str) -> Release {
    let list = Some("var/lib/dpkg/info/{}.list");
    Release { name, file, database: "var/lib/dpkg/status", write: dpkg, list }
}

pub(super) const BULLSEYE: Release = debian(
    "debian-11",
    "PRETTY_NAME=\"Debian GNU/Linux 11 (bullseye)\"\nID=debian\nVERSION_ID=\"11\"\nVERSION_CODENAME=bullseye\n",
);
pub(super) const BOOKWORM: Release = debian(
    "debian-12",
    "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
);
pub(super) const TRIXIE: Release = debian(
    "debian-13",
    "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n",
);
pub(super) const ALPINE: Release = Release {
    name: "alpine-3.19",
    file: "PRETTY_NAME=\"Alpine Linux v3.19\"\nID=alpine\nVERSION_ID=3.19.1\n",
    database: "lib/apk/db/installed",
    write: apk,
    list: None,
};

/// Packages of a text with one in each line: name, source, version, KiB.
pub(super) fn packages(text: &'static str) -> Vec<Package> {
    text.lines().filter_map(package).collect()
}

fn package(line: &'static str) -> Option<Package> {
    let mut words = line.split_whitespace();
    let (name, source, version) = (words.next()?, words.next()?, words.next()?);
    Some(Package { name, source, version, kib: words.next()?.parse().ok()? })
}

impl Package {
    /// The one program that it has.
    pub(super) fn program(&self) -> String {
        match self.name.starts_with("lib") {
            true => format!("usr/lib/x86_64-linux-gnu/{}.so", self.name),
            false => format!("usr/bin/{}", self.name),
        }
    }
}

/// Debian Policy, section 5.3 and the dpkg status file.
fn dpkg(packages: &[Package]) -> String {
    let mut text = String::new();
    for Package { name, source, version, kib } in packages {
        let _ = write!(
            text,
            "Package: {name}\nStatus: install ok installed\nInstalled-Size: {kib}\nArchitecture: amd64\n\
             Source: {source}\nVersion: {version}\nMaintainer: the demo of Plimsoll\n\n"
        );
    }
    text
}

/// Alpine's apk, "Installed Database V2".
fn apk(packages: &[Package]) -> String {
    let mut text = String::new();
    for Package { name, source, version, kib } in packages {
        let bytes = kib.saturating_mul(1024);
        let _ = write!(
            text,
            "P:{name}\nV:{version}\nA:x86_64\nS:{bytes}\nI:{bytes}\no:{source}\nF:usr/bin\nR:{name}\n\n"
        );
    }
    text
}

/// Debian 11 as it was first released.
pub(super) const BASE_11: &str = "\
    libc6 glibc 2.31-13 1800
    libssl1.1 openssl 1.1.1k-1 700
    zlib1g zlib 1:1.2.11.dfsg-2 110
    perl-base perl 5.32.1-4 900
    libsystemd0 systemd 247.3-6 420
    util-linux util-linux 2.36.1-8 520
    libgnutls30 gnutls28 3.7.1-5 640
    libtasn1-6 libtasn1-6 4.16.0-2 90
    dpkg dpkg 1.20.9 380
    tar tar 1.34+dfsg-1 300
    gzip gzip 1.10-4 90
    liblzma5 xz-utils 5.2.5-2 160
    libpcre2-8-0 pcre2 10.36-2 210
    libtinfo6 ncurses 6.2+20201114-2 120
    libpam0g pam 1.4.0-9 80";

pub(super) const WEB_11: &str = "\
    nginx nginx 1.18.0-6.1 1200
    php7.4-fpm php7.4 7.4.21-1 2600
    libxml2 libxml2 2.9.10+dfsg-6.7 560
    libcurl4 curl 7.74.0-1.3 480
    libfreetype6 freetype 2.10.4+dfsg-1 400
    libwebp6 libwebp 0.6.1-2.1 250
    mariadb-client-10.5 mariadb-10.5 1:10.5.11-1 1500";

/// Debian 12 as it was first released.
pub(super) const BASE_12: &str = "\
    libc6 glibc 2.36-9 1800
    libssl3 openssl 3.0.9-1 900
    zlib1g zlib 1:1.2.13.dfsg-1 110
    perl-base perl 5.36.0-7 900
    libsystemd0 systemd 252.6-1 440
    util-linux util-linux 2.38.1-5 540
    libgnutls30 gnutls28 3.7.9-2 660
    libtasn1-6 libtasn1-6 4.19.0-2 90
    passwd shadow 1:4.13+dfsg1-1 240
    tar tar 1.34+dfsg-1.2 300
    libgcrypt20 libgcrypt20 1.10.1-3 420
    libpam0g pam 1.5.2-6 80";

/// The same with all its updates.
pub(super) const BASE_12_NEW: &str = "\
    libc6 glibc 2.36-9+deb12u14 1800
    libssl3 openssl 3.0.22-1~deb12u2 900
    zlib1g zlib 1:1.2.13.dfsg-1 110
    perl-base perl 5.36.0-7+deb12u4 900
    libsystemd0 systemd 252.39-1~deb12u2 440
    util-linux util-linux 2.38.1-5+deb12u1 540
    libgnutls30 gnutls28 3.7.9-2+deb12u7 660
    libtasn1-6 libtasn1-6 4.19.0-2+deb12u1 90
    passwd shadow 1:4.13+dfsg1-1+deb12u1 240
    tar tar 1.34+dfsg-1.2+deb12u1 300
    libgcrypt20 libgcrypt20 1.10.1-3+deb12u1 420
    libpam0g pam 1.5.2-6+deb12u2 80";

pub(super) const WEB_12: &str = "\
    nginx nginx 1.22.1-9 1300
    nodejs nodejs 18.13.0+dfsg1-1 3800
    libcurl4 curl 7.88.1-10 520
    libnghttp2-14 nghttp2 1.52.0-1 160
    libexpat1 expat 2.5.0-1 140";

pub(super) const WEB_12_NEW: &str = "\
    nginx nginx 1.22.1-9+deb12u11 1300
    nodejs nodejs 18.20.4+dfsg-1~deb12u3 3800
    libcurl4 curl 7.88.1-10+deb12u5 520
    libnghttp2-14 nghttp2 1.52.0-1+deb12u3 160
    libexpat1 expat 2.5.0-1+deb12u1 140";

pub(super) const JAVA_12: &str = "\
    openjdk-17-jre-headless openjdk-17 17.0.7+7-1 5200
    libfreetype6 freetype 2.12.1+dfsg-5 420
    libsqlite3-0 sqlite3 3.40.1-2 900
    libxml2 libxml2 2.9.14+dfsg-1.2 600";

pub(super) const POSTGRES_12: &str = "\
    postgresql-15 postgresql-15 15.3-0+deb12u1 4200
    libxml2 libxml2 2.9.14+dfsg-1.2 600
    libicu72 icu 72.1-3 2400
    libkrb5-3 krb5 1.20.1-2 480";

pub(super) const POSTGRES_12_NEW: &str = "\
    postgresql-15 postgresql-15 15.20-0+deb12u1 4200
    libxml2 libxml2 2.9.14+dfsg-1.3~deb12u5 600
    libicu72 icu 72.1-3+deb12u1 2400
    libkrb5-3 krb5 1.20.1-2+deb12u5 480";

/// Debian 13 with all its updates.
pub(super) const BASE_13_NEW: &str = "\
    libc6 glibc 2.41-12+deb13u4 1900
    libssl3t64 openssl 3.5.7-1~deb13u3 1100
    zlib1g zlib 1:1.3.dfsg+really1.3.1-1+deb13u1 110
    perl-base perl 5.40.1-6+deb13u1 900
    libsystemd0 systemd 257.13-1~deb13u1 460
    util-linux util-linux 2.41.5-0+deb13u1 560
    gzip gzip 1.13-1+deb13u1 90
    tar tar 1.35+dfsg-3.1 300
    libpam0g pam 1.7.0-5 80
    bash bash 5.2.37-2 600";

pub(super) const ALPINE_REDIS: &str = "\
    musl musl 1.2.4_git20230717-r4 600
    busybox busybox 1.36.1-r15 800
    libcrypto3 openssl 3.1.4-r5 1800
    apk-tools apk-tools 2.14.0-r5 110
    redis redis 7.2.4-r0 1600";
