//! Package URLs (ECMA-427; purl-spec, "How to parse" and "How to build a purl string").
//!
//! More is understood than is written: what is written is the canonical form. One rule is not
//! followed: names of Go modules keep their case, since to Go and to its advisories
//! `BurntSushi/toml` and `burntsushi/toml` are two modules.
mod component;
mod fit;
mod percent;

pub use fit::Fit;

use std::{collections::BTreeMap, fmt};

/// A package URL, taken apart and decoded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Purl {
    /// `deb`, `npm`...; lower case.
    pub kind: String,
    /// Parts of what stands before the name: a vendor, a group, the path of a module.
    pub namespace: Vec<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// `arch`, `distro`...: more about the package.
    pub qualifiers: BTreeMap<String, String>,
    /// Parts of a path inside the package.
    pub subpath: Vec<String>,
}

/// The text is not a package URL: why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadPurl(pub &'static str);

impl Purl {
    /// Parses a package URL.
    pub fn parse(text: &str) -> Result<Purl, BadPurl> {
        let (rest, subpath) = text.trim().split_once('#').unwrap_or((text.trim(), ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (scheme, rest) =
            rest.split_once(':').ok_or(BadPurl("it does not begin with `pkg:`"))?;
        if !scheme.eq_ignore_ascii_case("pkg") {
            return Err(BadPurl("it does not begin with `pkg:`"));
        }
        let (kind, rest) =
            rest.trim_matches('/').split_once('/').ok_or(BadPurl("it has no name"))?;
        let kind = kind.to_ascii_lowercase();
        let valid = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'+' | b'-');
        if !kind.bytes().all(valid) || !kind.starts_with(|it: char| it.is_ascii_alphabetic()) {
            return Err(BadPurl("its type is none"));
        }
        let (path, version) = split_version(rest);
        let mut namespace = parts(path, |_| true)?;
        let name = namespace.pop().ok_or(BadPurl("it has no name"))?;
        let mut purl = Purl {
            kind,
            namespace,
            name,
            version: version.map(percent::decode).transpose()?.filter(|it| !it.is_empty()),
            qualifiers: read_qualifiers(qualifiers)?,
            subpath: parts(subpath, |it| !matches!(it, "." | ".."))?,
        };
        purl.normalise();
        Ok(purl)
    }

    /// One of the qualifiers.
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.get(key).map(String::as_str)
    }

    /// Brings the parts whose case does not matter into the one spelling (purl-spec,
    /// PURL-TYPES.rst).
    fn normalise(&mut self) {
        let lower = |it: &mut String| *it = it.to_lowercase();
        match self.kind.as_str() {
            "alpm" | "apk" | "bitbucket" | "bitnami" | "composer" | "deb" | "github" | "hex" => {
                self.namespace.iter_mut().for_each(lower);
                lower(&mut self.name);
            }
            "rpm" => self.namespace.iter_mut().for_each(lower),
            "pub" => lower(&mut self.name),
            "pypi" => self.name = self.name.to_lowercase().replace('_', "-"),
            _ => {}
        }
    }
}

/// An `@` that begins a part of the path is the scope of an npm package, written as people do.
fn split_version(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once('@') {
        Some((before, version)) if !before.is_empty() && !before.ends_with('/') => {
            (before, Some(version))
        }
        // A scope and a name without a version; nothing but a version has no name.
        Some((_, rest)) if rest.contains('/') => (path, None),
        Some((before, version)) => (before, Some(version)),
        None => (path, None),
    }
}

fn parts(path: &str, keep: fn(&str) -> bool) -> Result<Vec<String>, BadPurl> {
    path.split('/').filter(|it| !it.is_empty() && keep(it)).map(percent::decode).collect()
}

fn read_qualifiers(text: &str) -> Result<BTreeMap<String, String>, BadPurl> {
    let mut qualifiers = BTreeMap::new();
    for pair in text.split('&').filter(|it| !it.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or(BadPurl("a qualifier has no value"))?;
        let key = key.to_ascii_lowercase();
        let valid = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_');
        if !key.bytes().all(valid) || !key.starts_with(|it: char| it.is_ascii_alphabetic()) {
            return Err(BadPurl("a qualifier's name is none"));
        }
        let value = percent::decode(value)?;
        if !value.is_empty() && qualifiers.insert(key, value).is_some() {
            return Err(BadPurl("a qualifier stands twice"));
        }
    }
    Ok(qualifiers)
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        for part in &self.namespace {
            write!(f, "{}/", percent::encode(part))?;
        }
        write!(f, "{}", percent::encode(&self.name))?;
        if let Some(version) = &self.version {
            write!(f, "@{}", percent::encode(version))?;
        }
        for ((key, value), before) in
            self.qualifiers.iter().zip("?".chars().chain("&".chars().cycle()))
        {
            write!(f, "{before}{key}={}", percent::encode(value))?;
        }
        for (part, before) in self.subpath.iter().zip("#".chars().chain("/".chars().cycle())) {
            write!(f, "{before}{}", percent::encode(part))?;
        }
        Ok(())
    }
}

impl fmt::Display for BadPurl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a package URL: {}", self.0)
    }
}

#[cfg(test)]
mod tests;
