//! Which catalogers want a file, answered without asking each: an image has millions of files, and
//! hardly any of them is wanted by any.
use crate::{CATALOGERS, Cataloger, sections::is_program};
use inspect::Head;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// The pattern of any program (ELF, PE, Mach-O), whatever it is called.
pub(crate) const PROGRAM: &str = "*";

/// How much of the beginning of a name tells enough.
const BEGINNING_BYTES: usize = 4;

/// An index of patterns by the part of a path that tells most.
#[derive(Debug)]
pub struct Catalog {
    /// By the whole name of the file: `status`.
    names: Index,
    /// By the first characters of its name, for patterns that begin with as many: `libp`.
    beginnings: Index,
    /// By what follows its last dot: `list`.
    endings: Index,
    /// By the name of the directory, for patterns that accept any name: `status.d`.
    parents: Index,
    /// All the rest, which have to be tried.
    others: Vec<Pattern>,
    /// Those that want programs.
    programs: Vec<Pattern>,
}

type Index = HashMap<&'static str, Vec<Pattern>, BuildHasherDefault<Words>>;
type Pattern = (&'static str, &'static Cataloger);

impl Default for Catalog {
    /// All of [`CATALOGERS`].
    fn default() -> Catalog {
        Catalog::new(CATALOGERS)
    }
}

impl Catalog {
    /// An index of `catalogers`.
    pub fn new(catalogers: &'static [Cataloger]) -> Catalog {
        let mut all = Catalog {
            names: Index::default(),
            beginnings: Index::default(),
            endings: Index::default(),
            parents: Index::default(),
            others: Vec::new(),
            programs: Vec::new(),
        };
        for cataloger in catalogers {
            for pattern in cataloger.paths {
                all.slot(pattern).push((pattern, cataloger));
            }
        }
        all
    }

    /// The catalogers that want a file, each once.
    pub fn wanting(&self, head: &Head<'_>) -> Vec<&'static Cataloger> {
        let path = head.path.as_str();
        let (dir, name) = split_last(path, b'/');
        let (_, parent) = split_last(dir, b'/');
        let (_, ending) = split_last(name, b'.');
        let mut wanting = Vec::new();
        let mut add = |patterns: &[Pattern]| {
            for (pattern, cataloger) in patterns {
                let known = |it: &&Cataloger| std::ptr::eq(*it, *cataloger);
                if fits(pattern, path) && !wanting.iter().any(known) {
                    wanting.push(*cataloger);
                }
            }
        };
        let ending = self.endings.get(ending);
        let programs = Some(&self.programs).filter(|_| is_program(head));
        let parent = self.parents.get(parent);
        let beginning = name.get(..BEGINNING_BYTES).and_then(|it| self.beginnings.get(it));
        let found = [self.names.get(name), beginning, ending, parent, Some(&self.others), programs];
        found.into_iter().flatten().for_each(|it| add(it));
        wanting
    }

    fn slot(&mut self, pattern: &'static str) -> &mut Vec<Pattern> {
        if pattern == PROGRAM {
            return &mut self.programs;
        }
        let (dir, name) = split_last(pattern, b'/');
        let (_, parent) = split_last(dir, b'/');
        let Some((before, after)) = name.split_once('*') else {
            return self.names.entry(name).or_default();
        };
        if let Some(it) = before.get(..BEGINNING_BYTES) {
            return self.beginnings.entry(it).or_default();
        }
        match after.rsplit_once('.') {
            Some((_, ending)) => self.endings.entry(ending).or_default(),
            None if parent.is_empty() || parent.contains('*') => &mut self.others,
            None => self.parents.entry(parent).or_default(),
        }
    }
}

/// What stands before and after the last `at`; all of it after, where there is none.
fn split_last(text: &str, at: u8) -> (&str, &str) {
    let place = text.as_bytes().iter().rposition(|it| *it == at);
    let after = place.map_or(0, |it| it.saturating_add(1));
    (place.and_then(|it| text.get(..it)).unwrap_or(""), text.get(after..).unwrap_or(text))
}

/// Whether a file is what `pattern` stands for.
pub(crate) fn is_wanted(pattern: &str, head: &Head<'_>) -> bool {
    fits(pattern, head.path.as_str()) && (pattern != PROGRAM || is_program(head))
}

/// Whether the last parts of `path` are those of `pattern`, in which `*` stands for any text within
/// one part; at most one in each.
pub(crate) fn fits(pattern: &str, path: &str) -> bool {
    // Most paths differ from most patterns in the last character already.
    let last = pattern.as_bytes().last();
    if last != Some(&b'*') && last != path.as_bytes().last() {
        return false;
    }
    let mut parts = path.rsplit('/');
    pattern.rsplit('/').all(|pattern| parts.next().is_some_and(|part| part_fits(pattern, part)))
}

fn part_fits(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((before, after)) => {
            part.strip_prefix(before).is_some_and(|rest| rest.ends_with(after))
        }
    }
}

/// Eight bytes a multiplication, as rustc's own hasher does it. The keys are ours, so nobody gains
/// from collisions, and the default hasher takes three times as long on names this short.
#[derive(Clone, Copy, Default)]
struct Words(u64);

impl Words {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Words {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|it| self.add(u64::from_le_bytes(*it)));
        self.add(rest.iter().fold(0, |word, it| word << 8 | u64::from(*it)));
    }

    fn write_u8(&mut self, _: u8) {
        // `str` ends with a byte of its own, which matters only where several are hashed as one.
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inspect::Inspector;
    use model::ImagePath;

    #[test]
    fn patterns_fit_whole_parts() {
        let check = |pattern, path, expected| {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        };
        check("dpkg/status", "var/lib/dpkg/status", true);
        check("dpkg/status", "dpkg/status", true);
        check("dpkg/status", "opkg/status", false);
        check("dpkg/status", "xdpkg/status", false);
        check("dpkg/status", "status", false);
        check("status.d/*", "var/lib/dpkg/status.d/base", true);
        check("status.d/*", "var/lib/dpkg/status.d/a/base", false);
        check("info/*.list", "var/lib/dpkg/info/base.list", true);
        check("info/*.list", "var/lib/dpkg/info/base.md5sums", false);
        check("pacman/local/*/desc", "var/lib/pacman/local/bash-5.2/desc", true);
        check("pacman/local/*/desc", "var/lib/pacman/local/desc", false);
        check("lib*.so", "usr/lib/libc.so", true);
        check("a*a", "a", false);
    }

    #[test]
    fn the_index_agrees_with_the_patterns() {
        let catalog = Catalog::default();
        let check = |path: &str, start: &[u8]| {
            let path = ImagePath::parse(path.as_bytes()).unwrap();
            let head = Head { path: &path, size: 0, mode: 0o755, start };
            let wants = |it: &&Cataloger| it.wants(&head);
            let mut expected: Vec<_> = CATALOGERS.iter().filter(wants).map(|it| it.name).collect();
            let mut got: Vec<_> = catalog.wanting(&head).iter().map(|it| it.name).collect();
            expected.sort_unstable();
            got.sort_unstable();
            assert_eq!(got, expected, "{path}");
        };
        for cataloger in CATALOGERS {
            for pattern in cataloger.paths {
                let path = pattern.replace('*', "x.y");
                for start in [&b"text"[..], &[b"\x7fELF\x02\x01", &[0; 10][..], b"\x03"].concat()] {
                    check(&path, start);
                    check(&format!("a/{path}"), start);
                    check(&format!("{path}/a"), start);
                    check(&format!("{path}a"), start);
                }
            }
        }
        check("", b"");
        check("usr/bin/bash", b"");
    }
}
