//! The advisories that ship with the program, so that the first scan on a machine without internet
//! finds real things: fixes that Debian's own changelogs name, for Debian 11 to 13, as the archive
//! was on 2026-11-23. The upload's urgency is the only severity that such a feed can know.
use crate::{Malformed, database::FeedState};
use std::io::Read;

const DEBIAN: &[u8] = include_bytes!("../starter/debian-changelogs.osv.jsonl.zst");

/// A document of the starter set.
pub struct Document {
    /// The feed that reads it, a name of [`crate::FEEDS`].
    pub feed: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

/// Every document that ships with the program, unpacked.
pub fn documents() -> Result<Vec<Document>, Malformed> {
    let malformed = |it: String| Malformed(it.into());
    let mut content = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(DEBIAN)
        .map_err(|it| malformed(it.to_string()))?
        .read_to_end(&mut content)
        .map_err(|it| malformed(it.to_string()))?;
    Ok(vec![Document { feed: "debian-changelogs", name: "debian-changelogs.osv.jsonl", content }])
}

/// What to say of the starter set in a database that holds it.
pub fn state() -> FeedState {
    FeedState {
        name: "debian-changelogs".to_owned(),
        snapshot: "2026-11-23T00:00:00Z".parse().ok(),
        starter: true,
        ..FeedState::default()
    }
}
