//! What every implementation of [`Resources`] must do, as a test that can be run against any of them.

use attune_kernel::Timestamp;
use futures::future::join_all;

use super::{Record, Resources};
use crate::error::StorageError;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

/// Runs the suite against an empty store.
///
/// # Errors
/// What the store answers where the suite expects success.
///
/// # Panics
/// When the store breaks its contract.
pub async fn run(store: &dyn Resources) -> Result<(), StorageError> {
    create_get_update_delete(store).await?;
    lists_are_ordered_by_bytes_and_paged(store).await?;
    request_ids_make_creation_repeatable(store).await?;
    versions_rise_with_every_write_of_the_kind(store).await?;
    bad_names_are_refused(store).await?;
    of_concurrent_writers_one_wins(store).await
}

async fn create_get_update_delete(store: &dyn Resources) -> Result<(), StorageError> {
    let odd = Record { revision: 77, ..Record::new("offer", "a", vec![0, 1, 255, 0], at(1)) };
    let made = store.create(odd, None).await?;
    assert_eq!(made, Record::new("offer", "a", vec![0, 1, 255, 0], at(1)), "a record begins with revision 1");
    assert_eq!(store.get("offer", "a").await?, Some(made.clone()));
    assert_eq!(store.get("message", "a").await?, None, "kinds are separate");

    let again = store.create(Record::new("offer", "a", vec![9], at(2)), None).await;
    assert!(matches!(again, Err(StorageError::AlreadyExists { ref kind, ref id }) if kind == "offer" && id == "a"));

    let second = store.update("offer", "a", Some(1), vec![2], at(3)).await?;
    assert_eq!(second, Record { revision: 2, body: vec![2], updated: at(3), ..made });
    let stale = store.update("offer", "a", Some(1), vec![3], at(4)).await;
    assert_eq!(stale, Err(StorageError::RevisionMismatch { expected: 1, found: 2 }));
    assert_eq!(store.require("offer", "a").await?, second, "a refused write changes nothing");
    let third = store.update("offer", "a", None, Vec::new(), at(5)).await?;
    assert_eq!((third.revision, third.body.len(), third.created), (3, 0, at(1)));

    let stale = store.delete("offer", "a", Some(2)).await;
    assert_eq!(stale, Err(StorageError::RevisionMismatch { expected: 2, found: 3 }));
    store.delete("offer", "a", Some(3)).await?;
    let gone = StorageError::NotFound { kind: "offer".to_owned(), id: "a".to_owned() };
    assert_eq!(store.get("offer", "a").await?, None);
    assert_eq!(store.require("offer", "a").await, Err(gone.clone()));
    assert_eq!(store.update("offer", "a", None, vec![], at(6)).await, Err(gone.clone()));
    assert_eq!(store.update("offer", "a", Some(3), vec![], at(6)).await, Err(gone.clone()));
    assert_eq!(store.delete("offer", "a", None).await, Err(gone));
    let reborn = store.create(Record::new("offer", "a", vec![1], at(7)), None).await?;
    assert_eq!(reborn.revision, 1, "the id of a deleted record can be created again");
    store.delete("offer", "a", None).await
}

async fn lists_are_ordered_by_bytes_and_paged(store: &dyn Resources) -> Result<(), StorageError> {
    // In the order of bytes, which is no language's.
    let ids = ["A", "B", "a", "a b", "a-b", "a.b", "ab", "b", "z", "é", "한"];
    for id in ids.iter().rev() {
        store.create(Record::new("page", *id, id.as_bytes().to_vec(), at(1)), None).await?;
    }
    store.create(Record::new("page2", "a", vec![], at(1)), None).await?;
    let listed = |records: Vec<Record>| records.into_iter().map(|record| record.id).collect::<Vec<_>>();
    assert_eq!(listed(store.list("page", None, 100).await?), ids);
    assert_eq!(listed(store.list("page", Some("a b"), 3).await?), ["a-b", "a.b", "ab"]);
    assert_eq!(listed(store.list("page", Some("aa"), 2).await?), ["ab", "b"], "the start need not exist");
    assert!(store.list("page", Some("한"), 100).await?.is_empty());
    assert!(store.list("page", None, 0).await?.is_empty());
    assert!(store.list("nothing", None, 100).await?.is_empty());
    Ok(())
}

