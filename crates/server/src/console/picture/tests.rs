//! What pictures show, held against what they are of.
use super::*;
use crate::console::words::{EN, ZH};
use crate::views::Counts;

fn tally(high: i64, medium: i64, low: i64) -> Tally {
    Tally { high, medium, low }
}

fn day(day: &str, images: Tally) -> Day {
    Day { day: day.to_owned(), images, risks: Counts::default() }
}

/// A course of these days, and for each level its path.
fn course(days: &[(&str, Tally)]) -> (Course, Vec<String>) {
    let days: Vec<Day> = days.iter().map(|it| day(it.0, it.1)).collect();
    let course = Course::new(&EN, EN.course_images, &days, |it| it.images);
    let paths = course.lines.iter().map(|it| it.path.clone()).collect();
    (course, paths)
}

#[test]
fn a_course_goes_from_the_first_day_to_the_last() {
    let check = |days: &[(&str, Tally)], expected: [&str; 3], words: &str| {
        let (course, paths) = course(days);
        assert_eq!(paths, expected, "{words}");
        assert_eq!(course.words(), words);
    };
    check(&[], ["", "", ""], "Images at risk");
    // One day is a dot at the right edge.
    check(
        &[("2026-11-24", tally(0, 2, 4))],
        ["M1000 1000h0", "M1000 500h0", "M1000 0h0"],
        "Images at risk, 2026-11-24: high 0, medium 2, low 4",
    );
    check(
        &[("2026-11-23", tally(1, 0, 0)), ("2026-11-24", tally(2, 0, 1))],
        ["M0 500L1000 0", "M0 1000L1000 1000", "M0 1000L1000 500"],
        "Images at risk, 2026-11-23 – 2026-11-24: high 1 → 2, medium 0 → 0, low 0 → 1",
    );
    // Across the end of a year; a day that is missing leaves a gap, and what stands alone a dot.
    check(
        &[
            ("2026-12-30", tally(0, 0, 5)),
            ("2026-12-31", tally(0, 0, 10)),
            ("2027-01-02", tally(0, 0, 5)),
            ("2027-01-04", tally(0, 0, 0)),
        ],
        [
            "M0 1000L200 1000M600 1000h0M1000 1000h0",
            "M0 1000L200 1000M600 1000h0M1000 1000h0",
            "M0 500L200 0M600 500h0M1000 1000h0",
        ],
        "Images at risk, 2026-12-30 – 2027-01-04: high 0 → 0, medium 0 → 0, low 5 → 0",
    );
    let huge = tally(i64::MAX, 1, 0);
    let (course, paths) = course(&[("2026-11-23", huge), ("2026-11-24", huge), ("no day", huge)]);
    assert_eq!((course.top, paths[1].as_str()), (i64::MAX, "M0 1000L1000 1000"));
}

#[test]
fn a_long_course_stays_small() {
    let first: Date = "2025-10-21".parse().unwrap();
    let at = |n: i64| first.saturating_add(jiff::Span::new().days(n)).to_string();
    let days: Vec<Day> = (0..400).map(|n| day(&at(n), tally(n % 7, n % 90, 100_000 + n))).collect();
    let course = Course::new(&ZH, ZH.course_images, &days, |it| it.images);
    let text = course.render().unwrap();
    assert!(text.len() < 20_000, "{}", text.len());
    assert_eq!(course.lines[0].path.matches('L').count(), 399);
    assert!(text.contains("2025-10-21") && !text.contains(ZH.course_begins));
    assert!(!text.contains("style="), "the policy allows none");
}

