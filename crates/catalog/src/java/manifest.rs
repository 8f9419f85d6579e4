//! The main section of a manifest (JAR File Specification, "Notes on Manifest and Signature Files").
use std::collections::BTreeMap;

/// Its attributes. What is sealed or signed entry by entry comes after an empty line, and is not read.
pub(super) fn parse(bytes: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut attributes = BTreeMap::new();
    let mut last: Option<(String, String)> = None;
    for line in text.lines().take_while(|it| !it.trim().is_empty()) {
        if let (Some(more), Some((_, value))) = (line.strip_prefix(' '), &mut last) {
            value.push_str(more);
            continue;
        }
        attributes.extend(last.take());
        last = line.split_once(':').map(|(key, it)| (key.to_owned(), it.trim().to_owned()));
    }
    attributes.extend(last);
    attributes
}
