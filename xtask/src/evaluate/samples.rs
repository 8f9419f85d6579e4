//! The samples of our own: how many are recognised, of each threat; how many are when they are spelled or packed another
//! way; and what each kind of evidence adds.
use super::{Outcome, file};
use malware::{Form, Judge};
use model::{
    ImagePath,
    malware::{Evidence, Level, Proof, Threat},
};
use std::collections::BTreeMap;
use testkit::{
    samples::{self, Sample},
    spelling::{PACKINGS, SPELLINGS},
};

/// How many of those found as they are must be found in another form, in percent.
const BAR: f64 = 85.0;

/// `evaluate samples`.
pub(super) fn samples(_: &[String]) -> Outcome {
    let judge = Judge::default();
    let all: Vec<Sample> = samples::read(&samples::folder());
    let hits: Vec<&Sample> = all.iter().filter(|it| it.expected.is_some()).collect();
    recall(&judge, &hits);
    // Only what should make somebody look: the others are told of at the lowest level anyway.
    let found: Vec<&Sample> =
        hits.into_iter().filter(|it| seen(&judge, it, &it.bytes(), it.mode)).collect();
    let mean = respelled(&judge, &found);
    ablation(&judge, &found);
    println!("\nin another form {mean:.1} % are found of those found as they are (bar {BAR} %)");
    Ok(mean >= BAR)
}

/// Of each threat, how many are reported as it, at which level.
fn recall(judge: &Judge, hits: &[&Sample]) {
    let mut rows: BTreeMap<Threat, [usize; 4]> = BTreeMap::new();
    for it in hits {
        let Some((threat, least)) = it.expected else { continue };
        let told = file::judge(judge, &it.path, it.mode, &it.bytes()).verdicts;
        let level = told.iter().filter(|it| it.threat == threat).map(|it| it.level).max();
        let row = rows.entry(threat).or_default();
        let counted = [
            true,
            level >= Some(least),
            level >= Some(Level::Suspicious),
            level == Some(Level::Serious),
        ];
        row.iter_mut().zip(counted).for_each(|(sum, it)| *sum += usize::from(it));
    }
    println!(
        "{:20} {:>8} {:>9} {:>11} {:>8}",
        "threat", "samples", "expected", "suspicious", "serious"
    );
    let mut sums = [0; 4];
    for (threat, row) in &rows {
        sums.iter_mut().zip(row).for_each(|(sum, it)| *sum += it);
        print(threat.name(), *row);
    }
    print("all", sums);
}

fn print(name: &str, [all, expected, suspicious, serious]: [usize; 4]) {
    println!("{name:20} {all:8} {expected:9} {suspicious:11} {serious:8}");
}

/// Whether somebody would look: it is reported at `suspicious` or above.
fn seen(judge: &Judge, sample: &Sample, bytes: &[u8], mode: u32) -> bool {
    file::judge(judge, &sample.path, mode, bytes).worst() >= Some(Level::Suspicious)
}

/// The mean over all ways to spell and to pack, in percent.
fn respelled(judge: &Judge, found: &[&Sample]) -> f64 {
    println!("\n{:24} {:>8} {:>6} {:>7}", "in another form", "samples", "found", "%");
    let form = |it: &Sample| {
        ImagePath::parse(it.path.as_bytes()).ok().map(|path| Form::of(&path, it.text.as_bytes()))
    };
    let text = |it: &&&Sample| it.kind.is_none();
    let shell = |it: &&&Sample| text(it) && form(it) == Some(Form::Shell) && it.text.contains('\n');
    let mut shares = Vec::new();
    for (name, spell) in SPELLINGS {
        let of: Vec<&&Sample> = found.iter().filter(shell).collect();
        let kept = of.iter().filter(|it| seen(judge, it, &spell(&it.text), it.mode)).count();
        shares.push(row(&format!("{name} (shell)"), of.len(), kept));
    }
    for (name, texts, pack) in PACKINGS {
        let of: Vec<&&Sample> = found.iter().filter(|it| !texts || text(it)).collect();
        let kept =
            of.iter().filter(|it| seen(judge, it, &pack(&it.path, &it.bytes()), it.mode)).count();
        shares.push(row(name, of.len(), kept));
    }
    shares.iter().sum::<f64>() / shares.len() as f64
}

fn row(name: &str, all: usize, found: usize) -> f64 {
    let share = 100.0 * found as f64 / all.max(1) as f64;
    println!("{name:24} {all:8} {found:6} {share:7.1}");
    share
}

/// What would still be found if a stage were missing.
fn ablation(judge: &Judge, found: &[&Sample]) {
    type Kept = fn(&Evidence) -> bool;
    const WITHOUT: [(&str, Kept); 6] = [
        ("nothing", |_| true),
        ("rules over content", |it| it.kind != Proof::Content),
        ("understanding of texts", |it| it.kind != Proof::Behaviour),
        ("structure of programs", |it| it.kind != Proof::Structure),
        ("places and settings", |it| it.kind != Proof::Place),
        ("what had to be decoded", |it| it.decoded.is_empty()),
    ];
    println!("\n{:24} {:>8} {:>6} {:>7}", "without", "samples", "found", "%");
    for (name, counts) in WITHOUT {
        let kept = found.iter().filter(|it| {
            let judged = file::judge_with(judge, &it.path, it.mode, &it.bytes(), &counts);
            judged.worst() >= Some(Level::Suspicious)
        });
        row(name, found.len(), kept.count());
    }
}
