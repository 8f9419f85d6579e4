//! Lists as files, row by row, in the memory of a row.
mod csv;
mod xlsx;
mod zip;

use std::io::{self, Write};

/// What a file is for.
#[derive(Clone, Copy, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Comma-separated values (RFC 4180), in UTF-8.
    Csv,
    /// An Excel workbook.
    Xlsx,
}

/// A value of a row.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Empty,
    Text(String),
    Number(i64),
    Fraction(f64),
}

/// A file that is being written.
pub(crate) enum Sheet<W: Write> {
    Csv(W),
    Xlsx(Box<xlsx::Workbook<W>>),
}

impl Format {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// What a file's name ends with.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Xlsx => "xlsx",
        }
    }
}

impl<W: Write> Sheet<W> {
    /// Begins a file with this heading.
    pub(crate) fn new(format: Format, out: W, heading: &[&str]) -> io::Result<Sheet<W>> {
        let heading: Vec<Cell> = heading.iter().map(|it| (*it).into()).collect();
        let mut it = match format {
            Format::Csv => Sheet::Csv(out),
            Format::Xlsx => Sheet::Xlsx(Box::new(xlsx::Workbook::new(out, &heading))),
        };
        if let Sheet::Csv(_) = it {
            it.row(&heading)?;
        }
        Ok(it)
    }

    pub(crate) fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        match self {
            Sheet::Csv(out) => csv::row(out, cells),
            Sheet::Xlsx(it) => it.row(cells),
        }
    }

    /// Ends the file; without it the file is broken.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Sheet::Csv(mut out) => out.flush(),
            Sheet::Xlsx(it) => it.finish(),
        }
    }
}

impl From<&str> for Cell {
    fn from(it: &str) -> Cell {
        Cell::Text(it.to_owned())
    }
}

impl From<String> for Cell {
    fn from(it: String) -> Cell {
        Cell::Text(it)
    }
}

impl From<i64> for Cell {
    fn from(it: i64) -> Cell {
        Cell::Number(it)
    }
}

impl From<u64> for Cell {
    fn from(it: u64) -> Cell {
        i64::try_from(it).map_or_else(|_| it.to_string().into(), Cell::Number)
    }
}

impl From<f64> for Cell {
    fn from(it: f64) -> Cell {
        Cell::Fraction(it)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(it: Option<T>) -> Cell {
        it.map_or(Cell::Empty, Into::into)
    }
}
