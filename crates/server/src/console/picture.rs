//! Pictures, where people would rather look than read: drawn on the server, each with its words and its numbers. Here is
//! where everything lies; the markup is in `templates/picture`.
//!
//! Colour is never the only sign. Lines differ in their dashes, and bars in how thick they are: the worse, the thicker.
use super::{show, words::Words};
use crate::views::{Age, Coverage, Day, ImageCount, ImageState, Level, Tally};
use askama::Template;
use jiff::civil::{Date, date};

/// How wide and how high a picture is that is stretched to its place.
const ALL: i64 = 1000;

/// How much of [`ALL`] shows at least what is not nothing.
const LEAST: i64 = 8;

/// How numbers went from day to day, by level.
#[derive(Template)]
#[template(path = "picture/course.html")]
pub(super) struct Course {
    w: &'static Words,
    title: &'static str,
    lines: Vec<Line>,
    /// The number at the upper edge.
    top: i64,
    /// The first day and the last.
    days: Option<(String, String)>,
}

/// The line of a level.
struct Line {
    level: Level,
    path: String,
    first: i64,
    last: i64,
}

/// Bars, one below the other, each of the same things.
#[derive(Template)]
#[template(path = "picture/bars.html")]
pub(super) struct Bars {
    title: &'static str,
    rows: Vec<Bar>,
}

/// A bar, and what it says in words.
struct Bar {
    name: String,
    words: String,
    /// Where images of it are listed.
    at: Option<&'static str>,
    pieces: Vec<Piece>,
}

/// A piece of a bar: where it begins, how long it is, and how it looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Piece {
    x: i64,
    width: i64,
    class: &'static str,
}

/// What stands over the lists of risks.
pub(super) struct Pictures {
    pub(super) images: Course,
    pub(super) risks: Course,
    pub(super) ages: Bars,
    pub(super) coverage: Bars,
    /// The numbers of both courses, the last day first.
    pub(super) days: Vec<Day>,
}

impl Pictures {
    pub(super) fn new(
        w: &'static Words,
        days: Vec<Day>,
        (ages, images): (&[Age], &[ImageCount]),
    ) -> Pictures {
        let risks = |it: &Day| sum(sum(it.risks.system, it.risks.application), it.risks.malware);
        Pictures {
            images: Course::new(w, w.course_images, &days, |it| it.images),
            risks: Course::new(w, w.course_risks, &days, risks),
            ages: Bars::ages(w, ages),
            coverage: Bars::coverage(w, images),
            days: days.into_iter().rev().collect(),
        }
    }
}

fn sum(a: Tally, b: Tally) -> Tally {
    Tally {
        high: a.high.saturating_add(b.high),
        medium: a.medium.saturating_add(b.medium),
        low: a.low.saturating_add(b.low),
    }
}

fn of(it: Tally, level: Level) -> i64 {
    match level {
        Level::High => it.high,
        Level::Medium => it.medium,
        Level::Low => it.low,
        Level::None => 0,
    }
}

impl Course {
    fn new(
        w: &'static Words,
        title: &'static str,
        days: &[Day],
        numbers: impl Fn(&Day) -> Tally,
    ) -> Course {
        let points: Vec<(i64, Tally)> =
            days.iter().filter_map(|it| Some((number(&it.day)?, numbers(it)))).collect();
        let all = points.iter().flat_map(|(_, it)| [it.high, it.medium, it.low]);
        let top = all.max().unwrap_or_default().max(1);
        let line = |level| {
            let points: Vec<(i64, i64)> = points.iter().map(|it| (it.0, of(it.1, level))).collect();
            let end = |it: Option<&(i64, i64)>| it.map_or(0, |it| it.1);
            let (first, last) = (end(points.first()), end(points.last()));
            Line { level, path: path(&points, top), first, last }
        };
        let ends = days.first().zip(days.last());
        let days = ends.map(|(first, last)| (first.day.clone(), last.day.clone()));
        Course { w, title, lines: show::LEVELS.into_iter().map(line).collect(), top, days }
    }

    /// Whether there is a past to be shown.
    fn has_past(&self) -> bool {
        self.days.as_ref().is_some_and(|(first, last)| first != last)
    }

    /// What the picture shows, in words.
    fn words(&self) -> String {
        let Some((first, last)) = &self.days else { return self.title.to_owned() };
        let line = |it: &Line| {
            let level = show::level(&it.level, self.w);
            match self.has_past() {
                true => format!("{level} {} → {}", it.first, it.last),
                false => format!("{level} {}", it.last),
            }
        };
        let lines: Vec<String> = self.lines.iter().map(line).collect();
        let days = if self.has_past() { format!("{first} – {last}") } else { last.clone() };
        format!("{}, {days}: {}", self.title, lines.join(", "))
    }
}

