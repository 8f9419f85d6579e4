//! When the cycle scans: a pure function of its settings, of when it last did, and of the time.
use crate::settings::{Cycle, Window};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What to do about the cycle now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether to scan now.
    pub run: bool,
    /// What is to be kept for when it last did.
    pub last: Option<i64>,
    /// When it will next, if nothing is changed; none: never.
    pub next: Option<i64>,
}

/// What to do about the cycle now, when it scanned `last`. All times are milliseconds since 1970. If several runs
/// were missed, there is one. A cycle that never ran runs at once, or as soon as its window opens.
pub fn step(cycle: Cycle, last: Option<i64>, now: i64) -> Step {
    // Had the clock been wrong then, the cycle would stand still until it is that late again.
    let last = last.map(|it| it.min(now));
    let Some(interval) = interval(cycle) else {
        return Step { run: false, last, next: None };
    };
    let due = |last: i64| turn(cycle, last, last.saturating_add(interval));
    match last.map_or_else(|| turn(cycle, i64::MIN, now), due) {
        next if next > now => Step { run: false, last, next: Some(next) },
        // Long ago, it was due, but now is not the time of day.
        _ if !open(cycle, now) => Step { run: false, last, next: Some(turn(cycle, now, now)) },
        _ => Step { run: true, last: Some(now), next: Some(due(now)) },
    }
}

/// Whether this is a time of day at which the cycle may scan.
pub fn open(cycle: Cycle, now: i64) -> bool {
    window(cycle).is_none_or(|it| opened(it, now).is_some())
}

/// The time at or after `due` at which the window is open. A run that is due in the middle of one comes at its
/// beginning, if that is after `last`, lest runs come later and later in the day until they miss it.
fn turn(cycle: Cycle, last: i64, due: i64) -> i64 {
    let Some(window) = window(cycle) else { return due };
    match opened(window, due) {
        Some(opening) if opening > last && last > i64::MIN => opening,
        Some(_) => due,
        None => {
            let into_day = since(window, due);
            due.saturating_add(DAY.saturating_sub(into_day))
        }
    }
}

/// When the window opened that is open at a time.
fn opened(window: Window, at: i64) -> Option<i64> {
    let length = i64::from(window.to_minute).saturating_sub(window.from_minute.into());
    let length = length.rem_euclid(24 * 60).saturating_mul(MINUTE);
    let since = since(window, at);
    (since < length).then(|| at.saturating_sub(since))
}

/// How long ago the window last opened.
fn since(window: Window, at: i64) -> i64 {
    let ahead = i64::from(window.offset_minutes).saturating_sub(window.from_minute.into());
    at.saturating_add(ahead.saturating_mul(MINUTE)).rem_euclid(DAY)
}

fn interval(cycle: Cycle) -> Option<i64> {
    match cycle {
        Cycle::Stop => None,
        Cycle::ThreeDays => Some(3 * DAY),
        Cycle::Week => Some(7 * DAY),
        Cycle::TwoWeeks => Some(14 * DAY),
        Cycle::Custom { hours, .. } => Some(i64::from(hours).saturating_mul(HOUR)),
    }
}

fn window(cycle: Cycle) -> Option<Window> {
    match cycle {
        Cycle::Custom { window, .. } => window,
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "helpers of tests may fail as tests do")]
mod tests {
    use super::*;

    /// Day and time of day, as `3 01:30`.
    fn time(text: &str) -> i64 {
        let (day, clock) = text.split_once(' ').unwrap();
        let (hours, minutes) = clock.split_once(':').unwrap();
        let [day, hours, minutes] = [day, hours, minutes].map(|it| it.parse::<i64>().unwrap());
        day * DAY + hours * HOUR + minutes * MINUTE
    }

    fn check(cycle: Cycle, last: &str, now: &str, expected: &str) {
        let step = step(cycle, (last != "-").then(|| time(last)), time(now));
        let text = |it: Option<i64>| {
            it.map_or("-".to_owned(), |it| {
                let (day, minutes) = (it.div_euclid(DAY), it.rem_euclid(DAY) / MINUTE);
                format!("{day} {:02}:{:02}", minutes / 60, minutes % 60)
            })
        };
        let word = if step.run { "run" } else { "wait" };
        let found = format!("{word}, last {}, next {}", text(step.last), text(step.next));
        assert_eq!(found, expected, "{cycle:?}, last {last}, now {now}");
    }

    fn custom(hours: u32, window: &str) -> Cycle {
        let minute = |it: &str| u16::try_from(time(&format!("0 {it}")) / MINUTE).unwrap();
        let window = window.split_once('-').map(|(from, to)| Window {
            from_minute: minute(from),
            to_minute: minute(to),
            offset_minutes: 0,
        });
        Cycle::Custom { hours, window }
    }

