//! Stanzas of `Field: value` lines (deb822(5)), as the databases of dpkg and opkg have them.

/// A run of fields, up to an empty line.
pub(crate) struct Stanza<'a> {
    fields: Vec<Field<'a>>,
    /// Lines in it that are neither a field nor the continuation of one.
    pub(crate) strange: usize,
}

struct Field<'a> {
    name: &'a str,
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
        self.fields.iter().find(|it| it.name.eq_ignore_ascii_case(name))
    }

    fn read(&mut self, line: &'a str) {
        if line.starts_with([' ', '\t']) {
            match self.fields.last_mut() {
                Some(field) => field.more.push(line.trim()),
                None => self.strange = self.strange.saturating_add(1),
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let (name, value) = (name.trim(), value.trim());
            self.fields.push(Field { name, value, more: Vec::new() });
        } else {
            self.strange = self.strange.saturating_add(1);
        }
    }
}

/// The stanzas of `text`. Lines that begin with `#` are comments.
pub(crate) fn stanzas(text: &str) -> impl Iterator<Item = Stanza<'_>> {
    let mut lines = text.lines().map(str::trim_end).filter(|it| !it.starts_with('#'));
    std::iter::from_fn(move || {
        let first = lines.by_ref().find(|it| !it.is_empty())?;
        let mut stanza = Stanza { fields: Vec::new(), strange: 0 };
        stanza.read(first);
        lines.by_ref().take_while(|it| !it.is_empty()).for_each(|it| stanza.read(it));
        Some(stanza)
    })
}
