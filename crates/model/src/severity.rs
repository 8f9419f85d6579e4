//! How bad a vulnerability is, on one scale.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad, whoever says so. Ordered, the worst last.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    Eq,
    Hash,
    JsonSchema,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nobody has said yet.
    #[default]
    Unknown,
    /// Hardly a problem at all.
    Negligible,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

/// A severity as one source gives it, brought onto the one scale.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Rating {
    /// The level.
    pub level: Level,
    /// Who gave it; empty when nobody did.
    pub by: String,
    /// The CVSS base score, 0 to 10; none for a word.
    pub score: Option<f32>,
    /// The CVSS vector or the word, verbatim.
    pub value: String,
}

impl Rating {
    /// The attack vector (AV) of a CVSS vector of any version that has a score: `N`, `A`, `L` or `P`.
    pub fn attack_vector(&self) -> Option<&str> {
        self.score?;
        self.value.split('/').find_map(|it| it.strip_prefix("AV:"))
    }
}

impl Level {
    /// The level that a word of a feed stands for; `Unknown` for words such as
    /// `not yet assigned`, and for all that we do not know.
    pub fn of_word(word: &str) -> Level {
        // Debian marks urgencies that it took over from elsewhere with asterisks.
        match word.trim_end_matches('*').to_ascii_lowercase().as_str() {
            "critical" | "emergency" => Level::Critical,
            "important" | "high" => Level::High,
            "moderate" | "medium" => Level::Medium,
            "low" => Level::Low,
            "negligible" | "unimportant" | "minor" => Level::Negligible,
            _ => Level::Unknown,
        }
    }

    /// The level of a CVSS score (CVSS 3.1 specification, section 5, qualitative severity rating;
    /// the scores of version 2 are put on the same scale).
    pub fn of_score(score: f64) -> Level {
        match score {
            it if it >= 9.0 => Level::Critical,
            it if it >= 7.0 => Level::High,
            it if it >= 4.0 => Level::Medium,
            it if it > 0.0 => Level::Low,
            _ => Level::Negligible,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Unknown => "unknown",
            Level::Negligible => "negligible",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_vectors_are_those_of_whole_vectors() {
        let check = |value: &str, score, expected| {
            let it = Rating { score, value: value.to_owned(), ..Rating::default() };
            assert_eq!(it.attack_vector(), expected, "{value}");
        };
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(9.8), Some("N"));
        check(
            "CVSS:4.0/AV:A/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            Some(8.7),
            Some("A"),
        );
        check("AV:L/AC:L/Au:N/C:N/I:N/A:P", Some(2.1), Some("L"));
        check("CVSS:3.1/AV:N", None, None);
        check("important", None, None);
    }

    #[test]
    fn words_and_scores_have_levels() {
        let check = |word: &str, level| assert_eq!(Level::of_word(word), level, "{word}");
        check("Important", Level::High);
        check("MODERATE", Level::Medium);
        check("unimportant", Level::Negligible);
        check("not yet assigned", Level::Unknown);
        check("high**", Level::High);
        assert_eq!(Level::of_score(9.8), Level::Critical);
        assert_eq!(Level::of_score(6.9), Level::Medium);
        assert_eq!(Level::of_score(0.0), Level::Negligible);
    }
}