async fn request_ids_make_creation_repeatable(store: &dyn Resources) -> Result<(), StorageError> {
    let first = store.create(Record::new("ask", "one", vec![1], at(1)), Some("r1")).await?;
    let version = store.version("ask").await?;
    assert_eq!(store.create(Record::new("ask", "one", vec![1], at(2)), Some("r1")).await?, first);
    assert_eq!(store.create(Record::new("ask", "drawn", vec![1], at(2)), Some("r1")).await?, first);
    assert_eq!(store.get("ask", "drawn").await?, None);
    assert_eq!(store.version("ask").await?, version, "a repeat writes nothing");
    let reused = store.create(Record::new("ask", "two", vec![2], at(3)), Some("r1")).await;
    assert_eq!(reused, Err(StorageError::RequestIdReused));

    store.update("ask", "one", None, vec![5], at(4)).await?;
    assert_eq!(store.create(Record::new("ask", "one", vec![1], at(5)), Some("r1")).await?, first);
    store.create(Record::new("ask2", "one", vec![9], at(5)), Some("r1")).await?;

    let taken = store.create(Record::new("ask", "one", vec![6], at(6)), Some("r2")).await;
    assert!(matches!(taken, Err(StorageError::AlreadyExists { .. })));
    store.create(Record::new("ask", "three", vec![7], at(7)), Some("r2")).await?;
    assert_eq!(store.get("ask", "three").await?.map(|record| record.body), Some(vec![7]), "a failure claims no id");

    assert_eq!(store.forget_requests(at(5)).await?, 1, "r1 of kind ask was used at 1 s");
    let forgotten = store.create(Record::new("ask", "one", vec![1], at(8)), Some("r1")).await;
    assert!(matches!(forgotten, Err(StorageError::AlreadyExists { .. })));

    let same = |id: u32| store.create(Record::new("race", format!("id{id}"), vec![1], at(1)), Some("r"));
    let answers = join_all((0..8).map(same)).await;
    let first = answers[0].clone()?;
    assert!(answers.iter().all(|answer| answer.as_ref() == Ok(&first)), "concurrent repeats answer the same");
    assert_eq!(store.list("race", None, 100).await?, [first]);
    Ok(())
}

async fn versions_rise_with_every_write_of_the_kind(store: &dyn Resources) -> Result<(), StorageError> {
    assert_eq!(store.version("fresh").await?, 0);
    store.create(Record::new("fresh", "a", vec![], at(1)), None).await?;
    let created = store.version("fresh").await?;
    store.update("fresh", "a", None, vec![1], at(2)).await?;
    let updated = store.version("fresh").await?;
    store.delete("fresh", "a", None).await?;
    let deleted = store.version("fresh").await?;
    assert!(0 < created && created < updated && updated < deleted);
    assert!(store.delete("fresh", "a", None).await.is_err());
    assert_eq!(store.version("fresh").await?, deleted, "a refused write does not count");
    Ok(())
}

async fn bad_names_are_refused(store: &dyn Resources) -> Result<(), StorageError> {
    let long = "x".repeat(513);
    for bad in ["", "a\0b", long.as_str()] {
        let by_id = store.create(Record::new("offer", bad, vec![], at(1)), None).await;
        assert!(matches!(by_id, Err(StorageError::Invalid { field: "id", .. })));
        let by_kind = store.create(Record::new(bad, "a", vec![], at(1)), None).await;
        assert!(matches!(by_kind, Err(StorageError::Invalid { field: "kind", .. })));
        let by_request = store.create(Record::new("offer", "bad", vec![], at(1)), Some(bad)).await;
        assert!(matches!(by_request, Err(StorageError::Invalid { field: "request_id", .. })));
        assert_eq!(store.get("offer", bad).await?, None);
    }
    assert_eq!(store.get("offer", "bad").await?, None);
    Ok(())
}

async fn of_concurrent_writers_one_wins(store: &dyn Resources) -> Result<(), StorageError> {
    let create = |body: u8| store.create(Record::new("duel", "a", vec![body], at(1)), None);
    let created = join_all((0..16).map(create)).await;
    assert_eq!(created.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(created.iter().all(|answer| matches!(answer, Ok(_) | Err(StorageError::AlreadyExists { .. }))));

    let conditional = |body: u8| store.update("duel", "a", Some(1), vec![body], at(2));
    let updated = join_all((0..16).map(conditional)).await;
    assert_eq!(updated.iter().filter(|answer| answer.is_ok()).count(), 1);

    let unconditional = |body: u8| store.update("duel", "a", None, vec![body], at(3));
    for answer in join_all((0..16).map(unconditional)).await {
        answer?;
    }
    assert_eq!(store.require("duel", "a").await?.revision, 18, "no update is lost");
    Ok(())
}
