//! Stanzas of `Field: value` lines (deb822(5)), as the databases of dpkg and opkg have them.

/// The fields that are kept; the others would only take memory.
const FIELDS: &[&str] = &[
    "Architecture",
    "Conffiles",
    "Maintainer",
    "Multi-Arch",
    "Package",
    "Source",
    "Status",
    "Version",
];

/// How many lines may continue a field.
const LINES: usize = 50_000;

/// A run of fields, up to an empty line.
#[derive(Default)]
pub(crate) struct Stanza<'a> {
    fields: Vec<Field<'a>>,
    /// Whether the field at hand is none of those that are kept.
    skipping: bool,
    /// Lines in it that are neither a field nor the continuation of one, or that say once more what
    /// has been said, which dpkg refuses.
    pub(crate) strange: usize,
}

struct Field<'a> {
    name: &'static str,
    value: &'a str,
    more: Vec<&'a str>,
}

impl<'a> Stanza<'a> {
    /// What stands on the line of the field itself; `None` when that is nothing.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.field(name).map(|it| it.value).filter(|it| !it.is_empty())
    }

    /// The lines that continue the field.
    pub(crate) fn lines(&self, name: &str) -> &[&'a str] {
        self.field(name).map_or(&[], |it| &it.more)
    }

    fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|it| it.name == name)
    }

    fn read(&mut self, line: &'a str) {
        let is_strange = if line.starts_with([' ', '\t']) {
            !self.continues(line.trim())
        } else {
            !line.split_once(':').is_some_and(|(name, value)| self.begins(name, value.trim()))
        };
        self.strange = self.strange.saturating_add(usize::from(is_strange));
    }

    fn begins(&mut self, name: &str, value: &'a str) -> bool {
        let kept = FIELDS.iter().find(|it| it.eq_ignore_ascii_case(name.trim()));
        let again = kept.is_some_and(|it| self.field(it).is_some());
        self.skipping = kept.is_none() || again;
        if let Some(name) = kept.filter(|_| !again) {
            self.fields.push(Field { name, value, more: Vec::new() });
        }
        !again
    }

    fn continues(&mut self, line: &'a str) -> bool {
        match self.fields.last_mut() {
            _ if self.skipping => true,
            Some(field) if field.more.len() < LINES => {
                field.more.push(line);
                true
            }
            _ => false,
        }
    }
}

/// The stanzas of `text`. Lines that begin with `#` are comments.
pub(crate) fn stanzas(text: &str) -> impl Iterator<Item = Stanza<'_>> {
    let mut lines = text.lines().map(str::trim_end).filter(|it| !it.starts_with('#'));
    std::iter::from_fn(move || {
        let first = lines.by_ref().find(|it| !it.is_empty())?;
        let mut stanza = Stanza::default();
        stanza.read(first);
        lines.by_ref().take_while(|it| !it.is_empty()).for_each(|it| stanza.read(it));
        Some(stanza)
    })
}