/// The number of a day, if it is one.
fn number(day: &str) -> Option<i64> {
    let day: Date = day.parse().ok()?;
    let since = day.since(date(1970, 1, 1)).ok()?;
    Some(since.get_days().into())
}

/// A line through days and numbers, the last at the right edge. It breaks where days are missing; one that stands alone is
/// a dot.
fn path(points: &[(i64, i64)], top: i64) -> String {
    let ends = points.first().zip(points.last());
    let Some((first, last)) = ends.map(|(first, last)| (first.0, last.0)) else {
        return String::new();
    };
    let span = last.saturating_sub(first);
    let place = |day: i64, number: i64| {
        let x = part(day.saturating_sub(first), span, ALL);
        let x = if span == 0 { ALL } else { x };
        format!("{x} {}", ALL.saturating_sub(part(number, top, ALL)))
    };
    let mut path = String::new();
    let mut before = None;
    for (at, (day, number)) in points.iter().enumerate() {
        let goes_on = before.is_some_and(|it: i64| it.saturating_add(1) == *day);
        let next = at.checked_add(1).and_then(|it| points.get(it)).map(|it| it.0);
        let alone = !goes_on && next != Some(day.saturating_add(1));
        path.push_str(if goes_on { "L" } else { "M" });
        path.push_str(&place(*day, *number));
        if alone {
            path.push_str("h0");
        }
        before = Some(*day);
    }
    path
}

/// So much of `whole` as `number` is of `all`.
fn part(number: i64, all: i64, whole: i64) -> i64 {
    let part = i128::from(number).saturating_mul(whole.into()).checked_div(all.into());
    i64::try_from(part.unwrap_or_default()).unwrap_or(whole)
}

