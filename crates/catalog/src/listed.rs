//! What a package manager of a programming language writes down: names and versions, within limits; and how its
//! files are read: JSON, lines, and the part of TOML that lock files use.
use crate::takings::Takings;
use inspect::{Fault, File, Found, Malformed};
use model::{Component, Ecosystem, Presence};
use serde::{Deserialize, Deserializer};
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// The most of a file of text that is read: the largest lock files known have a tenth.
const TEXT_BYTES: u64 = 64 << 20;
/// Longer names and versions are none.
const NAME_BYTES: usize = 512;
/// Where packages lie that others have made. Lock files that came with them count for nobody: package managers
/// read only that of the project itself.
const DEPENDENCIES: [&str; 10] = [
    "node_modules",
    "vendor",
    "gems",
    "site-packages",
    "dist-packages",
    "pkg/mod",
    "registry/src",
    "git/checkouts",
    "pnpm/store",
    ".pub-cache",
];

/// Takes in what one file lists.
pub(crate) struct List<'t, 'f> {
    ecosystem: Ecosystem,
    takings: &'t mut Takings<'f>,
}

/// Lets `read` take in components of `ecosystem`, for the cataloger `by`.
pub(crate) fn list(
    by: &'static str,
    ecosystem: Ecosystem,
    found: &mut Found,
    read: impl FnOnce(&mut List<'_, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    Takings::of(by, found, |takings| read(&mut List { ecosystem, takings }))
}

/// The same for a lock file, unless it came with somebody else's package.
pub(crate) fn locked(
    by: &'static str,
    ecosystem: Ecosystem,
    file: &File<'_>,
    found: &mut Found,
    read: impl FnOnce(&mut List<'_, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let path = format!("/{}", file.path);
    if DEPENDENCIES.iter().any(|it| path.contains(&format!("/{it}/"))) {
        return Ok(());
    }
    list(by, ecosystem, found, read)
}

impl List<'_, '_> {
    /// Takes in what is installed.
    pub(crate) fn installed(&mut self, name: &str, version: &str) -> Result<(), Fault> {
        self.add(name, version, Presence::Installed)
    }

    /// Takes in what is only named.
    pub(crate) fn declared(
        &mut self,
        name: &str,
        version: &str,
        development: bool,
    ) -> Result<(), Fault> {
        let presence = if development { Presence::Development } else { Presence::Declared };
        self.add(name, version, presence)
    }

    /// Takes in a component, or notes that this can be none.
    pub(crate) fn add(
        &mut self,
        name: &str,
        version: &str,
        presence: Presence,
    ) -> Result<(), Fault> {
        let sound =
            |it: &str| !it.is_empty() && it.len() <= NAME_BYTES && !it.contains(char::is_control);
        if sound(name) && sound(version) {
            let component = Component::new(self.ecosystem, name, version);
            return self.takings.component(Component { presence, ..component });
        }
        let shown = |it: &str| it.chars().take(100).collect::<String>();
        let (name, version) = (shown(name), shown(version));
        self.trouble(format!("a package without a sound name or version: `{name}` `{version}`"));
        Ok(())
    }

    /// Notes what went unseen.
    pub(crate) fn trouble(&mut self, what: String) {
        self.takings.trouble(what);
    }

    /// Notes what of a component is not known.
    pub(crate) fn unknown(&mut self, what: String) {
        self.takings.unknown(what);
    }
}

/// All of a file as text, within limits.
pub(crate) fn text<'a>(file: &File<'a>) -> Result<Cow<'a, str>, Fault> {
    within(file)?;
    file.text()
}

/// A file of JSON.
pub(crate) fn json<T: for<'de> Deserialize<'de>>(file: &File<'_>) -> Result<T, Fault> {
    within(file)?;
    let bytes = file.whole()?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(bytes).map_err(|err| Malformed(err.to_string().into()).into())
}

fn within(file: &File<'_>) -> Result<(), Fault> {
    if file.size() > TEXT_BYTES {
        return Err(Fault::TooLarge(format!("{} bytes, the limit is {TEXT_BYTES}", file.size())));
    }
    Ok(())
}

/// Text of a JSON document: empty where there is none, or something else. One such field must not cost the rest.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        from.deserialize_any(Lenient)
    }
}

/// An entry of a JSON document with a name and a version, as most have.
#[derive(Deserialize)]
pub(crate) struct Named {
    #[serde(default)]
    pub(crate) name: Text,
    #[serde(default)]
    pub(crate) version: Text,
}

struct Lenient;

impl<'de> serde::de::Visitor<'de> for Lenient {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, it: &str) -> Result<Text, E> {
        Ok(Text(it.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_i64<E>(self, it: i64) -> Result<Text, E> {
        Ok(Text(it.to_string()))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Text, E> {
        Ok(Text(it.to_string()))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Text, E> {
        Ok(Text(it.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Text, A::Error> {
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }
}

/// The tables `[[package]]` of a lock file in TOML (TOML 1.0, "Array of Tables"): those of their keys that have text,
/// one a line, as all tools write them. `heading` is what stands between the brackets.
pub(crate) fn tables<'a>(
    text: &'a str,
    heading: &'a str,
) -> impl Iterator<Item = BTreeMap<&'a str, &'a str>> {
    let mut lines = text.lines().map(str::trim).peekable();
    std::iter::from_fn(move || {
        lines.find(|it| {
            it.strip_prefix("[[").and_then(|it| it.strip_suffix("]]")) == Some(heading)
        })?;
        let mut table = BTreeMap::new();
        while let Some(line) = lines.next_if(|it| !it.starts_with('[')) {
            if let Some((key, value)) = line.split_once('=') {
                table.entry(key.trim()).or_insert(unquoted(value));
            }
        }
        Some(table)
    })
}

/// What stands between quotes, or is a plain word.
pub(crate) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    match text.chars().next().filter(|it| matches!(it, '"' | '\'')) {
        Some(quote) => text.split(quote).nth(1).unwrap_or_default(),
        None => text,
    }
}

/// How far a line is indented, and what it says.
pub(crate) fn indented(line: &str) -> (usize, &str) {
    let rest = line.trim_start_matches(' ');
    (line.len().saturating_sub(rest.len()), rest.trim_end())
}

/// A package and its version, the last `@` between them: `@scope/name@1.2.3`.
pub(crate) fn at(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once('@').filter(|it| !it.0.is_empty())
}

/// Whether it begins as versions do: what does not is the address of an archive, a branch, or a directory.
pub(crate) fn is_version(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_digit())
}
