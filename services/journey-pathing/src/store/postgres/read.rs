//! Reading outside transactions.

use attune_storage::postgres::Row;
use attune_storage::{Postgres, StorageError};

use super::record::LogWriter;
use super::records::to_aliases;
use super::seal;
use crate::domain::live::Person;
use crate::domain::log::EventLog;
use crate::error::Error;
use crate::store::Selection;

/// Events of one statement, so that none runs for long.
const PAGE: i64 = 20_000;

/// What is remembered of a person, by any id.
pub(super) async fn person(postgres: &Postgres, asked: &str) -> Result<Person, Error> {
    let client = postgres.client().await?;
    let sql = "SELECT person_id, survivor_id FROM alias WHERE person_id = $1";
    let id = match to_aliases(&client.query(sql, &[&asked]).await?)?.remove(asked) {
        None => asked.to_owned(),
        Some(Some(survivor)) => survivor,
        Some(None) => return Err(Error::PersonErased),
    };
    let row = client.query_opt("SELECT state FROM person WHERE person_id = $1", &[&id]).await?;
    let Some(row) = row else { return Ok(Person::default()) };
    let state = row.try_get(0).map_err(StorageError::from)?;
    Ok(seal::persons(postgres.vault(), &client, &[(id.as_str(), state)]).await?.pop().flatten().unwrap_or_default())
}

/// Where an event stands in the log.
type Place = (String, i64, i64, String);

fn place(row: &Row) -> Result<Place, StorageError> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
}

/// A part of the log, in pages by the place of the last event.
pub(super) async fn log(postgres: &Postgres, selection: &Selection) -> Result<EventLog, Error> {
    let client = postgres.client().await?;
    let mut persons = None;
    if !selection.persons.is_empty() {
        let sql = "SELECT DISTINCT coalesce(a.survivor_id, p.id) FROM unnest($1::text[]) AS p (id)
                   LEFT JOIN alias a ON a.person_id = p.id";
        let rows = client.query(sql, &[&selection.persons]).await?;
        let behind = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<String>, StorageError>>()?;
        persons = Some(behind);
    }
    let names = (!selection.names.is_empty()).then_some(&selection.names);
    let start = selection.start.map_or(i64::MIN, |start| start.as_micros());
    let end = selection.end.map(|end| end.as_micros());
    let sql = "SELECT person_id, time, sequence, event_id, body FROM event
               WHERE (person_id, time, sequence, event_id) > ($1, $2, $3, $4)
                 AND ($5::text[] IS NULL OR person_id = ANY($5)) AND ($6::text[] IS NULL OR name = ANY($6))
                 AND time >= $7 AND ($8::bigint IS NULL OR time < $8)
               ORDER BY person_id, time, sequence, event_id LIMIT $9";
    let mut writer = LogWriter::new(selection.properties);
    let mut taken = 0;
    let mut after: Place = (String::new(), i64::MIN, i64::MIN, String::new());
    loop {
        let rows =
            client.query(sql, &[&after.0, &after.1, &after.2, &after.3, &persons, &names, &start, &end, &PAGE]).await?;
        let stored = rows.iter().map(|row| Ok((row.try_get(3)?, row.try_get(4)?)));
        let stored = stored.collect::<Result<Vec<(&str, &[u8])>, StorageError>>()?;
        for (row, recorded) in rows.iter().zip(seal::events(postgres.vault(), &client, &stored).await?) {
            let Some(recorded) = recorded else { continue };
            taken += 1;
            if taken > selection.limit {
                return Err(Error::TooManyEvents { limit: selection.limit });
            }
            let person = row.try_get(0).map_err(StorageError::from)?;
            writer.push(person, recorded)?;
        }
        match rows.last() {
            Some(last) if rows.len() == usize::try_from(PAGE).unwrap_or(usize::MAX) => after = place(last)?,
            _ => return Ok(writer.finish()?),
        }
    }
}
