//! Signatures (RFC 4880, 5.2), and whether they are right.
use super::{
    Verdict,
    key::Material,
    packet::{integer, number, packet, take},
};
use ring::signature::{
    ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The type of packets that are signatures.
pub(super) const TAG: u8 = 2;
/// What a signature can be of: bytes; a subkey, by its key; that a key, or a subkey, counts no longer.
pub(super) const BINARY: u8 = 0x00;
pub(super) const BINDING: u8 = 0x18;
pub(super) const KEY_REVOKED: u8 = 0x20;
pub(super) const SUBKEY_REVOKED: u8 = 0x28;
/// Who made it, by the end of the fingerprint or the whole of it (RFC 9580, 5.2.3.12 and 5.2.3.35).
const ISSUER: u8 = 16;
const ISSUER_FINGERPRINT: u8 = 33;

pub(super) const RSA: [u8; 2] = [1, 3];
/// As GnuPG had it first, and as RFC 9580 has it.
pub(super) const EDDSA: u8 = 22;
pub(super) const ED25519_PLAIN: u8 = 27;

#[derive(Debug)]
pub(super) struct Signature<'a> {
    pub(super) kind: u8,
    algorithm: u8,
    hash: u8,
    /// What is hashed behind what is signed.
    trailer: Vec<u8>,
    /// Ends of fingerprints, or whole ones.
    issuers: Vec<&'a [u8]>,
    values: &'a [u8],
}

impl<'a> Signature<'a> {
    /// Reads the first packet; an error is why there is nothing to be verified.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Signature<'a>, &'static str> {
        let damaged = "a signature that is damaged";
        match packet(&mut &*bytes).ok_or(damaged)? {
            (TAG, content) => Signature::of(content),
            _ => Err("a signature that is none"),
        }
    }

    /// The content of a packet.
    pub(super) fn of(content: &'a [u8]) -> Result<Signature<'a>, &'static str> {
        let damaged = "a signature that is damaged";
        match content.first() {
            Some(3) => Signature::third(content).ok_or(damaged),
            Some(4) => Signature::fourth(content).ok_or(damaged),
            _ => Err("a signature of a version that is not read"),
        }
    }

    /// Version 3: its type and time are signed as well.
    fn third(mut rest: &'a [u8]) -> Option<Signature<'a>> {
        take(&mut rest, 2).filter(|it| it.get(1) == Some(&5))?;
        let trailer = take(&mut rest, 5)?.to_vec();
        let issuers = vec![take(&mut rest, 8)?];
        let [algorithm, hash] = *take(&mut rest, 2)?.first_chunk()?;
        // The two bytes that come next only tell sooner what verifying tells.
        take(&mut rest, 2)?;
        let kind = *trailer.first()?;
        Some(Signature { kind, algorithm, hash, trailer, issuers, values: rest })
    }

    /// Version 4: all but the last fields are signed as well.
    fn fourth(whole: &'a [u8]) -> Option<Signature<'a>> {
        let mut rest = whole;
        let [_, kind, algorithm, hash] = *take(&mut rest, 4)?.first_chunk()?;
        let length = number(&mut rest, 2)?;
        let hashed = take(&mut rest, length)?;
        let signed = whole.get(..length.checked_add(6)?)?;
        let length = number(&mut rest, 2)?;
        let others = take(&mut rest, length)?;
        take(&mut rest, 2)?;
        let length = u32::try_from(signed.len()).ok()?.to_be_bytes();
        let trailer = [signed, &[4, 0xff], &length].concat();
        // Who made it need not be signed: the key tells.
        let issuers = issuers(hashed)?.into_iter().chain(issuers(others)?).collect();
        Some(Signature { kind, algorithm, hash, trailer, issuers, values: rest })
    }

    /// Whether it says that it is by the key of this fingerprint.
    pub(super) fn is_by(&self, fingerprint: &[u8]) -> bool {
        self.issuers.iter().any(|it| fingerprint.ends_with(it))
    }

    pub(super) fn verify(&self, key: &Material, message: &[u8]) -> Verdict {
        let good = match key {
            Material::Rsa { modulus, exponent } if RSA.contains(&self.algorithm) => {
                self.rsa(modulus, exponent, message)
            }
            Material::Ed25519(key) if [EDDSA, ED25519_PLAIN].contains(&self.algorithm) => {
                self.ed25519(key, message)
            }
            Material::Rsa { .. } | Material::Ed25519(_) => Some(false),
            Material::Other(why) => return Verdict::Unsupported(why),
        };
        match good {
            Some(true) => Verdict::Good,
            Some(false) => Verdict::Bad,
            None => Verdict::Unsupported("a signature of a weak or unknown hash"),
        }
    }

    fn rsa(&self, modulus: &[u8], exponent: &[u8], message: &[u8]) -> Option<bool> {
        let how = match self.hash {
            8 => &RSA_PKCS1_2048_8192_SHA256,
            9 => &RSA_PKCS1_2048_8192_SHA384,
            10 => &RSA_PKCS1_2048_8192_SHA512,
            _ => return None,
        };
        let Some(value) = integer(&mut &*self.values) else { return Some(false) };
        let Some(value) = padded(value, modulus.len()) else { return Some(false) };
        let message = [message, &self.trailer].concat();
        let key = RsaPublicKeyComponents { n: modulus, e: exponent };
        Some(key.verify(how, &message, &value).is_ok())
    }

    /// What is signed is the digest (RFC 9580, 5.2.3.2 and 5.2.3.3).
    fn ed25519(&self, key: &[u8; 32], message: &[u8]) -> Option<bool> {
        let digest = match self.hash {
            8 => {
                Sha256::new().chain_update(message).chain_update(&self.trailer).finalize().to_vec()
            }
            9 => {
                Sha384::new().chain_update(message).chain_update(&self.trailer).finalize().to_vec()
            }
            10 => {
                Sha512::new().chain_update(message).chain_update(&self.trailer).finalize().to_vec()
            }
            _ => return None,
        };
        let value = match self.algorithm {
            ED25519_PLAIN => Some(self.values.to_vec()),
            _ => {
                let mut rest = self.values;
                let mut half = || padded(integer(&mut rest)?, 32);
                half().zip(half()).map(|(r, s)| [r, s].concat())
            }
        };
        let key = UnparsedPublicKey::new(&ED25519, key);
        Some(value.is_some_and(|it| key.verify(&digest, &it).is_ok()))
    }
}

/// A number with the zeros before it that are left out.
fn padded(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let zeros = length.checked_sub(number.len())?;
    Some([&vec![0; zeros], number].concat())
}

/// Who made it, as subpackets say (RFC 4880, 5.2.3.1); fingerprints of version 4 only.
fn issuers(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let length = match number(&mut rest, 1)? {
            it @ 0..192 => it,
            255 => number(&mut rest, 4)?,
            it => (it.checked_sub(192)? << 8 | number(&mut rest, 1)?).checked_add(192)?,
        };
        let (kind, content) = take(&mut rest, length)?.split_first()?;
        match (kind & 0x7f, content) {
            (ISSUER, content) if content.len() == 8 => all.push(content),
            (ISSUER_FINGERPRINT, [4, print @ ..]) if print.len() == 20 => all.push(print),
            _ => {}
        }
    }
    Some(all)
}
