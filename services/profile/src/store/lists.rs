//! Named lists of persons that stay as they were, but for those who are erased.
//!
//! A person is added in a transaction that holds their document, so that nobody comes into a list whose erasure is under way.
//! Keys of the embedded engine: `ls` members by list, `lp` lists by person.

use attune_storage::key::{KeyReader, key};
use attune_storage::{Engine, Postgres, Scan, Space, Storage, Transaction, Tx};

use super::SCHEMA;
use crate::error::Error;

/// Removed in one transaction.
const STEP: usize = 5000;

/// The lists of a store.
#[derive(Clone)]
pub(crate) enum Lists {
    /// In the embedded engine.
    Embedded(Engine, Space),
    /// In Postgres.
    Postgres(Postgres),
}

impl Lists {
    /// Opens them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) fn open(storage: &Storage) -> Result<Self, Error> {
        Ok(match storage {
            Storage::Embedded(engine) => Self::Embedded(engine.clone(), engine.space(SCHEMA)?),
            Storage::Postgres(postgres) => Self::Postgres(postgres.clone()),
        })
    }

    /// Adds persons who have a document; the others are left out, as is who is in it already.
    ///
    /// # Errors
    /// When the store does not answer; then nobody is added.
    pub(crate) async fn add(&self, list: &str, persons: &[String]) -> Result<(), Error> {
        match self {
            Self::Embedded(engine, space) => {
                let (space, list, persons) = (space.clone(), list.to_owned(), persons.to_vec());
                engine
                    .write(move |tx| {
                        for person in persons {
                            if tx.get(&space, key().str("do").str(&person).build())?.is_some() {
                                tx.put(&space, member(&list, &person), Vec::new())?;
                                tx.put(&space, key().str("lp").str(&person).str(&list).build(), Vec::new())?;
                            }
                        }
                        Ok::<_, Error>(())
                    })
                    .await
            }
            Self::Postgres(postgres) => {
                // The share of the row waits for an erasure that holds it and is waited for by one that comes.
                let sql = "WITH held AS MATERIALIZED (SELECT person_id FROM document WHERE person_id = ANY($2) \
                           AND body <> '' ORDER BY person_id FOR KEY SHARE) \
                           INSERT INTO list_member (list_id, person_id) SELECT $1, person_id FROM held \
                           ON CONFLICT DO NOTHING";
                postgres.client().await?.execute(sql, &[&list, &persons]).await?;
                Ok(())
            }
        }
    }

    /// The members by id after `after`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn members(&self, list: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        match self {
            Self::Embedded(engine, space) => {
                let mut scan = Scan::prefix(key().str("ls").str(list).build()).limit(limit);
                if let Some(after) = after {
                    scan = scan.above(member(list, after));
                }
                engine.reader().scan(space, &scan)?.iter().map(|(at, _)| third(at)).collect()
            }
            Self::Postgres(postgres) => {
                let sql = "SELECT person_id FROM list_member WHERE list_id = $1 AND person_id > $2 \
                           ORDER BY person_id LIMIT $3";
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let client = postgres.client().await?;
                let rows = client.query(sql, &[&list, &after.unwrap_or_default(), &limit]).await?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            }
        }
    }

    /// How many members a list has.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn count(&self, list: &str) -> Result<u64, Error> {
        match self {
            Self::Embedded(engine, space) => {
                let mut count = 0;
                engine.reader().visit(space, &Scan::prefix(key().str("ls").str(list).build()), |_, _| {
                    count += 1;
                    std::ops::ControlFlow::Continue(())
                })?;
                Ok(count)
            }
            Self::Postgres(postgres) => {
                let sql = "SELECT count(*) FROM list_member WHERE list_id = $1";
                let row = postgres.client().await?.query_one(sql, &[&list]).await?;
                Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
            }
        }
    }

    /// Removes a list, a step at a time.
    ///
    /// # Errors
    /// When the store does not answer; steps before it are done.
    pub(crate) async fn remove(&self, list: &str) -> Result<(), Error> {
        loop {
            let members = self.members(list, None, STEP).await?;
            if members.is_empty() {
                return Ok(());
            }
            match self {
                Self::Embedded(engine, space) => {
                    let (space, list) = (space.clone(), list.to_owned());
                    engine
                        .write(move |tx| {
                            for person in members {
                                tx.delete(&space, member(&list, &person))?;
                                tx.delete(&space, key().str("lp").str(&person).str(&list).build())?;
                            }
                            Ok::<_, Error>(())
                        })
                        .await?;
                }
                Self::Postgres(postgres) => {
                    let sql = "DELETE FROM list_member WHERE list_id = $1 AND person_id = ANY($2)";
                    postgres.client().await?.execute(sql, &[&list, &members]).await?;
                }
            }
        }
    }
}

fn member(list: &str, person: &str) -> Vec<u8> {
    key().str("ls").str(list).str(person).build()
}

/// The third part of a key.
fn third(at: &[u8]) -> Result<String, Error> {
    let mut at = KeyReader::new(at);
    at.str()?;
    at.str()?;
    Ok(at.str()?)
}

/// Takes a person out of all lists, within the erasure.
pub(super) fn erase_embedded(tx: &mut Tx, space: &Space, person: &str) -> Result<(), Error> {
    for (at, _) in tx.scan(space, &Scan::prefix(key().str("lp").str(person).build()))? {
        tx.delete(space, member(&third(&at)?, person))?;
        tx.delete(space, at.to_vec())?;
    }
    Ok(())
}

/// Takes persons out of all lists, within the erasure.
pub(super) async fn erase(tx: &Transaction<'_, '_>, persons: &[String]) -> Result<(), Error> {
    tx.execute("DELETE FROM list_member WHERE person_id = ANY($1)", &[&persons]).await?;
    Ok(())
}
