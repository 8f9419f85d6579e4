//! What is scanned: tasks and quota.
use crate::{
    Code, Page, Problem,
    call::{Call, Failure, NOTHING},
    export::{Cell, Format},
    page::{Part, Place, place, shown},
    receive::{Json, Query},
    reply::{Created, Export, Told},
    views::{Item, LedgerEntry, Named, Quota, Task},
};
use scan::center::{self, Preview, Selection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Cursor, Tx, items, quota, tasks};

/// How many items are changed in one transaction.
const SOME: u32 = 500;

/// Which tasks.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichTasks {
    pub(crate) kind: Option<Named<tasks::Kind>>,
    /// Those that have ended, or those that have not.
    pub(crate) ended: Option<bool>,
    /// Where the part begins: the `next` of the one before.
    pub(crate) cursor: Option<String>,
    /// How many rows, at most 500.
    pub(crate) limit: Option<u32>,
}

/// Which items of a task.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichItems {
    pub(crate) state: Option<Named<items::State>>,
    /// With this in the name of the repository, in the tag, or at the beginning of the digest.
    #[serde(default)]
    pub(crate) text: String,
    /// Where the part begins: the `next` of the one before.
    cursor: Option<String>,
    /// How many rows, at most 500.
    limit: Option<u32>,
    /// For an export: what kind of file.
    format: Option<Format>,
}

/// Which items are to be tried again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// Those that failed, or those for which there was no quota.
    which: Again,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Again {
    Failed,
    QuotaExhausted,
}

/// How many distinct images may be scanned.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authorised {
    /// None: unlimited.
    total: Option<u32>,
}

pub(crate) fn tasks(
    call: &Call,
    Query(asked): Query<WhichTasks>,
) -> Result<Json<Page<Task>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let filter = tasks::Filter { kind: asked.kind.map(|it| it.0), ended: asked.ended };
    let page = call.read(|tx| Ok(tasks::page(tx, &filter, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

/// Says what scanning this would be.
pub(crate) fn preview(call: &Call, Json(asked): Json<Selection>) -> Result<Json<Preview>, Problem> {
    Ok(Json(call.app.center.preview(&asked)?))
}

/// Its items come by and by.
pub(crate) fn start(call: &Call, Json(asked): Json<Selection>) -> Result<Created<Task>, Problem> {
    let person = call.who()?.name.clone();
    let made = call.change(|tx| {
        let id = center::start(tx, &asked, &person, call.now)?;
        let task = one_task(tx, id)?;
        call.audit(tx, &format!("task/{id}"), NOTHING, Some(&asked))?;
        Ok(Created(format!("/api/v1/tasks/{id}"), task))
    })?;
    call.app.center.fill_soon(made.1.id);
    Ok(made)
}

fn one_task(tx: &mut Tx<'_>, id: i64) -> Result<Task, Failure> {
    let it = tasks::one(tx, id)?.ok_or_else(|| Problem::not_found("task"))?;
    Ok(it.into())
}

pub(crate) fn task(call: &Call, (): ()) -> Result<Json<Task>, Problem> {
    let id = call.id("task")?;
    call.read(|tx| Ok(Json(one_task(tx, id)?)))
}

pub(crate) fn items(
    call: &Call,
    Query(asked): Query<WhichItems>,
) -> Result<Json<Page<Item>>, Problem> {
    let (id, Place { cursor, limit }) =
        (call.id("task")?, place(asked.cursor.as_deref(), asked.limit)?);
    let state = asked.state.map(|it| it.0);
    let page = call.read(|tx| {
        one_task(tx, id)?;
        Ok(items::page(tx, id, state, &asked.text, cursor.as_ref(), limit)?)
    })?;
    Ok(Json(shown(page)))
}

pub(crate) fn export_items(
    call: &Call,
    Query(asked): Query<WhichItems>,
) -> Result<Export, Problem> {
    let id = call.id("task")?;
    call.read(|tx| one_task(tx, id))?;
    let (format, state) = (asked.format.unwrap_or(Format::Csv), asked.state.map(|it| it.0));
    let heading = ["Repository", "Tag", "Digest", "State", "Code", "Reason"];
    let row = |it: items::Item| -> Vec<Cell> {
        let state = store::Word::word(it.state);
        let target = it.target;
        vec![
            target.repository.into(),
            target.tag.into(),
            target.digest.into(),
            state.into(),
            it.code.into(),
            it.reason.into(),
        ]
    };
    let more = move |tx: &mut Tx<'_>, cursor: Option<&Cursor>, limit| {
        let page = items::page(tx, id, state, &asked.text, cursor, limit)?;
        Ok((page.items.into_iter().map(row).collect(), page.next))
    };
    Ok(Export::new(call, "task", format, &heading, more))
}

/// Its items follow, some hundreds at a time, so that nobody waits long for the lock; whoever works on one hears
/// of it with the next sign of life. What is left when we go down, the scheduler ends.
pub(crate) fn cancel(call: &Call, (): ()) -> Result<Json<Task>, Problem> {
    let id = call.id("task")?;
    call.write(|tx| {
        one_task(tx, id)?;
        if !tasks::cancel(tx, id, call.now)? {
            return Err(Problem::new(Code::Conflict, "the task has ended").into());
        }
        call.audit(tx, &format!("task/{id}"), NOTHING, NOTHING)
    })?;
    while call.app.store.write(|tx| tasks::cancel_items(tx, id, call.now, SOME))? {}
    task(call, ())
}

pub(crate) fn retry(call: &Call, Json(asked): Json<Retry>) -> Result<Json<Task>, Problem> {
    let id = call.id("task")?;
    call.write(|tx| {
        one_task(tx, id)?;
        call.audit(tx, &format!("task/{id}"), NOTHING, NOTHING)
    })?;
    match asked.which {
        Again::Failed => call.app.center.retry(id)?,
        Again::QuotaExhausted => call.app.center.resume(id)?,
    };
    task(call, ())
}

pub(crate) fn quota(call: &Call, (): ()) -> Result<Json<Quota>, Problem> {
    call.read(|tx| Ok(Json(quota::read(tx)?.into())))
}

pub(crate) fn authorise(
    call: &Call,
    Json(asked): Json<Authorised>,
) -> Result<Json<Quota>, Problem> {
    call.change(|tx| {
        let before: Quota = quota::read(tx)?.into();
        let after: Quota = center::authorise(tx, asked.total, call.now)?.into();
        call.audit(tx, "quota", Some(&before), Some(&after))?;
        Ok(Json(after))
    })
}

pub(crate) fn ledger(
    call: &Call,
    Query(part): Query<Part>,
) -> Result<Json<Page<LedgerEntry>>, Problem> {
    let Place { cursor, limit } = part.place()?;
    let page = call.read(|tx| Ok(quota::ledger(tx, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

pub(crate) fn events(call: &Call, (): ()) -> Result<Told, Problem> {
    listen(call, None)
}

pub(crate) fn task_events(call: &Call, (): ()) -> Result<Told, Problem> {
    let id = call.id("task")?;
    call.read(|tx| one_task(tx, id))?;
    listen(call, Some(id))
}

fn listen(call: &Call, task: Option<i64>) -> Result<Told, Problem> {
    let last = call.header("last-event-id");
    call.app.events.listen(&call.who()?.name, task, last).map(Told::new)
}
