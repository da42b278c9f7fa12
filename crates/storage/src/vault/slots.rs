//! The file of keys beside the embedded engine.
//!
//! A head of 64 bytes, then slots of 64 bytes: the key (32), the first 8 bytes of its SHA-256, zeros. A slot that is all
//! zeros is destroyed. A slot lies within one sector of the disk, so that it is destroyed as a whole or not at all.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::aead::Secret;
use crate::error::StorageError;

const NAME: &str = "attune.keys";
const MAGIC: &[u8; 16] = b"attune keys v1\0\0";
const SLOT: u64 = 64;
/// Keys that are made at once: one fsync for as many subjects.
const BATCH: u64 = 4096;

/// The file; made when the first key is needed.
pub(super) struct SlotFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    slots: u64,
}

fn lost(error: &io::Error) -> StorageError {
    StorageError::unavailable("embedded", format_args!("key file: {error}"))
}

fn check(key: &[u8]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&Sha256::digest(key)[..8]);
    out
}

impl SlotFile {
    /// Opens the file of a data directory, if there is one.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when it cannot be read, [`StorageError::Corrupt`] when it is another kind of file.
    pub(super) fn open(directory: &Path) -> Result<Self, StorageError> {
        let path = directory.join(NAME);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(lost(&error)),
        };
        let mut slots = 0;
        if let Some(file) = &file {
            let length = file.metadata().map_err(|error| lost(&error))?.len();
            let mut magic = [0; 16];
            // A head that was cut short was never fsynced, so no slot was given.
            if length >= SLOT {
                file.read_exact_at(&mut magic, 0).map_err(|error| lost(&error))?;
                if magic != *MAGIC {
                    return Err(StorageError::Corrupt("key file: unknown format".to_owned()));
                }
                slots = length / SLOT - 1;
            }
        }
        Ok(Self { path, state: Mutex::new(State { file, slots }) })
    }

    /// Sees to it that there are more than `slot` slots; `fresh` says that no slot was ever given.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when slots were given and the file is gone; [`StorageError::Unavailable`].
    pub(super) fn ensure(&self, slot: u64, fresh: bool) -> Result<(), StorageError> {
        let mut state = self.state.lock();
        while state.slots <= slot {
            if state.file.is_none() && !fresh {
                return Err(StorageError::Corrupt("the key file is missing".to_owned()));
            }
            self.extend(&mut state).map_err(|error| lost(&error))?;
        }
        Ok(())
    }

    fn extend(&self, state: &mut State) -> io::Result<()> {
        let is_new = state.file.is_none();
        if is_new {
            let mut options = OpenOptions::new();
            state.file =
                Some(options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.path)?);
        }
        let Some(file) = &state.file else { return Ok(()) };
        if state.slots == 0 {
            let mut head = [0; SLOT as usize];
            head[..16].copy_from_slice(MAGIC);
            file.write_all_at(&head, 0)?;
        }
        let mut keys = Zeroizing::new(vec![0; (BATCH * SLOT) as usize]);
        let random = SystemRandom::new();
        for slot in keys.chunks_exact_mut(SLOT as usize) {
            random.fill(&mut slot[..32]).map_err(|_| io::Error::other("no randomness"))?;
            let sum = check(&slot[..32]);
            slot[32..40].copy_from_slice(&sum);
        }
        file.write_all_at(&keys, (state.slots + 1) * SLOT)?;
        file.sync_all()?;
        if is_new && let Some(directory) = self.path.parent() {
            File::open(directory)?.sync_all()?;
        }
        state.slots += BATCH;
        Ok(())
    }

    /// The key of a slot; `None` when it is destroyed.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the slot is damaged or was never made; [`StorageError::Unavailable`].
    pub(super) fn read(&self, slot: u64) -> Result<Option<Secret>, StorageError> {
        let state = self.state.lock();
        let file = state.file.as_ref().filter(|_| slot < state.slots);
        let file = file.ok_or_else(|| StorageError::Corrupt(format!("key file: no slot {slot}")))?;
        let mut bytes = Zeroizing::new([0; 40]);
        file.read_exact_at(&mut bytes[..], (slot + 1) * SLOT).map_err(|error| lost(&error))?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if bytes[32..] != check(&bytes[..32]) {
            return Err(StorageError::Corrupt(format!("key file: slot {slot} is damaged")));
        }
        let mut secret = Secret::default();
        secret.copy_from_slice(&bytes[..32]);
        Ok(Some(secret))
    }

    /// Overwrites slots and waits until that is on the disk.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the disk refuses.
    pub(super) fn destroy(&self, slots: &[u64]) -> Result<(), StorageError> {
        let state = self.state.lock();
        let Some(file) = &state.file else { return Ok(()) };
        for slot in slots.iter().filter(|slot| **slot < state.slots) {
            file.write_all_at(&[0; SLOT as usize], (slot + 1) * SLOT).map_err(|error| lost(&error))?;
        }
        file.sync_all().map_err(|error| lost(&error))
    }
}
