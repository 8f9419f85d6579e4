//! What is scanned, and how far that is.
use super::{Frame, Html, home::following, html, show};
use crate::{
    Page as List, Problem,
    call::Call,
    receive::{Input, Query},
    routes::work,
    views::{Item, Items, Task},
};
use askama::Template;
use store::Word;

#[derive(Template)]
#[template(path = "tasks.html")]
struct Tasks {
    frame: Frame,
    list: List<Task>,
    more: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct One {
    frame: Frame,
    it: Task,
    list: List<Item>,
    more: String,
}

pub(super) fn list(call: &Call, (): ()) -> Result<Html, Problem> {
    let list = work::tasks(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    html(&Tasks { frame: Frame::new(call, "/tasks"), list, more })
}

pub(super) fn one(call: &Call, (): ()) -> Result<Html, Problem> {
    let it = work::task(call, ())?.0;
    let list = work::items(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    html(&One { frame: Frame::new(call, "/tasks"), it, list, more })
}

/// How much of it has ended, in hundredths.
fn share(it: &Items) -> u64 {
    let ended = [it.done, it.failed, it.cancelled, it.quota_exhausted];
    let ended = ended.into_iter().fold(0u64, u64::saturating_add);
    ended.saturating_mul(100).checked_div(it.total).unwrap_or_default()
}
