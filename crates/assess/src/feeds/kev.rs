//! CISA's catalogue of known exploited vulnerabilities (known_exploited_vulnerabilities_schema.json).
use super::{Emit, Feed, Item, Malformed, Place};
use model::{Enrichment, Exploited};
use serde::Deserialize;

pub(super) const FEED: Feed = Feed {
    name: "kev",
    title: "CISA Known Exploited Vulnerabilities",
    places: &[Place::one(
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
    )],
    licence: "CC0-1.0",
    attribution: "",
    default: true,
    derived: false,
    parse,
};

#[derive(Deserialize)]
struct Catalogue {
    vulnerabilities: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve: String,
    #[serde(default)]
    date_added: String,
    #[serde(default)]
    due_date: String,
    #[serde(default)]
    known_ransomware_campaign_use: String,
}

fn parse(document: &[u8], _name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    let catalogue: Catalogue = serde_json::from_slice(document)?;
    for it in catalogue.vulnerabilities {
        let exploited = Exploited {
            added: it.date_added.parse().ok(),
            due: it.due_date.parse().ok(),
            ransomware: it.known_ransomware_campaign_use == "Known",
        };
        let known = Enrichment { cve: it.cve, exploited: Some(exploited), ..Enrichment::default() };
        emit(Item::Enrichment(known));
    }
    Ok(())
}
