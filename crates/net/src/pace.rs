//! How hard each host is pressed: requests in a second, and requests at once.
use crate::Limits;
use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The state of all hosts.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    lanes: Mutex<BTreeMap<String, Lane>>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Lane {
    running: usize,
    next: Option<Instant>,
}

/// A place among the requests under way; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    pace: Arc<Pace>,
    host: String,
}

impl Pace {
    /// Waits for a place. The answer also says how long to wait before the request may begin.
    pub(crate) fn enter(self: &Arc<Pace>, host: &str, limits: Limits) -> (Permit, Duration) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |lanes: &mut BTreeMap<String, Lane>| {
            let running = lanes.get(host).map_or(0, |it| it.running);
            limits.at_once != 0 && running >= limits.at_once
        };
        while full(&mut lanes) {
            lanes = self.freed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
        let lane = lanes.entry(host.to_owned()).or_default();
        lane.running = lane.running.saturating_add(1);
        let wait = lane.turn(limits.per_second);
        (Permit { pace: Arc::clone(self), host: host.to_owned() }, wait)
    }
}

impl Lane {
    fn turn(&mut self, per_second: u32) -> Duration {
        let Some(gap) = Duration::from_secs(1).checked_div(per_second) else {
            return Duration::ZERO;
        };
        let now = Instant::now();
        let turn = self.next.map_or(now, |it| it.max(now));
        self.next = turn.checked_add(gap);
        turn.saturating_duration_since(now)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut lanes = self.pace.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(&self.host) {
            lane.running = lane.running.saturating_sub(1);
        }
        drop(lanes);
        self.pace.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread};

    #[test]
    fn a_full_host_makes_others_wait_and_other_hosts_not() {
        let pace = Arc::new(Pace::default());
        let limits = Limits { per_second: 0, at_once: 1 };
        let (first, _) = pace.enter("a", limits);
        let _other = pace.enter("b", limits);
        let (done, is_done) = mpsc::channel();
        let second = Arc::clone(&pace);
        let waiting = thread::spawn(move || {
            let _permit = second.enter("a", limits);
            done.send(()).unwrap();
        });
        assert!(is_done.recv_timeout(Duration::from_millis(50)).is_err());
        drop(first);
        is_done.recv_timeout(Duration::from_secs(10)).unwrap();
        waiting.join().unwrap();
    }

    #[test]
    fn turns_are_spread_over_the_second() {
        let pace = Arc::new(Pace::default());
        let limits = Limits { per_second: 4, at_once: 0 };
        let start = Instant::now();
        for turn in 0..4 {
            let wait = pace.enter("a", limits).1;
            assert!(start.elapsed() + wait >= Duration::from_millis(250) * turn, "{wait:?}");
        }
    }
}
