//! Public keys (RFC 4880, 5.5.2) and their subkeys, as far as what is signed about them goes.
use super::{
    Verdict,
    packet::{integer, number, packets, take},
    signature::{self, BINDING, ED25519_PLAIN, EDDSA, KEY_REVOKED, RSA, SUBKEY_REVOKED, Signature},
};
use crate::Malformed;
use sha1::{Digest, Sha1};

/// Types of packets.
const KEY: u8 = 6;
const SUBKEY: u8 = 14;
/// Ed25519 as the object identifier of its curve, with its length (RFC 9580, 9.2).
const CURVE: &[u8] = &[9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) fingerprint: [u8; 20],
    pub(super) material: Material,
    pub(super) revoked: bool,
}

/// What of a key verifies.
#[derive(Clone, Debug)]
pub(super) enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    Ed25519([u8; 32]),
    /// Of a kind with which nothing is verified: which.
    Other(&'static str),
}

/// The key of a packet and what is hashed where something is signed about it.
struct Read {
    key: Key,
    hashed: Vec<u8>,
    /// Whether its main key says that it is its own: who gathers keys can put anybody's beside a key that is believed.
    bound: bool,
}

/// All keys in a row of packets: a key, what is signed about it, its subkeys with what is signed about these.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Key>, Malformed> {
    let mut keys: Vec<Key> = Vec::new();
    let mut group: Vec<Read> = Vec::new();
    for (tag, content) in packets(bytes)? {
        match tag {
            KEY => {
                keys.extend(settled(std::mem::take(&mut group)));
                group.push(Read { bound: true, ..Read::of(content)? });
            }
            SUBKEY if !group.is_empty() => group.push(Read::of(content)?),
            signature::TAG => sign(&mut group, content),
            _ => {}
        }
    }
    keys.extend(settled(group));
    Ok(keys)
}

/// What a key without a say has taken with it.
fn settled(group: Vec<Read>) -> impl Iterator<Item = Key> {
    let revoked = group.first().is_some_and(|it| it.key.revoked);
    let bound = group.into_iter().filter(|it| it.bound);
    bound.map(move |it| Key { revoked: revoked || it.key.revoked, ..it.key })
}

/// Goes by what is signed about the last key, if its main key has signed that.
fn sign(group: &mut [Read], content: &[u8]) {
    let Ok(signature) = Signature::of(content) else { return };
    let Some(main) = group.first().map(|it| (it.key.material.clone(), it.hashed.clone())) else {
        return;
    };
    let alone = group.len() == 1;
    let Some(last) = group.last_mut() else { return };
    let message = match (signature.kind, alone) {
        (KEY_REVOKED, true) => main.1,
        (BINDING | SUBKEY_REVOKED, false) => [&*main.1, &last.hashed].concat(),
        _ => return,
    };
    match signature.verify(&main.0, &message) {
        Verdict::Good if signature.kind == BINDING => last.bound = true,
        // One that can't be verified may be right: then the key must not be believed.
        Verdict::Good | Verdict::Unsupported(_) if signature.kind != BINDING => {
            last.key.revoked = true;
        }
        _ => {}
    }
}

impl Read {
    fn of(content: &[u8]) -> Result<Read, Malformed> {
        let damaged = Malformed::new("a public key that is damaged");
        if content.first() != Some(&4) {
            let what = "a public key of another version than 4, which is not read";
            return Err(Malformed::new(what));
        }
        let length = u16::try_from(content.len()).map_err(|_| damaged.clone())?.to_be_bytes();
        let hashed = [&[0x99], &length[..], content].concat();
        let fingerprint = Sha1::digest(&hashed).into();
        let material = material(content).ok_or(damaged)?;
        Ok(Read { key: Key { fingerprint, material, revoked: false }, hashed, bound: false })
    }
}

fn material(content: &[u8]) -> Option<Material> {
    let mut rest = content.get(5..)?;
    let algorithm = u8::try_from(number(&mut rest, 1)?).ok()?;
    Some(match algorithm {
        it if RSA.contains(&it) => {
            let (modulus, exponent) = (integer(&mut rest)?.to_vec(), integer(&mut rest)?.to_vec());
            // Others are refused as if the signature were wrong: fewer than 2048 bits, or a strange exponent.
            let long = modulus.len() > 256 || modulus.first().is_some_and(|it| *it >= 0x80);
            match modulus.len() {
                256..=1024 if long && exponent.len() <= 4 => Material::Rsa { modulus, exponent },
                _ => Material::Other("a key of RSA that is too short, or too long"),
            }
        }
        EDDSA => match take(&mut rest, CURVE.len())? {
            CURVE => Material::Ed25519(integer(&mut rest)?.strip_prefix(&[0x40])?.try_into().ok()?),
            _ => Material::Other("a key of another curve than Ed25519"),
        },
        ED25519_PLAIN => Material::Ed25519(rest.try_into().ok()?),
        17 => Material::Other("a key of DSA"),
        19 => Material::Other("a key of ECDSA"),
        _ => Material::Other("a key that signs in another way than RSA or Ed25519"),
    })
}
