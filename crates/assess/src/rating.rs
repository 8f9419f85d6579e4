//! Severities on one scale, and how urgent a finding is.
use crate::feeds::{PUBLISHED, UPLOAD_URGENCY};
use cvss::Cvss;
use model::{Enrichment, Kind, Level, Priority, Rating, Severity, Status};

/// What a severity comes to.
pub(crate) fn rating(severity: &Severity) -> Rating {
    let whole = Some(&severity.value).filter(|it| is_whole(it));
    let score = whole.and_then(|it| it.parse::<Cvss>().ok()).map(|it| it.score());
    Rating {
        level: score.map_or_else(|| Level::of_word(&severity.value), Level::of_score),
        by: severity.by.clone(),
        // Scores have one decimal.
        score: score.and_then(|it| format!("{it:.1}").parse().ok()),
        value: severity.value.clone(),
    }
}

/// Whether a vector has every base metric; one that lacks some would come out harmless.
fn is_whole(vector: &str) -> bool {
    let needed = match vector.get(..7) {
        Some("CVSS:4.") => "AV AC AT PR UI VC VI VA SC SI SA",
        Some("CVSS:3.") => "AV AC PR UI S C I A",
        _ => "AV AC Au C I A",
    };
    let has =
        |name: &str| vector.split('/').any(|it| it.split_once(':').is_some_and(|it| it.0 == name));
    needed.split(' ').all(has)
}

/// Ratings with the closest to the package first: the distribution or database itself, then who
/// named the vulnerability, then the NVD, and at last what is only the urgency of an upload.
pub(crate) fn ranked(mut ratings: Vec<Rating>) -> Vec<Rating> {
    let rank = |it: &Rating| match it.by.as_str() {
        UPLOAD_URGENCY => 3,
        "nvd" | PUBLISHED => 2,
        "ghsa" | "cna" | "RubySec" | "Retire.js" => 1,
        _ => 0,
    };
    // At the same distance, a word was chosen by a person, and a vector can be computed from.
    ratings.sort_by(|a, b| {
        let key = |it: &Rating| (rank(it), it.score.is_none(), it.by.clone(), it.value.clone());
        let word_first = |it: &Rating| rank(it) == 0 && it.score.is_some();
        (rank(a), word_first(a)).cmp(&(rank(b), word_first(b))).then_with(|| key(a).cmp(&key(b)))
    });
    ratings.dedup();
    ratings
}

/// The first rating that says anything.
pub(crate) fn chosen(ratings: &[Rating]) -> Rating {
    let known = ratings.iter().find(|it| it.level != Level::Unknown);
    known.or(ratings.first()).cloned().unwrap_or_default()
}

/// How urgent a finding is, and why in words.
pub fn priority(kind: Kind, level: Level, status: Status, enrichment: &Enrichment) -> Priority {
    if kind == Kind::Malware {
        // Of packages on lists no level is known. Of files it says how sure one is.
        let (value, rule) = match level {
            Level::Medium => (60, "suspicious: 60"),
            Level::Low | Level::Negligible => (20, "worth knowing: 20"),
            _ => (100, "it is malicious: 100"),
        };
        return Priority { value, rule: rule.to_owned() };
    }
    let base: u8 = match (kind, level) {
        (Kind::Unmaintained | Kind::Unsound | Kind::Notice, Level::Unknown) => 10,
        (_, Level::Critical) => 80,
        (_, Level::High) => 60,
        (_, Level::Medium) => 40,
        (_, Level::Low) => 20,
        (_, Level::Negligible) => 5,
        (_, Level::Unknown) => 30,
    };
    let mut value = base;
    let mut rule = format!("{level} severity {base}");
    let mut add = |points: u8, why: &str| {
        value = value.saturating_add(points);
        rule.push_str(&format!(", {why} +{points}"));
    };
    match enrichment.epss.map(|it| it.score) {
        Some(it) if it >= 0.5 => add(15, "likely to be exploited (EPSS at least 50 %)"),
        Some(it) if it >= 0.1 => add(10, "may be exploited (EPSS at least 10 %)"),
        _ => {}
    }
    if status == Status::Fixed {
        add(5, "fix available");
    }
    if let Some(it) = &enrichment.exploited {
        value = value.max(90);
        rule.push_str(", known to be exploited: at least 90");
        if it.ransomware {
            value = value.saturating_add(5);
            rule.push_str(", by ransomware +5");
        }
    }
    Priority { value: value.min(100), rule }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Epss, Exploited};
    use proptest::prelude::*;

    #[test]
    fn the_closest_word_counts() {
        let check = |given: &[(&str, &str)], level: Level, by: &str| {
            let severity = |it: &(&str, &str)| Severity { by: it.0.into(), value: it.1.into() };
            let ratings = given.iter().map(severity).map(|it| rating(&it)).collect();
            let chosen = chosen(&ranked(ratings));
            assert_eq!((chosen.level, chosen.by.as_str()), (level, by), "{given:?}");
        };
        let nine = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        check(&[("nvd", nine), ("Debian", "low")], Level::Low, "Debian");
        check(&[("nvd", nine), ("Debian", "not yet assigned")], Level::Critical, "nvd");
        check(&[("nvd", "low"), ("ghsa", "HIGH")], Level::High, "ghsa");
        check(&[("upload urgency", "high"), ("nvd", nine)], Level::Critical, "nvd");
        check(&[("Debian", "unimportant")], Level::Negligible, "Debian");
        check(&[], Level::Unknown, "");
    }

    #[test]
    fn vectors_of_every_version_have_scores() {
        let check = |vector: &str, score: Option<f32>| {
            let it = rating(&Severity { by: String::new(), value: vector.into() });
            assert_eq!(it.score, score, "{vector}");
        };
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(9.8));
        check("CVSS:3.0/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L", Some(4.0));
        check("AV:N/AC:L/Au:N/C:N/I:N/A:P", Some(5.0));
        check("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Some(9.3));
        check("CVSS:3.1/AV:N", None);
        check("nonsense/x", None);
    }

    #[test]
    fn priorities_say_how_they_were_reckoned() {
        let check = |level, status, epss: Option<f32>, exploited: bool, value: u8, rule: &str| {
            let exploited =
                exploited.then_some(Exploited { added: None, due: None, ransomware: false });
            let epss = epss.map(|score| Epss { day: None, score, percentile: 0.5 });
            let it = Enrichment { epss, exploited, ..Enrichment::default() };
            let priority = priority(Kind::Vulnerability, level, status, &it);
            assert_eq!((priority.value, priority.rule.as_str()), (value, rule));
        };
        check(Level::High, Status::Affected, None, false, 60, "high severity 60");
        check(
            Level::Medium,
            Status::Fixed,
            Some(0.2),
            true,
            90,
            "medium severity 40, may be exploited (EPSS at least 10 %) +10, fix available +5, \
             known to be exploited: at least 90",
        );
    }

    proptest! {
        #[test]
        fn no_vector_panics(vector in "(CVSS:[2-5]\\.[01]/)?([A-Z][A-Za-z]?:[A-Z]{1,2}/?){0,12}",
                            values in proptest::collection::vec("[NLHPRCUAIXS]", 11)) {
            let names = "AV AC AT PR UI VC VI VA SC SI SA".split(' ');
            let metrics: Vec<String> =
                names.zip(&values).map(|(name, value)| format!("{name}:{value}")).collect();
            for value in [vector, format!("CVSS:4.0/{}", metrics.join("/"))] {
                let it = rating(&Severity { by: String::new(), value });
                prop_assert!(it.score.is_none_or(|it| (0.0..=10.0).contains(&it)));
            }
        }
    }
}
