//! When to try again.
use crate::{Response, Retries};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// Statuses that may pass (RFC 9110, 15.6; RFC 6585, 4). Not 501 and 505: those stay.
pub(crate) fn passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// The pause after `failed` tries: doubling, with a quarter of chance in either direction so that
/// many clients that failed together do not come back together.
pub(crate) fn pause(retries: &Retries, failed: u32) -> Duration {
    let doubling = 2u32.saturating_pow(failed.saturating_sub(1).min(16));
    let whole = retries.first.saturating_mul(doubling).min(retries.longest);
    let chance = u32::try_from(RandomState::new().build_hasher().finish() % 512).unwrap_or(256);
    let scaled = whole.checked_div(1024).unwrap_or_default();
    let scaled = scaled.saturating_mul(chance.saturating_add(768));
    scaled.min(retries.longest)
}

/// How long the server asks us to stay away: `Retry-After` in seconds, or as a date, which is
/// compared with the server's own `Date` so that a wrong clock on either side does not matter.
pub(crate) fn asked(response: &Response) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = date(value)?;
    let now = response.header("date").and_then(date).unwrap_or_else(Timestamp::now);
    let seconds = until.as_second().saturating_sub(now.as_second()).max(0);
    Some(Duration::from_secs(seconds.unsigned_abs()))
}

fn date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retries =
            Retries { tries: 9, first: Duration::from_secs(1), longest: Duration::from_secs(10) };
        let check = |failed, from: f64, to: f64| {
            let pause = pause(&retries, failed).as_secs_f64();
            assert!((from..=to).contains(&pause), "{failed}: {pause}");
        };
        check(1, 0.75, 1.25);
        check(2, 1.5, 2.5);
        check(3, 3.0, 5.0);
        check(9, 7.5, 10.0);
        check(u32::MAX, 7.5, 10.0);
    }

    #[test]
    fn http_dates() {
        let seconds = |text: &str| date(text).map(Timestamp::as_second);
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("tomorrow"), None);
    }
}
