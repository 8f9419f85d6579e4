//! How things are shown on pages.
use crate::{
    routes::timeline::FIRST,
    views::{
        Category, Coverage, ExceptionKind, Happened, Image, ImageState, Level, Named, Place, Risk,
        RiskState, Time, TimelineEvent,
    },
    who::Role,
};
use jiff::Timestamp;
use serde_json::json;
use std::borrow::Cow;
use store::Word;

use super::words::Words;

pub(crate) use super::{
    sample::{
        examined, file_size, hash, hidden, is_file, meaning, owner, said_by, sample_level,
        signatures, threat,
    },
    translate::{sentence, sentences},
};

/// The levels that something open can be on.
pub(crate) static LEVELS: [Level; 3] = [Level::High, Level::Medium, Level::Low];

/// A day and a time, as long as it matters.
pub(crate) fn time(at: &Time) -> String {
    Timestamp::from_millisecond(at.0)
        .map(|it| it.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

/// The day alone.
pub(crate) fn day(at: &Time) -> String {
    time(at).split(' ').next().unwrap_or_default().to_owned()
}

/// The time of a day alone.
pub(crate) fn clock(at: &Time) -> String {
    time(at).split(' ').nth(1).unwrap_or_default().to_owned()
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

/// What is to be thought of an image: the class in the style sheet, and the word. Where nothing was found because little
/// was seen, that is not known.
pub(crate) fn verdict(it: &Image, w: &'static Words) -> (&'static str, &'static str) {
    match (it.state, it.level, it.coverage) {
        (ImageState::New | ImageState::Failed, ..) => ("", state(&it.state, w)),
        (_, Level::None, Coverage::Unknown) => ("unknown", w.unknown),
        (_, Level::None, Coverage::Partial) => ("", w.none),
        _ => (class(&it.level), level(&it.level, w)),
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

/// The first of some names, as many as fit into a row; and how many more there are.
pub(crate) fn few(names: &[String]) -> (&[String], usize) {
    let (some, rest) = names.split_at(names.len().min(4));
    (some, rest.len())
}

/// A line of a list: what advisories write there can be very long.
pub(crate) fn line(text: &str) -> String {
    const LONGEST: usize = 180;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether there is more to say of where an image is than its first place and some tags.
pub(crate) fn are_many(places: &[Place]) -> bool {
    let much = |it: &Place| few(&it.tags).1 > 0 || it.removed_at.is_some();
    places.len() > 1 || places.iter().any(much)
}

/// Whether this word was asked for.
pub(crate) fn is_word<T: Word>(asked: &Option<Named<T>>, word: &str) -> bool {
    asked.as_ref().is_some_and(|it| it.0.word() == word)
}

/// What the API is asked when one image is to be looked at anew.
pub(crate) fn scan_of(digest: &str) -> String {
    json!({"digests": [digest], "again": true}).to_string()
}

/// What an exception is.
pub(crate) fn kind(it: &ExceptionKind, w: &'static Words) -> &'static str {
    match it {
        ExceptionKind::Accepted => w.accepted,
        ExceptionKind::FalsePositive => w.false_positive,
        ExceptionKind::IgnoredOnce => w.ignored_once,
        ExceptionKind::Fixed => w.mended,
    }
}

/// The reason of a failure beside its code, which some begin with.
pub(crate) fn reason<'a>(code: &str, reason: &'a str, w: &'static Words) -> Cow<'a, str> {
    match sentence(reason, w) {
        Cow::Borrowed(it) => {
            let rest = it.strip_prefix(code).and_then(|it| it.strip_prefix(": "));
            Cow::Borrowed(rest.unwrap_or(it))
        }
        translated => translated,
    }
}

/// A sentence after names of what it is about, with colons in between.
pub(crate) fn after_names(text: &str, w: &'static Words) -> String {
    let parts = text.match_indices(": ").map(|it| it.0);
    let known = parts.filter_map(|at| text.split_at_checked(at.saturating_add(2)));
    let found = known.map(|(names, it)| (names, sentence(it, w)));
    let mut found = found.filter(|it| matches!(it.1, Cow::Owned(_)));
    found.next().map_or_else(|| text.to_owned(), |(names, it)| format!("{names}{it}"))
}

/// The kinds of exceptions: as the API calls them, their names, and what they mean.
pub(crate) fn kinds(w: &'static Words) -> [(&'static str, &'static str, &'static str); 4] {
    [
        ("accepted", w.accepted, w.accepted_is),
        ("false-positive", w.false_positive, w.false_positive_is),
        ("ignored-once", w.ignored_once, w.ignored_once_is),
        ("fixed", w.mended, w.mended_is),
    ]
}

/// Why there is no version that mends a finding.
pub(crate) fn unfixed(status: &str, w: &'static Words) -> &'static str {
    match status {
        "deferred" => w.fix_deferred,
        "will-not-fix" => w.will_not_fix,
        "under-investigation" => w.investigated,
        "end-of-life" => w.end_of_life,
        _ => w.no_fix,
    }
}

/// What has been done about a vulnerability, as the API calls it.
pub(crate) fn status(it: &model::Status) -> &'static str {
    match it {
        model::Status::Deferred => "deferred",
        model::Status::WillNotFix => "will-not-fix",
        model::Status::UnderInvestigation => "under-investigation",
        model::Status::EndOfLife => "end-of-life",
        _ => "affected",
    }
}

/// What to do when scans fail for such a reason; for others there is nothing that always helps.
pub(crate) fn advice(code: &str, w: &'static Words) -> Option<&'static str> {
    Some(match code {
        "blocked-by-policy" => w.advice_policy,
        "certificate" => w.advice_certificate,
        "database" => w.advice_database,
        "database-full" => w.advice_full,
        "gone" => w.advice_gone,
        "not-allowed" => w.advice_rights,
        "rate-limited" => w.advice_rate,
        "settings" => w.advice_settings,
        "unreachable" => w.advice_unreachable,
        _ => return None,
    })
}

/// Why something happened to an image; what people said stays as they said it.
pub(crate) fn why<'a>(it: &'a TimelineEvent, w: &'static Words) -> Cow<'a, str> {
    Cow::Borrowed(match it.what {
        Happened::Scanned if it.why == FIRST => w.scanned_first,
        Happened::Scanned => w.scanned_again,
        Happened::Appeared => w.named_now,
        Happened::Gone => w.named_no_more,
        Happened::Failed => return sentence(&it.why, w),
        Happened::Handled => &it.why,
    })
}

pub(crate) fn happened(it: &Happened, w: &'static Words) -> &'static str {
    match it {
        Happened::Scanned => w.happened_scanned,
        Happened::Failed => w.happened_failed,
        Happened::Appeared => w.happened_appeared,
        Happened::Gone => w.happened_gone,
        Happened::Handled => w.happened_handled,
    }
}

/// What has become of a risk, when no image has it open.
pub(crate) fn fate(it: &Risk, w: &'static Words) -> &'static str {
    match (it.gone_at, it.components) {
        (None, _) => w.open,
        (Some(_), 0) => w.gone,
        (Some(_), _) => w.handled,
    }
}

/// The states of risks that a list can be asked for, as the query calls them.
pub(crate) fn states(w: &'static Words) -> [(RiskState, &'static str, &'static str); 4] {
    [
        (RiskState::Open, "open", w.open),
        (RiskState::Handled, "handled", w.handled),
        (RiskState::Gone, "gone", w.gone),
        (RiskState::Any, "any", w.any),
    ]
}

/// What risks of a category are called.
pub(crate) fn category(it: Category, w: &'static Words) -> &'static str {
    match it {
        Category::System => w.system,
        Category::Application => w.application,
        Category::Malware => w.malware,
    }
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
pub(crate) fn counts(it: &model::fix::Counts, w: &'static Words) -> String {
    let one = |(level, count): (&model::Level, &usize)| {
        format!("{count} {}", sentence(&level.to_string(), w))
    };
    it.iter().rev().map(one).collect::<Vec<_>>().join(w.comma)
}

/// The names of what an action is about.
pub(crate) fn subject<'a>(names: &'a str, w: &'static Words) -> Cow<'a, str> {
    match names.rsplit_once(" and ") {
        Some((some, rest)) => Cow::Owned(format!("{some}{}{}", w.and, sentence(rest, w))),
        None => Cow::Borrowed(names),
    }
}

/// A number in a field.
pub(crate) fn number<T: ToString>(it: &Option<T>) -> String {
    it.as_ref().map(T::to_string).unwrap_or_default()
}

/// What people call a kind of registry.
pub(crate) fn flavor<'a>(name: &'a str, w: &'static Words) -> Cow<'a, str> {
    registry::flavor(name).map_or(Cow::Borrowed(name), |it| sentence(it.title, w))
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