    #[test]
    fn a_cycle_runs_again_after_its_interval() {
        check(Cycle::Stop, "-", "50 12:00", "wait, last -, next -");
        check(Cycle::Stop, "9 12:00", "50 12:00", "wait, last 9 12:00, next -");
        check(Cycle::ThreeDays, "-", "50 12:00", "run, last 50 12:00, next 53 12:00");
        check(Cycle::ThreeDays, "48 12:00", "50 12:00", "wait, last 48 12:00, next 51 12:00");
        check(Cycle::ThreeDays, "48 12:00", "51 11:59", "wait, last 48 12:00, next 51 12:00");
        check(Cycle::ThreeDays, "48 12:00", "51 12:00", "run, last 51 12:00, next 54 12:00");
        check(Cycle::Week, "48 12:00", "51 12:00", "wait, last 48 12:00, next 55 12:00");
        check(Cycle::TwoWeeks, "48 12:00", "51 12:00", "wait, last 48 12:00, next 62 12:00");
        check(custom(5, ""), "50 12:00", "50 17:00", "run, last 50 17:00, next 50 22:00");
    }

    #[test]
    fn runs_that_were_missed_happen_once() {
        check(Cycle::ThreeDays, "10 12:00", "50 13:00", "run, last 50 13:00, next 53 13:00");
        check(custom(1, ""), "10 12:00", "50 13:00", "run, last 50 13:00, next 50 14:00");
        check(
            custom(24, "01:00-05:00"),
            "10 01:00",
            "50 13:00",
            "wait, last 10 01:00, next 51 01:00",
        );
        check(
            custom(24, "01:00-05:00"),
            "10 01:00",
            "51 01:00",
            "run, last 51 01:00, next 52 01:00",
        );
    }

    #[test]
    fn a_clock_that_jumps_neither_stops_the_cycle_nor_makes_it_run_twice() {
        check(Cycle::Week, "900 12:00", "50 12:00", "wait, last 50 12:00, next 57 12:00");
        check(Cycle::Week, "50 12:00", "57 12:00", "run, last 57 12:00, next 64 12:00");
        check(Cycle::Week, "50 12:00", "900 12:00", "run, last 900 12:00, next 907 12:00");
        let extreme = step(Cycle::Week, Some(i64::MAX), i64::MIN);
        assert!(!extreme.run);
        step(custom(24, "01:00-05:00"), Some(i64::MIN), i64::MAX);
    }

    #[test]
    fn a_cycle_with_a_window_runs_within_it() {
        let night = custom(72, "01:00-05:00");
        check(night, "-", "50 12:00", "wait, last -, next 51 01:00");
        check(night, "-", "50 00:30", "wait, last -, next 50 01:00");
        check(night, "-", "50 02:00", "run, last 50 02:00, next 53 01:00");
        check(night, "50 02:00", "53 00:59", "wait, last 50 02:00, next 53 01:00");
        check(night, "50 02:00", "53 01:00", "run, last 53 01:00, next 56 01:00");
        check(night, "50 02:00", "53 05:00", "wait, last 50 02:00, next 54 01:00");
        // It is not the time of day at which it last ran any more.
        check(night, "50 12:00", "53 12:00", "wait, last 50 12:00, next 54 01:00");
        let midnight = custom(24, "22:00-04:00");
        check(midnight, "-", "50 03:59", "run, last 50 03:59, next 50 22:00");
        check(midnight, "-", "50 04:00", "wait, last -, next 50 22:00");
        check(midnight, "50 22:00", "51 22:00", "run, last 51 22:00, next 52 22:00");
        // Several times in one night.
        let often = custom(2, "01:00-05:00");
        check(often, "50 01:00", "50 02:59", "wait, last 50 01:00, next 50 03:00");
        check(often, "50 01:00", "50 03:00", "run, last 50 03:00, next 51 01:00");
    }

    #[test]
    fn a_window_is_meant_by_its_own_clock() {
        let Cycle::Custom { hours, window: Some(window) } = custom(24, "01:00-05:00") else {
            panic!("it has a window");
        };
        let at = |offset_minutes| Cycle::Custom {
            hours,
            window: Some(Window { offset_minutes, ..window }),
        };
        check(at(480), "-", "50 16:00", "wait, last -, next 50 17:00");
        check(at(480), "-", "50 17:00", "run, last 50 17:00, next 51 17:00");
        check(at(-300), "-", "50 06:00", "run, last 50 06:00, next 51 06:00");
        check(at(-300), "-", "50 05:59", "wait, last -, next 50 06:00");
        assert!(open(at(480), time("50 20:59")) && !open(at(480), time("50 21:00")));
        assert!(open(Cycle::Week, 0));
    }
}
