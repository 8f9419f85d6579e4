//! The part of the table that says what to do first.
use crate::table::{Paint, clean};
use model::{
    fix::{Action, Counts},
    report::ImageReport,
};
use std::fmt::Write;

/// How many actions are shown; JSON has all of them.
const SHOWN: usize = 3;

/// The actions that remove the worst; nothing when there is nothing to do.
pub(crate) fn show(image: &ImageReport, paint: Paint) -> String {
    let plan = &image.fix_plan;
    let all = plan.actions.len();
    if all == 0 {
        return String::new();
    }
    let more = if all > SHOWN { format!(" ({SHOWN} of {all} actions)") } else { String::new() };
    let mut text = format!("{}{more}\n", paint.bold("What to do first"));
    for it in plan.actions.iter().take(SHOWN) {
        text += &action(it, paint);
    }
    for it in plan.at_once.iter().filter(|it| it.actions > 1) {
        let place = if it.place.is_empty() { String::new() } else { format!(" in {}", it.place) };
        let what = if it.actions == all { "all".to_owned() } else { it.actions.to_string() };
        let _ = writeln!(text, "  {what} at once{}: {}", clean(&place), it.command);
    }
    for it in plan.ways.iter().filter(|_| plan.ways.len() > 1) {
        let s = if it.actions == 1 { "" } else { "s" };
        let removes = findings(&it.removes);
        let _ = writeln!(text, "  {}: {} action{s}, for {removes}", it.way.words(), it.actions);
    }
    if !plan.in_base.is_empty() && !image.layers.is_empty() {
        let came = findings(&plan.in_base);
        let _ = writeln!(text, "  or build on a newer base image: {came} came with layer 0");
    }
    text + "\n"
}

fn action(it: &Action, paint: Paint) -> String {
    let to = it.steps.iter().map(|it| it.target.as_str()).max_by_key(|it| it.len());
    let one = it.steps.iter().all(|step| Some(step.target.as_str()) == to);
    let to = to.filter(|_| one).map_or(String::new(), |to| format!(" to {to}"));
    let place = if it.place.is_empty() { String::new() } else { format!(" in {}", it.place) };
    let mut notes = vec![format!("removes {}", findings(&it.removes))];
    notes.extend((it.same_major == Some(false)).then(|| "another major version".to_owned()));
    notes.extend(it.subscription.as_ref().map(|it| format!("needs {it}")));
    let what = paint.bold(&clean(&it.what));
    let mut text =
        format!("  {what}{}: {}\n", clean(&format!("{to}{place}")), clean(&notes.join(", ")));
    for it in &it.commands {
        let _ = writeln!(text, "    {}", clean(it));
    }
    if let Some(it) = &it.by_hand {
        let _ = writeln!(text, "    {it}");
    }
    text
}

/// `3 findings (2 high, 1 low)`.
pub(crate) fn findings(of: &Counts) -> String {
    let sum: usize = of.values().sum();
    let s = if sum == 1 { "" } else { "s" };
    format!("{sum} finding{s} ({})", counts(of))
}

/// `2 high, 1 low`.
pub(crate) fn counts(counts: &Counts) -> String {
    let counts: Vec<_> = counts.iter().rev().map(|(level, n)| format!("{n} {level}")).collect();
    counts.join(", ")
}
