//! What a registry wants to see before it answers (RFC 9110, 11.6.1; the "Docker Registry v2
//! authentication" pages for Bearer).

/// One challenge of a `WWW-Authenticate` header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token.
    Bearer {
        /// Who gives it out.
        realm: String,
        /// For whom it is.
        service: Option<String>,
        /// For what it is.
        scope: Option<String>,
    },
    /// Something that we do not speak: its name.
    Other(String),
}

impl Challenge {
    /// The challenge to answer among those of all headers: Bearer before Basic before others.
    pub(crate) fn choose<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
        let mut all: Vec<_> = headers.flat_map(challenges).collect();
        all.sort_by_key(|it| match it {
            Challenge::Bearer { .. } => 0,
            Challenge::Basic => 1,
            Challenge::Other(_) => 2,
        });
        all.into_iter().next()
    }
}

/// Several challenges stand in one header with commas between them, as their parameters do: a word
/// that no `=` follows begins the next challenge.
fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((word, after)) = token(rest) else { break };
        match (after.trim_start().strip_prefix('='), found.last_mut()) {
            (Some(after), Some((_, parameters))) => {
                let Some((value, after)) = value(after.trim_start()) else { break };
                parameters.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            (Some(_), None) => break,
            (None, _) => {
                found.push((word.to_owned(), Vec::new()));
                rest = after;
            }
        }
    }
    found.into_iter().map(|(scheme, parameters)| challenge(scheme, &parameters)).collect()
}

fn challenge(scheme: String, parameters: &[(String, String)]) -> Challenge {
    let find = |name: &str| {
        parameters.iter().find(|it| it.0 == name).map(|it| it.1.clone()).filter(|it| !it.is_empty())
    };
    match (scheme.to_ascii_lowercase().as_str(), find("realm")) {
        ("basic", _) => Challenge::Basic,
        ("bearer", Some(realm)) => {
            Challenge::Bearer { realm, service: find("service"), scope: find("scope") }
        }
        _ => Challenge::Other(scheme),
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let inside = |it: char| it.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(it);
    let end = text.find(|it| !inside(it)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(token, _)| !token.is_empty())
}

/// A quoted string or a token; in practice also anything up to a comma or a space.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return text.split_at_checked(end).map(|(value, rest)| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let (service, scope) = (service.map(str::to_owned), scope.map(str::to_owned));
        Some(Challenge::Bearer { realm: realm.to_owned(), service, scope })
    }

    #[test]
    fn challenges_are_understood() {
        let check = |headers: &[&str], expected: Option<Challenge>| {
            assert_eq!(Challenge::choose(headers.iter().copied()), expected, "{headers:?}");
        };
        let text = r#"Bearer realm="https://a/t",service="s",scope="repository:x/y:pull,push""#;
        check(&[text], bearer("https://a/t", Some("s"), Some("repository:x/y:pull,push")));
        check(
            &["bearer Realm=https://a/t , service = \"a, b\""],
            bearer("https://a/t", Some("a, b"), None),
        );
        check(&[r#"Bearer realm="a\"b""#], bearer("a\"b", None, None));
        check(&["Basic realm=\"x\""], Some(Challenge::Basic));
        check(&["Basic"], Some(Challenge::Basic));
        check(
            &[r#"Basic realm="x, y", Bearer realm="https://a/t""#],
            bearer("https://a/t", None, None),
        );
        check(&["Negotiate", "Basic realm=x"], Some(Challenge::Basic));
        check(&["Negotiate"], Some(Challenge::Other("Negotiate".to_owned())));
        check(&["Bearer"], Some(Challenge::Other("Bearer".to_owned())));
        check(&["", "=", "realm=\"x\""], None);
        check(&[], None);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(Bearer|Basic)?[ -~]{0,60}") {
            drop(challenges(&text));
        }
    }
}
