//! Signatures of OpenPGP (RFC 4880, RFC 9580) by which packages are signed, and the public keys that verify them. What it
//! takes to verify a header of RPM, and no more: signatures of versions 3 and 4 over bytes, RSA and Ed25519, keys of version 4.
mod key;
mod packet;
mod signature;
#[cfg(test)]
mod tests;

use crate::Malformed;
use key::Key;
use signature::Signature;

/// Public keys of those whose signatures are believed.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

/// What comes of verifying a signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is one of a key that is believed.
    Good,
    /// It says that it is one of a key that is believed, and it is not.
    Bad,
    /// It is of a key that is not known.
    Unknown,
    /// Whether it is right can't be told, or is not to be believed: why.
    Unsupported(&'static str),
}

impl Keys {
    /// Reads public keys with their subkeys: armoured (RFC 9580, 6.2), any number of blocks, or binary.
    ///
    /// That a key has expired does not matter: what it signed before was installed. One that was revoked verifies nothing.
    pub fn parse(bytes: &[u8]) -> Result<Keys, Malformed> {
        let blocks = packet::unarmoured(bytes)?;
        let keys = blocks.iter().map(|it| key::read(it)).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<Key> = keys.into_iter().flatten().collect();
        if keys.is_empty() {
            return Err(Malformed::new("there is no public key of OpenPGP in it"));
        }
        Ok(Keys(keys))
    }

    /// Adds others.
    pub fn extend(&mut self, others: Keys) {
        self.0.extend(others.0);
    }

    /// How many there are, subkeys among them.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies a signature, as a packet, of `message`.
    pub fn verify(&self, packet: &[u8], message: &[u8]) -> Verdict {
        let signature = match Signature::read(packet) {
            Ok(it) => it,
            Err(it) => return Verdict::Unsupported(it),
        };
        if signature.kind != signature::BINARY {
            return Verdict::Unsupported("a signature that is not one of bytes");
        }
        let keys = self.0.iter().filter(|it| signature.is_by(&it.fingerprint));
        let verdicts = keys.map(|it| match it.revoked {
            true => Verdict::Unsupported("a key that was revoked"),
            false => signature.verify(&it.material, message),
        });
        // Two keys may have the same short name.
        verdicts.min_by_key(Verdict::rank).unwrap_or(Verdict::Unknown)
    }
}

impl Verdict {
    /// Which of two counts: the one that comes first.
    fn rank(&self) -> u8 {
        match self {
            Verdict::Good => 0,
            Verdict::Bad => 1,
            Verdict::Unsupported(_) => 2,
            Verdict::Unknown => 3,
        }
    }
}
