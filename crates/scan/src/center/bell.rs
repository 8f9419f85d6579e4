//! Wakes threads that wait: because there may be something to do, or because it is time to stop.
use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    /// How often it was rung.
    count: u64,
}

impl Bell {
    /// Waits so long, or until it is rung or everything stops.
    pub(crate) fn wait(&self, patience: Duration) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = state.count;
        let goes_on = |it: &mut State| !it.stopping && it.count == count;
        drop(self.rung.wait_timeout_while(state, patience, goes_on));
    }

    /// Waits so long, or until everything stops.
    pub(crate) fn rest(&self, patience: Duration) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.rung.wait_timeout_while(state, patience, |it| !it.stopping));
    }

    /// There may be something to do.
    pub(crate) fn ring(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count = state.count.wrapping_add(1);
        drop(state);
        self.rung.notify_all();
    }

    /// Everything is to stop.
    pub(crate) fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopping = true;
        self.rung.notify_all();
    }

    pub(crate) fn stopping(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopping
    }
}
