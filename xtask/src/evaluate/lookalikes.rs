//! What only looks malicious: how much of it is reported all the same.
use super::{Outcome, file};
use malware::Judge;
use model::malware::Level;
use testkit::samples;

/// So many there must be at least.
const SAMPLES: usize = 120;
/// Of them, reported at `suspicious` or above, in percent.
const BAR: f64 = 3.0;

/// `evaluate lookalikes`.
pub(super) fn lookalikes(_: &[String]) -> Outcome {
    let judge = Judge::default();
    let mut all = samples::read(&samples::folder());
    all.retain(|it| it.expected.is_none());
    let mut counts = [0; 4];
    for it in &all {
        let judged = file::judge(&judge, &it.path, it.mode, &it.bytes());
        let at = judged.worst().map_or(0, |it| 1 + it as usize);
        counts[at] += 1;
        for told in judged.verdicts.iter().filter(|it| it.level > Level::Remind) {
            println!("{} {}: {} {}: {}", it.from, it.path, told.level, told.threat, told.rule);
        }
    }
    let [silent, remind, suspicious, serious] = counts;
    println!(
        "{} look-alikes: {silent} silent, {remind} remind, {suspicious} suspicious, {serious} serious",
        all.len()
    );
    let share = 100.0 * (suspicious + serious) as f64 / all.len().max(1) as f64;
    println!("{share:.1} % suspicious or above (bar {BAR} %, of {SAMPLES} at least)");
    Ok(share <= BAR && all.len() >= SAMPLES)
}
