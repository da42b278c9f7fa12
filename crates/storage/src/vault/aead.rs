//! Sealing a value with a key.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 8 | slot of the key, big-endian |
//! | 12 | nonce, random |
//! | n | AES-256-GCM of the value (NIST SP 800-38D) |
//! | 16 | tag |
//!
//! Nonces are random; a key seals one subject's rows, far fewer than the 2^32 messages for which 96 random bits are enough.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::error::StorageError;

const VERSION: u8 = 1;
const HEAD: usize = 9;
const TAG: usize = 16;

/// Bytes that sealing adds to a value.
pub const OVERHEAD: usize = HEAD + NONCE_LEN + TAG;

/// A key; its memory is overwritten when it is dropped.
pub type Secret = Zeroizing<[u8; 32]>;

/// Where a sealed value lies: it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The space, or schema and table.
    pub table: &'a str,
    /// The key of the row.
    pub row: &'a [u8],
}

impl Place<'_> {
    fn bind(&self, head: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(head.len() + 8 + self.table.len() + self.row.len());
        out.extend_from_slice(head);
        // The length keeps table and row apart.
        out.extend_from_slice(&(self.table.len() as u64).to_be_bytes());
        out.extend_from_slice(self.table.as_bytes());
        out.extend_from_slice(self.row);
        out
    }
}

fn failed(what: &str) -> StorageError {
    StorageError::Internal(format!("vault: {what}"))
}

/// Randomness for nonces, drawn for many at once: a call into the system for each costs more than sealing a short value.
pub(super) struct Nonces {
    drawn: Vec<u8>,
}

impl Nonces {
    /// How many are drawn at once.
    const DRAWN: usize = 512;

    pub(super) const fn new() -> Self {
        Self { drawn: Vec::new() }
    }

    fn next(&mut self) -> Result<[u8; NONCE_LEN], StorageError> {
        if self.drawn.is_empty() {
            self.drawn.resize(Self::DRAWN * NONCE_LEN, 0);
            SystemRandom::new().fill(&mut self.drawn).map_err(|_| failed("no randomness"))?;
        }
        let rest = self.drawn.len() - NONCE_LEN;
        let nonce = self.drawn.last_chunk().copied().ok_or_else(|| failed("no randomness"))?;
        self.drawn.truncate(rest);
        Ok(nonce)
    }
}

/// A key that is ready to seal, with its slot: making it ready costs about as much as sealing a short value.
pub(super) struct Sealer {
    cipher: LessSafeKey,
    slot: u64,
}

impl Sealer {
    pub(super) fn new(secret: &Secret, slot: u64) -> Result<Self, StorageError> {
        Ok(Self { cipher: cipher(secret)?, slot })
    }

    /// As [`seal`].
    pub(super) fn seal(&self, nonces: &mut Nonces, place: &Place<'_>, value: &[u8]) -> Result<Vec<u8>, StorageError> {
        sealed(&self.cipher, self.slot, nonces.next()?, place, value)
    }
}

fn cipher(secret: &Secret) -> Result<LessSafeKey, StorageError> {
    UnboundKey::new(&AES_256_GCM, &secret[..]).map(LessSafeKey::new).map_err(|_| failed("the key does not fit"))
}

/// A new key.
///
/// # Errors
/// [`StorageError::Internal`] when the system has no randomness.
pub fn random_secret() -> Result<Secret, StorageError> {
    let mut secret = Secret::default();
    SystemRandom::new().fill(&mut secret[..]).map_err(|_| failed("no randomness"))?;
    Ok(secret)
}

/// Seals a value; the answer has [`OVERHEAD`] bytes more.
///
/// # Errors
/// [`StorageError::Internal`] when the system has no randomness or the value is longer than the cipher allows (64 GiB).
pub fn seal(secret: &Secret, slot: u64, place: &Place<'_>, value: &[u8]) -> Result<Vec<u8>, StorageError> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| failed("no randomness"))?;
    sealed(&cipher(secret)?, slot, nonce, place, value)
}

fn sealed(
    cipher: &LessSafeKey,
    slot: u64,
    nonce: [u8; NONCE_LEN],
    place: &Place<'_>,
    value: &[u8],
) -> Result<Vec<u8>, StorageError> {
    let mut out = Vec::with_capacity(value.len() + OVERHEAD);
    out.push(VERSION);
    out.extend_from_slice(&slot.to_be_bytes());
    let bound = place.bind(&out);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(value);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = cipher
        .seal_in_place_separate_tag(nonce, Aad::from(bound), &mut out[HEAD + NONCE_LEN..])
        .map_err(|_| failed("a value does not seal"))?;
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

/// The slot of the key that sealed a value.
///
/// # Errors
/// [`StorageError::Corrupt`] when these are not the bytes of a sealed value.
pub fn slot_of(sealed: &[u8]) -> Result<u64, StorageError> {
    let corrupt = || StorageError::Corrupt("vault: not a sealed value".to_owned());
    let (version, rest) = sealed.split_first().ok_or_else(corrupt)?;
    let slot = rest.first_chunk::<8>().filter(|_| *version == VERSION && sealed.len() >= OVERHEAD);
    slot.map(|slot| u64::from_be_bytes(*slot)).ok_or_else(corrupt)
}

/// Opens a sealed value.
///
/// # Errors
/// [`StorageError::Corrupt`] when the key, the place or a byte is another than when it was sealed.
pub fn open(secret: &Secret, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, StorageError> {
    slot_of(sealed)?;
    let corrupt = || StorageError::Corrupt("vault: a value does not open".to_owned());
    let (head, rest) = sealed.split_at(HEAD);
    let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(corrupt)?;
    let mut out = rest.to_vec();
    let length = cipher(secret)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place.bind(head)), &mut out)
        .map_err(|_| corrupt())?
        .len();
    out.truncate(length);
    Ok(out)
}
