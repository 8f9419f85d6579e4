//! Secrets at rest: AES-256-GCM, bound to their place, under keys that can be changed.
//!
//! A sealed value is the key's id (8 bytes), a nonce (12) and the ciphertext with its tag (16). The place, such as
//! `registry/17`, is authenticated along with it: who can write the database cannot have the secret of one
//! registry sent to another.
use crate::Problem;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use net::Secret;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use serde_json::json;
use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};
use store::{Store, secrets, settings};

const KEY: usize = 32;
const ID: usize = 8;

/// The keys of an installation: the first seals, all of them open.
pub struct Keys(Vec<Key>);

struct Key {
    id: [u8; ID],
    key: LessSafeKey,
}

impl Keys {
    /// Keys, one a line, each 32 bytes in hexadecimal digits.
    pub fn parse(text: &Secret) -> Result<Keys, String> {
        let lines = text.reveal().lines().map(str::trim).filter(|it| !it.is_empty());
        let keys: Vec<Key> = lines.map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err("there is no key".to_owned()) } else { Ok(Keys(keys)) }
    }

    /// The keys of this file, which is made with one key if it isn't there. Nobody else may be able to read it.
    pub fn of_file(path: &Path) -> io::Result<Keys> {
        let bad = |why: &str| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
        };
        if !path.exists() {
            make(path)?;
        }
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            return Err(bad(
                "others may read this file of keys; take that right from them (chmod 600)",
            ));
        }
        Keys::parse(&Secret::new(fs::read_to_string(path)?)).map_err(|why| bad(&why))
    }

    /// Seals `plain` for `place`.
    pub fn seal(&self, plain: &[u8], place: &str) -> Result<Vec<u8>, String> {
        let Some(Key { id, key }) = self.0.first() else {
            return Err("there is no key".to_owned());
        };
        let mut nonce = [0; NONCE_LEN];
        let failed = |_| "no random numbers".to_owned();
        SystemRandom::new().fill(&mut nonce).map_err(failed)?;
        let mut text = plain.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, Aad::from(place.as_bytes()), &mut text)
            .map_err(|_| "too long to be sealed".to_owned())?;
        Ok([&id[..], &nonce, &text].concat())
    }

    /// Opens what was sealed for `place`.
    pub fn open(&self, sealed: &[u8], place: &str) -> Result<Vec<u8>, String> {
        let broken = || format!("the secret of {place} cannot be opened; give it anew");
        let (id, rest) = sealed.split_first_chunk::<ID>().ok_or_else(broken)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        let lost =
            || format!("the key that sealed the secret of {place} is not among those in use");
        let key = self.0.iter().find(|it| it.id == *id).ok_or_else(lost)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut text);
        opened.map(|it| it.to_vec()).map_err(|_| broken())
    }

    /// Whether it was sealed with a key that is not the first any more.
    pub fn outdated(&self, sealed: &[u8]) -> bool {
        self.0.first().is_some_and(|it| !sealed.starts_with(&it.id))
    }
}

/// The setting that only the keys in use can open.
const KNOWN: &str = "keys";

/// Holds the keys against those that have sealed what is in the database, of which others would open nothing; and seals
/// anew with the first key what another one has sealed, so that the others can be given up. Says how many that were.
///
/// # Errors
/// Says so when the keys are others, or when the database does not answer.
pub fn check_keys(store: &Store, keys: &Keys, now: i64) -> Result<usize, String> {
    let text = |sealed: &[u8]| json!(BASE64_URL_SAFE_NO_PAD.encode(sealed)).to_string();
    let ours = text(&keys.seal(KNOWN.as_bytes(), KNOWN)?);
    let known = store.write(|tx| {
        settings::put(tx, KNOWN, &ours, 0, now)?;
        settings::one(tx, KNOWN)
    });
    let known = known.map_err(|err| err.to_string())?.ok_or("the database forgets")?;
    let sealed: String = serde_json::from_str(&known.document).unwrap_or_default();
    let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).unwrap_or_default();
    if keys.open(&sealed, KNOWN).is_err() {
        return Err(
            "the keys are not those that sealed the secrets in this database; all machines that \
                    share it need the same keys"
                .to_owned(),
        );
    }
    if !keys.outdated(&sealed) {
        return Ok(0);
    }
    let renewed = store.write(|tx| {
        let old = secrets::all(tx)?.into_iter().filter(|it| keys.outdated(&it.bytes));
        let mut count = 0usize;
        for it in old {
            let place = format!("{}/{}", it.kind, it.id);
            // One that does not open is entered anew by whoever misses it.
            let Ok(plain) = keys.open(&it.bytes, &place) else { continue };
            let new = keys.seal(&plain, &place).map_err(store::Error::Invalid)?;
            secrets::replace(tx, &it, &new)?;
            count = count.saturating_add(1);
        }
        settings::put(tx, KNOWN, &ours, known.version, now)?;
        Ok(count)
    });
    renewed.map_err(|err| err.to_string())
}

