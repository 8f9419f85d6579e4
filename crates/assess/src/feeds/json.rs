//! JSON documents as feeds publish them: one value, one value a line, or one huge object.
use super::Malformed;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// Reads a record, or a record a line. A bad line does not keep the others from being read; the
/// first one is named in the end.
pub(super) fn records<T: DeserializeOwned>(
    document: &[u8],
    mut each: impl FnMut(T),
) -> Result<(), Malformed> {
    if document.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let Err(whole) = serde_json::from_slice(document).map(&mut each) else { return Ok(()) };
    let mut good = 0_usize;
    let mut bad = Vec::new();
    for (i, line) in document.split(|it| *it == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(it) => {
                each(it);
                good = good.saturating_add(1);
            }
            Err(it) => bad.push((i.saturating_add(1), it)),
        }
    }
    match bad.first() {
        None => Ok(()),
        Some(_) if good == 0 => Err(whole.into()),
        Some((line, it)) => Err(Malformed(
            format!("line {line}: {it} (and {} more)", bad.len().saturating_sub(1)).into(),
        )),
    }
}

/// Reads an object of objects one entry at a time, so that only one is in memory.
pub(super) fn entries<T: DeserializeOwned>(
    document: &[u8],
    each: impl FnMut(&str, T),
) -> Result<(), Malformed> {
    let mut json = serde_json::Deserializer::from_slice(document);
    Entries { each, of: PhantomData }.deserialize(&mut json)?;
    Ok(json.end()?)
}

struct Entries<T, F> {
    each: F,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(&str, T)> DeserializeSeed<'de> for Entries<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(&str, T)> Visitor<'de> for Entries<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            (self.each)(&key, map.next_value()?);
        }
        Ok(())
    }
}

/// A field that some producers leave `null` where they mean that there is none.
pub(super) fn nullable<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
