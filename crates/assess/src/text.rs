//! Making lines for people out of texts.

/// The longest title; longer ones end in an ellipsis.
const TITLE: usize = 240;

/// The first sentence of a text, without markup of headings and emphasis, on one line.
pub(crate) fn first_sentence(text: &str) -> String {
    let trim = |it: &'static str| {
        move |line: &str| line.trim_matches(|c| it.contains(c)).trim().to_owned()
    };
    let clean = trim("#*_ \t\r");
    let mut words = String::new();
    for line in text.lines().map(clean).skip_while(String::is_empty) {
        if line.is_empty() {
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&line);
    }
    let sentence = words.split_once(". ").map_or(words.as_str(), |it| it.0).trim_end_matches('.');
    if sentence.chars().count() <= TITLE {
        return sentence.to_owned();
    }
    sentence.chars().take(TITLE).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_sentence() {
        let check = |text: &str, title: &str| assert_eq!(first_sentence(text), title, "{text}");
        check("One thing. Another.", "One thing");
        check("\n## Impact\nrest", "Impact rest");
        check("Version 1.2 is\nbroken.\n\nMore", "Version 1.2 is broken");
        check("", "");
    }
}
