//! A view made from all records of some kinds, kept until they change.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use attune_kernel::Problem;
use attune_storage::resources::MAX_PAGE;
use attune_storage::{Record, Resources};
use parking_lot::RwLock;

use super::Resource;
use super::methods::message;

/// How long a view may be behind writes of other processes.
const CHECK_EVERY: Duration = Duration::from_millis(200);
/// How often the records are read again when they change meanwhile.
const READ_TRIES: usize = 5;

/// Tells the views of a process of its own writes. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Writes(Arc<AtomicU64>);

impl Writes {
    /// Says that something was written.
    pub fn touch(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// All records of the kinds of a view, as of one moment.
#[derive(Debug, Default)]
pub struct Records(HashMap<&'static str, Vec<Record>>);

impl Records {
    /// The messages of a kind, ordered by id.
    ///
    /// # Errors
    /// `INTERNAL` when a stored body does not decode.
    pub fn of<R: Resource>(&self) -> Result<Vec<R::Message>, Problem> {
        self.0.get(R::KIND).into_iter().flatten().map(message::<R>).collect()
    }
}

type Compile<T> = Box<dyn Fn(&Records) -> Result<T, Problem> + Send + Sync>;

/// A view of type `T` over all records of some kinds. [`get`](Self::get) is cheap: it looks for changes every 200 ms, and
/// at once after a write of this process.
pub struct Compiled<T> {
    resources: Arc<dyn Resources>,
    kinds: Vec<&'static str>,
    writes: Writes,
    compile: Compile<T>,
    every: Duration,
    current: RwLock<Option<Current<T>>>,
    // One caller reloads; the others go on with what there is.
    reloading: tokio::sync::Mutex<()>,
}

struct Current<T> {
    view: Arc<T>,
    versions: Vec<u64>,
    writes: u64,
    checked: Instant,
}

impl<T: Send + Sync + 'static> Compiled<T> {
    /// A view of these kinds, made by `compile`.
    pub fn new(
        resources: Arc<dyn Resources>,
        writes: Writes,
        kinds: &[&'static str],
        compile: impl Fn(&Records) -> Result<T, Problem> + Send + Sync + 'static,
    ) -> Self {
        Self {
            resources,
            kinds: kinds.to_vec(),
            writes,
            compile: Box::new(compile),
            every: CHECK_EVERY,
            current: RwLock::new(None),
            reloading: tokio::sync::Mutex::new(()),
        }
    }

    /// Changes how often the view looks for writes of other processes.
    #[must_use]
    pub const fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// The view. When the store does not answer, the last one there was.
    ///
    /// # Errors
    /// What the store or `compile` answered, when there was no view yet.
    pub async fn get(&self) -> Result<Arc<T>, Problem> {
        if let Some(view) = self.fresh(Instant::now()) {
            return Ok(view);
        }
        let _one = self.reloading.lock().await;
        // Whoever held the lock has looked while this caller waited.
        if let Some(view) = self.fresh(Instant::now()) {
            return Ok(view);
        }
        let writes = self.writes.count();
        match self.look(writes).await {
            Ok(view) => Ok(view),
            Err(problem) => self.postpone().map_or(Err(problem.clone()), |view| {
                tracing::warn!(kinds = ?self.kinds, %problem, "going on with the last view");
                Ok(view)
            }),
        }
    }

    fn fresh(&self, now: Instant) -> Option<Arc<T>> {
        let current = self.current.read();
        let current = current.as_ref()?;
        let due = now.duration_since(current.checked) >= self.every || current.writes != self.writes.count();
        (!due).then(|| current.view.clone())
    }

    async fn look(&self, writes: u64) -> Result<Arc<T>, Problem> {
        let mut versions = self.versions().await?;
        if let Some(current) = self.current.write().as_mut().filter(|current| current.versions == versions) {
            current.checked = Instant::now();
            current.writes = writes;
            return Ok(current.view.clone());
        }
        let mut tries = READ_TRIES;
        let records = loop {
            let records = self.records().await?;
            let after = self.versions().await?;
            if after == versions || tries == 1 {
                break records;
            }
            // What was read may lie between two writes; the older version makes the next look read again.
            tries -= 1;
            versions = after;
        };
        let view = Arc::new((self.compile)(&records)?);
        *self.current.write() = Some(Current { view: view.clone(), versions, writes, checked: Instant::now() });
        Ok(view)
    }

    /// The last view, not to be looked after again before the next time is due.
    fn postpone(&self) -> Option<Arc<T>> {
        let mut current = self.current.write();
        let current = current.as_mut()?;
        current.checked = Instant::now();
        current.writes = self.writes.count();
        Some(current.view.clone())
    }

    async fn versions(&self) -> Result<Vec<u64>, Problem> {
        let mut versions = Vec::with_capacity(self.kinds.len());
        for kind in &self.kinds {
            versions.push(self.resources.version(kind).await?);
        }
        Ok(versions)
    }

    async fn records(&self) -> Result<Records, Problem> {
        let mut all = HashMap::new();
        for kind in &self.kinds {
            let mut records: Vec<Record> = Vec::new();
            loop {
                let after = records.last().map(|record| record.id.clone());
                let page = self.resources.list(kind, after.as_deref(), MAX_PAGE).await?;
                let last = page.len() < MAX_PAGE;
                records.extend(page);
                if last {
                    break;
                }
            }
            all.insert(*kind, records);
        }
        Ok(Records(all))
    }
}
