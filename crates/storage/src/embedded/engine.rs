//! Opening, closing and handing out work.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, ThreadId};

use fjall::config::PinningPolicy;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use super::flight::Committer;
use super::reader::Reader;
use super::space::{Space, engine_error};
use super::tx::Tx;
use super::writer::{Job, Message, Writer, poisoned};
use crate::error::StorageError;
use crate::signal::Signals;
use crate::vault::{EngineVault, SubjectOf};

/// Writes that may wait before callers are held back.
const QUEUE: usize = 4096;

/// How a new key space is laid out: filters and indexes of tables stay in memory, at about ten bits a key. Most keys that are
/// looked up are not there (ids of new events, aliases, new persons), which only a filter tells without a read, and a filter
/// that is read from the disk for that is as large as thousands of rows.
pub(crate) fn keyspace_options() -> fjall::KeyspaceCreateOptions {
    fjall::KeyspaceCreateOptions::default()
        .filter_block_pinning_policy(PinningPolicy::all(true))
        .index_block_pinning_policy(PinningPolicy::all(true))
}

/// Sizes of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Bytes of the block cache. Default 64 MiB.
    pub cache_bytes: u64,
    /// Threads for flushes and compactions. Default 2.
    pub background_threads: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, background_threads: 2 }
    }
}

/// The embedded engine; a cheap handle. Dropping the last handle finishes the queue, like [`close`](Self::close).
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    database: fjall::Database,
    directory: PathBuf,
    spaces: Mutex<HashMap<String, Space>>,
    vault: Arc<EngineVault>,
    queue: mpsc::Sender<Message>,
    poisoned: Arc<AtomicBool>,
    signals: Signals,
    /// Its sender lives on the writer thread, so it ends when the thread does.
    finished: watch::Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The thread that commits, for which the other one waits.
    commits: ThreadId,
}

impl Engine {
    /// Opens a data directory, creating it when it does not exist. Blocks while the journal is recovered.
    ///
    /// # Errors
    /// [`StorageError::Locked`] when another process has it open; [`StorageError::Corrupt`] when what is there does not
    /// decode; [`StorageError::Unavailable`] when it cannot be read or written.
    pub fn open(directory: &Path) -> Result<Self, StorageError> {
        Self::open_with(directory, &EngineOptions::default())
    }

