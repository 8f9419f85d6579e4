//! One spelling for every name, so that the component's and the advisory's meet.
use model::{Ecosystem, Namespace};

/// The key under which a package of a namespace is stored and looked up.
pub(crate) fn key(namespace: &Namespace, package: &str) -> String {
    let mut key = format!("{namespace}\0");
    key.push_str(&normalise(Ecosystem::from_osv(namespace.as_str()), package));
    key.push('\0');
    key
}

/// The one spelling of a name. Distributions compare names as they are; of the languages, those
/// that treat different spellings as one package are normalised as their registries do it.
pub(crate) fn normalise(ecosystem: Option<Ecosystem>, name: &str) -> String {
    match ecosystem {
        // PEP 503, "Normalized Names".
        Some(Ecosystem::Pypi) => {
            let parts = name.split(['-', '_', '.']).filter(|it| !it.is_empty());
            parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
        }
        // crates.io has no two crates that differ only so.
        Some(Ecosystem::Cargo) => name.to_ascii_lowercase().replace('_', "-"),
        // Package URLs write Go's paths in lower case; no two known modules differ only so.
        Some(
            Ecosystem::Bitnami
            | Ecosystem::Composer
            | Ecosystem::Golang
            | Ecosystem::Hex
            | Ecosystem::Nuget
            | Ecosystem::Pub,
        ) => name.to_ascii_lowercase(),
        Some(Ecosystem::Swift) => {
            let name = name.trim_start_matches("https://").trim_end_matches(".git");
            name.to_ascii_lowercase()
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_package_meet() {
        let check = |ecosystem, name: &str, expected: &str| {
            assert_eq!(normalise(Some(ecosystem), name), expected);
        };
        check(Ecosystem::Pypi, "Flask_SQL..Alchemy", "flask-sql-alchemy");
        check(Ecosystem::Cargo, "Some_Crate", "some-crate");
        check(
            Ecosystem::Golang,
            "github.com/Masterminds/goutils",
            "github.com/masterminds/goutils",
        );
        check(Ecosystem::Nuget, "Newtonsoft.Json", "newtonsoft.json");
        check(Ecosystem::Npm, "@scope/JSONStream", "@scope/JSONStream");
        check(Ecosystem::Maven, "org.Example:Thing", "org.Example:Thing");
        check(
            Ecosystem::Swift,
            "https://github.com/apple/swift-nio.git",
            "github.com/apple/swift-nio",
        );
        check(Ecosystem::Deb, "libFoo", "libFoo");
    }
}
