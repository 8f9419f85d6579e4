//! Keys and signatures of OpenPGP (RFC 9580) that a test makes: Ed25519, in the form in which GnuPG has it.
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Who signs.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
    /// The content of the packet with the public key.
    key: Vec<u8>,
}

impl Signer {
    /// The same seed makes the same key.
    pub fn new(seed: u8) -> Signer {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("32 bytes");
        let curve = [9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
        let point = [&[0x40], pair.public_key().as_ref()].concat();
        let key = [&[4, 0, 0, 0, 1, 22][..], &curve, &integer(&point)].concat();
        Signer { pair, key }
    }

    /// The public key, as a packet.
    pub fn public(&self) -> Vec<u8> {
        packet(6, &self.key)
    }

    /// The same as a subkey.
    pub fn public_subkey(&self) -> Vec<u8> {
        packet(14, &self.key)
    }

    /// What is hashed where something is signed about the key.
    pub fn hashed(&self) -> Vec<u8> {
        [&[0x99][..], &length(self.key.len()), &self.key].concat()
    }

    /// A signature of version 4 and this type, as a packet.
    pub fn sign(&self, kind: u8, message: &[u8]) -> Vec<u8> {
        let print: [u8; 20] = Sha1::digest(self.hashed()).into();
        let issuer = [&[22, 33, 4][..], &print].concat();
        let signed = [&[4, kind, 22, 8][..], &length(issuer.len()), &issuer].concat();
        let end = [&[4, 0xff, 0, 0][..], &length(signed.len())].concat();
        let digest = Sha256::digest([message, &signed, &end].concat());
        let signature = self.pair.sign(&digest);
        let (r, s) = signature.as_ref().split_at(32);
        let values = [integer(r), integer(s)].concat();
        packet(2, &[&signed[..], &[0, 0], &digest[..2], &values].concat())
    }
}

fn length(of: usize) -> [u8; 2] {
    u16::try_from(of).expect("it is short").to_be_bytes()
}

fn packet(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[0x81 | tag << 2][..], &length(content.len()), content].concat()
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[bytes.iter().take_while(|it| **it == 0).count()..];
    let unused = bytes.first().map_or(0, |it| usize::try_from(it.leading_zeros()).unwrap_or(0));
    [&length(bytes.len() * 8 - unused)[..], bytes].concat()
}
