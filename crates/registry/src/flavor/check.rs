//! Whether a registry can be watched, and if not, why, in words.
use crate::SourceError;
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use net::Response;
use std::fmt;

/// How far apart two clocks may be before it is worth a word.
const SKEW_SECONDS: i64 = 300;

/// What was found out about a registry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Check {
    /// What answers there.
    pub product: Option<String>,
    /// In which version, where it says.
    pub version: Option<String>,
    /// Whether it lists its repositories.
    pub lists: bool,
    /// What is wrong, the first cause first.
    pub problems: Vec<Problem>,
}

/// Something that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// What.
    pub trouble: Trouble,
    /// The same for people: what it is about and what to do.
    pub words: String,
}

/// What can be wrong with a registry, or with what we have been told about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// There is no host of that name.
    UnknownHost,
    /// Nothing listens at that port.
    Closed,
    /// It does not answer, or breaks off, or answers with failures of its own.
    Unreachable,
    /// It does not show a certificate that we trust, or does not like ours.
    Certificate,
    /// It does not know us: user, password, key.
    Credentials,
    /// It knows us and does not let us.
    Rights,
    /// Its clock and ours are far apart.
    Clock,
    /// It is another kind of registry, or none.
    OtherKind,
    /// It takes no changes at the moment; reading works.
    ReadOnly,
    /// It wants fewer requests.
    Busy,
    /// There is no such thing (any more).
    Gone,
    /// It says what we don't understand.
    Strange,
    /// What we were told cannot be used.
    Settings,
}

impl Check {
    /// Whether the registry can be watched: whatever else is wrong is only worth knowing.
    pub fn works(&self) -> bool {
        let worth = |it: &Problem| matches!(it.trouble, Trouble::Clock | Trouble::ReadOnly);
        self.lists && self.problems.iter().all(worth)
    }

    pub(crate) fn failed(mut self, problem: impl Into<Problem>) -> Check {
        self.problems.push(problem.into());
        self
    }

    /// Notes how far the clock of an answer is from ours.
    pub(crate) fn clock(&mut self, response: &Response) {
        let Some(theirs) = date(response) else { return };
        let ours = Timestamp::now();
        let apart = theirs.as_second().saturating_sub(ours.as_second()).saturating_abs();
        if apart > SKEW_SECONDS {
            self.problems.push(skewed(&response.url.authority(), theirs, ours));
        }
    }
}

/// The words for clocks that are apart.
pub(crate) fn skewed(host: &str, theirs: Timestamp, ours: Timestamp) -> Problem {
    let apart = theirs.as_second().saturating_sub(ours.as_second()).saturating_abs();
    let minutes = apart.checked_div(60).unwrap_or_default();
    let words = format!(
        "the clock of {host} says {theirs:.0}, ours says {ours:.0}: they are {minutes} minutes apart; set the wrong one right"
    );
    Problem::new(Trouble::Clock, words)
}

/// When an answer was given, as it says itself.
pub(crate) fn date(response: &Response) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(response.header("date")?.trim()).ok()
}

impl Trouble {
    /// As programs are told it.
    pub fn name(self) -> &'static str {
        match self {
            Trouble::UnknownHost => "unknown-host",
            Trouble::Closed => "closed",
            Trouble::Unreachable => "unreachable",
            Trouble::Certificate => "certificate",
            Trouble::Credentials => "credentials",
            Trouble::Rights => "rights",
            Trouble::Clock => "clock",
            Trouble::OtherKind => "other-kind",
            Trouble::ReadOnly => "read-only",
            Trouble::Busy => "busy",
            Trouble::Gone => "gone",
            Trouble::Strange => "strange",
            Trouble::Settings => "settings",
        }
    }
}

impl Problem {
    pub(crate) fn new(trouble: Trouble, words: impl Into<String>) -> Problem {
        Problem { trouble, words: words.into() }
    }

    /// The same as one of too few rights, where it is about what we may do.
    pub(crate) fn missing(error: SourceError, right: &str) -> Problem {
        match error {
            SourceError::Unauthorized(why) => {
                Problem::new(Trouble::Rights, format!("the right `{right}` is missing: {why}"))
            }
            other => other.into(),
        }
    }
}

impl From<net::Error> for Problem {
    fn from(it: net::Error) -> Problem {
        let trouble = match &it {
            net::Error::UnknownHost(_) => Trouble::UnknownHost,
            net::Error::Refused(_) => Trouble::Closed,
            net::Error::Unreachable(_) => Trouble::Unreachable,
            net::Error::Tls(_) => Trouble::Certificate,
            net::Error::Settings(_) | net::Error::Url(_) => Trouble::Settings,
            net::Error::Redirect(_)
            | net::Error::Malformed(_)
            | net::Error::Declined(_)
            | net::Error::TooLarge(_) => Trouble::Strange,
        };
        Problem::new(trouble, it.to_string())
    }
}

impl From<SourceError> for Problem {
    fn from(it: SourceError) -> Problem {
        let trouble = match &it {
            SourceError::NotFound(_) => Trouble::Gone,
            SourceError::Unauthorized(_) | SourceError::Refused(_) => Trouble::Rights,
            SourceError::RateLimited { .. } => Trouble::Busy,
            SourceError::Unreachable(_) | SourceError::Io { .. } => Trouble::Unreachable,
            SourceError::Tls(_) => Trouble::Certificate,
            SourceError::Settings(_) => Trouble::Settings,
            SourceError::Unsupported(_) => Trouble::OtherKind,
            SourceError::Malformed(_)
            | SourceError::TooLarge(_)
            | SourceError::DigestMismatch { .. }
            | SourceError::NoPlatform { .. } => Trouble::Strange,
        };
        Problem::new(trouble, it.to_string())
    }
}

impl From<Problem> for SourceError {
    fn from(it: Problem) -> SourceError {
        let bare = |said: &str| it.words.strip_prefix(said).unwrap_or(&it.words).to_owned();
        match it.trouble {
            Trouble::UnknownHost | Trouble::Closed | Trouble::Unreachable => {
                SourceError::Unreachable(bare("cannot reach "))
            }
            Trouble::Certificate => SourceError::Tls(bare("TLS with ")),
            Trouble::Credentials | Trouble::Rights | Trouble::Clock => {
                SourceError::Unauthorized(it.words)
            }
            Trouble::OtherKind => SourceError::Unsupported(it.words),
            Trouble::ReadOnly => SourceError::Refused(it.words),
            Trouble::Busy => SourceError::RateLimited { host: it.words, after: None },
            Trouble::Gone => SourceError::NotFound(it.words),
            Trouble::Strange => SourceError::Malformed(it.words),
            Trouble::Settings => SourceError::Settings(it.words),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}
