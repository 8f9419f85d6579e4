//! The file in which a distribution says what it is: os-release(5).
use crate::Cataloger;
use inspect::{Fault, File, Found, Malformed};
use model::Release;
use std::borrow::Cow;

/// The largest release file read.
const RELEASE_BYTES: u64 = 64 << 10;

/// Both of its places; the one in `etc` is most often a link to the other.
pub(crate) const OS_RELEASE: Cataloger = Cataloger {
    name: "os-release",
    revision: 1,
    paths: &["etc/os-release", "usr/lib/os-release"],
    parse,
};

fn parse(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let release = os_release(&text(file)?);
    let is_known = !release.id.is_empty();
    found.release = Some(release);
    if is_known { Ok(()) } else { Err(Malformed::new("has no ID").into()) }
}

/// What a release file says, which is a page at most.
pub(crate) fn text<'a>(file: &File<'a>) -> Result<Cow<'a, str>, Fault> {
    if file.size() > RELEASE_BYTES {
        return Err(Fault::TooLarge(format!("a release file of {} bytes", file.size())));
    }
    file.text()
}

/// What `text`, an os-release(5) file, says.
pub fn os_release(text: &str) -> Release {
    let mut release = Release::default();
    let mut name = String::new();
    for (key, value) in assignments(text) {
        match key {
            "ID" => release.id = value,
            "ID_LIKE" => {
                release.id_like = value.split_ascii_whitespace().map(str::to_owned).collect();
            }
            "VERSION_ID" => release.version_id = value,
            "VERSION_CODENAME" => release.codename = value,
            "PRETTY_NAME" => release.pretty = value,
            "VERSION" => release.version = value,
            "VARIANT_ID" => release.variant = value,
            "CPE_NAME" => release.cpe = value,
            "NAME" => name = value,
            _ => {}
        }
    }
    if release.pretty.is_empty() {
        release.pretty = format!("{name} {}", release.version).trim().to_owned();
    }
    release
}

/// The assignments of a shell script that consists of nothing else. Where a key is assigned twice,
/// the later one wins, as in a shell.
pub(crate) fn assignments(text: &str) -> impl Iterator<Item = (&str, String)> {
    let lines = text.lines().map(str::trim).filter(|it| !it.starts_with('#'));
    lines.filter_map(|it| it.split_once('=')).map(|(key, value)| (key, unquote(value)))
}

/// What a shell makes of `value`: quotes of both kinds, backslashes; a space outside ends it.
fn unquote(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ' | '\t') => break,
            (None, '\\') => text.extend(chars.next()),
            (Some('"'), '\\') => match chars.next() {
                Some(c @ ('"' | '\\' | '$' | '`')) => text.push(c),
                Some(c) => text.extend(['\\', c]),
                None => text.push('\\'),
            },
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Distribution;

    #[test]
    fn values_are_what_a_shell_makes_of_them() {
        let check = |value, expected| assert_eq!(unquote(value), expected, "{value}");
        check("debian", "debian");
        check("\"Debian GNU/Linux 12\"", "Debian GNU/Linux 12");
        check("'Alpine'", "Alpine");
        check(r#""say \"hi\" for \$5 \n""#, r#"say "hi" for $5 \n"#);
        check(r"'\n'", r"\n");
        check(r"a\ b", "a b");
        check("a b", "a");
        check("\"open", "open");
        check("", "");
        check("\"\"", "");
        check("\"a\"'b'c", "abc");
    }

    /// From the file to the advisories and the end of life; what the files say, in short.
    #[test]
    fn os_release_leads_to_advisories() {
        let check = |text: &str, name: &str, namespace: &str, end: &str| {
            let release = os_release(text);
            let it = Distribution::of(&release).expect(text);
            let namespaces = it.namespaces(&release);
            let first = namespaces.first().map(ToString::to_string).unwrap_or_default();
            let last_day = it.end_of_life(&release).map(|it| it.to_string()).unwrap_or_default();
            assert_eq!([it.name, &first, &last_day], [name, namespace, end], "{text}");
        };
        check(
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
             VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n",
            "Debian",
            "Debian:12",
            "2028-06-30",
        );
        check(
            "PRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\nVERSION_CODENAME=trixie\nID=debian\n",
            "Debian",
            "Debian:13",
            "2030-06-30",
        );
        check(
            "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n",
            "Alpine Linux",
            "Alpine:v3.20",
            "2026-04-01",
        );
        check(
            "NAME=\"CentOS Stream\"\nVERSION=\"9\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\n\
             VERSION_ID=\"9\"\nPRETTY_NAME=\"CentOS Stream 9\"\n",
            "CentOS Stream",
            "Red Hat:enterprise_linux:9",
            "2027-05-31",
        );
        check(
            "NAME=\"openEuler\"\nVERSION=\"22.03 (LTS-SP4)\"\nID=\"openEuler\"\n\
             VERSION_ID=\"22.03\"\nPRETTY_NAME=\"openEuler 22.03 (LTS-SP4)\"\n",
            "openEuler",
            "openEuler:22.03-LTS-SP4",
            "",
        );
        check(
            "NAME=\"Kylin Linux Advanced Server\"\r\nVERSION=\"V10 (Lance)\"\r\nID=\"kylin\"\r\n\
             VERSION_ID=\"V10\"\r\nPRETTY_NAME=\"Kylin Linux Advanced Server V10 (Lance)\"\r\n",
            "Kylin Advanced Server",
            "Kylin:V10-SP3",
            "",
        );
        check(
            "PRETTY_NAME=\"UnionTech OS Server 20\"\nNAME=\"UnionTech OS Server 20\"\n\
             VERSION_ID=\"20\"\nVERSION=\"20\"\nID=uos\nPLATFORM_ID=\"platform:uelc20\"\n",
            "UOS Server",
            "UOS Server:20",
            "",
        );
        check(
            "NAME=\"SLES\"\nVERSION=\"15-SP5\"\nVERSION_ID=\"15.5\"\nID=\"sles\"\nID_LIKE=\"suse\"\n\
             PRETTY_NAME=\"SUSE Linux Enterprise Server 15 SP5\"\n",
            "SUSE Linux Enterprise",
            "SUSE:Linux Enterprise Server 15 SP5",
            "2024-12-31",
        );
    }
}
