//! Keys of bundles: Ed25519, in the files that OpenSSL writes and reads (RFC 8410; PEM, RFC 7468).
use super::{BundleError, Bundles, Trust, failed, sha256};
use base64::{Engine, prelude::BASE64_STANDARD};
use malware::bundle::{Bundle, Key};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair},
};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// What stands before the 32 bytes of a private key (RFC 8410, section 7).
const PRIVATE: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
/// What stands before those of a public one (section 4).
const PUBLIC: [u8; 12] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];

/// A key to sign bundles with.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new one in a new file that only its owner may read, and its public key in `<file>.pub`.
    pub fn generate(file: &Path) -> Result<SigningKey, BundleError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(failed(file))?;
        let key = SigningKey(Ed25519KeyPair::from_seed_unchecked(&seed).map_err(failed(file))?);
        let options = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        let mut private = options.map_err(failed(file))?;
        let text = pem("PRIVATE KEY", &[&PRIVATE[..], &seed].concat());
        private.write_all(text.as_bytes()).map_err(failed(file))?;
        let mut name = file.as_os_str().to_owned();
        name.push(".pub");
        let public = PathBuf::from(name);
        fs::write(&public, public_pem(&key.public())).map_err(failed(&public))?;
        Ok(key)
    }

    /// The one in a file.
    pub fn read(file: &Path) -> Result<SigningKey, BundleError> {
        let bad = || failed(file)("it is no private Ed25519 key in PEM");
        let text = fs::read_to_string(file).map_err(failed(file))?;
        let bytes = unpem("PRIVATE KEY", &text).ok_or_else(bad)?;
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes);
        key.map(SigningKey).map_err(|_| bad())
    }

    /// Its public key.
    pub fn public(&self) -> Key {
        self.0.public_key().as_ref().try_into().unwrap_or_default()
    }

    /// The public key and the signature of `manifest`: what a bundle has.
    pub(super) fn sign(&self, manifest: &[u8]) -> Vec<u8> {
        [self.0.public_key().as_ref(), self.0.sign(manifest).as_ref()].concat()
    }
}

/// The public key in a file.
pub fn public_key(file: &Path) -> Result<Key, BundleError> {
    let text = fs::read_to_string(file).map_err(failed(file))?;
    public_key_in(&text).ok_or_else(|| failed(file)("it is no public Ed25519 key in PEM"))
}

/// The public key in a text.
pub fn public_key_in(text: &str) -> Option<Key> {
    unpem("PUBLIC KEY", text)?.strip_prefix(&PUBLIC)?.try_into().ok()
}

/// What a key is called: short enough to be read out.
pub fn key_id(key: &Key) -> String {
    sha256(key).get(..16).unwrap_or_default().to_owned()
}

impl Bundles {
    /// Whether this key is one of those that are believed.
    pub(super) fn believes(&self, key: &Key) -> bool {
        public_key(&self.key_path(key)).is_ok_and(|it| it == *key)
    }

    /// Whether a bundle may be used; the key is kept if it was given for that.
    pub(super) fn believe(&self, bundle: &Bundle, trust: Trust) -> Result<(), BundleError> {
        let own =
            "; --unverified takes it, and then whoever can change the file decides what is found";
        match (bundle.signer, trust) {
            (_, Trust::Anybody) => Ok(()),
            (None, _) => Err(BundleError(format!("it is not signed{own}"))),
            (Some(signer), _) if self.believes(&signer) => Ok(()),
            (Some(signer), Trust::Also(key)) if signer == key => {
                let path = self.key_path(&key);
                let folder = path.parent().unwrap_or(&path);
                fs::create_dir_all(folder).map_err(failed(folder))?;
                fs::write(&path, public_pem(&key)).map_err(failed(&path))
            }
            (Some(signer), _) => Err(BundleError(format!(
                "it is signed with the key {}, which is not known here: --key FILE names the public key to believe{own}",
                key_id(&signer)
            ))),
        }
    }

    fn key_path(&self, key: &Key) -> PathBuf {
        self.directory.join("keys").join(format!("{}.pem", key_id(key)))
    }
}

fn public_pem(key: &Key) -> String {
    pem("PUBLIC KEY", &[&PUBLIC[..], key].concat())
}

fn pem(label: &str, bytes: &[u8]) -> String {
    // What we write fits one line.
    let text = BASE64_STANDARD.encode(bytes);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn unpem(label: &str, text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}
