//! Keeps requests that strangers have a say in out of our own network: the addresses are looked at that are then connected
//! to, so that a name which means another address a moment later gains nothing.
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use ureq::{
    Agent, Error, Timeout,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// Finds addresses as ever, and refuses names of which any is not out in the world.
#[derive(Debug)]
pub(crate) struct Outside;

impl Resolver for Outside {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        match found.iter().find(|it| !is_outside(it.ip())) {
            None => Ok(found),
            Some(it) => Err(refused(it.ip())),
        }
    }
}

fn refused(it: IpAddr) -> Error {
    let text = format!("{it} is not an address of the world outside, and this one must be");
    Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// The addresses of `host:port`; with `outside`, of one out in the world only. For those who do not speak HTTP.
pub(crate) fn addresses(
    authority: &str,
    within: Duration,
    outside: bool,
) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(it) = authority.parse::<SocketAddr>() {
        return match outside && !is_outside(it.ip()) {
            true => Err(refused(it.ip())),
            false => Ok(vec![it]),
        };
    }
    let uri: Uri = format!("http://{authority}/").parse().map_err(|_| Error::HostNotFound)?;
    let (after, reason) = (within.into(), Timeout::Resolve);
    let timeout = NextTimeout { after, reason, per_read: None, per_write: None };
    let config = Agent::config_builder().build();
    let found = match outside {
        true => Outside.resolve(&uri, &config, timeout)?,
        false => DefaultResolver::default().resolve(&uri, &config, timeout)?,
    };
    Ok(found.iter().copied().collect())
}

/// Whether an address is out in the world (IANA's registries of special-purpose addresses).
pub(crate) fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => v4(it),
        IpAddr::V6(it) => v6(it),
    }
}

fn v4(it: Ipv4Addr) -> bool {
    let [a, b, c, _] = it.octets();
    !(it.is_loopback()
        || it.is_private()
        || it.is_link_local()
        || it.is_multicast()
        || it.is_documentation()
        || matches!(
            (a, b, c),
            (0 | 240..=255, ..)
                | (100, 64..=127, _)
                | (192, 0, 0)
                | (192, 88, 99)
                | (198, 18..=19, _)
        ))
}

fn v6(it: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = it.segments();
    let inner =
        |high: u16, low: u16| v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (a, b, c, d, e, f) {
        // IPv4 in IPv6, by NAT64, and by 6to4: what counts is where that leads.
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => inner(g, h),
        (0x2002, ..) => inner(b, c),
        // Of the rest only this eighth is given out; the beginning of it serves special purposes.
        (0x2000..=0x3fff, ..) => {
            !matches!((a, b), (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_world_is_outside() {
        let check = |text: &str, outside: bool| {
            assert_eq!(is_outside(text.parse().unwrap()), outside, "{text}");
        };
        for it in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "192.0.1.1",
            "2606:4700::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            check(it, true);
        }
        #[rustfmt::skip]
        let inside = [
            "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254",
            "100.64.0.1", "100.100.100.200", "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1",
            "::", "::1", "fe80::1", "fc00::1", "fd00::1", "ff02::1", "fec0::1", "2001:db8::1", "2001::1", "::127.0.0.1",
            "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::1", "3fff::1",
        ];
        inside.iter().for_each(|it| check(it, false));
    }
}
