//! Letting people in, and keeping those out who guess.
use crate::{
    App, Code, Problem,
    call::{Call, Failure, NOTHING},
    reply::{Cookie, Created, WithCookies},
    seal::random,
    views,
    who::{cookie, hash, session_cookie},
};
use serde_json::json;
use std::{net::IpAddr, sync::atomic::Ordering};
use store::{Tx, logins, people, sessions};

/// What somebody gets who logs in.
pub(crate) type LoggedIn = WithCookies<Created<views::Session>>;

/// How long to wait after so many failures: of a name at most a minute, for anybody may lock others out with it; of
/// an address, behind which there may be many people, later and longer.
fn pause_of_name_ms(failures: u64) -> i64 {
    doubled(failures, 5, 60_000)
}

fn pause_of_address_ms(failures: u64) -> i64 {
    doubled(failures, 20, 15 * 60_000)
}

/// Nothing up to so many; then a second, doubled each time.
fn doubled(failures: u64, free: u64, most: i64) -> i64 {
    match failures.saturating_sub(free) {
        0 => 0,
        more => {
            let steps = u32::try_from(more.saturating_sub(1)).unwrap_or(u32::MAX).min(40);
            1000i64.saturating_mul(1i64.checked_shl(steps).unwrap_or(i64::MAX)).min(most)
        }
    }
}

/// Lets in whoever has the password.
pub(crate) fn log_in(call: &Call, name: &str, password: &str) -> Result<LoggedIn, Problem> {
    let person = prove(call, name, password)?;
    call.change(|tx| begin_session(call, tx, &person))
}

/// Who has this name and password. Whether the name is unknown, kept out or has another password is for nobody to
/// know, neither by the answer nor by its time.
pub(crate) fn prove(call: &Call, name: &str, password: &str) -> Result<people::Person, Problem> {
    let (now, store) = (call.now, &call.app.store);
    let name = plain_name(name);
    let (of_name, of_address) = (format!("name/{}", hash(&name)), address_key(call.address));
    wait(now, store.read(|tx| logins::waiting(tx, &of_address, now))?)?;
    wait(now, store.write(|tx| logins::attempt(tx, &of_name, now, pause_of_name_ms))?)?;
    let person = store.read(|tx| people::named(tx, &name))?;
    let stored = person.as_ref().and_then(|it| it.password.as_deref());
    let right = call.app.passwords.verify(password, stored)?;
    let Some(person) = person.filter(|it| right && !it.disabled) else {
        return Err(refuse(call, &of_address)?);
    };
    store.write(|tx| logins::succeeded(tx, &of_name))?;
    Ok(person)
}

fn refuse(call: &Call, of_address: &str) -> Result<Problem, Problem> {
    let app = &call.app;
    app.store.write(|tx| logins::attempt(tx, of_address, call.now, pause_of_address_ms))?;
    app.metrics.refused_logins.fetch_add(1, Ordering::Relaxed);
    app.note("warn", "a login was refused", &[("address", json!(call.address.to_string()))]);
    Ok(Problem::new(Code::Unauthenticated, "the name or the password is wrong"))
}

fn wait(now: i64, until: Option<i64>) -> Result<(), Problem> {
    let Some(until) = until else { return Ok(()) };
    let seconds = until.saturating_sub(now).saturating_add(999).checked_div(1000).unwrap_or(1);
    let detail = format!("too many logins have failed; wait {seconds} s");
    let retry_after = u64::try_from(seconds).ok();
    Err(Problem { retry_after, ..Problem::new(Code::TooManyRequests, detail) })
}

/// Begins a session with a secret that nobody knew before, whatever cookie the browser came with: that session ends.
pub(crate) fn begin_session(
    call: &Call,
    tx: &mut Tx<'_>,
    person: &people::Person,
) -> Result<LoggedIn, Failure> {
    let name = session_cookie(&call.app);
    if let Some(old) = cookie(&call.headers, name) {
        sessions::end(tx, &hash(old))?;
    }
    let (secret, longest) = (random()?, call.app.settings.sessions.longest_ms());
    sessions::begin(tx, person.id, &hash(&secret), call.now, call.now.saturating_add(longest))?;
    let object = format!("person/{}", person.id);
    let how = json!({"address": call.address.to_string()});
    call.audit_as(tx, &person.name, &object, NOTHING, Some(&how))?;
    let view =
        views::Session { person: person.id, name: person.name.clone(), role: person.role.into() };
    let cookie = session(&call.app, secret, longest.checked_div(1000).unwrap_or_default());
    Ok(WithCookies(Created("/api/v1/session".to_owned(), view), vec![cookie]))
}

/// The cookie of a session; without a secret, what takes it away.
pub(crate) fn session(app: &App, secret: String, seconds: i64) -> Cookie {
    let (name, secure) = (session_cookie(app), app.settings.encrypted());
    Cookie { name, value: secret, path: "/", seconds, secure }
}

/// Names are the same however they are typed.
pub(crate) fn plain_name(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The sender, of whom IPv6 gives everybody a whole network.
fn address_key(address: IpAddr) -> String {
    match address {
        IpAddr::V4(it) => format!("address/{it}"),
        IpAddr::V6(it) => {
            let network = it.to_bits() & !(u128::MAX >> 64);
            format!("address/{}/64", std::net::Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_have_a_limit() {
        let check = |failures, name, address| {
            let pauses = (pause_of_name_ms(failures), pause_of_address_ms(failures));
            assert_eq!(pauses, (name, address), "{failures}");
        };
        check(1, 0, 0);
        check(5, 0, 0);
        check(6, 1000, 0);
        check(8, 4000, 0);
        check(12, 60_000, 0);
        check(20, 60_000, 0);
        check(21, 60_000, 1000);
        check(30, 60_000, 512_000);
        check(31, 60_000, 900_000);
        check(u64::MAX, 60_000, 900_000);
    }

    #[test]
    fn a_network_of_ipv6_is_one_sender() {
        let key = |it: &str| address_key(it.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::7"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::7"), key("2001:db8:1:3::7"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
