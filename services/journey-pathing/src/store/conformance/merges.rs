//! What a merge moves and a split gives back.

use super::*;

#[tokio::test]
async fn a_merge_moves_events_and_what_is_remembered() {
    over_both(|store| async move {
        observe(
            &store,
            vec![event("old", "1", 0, "view"), event("new", "2", 10, "cart"), event("new", "1", 0, "view")],
            20,
        )
        .await;
        let merge =
            |surviving: &str, merged: &str| PersonChange::Merge { surviving: surviving.into(), merged: merged.into() };
        let apply = |offset, change| {
            let store = Arc::clone(&store);
            async move { store.apply(&book(), offset, change, at(30)).await.unwrap() }
        };
        assert!(apply(5, merge("old", "new")).await);
        assert!(!apply(5, merge("old", "new")).await && !apply(4, merge("new", "old")).await, "applied before");
        assert_eq!(logged(&store, Selection::default()).await, log_of([("old", "view cart")]));
        let persons = vec!["new".to_owned()];
        assert_eq!(logged(&store, Selection { persons, ..Selection::default() }).await, log_of([("old", "view cart")]));
        assert_eq!(told(&store).await.last(), Some(&one("old", "view>cart")));
        let stage = |id: &str| {
            let (store, id) = (Arc::clone(&store), id.to_owned());
            async move { store.stages(id).await.unwrap().pop().and_then(|(_, state)| state.stage).map(|at| at.stage) }
        };
        assert_eq!((stage("new").await.as_deref(), stage("old").await.as_deref()), (Some("cart"), Some("cart")));
        // Events of the old id reach the survivor; what is known stays known; the open cart fires once, for the survivor.
        let late = vec![event("new", "2", 10, "cart"), event("new", "3", 15, "home")];
        assert_eq!(observe(&store, late, 40).await, [Fate::Duplicate, Fate::New]);
        assert!(apply(6, merge("eve", "old")).await, "a survivor can be merged itself");
        assert_eq!(observe(&store, vec![event("new", "4", 16, "home")], 41).await, [Fate::New]);
        assert_eq!(logged(&store, Selection::default()).await, log_of([("eve", "view cart home home")]));
        store.fire_due(&book(), at(9999), 10).await.unwrap();
        assert_eq!(triggers(&store).await, [one("eve", "left mail 2 3610")]);
    })
    .await;
}

#[tokio::test]
async fn a_merge_fires_what_was_due_and_nothing_again() {
    over_both(|store| async move {
        observe(&store, vec![event("a", "1", 0, "cart"), event("b", "2", 5000, "cart")], 5000).await;
        let change = PersonChange::Merge { surviving: "b".into(), merged: "a".into() };
        store.apply(&book(), 1, change, at(5001)).await.unwrap();
        assert_eq!(triggers(&store).await, [one("a", "left mail 1 3600")]);
        store.fire_due(&book(), at(99_999), 10).await.unwrap();
        assert_eq!(triggers(&store).await[1..], [one("b", "left mail 2 8600")]);
    })
    .await;
}

#[tokio::test]
async fn a_split_takes_the_events_of_its_identifiers() {
    over_both(|store| async move {
        let events = vec![
            by_cookie("x", event("ada", "1", 0, "view")),
            by_cookie("y", event("ada", "2", 5, "cart")),
            event("ada", "3", 9, "home"),
        ];
        observe(&store, events, 10).await;
        let change = PersonChange::Split {
            person: "ada".into(),
            split: "eva".into(),
            ids: vec![],
            identifiers: vec![cookie("y")],
        };
        store.apply(&book(), 1, change, at(20)).await.unwrap();
        assert_eq!(logged(&store, Selection::default()).await, log_of([("ada", "view home"), ("eva", "cart")]));
        let after = told(&store).await;
        assert_eq!(after[2..], [one("ada", "cart>view"), one("eva", ">cart")]);
        store.fire_due(&book(), at(9999), 10).await.unwrap();
        assert_eq!(triggers(&store).await, [one("eva", "left mail 2 3605")]);
        assert_eq!(observe(&store, vec![event("eva", "2", 5, "cart")], 30).await, [Fate::Duplicate]);
    })
    .await;
}

#[tokio::test]
async fn a_merge_that_is_taken_back_leaves_nothing() {
    over_both(|store| async move {
        let events = vec![
            by_cookie("x", event("ada", "1", 0, "view")),
            by_cookie("y", event("eva", "2", 5, "cart")),
            by_cookie("z", event("eve", "3", 6, "view")),
        ];
        observe(&store, events, 10).await;
        let merge =
            |surviving: &str, merged: &str| PersonChange::Merge { surviving: surviving.into(), merged: merged.into() };
        store.apply(&book(), 1, merge("eva", "eve"), at(20)).await.unwrap();
        store.apply(&book(), 2, merge("ada", "eva"), at(20)).await.unwrap();
        // By the identifiers of each, under the id that survived; and without one, under an id that did not.
        let since = vec![
            by_cookie("x", event("ada", "4", 21, "view")),
            by_cookie("y", event("ada", "5", 22, "view")),
            by_cookie("z", event("ada", "6", 23, "cart")),
            event("eve", "7", 24, "view"),
        ];
        assert_eq!(observe(&store, since, 30).await, [Fate::New; 4]);
        let split = |person: &str, split: &str, ids: &[&str], cookies: &[&str]| PersonChange::Split {
            person: person.into(),
            split: split.into(),
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            identifiers: cookies.iter().map(|one| cookie(one)).collect(),
        };
        // The merge below is taken back first, then the other.
        store.apply(&book(), 3, split("ada", "eve", &["eve"], &["z"]), at(40)).await.unwrap();
        assert_eq!(
            logged(&store, Selection::default()).await,
            log_of([("ada", "view cart view view"), ("eve", "view cart view")])
        );
        store.apply(&book(), 4, split("ada", "eva", &["eva"], &["y"]), at(50)).await.unwrap();
        assert_eq!(
            logged(&store, Selection::default()).await,
            log_of([("ada", "view view"), ("eva", "cart view"), ("eve", "view cart view")])
        );
        observe(&store, vec![event("eve", "8", 51, "home")], 60).await;
        assert_eq!(
            logged(&store, Selection { persons: vec!["eve".into()], ..Selection::default() }).await,
            log_of([("eve", "view cart view home")])
        );
    })
    .await;
}
