//! Holds content against its address while it streams by.
use crate::SourceError;
use model::{Algorithm, Digest};
use sha2::{Digest as _, Sha256, Sha512};
use std::{
    fs::File,
    io::{self, Read, Seek},
};

/// A reader that fails with `InvalidData` and a `DigestMismatch` at its end when the bytes do not hash to the digest.
#[derive(Debug)]
pub struct Verified<R> {
    reader: R,
    expected: Digest,
    hash: Hash,
    bytes: u64,
    /// What the end was found to be, once it was reached: the digest that came instead, if any.
    end: Option<Result<(), String>>,
}

#[derive(Debug)]
enum Hash {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl<R: Read> Verified<R> {
    /// The bytes of `reader`, which must hash to `expected`.
    pub fn new(reader: R, expected: Digest) -> Verified<R> {
        let hash = Hash::new(expected.algorithm());
        Verified { reader, expected, hash, bytes: 0, end: None }
    }

    fn finish(&mut self) -> io::Result<()> {
        let (hash, expected) = (&mut self.hash, &self.expected);
        let end = self.end.get_or_insert_with(|| {
            let got = hash.hex();
            if got == expected.hex() { Ok(()) } else { Err(got) }
        });
        end.as_ref().copied().map_err(|got| {
            let (expected, got) = (self.expected.clone(), format!("{got} ({} bytes)", self.bytes));
            let wrong = SourceError::DigestMismatch { expected, got };
            io::Error::new(io::ErrorKind::InvalidData, wrong)
        })
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.reader.read(buf)?;
        let Some(read) = buf.get(..len).filter(|it| !it.is_empty()) else {
            if !buf.is_empty() {
                self.finish()?;
            }
            return Ok(0);
        };
        self.hash.update(read);
        self.bytes = self.bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        Ok(len)
    }
}

impl Hash {
    fn new(algorithm: Algorithm) -> Hash {
        match algorithm {
            Algorithm::Sha256 => Hash::Sha256(Sha256::new()),
            Algorithm::Sha512 => Hash::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hash::Sha256(it) => it.update(bytes),
            Hash::Sha512(it) => it.update(bytes),
        }
    }

    fn hex(&mut self) -> String {
        let (short, long);
        let bytes: &[u8] = match self {
            Hash::Sha256(it) => {
                short = it.finalize_reset();
                &short
            }
            Hash::Sha512(it) => {
                long = it.finalize_reset();
                &long
            }
        };
        let digits = bytes.iter().flat_map(|it| [it >> 4, it & 15]);
        digits.filter_map(|it| char::from_digit(u32::from(it), 16)).collect()
    }
}

/// The SHA-256 of a document.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::sha256(&Sha256::digest(bytes).into())
}

/// The SHA-256 of all of a file.
pub(crate) fn sha256_of(mut file: &File) -> io::Result<Digest> {
    file.rewind()?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 128 << 10]);
    loop {
        let count = file.read(&mut buffer)?;
        match buffer.get(..count) {
            Some(read) if count > 0 => hash.update(read),
            _ => return Ok(Digest::sha256(&hash.finalize().into())),
        }
    }
}

/// Holds a small document against its address.
pub(crate) fn verify(bytes: &[u8], expected: &Digest) -> Result<(), SourceError> {
    let mut hash = Hash::new(expected.algorithm());
    hash.update(bytes);
    let got = hash.hex();
    if got == expected.hex() {
        return Ok(());
    }
    Err(SourceError::DigestMismatch { expected: expected.clone(), got })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_512: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                           2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    #[test]
    fn content_is_held_against_its_address() {
        let check = |content: &[u8], digest: &str, ok: bool| {
            let digest = Digest::parse(digest).unwrap();
            let mut reader = Verified::new(content, digest.clone());
            let outcome = reader.read_to_end(&mut Vec::new());
            assert_eq!(outcome.is_ok(), ok, "{outcome:?}");
            assert_eq!(verify(content, &digest).is_ok(), ok);
            // Asked again, it says the same.
            assert_eq!(reader.read(&mut [0]).is_ok(), ok);
            if let Err(err) = outcome {
                assert_eq!(err.kind(), io::ErrorKind::InvalidData);
                assert!(err.to_string().contains(digest.as_str()), "{err}");
            }
        };
        check(b"abc", ABC, true);
        check(b"abc", ABC_512, true);
        check(b"ab", ABC, false);
        check(b"abcd", ABC_512, false);
        check(b"", ABC, false);
    }
}
