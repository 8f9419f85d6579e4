//! Turns: one at a time, in the order in which they were asked for. `Mutex` lets whoever comes by just then go first,
//! so that some wait as long as others are busy.
use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Sender, channel},
    },
};

/// What is to be done by one at a time.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Line>);

#[derive(Default)]
struct Line {
    taken: bool,
    waiting: VecDeque<Sender<()>>,
}

/// One's turn, which goes to the next when it is dropped.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for one's turn.
    pub(crate) fn take(&self) -> Turn<'_> {
        let mut line = self.line();
        if line.taken {
            let (given, turn) = channel();
            line.waiting.push_back(given);
            drop(line);
            // It fails only when the sender is dropped, and that stays in the line until it has sent.
            let _ = turn.recv();
        } else {
            line.taken = true;
        }
        Turn(self)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        line.taken = line.waiting.pop_front().is_some_and(|it| it.send(()).is_ok());
    }
}
