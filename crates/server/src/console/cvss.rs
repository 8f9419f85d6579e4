//! What the vectors of the Common Vulnerability Scoring System mean, in short: versions 2.0, 3.x and 4.0, "Base Metrics".
use super::words::Words;
use model::Rating;

/// A metric and its value, and what they mean.
type Meaning = (&'static str, fn(&'static Words) -> &'static str);

/// What is worth a word. Other values are what one expects: no interaction, no privileges, the same scope.
const MEANINGS: &[Meaning] = &[
    ("AV:N", |w| w.cvss_network),
    ("AV:A", |w| w.cvss_adjacent),
    ("AV:L", |w| w.cvss_local),
    ("AV:P", |w| w.cvss_physical),
    ("AC:L", |w| w.cvss_easy),
    ("AC:M", |w| w.cvss_hard),
    ("AC:H", |w| w.cvss_hard),
    ("AT:P", |w| w.cvss_conditions),
    ("PR:N", |w| w.cvss_no_login),
    ("PR:L", |w| w.cvss_login),
    ("PR:H", |w| w.cvss_administrator),
    ("AU:N", |w| w.cvss_no_login),
    ("AU:S", |w| w.cvss_login),
    ("AU:M", |w| w.cvss_login),
    ("UI:R", |w| w.cvss_somebody),
    ("UI:P", |w| w.cvss_somebody),
    ("UI:A", |w| w.cvss_somebody),
    ("S:C", |w| w.cvss_beyond),
    ("C:H", |w| w.cvss_reads_all),
    ("C:C", |w| w.cvss_reads_all),
    ("C:L", |w| w.cvss_reads_some),
    ("C:P", |w| w.cvss_reads_some),
    ("I:H", |w| w.cvss_changes_all),
    ("I:C", |w| w.cvss_changes_all),
    ("I:L", |w| w.cvss_changes_some),
    ("I:P", |w| w.cvss_changes_some),
    ("A:H", |w| w.cvss_stops),
    ("A:C", |w| w.cvss_stops),
    ("A:L", |w| w.cvss_slows),
    ("A:P", |w| w.cvss_slows),
    ("VC:H", |w| w.cvss_reads_all),
    ("VC:L", |w| w.cvss_reads_some),
    ("VI:H", |w| w.cvss_changes_all),
    ("VI:L", |w| w.cvss_changes_some),
    ("VA:H", |w| w.cvss_stops),
    ("VA:L", |w| w.cvss_slows),
];

/// A vector in words, in its own order; nothing for what is none.
pub(crate) fn spelled(vector: &str, w: &'static Words) -> String {
    let parts: Vec<&str> = vector.trim_matches(['(', ')']).split('/').collect();
    if parts.len() < 6 {
        return String::new();
    }
    let meaning = |part: &str| {
        let found = MEANINGS.iter().find(|it| it.0.eq_ignore_ascii_case(part));
        found.map(|it| it.1(w))
    };
    let words: Vec<&str> = parts.into_iter().filter_map(meaning).collect();
    words.join(w.comma)
}

/// From where a rating's vector says that it is attacked.
pub(crate) fn attack(it: &Rating, w: &'static Words) -> &'static str {
    let value = it.attack_vector().map(|it| format!("AV:{it}"));
    let found = MEANINGS.iter().find(|it| value.as_deref() == Some(it.0));
    found.map_or(w.unknown, |it| it.1(w))
}

#[cfg(test)]
mod tests {
    use super::super::words::EN;
    use super::*;

    #[test]
    fn vectors_are_spelled_out() {
        let check = |vector: &str, expected: &str| assert_eq!(spelled(vector, &EN), expected);
        check(
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
            "over the network, easy, without a login, beyond the component, reads everything, changes everything, stops it",
        );
        check(
            "CVSS:4.0/AV:L/AC:H/AT:P/PR:L/UI:A/VC:L/VI:N/VA:L/SC:N/SI:N/SA:N",
            "from the machine itself, hard, only under conditions, with a login, somebody has to take part, reads something, slows it down",
        );
        check(
            "AV:N/AC:M/Au:N/C:P/I:N/A:N",
            "over the network, hard, without a login, reads something",
        );
        check("important", "");
        check("", "");
    }
}
