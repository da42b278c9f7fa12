//! The one thing a service is handed to open its store from.

use std::sync::Arc;

use crate::embedded::Engine;
use crate::error::StorageError;
use crate::feed::FeedReader;
use crate::postgres::Postgres;
use crate::resources::{EmbeddedResources, PostgresResources, Resources};

/// Which store there is. A service matches on it once, in `store::open`.
#[derive(Debug, Clone)]
pub enum Storage {
    /// One data directory of this process, shared by all services; each has a space of its own.
    Embedded(Engine),
    /// A database; the handle is bound to the schema of one service.
    Postgres(Postgres),
}

impl Storage {
    /// The resource store of a service.
    ///
    /// `space` names the space of the embedded engine; over Postgres the schema of the handle decides, and it must
    /// contain [`resources::MIGRATION_SQL`](crate::resources::MIGRATION_SQL).
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the engine cannot create the space.
    pub fn resources(&self, space: &str) -> Result<Arc<dyn Resources>, StorageError> {
        Ok(match self {
            Self::Embedded(engine) => Arc::new(EmbeddedResources::new(engine.clone(), engine.space(space)?)),
            Self::Postgres(postgres) => Arc::new(PostgresResources::new(postgres.clone())),
        })
    }

    /// A reader of the feeds of a service; `space` as for [`resources`](Self::resources), the schema must contain
    /// [`feed::MIGRATION_SQL`](crate::feed::MIGRATION_SQL).
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the engine cannot create the space.
    pub fn feed_reader(&self, space: &str) -> Result<FeedReader, StorageError> {
        Ok(match self {
            Self::Embedded(engine) => FeedReader::embedded(engine.clone(), engine.space(space)?),
            Self::Postgres(postgres) => FeedReader::postgres(postgres.clone()),
        })
    }
}