/// Pieces of a bar, one after the other, for numbers of which `all` would fill it. What is not nothing shows.
fn pieces(numbers: &[(i64, &'static str)], all: i64) -> Vec<Piece> {
    let mut x = 0i64;
    let mut pieces = Vec::new();
    for (number, class) in numbers.iter().filter(|it| it.0 > 0) {
        let width = part(*number, all, ALL).clamp(LEAST, ALL);
        pieces.push(Piece { x, width, class });
        x = x.saturating_add(width);
    }
    pieces
}

/// Numbers that stand for the levels, the worst first.
fn by_level(it: Tally) -> Vec<(i64, &'static str)> {
    show::LEVELS.iter().map(|level| (of(it, *level), show::class(level))).collect()
}

/// The same in words, for those who cannot tell them by what they look like: `high 1, low 30`.
fn words(it: Tally, w: &'static Words) -> String {
    let some = show::LEVELS.iter().filter(|level| of(it, **level) > 0);
    let all: Vec<String> =
        some.map(|level| format!("{} {}", show::level(level, w), of(it, *level))).collect();
    if all.is_empty() { "0".to_owned() } else { all.join(", ") }
}

impl Bars {
    /// Open risks by how long they have been known.
    fn ages(w: &'static Words, ages: &[Age]) -> Bars {
        let rows = [(Some(7), w.age_week), (Some(30), w.age_month), (Some(90), w.age_quarter)];
        let rows = rows.into_iter().chain([(None, w.age_more)]);
        let tally = |days: Option<u32>| {
            let at = |level| {
                let mine = ages.iter().filter(|it| it.days == days && it.level == level);
                mine.fold(0i64, |sum, it| sum.saturating_add(it.risks))
            };
            Tally { high: at(Level::High), medium: at(Level::Medium), low: at(Level::Low) }
        };
        let rows: Vec<(&str, Tally)> = rows.map(|(days, name)| (name, tally(days))).collect();
        let total = |it: Tally| it.high.saturating_add(it.medium).saturating_add(it.low);
        let most = rows.iter().map(|it| total(it.1)).max().unwrap_or_default();
        let row = |(name, it): &(&str, Tally)| Bar {
            name: (*name).to_owned(),
            words: words(*it, w),
            at: None,
            pieces: pieces(&by_level(*it), most),
        };
        Bars { title: w.ages, rows: rows.iter().map(row).collect() }
    }

    /// How much was seen of the images that were scanned.
    fn coverage(w: &'static Words, images: &[ImageCount]) -> Bars {
        let scanned = || images.iter().filter(|it| it.state == ImageState::Scanned);
        let total = |of: Option<Coverage>| {
            let mine = scanned().filter(|it| of.is_none_or(|of| it.coverage == of));
            mine.fold(0i64, |sum, it| sum.saturating_add(it.images))
        };
        let all = total(None);
        let row = |(grade, at): (Coverage, &'static str)| {
            let number = total(Some(grade));
            // To the nearest whole one.
            let share = part(number.saturating_mul(2), all, 100).saturating_add(1) / 2;
            Bar {
                name: show::coverage(&grade, w).to_owned(),
                words: format!("{number} · {share} %"),
                at: Some(at),
                pieces: pieces(&[(number, show::seen(&grade))], all),
            }
        };
        let grades = [
            (Coverage::Known, "/images?state=scanned&coverage=known"),
            (Coverage::Partial, "/images?state=scanned&coverage=partial"),
            (Coverage::Unknown, "/images?state=scanned&coverage=unknown"),
        ];
        Bars { title: w.coverage_of_scanned, rows: grades.into_iter().map(row).collect() }
    }
}

/// What a step of an image's history brought in.
pub(super) struct Brought {
    pub(super) index: usize,
    pub(super) created_by: String,
    pub(super) digest: String,
    pub(super) bytes: u64,
    pub(super) components: usize,
    pub(super) risks: Tally,
}

/// The layers of an image, the newest on top: the higher one is, the larger it is; beside it, what is open in what it
/// brought in.
#[derive(Template)]
#[template(path = "picture/stack.html")]
pub(super) struct Stack {
    w: &'static Words,
    blocks: Vec<Block>,
    height: i64,
    words: String,
}

struct Block {
    index: usize,
    y: i64,
    height: i64,
    /// Where its number stands, if there is room for it.
    text: Option<i64>,
    title: String,
    risks: Vec<Slab>,
}

/// A piece of the bar beside a layer.
struct Slab {
    piece: Piece,
    y: i64,
    height: i64,
}

impl Brought {
    /// Its size as things are shown.
    pub(super) fn size(&self) -> String {
        show::bytes(&i64::try_from(self.bytes).ok())
    }
}

impl Stack {
    /// Where the bars are, in [`ALL`]s.
    const WIDTH: i64 = 140;

    pub(super) fn new(w: &'static Words, layers: &[Brought]) -> Stack {
        // Few layers have room for their numbers; of many the large ones.
        let least = if layers.len() <= 24 { 15 } else { 5 };
        let sum =
            |of: &dyn Fn(&Brought) -> i64| layers.iter().map(of).fold(0i64, i64::saturating_add);
        let (bytes, most) = (sum(&size), layers.iter().map(open).max().unwrap_or_default());
        let mut y = 0i64;
        let block = |it: &Brought| {
            let height = part(size(it), bytes, 240).saturating_add(least);
            let block = Block::new(w, it, (y, height), most);
            y = y.saturating_add(height).saturating_add(2);
            block
        };
        let blocks = layers.iter().rev().map(block).collect();
        Stack { w, blocks, height: y, words: describe(w, layers, sum(&open)) }
    }
}

impl Block {
    fn new(w: &'static Words, it: &Brought, (y, height): (i64, i64), most: i64) -> Block {
        let middle = y.saturating_add(height / 2);
        let slab = |piece: Piece| {
            let thick = match piece.class {
                "high" => 12,
                "medium" => 8,
                _ => 4,
            };
            let thick = height.min(thick);
            let narrow = |it: i64| part(it, ALL, Stack::WIDTH);
            let piece = Piece { x: narrow(piece.x), width: narrow(piece.width).max(1), ..piece };
            Slab { piece, y: middle.saturating_sub(thick / 2), height: thick }
        };
        let bar = pieces(&by_level(it.risks), most).into_iter().map(slab).collect();
        let title = format!("{}: {}, {}", it.index, it.size(), words(it.risks, w));
        let text = (height >= 12).then(|| middle.saturating_add(4));
        Block { index: it.index, y, height, text, title, risks: bar }
    }
}

fn size(it: &Brought) -> i64 {
    i64::try_from(it.bytes).unwrap_or(i64::MAX)
}

fn open(it: &Brought) -> i64 {
    it.risks.high.saturating_add(it.risks.medium).saturating_add(it.risks.low)
}

/// Which layers stand out, in words.
fn describe(w: &'static Words, layers: &[Brought], all: i64) -> String {
    let largest = layers.iter().max_by_key(|it| (it.bytes, std::cmp::Reverse(it.index)));
    let worst = layers.iter().max_by_key(|it| (open(it), std::cmp::Reverse(it.index)));
    let mut text = format!("{}: {}", w.layers, layers.len());
    if let Some(it) = largest {
        text.push_str(&format!("; {} {} ({})", w.largest, it.index, it.size()));
    }
    if let Some(it) = worst.filter(|_| all > 0) {
        text.push_str(&format!("; {} {} ({})", w.most_risks, it.index, words(it.risks, w)));
    }
    text
}

#[cfg(test)]
mod tests;
