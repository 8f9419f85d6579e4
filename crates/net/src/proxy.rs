//! Which addresses go by a proxy.
use crate::{Proxies, Secret, Url, url::split_authority};
use std::net::IpAddr;

/// The proxy for `url`, if any.
pub(crate) fn choose<'a>(proxies: &'a Proxies, url: &Url) -> Option<&'a Secret> {
    let proxy = if url.secure() { proxies.https.as_ref() } else { proxies.http.as_ref() };
    let direct = is_local(url.host()) || proxies.except.iter().any(|it| covers(it, url));
    proxy.filter(|_| !direct)
}

/// Whether `host` is this very machine.
pub(crate) fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || address(host).is_some_and(|it| it.is_loopback())
}

/// Whether an entry of the list of exceptions covers `url`: `*`, `name`, `.name`, `address`,
/// `network/bits`, each but the first and last with an optional port. Names cover what lies under
/// them, as in curl and in Go.
fn covers(entry: &str, url: &Url) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    if let Some((network, bits)) = entry.split_once('/') {
        return within(url.host(), network, bits).unwrap_or(false);
    }
    if entry == "*" {
        return true;
    }
    if let Ok(entry) = entry.parse::<IpAddr>() {
        return address(url.host()) == Some(entry);
    }
    let name = entry.trim_start_matches('*').trim_start_matches('.');
    let Some((name, port)) = split_authority(name, url.port()) else { return false };
    let under = url.host().strip_suffix(&name).is_some_and(|it| it.is_empty() || it.ends_with('.'));
    under && port == url.port()
}

fn within(host: &str, network: &str, bits: &str) -> Option<bool> {
    let widen = |it: IpAddr| match it {
        IpAddr::V4(it) => (u128::from(it.to_bits()) << 96, 32u32),
        IpAddr::V6(it) => (it.to_bits(), 128),
    };
    let (host, host_bits) = widen(address(host)?);
    let (network, network_bits) = widen(network.parse().ok()?);
    let bits: u32 = bits.parse().ok().filter(|it| *it <= network_bits)?;
    let mask = u128::MAX.checked_shl(128u32.checked_sub(bits)?).unwrap_or(0);
    Some(host_bits == network_bits && host & mask == network & mask)
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions() {
        let check = |entry: &str, url: &str, direct: bool| {
            assert_eq!(covers(entry, &Url::parse(url).unwrap()), direct, "{entry} {url}");
        };
        check("*", "https://a.example/", true);
        check("example.com", "https://example.com/", true);
        check("example.com", "https://a.example.com/", true);
        check("example.com", "https://notexample.com/", false);
        check(".example.com", "https://a.example.com/", true);
        check("*.example.com", "https://a.example.com/", true);
        check("Example.com:8080", "http://example.com:8080/", true);
        check("example.com:8080", "http://example.com/", false);
        check("10.0.0.0/8", "https://10.1.2.3/", true);
        check("10.0.0.0/8", "https://11.1.2.3/", false);
        check("0.0.0.0/0", "https://11.1.2.3/", true);
        check("10.0.0.0/33", "https://10.1.2.3/", false);
        check("fd00::/8", "https://[fd12::1]/", true);
        check("fd12::1", "https://[fd12::1]/", true);
        check("192.0.2.1", "https://192.0.2.1/", true);
        check("", "https://a.example/", false);
    }

    #[test]
    fn this_machine_is_reached_directly() {
        let all = Some(Secret::new("http://proxy.example"));
        let proxies = Proxies { http: all.clone(), https: all, except: Vec::new() };
        let check = |url: &str, by_proxy: bool| {
            let choice = choose(&proxies, &Url::parse(url).unwrap());
            assert_eq!(choice.is_some(), by_proxy, "{url}");
        };
        check("https://a.example/", true);
        check("http://a.example/", true);
        check("http://localhost:5000/", false);
        check("http://127.0.0.2/", false);
        check("http://[::1]/", false);
    }
}
