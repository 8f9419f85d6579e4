//! What is scanned by itself, and when: the settings that people choose, as JSON documents.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the document in the store.
pub const NAME: &str = "scan";

/// All that is chosen. Nothing is scanned by itself until somebody chooses so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How often everything in scope is scanned again.
    pub cycle: Cycle,
    /// What is protected.
    pub scope: Scope,
    /// Whether an image in scope is scanned when it changes.
    pub on_change: bool,
}

/// How often everything in scope is scanned again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cycle {
    /// Never.
    #[default]
    Stop,
    /// Every three days.
    ThreeDays,
    /// Every week.
    Week,
    /// Every two weeks.
    TwoWeeks,
    /// Every so many hours.
    Custom {
        /// One hour to a year.
        hours: u32,
        /// The time of day at which scans may start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
    },
}

/// A time of day, which may go past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When it begins: minutes since midnight.
    pub from_minute: u16,
    /// When it is over.
    pub to_minute: u16,
    /// How far the clock by which that is meant is ahead of UTC, in minutes.
    pub offset_minutes: i16,
}

/// What is protected.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Which repositories are, the general before the particular: the last rule that is about one decides, and
    /// without any it is not.
    pub rules: Vec<Rule>,
    /// Whether repositories that are added later can be.
    pub later: bool,
    /// The highest identifier of a repository when this was chosen; those above it are later.
    pub known: i64,
    /// Which tags of them: `*` stands for any characters, `?` for one.
    pub tags: String,
    /// How many tags of each, the newest first; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<u32>,
    /// Only images that were pushed in so many last days, or of which nobody knows when they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// Whether some repositories are in scope.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Whether they are.
    pub include: bool,
    /// In this registry; none: in any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<i64>,
    /// Whose name is this: `*` stands for any characters, also for slashes, `?` for one.
    pub repository: String,
}

/// A tag, as far as the scope asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// When what it points to was pushed, in milliseconds since 1970, if anybody knows.
    pub pushed_at: Option<i64>,
}

impl Default for Scope {
    fn default() -> Scope {
        let all = Rule { include: true, registry: None, repository: "*".to_owned() };
        let tags = "*".to_owned();
        Scope { rules: vec![all], later: true, known: 0, tags, newest: None, days: None }
    }
}

impl Settings {
    /// What is wrong with them, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if let Cycle::Custom { hours, window } = self.cycle {
            if !(1..=8760).contains(&hours) {
                return Err(format!("cycle.hours is {hours}; it has to be 1 to 8760"));
            }
            window.map_or(Ok(()), Window::check)?;
        }
        let Scope { rules, tags, newest, days, .. } = &self.scope;
        if tags.is_empty() || rules.iter().any(|it| it.repository.is_empty()) {
            return Err("a pattern in scope is empty; * stands for all".to_owned());
        }
        if *newest == Some(0) || *days == Some(0) {
            return Err("scope.newest and scope.days have to be 1 or more, or absent".to_owned());
        }
        Ok(())
    }
}

impl Window {
    fn check(self) -> Result<(), String> {
        let Window { from_minute, to_minute, offset_minutes } = self;
        if from_minute >= 1440 || to_minute >= 1440 || from_minute == to_minute {
            return Err("cycle.window has to begin and end at two minutes of 0 to 1439".to_owned());
        }
        if !(-840..=840).contains(&offset_minutes) {
            return Err("cycle.window.offset_minutes has to be -840 to 840".to_owned());
        }
        Ok(())
    }
}

impl Scope {
    /// Whether a repository is protected.
    pub fn has(&self, registry: i64, repository: i64, name: &str) -> bool {
        let about =
            |it: &&Rule| it.registry.is_none_or(|it| it == registry) && like(&it.repository, name);
        (self.later || repository <= self.known)
            && self.rules.iter().rfind(about).is_some_and(|it| it.include)
    }

    /// Which tags of a protected repository are, the newest first.
    pub fn tags(&self, mut tags: Vec<Tag>, now: i64) -> Vec<Tag> {
        let days = self.days.map(|it| i64::from(it).saturating_mul(86_400_000));
        let since = days.map_or(i64::MIN, |it| now.saturating_sub(it));
        tags.retain(|it| like(&self.tags, &it.name) && it.pushed_at.is_none_or(|at| at >= since));
        tags.sort_by(|a, b| (b.pushed_at, &b.name).cmp(&(a.pushed_at, &a.name)));
        let newest = self.newest.and_then(|it| usize::try_from(it).ok());
        tags.truncate(newest.unwrap_or(usize::MAX));
        tags
    }
}

