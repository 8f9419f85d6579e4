//! Text within XML and HTML.
use std::fmt;

/// Text as XML 1.0 takes it, also in attributes: what has a meaning is written out, what may not stand there is
/// shown as a replacement character.
pub(super) fn text(it: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        for it in it.chars() {
            match it {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => write!(f, "{it}")?,
                '\u{fffe}' | '\u{ffff}' => f.write_str("\u{fffd}")?,
                it if it.is_control() => f.write_str("\u{fffd}")?,
                it => write!(f, "{it}")?,
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let check = |it: &str, expected: &str| assert_eq!(text(it).to_string(), expected, "{it:?}");
        check("<script>", "&lt;script&gt;");
        check("a & \"b\" 'c'", "a &amp; &quot;b&quot; &#39;c&#39;");
        check("a\u{0}b\u{1b}c\u{fffe}", "a\u{fffd}b\u{fffd}c\u{fffd}");
        check("ü\n", "ü\n");
        check("]]>", "]]&gt;");
    }
}
