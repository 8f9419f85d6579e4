//! A file is searched once, in windows, for all that the rows of its name ask for: a program may have gigabytes.
use super::Row;
use inspect::{Fault, File};
use memchr::memmem;
use regex_automata::{
    Input,
    meta::{BuildError, Regex},
    util::syntax,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The most of a program that is searched: browsers have a third.
pub(super) const PROGRAM_BYTES: u64 = 1 << 30;
/// The most of a text that is searched.
pub(super) const TEXT_BYTES: u64 = 64 << 10;
/// What is looked at in one go.
const WINDOW_BYTES: u64 = 1 << 20;
/// How far windows overlap: no row asks for more in one piece.
const OVERLAP_BYTES: u64 = 4 << 10;
/// Longer versions are none.
const VERSION_BYTES: usize = 64;

/// What one row has come to so far.
pub(super) struct Search {
    row: &'static Row,
    says: Vec<Arc<Regex>>,
    /// The version, by the expression that found it.
    version: Option<(usize, String)>,
    with: bool,
    without: bool,
}

impl Search {
    pub(super) fn new(row: &'static Row) -> Search {
        // A test compiles them all.
        let says = row.says.iter().filter_map(|it| compiled(it)).collect();
        Search { row, says, version: None, with: row.with.is_empty(), without: true }
    }

    /// What was found, if it is proved.
    pub(super) fn outcome(&self) -> Option<(&'static Row, &str)> {
        let version = self.version.as_ref().filter(|_| self.with && self.without);
        Some((self.row, &version?.1))
    }

    /// Whether there is more of the file than was searched, where all of it should be.
    pub(super) fn is_cut(&self, file: &File<'_>) -> bool {
        self.row.bytes == PROGRAM_BYTES && file.size() > PROGRAM_BYTES
    }

    /// Whether nothing that follows would change the outcome.
    fn is_over(&self) -> bool {
        let best = matches!(self.version, Some((0, _)));
        !self.without || (best && self.with && self.row.without.is_empty())
    }

    /// Looks at the bytes from `offset` on.
    fn look(&mut self, offset: u64, window: &[u8], named: &str) {
        if offset >= self.row.bytes || self.is_over() {
            return;
        }
        let holds = |it: &&&str| memmem::find(window, it.as_bytes()).is_some();
        self.with = self.with || self.row.with.iter().any(|it| holds(&it));
        self.without = !self.row.without.iter().any(|it| holds(&it));
        let better = self.version.as_ref().map_or(usize::MAX, |it| it.0);
        for (rank, regex) in self.says.iter().enumerate().take(better) {
            if let Some(version) = version(regex, window, named) {
                self.version = Some((rank, version));
                return;
            }
        }
    }
}

/// Looks at the file from front to back, as far as any search wants it.
pub(super) fn run(file: &File<'_>, searches: &mut [Search]) -> Result<(), Fault> {
    let most = searches.iter().map(|it| it.row.bytes).max().unwrap_or_default();
    let end = file.size().min(most);
    let mut offset = 0_u64;
    while offset < end && !searches.iter().all(Search::is_over) {
        let window = file.slice(offset, WINDOW_BYTES.min(end.saturating_sub(offset)))?;
        for it in searches.iter_mut() {
            let named = if it.row.as_named { named(file.path.name()) } else { "" };
            it.look(offset, &window, named);
        }
        offset = offset.saturating_add(WINDOW_BYTES.saturating_sub(OVERLAP_BYTES));
    }
    Ok(())
}

/// The version in the name of a file: `3.8` of `libpython3.8m.so.1.0`.
fn named(name: &str) -> &str {
    let digit = |it: char| it.is_ascii_digit();
    let rest = name.find(digit).and_then(|it| name.get(it..)).unwrap_or_default();
    let end = rest.find(|it: char| !digit(it) && it != '.').unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().trim_end_matches('.')
}

/// The first version that begins as `named` does.
fn version(regex: &Regex, window: &[u8], named: &str) -> Option<String> {
    let mut input = Input::new(window);
    let mut groups = regex.create_captures();
    loop {
        regex.search_captures(&input, &mut groups);
        // What ends one may begin the next: a zero.
        let after = groups.get_group(1)?.end;
        let all = (1..groups.group_len()).filter_map(|it| groups.get_group(it));
        let all = all.filter_map(|it| str::from_utf8(window.get(it.range())?).ok());
        let version = all.collect::<Vec<_>>().join(".");
        let rest = version.strip_prefix(named);
        let digit = |it: &str| it.starts_with(|it: char| it.is_ascii_digit());
        let fits = rest.is_some_and(|it| named.is_empty() || !digit(it));
        if fits && !version.is_empty() && version.len() <= VERSION_BYTES {
            return Some(version);
        }
        input.set_start(after.max(input.start().saturating_add(1)));
        if input.is_done() {
            return None;
        }
    }
}

/// Compiled once in a process: a layer may have very many files of one name.
fn compiled(text: &'static str) -> Option<Arc<Regex>> {
    static COMPILED: Mutex<BTreeMap<&str, Arc<Regex>>> = Mutex::new(BTreeMap::new());
    let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(it) = all.get(text) {
        return Some(it.clone());
    }
    let regex = Arc::new(compile(text).ok()?);
    all.insert(text, regex.clone());
    Some(regex)
}

/// Over bytes: a dot is any of them.
pub(super) fn compile(text: &str) -> Result<Regex, Box<BuildError>> {
    let syntax = syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true);
    let config = Regex::config().utf8_empty(false);
    Regex::builder().syntax(syntax).configure(config).build(text).map_err(Box::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_names() {
        let check = |name, expected| assert_eq!(named(name), expected, "{name}");
        check("python3.8", "3.8");
        check("libpython3.8m.so.1.0", "3.8");
        check("libpython2.7.so", "2.7");
        check("python", "");
        check("python3.", "3");
    }
}
