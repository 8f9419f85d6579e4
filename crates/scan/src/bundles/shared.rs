//! Bundles that a center uses: they lie in its store, so that all its processes use the same.
use super::{BundleError, Bundles, key_id, read_all, sha256};
use malware::bundle::{Bundle, Key, Kind};
use serde::{Deserialize, Serialize};
use std::{io::Read, sync::LazyLock};
use store::{Error, Tx, bundles};

/// What a bundle says of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct About {
    /// Greater in each that is made.
    pub epoch: u64,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// Who made it.
    pub publisher: String,
    /// Sets of the program's own rules that it is used instead of.
    pub replaces: Vec<String>,
    /// How many rules are in it.
    pub rules: u64,
    /// How many digests of malicious files.
    pub bad_hashes: u64,
    /// How many digests of harmless ones.
    pub good_hashes: u64,
    /// How many public keys of those who sign packages.
    #[serde(default)]
    pub signing_keys: u64,
    /// What the key is called that it is signed with.
    pub key: Option<String>,
}

impl About {
    /// What this one says.
    pub fn of(it: &Bundle) -> About {
        let manifest = &it.manifest;
        About {
            epoch: manifest.epoch,
            created: manifest.created,
            publisher: manifest.publisher.clone(),
            replaces: manifest.replaces.clone(),
            rules: it.count(Kind::Rules),
            bad_hashes: it.count(Kind::BadHashes),
            good_hashes: it.count(Kind::GoodHashes),
            signing_keys: it.count(Kind::Keys),
            key: it.signer.as_ref().map(key_id),
        }
    }
}

/// A bundle that somebody brings: whole, and all its rules can be used.
#[derive(Debug)]
pub struct Brought {
    /// What it says of itself.
    pub about: About,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
    signer: Option<Key>,
    bytes: Vec<u8>,
}

impl Brought {
    /// Reads one, and checks all but whose it is.
    pub fn read(from: &mut dyn Read) -> Result<Brought, BundleError> {
        let bytes = read_all(from).map_err(|it| BundleError(it.to_string()))?;
        let bundle = Bundle::parse(&bytes).map_err(|it| BundleError(it.to_string()))?;
        bundle.check().map_err(|it| BundleError(it.to_string()))?;
        let (about, sha256) = (About::of(&bundle), sha256(&bytes));
        Ok(Brought { about, sha256, signer: bundle.signer, bytes })
    }

    /// Puts it to use, if it is of somebody who is believed, and newer than the one in use.
    pub fn take(&self, tx: &mut Tx<'_>, person: &str, at: i64) -> store::Result<()> {
        self.believe(&bundles::keys(tx)?)?;
        let all = bundles::all(tx)?;
        let epoch = i64::try_from(self.about.epoch).ok().filter(|it| *it > 0);
        let epoch = epoch.ok_or_else(|| Error::Invalid("an epoch is at least 1".to_owned()))?;
        let now = all.iter().find(|it| it.in_use);
        if let Some(it) = now.filter(|it| it.epoch > epoch) {
            let text = format!(
                "it is of epoch {epoch}, before the bundle in use, which is of epoch {} and stays; \
                 roll back to go back to the one before",
                it.epoch
            );
            return Err(Error::Conflict(text));
        }
        if all.iter().any(|it| it.epoch == epoch && it.sha256 != self.sha256) {
            let text =
                format!("there is another bundle of epoch {epoch}; a new bundle has a new epoch");
            return Err(Error::Conflict(text));
        }
        self.put(tx, epoch, person, at)
    }

    fn put(&self, tx: &mut Tx<'_>, epoch: i64, person: &str, at: i64) -> store::Result<()> {
        let document = serde_json::to_string(&self.about);
        let document = document.map_err(|it| Error::Unexpected(it.to_string()))?;
        let (sha256, person) = (self.sha256.clone(), person.to_owned());
        let new = bundles::Bundle { sha256, epoch, document, person, at, in_use: true };
        bundles::put(tx, &new, &self.bytes)
    }

    fn believe(&self, keys: &[bundles::Key]) -> store::Result<()> {
        let why = match &self.signer {
            Some(signer) if keys.iter().any(|it| it.key == signer) => return Ok(()),
            Some(signer) => format!(
                "it is signed with the key {}, which is not trusted here: add that public key first",
                key_id(signer)
            ),
            None => "it is not signed; a bundle for a center has to be".to_owned(),
        };
        Err(Error::Invalid(why))
    }
}

/// Goes back to the bundle that was made before the one in use, or to none if there is none before it.
pub fn roll_back(tx: &mut Tx<'_>) -> store::Result<()> {
    let all = bundles::all(tx)?;
    let mut older = all.iter().skip_while(|it| !it.in_use);
    if older.next().is_none() {
        return Err(Error::Conflict("no bundle is in use".to_owned()));
    }
    bundles::turn(tx, older.next().map(|it| it.sha256.as_str()))
}

impl Bundles {
    /// Has a center use the bundle that this machine has in use, unless the center had it or a newer one already.
    pub fn share(&self, store: &store::Store, at: i64) -> Result<bool, BundleError> {
        let Some(it) = self.current()? else { return Ok(false) };
        let bytes = it.named.read().map_err(|why| BundleError(why.to_string()))?;
        let (about, signer) = (About::of(&it.bundle), it.bundle.signer);
        let brought = Brought { about, sha256: it.named.sha256, signer, bytes };
        let epoch = i64::try_from(brought.about.epoch).unwrap_or(i64::MAX);
        let shared = store.write(|tx| {
            let newest = bundles::all(tx)?.first().map_or(0, |it| it.epoch);
            if newest >= epoch {
                return Ok(false);
            }
            if let Some(key) = signer.filter(|_| it.is_known) {
                let (name, key) = (key_id(&key), key.to_vec());
                bundles::add_key(tx, &bundles::Key { name, key, person: String::new(), at })?;
            }
            brought.put(tx, epoch, "", at).map(|()| true)
        });
        shared.map_err(|it| BundleError(it.to_string()))
    }
}

/// What comes with the program.
#[derive(Debug)]
pub struct BuiltIn {
    /// The sets of rules: name, and how many.
    pub sets: Vec<(&'static str, usize)>,
    /// How many analysers there are besides.
    pub analysers: usize,
    /// Stands for all of them: another one where something else is found.
    pub revision: String,
}

/// What comes with this program.
pub fn built_in() -> &'static BuiltIn {
    static BUILT_IN: LazyLock<BuiltIn> = LazyLock::new(|| {
        let count = |it: &malware::RuleSet| malware::identifiers(&it.source()).len();
        let revision = sha256(malware::Judge::revision().as_bytes());
        BuiltIn {
            sets: malware::RULE_SETS.iter().map(|it| (it.name, count(it))).collect(),
            analysers: malware::ANALYSERS.len(),
            revision: revision.get(..12).unwrap_or_default().to_owned(),
        }
    });
    &BUILT_IN
}
