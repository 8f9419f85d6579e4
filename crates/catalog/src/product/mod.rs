//! Middleware, databases, web servers, web applications and runtimes that nobody's package manager lists: found by what
//! they are called and where they lie, and proved by what they hold. One row a product and place; which advisories speak
//! of it is said in `model::PRODUCTS`.
mod archives;
mod programs;
mod search;
mod texts;

use crate::{Cataloger, takings::Takings, wanted::fits};
pub(crate) use archives::of_archive;
use inspect::{Fault, File, Found};
use model::{Component, Ecosystem};
use search::Search;

pub(crate) const CATALOGER: Cataloger =
    Cataloger { name: "product", revision: 1, paths: &PATHS, parse };

/// The tables, which differ in how much of a file is searched.
const TABLES: [&[Row]; 2] = [programs::ROWS, texts::ROWS];

/// Where a product may be found, and what says its version there.
#[derive(Debug)]
struct Row {
    ecosystem: Ecosystem,
    /// The name of its component. A `*` stands for the name of the directory that the file is in.
    name: &'static str,
    /// Which files, as in [`Cataloger::paths`].
    at: &'static [&'static str],
    /// Regular expressions over bytes, the one to be believed most first. What their groups hold is the version, with a
    /// dot between them.
    says: &'static [&'static str],
    /// What the file must hold besides: one of these, unless there is none.
    with: &'static [&'static str],
    /// What it must not hold.
    without: &'static [&'static str],
    /// Whether the version must begin with the one in the name of the file.
    as_named: bool,
    /// How much of the file is searched.
    bytes: u64,
}

/// A row for a program, all of which is searched.
const fn program(
    name: &'static str,
    at: &'static [&'static str],
    says: &'static [&'static str],
) -> Row {
    let (ecosystem, bytes) = (Ecosystem::Generic, search::PROGRAM_BYTES);
    Row { ecosystem, name, at, says, with: &[], without: &[], as_named: false, bytes }
}

/// A row for a text, which says it at its beginning.
const fn text(
    name: &'static str,
    at: &'static [&'static str],
    says: &'static [&'static str],
) -> Row {
    Row { bytes: search::TEXT_BYTES, ..program(name, at, says) }
}

fn parse(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let is_here = |it: &&Row| it.at.iter().any(|at| fits(at, file.path.as_str()));
    let mut searches: Vec<Search> =
        TABLES.iter().flat_map(|it| it.iter()).filter(is_here).map(Search::new).collect();
    search::run(file, &mut searches)?;
    Takings::of(CATALOGER.name, found, |takings| {
        for (row, version) in searches.iter().filter_map(Search::outcome) {
            let dir = file.path.parent().and_then(|it| it.rsplit('/').next()).unwrap_or_default();
            let name = row.name.replace('*', dir);
            takings.component(Component::new(row.ecosystem, &name, version))?;
        }
        let cut = searches.iter().any(|it| it.outcome().is_none() && it.is_cut(file));
        if cut {
            let bytes = search::PROGRAM_BYTES;
            return Err(Fault::TooLarge(format!("{} bytes, {bytes} are searched", file.size())));
        }
        Ok(())
    })
}

/// The places of all rows.
const PATHS: [&str; places(&mut [])] = {
    let mut paths = [""; places(&mut [])];
    places(&mut paths);
    paths
};

/// Writes the places of all rows, as far as there is room, and says how many there are.
const fn places(to: &mut [&str]) -> usize {
    let (mut count, mut tables) = (0_usize, TABLES.as_slice());
    while let [table, others @ ..] = tables {
        let mut rows: &[Row] = table;
        while let [row, rest @ ..] = rows {
            let mut all = row.at;
            while let [at, more @ ..] = all {
                if let Some((_, slots)) = to.split_at_mut_checked(count)
                    && let Some((slot, _)) = slots.split_first_mut()
                {
                    *slot = *at;
                }
                count = count.saturating_add(1);
                all = more;
            }
            rows = rest;
        }
        tables = others;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PRODUCTS;

    #[test]
    fn every_row_is_of_a_product() {
        for row in TABLES.iter().flat_map(|it| it.iter()) {
            let is = |it: &&model::Product| it.ecosystem == row.ecosystem && it.name == row.name;
            let known = row.name.contains('*') || row.ecosystem == Ecosystem::Maven;
            assert!(known || PRODUCTS.iter().any(|it| is(&it)), "{} is no product", row.name);
            assert!(row.says.iter().all(|it| search::compile(it).is_ok()), "{}", row.name);
        }
    }
}
