//! How things are shown on pages.
use crate::views::{Coverage, ImageState, Level, Time};
use crate::who::Role;
use jiff::Timestamp;

use super::words::Words;

/// The levels that something open can be on.
pub(crate) static LEVELS: [Level; 3] = [Level::High, Level::Medium, Level::Low];

/// A day and a time, as long as it matters.
pub(crate) fn time(at: &Time) -> String {
    Timestamp::from_millisecond(at.0)
        .map(|it| it.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

/// The same of one that may not be there.
pub(crate) fn maybe(at: &Option<Time>, otherwise: &str) -> String {
    at.as_ref().map_or_else(|| otherwise.to_owned(), time)
}

pub(crate) fn level(it: &Level, w: &'static Words) -> &'static str {
    match it {
        Level::High => w.high,
        Level::Medium => w.medium,
        Level::Low => w.low,
        Level::None => w.none,
    }
}

/// The class of a level in the style sheet.
pub(crate) fn class(it: &Level) -> &'static str {
    match it {
        Level::High => "high",
        Level::Medium => "medium",
        Level::Low => "low",
        Level::None => "none",
    }
}

pub(crate) fn coverage(it: &Coverage, w: &'static Words) -> &'static str {
    match it {
        Coverage::Known => w.known,
        Coverage::Partial => w.partial,
        Coverage::Unknown => w.unknown,
    }
}

pub(crate) fn state(it: &ImageState, w: &'static Words) -> &'static str {
    match it {
        ImageState::New => w.never_scanned,
        ImageState::Scanned => w.scanned,
        ImageState::Failed => w.failed,
    }
}

/// Bytes for people.
pub(crate) fn bytes(count: &Option<i64>) -> String {
    let Some(count) = count.and_then(|it| u64::try_from(it).ok()) else { return String::new() };
    let mut value = crate::metrics::float(count);
    for unit in ["B", "KB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{value} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// The beginning of a digest, which tells it from others.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}

/// The class of a coverage in the style sheet.
pub(crate) fn seen(it: &Coverage) -> &'static str {
    match it {
        Coverage::Known => "known",
        Coverage::Partial => "partial",
        Coverage::Unknown => "unknown",
    }
}

/// A share, 0 to 1, for people.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// How many there are of each severity, the worst first.
pub(crate) fn counts(it: &model::fix::Counts) -> String {
    let one = |(level, count): (&model::Level, &usize)| {
        format!("{count} {}", level.to_string().to_lowercase())
    };
    it.iter().rev().map(one).collect::<Vec<_>>().join(", ")
}

/// A number in a field.
pub(crate) fn number<T: ToString>(it: &Option<T>) -> String {
    it.as_ref().map(T::to_string).unwrap_or_default()
}

/// What people call a kind of registry.
pub(crate) fn kind(name: &str) -> &str {
    registry::flavor(name).map_or(name, |it| it.title)
}

/// Whether a registry or an account answers.
pub(crate) fn connection(state: &str, w: &'static Words) -> &'static str {
    match state {
        "connected" => w.connected,
        "failing" => w.failing,
        _ => w.not_asked_yet,
    }
}

/// What people call a role.
pub(crate) fn role(it: &Role, w: &'static Words) -> &'static str {
    match it {
        Role::Viewer => w.viewer,
        Role::Operator => w.operator,
        Role::Admin => w.admin,
    }
}

/// What somebody of a role may do.
pub(crate) fn role_why(it: &Role, w: &'static Words) -> &'static str {
    match it {
        Role::Viewer => w.viewer_why,
        Role::Operator => w.operator_why,
        Role::Admin => w.admin_why,
    }
}
