//! What is scanned next: pure decisions over what the store says of its queue.
use store::{
    tasks::Kind,
    work::{Head, LONGEST_MS, Lane, Line},
};

/// How long after each failed attempt the next is made, in milliseconds. After the last there is none.
const PAUSES_MS: [i64; 3] = [15_000, 60_000, 300_000];

/// Scans that may be started now, in the order in which to try: on change before by hand before the cycle;
/// among equals the registry with the fewest running, then the one whose last turn is longest ago.
/// `cycle_open`: whether it is the time of day at which the cycle may scan.
pub fn plan(now: i64, line: &Line, cycle_open: bool) -> Vec<i64> {
    let may_start = |head: &&Head| {
        (cycle_open || head.priority < Kind::Cycle.priority())
            && (!head.costs || line.quota.has_room())
            && has_turn(&lane(line, head), now)
    };
    let mut heads: Vec<&Head> = line.heads.iter().filter(may_start).collect();
    heads.sort_by_key(|head| {
        let Lane { running, served_at, registry, .. } = lane(line, head);
        (head.priority, running, served_at, registry, head.work)
    });
    heads.into_iter().map(|it| it.work).collect()
}

/// When to try again what has been attempted so often; none: never.
pub fn again(now: i64, attempts: u64) -> Option<i64> {
    let nth = usize::try_from(attempts).ok()?.checked_sub(1)?;
    PAUSES_MS.get(nth).map(|it| now.saturating_add(*it))
}

/// The registry of a scan.
fn lane(line: &Line, head: &Head) -> Lane {
    let found = line.lanes.iter().find(|it| it.registry == head.registry);
    found.copied().unwrap_or(Lane { registry: head.registry, ..Lane::default() })
}

fn has_turn(lane: &Lane, now: i64) -> bool {
    // A pause that is longer than any: the clock was set back.
    let paused = lane.next_at > now && lane.next_at <= now.saturating_add(LONGEST_MS);
    !paused && lane.at_once.is_none_or(|it| lane.running < it)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "helpers of tests may fail as tests do")]
mod tests {
    use super::*;
    use store::quota::Quota;

    const NOW: i64 = 1_000_000_000;

    /// Heads as `work registry/priority`, with `$` if they cost; lanes as `registry: running/at_once
    /// served_at next_at`, of which the latter two count from now; the quota as `used+reserved/total`.
    fn check(heads: &str, lanes: &str, quota: &str, expected: &[i64]) {
        let line = Line {
            heads: heads.split(", ").map(head).collect(),
            lanes: lanes.split(", ").map(read_lane).collect(),
            quota: read_quota(quota),
        };
        assert_eq!(plan(NOW, &line, true), expected, "{heads} | {lanes} | {quota}");
    }

    fn number(text: &str) -> i64 {
        text.parse().unwrap()
    }

    fn count(text: &str) -> Option<u64> {
        (text != "-").then(|| text.parse().unwrap())
    }

    fn head(text: &str) -> Head {
        let (rest, costs) = text.strip_suffix('$').map_or((text, false), |it| (it, true));
        let (work, rest) = rest.split_once(' ').unwrap();
        let (registry, priority) = rest.split_once('/').unwrap();
        let [work, registry, priority] = [work, registry, priority].map(number);
        Head { work, registry, priority, costs }
    }

    fn read_lane(text: &str) -> Lane {
        let (registry, rest) = text.split_once(": ").unwrap();
        let words: Vec<&str> = rest.split(' ').collect();
        let (running, at_once) = words[0].split_once('/').unwrap();
        Lane {
            registry: number(registry),
            at_once: count(at_once),
            running: count(running).unwrap(),
            served_at: NOW + number(words[1]),
            next_at: NOW + number(words[2]),
        }
    }

    fn read_quota(text: &str) -> Quota {
        let (taken, total) = text.split_once('/').unwrap();
        let (used, reserved) = taken.split_once('+').unwrap();
        let [used, reserved] = [used, reserved].map(|it| count(it).unwrap());
        Quota { total: count(total), used, reserved }
    }

    #[test]
    fn change_goes_before_manual_before_cycle_whatever_the_registry() {
        let idle = "1: 0/- -9 0, 2: 5/- -1 0, 3: 0/- -9 0";
        check("10 1/2, 11 2/0, 12 3/1", idle, "0+0/-", &[11, 12, 10]);
        check("10 1/2, 12 3/1", idle, "0+0/-", &[12, 10]);
    }

    #[test]
    fn registries_take_turns() {
        check("10 1/1, 11 2/1", "1: 1/- -9 0, 2: 0/- -1 0", "0+0/-", &[11, 10]);
        check("10 1/1, 11 2/1", "1: 0/- -1 0, 2: 0/- -9 0", "0+0/-", &[11, 10]);
        check("10 1/1, 11 2/1", "1: 0/- -9 0, 2: 0/- -9 0", "0+0/-", &[10, 11]);
        check("11 1/1, 10 1/1$", "1: 0/- -9 0", "0+0/-", &[10, 11]);
    }

    #[test]
    fn a_registry_has_its_limits() {
        check("10 1/0, 11 2/2", "1: 3/3 -9 0, 2: 2/3 -1 0", "0+0/-", &[11]);
        check("10 1/0", "1: 0/0 -9 0", "0+0/-", &[]);
        check("10 1/0, 11 2/2", "1: 0/- -9 1, 2: 0/- -1 0", "0+0/-", &[11]);
        check("10 1/0", "1: 0/- -9 3600000", "0+0/-", &[]);
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nobody() {
        check("10 1/0", "1: 0/- 99999999 3600001", "0+0/-", &[10]);
    }

    #[test]
    fn without_quota_only_what_costs_nothing_is_scanned() {
        let idle = "1: 0/- -9 0, 2: 0/- -9 0";
        check("10 1/1$, 11 1/2, 12 2/1$", idle, "3+2/6", &[10, 12, 11]);
        check("10 1/1$, 11 1/2, 12 2/1$", idle, "3+2/5", &[11]);
        check("10 1/1$", idle, "5+0/5", &[]);
        check("10 1/1$", idle, "9+0/5", &[]);
        check("10 1/1$", idle, "0+0/0", &[]);
        check("10 1/1$", idle, "9+9/-", &[10]);
    }

    #[test]
    fn outside_its_hours_the_cycle_waits() {
        let line = Line {
            heads: vec![head("10 1/2"), head("11 2/1"), head("12 3/0")],
            lanes: Vec::new(),
            quota: read_quota("0+0/-"),
        };
        assert_eq!(plan(NOW, &line, false), [12, 11]);
    }

    #[test]
    fn attempts_get_rarer_and_end() {
        let pauses = (0..6).map(|it| again(NOW, it).map(|it| it - NOW));
        let expected = [None, Some(15_000), Some(60_000), Some(300_000), None, None];
        assert_eq!(pauses.collect::<Vec<_>>(), expected);
    }
}
