//! A workbook (ECMA-376, part 1, SpreadsheetML) in its smallest form: texts stand in their cells, there are no formulas.
use super::{
    Cell,
    zip::{Entry, Zip},
};
use std::io::{self, BufWriter, Write};

/// Rows of a sheet, and characters of a cell (Excel's specifications and limits).
const ROWS: u64 = 1_048_576;
const CHARACTERS: usize = 32_767;

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
const SHEET: &str = r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>"#;
const STYLES: &str = r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs></styleSheet>"#;
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const TYPES: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// A workbook that is being written. Its rows go on in another sheet when one is full.
pub(crate) struct Workbook<W: Write> {
    state: State<W>,
    heading: Vec<Cell>,
    rows: u64,
    sheets: usize,
    most: u64,
}

enum State<W: Write> {
    Between(Zip<W>),
    Within(Box<BufWriter<Entry<W>>>),
    /// Something could not be written; nothing more can.
    Broken,
}

impl<W: Write> Workbook<W> {
    pub(crate) fn new(out: W, heading: &[Cell]) -> Workbook<W> {
        let state = State::Between(Zip::new(out));
        Workbook { state, heading: heading.to_vec(), rows: 0, sheets: 0, most: ROWS }
    }

    pub(crate) fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        if self.rows >= self.most {
            self.end_sheet()?;
        }
        self.sheet()?;
        self.rows = self.rows.saturating_add(1);
        write_row(self.sheet()?, cells, "")
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.sheet()?;
        self.end_sheet()?;
        let State::Between(zip) = self.state else { return Err(broken()) };
        parts(zip, self.sheets)?.finish()
    }

    /// The sheet that is being written, begun with the heading if there is none.
    fn sheet(&mut self) -> io::Result<&mut BufWriter<Entry<W>>> {
        if let State::Between(_) = self.state {
            let State::Between(zip) = std::mem::replace(&mut self.state, State::Broken) else {
                return Err(broken());
            };
            self.sheets = self.sheets.saturating_add(1);
            let name = format!("xl/worksheets/sheet{}.xml", self.sheets);
            let mut sheet = BufWriter::with_capacity(32 << 10, zip.begin(&name)?);
            sheet.write_all(HEAD.as_bytes())?;
            sheet.write_all(SHEET.as_bytes())?;
            write_row(&mut sheet, &self.heading, " s=\"1\"")?;
            self.rows = 1;
            self.state = State::Within(Box::new(sheet));
        }
        match &mut self.state {
            State::Within(it) => Ok(it),
            _ => Err(broken()),
        }
    }

    fn end_sheet(&mut self) -> io::Result<()> {
        let State::Within(mut sheet) = std::mem::replace(&mut self.state, State::Broken) else {
            return Err(broken());
        };
        sheet.write_all(b"</sheetData></worksheet>")?;
        let entry = sheet.into_inner().map_err(|err| err.into_error())?;
        self.state = State::Between(entry.finish()?);
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::other("the workbook broke off")
}

