//! What happens, told to whoever listens, as server-sent events (WHATWG HTML, 9.2).
use crate::{App, Code, Problem, views::Task};
use axum::body::Bytes;
use hyper::body::{Body, Frame};
use scan::center::{self, Received};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior, Sleep, interval, sleep},
};

/// How many events are kept for those whose line broke, and how many may wait for a slow reader.
const KEPT: usize = 1024;
const WAITING: usize = 256;

/// How many may listen, and how many with the same name.
const READERS: usize = 512;
const READERS_EACH: usize = 16;

/// A sign of life, for proxies; and how long a stream goes on before the reader has to say again who it is.
const HEARTBEAT: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// What kind of thing.
    pub kind: &'static str,
    /// The task that it is about, if it is about one.
    pub task: Option<i64>,
    /// What is to be known of it.
    pub data: Value,
}

/// Tells readers what happens. Who tells never waits for who reads.
#[derive(Debug)]
pub struct Events {
    state: Mutex<State>,
    /// Tells the numbers of this process from those of others.
    epoch: String,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    recent: VecDeque<(u64, Option<i64>, Bytes)>,
    readers: Vec<Reader>,
    closed: bool,
}

#[derive(Debug)]
struct Reader {
    name: String,
    task: Option<i64>,
    sender: mpsc::Sender<Bytes>,
}

/// What one reader gets.
pub(crate) struct Stream {
    receiver: mpsc::Receiver<Bytes>,
    heartbeat: Interval,
    end: Pin<Box<Sleep>>,
}

impl Events {
    pub(crate) fn new(epoch: String) -> Events {
        Events { state: Mutex::default(), epoch }
    }

    /// Tells everybody who listens. Who has not taken the earlier ones is dropped: it comes again, and then gets
    /// what it missed.
    pub fn tell(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count = state.count.saturating_add(1);
        let (count, epoch) = (state.count, &self.epoch);
        // JSON has no line feeds of its own, so this is one line.
        let text = format!("id: {epoch}-{count}\nevent: {}\ndata: {}\n\n", event.kind, event.data);
        let text = Bytes::from(text);
        state.recent.push_back((count, event.task, text.clone()));
        if state.recent.len() > KEPT {
            state.recent.pop_front();
        }
        let wants = |it: &Reader| it.task.is_none() || it.task == event.task;
        state.readers.retain(|it| !wants(it) || it.sender.try_send(text.clone()).is_ok());
    }

    /// Lets `name` listen to all, or to one task, from after the event that it saw `last`. Where that is not known any
    /// more the first event is `reset`: what is shown has to be asked for anew.
    pub(crate) fn listen(
        &self,
        name: &str,
        task: Option<i64>,
        last: Option<&str>,
    ) -> Result<mpsc::Receiver<Bytes>, Problem> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.readers.retain(|it| !it.sender.is_closed());
        let same = state.readers.iter().filter(|it| it.name == name).count();
        if state.readers.len() >= READERS || same >= READERS_EACH {
            let problem =
                Problem::new(Code::TooManyRequests, "too many are listening; close other windows");
            return Err(Problem { retry_after: Some(30), ..problem });
        }
        let (sender, receiver) = mpsc::channel(WAITING.saturating_add(KEPT));
        for it in self.missed(&state, task, last) {
            // There is room for all that is kept.
            drop(sender.try_send(it));
        }
        if !state.closed {
            state.readers.push(Reader { name: name.to_owned(), task, sender });
        }
        Ok(receiver)
    }

    fn missed(&self, state: &State, task: Option<i64>, last: Option<&str>) -> Vec<Bytes> {
        let Some(last) = last else { return Vec::new() };
        let seen = last.rsplit_once('-').filter(|it| it.0 == self.epoch);
        let seen = seen.and_then(|it| it.1.parse::<u64>().ok()).filter(|it| *it <= state.count);
        let oldest = state.recent.front().map_or(state.count, |it| it.0.saturating_sub(1));
        match seen.filter(|it| *it >= oldest) {
            Some(seen) => {
                let missed = state.recent.iter().filter(|it| it.0 > seen);
                let mine = missed.filter(|it| task.is_none() || it.1 == task);
                mine.map(|it| it.2.clone()).collect()
            }
            None => {
                let id = format!("{}-{}", self.epoch, state.count);
                vec![Bytes::from(format!("id: {id}\nevent: reset\ndata: {}\n\n", json!({})))]
            }
        }
    }

    /// Nobody listens any more, and nobody can begin to.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        state.readers.clear();
    }

    /// How many listen.
    pub(crate) fn readers(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.readers.iter().filter(|it| !it.sender.is_closed()).count()
    }
}

