//! What happens, told to whoever listens: to browsers that watch, to what sends notifications.
//!
//! Nobody who is slow holds anybody up. Events wait in a ring of bounded length; a reader whom it has overtaken is told
//! how many it missed, and is to look again at what it shows.
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};
use store::tasks::Task;

/// So many events wait for slow readers.
const LENGTH: usize = 1024;

/// Something that happened, on this machine or another.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A task was started, has got on, or has ended.
    Task(Box<Task>),
    /// A registry is to be looked at again: it came, went, was synchronised, or is failing.
    Registry(i64),
    /// Another advisory database is in use: its build.
    Advisories(String),
    /// Something that people want to be told of, as the store keeps it.
    Notice(store::notices::Notice),
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// The next event.
    Event(Arc<Event>),
    /// The reader was too slow, and so many are lost to it.
    Missed(u64),
}

/// Where events are told.
#[derive(Debug, Default)]
pub(crate) struct Broadcast {
    ring: Mutex<Ring>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct Ring {
    /// The number of the oldest.
    first: u64,
    events: VecDeque<Arc<Event>>,
}

/// Somebody who listens, from when this was made.
#[derive(Clone, Debug)]
pub struct Reader {
    broadcast: Arc<Broadcast>,
    next: u64,
}

impl Ring {
    fn end(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.events.len()).unwrap_or(0))
    }
}

impl Broadcast {
    pub(crate) fn tell(&self, event: Event) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.events.len() >= LENGTH {
            ring.events.pop_front();
            ring.first = ring.first.saturating_add(1);
        }
        ring.events.push_back(Arc::new(event));
        drop(ring);
        self.told.notify_all();
    }

    pub(crate) fn reader(self: &Arc<Broadcast>) -> Reader {
        let next = self.ring.lock().unwrap_or_else(PoisonError::into_inner).end();
        Reader { broadcast: Arc::clone(self), next }
    }
}

impl Reader {
    /// The next event, for which this waits at most so long.
    pub fn next(&mut self, patience: Duration) -> Option<Received> {
        let broadcast = Arc::clone(&self.broadcast);
        let ring = broadcast.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = broadcast.told.wait_timeout_while(ring, patience, |it| it.end() <= self.next);
        let ring = waited.unwrap_or_else(PoisonError::into_inner).0;
        if self.next < ring.first {
            let missed = ring.first.saturating_sub(self.next);
            self.next = ring.first;
            return Some(Received::Missed(missed));
        }
        let at = usize::try_from(self.next.saturating_sub(ring.first)).unwrap_or(usize::MAX);
        let event = ring.events.get(at)?;
        self.next = self.next.saturating_add(1);
        Some(Received::Event(Arc::clone(event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_readers_are_told_what_they_missed() {
        let broadcast = Arc::new(Broadcast::default());
        broadcast.tell(Event::Registry(0));
        let mut reader = broadcast.reader();
        assert_eq!(reader.next(Duration::ZERO), None);
        let length = i64::try_from(LENGTH).unwrap();
        (1..=length + 2).for_each(|it| broadcast.tell(Event::Registry(it)));
        assert_eq!(reader.next(Duration::ZERO), Some(Received::Missed(2)));
        for it in 3..=length + 2 {
            let event = Received::Event(Arc::new(Event::Registry(it)));
            assert_eq!(reader.next(Duration::ZERO), Some(event));
        }
        assert_eq!(reader.next(Duration::ZERO), None);
    }
}
