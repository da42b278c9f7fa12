//! What the errors of Postgres mean to a store.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::error::StorageError;

pub(super) const STORE: &str = "postgres";

impl From<tokio_postgres::Error> for StorageError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(database) = error.as_db_error() else {
            // A value of another type than the column's is a defect of the statement, not of the connection.
            return if is_conversion(&error) {
                Self::Internal(error.to_string())
            } else {
                Self::unavailable(STORE, sources(&error))
            };
        };
        let code = database.code();
        let sqlstate = code.code();
        match code {
            &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => {
                Self::Conflict(format!("sqlstate {sqlstate}"))
            }
            &SqlState::UNIQUE_VIOLATION => {
                Self::Unique { constraint: database.constraint().unwrap_or_default().to_owned() }
            }
            &SqlState::LOCK_NOT_AVAILABLE | &SqlState::QUERY_CANCELED => {
                Self::unavailable(STORE, format_args!("timed out, sqlstate {sqlstate}: {}", database.message()))
            }
            // Connection, resources, operator intervention, system: they pass.
            _ if ["08", "53", "57", "58"].iter().any(|class| sqlstate.starts_with(class)) => {
                Self::unavailable(STORE, format_args!("sqlstate {sqlstate}: {}", database.message()))
            }
            // A read-only server is a standby that is about to become, or was, the primary.
            &SqlState::READ_ONLY_SQL_TRANSACTION => Self::unavailable(STORE, "the server is read-only"),
            // The texts of data and integrity errors repeat the offending value, which may be personal.
            _ if sqlstate.starts_with("22") || sqlstate.starts_with("23") => {
                Self::Internal(format!("sqlstate {sqlstate}, constraint {}", database.constraint().unwrap_or("none")))
            }
            _ => Self::Internal(format!("sqlstate {sqlstate}: {}", database.message())),
        }
    }
}

impl From<PoolError> for StorageError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => match error.into() {
                // Wrong passwords and missing databases are mended outside, while this process waits.
                Self::Internal(message) => Self::unavailable(STORE, message),
                other => other,
            },
            other => Self::unavailable(STORE, other),
        }
    }
}

fn is_conversion(error: &tokio_postgres::Error) -> bool {
    let text = error.to_string();
    text.starts_with("error serializing parameter")
        || text.starts_with("error deserializing column")
        || text.starts_with("invalid column")
        || text.starts_with("expected ")
        || text.starts_with("query returned an unexpected number of rows")
}

/// The error and what caused it, in one line: the driver's own text names only the kind.
fn sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let part = cause.to_string();
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        source = cause.source();
    }
    text
}
