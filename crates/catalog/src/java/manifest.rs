//! A manifest (JAR File Specification, "Notes on Manifest and Signature Files").
use std::collections::BTreeMap;

/// Its attributes: those of the main section, then what sections of packages say beside that, as old tools wrote it.
pub(super) fn parse(bytes: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut attributes = BTreeMap::new();
    let mut add = |it: Option<(String, String)>| {
        it.map(|(key, value)| attributes.entry(key).or_insert(value));
    };
    let mut last: Option<(String, String)> = None;
    for line in text.lines() {
        if let (Some(more), Some((_, value))) = (line.strip_prefix(' '), &mut last) {
            value.push_str(more);
            continue;
        }
        add(last.take());
        last = line.split_once(':').map(|(key, it)| (key.to_owned(), it.trim().to_owned()));
    }
    add(last);
    attributes
}
