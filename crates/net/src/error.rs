//! What can go wrong between us and a server.
use std::{error, fmt};

/// Why there is no answer. Answers with a status of any kind are not errors here.
#[derive(Debug)]
pub enum Error {
    /// An address or a header that cannot be sent: which.
    Url(String),
    /// The settings cannot be used: which, and why.
    Settings(String),
    /// There is no host of that name, as far as this machine can find out: where, and why.
    UnknownHost(String),
    /// The host is there, and nothing listens at that port: where.
    Refused(String),
    /// No connection, a broken one, or one on which nothing moved: where, and why.
    Unreachable(String),
    /// The other side is not whom we were told to trust: where, why, and what to do.
    Tls(String),
    /// It sent us in circles or to a place that we do not go: where.
    Redirect(String),
    /// It does not speak HTTP as we know it: how.
    Malformed(String),
    /// An answer beyond the limit: which.
    TooLarge(String),
    /// A mail server that does not do what it was asked: which, and what it says.
    Declined(String),
}

impl Error {
    /// Whether the same request may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Error::UnknownHost(_) | Error::Refused(_) | Error::Unreachable(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Url(it) => write!(f, "cannot use the address: {it}"),
            Error::Settings(it) => write!(f, "network settings: {it}"),
            Error::UnknownHost(it) | Error::Refused(it) | Error::Unreachable(it) => {
                write!(f, "cannot reach {it}")
            }
            Error::Tls(it) => write!(f, "TLS with {it}"),
            Error::Redirect(it) => write!(f, "redirect refused: {it}"),
            Error::Malformed(it) => write!(f, "not understood: {it}"),
            Error::TooLarge(it) => write!(f, "too large: {it}"),
            Error::Declined(it) => write!(f, "not taken: {it}"),
        }
    }
}

impl error::Error for Error {}

/// Says what happened on the way to `place`, in words that help.
pub(crate) fn explain(place: &impl fmt::Display, error: ureq::Error) -> Error {
    use ureq::Error as U;
    match error {
        U::Io(error) => explain_io(place, &error),
        U::Rustls(tls) => explain_tls(place, &tls),
        U::Tls(why) => Error::Tls(format!("{place}: {why}")),
        U::TlsRequired => Error::Tls(format!("{place}: the connection is not encrypted")),
        U::Timeout(which) => Error::Unreachable(format!("{place}: timed out ({which})")),
        U::HostNotFound => Error::UnknownHost(format!("{place}: no such host")),
        U::ConnectionFailed => Error::Unreachable(format!("{place}: connection failed")),
        U::ConnectProxyFailed(why) => Error::Unreachable(format!("{place} by the proxy: {why}")),
        U::InvalidProxyUrl => Error::Settings("the proxy's address is malformed".to_owned()),
        U::BadUri(_) => Error::Url(place.to_string()),
        U::LargeResponseHeader(..) => Error::TooLarge(format!("the headers of {place}")),
        // The text of other errors is the HTTP parser's; it quotes no header values.
        other => Error::Malformed(format!("{place}: {other}")),
    }
}

pub(crate) fn explain_io(place: &impl fmt::Display, error: &std::io::Error) -> Error {
    if let Some(tls) = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>()) {
        return explain_tls(place, tls);
    }
    let text = format!("{place}: {error}");
    if error.kind() == std::io::ErrorKind::ConnectionRefused {
        return Error::Refused(format!("{text}; check the port"));
    }
    // The standard library has no kind for it, only these words.
    match text.contains("failed to lookup address information") {
        true => Error::UnknownHost(format!("{text}; check the name and this machine's DNS")),
        false => Error::Unreachable(text),
    }
}

fn explain_tls(place: &impl fmt::Display, error: &rustls::Error) -> Error {
    use rustls::CertificateError as C;
    let advice = match error {
        rustls::Error::InvalidCertificate(C::UnknownIssuer) => {
            "; if the authority is your own, name its certificate in the settings of this host"
        }
        rustls::Error::InvalidCertificate(
            C::NotValidForName | C::NotValidForNameContext { .. },
        ) => "; use the name that the certificate was made for",
        rustls::Error::InvalidMessage(_) => {
            "; if the server speaks plain HTTP, say so in the settings of this host"
        }
        rustls::Error::AlertReceived(_) => {
            "; the server may want a client certificate, or refuse ours"
        }
        _ => "",
    };
    Error::Tls(format!("{place}: {error}{advice}"))
}