/// Whether a text has the form of a pattern, in time that grows with the product of both.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Which beginnings of the text the pattern so far is like.
    let mut reached = vec![false; text.len().saturating_add(1)];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for wanted in pattern.chars() {
        let mut so_far = false;
        let mut before = false;
        for (at, here) in reached.iter_mut().enumerate() {
            let was = *here;
            let last = at.checked_sub(1).and_then(|it| text.get(it));
            *here = if wanted == '*' {
                so_far |= was;
                so_far
            } else {
                before && last.is_some_and(|it| wanted == '?' || *it == wanted)
            };
            before = was;
        }
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_like_texts() {
        let check = |pattern: &str, yes: &[&str], no: &[&str]| {
            yes.iter().for_each(|it| assert!(like(pattern, it), "{pattern} is like {it}"));
            no.iter().for_each(|it| assert!(!like(pattern, it), "{pattern} is not like {it}"));
        };
        check("*", &["", "a", "a/b", "ü"], &[]);
        check("a", &["a"], &["", "b", "aa"]);
        check("a?c", &["abc", "aüc", "a?c"], &["ac", "abbc"]);
        check("team/*", &["team/", "team/a", "team/a/b"], &["team", "steam/a"]);
        check("*-rc*", &["1-rc", "1-rc2", "-rc-rc"], &["1rc", "rc"]);
        check("a*b*c", &["abc", "aXbYc", "abcbc"], &["ab", "acb", "abcd"]);
        check("**", &["", "x"], &[]);
        check(&"*a".repeat(200), &[&"a".repeat(5000)], &[&"a".repeat(199), &"b".repeat(5000)]);
    }

    #[test]
    fn the_last_rule_that_is_about_a_repository_decides() {
        let rule = |text: &str| {
            let (sign, text) = text.split_at(1);
            let (registry, name) = text.split_once(':').unwrap();
            let registry = registry.parse().ok();
            Rule { include: sign == "+", registry, repository: name.to_owned() }
        };
        let check = |rules: &str, expected: &str| {
            let rules = rules.split_whitespace().map(rule).collect();
            let scope = Scope { rules, ..Scope::default() };
            let all = [(1, "a/x"), (1, "a/y"), (1, "b/x"), (2, "a/x")];
            let in_scope = all.iter().filter(|(registry, name)| scope.has(*registry, 1, name));
            let names: Vec<String> = in_scope.map(|it| format!("{}:{}", it.0, it.1)).collect();
            assert_eq!(names.join(" "), expected);
        };
        check("+:*", "1:a/x 1:a/y 1:b/x 2:a/x");
        check("", "");
        check("-:*", "");
        check("+1:*", "1:a/x 1:a/y 1:b/x");
        check("+1:* -1:a/* +1:a/y", "1:a/y 1:b/x");
        check("+:*/x -2:*", "1:a/x 1:b/x");
    }

    #[test]
    fn repositories_added_later_can_be_left_out() {
        let scope = Scope { later: false, known: 7, ..Scope::default() };
        assert!(scope.has(1, 7, "a") && !scope.has(1, 8, "b"));
        assert!(Scope::default().has(1, 8, "b"));
    }

    #[test]
    fn the_newest_tags_of_some_days_are_in_scope() {
        const DAY: i64 = 86_400_000;
        let now = 100 * DAY;
        let tags = |text: &str| -> Vec<Tag> {
            let tag = |it: &str| {
                let (name, days) = it.split_once('@').unwrap();
                let days: Option<i64> = days.parse().ok();
                Tag { name: name.to_owned(), pushed_at: days.map(|it| now - it * DAY) }
            };
            text.split_whitespace().map(tag).collect()
        };
        let check = |pattern: &str, newest, days, expected: &str| {
            let scope = Scope { tags: pattern.to_owned(), newest, days, ..Scope::default() };
            let given = tags("1.0@30 1.1@20 1.2-rc@5 latest@10 old@-");
            let names: Vec<String> = scope.tags(given, now).into_iter().map(|it| it.name).collect();
            assert_eq!(names.join(" "), expected);
        };
        check("*", None, None, "1.2-rc latest 1.1 1.0 old");
        check("1.*", None, None, "1.2-rc 1.1 1.0");
        check("*", Some(2), None, "1.2-rc latest");
        check("1.?", Some(1), None, "1.1");
        check("*", None, Some(20), "1.2-rc latest 1.1 old");
        check("*", Some(9), Some(1), "old");
    }

    #[test]
    fn settings_are_read_or_refused() {
        let read = |text: &str| -> Result<Settings, String> {
            let it: Settings = serde_json::from_str(text).map_err(|it| it.to_string())?;
            it.check().map(|()| it)
        };
        assert_eq!(read("{}"), Ok(Settings::default()));
        let all = r#"{"cycle": {"kind": "custom", "hours": 72,
            "window": {"from_minute": 1320, "to_minute": 240, "offset_minutes": 480}},
            "scope": {"rules": [{"include": true, "registry": 3, "repository": "a/*"}],
            "later": false, "known": 9, "tags": "v*", "newest": 5, "days": 30}, "on_change": true}"#;
        let settings = read(all).unwrap();
        assert_eq!(read(&serde_json::to_string(&settings).unwrap()), Ok(settings));
        for (wrong, why) in [
            (r#"{"cycel": 1}"#, "cycel"),
            (r#"{"cycle": {"kind": "daily"}}"#, "daily"),
            (r#"{"cycle": {"kind": "custom", "hours": 0}}"#, "1 to 8760"),
            (r#"{"cycle": {"kind": "custom", "hours": 9000}}"#, "1 to 8760"),
            (r#"{"scope": {"tags": ""}}"#, "empty"),
            (r#"{"scope": {"rules": [{"include": true, "repository": ""}]}}"#, "empty"),
            (r#"{"scope": {"newest": 0}}"#, "1 or more"),
            (r#"{"scope": {"days": 0}}"#, "1 or more"),
        ] {
            let err = read(wrong).unwrap_err();
            assert!(err.contains(why), "{wrong}: {err}");
        }
        for (from, to, offset) in
            [(1440, 0, 0), (0, 1440, 0), (60, 60, 0), (0, 1, 841), (0, 1, -841)]
        {
            let window = Window { from_minute: from, to_minute: to, offset_minutes: offset };
            assert!(window.check().is_err(), "{window:?}");
        }
    }
}
