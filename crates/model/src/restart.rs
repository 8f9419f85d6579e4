//! What must be started anew before a fix of a package protects anybody. Distributions keep lists of packages after whose
//! update everything that uses them, or the machine, must be restarted (dnf's `needs-restarting`, zypper's `needreboot`,
//! Debian's `needrestart` and the packages that ask for a reboot themselves). This is what of these means something for
//! images: a running container goes on with what its processes have loaded, however new the image is that its tag names.
use crate::Component;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What must be started anew once a fix is in.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Every container that runs it: processes keep what they have loaded for as long as they run.
    Containers,
    /// The machines that boot from the image. Containers run on the kernel of their host, not on this one.
    Machines,
}

/// Source packages that long-running processes have loaded, as the distributions call them. A name that ends with `*`
/// stands for all that begin so.
const LOADED: &[&str] = &[
    // The C library: every process.
    "eglibc",
    "glibc",
    "musl",
    // Cryptography: every server that speaks TLS, and most clients.
    "compat-openssl*",
    "gnutls",
    "gnutls28",
    "libgcrypt",
    "libgcrypt20",
    "libressl",
    "mozilla-nss",
    "nettle",
    "nss",
    "openssl",
    "openssl-*",
    "openssl1*",
    "openssl3",
    // Compression: servers, databases and runtimes load it.
    "zlib",
    "zlib-ng",
    // The first process and the bus of a system, and the libraries of theirs that others load.
    "dbus",
    "dbus-1",
    "dbus-broker",
    "systemd",
    // Java: a virtual machine has loaded itself and its classes for as long as it runs.
    "java-1*",
    "java-2*",
    "openj9*",
    "openjdk*",
    "temurin-*",
];

/// Packages that hold a kernel. By their own name: most packages of a kernel's source, as Debian's `linux-libc-dev`, hold none.
const KERNELS: &[&str] = &[
    "kernel",
    "kernel-core",
    "kernel-default",
    "kernel-lt",
    "kernel-ml",
    "kernel-rt",
    "kernel-rt-core",
    "kernel-uek",
    "kernel-uek-core",
    "linux-image-*",
    "linux-lts",
    "linux-virt",
];

/// Ends of names of packages that no process loads.
const UNLOADED: &[&str] = &["-dev", "-devel", "-doc", "-docs", "-headers", "-javadoc", "-src"];

impl Restart {
    /// What that means for whoever runs the image.
    pub fn words(self) -> &'static str {
        match self {
            Restart::Containers => {
                "running processes have it loaded: rebuilding the image is not enough, every running container must be replaced"
            }
            Restart::Machines => {
                "a kernel: containers run on that of their host; machines that boot from the image must be booted anew"
            }
        }
    }

    /// What must be started anew once this is mended; `None` for what is read or run afresh each time, and for what
    /// we do not know.
    pub fn of(component: &Component) -> Option<Restart> {
        let name = component.name.as_str();
        if !component.ecosystem.is_system() || UNLOADED.iter().any(|it| name.ends_with(it)) {
            return None;
        }
        if is_in(KERNELS, name) {
            return Some(Restart::Machines);
        }
        [component.source().0, name]
            .iter()
            .any(|it| is_in(LOADED, it))
            .then_some(Restart::Containers)
    }
}

fn is_in(list: &[&str], name: &str) -> bool {
    list.iter().any(|it| match it.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *it == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ecosystem, SourcePackage};

    #[test]
    fn what_processes_load_asks_for_a_restart() {
        let check = |ecosystem, name: &str, source: &str, expected| {
            let mut it = Component::new(ecosystem, name, "1");
            it.source = Some(SourcePackage { name: source.to_owned(), version: "1".to_owned() })
                .filter(|_| !source.is_empty());
            assert_eq!(Restart::of(&it), expected, "{name} of {source}");
        };
        let containers = Some(Restart::Containers);
        check(Ecosystem::Deb, "libc6", "glibc", containers);
        check(Ecosystem::Deb, "libc6-dev", "glibc", None);
        check(Ecosystem::Deb, "libssl3", "openssl", containers);
        check(Ecosystem::Deb, "openjdk-17-jre-headless", "openjdk-17", containers);
        check(Ecosystem::Deb, "java-common", "", None);
        check(Ecosystem::Deb, "libudev1", "systemd", containers);
        check(Ecosystem::Deb, "vim", "vim", None);
        check(Ecosystem::Rpm, "openssl-libs", "openssl", containers);
        check(Ecosystem::Rpm, "libopenssl1_1", "openssl-1_1", containers);
        check(Ecosystem::Rpm, "java-1.8.0-openjdk-headless", "java-1.8.0-openjdk", containers);
        check(Ecosystem::Rpm, "java-17-openjdk-devel", "java-17-openjdk", None);
        check(Ecosystem::Apk, "musl", "", containers);
        check(Ecosystem::Apk, "libcrypto3", "openssl", containers);
        check(Ecosystem::Npm, "openssl", "", None);
        // A kernel in an image is not the one that runs, and headers are none.
        check(Ecosystem::Deb, "linux-libc-dev", "linux", None);
        check(
            Ecosystem::Deb,
            "linux-image-6.1.0-18-amd64",
            "linux-signed-amd64",
            Some(Restart::Machines),
        );
        check(Ecosystem::Rpm, "kernel-core", "kernel", Some(Restart::Machines));
        check(Ecosystem::Rpm, "kernel-headers", "kernel", None);
    }
}
