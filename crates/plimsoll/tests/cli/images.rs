//! Small images that look like those of distributions.
use testkit::{
    image::{BuiltImage, image},
    tar::{Entry, dir, file, tar},
};

/// As in Debian 12 when it was new: three vulnerabilities of [`KNOWN`] are not fixed in it.
pub(crate) const OLD: &str = "3.0.11-1~deb12u1";
/// Newer than any fix that is known.
pub(crate) const NEW: &str = "3.9.0-1";

/// Some of what the starter set says of openssl in Debian 12: the id, and the version that fixes it.
pub(crate) const KNOWN: &[(&str, &str)] = &[
    ("CVE-2023-5363", "3.0.11-1~deb12u2"),
    ("CVE-2023-5678", "3.0.13-1~deb12u1"),
    ("CVE-2024-6119", "3.0.14-1~deb12u2"),
];
/// Fixed in [`OLD`] already.
pub(crate) const FIXED_BEFORE: &str = "CVE-2023-3817";

pub(crate) fn os_release(id: &str, version: &str) -> Entry {
    let text = format!("ID={id}\nVERSION_ID=\"{version}\"\nPRETTY_NAME=\"The {id} {version}\"\n");
    file("etc/os-release", text)
}

/// A stanza of dpkg for the two packages that are built from openssl.
pub(crate) fn openssl(version: &str) -> String {
    let one = |name: &str, more: &str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n{more}\
             Version: {version}\nMaintainer: A <a@example.org>\nDescription: x\n\n"
        )
    };
    one("libssl3", "Source: openssl\n") + &one("openssl", "")
}

/// The stanza of a package that nothing is known about.
pub(crate) fn harmless(name: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\
         Maintainer: A <a@example.org>\nDescription: x\n\n"
    )
}

pub(crate) fn status(text: &str) -> Entry {
    file("var/lib/dpkg/status", text)
}

/// What makes an image one of Debian 12 with this openssl.
pub(crate) fn debian(version: &str) -> Vec<Entry> {
    vec![
        dir("etc"),
        os_release("debian", "12"),
        dir("var"),
        dir("var/lib"),
        dir("var/lib/dpkg"),
        status(&(harmless("zed-alpha") + &openssl(version))),
    ]
}

/// An image of these layers.
pub(crate) fn of(layers: &[Vec<Entry>]) -> BuiltImage {
    image("linux/amd64", &tars(layers))
}

pub(crate) fn tars(layers: &[Vec<Entry>]) -> Vec<Vec<u8>> {
    layers.iter().map(|it| tar(it)).collect()
}
