//! Closed sets of words, as columns and documents have them.
use crate::{Error, Result, Row, Value};

/// One of a few words.
pub trait Word: Copy + PartialEq + 'static {
    /// All of them, as they are stored.
    const WORDS: &'static [(Self, &'static str)];

    /// How this one is written.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|it| it.0 == self).map_or("", |it| it.1)
    }

    /// The one that is written so.
    fn from_word(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|it| it.1 == text).map(|it| it.0)
    }
}

impl<T: Word> From<T> for Value {
    fn from(it: T) -> Value {
        it.word().into()
    }
}

impl Row {
    /// One of a few words.
    pub fn word<T: Word>(&self, at: usize) -> Result<T> {
        let text = self.text(at)?;
        T::from_word(&text)
            .ok_or_else(|| Error::Unexpected(format!("column {at} has the unknown word {text}")))
    }
}
