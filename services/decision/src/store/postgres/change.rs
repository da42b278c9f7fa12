//! Changes of who is who.

use attune_kernel::PersonId;
use attune_storage::{StorageError, Transaction};

use super::super::{Change, WhoIsWho, codec, nobody};
use super::{seal, today};

const EXCLUSIVE: &str = "SELECT pg_advisory_xact_lock(hashtext('attune who is who'), hashtext(current_schema()))";

/// Answers whether it was applied, and whose keys were destroyed, by their slots.
pub(super) async fn apply(tx: &Transaction<'_, '_>, change: &Change) -> Result<(bool, Vec<u64>), StorageError> {
    tx.query(EXCLUSIVE, &[]).await?;
    let sql = "INSERT INTO person_change (change_offset) VALUES ($1) ON CONFLICT DO NOTHING";
    if tx.execute(sql, &[&change.offset]).await? == 0 {
        return Ok((false, Vec::new()));
    }
    let mut slots = Vec::new();
    match &change.what {
        WhoIsWho::Merged { surviving, merged } => {
            let target = today(tx, std::iter::once(*surviving)).await?;
            match target.get(surviving).copied().unwrap_or(Some(surviving.to_bytes())) {
                Some(target) if target == merged.to_bytes() => {}
                Some(target) => {
                    for table in ["decision", "receipt", "response"] {
                        let sql = format!(
                            "UPDATE {table} SET person_key = $1, origin = coalesce(origin, person_key) WHERE person_key = $2"
                        );
                        tx.execute(&sql, &[&target.as_slice(), &merged.to_bytes().as_slice()]).await?;
                    }
                    alias(tx, *merged, Some(target)).await?;
                }
                None => forget(tx, *merged, nobody(&format!("merged {}", change.offset))).await?,
            }
        }
        WhoIsWho::Split { person, split, ids } => slots = self::split(tx, *person, *split, ids).await?,
        WhoIsWho::Erased { persons, anonymous } => {
            for person in persons {
                forget(tx, *person, *anonymous).await?;
            }
            let ids: Vec<[u8; 16]> = persons.iter().map(|person| person.to_bytes()).collect();
            let subjects: Vec<&[u8]> = ids.iter().map(|id| id.as_slice()).collect();
            slots = tx.vault().shred(tx, &subjects).await?;
        }
    }
    Ok((true, slots))
}

/// Gives a person that was merged away back what was recorded for their ids.
async fn split(
    tx: &Transaction<'_, '_>,
    person: PersonId,
    split: PersonId,
    ids: &[PersonId],
) -> Result<Vec<u64>, StorageError> {
    let to = split.to_bytes().to_vec();
    tx.execute("DELETE FROM person_alias WHERE person_id = $1 AND target IS NOT NULL", &[&to]).await?;
    let known = today(tx, [person, split].into_iter()).await?;
    let from = known.get(&person).copied().unwrap_or(Some(person.to_bytes()));
    // Who was erased is not brought back.
    let Some(from) = from.filter(|_| !known.contains_key(&split)).map(|from| from.to_vec()) else {
        return Ok(Vec::new());
    };
    if from == to {
        return Ok(Vec::new());
    }
    let ids: Vec<Vec<u8>> = ids.iter().chain([&split]).map(|id| id.to_bytes().to_vec()).collect();
    let sql = "UPDATE person_alias SET target = $1 WHERE target = $2 AND person_id = ANY($3)";
    tx.execute(sql, &[&to, &from, &ids]).await?;
    // A response goes where the decision goes that it was joined to.
    let sql = "UPDATE response SET person_key = $1, origin = NULLIF(coalesce(origin, $1), $1) WHERE person_key = $2 AND \
               CASE WHEN decision_id IS NULL THEN origin = ANY($3) ELSE EXISTS (SELECT FROM decision AS d \
               WHERE d.id = response.decision_id AND d.person_key = $2 AND d.origin = ANY($3)) END";
    tx.execute(sql, &[&to, &from, &ids]).await?;
    for table in ["receipt", "decision"] {
        let sql = format!(
            "UPDATE {table} SET person_key = $1, origin = NULLIF(origin, $1) WHERE person_key = $2 AND origin = ANY($3)"
        );
        tx.execute(&sql, &[&to, &from, &ids]).await?;
    }
    seal::renew(tx, &[from, to]).await
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
    for mut decision in seal::decisions_of(tx, &from).await? {
        let id = decision.id.to_bytes().to_vec();
        decision.forget_person();
        let body = seal::bodies(tx, &[(id.as_slice(), None, codec::encode(&decision))]).await?;
        let sql = "UPDATE decision SET person_key = $2, is_person = false, request_id = NULL, origin = NULL, body = $3 WHERE id = $1";
        tx.execute(sql, &[&id, &to, &body[0]]).await?;
    }
    for table in ["receipt", "response"] {
        let sql = format!("UPDATE {table} SET person_key = $1, origin = NULL WHERE person_key = $2");
        tx.execute(&sql, &[&to, &from]).await?;
    }
    alias(tx, person, None).await
}
