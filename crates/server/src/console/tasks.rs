//! What is scanned, and how far that is.
use super::{Frame, Html, address::altered, home::following, html, show, words::Words};
use crate::{
    Page as List, Problem,
    call::Call,
    receive::{Input, Query},
    routes::work::{self, WhichItems, WhichTasks},
    views::{Item, Items, Progress, Task},
};
use askama::Template;
use store::{Word, items::State, tasks::Kind};

#[derive(Template)]
#[template(path = "tasks.html")]
struct Tasks {
    frame: Frame,
    list: List<Task>,
    asked: WhichTasks,
    more: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct One {
    frame: Frame,
    it: Task,
    list: List<Item>,
    asked: WhichItems,
    more: String,
    /// The address of the items as a file, but for the format's name at its end.
    file: String,
}

pub(super) fn list(call: &Call, (): ()) -> Result<Html, Problem> {
    let list = work::tasks(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    html(&Tasks { frame: Frame::new(call, "/tasks"), list, asked: Query::take(call)?.0, more })
}

pub(super) fn one(call: &Call, (): ()) -> Result<Html, Problem> {
    let it = work::task(call, ())?.0;
    let list = work::items(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    let query = altered(call, &[("format", "")]);
    let file = format!("/api/v1/tasks/{}/items/export{query}&format=", it.id);
    html(&One {
        frame: Frame::new(call, "/tasks"),
        it,
        list,
        asked: Query::take(call)?.0,
        more,
        file,
    })
}

/// The kinds of tasks, with their names.
fn kinds(w: &'static Words) -> [(&'static str, &'static str); 3] {
    [Kind::Manual, Kind::Change, Kind::Cycle].map(|it| (it.word(), kind(&it, w)))
}

fn kind(it: &Kind, w: &'static Words) -> &'static str {
    match it {
        Kind::Manual => w.task_manual,
        Kind::Change => w.task_change,
        Kind::Cycle => w.cycle,
    }
}

/// The states of items, with their names.
fn states(w: &'static Words) -> Vec<(&'static str, &'static str)> {
    State::WORDS.iter().map(|(_, word)| (*word, state(word, w))).collect()
}

fn state(word: &str, w: &'static Words) -> &'static str {
    match word {
        "queued" => w.waiting,
        "pulling" => w.pulling,
        "analysing" => w.analysing,
        "matching" => w.matching,
        "done" => w.done,
        "failed" => w.failed,
        "cancelled" => w.cancelled,
        _ => w.quota_exhausted,
    }
}

/// How far something is that runs; nothing where nothing is known.
fn so_far(it: &Progress, w: &'static Words) -> String {
    if it.layers_total == 0 {
        return String::new();
    }
    let bytes = |it| show::bytes(&i64::try_from(it).ok());
    let (done, all) = (bytes(it.bytes), bytes(it.bytes_total));
    format!("{done} / {all} · {} / {} {}", it.layers, it.layers_total, w.layers)
}

/// How much of it has ended, in hundredths.
fn share(it: &Items) -> u64 {
    let ended = [it.done, it.failed, it.cancelled, it.quota_exhausted];
    let ended = ended.into_iter().fold(0u64, u64::saturating_add);
    ended.saturating_mul(100).checked_div(it.total).unwrap_or_default()
}
