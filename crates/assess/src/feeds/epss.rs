//! Scores of the Exploit Prediction Scoring System, as FIRST publishes them daily: a comment with
//! the day, a line of column names, a line for each CVE (first.org/epss/data_stats).
use super::{Emit, Feed, Item, Malformed, Place};
use jiff::civil::Date;
use model::{Enrichment, Epss};

pub(super) const FEED: Feed = Feed {
    name: "epss",
    title: "Exploit Prediction Scoring System",
    places: &[Place::one("https://epss.empiricalsecurity.com/epss_scores-current.csv.gz")],
    licence: "free use with attribution",
    attribution: "EPSS scores by FIRST.org (https://www.first.org/epss)",
    default: true,
    derived: false,
    parse,
};

fn parse(document: &[u8], _name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    let text = str::from_utf8(document).map_err(|it| Malformed(it.to_string().into()))?;
    let mut lines = text.lines().zip(1_usize..).peekable();
    let comment = lines.next_if(|it| it.0.starts_with('#')).map_or("", |it| it.0);
    let day = comment.split_once("score_date:").and_then(|it| it.1.get(..10)?.parse().ok());
    match lines.next() {
        Some((header, _)) if header.starts_with("cve,epss,percentile") => {}
        _ => return Err(Malformed("no column names cve,epss,percentile".into())),
    }
    let mut bad = None;
    for (line, number) in lines.filter(|it| !it.0.is_empty()) {
        match score(line, day) {
            Some(it) => emit(Item::Enrichment(it)),
            None => bad = bad.or(Some(number)),
        }
    }
    bad.map_or(Ok(()), |it| Err(Malformed(format!("line {it} is no CVE with two numbers").into())))
}

fn score(line: &str, day: Option<Date>) -> Option<Enrichment> {
    let mut fields = line.split(',');
    let cve = fields.next().filter(|it| it.starts_with("CVE-"))?.to_owned();
    let mut share = || fields.next()?.parse().ok().filter(|it| (0.0..=1.0).contains(it));
    let epss = Epss { day, score: share()?, percentile: share()? };
    Some(Enrichment { cve, epss: Some(epss), ..Enrichment::default() })
}