impl Stream {
    /// Has to be called where there is a timer.
    pub(crate) fn new(receiver: mpsc::Receiver<Bytes>) -> Stream {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Stream { receiver, heartbeat, end: Box::pin(sleep(LONGEST)) }
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(it) = self.receiver.poll_recv(cx) {
            return Poll::Ready(it.map(|it| Ok(Frame::data(it))));
        }
        // The first beat comes at once, so that the reader knows that it is heard.
        self.heartbeat.poll_tick(cx).map(|_| Some(Ok(Frame::data(Bytes::from_static(b":\n\n")))))
    }
}

/// Tells what the center tells, until the server stops.
pub(crate) fn relay(app: &App, mut reader: center::Reader) {
    while !app.stopping() {
        if let Some(it) = reader.next(Duration::from_millis(300)) {
            app.events.tell(&event(it));
        }
    }
}

fn event(received: Received) -> Event {
    let Received::Event(it) = received else {
        // What is shown has to be asked for anew.
        return Event { kind: "reset", task: None, data: json!({}) };
    };
    match &*it {
        center::Event::Task(it) => {
            let (task, view) = (Some(it.id), Task::from((**it).clone()));
            Event { kind: "task", task, data: serde_json::to_value(view).unwrap_or_default() }
        }
        center::Event::Registry(id) => {
            Event { kind: "registry", task: None, data: json!({"registry": id}) }
        }
        center::Event::Advisories(build) => {
            Event { kind: "advisories", task: None, data: json!({"build": build}) }
        }
        center::Event::Notice(it) => {
            let document: Value = serde_json::from_str(&it.document).unwrap_or_default();
            let data = json!({"notice": it.id, "kind": it.kind, "about": document});
            Event { kind: "notice", task: None, data }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(receiver: &mut mpsc::Receiver<Bytes>) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(it) = receiver.try_recv() {
            all.push(String::from_utf8(it.to_vec()).unwrap());
        }
        all
    }

    #[test]
    fn readers_get_all_that_is_theirs_once() {
        let it = Events::new("e".to_owned());
        let tell = |task: i64| {
            it.tell(&Event { kind: "item", task: Some(task), data: json!({"text": "a\nb"}) });
        };
        let mut all = it.listen("jane", None, None).unwrap();
        let mut one = it.listen("jane", Some(2), None).unwrap();
        tell(1);
        tell(2);
        let first = "id: e-1\nevent: item\ndata: {\"text\":\"a\\nb\"}\n\n";
        assert_eq!(told(&mut all), [first, &first.replace("e-1", "e-2")]);
        assert_eq!(told(&mut one), [first.replace("e-1", "e-2")]);
        // A line that broke goes on where it was, for as long as that is known.
        let from = |last: &str| told(&mut it.listen("jane", None, Some(last)).unwrap()).len();
        assert_eq!((from("e-0"), from("e-1"), from("e-2")), (2, 1, 0));
        for lost in ["e-3", "f-1", "e-x", ""] {
            let events = told(&mut it.listen("jane", None, Some(lost)).unwrap());
            assert_eq!(events, ["id: e-2\nevent: reset\ndata: {}\n\n"], "{lost}");
        }
        (0..KEPT).for_each(|_| tell(1));
        assert_eq!(from("e-2"), KEPT);
        assert_eq!(from("e-1"), 1);
    }

    #[test]
    fn slow_and_many_readers_cost_no_more_than_allowed() {
        let it = Events::new("e".to_owned());
        let slow = it.listen("slow", None, None).unwrap();
        for _ in 0..WAITING + KEPT + 1 {
            it.tell(&Event { kind: "item", task: None, data: json!(1) });
        }
        assert_eq!(it.readers(), 0);
        drop(slow);
        let kept: Vec<_> =
            (0..READERS_EACH).map(|_| it.listen("jane", None, None).unwrap()).collect();
        assert_eq!(it.listen("jane", None, None).unwrap_err().code, Code::TooManyRequests);
        assert!(it.listen("joe", None, None).is_ok());
        drop(kept);
        assert!(it.listen("jane", None, None).is_ok());
        it.close();
        let mut late = it.listen("jane", None, None).unwrap();
        assert_eq!(late.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }
}
