//! Paths inside images.
use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt};

/// Where a file sits inside an image: relative to its root, `/` between parts, no `.` or `..`.
/// The root itself is the empty path.
///
/// Not a host path. There is deliberately no conversion to `std::path::Path`.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ImagePath(Box<str>);

/// The path climbs out of the root of the image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Climbs;

impl ImagePath {
    /// Parses the name of an archive member. File names are bytes on Linux: one that is not UTF-8
    /// is kept apart from every other by [`decode`].
    pub fn parse(raw: &[u8]) -> Result<ImagePath, Climbs> {
        ImagePath::join("", &decode(raw))
    }

    /// Where `target`, as read from a symbolic link that stands at `self`, leads. It can't leave
    /// the root: like the kernel's, `..` at the root is the root.
    pub fn link(&self, target: &str) -> ImagePath {
        let base = if target.starts_with('/') { "" } else { self.parent().unwrap_or("") };
        let mut parts: Vec<&str> = split(base).collect();
        for part in split(target) {
            if part == ".." {
                parts.pop();
            } else {
                parts.push(part);
            }
        }
        ImagePath(parts.join("/").into())
    }

    fn join(base: &str, rest: &str) -> Result<ImagePath, Climbs> {
        let mut parts: Vec<&str> = split(base).collect();
        for part in split(rest) {
            if part == ".." {
                parts.pop().ok_or(Climbs)?;
            } else {
                parts.push(part);
            }
        }
        Ok(ImagePath(parts.join("/").into()))
    }

    /// The path as text, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directory it is in; `None` for the root itself, and an empty one for what is in the root.
    pub fn parent(&self) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        Some(self.0.rsplit_once('/').map_or("", |(dir, _)| dir))
    }

    /// The directories above, nearest first; the root is not among them.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(self.0.rsplit_once('/'), |(dir, _)| dir.rsplit_once('/'))
            .map(|(dir, _)| dir)
    }

    /// What is left of the path below `dir`; `None` when it is not below it.
    pub fn below(&self, dir: &str) -> Option<&str> {
        if dir.is_empty() {
            return Some(&self.0);
        }
        self.0.strip_prefix(dir)?.strip_prefix('/')
    }

    /// Whether the path ends with the whole parts of `suffix`.
    pub fn ends_with(&self, suffix: &str) -> bool {
        self.0.strip_suffix(suffix).is_some_and(|it| it.is_empty() || it.ends_with('/'))
    }
}

/// So that a map of paths answers for a part of one without a copy.
impl Borrow<str> for ImagePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|it| !it.is_empty() && *it != ".")
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text for bytes that may not be UTF-8: each byte that does not decode becomes the private
/// character U+EF00 + byte (as MirBSD's OPTU-8 does). No two inputs give the same text, since those private
/// characters, where the input has them, are taken apart the same way: otherwise a file could hide
/// behind the name of another.
pub fn decode(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    let escape = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().filter_map(|it| char::from_u32(0xef00 | u32::from(*it))));
    };
    for chunk in raw.utf8_chunks() {
        for c in chunk.valid().chars() {
            if ('\u{ef80}'..='\u{efff}').contains(&c) {
                escape(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(c);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_normalised_and_stay_inside() {
        let check = |raw: &str, expected: Option<&str>| {
            let path = ImagePath::parse(raw.as_bytes()).ok();
            assert_eq!(path.as_ref().map(ImagePath::as_str), expected, "{raw}");
        };
        check("./etc/passwd", Some("etc/passwd"));
        check("/etc//passwd/", Some("etc/passwd"));
        check("a/../b", Some("b"));
        check("./", Some(""));
        check("", Some(""));
        check("../etc/passwd", None);
        check("a/../../b", None);
    }

    #[test]
    fn links_are_followed_within_the_root() {
        let check = |at: &str, target: &str, expected: &str| {
            let at = ImagePath::parse(at.as_bytes()).unwrap();
            assert_eq!(at.link(target).as_str(), expected, "{at} -> {target}");
        };
        check("bin", "usr/bin", "usr/bin");
        check("etc/os-release", "../usr/lib/os-release", "usr/lib/os-release");
        check("var/lib/x", "/opt/x", "opt/x");
        check("a", "../../../etc", "etc");
    }

    #[test]
    fn parts_of_a_path() {
        let path = ImagePath::parse(b"var/lib/dpkg/status").unwrap();
        assert_eq!(path.ancestors().collect::<Vec<_>>(), ["var/lib/dpkg", "var/lib", "var"]);
        assert_eq!((path.name(), path.parent()), ("status", Some("var/lib/dpkg")));
        assert_eq!(path.below("var/lib"), Some("dpkg/status"));
        assert_eq!(path.below("var/li"), None);
        assert!(path.ends_with("dpkg/status") && !path.ends_with("kg/status"));
    }

    proptest! {
        #[test]
        fn no_two_names_look_alike(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(a == b, decode(&a) == decode(&b));
        }

        #[test]
        fn text_stays_as_it_is(a in "[a-zA-Z0-9/._ü-]*") {
            prop_assert_eq!(decode(a.as_bytes()), a);
        }
    }
}
