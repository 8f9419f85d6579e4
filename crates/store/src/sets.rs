//! SQL that is put together from filters.
use crate::Value;

/// Values of a question, each of which gets its number as it is put in.
#[derive(Default)]
pub(crate) struct Values(pub(crate) Vec<Value>);

impl Values {
    /// `$3`.
    pub(crate) fn put(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }

    /// `$3, $4`; filled up with the last to a power of two, so that statements are few.
    pub(crate) fn list<T: Clone + Into<Value>>(&mut self, values: &[T]) -> String {
        let filled = values.iter().chain(values.last().into_iter().cycle());
        let filled = filled.take(values.len().next_power_of_two()).cloned();
        let names: Vec<String> = filled.map(|it| self.put(it)).collect();
        names.join(", ")
    }
}

/// A set of images, as questions after them. An image is in it when it is in one of the answers.
pub(crate) struct Set(pub(crate) Vec<Alternative>);

/// `SELECT image FROM from WHERE condition`.
pub(crate) struct Alternative {
    /// The column that is the image.
    pub(crate) image: &'static str,
    /// Tables and their joins.
    pub(crate) from: &'static str,
    /// What holds for their rows.
    pub(crate) condition: String,
}

impl Set {
    /// The images, in no order, and some several times: who wants each once would have to wait for all.
    pub(crate) fn select(&self) -> String {
        let one = |it: &Alternative| {
            format!("SELECT {} FROM {} WHERE {}", it.image, it.from, it.condition)
        };
        let all: Vec<String> = self.0.iter().map(one).collect();
        all.join(" UNION ALL ")
    }

    /// That the image `i` is in it, by finding all of it at once.
    pub(crate) fn holds(&self) -> String {
        // Apart from the rest, lest PostgreSQL ask for each image after all.
        format!("i.id IN (WITH s (id) AS MATERIALIZED ({}) SELECT id FROM s)", self.select())
    }

    /// That the image `i` is in it.
    pub(crate) fn has(&self) -> String {
        let one = |it: &Alternative| {
            format!(
                "EXISTS (SELECT 1 FROM {} WHERE {} = i.id AND {})",
                it.from, it.image, it.condition
            )
        };
        let all: Vec<String> = self.0.iter().map(one).collect();
        format!("({})", all.join(" OR "))
    }
}

/// A pattern that finds a text anywhere, in either case; to be followed by [`ESCAPE`].
pub(crate) fn anywhere(text: &str) -> String {
    format!("%{}%", escaped(text))
}

/// The same, at the beginning only.
pub(crate) fn beginning(text: &str) -> String {
    format!("{}%", escaped(text))
}

/// What follows a pattern.
pub(crate) const ESCAPE: &str = "ESCAPE '\\'";

fn escaped(text: &str) -> String {
    // Both engines know letters of ASCII alone as lower and upper here.
    text.to_ascii_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