fn key(line: &str) -> Result<Key, String> {
    let bad = || "a key is 64 hexadecimal digits".to_owned();
    let digits = line.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != KEY || !rest.is_empty() {
        return Err(bad());
    }
    let digit = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let byte = |[a, b]: &[u8; 2]| Some(digit(*a)? << 4 | digit(*b)?);
    let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>().ok_or_else(bad)?;
    let hash = digest(&SHA256, &bytes);
    let id = *hash.as_ref().first_chunk::<ID>().ok_or_else(bad)?;
    let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| bad())?;
    Ok(Key { id, key: LessSafeKey::new(key) })
}

/// Makes the file. When two start at once, one of them makes it and both use it.
fn make(path: &Path) -> io::Result<()> {
    let mut bytes = [0; KEY];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no random numbers"))?;
    let text: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
    let whole = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&whole)?;
    let made = file
        .write_all(format!("{text}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&whole, path));
    fs::remove_file(&whole)?;
    match made {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// 256 bits that nobody can guess.
pub(crate) fn random() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    let failed = |_| Problem::internal("no random numbers");
    SystemRandom::new().fill(&mut bytes).map_err(failed)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Keys {
        Keys::parse(&Secret::new(text)).unwrap()
    }

    #[test]
    fn a_secret_opens_only_where_it_was_sealed() {
        let (old, new) = ("0f".repeat(32), "A1".repeat(32));
        let it = keys(&old);
        let sealed = it.seal(b"hush", "registry/17").unwrap();
        assert_eq!(it.open(&sealed, "registry/17").unwrap(), b"hush");
        assert_ne!(it.seal(b"hush", "registry/17").unwrap(), sealed);
        assert!(!sealed.windows(4).any(|it| it == b"hush"));
        assert!(it.open(&sealed, "registry/18").is_err());
        for at in 0..sealed.len() {
            let mut spoiled = sealed.clone();
            spoiled[at] ^= 1;
            assert!(it.open(&spoiled, "registry/17").is_err(), "{at}");
            assert!(it.open(&sealed[..at], "registry/17").is_err(), "{at}");
        }
        // A new key in front: the old one still opens, and what it sealed is known.
        let both = keys(&format!("{new}\n\n {old} \n"));
        assert_eq!(both.open(&sealed, "registry/17").unwrap(), b"hush");
        assert!(both.outdated(&sealed) && !it.outdated(&sealed));
        assert!(!both.outdated(&both.seal(b"hush", "x").unwrap()));
        let gone = keys(&new).open(&sealed, "registry/17").unwrap_err();
        assert!(gone.contains("not among those in use"), "{gone}");
        assert_eq!(format!("{both:?}"), "Keys(***)");
        for bad in ["", "0f", &"0g".repeat(32), &"0f".repeat(33)] {
            assert!(Keys::parse(&Secret::new(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn another_key_seals_everything_anew_and_strange_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(store::Settings::Embedded(folder.path().join("db"))).unwrap();
        let (old, new) = ("0f".repeat(32), "a1".repeat(32));
        let check = |text: &str| check_keys(&store, &keys(text), 1);
        assert_eq!(check(&old), Ok(0));
        let login = keys(&old).seal(b"hush", "account/1").unwrap();
        let add = |tx: &mut store::Tx<'_>| store::accounts::add(tx, "cloud", "{}", &login, 1);
        assert_eq!(store.write(add).unwrap(), 1);
        assert!(check(&new).unwrap_err().contains("not those"));
        assert_eq!(check(&format!("{new}\n{old}")), Ok(1));
        assert_eq!(check(&format!("{new}\n{old}")), Ok(0));
        assert_eq!(check(&new), Ok(0));
        let sealed = store.read(|tx| store::accounts::secret(tx, 1)).unwrap().unwrap();
        assert_eq!(keys(&new).open(&sealed, "account/1").unwrap(), b"hush");
        assert!(check(&old).unwrap_err().contains("not those"));
    }

    #[test]
    fn the_file_of_keys_is_made_once_and_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let sealed = Keys::of_file(&path).unwrap().seal(b"hush", "x").unwrap();
        assert_eq!(Keys::of_file(&path).unwrap().open(&sealed, "x").unwrap(), b"hush");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        make(&path).unwrap();
        assert_eq!(Keys::of_file(&path).unwrap().open(&sealed, "x").unwrap(), b"hush");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Keys::of_file(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