    /// [`open`](Self::open) with sizes other than the default ones.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(directory: &Path, options: &EngineOptions) -> Result<Self, StorageError> {
        let database = fjall::Database::builder(directory)
            .cache_size(options.cache_bytes)
            .worker_threads(options.background_threads.max(1))
            .open()
            .map_err(|error| match error {
                fjall::Error::Locked => StorageError::Locked(directory.to_owned()),
                fjall::Error::Io(error) => {
                    StorageError::unavailable("embedded", format_args!("{}: {error}", directory.display()))
                }
                other => engine_error(other),
            })?;
        let vault = Arc::new(EngineVault::open(&database, directory)?);
        let (queue, receiver) = mpsc::channel(QUEUE);
        let (running, finished) = watch::channel(());
        let poisoned = Arc::new(AtomicBool::new(false));
        let signals = Signals::default();
        let committer = Arc::new(Committer {
            database: database.clone(),
            vault: Arc::clone(&vault),
            poisoned: poisoned.clone(),
            signals: signals.clone(),
        });
        let (groups, received) = std::sync::mpsc::sync_channel(1);
        let writer = Writer { queue: receiver, committer: Arc::clone(&committer), groups, poisoned: poisoned.clone() };
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(run)
                .map_err(|error| StorageError::unavailable("embedded", error))
        };
        let commits = spawn("attune-commit", Box::new(move || committer.run(&received)))?;
        let committing = commits.thread().id();
        let thread = spawn(
            "attune-writer",
            Box::new(move || {
                let _running = running;
                writer.run();
                // The writer is gone and with it the sender, so the other thread ends after its last group.
                let _ = commits.join();
            }),
        )?;
        Ok(Self(Arc::new(Inner {
            database,
            directory: directory.to_owned(),
            spaces: Mutex::default(),
            vault,
            queue,
            poisoned,
            signals,
            finished,
            thread: Mutex::new(Some(thread)),
            commits: committing,
        })))
    }

    /// The data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Opens a space, creating it when it does not exist. Meant for start-up: creating one writes to the disk.
    ///
    /// # Errors
    /// [`StorageError::Invalid`] for a name that is empty or longer than 255 bytes; [`StorageError::Unavailable`] when
    /// the disk refuses.
    pub fn space(&self, name: &str) -> Result<Space, StorageError> {
        if !(1..=255).contains(&name.len()) {
            return Err(StorageError::Invalid { field: "space", reason: "must have 1 to 255 bytes" });
        }
        let mut spaces = self.0.spaces.lock();
        if let Some(space) = spaces.get(name) {
            return Ok(space.clone());
        }
        let keyspace = self.0.database.keyspace(name, keyspace_options).map_err(engine_error)?;
        let space = Space { keyspace, subject_of: Arc::new(OnceLock::new()), vault: Arc::clone(&self.0.vault) };
        spaces.insert(name.to_owned(), space.clone());
        Ok(space)
    }

    /// [`space`](Self::space) whose rows are sealed with the key of the subject that `subject_of` tells from the row's key.
    /// All handles of the space seal from now on, also those opened before; what is read is opened in every space. A space
    /// keeps the rule it was given first.
    ///
    /// # Errors
    /// As [`space`](Self::space).
    pub fn sealed_space(&self, name: &str, subject_of: SubjectOf) -> Result<Space, StorageError> {
        let space = self.space(name)?;
        let _ = space.subject_of.set(subject_of);
        Ok(space)
    }

    /// Runs `work` as a transaction on the writer thread and answers once what it wrote is durable.
    ///
    /// The closure holds up every other write, so it computes nothing long and waits for nothing. Once it is queued it
    /// runs, even when the future is dropped.
    ///
    /// # Errors
    /// What the closure answers, its writes then being discarded; [`StorageError::Unavailable`] when the disk refused the
    /// group or an earlier one (the outcome of the group is then unknown until the next start);
    /// [`StorageError::Internal`] when the closure panicked; [`StorageError::Closed`] after [`close`](Self::close).
    pub async fn write<R, E, F>(&self, work: F) -> Result<R, E>
    where
        F: FnOnce(&mut Tx) -> Result<R, E> + Send + 'static,
        R: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        if self.0.poisoned.load(Ordering::Acquire) {
            return Err(poisoned().into());
        }
        let (reply, answer) = oneshot::channel();
        let job = Job { closure: Some(work), answer: None, reply };
        self.0.queue.send(Message::Work(Box::new(job))).await.map_err(|_| E::from(StorageError::Closed))?;
        answer.await.unwrap_or_else(|_| Err(StorageError::Closed.into()))
    }

    /// A snapshot of everything that is durable now.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { snapshot: self.0.database.snapshot() }
    }

    /// Whether writes are accepted: not closed, and no commit has failed.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.0.poisoned.load(Ordering::Acquire) && !self.0.queue.is_closed()
    }

    /// Bytes of the data directory.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the directory cannot be read.
    pub fn disk_bytes(&self) -> Result<u64, StorageError> {
        self.0.database.disk_space().map_err(engine_error)
    }

    /// Finishes and answers what is queued, then refuses writes with [`StorageError::Closed`]. Reads go on. The directory
    /// is unlocked when the last [`Engine`], [`Space`] and [`Reader`] is dropped. May be called again.
    pub async fn close(&self) {
        // An error means that it is closed already.
        let _ = self.0.queue.send(Message::Close).await;
        let mut finished = self.0.finished.clone();
        while finished.changed().await.is_ok() {}
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.0.signals
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Engine").field(&self.0.directory).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The thread ends once the queue has no sender; swapping in a dead one drops ours before the join.
        let (dead, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.queue, dead));
        if let Some(thread) = self.thread.get_mut().take() {
            // A closure or an answer may hold the last handle; neither thread can wait for itself.
            let here = std::thread::current().id();
            if here != thread.thread().id() && here != self.commits {
                let _ = thread.join();
            }
        }
    }
}
