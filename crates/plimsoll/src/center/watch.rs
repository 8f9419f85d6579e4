//! What happens at a center, as it happens: server-sent events (HTML Living Standard, 9.2), and the end of a task.
use super::{
    Asked,
    node::Node,
    show::{Failure, brief, room},
    unreadable,
};
use crate::table::clean;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use net::{Body, Method};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, IsTerminal, Read, Write, stderr},
    process::ExitCode,
    thread,
    time::Duration,
};

/// No event of ours is as long.
const MOST_BYTES: u64 = 16 << 20;

/// How often a task is looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// Something that happened.
#[derive(Default)]
struct Event {
    id: Option<String>,
    kind: String,
    data: String,
}

impl Asked<'_> {
    /// Tells what happens until the line is cut; that of one thing, until it has ended.
    pub(super) fn watch(&self, target: &str) -> Result<ExitCode, Failure> {
        let thing = target.strip_suffix("/events").filter(|_| self.operation.path.contains('{'));
        let mut last: Option<String> = None;
        loop {
            let seen: Vec<_> = last.iter().map(|it| ("last-event-id", it.clone())).collect();
            let response = self.link.ask(Method::Get, target, None, &seen)?;
            let mut lines = BufReader::new(response.body);
            // Streams end now and then, so that nobody holds them for ever; then it goes on where it was.
            while let Some(mut it) = next(&mut lines) {
                if it.data.is_empty() {
                    // What ended before we listened, or too soon for anybody to see it go on, is told of nowhere.
                    let now = thing.map(|it| self.link.read(it)).transpose()?;
                    let Some((content, _)) = now else { continue };
                    if !ended(&serde_json::from_slice(&content).map_err(|err| unreadable(&err))?) {
                        continue;
                    }
                    it.kind = self.operation.name.trim_start_matches("watch-").to_owned();
                    it.data = String::from_utf8_lossy(&content).into_owned();
                }
                let node = self.tell(&it)?;
                last = it.id.or(last);
                if thing.is_some() && ended(&node) {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            thread::sleep(PAUSE);
        }
    }

    fn tell(&self, event: &Event) -> Result<Node, Failure> {
        let mut output = std::io::stdout().lock();
        let node: Node = serde_json::from_str(&event.data).map_err(|err| unreadable(&err))?;
        if self.is_json() {
            let data: Value = serde_json::from_str(&event.data).map_err(|err| unreadable(&err))?;
            writeln!(output, "{}", json!({"event": event.kind, "data": data}))?;
        } else {
            writeln!(output, "{}  {}", clean(&event.kind), members(&node))?;
        }
        output.flush()?;
        Ok(node)
    }

    /// The task that was started, once it has ended.
    pub(super) fn wait(&self, started: &[u8]) -> Result<Vec<u8>, Failure> {
        let started: Node = serde_json::from_slice(started).map_err(|err| unreadable(&err))?;
        let reading = self.table.named("read-task").map_or("", |it| it.path.as_str());
        let id = started.get("id").map(brief).unwrap_or_default();
        let target = reading.replace("{id}", &id);
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if stderr().is_terminal() && room().is_some() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        loop {
            let (content, _) = self.link.read(&target)?;
            let node: Node = serde_json::from_slice(&content).map_err(|err| unreadable(&err))?;
            if ended(&node) {
                bar.finish_and_clear();
                say(&id, &node);
                return Ok(content);
            }
            let items = node.get("items").map(members).unwrap_or_default();
            bar.set_message(format!("task {id}: {items}"));
            thread::sleep(PAUSE);
        }
    }
}

fn ended(node: &Node) -> bool {
    node.get("ended_at").is_some_and(|it| !it.is_empty())
}

/// What a task that has ended came to, where that may not be what was meant.
fn say(id: &str, task: &Node) {
    if went_wrong(task) {
        eprintln!("plimsoll: not all were scanned: `plimsoll center list-items {id}` says why");
    } else if task.get("items").and_then(|it| it.get("total")).is_some_and(|it| brief(it) == "0") {
        eprintln!(
            "plimsoll: no image was meant: `plimsoll center list-registries` says what is known"
        );
    }
}

/// Whether a task has items that were not scanned.
pub(super) fn went_wrong(task: &Node) -> bool {
    let count = |name: &str| task.get("items").and_then(|it| it.get(name)).map(brief);
    count("total") != count("done")
}

/// Numbers and words of an object, each with its name.
fn members(node: &Node) -> String {
    let Node::Object(all) = node else { return brief(node) };
    let all = all.iter().map(|(name, it)| (name.replace('_', " "), brief(it)));
    let all = all.filter(|it| !["", "0"].contains(&it.1.as_str()));
    all.map(|(name, it)| format!("{name} {it}")).collect::<Vec<_>>().join(", ")
}

/// The next event, one without data for a sign of life; none: the stream has ended, or broke off.
fn next(lines: &mut BufReader<Body>) -> Option<Event> {
    let mut event = Event::default();
    loop {
        let mut line = String::new();
        if lines.by_ref().take(MOST_BYTES).read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end_matches(['\r', '\n']);
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            _ if line.is_empty() && !event.data.is_empty() => return Some(event),
            "" if !line.is_empty() => return Some(Event::default()),
            "id" => event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut event.kind),
            "data" => event.data.push_str(value),
            _ => {}
        }
    }
}
