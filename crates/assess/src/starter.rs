//! The advisories that ship with the program, so that the first scan on a machine without internet
//! finds real things: fixes that Debian's own changelogs name, for Debian 11 to 13, as the archive
//! was on 2026-11-23, where the upload's urgency is the only severity that such a feed can know; and our own
//! table of notorious vulnerabilities in everything else, with what CISA's catalogue says of them.
use crate::{Item, Malformed, database::FeedState, feeds::Emit};
use std::io::Read;

const DEBIAN: &[u8] = include_bytes!("../starter/debian-changelogs.osv.jsonl.zst");
const NOTORIOUS: &[u8] = include_bytes!("../starter/notorious.tsv");

/// What ships with the program, by feed, and of when it is.
const FEEDS: &[(&str, &str)] = &[
    ("debian-changelogs", "2026-11-23T00:00:00Z"),
    ("kev", "2026-08-22T00:00:00Z"),
    ("notorious", "2026-11-25T00:00:00Z"),
];

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
    let mut debian = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(DEBIAN)
        .map_err(|it| malformed(it.to_string()))?
        .read_to_end(&mut debian)
        .map_err(|it| malformed(it.to_string()))?;
    let document = |feed, name, content| Document { feed, name, content };
    Ok(vec![
        document("debian-changelogs", "debian-changelogs.osv.jsonl", debian),
        document("notorious", "notorious.tsv", NOTORIOUS.to_vec()),
    ])
}

/// What the starter set says in the place of those of its feeds that are `wanted`.
pub fn items(wanted: &[FeedState], emit: Emit<'_>) -> Result<(), Malformed> {
    let is_wanted = |item: &Item| {
        let feed = match item {
            Item::Advisory(it) => &it.feed,
            // The table says, too, what is in the catalogue.
            Item::Enrichment(_) => "kev",
            Item::Skipped(_) => return true,
        };
        wanted.iter().any(|it| it.name == feed)
    };
    for document in documents()? {
        let Some(feed) = crate::feeds::feed(document.feed) else { continue };
        (feed.parse)(&document.content, document.name, &mut |item| {
            if is_wanted(&item) {
                emit(item);
            }
        })?;
    }
    Ok(())
}

/// What to say of the starter set in a database that holds it, feed by feed.
pub fn states() -> Vec<FeedState> {
    let state = |it: &(&str, &str)| FeedState {
        name: it.0.to_owned(),
        snapshot: it.1.parse().ok(),
        starter: true,
        ..FeedState::default()
    };
    FEEDS.iter().map(state).collect()
}
