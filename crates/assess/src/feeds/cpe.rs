//! Names of the CPE dictionary, as far as advisories need them.

/// A product, and versions of it (NISTIR 7695, section 6.2, formatted string binding).
pub(super) struct Cpe {
    pub(super) part: String,
    pub(super) vendor: String,
    pub(super) product: String,
    pub(super) version: String,
    pub(super) update: String,
    pub(super) target: String,
}

impl Cpe {
    pub(super) fn parse(text: &str) -> Option<Cpe> {
        let mut parts = vec![String::new()];
        let mut quoted = false;
        for it in text.strip_prefix("cpe:2.3:")?.chars() {
            match it {
                '\\' if !quoted => quoted = true,
                ':' if !quoted => parts.push(String::new()),
                it => {
                    parts.last_mut()?.push(it);
                    quoted = false;
                }
            }
        }
        let mut parts = parts.into_iter();
        let (part, vendor, product) = (parts.next()?, parts.next()?, parts.next()?);
        let (version, update) = (parts.next()?, parts.next()?);
        // After edition, language and edition of the software.
        let target = parts.nth(3)?;
        Some(Cpe { part, vendor, product, version, update, target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_at_colons_that_are_not_quoted() {
        let check = |text: &str, expected: Option<[&str; 6]>| {
            let it = Cpe::parse(text);
            let parts = it.as_ref().map(|it| {
                [&it.part, &it.vendor, &it.product, &it.version, &it.update, &it.target]
                    .map(String::as_str)
            });
            assert_eq!(parts, expected, "{text}");
        };
        check(
            r"cpe:2.3:a:a\:b:c\\d:1.0:rc1:*:*:*:node.js:*:*",
            Some(["a", "a:b", r"c\d", "1.0", "rc1", "node.js"]),
        );
        check(
            "cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*",
            Some(["o", "linux", "linux_kernel", "*", "*", "*"]),
        );
        check("cpe:/a:b:c", None);
        check("cpe:2.3:a:b", None);
    }
}
