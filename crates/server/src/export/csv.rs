//! Comma-separated values (RFC 4180).
use super::Cell;
use std::io::{self, Write};

pub(super) fn row(out: &mut impl Write, cells: &[Cell]) -> io::Result<()> {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        match cell {
            Cell::Empty => {}
            Cell::Text(it) => out.write_all(text(it).as_bytes())?,
            Cell::Number(it) => write!(out, "{it}")?,
            Cell::Fraction(it) => write!(out, "{it}")?,
        }
    }
    out.write_all(b"\r\n")
}

/// Spreadsheets take what begins like this for a formula, which may send what stands beside it elsewhere. Names
/// of images and packages are anybody's: an apostrophe makes them text.
fn text(it: &str) -> String {
    let formula = it.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quote = formula
        || it.contains([',', '"', '\r', '\n', ';', '\t'])
        || it.starts_with(' ')
        || it.ends_with(' ');
    let mark = if formula { "'" } else { "" };
    if quote { format!("\"{mark}{}\"", it.replace('"', "\"\"")) } else { it.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_values_and_rows_rows() {
        let check = |cells: &[Cell], line: &str| {
            let mut out = Vec::new();
            row(&mut out, cells).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{line}\r\n"));
        };
        check(&["a".into(), 7i64.into(), 0.5.into(), Cell::Empty, "b c".into()], "a,7,0.5,,b c");
        check(
            &["a,b".into(), "say \"no\"".into(), "two\nlines".into()],
            "\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"",
        );
        check(&[(-7i64).into(), " x".into()], "-7,\" x\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            check(&[formula.into()], &format!("\"'{formula}\""));
        }
        check(&["=HYPERLINK(\"x\")".into()], "\"'=HYPERLINK(\"\"x\"\")\"");
    }
}
