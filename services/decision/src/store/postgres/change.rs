//! Changes of who is who.

use attune_kernel::{DecisionId, PersonId};
use attune_storage::{StorageError, Transaction};

use super::super::{Change, WhoIsWho, codec, nobody};
use super::{id16, today};

const EXCLUSIVE: &str = "SELECT pg_advisory_xact_lock(hashtext('attune who is who'), hashtext(current_schema()))";

pub(super) async fn apply(tx: &Transaction<'_, '_>, change: &Change) -> Result<bool, StorageError> {
    tx.query(EXCLUSIVE, &[]).await?;
    let sql = "INSERT INTO person_change (change_offset) VALUES ($1) ON CONFLICT DO NOTHING";
    if tx.execute(sql, &[&change.offset]).await? == 0 {
        return Ok(false);
    }
    match &change.what {
        WhoIsWho::Merged { surviving, merged } => {
            let target = today(tx, std::iter::once(*surviving)).await?;
            match target.get(surviving).copied().unwrap_or(Some(surviving.to_bytes())) {
                Some(target) if target == merged.to_bytes() => {}
                Some(target) => {
                    for table in ["decision", "receipt", "response"] {
                        let sql = format!("UPDATE {table} SET person_key = $1 WHERE person_key = $2");
                        tx.execute(&sql, &[&target.as_slice(), &merged.to_bytes().as_slice()]).await?;
                    }
                    alias(tx, *merged, Some(target)).await?;
                }
                None => forget(tx, *merged, nobody(&format!("merged {}", change.offset))).await?,
            }
        }
        WhoIsWho::Split => {}
        WhoIsWho::Erased { persons, anonymous } => {
            for person in persons {
                forget(tx, *person, *anonymous).await?;
            }
        }
    }
    Ok(true)
}

/// Leads a person, and everybody who led to them, to another one or to nobody.
async fn alias(tx: &Transaction<'_, '_>, person: PersonId, target: Option<[u8; 16]>) -> Result<(), StorageError> {
    let (id, target) = (person.to_bytes().to_vec(), target.map(Vec::from));
    tx.execute("UPDATE person_alias SET target = $2 WHERE target = $1", &[&id, &target]).await?;
    let sql = "INSERT INTO person_alias (person_id, target) VALUES ($1, $2) \
               ON CONFLICT (person_id) DO UPDATE SET target = excluded.target";
    tx.execute(sql, &[&id, &target]).await?;
    Ok(())
}

async fn forget(tx: &Transaction<'_, '_>, person: PersonId, anonymous: [u8; 16]) -> Result<(), StorageError> {
    let (from, to) = (person.to_bytes().to_vec(), anonymous.to_vec());
    for row in tx.query("SELECT id, body FROM decision WHERE person_key = $1", &[&from]).await? {
        let id: Vec<u8> = row.get(0);
        let mut decision = codec::decode(DecisionId::from_bytes(id16(&id)?), row.get(1))?;
        decision.forget_person();
        let sql = "UPDATE decision SET person_key = $2, is_person = false, request_id = NULL, body = $3 WHERE id = $1";
        tx.execute(sql, &[&id, &to, &codec::encode(&decision)]).await?;
    }
    for table in ["receipt", "response"] {
        let sql = format!("UPDATE {table} SET person_key = $1 WHERE person_key = $2");
        tx.execute(&sql, &[&to, &from]).await?;
    }
    alias(tx, person, None).await
}