fn write_row(out: &mut impl Write, cells: &[Cell], style: &str) -> io::Result<()> {
    out.write_all(b"<row>")?;
    for cell in cells {
        match cell {
            Cell::Empty => out.write_all(b"<c/>")?,
            Cell::Text(it) => write!(
                out,
                r#"<c{style} t="inlineStr"><is><t xml:space="preserve">{}</t></is></c>"#,
                text(it)
            )?,
            // Beyond 2^53 a number would silently become another one.
            Cell::Number(it) if it.unsigned_abs() > 1 << 53 => {
                write!(out, r#"<c t="inlineStr"><is><t>{it}</t></is></c>"#)?;
            }
            Cell::Number(it) => write!(out, "<c><v>{it}</v></c>")?,
            Cell::Fraction(it) if it.is_finite() => write!(out, "<c><v>{it}</v></c>")?,
            Cell::Fraction(_) => out.write_all(b"<c/>")?,
        }
    }
    out.write_all(b"</row>")
}

/// A text that is not too long, without what XML cannot hold, and without what Excel takes for an escape (`_x0041_`).
fn text(it: &str) -> String {
    let cut = it.encode_utf16().count() > CHARACTERS;
    let mut out = String::new();
    let mut length = 0usize;
    for (at, letter) in it.char_indices() {
        if cut && length > CHARACTERS.saturating_sub(100) {
            out += "… (cut)";
            break;
        }
        length = length.saturating_add(letter.len_utf16());
        let rest = it.get(at..).unwrap_or_default();
        match letter {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '_' if escape(rest) => out += "_x005F_",
            '\t' | '\n' => out.push(letter),
            it if it.is_control() || it == '\u{fffe}' || it == '\u{ffff}' => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}

fn escape(it: &str) -> bool {
    let digits = it.strip_prefix("_x").and_then(|it| it.get(..5));
    digits
        .and_then(|it| it.strip_suffix('_'))
        .is_some_and(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))
}

/// All that is said about the sheets.
fn parts<W: Write>(mut zip: Zip<W>, sheets: usize) -> io::Result<Zip<W>> {
    let each = |make: &dyn Fn(usize) -> String| -> String { (1..=sheets).map(make).collect() };
    let relation = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="{OFFICE}/{kind}" Target="{target}"/>"#)
    };
    let kind = |part: &str, kind: &str| {
        format!(r#"<Override PartName="{part}" ContentType="{TYPES}.{kind}+xml"/>"#)
    };
    let content_types = format!(
        r#"<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{}{}{}</Types>"#,
        kind("/xl/workbook.xml", "sheet.main"),
        kind("/xl/styles.xml", "styles"),
        each(&|n| kind(&format!("/xl/worksheets/sheet{n}.xml"), "worksheet")),
    );
    let root = format!(
        r#"<Relationships xmlns="{PACKAGE}/relationships">{}</Relationships>"#,
        relation("r1", "officeDocument", "xl/workbook.xml"),
    );
    let workbook = format!(
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{OFFICE}"><sheets>{}</sheets></workbook>"#,
        each(&|n| format!(r#"<sheet name="Sheet{n}" sheetId="{n}" r:id="r{n}"/>"#)),
    );
    let relations = format!(
        r#"<Relationships xmlns="{PACKAGE}/relationships">{}{}</Relationships>"#,
        each(&|n| relation(&format!("r{n}"), "worksheet", &format!("worksheets/sheet{n}.xml"))),
        relation("styles", "styles", "styles.xml"),
    );
    for (name, content) in [
        ("[Content_Types].xml", content_types),
        ("_rels/.rels", root),
        ("xl/workbook.xml", workbook),
        ("xl/_rels/workbook.xml.rels", relations),
        ("xl/styles.xml", STYLES.to_owned()),
    ] {
        let mut entry = zip.begin(name)?;
        entry.write_all(HEAD.as_bytes())?;
        entry.write_all(content.as_bytes())?;
        zip = entry.finish()?;
    }
    Ok(zip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, collections::BTreeMap, io::Read, rc::Rc};

    #[derive(Clone, Default)]
    struct Out(Rc<RefCell<Vec<u8>>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The members of an archive, by an independent reader.
    fn members(bytes: &[u8]) -> BTreeMap<String, String> {
        let archive = rawzip::ZipArchive::from_slice(bytes).unwrap();
        let mut all = BTreeMap::new();
        for it in archive.entries() {
            let it = it.unwrap();
            let name = String::from_utf8(it.file_path().as_ref().to_vec()).unwrap();
            let entry = archive.get_entry(it.wayfinder()).unwrap();
            let reader = flate2::read::DeflateDecoder::new(entry.data());
            let mut text = String::new();
            entry.verifying_reader(reader).read_to_string(&mut text).unwrap();
            all.insert(name, text);
        }
        all
    }

    #[test]
    fn a_workbook_has_its_rows_as_they_are() {
        let out = Out::default();
        let mut it = Workbook::new(out.clone(), &["Name".into(), "Images".into()]);
        it.most = 4;
        for n in 0..4i64 {
            it.row(&[format!("=1+{n} <&> _x0041_ \u{1}").into(), n.into()]).unwrap();
        }
        it.row(&[Cell::Empty, i64::MAX.into()]).unwrap();
        it.finish().unwrap();
        let members = members(&out.0.borrow());
        let first = &members["xl/worksheets/sheet1.xml"];
        assert!(
            first.contains(r#"<row><c s="1" t="inlineStr"><is><t xml:space="preserve">Name</t>"#)
        );
        assert!(first.contains("=1+2 &lt;&amp;&gt; _x005F_x0041_ \u{fffd}</t></is></c><c><v>2</v></c></row></sheetData>"));
        let second = &members["xl/worksheets/sheet2.xml"];
        assert!(second.contains(">Name</t>") && second.contains(&i64::MAX.to_string()), "{second}");
        assert!(second.contains("=1+3"), "{second}");
        assert!(members["xl/workbook.xml"].contains(r#"name="Sheet2" sheetId="2" r:id="r2""#));
        assert!(members["[Content_Types].xml"].contains("/xl/worksheets/sheet2.xml"));
        for it in members.values() {
            assert!(it.starts_with("<?xml"), "{it}");
        }
        assert!(!members.values().any(|it| it.contains("<f>")));
    }

    #[test]
    fn long_texts_say_that_they_are_cut() {
        let long = text(&"ü".repeat(40_000));
        assert!(long.ends_with("… (cut)") && long.encode_utf16().count() < CHARACTERS);
        assert_eq!(text(&"x".repeat(CHARACTERS)).len(), CHARACTERS);
    }
}