#[test]
fn pieces_are_as_long_as_their_numbers_and_always_show() {
    let check = |numbers: [i64; 3], all: i64, expected: &[(i64, i64, &'static str)]| {
        let named: Vec<(i64, &str)> = numbers.into_iter().zip(["high", "medium", "low"]).collect();
        let piece = |it: &(i64, i64, &'static str)| Piece { x: it.0, width: it.1, class: it.2 };
        let expected: Vec<Piece> = expected.iter().map(piece).collect();
        assert_eq!(pieces(&named, all), expected, "{numbers:?} of {all}");
    };
    check([0, 0, 0], 0, &[]);
    check([1, 1, 2], 4, &[(0, 250, "high"), (250, 250, "medium"), (500, 500, "low")]);
    check([0, 0, 3], 3, &[(0, 1000, "low")]);
    check([1, 0, 99_999], 100_000, &[(0, 8, "high"), (8, 999, "low")]);
    check([5, 0, 0], 1, &[(0, 1000, "high")]);
}

#[test]
fn ages_and_coverage_say_their_numbers() {
    let age = |level, days, risks| Age { level, days, risks };
    let ages =
        [age(Level::High, Some(7), 2), age(Level::Low, Some(7), 8), age(Level::Medium, None, 1)];
    let shown = |bars: &Bars| -> Vec<String> {
        bars.rows.iter().map(|it| format!("{}: {}", it.name, it.words)).collect()
    };
    let bars = Bars::ages(&EN, &ages);
    let expected = ["< 7 days: high 2, low 8", "< 30 days: 0", "< 90 days: 0", "longer: medium 1"];
    assert_eq!(shown(&bars), expected);
    assert_eq!(bars.rows[0].pieces.last().map(|it| (it.x, it.width)), Some((200, 800)));

    let count = |state, coverage, images| ImageCount { state, level: Level::Low, coverage, images };
    let images = [
        count(ImageState::Scanned, Coverage::Known, 30),
        count(ImageState::Scanned, Coverage::Unknown, 10),
        // What was never scanned is not unknown, but not looked at.
        count(ImageState::New, Coverage::Unknown, 1000),
    ];
    let bars = Bars::coverage(&EN, &images);
    assert_eq!(shown(&bars), ["known: 30 · 75 %", "partial: 0 · 0 %", "unknown: 10 · 25 %"]);
    assert!(
        bars.render().unwrap().contains("/images?state=scanned&amp;coverage=unknown")
            || bars.render().unwrap().contains("/images?state=scanned&#38;coverage=unknown")
    );
    assert_eq!(shown(&Bars::coverage(&EN, &[]))[0], "known: 0 · 0 %");
}

fn layers(sizes: &[(u64, Tally)]) -> Vec<Brought> {
    let layer = |(index, (bytes, risks)): (usize, &(u64, Tally))| Brought {
        index,
        created_by: "RUN <script>".to_owned(),
        digest: String::new(),
        bytes: *bytes,
        components: 0,
        risks: *risks,
    };
    sizes.iter().enumerate().map(layer).collect()
}

#[test]
fn a_stack_has_the_newest_layer_on_top_and_large_ones_are_high() {
    let all =
        layers(&[(30_000_000, tally(1, 0, 9)), (0, tally(0, 0, 0)), (10_000_000, tally(0, 5, 0))]);
    let stack = Stack::new(&EN, &all);
    let blocks: Vec<_> = stack.blocks.iter().map(|it| (it.index, it.y, it.height)).collect();
    assert_eq!(blocks, [(2, 0, 75), (1, 77, 15), (0, 94, 195)]);
    assert_eq!(stack.height, 291);
    let slab = |it: &Slab| (it.piece.class, it.piece.x, it.piece.width, it.height);
    let bars: Vec<Vec<_>> =
        stack.blocks.iter().map(|it| it.risks.iter().map(slab).collect()).collect();
    // The longest bar is that of the layer with the most.
    assert_eq!(bars[0], [("medium", 0, 70, 8)]);
    assert_eq!(bars[2], [("high", 0, 14, 12), ("low", 14, 126, 4)]);
    assert_eq!(bars[1], []);
    let words = "Layers: 3; the largest is 0 (30.0 MB); most is open in 0 (high 1, low 9)";
    assert_eq!(stack.words, words);
    let text = stack.render().unwrap();
    assert!(text.contains("class=\"block base\"") && text.contains(EN.oldest), "{text}");
}

#[test]
fn a_stack_of_very_few_or_very_many_layers_is_legible() {
    let nothing = Stack::new(&EN, &layers(&[(0, Tally::default())]));
    assert_eq!((nothing.height, nothing.blocks[0].text), (17, Some(11)));
    assert_eq!(nothing.words, "Layers: 1; the largest is 0 (0 B)");
    assert_eq!(Stack::new(&EN, &[]).words, "Layers: 0");
    let many = vec![(1_000, Tally::default()); 126];
    let many = Stack::new(&EN, &layers(&[&[(u64::MAX, tally(0, 0, 1))][..], &many[..]].concat()));
    assert_eq!(many.blocks.iter().filter(|it| it.text.is_some()).count(), 1);
    assert!(many.height < 1300, "{}", many.height);
    assert!(many.blocks.iter().all(|it| it.height >= 5));
}
