//! What both stores must do.

use std::time::Duration;

use attune_kernel::{Personal, Timestamp};

use super::Store;
use crate::domain::change::Change;
use crate::domain::record::{Attempt, Delivery, InboxEvent, Lead, Lease, Receipt, Request, StateName};
use crate::error::Error;

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Runs every check on an empty store.
pub(crate) async fn run(store: Store) {
    events(&store).await;
    cursors(&store).await;
    deliveries(&store).await;
    lost_leases(&store).await;
    erasure(&store).await;
    nothing_is_overlooked(&store).await;
    leads(&store).await;
}

fn at(seconds: u64) -> Timestamp {
    T0.plus(Duration::from_secs(seconds))
}

/// A lease of ten seconds taken at `seconds`.
fn lease(owner: &str, seconds: u64) -> Lease {
    Lease { owner: owner.to_owned(), now: at(seconds), deadline: at(seconds + 10) }
}

fn event(id: &str) -> InboxEvent {
    InboxEvent { event_id: id.to_owned(), received: T0, body: Personal::new(id.as_bytes().to_vec()) }
}

fn ids(of: &[crate::domain::record::Claimed]) -> Vec<&str> {
    of.iter().map(|one| one.event.event_id.as_str()).collect()
}

async fn events(store: &Store) {
    let inbox = &store.inbox;
    assert_eq!(
        inbox.accept(vec![event("b"), event("a"), event("b"), event("c")]).await.unwrap(),
        [true, true, false, true]
    );
    assert_eq!(inbox.accept(vec![event("c"), event("d")]).await.unwrap(), [false, true]);
    let first = inbox.claim(&lease("one", 0), 0, 3).await.unwrap();
    assert_eq!(ids(&first), ["b", "a", "c"], "in order of arrival");
    assert_eq!(first[0].event, event("b"));
    let next = inbox.claim(&lease("one", 1), first[2].position, 3).await.unwrap();
    assert_eq!(ids(&next), ["d"], "what comes after a position");
    assert!(inbox.claim(&lease("two", 5), 0, 3).await.unwrap().is_empty(), "one holder at a time");
    assert!(matches!(inbox.done(&lease("two", 5), &[first[0].position]).await, Err(Error::LeaseLost)));
    assert_eq!(inbox.counts().await.unwrap().pending, 4);

    inbox.done(&lease("one", 6), &[first[0].position]).await.unwrap();
    inbox.done(&lease("one", 6), &[first[0].position]).await.unwrap();
    let failure = |why: &str| vec![(first[1].position, why.to_owned())];
    assert_eq!(inbox.failed(&lease("one", 6), &failure("first"), 2).await.unwrap(), 0);
    let again = inbox.claim(&lease("one", 7), 0, 9).await.unwrap();
    assert_eq!((ids(&again), again[0].failures), (vec!["a", "c", "d"], 1));
    assert_eq!(inbox.failed(&lease("one", 8), &failure("second"), 2).await.unwrap(), 1);
    let counts = inbox.counts().await.unwrap();
    assert_eq!((counts.pending, counts.done, counts.quarantined, counts.oldest), (2, 1, 1, Some(T0)));

    let taken = inbox.claim(&lease("two", 60), 0, 9).await.unwrap();
    assert_eq!(ids(&taken), ["c", "d"], "an expired lease is taken over");
    assert!(matches!(inbox.done(&lease("one", 61), &[taken[0].position]).await, Err(Error::LeaseLost)));
    assert!(matches!(inbox.failed(&lease("one", 61), &failure("late"), 2).await, Err(Error::LeaseLost)));
    assert!(
        matches!(inbox.done(&lease("two", 99), &[taken[0].position]).await, Err(Error::LeaseLost)),
        "even by its holder"
    );
    inbox.claim(&lease("two", 100), 0, 9).await.unwrap();
    inbox.done(&lease("two", 101), &taken.iter().map(|one| one.position).collect::<Vec<_>>()).await.unwrap();
    let counts = inbox.counts().await.unwrap();
    assert_eq!((counts.pending, counts.done, counts.oldest), (0, 3, None));
    assert_eq!(
        inbox.accept(vec![event("a"), event("d")]).await.unwrap(),
        [false, false],
        "also when done or set aside"
    );
    assert!(inbox.claim(&lease("two", 102), 0, 9).await.unwrap().is_empty());
}

async fn cursors(store: &Store) {
    assert_eq!(store.inbox.cursor("identity").await.unwrap(), 0);
    store.inbox.advance("identity", 7).await.unwrap();
    store.inbox.advance("identity", 5).await.unwrap();
    assert_eq!(store.inbox.cursor("identity").await.unwrap(), 7, "never falls");
    assert_eq!(store.inbox.cursor("segments").await.unwrap(), 0);
}

fn delivery(id: &str, person: &str, due: Timestamp) -> Delivery {
    let request = Request {
        request_id: format!("request {id}"),
        person_id: person.to_owned(),
        channel: "mail".to_owned(),
        message_id: "hello".to_owned(),
        variables: Personal::new("{}".to_owned()),
        decision_id: String::new(),
        offer_id: String::new(),
        campaign_id: String::new(),
        purpose: "marketing".to_owned(),
        not_before: Some(due),
        expires: None,
    };
    Delivery::queued(id.to_owned(), request, T0)
}

fn intent(number: u32) -> Change {
    let attempt = Attempt {
        number,
        provider_key: "k".to_owned(),
        intent: T0,
        settled: None,
        outcome: String::new(),
        detail: String::new(),
    };
    Change::Intent { attempt, reservation_id: "r".to_owned() }
}

fn settled(state: StateName, due: Timestamp, lead: Option<Lead>) -> Change {
    let lead = lead.map(Box::new);
    Change::Settled { outcome: "DELIVERED", detail: String::new(), state, keep_open: false, due, lead }
}

fn names(of: &[Delivery]) -> Vec<&str> {
    of.iter().map(|one| one.delivery_id.as_str()).collect()
}

async fn deliveries(store: &Store) {
    let outbox = &store.outbox;
    let given = vec![
        delivery("d3", "p", at(3)),
        delivery("d1", "p", at(1)),
        delivery("d2", "p", at(2)),
        delivery("d9", "p", at(9)),
    ];
    let answers = outbox.enqueue(given).await.unwrap();
    assert_eq!(answers[0], ("d3".to_owned(), false));
    let mut repeat = delivery("d1", "p", at(1));
    repeat.delivery_id = "other".to_owned();
    assert_eq!(outbox.enqueue(vec![repeat]).await.unwrap(), [("d1".to_owned(), true)], "the first id stays in force");

    let mine = outbox.claim(&lease("one", 0), at(3), 2).await.unwrap();
    assert_eq!(names(&mine), ["d1", "d2"], "oldest due first");
    assert_eq!(names(&outbox.claim(&lease("two", 0), at(3), 9).await.unwrap()), ["d3"], "each to one");
    let change = |id: &str, change: Change| (id.to_owned(), change);
    let applied =
        outbox.apply(&lease("one", 5), at(5), vec![change("d1", intent(1)), change("d3", intent(1))]).await.unwrap();
    assert_eq!(applied, [true, false], "only one's own");
    let open = outbox.get("d1").await.unwrap().unwrap();
    assert_eq!((open.state, open.has_open_attempt(), open.reservation_id.as_str()), (StateName::Attempting, true, "r"));
    let ends = vec![
        change("d1", settled(StateName::Delivered, at(5), None)),
        change("d2", Change::Ended { state: StateName::Suppressed, by: "cap".to_owned() }),
    ];
    assert_eq!(outbox.apply(&lease("one", 6), at(6), ends.clone()).await.unwrap(), [true, true]);
    assert_eq!(
        outbox.apply(&lease("one", 6), at(6), ends).await.unwrap(),
        [false, false],
        "a lease ends with its change"
    );
    assert_eq!(
        outbox.apply(&lease("two", 6), at(6), vec![change("d3", Change::Later { due: at(20) })]).await.unwrap(),
        [true]
    );
    assert_eq!(names(&outbox.claim(&lease("one", 7), at(15), 9).await.unwrap()), ["d9"], "not before it is due");

    let counts = outbox.counts().await.unwrap();
    let of = |state: &str| counts.states.get(state).copied().unwrap_or_default();
    assert_eq!((of("DELIVERED"), of("SUPPRESSED"), of("QUEUED"), of("ATTEMPTING")), (1, 1, 2, 0));
    assert_eq!((counts.suppressed["cap"], counts.attempts), (1, 1));
    assert_eq!(names(&outbox.list(None, None, 3).await.unwrap()), ["d1", "d2", "d3"]);
    assert_eq!(names(&outbox.list(Some(StateName::Queued), Some("d3"), 3).await.unwrap()), ["d9"]);

    let receipt = Receipt { receipt_id: "r".to_owned(), kind: "opened".to_owned(), time: T0 };
    assert!(outbox.receipt("d1", receipt.clone()).await.unwrap());
    assert!(!outbox.receipt("d1", receipt.clone()).await.unwrap());
    assert!(matches!(outbox.receipt("none", receipt).await, Err(Error::NotFound("delivery", _))));
    assert!(outbox.get("none").await.unwrap().is_none());
}

/// A worker whose lease expired must not act, whether or not somebody else took over.
async fn lost_leases(store: &Store) {
    let outbox = &store.outbox;
    outbox.enqueue(vec![delivery("l1", "p", T0)]).await.unwrap();
    assert_eq!(names(&outbox.claim(&lease("one", 100), T0, 9).await.unwrap()), ["l1"]);
    let act = || vec![("l1".to_owned(), intent(1))];
    assert_eq!(outbox.apply(&lease("one", 110), T0, act()).await.unwrap(), [false], "at the deadline it is over");
    assert_eq!(names(&outbox.claim(&lease("two", 110), T0, 9).await.unwrap()), ["l1"]);
    assert_eq!(outbox.apply(&lease("one", 111), T0, act()).await.unwrap(), [false]);
    assert_eq!(outbox.apply(&lease("two", 111), T0, act()).await.unwrap(), [true]);
    let hold = || vec![("l1".to_owned(), Change::Hold)];
    assert_eq!(
        outbox.apply(&lease("two", 120), T0, hold()).await.unwrap(),
        [true],
        "an intent renews, and so does a hold"
    );
    assert_eq!(outbox.apply(&lease("two", 129), T0, hold()).await.unwrap(), [true]);
    assert!(outbox.claim(&lease("one", 130), T0, 9).await.unwrap().is_empty());
    assert_eq!(
        names(&outbox.claim(&lease("two", 130), T0, 9).await.unwrap()),
        ["l1"],
        "its own leftovers come back at once"
    );
    let end = vec![("l1".to_owned(), settled(StateName::Dead, T0, None))];
    assert_eq!(outbox.apply(&lease("two", 131), T0, end).await.unwrap(), [true]);
}

async fn erasure(store: &Store) {
    let outbox = &store.outbox;
    let late = at(10_000);
    outbox
        .enqueue(vec![delivery("e1", "gone", late), delivery("e2", "stays", late), delivery("e3", "gone", T0)])
        .await
        .unwrap();
    assert_eq!(names(&outbox.claim(&lease("one", 200), T0, 9).await.unwrap()), ["e3"]);
    outbox.apply(&lease("one", 201), T0, vec![("e3".to_owned(), intent(1))]).await.unwrap();
    let gone = ["gone".to_owned()];
    let of_gone = outbox.of_persons(&gone, None, 9).await.unwrap();
    assert_eq!(names(&of_gone), ["e1", "e3"]);
    assert_eq!(names(&outbox.of_persons(&gone, Some("e1"), 9).await.unwrap()), ["e3"]);
    store.inbox.accept(vec![event("waits")]).await.unwrap();
    let erased = outbox.erase(&gone, T0).await.unwrap();
    let waiting = store.inbox.claim(&lease("erasure", 300), 0, 9).await.unwrap();
    assert_eq!(waiting.last().unwrap().event, event("waits"), "what waits is sealed anew and stays");
    let positions: Vec<u64> = waiting.iter().map(|one| one.position).collect();
    store.inbox.done(&lease("erasure", 301), &positions).await.unwrap();
    assert_eq!((erased.deliveries, erased.leads), (2, 0));
    assert!(erased.keys > 0);
    assert!(outbox.of_persons(&gone, None, 9).await.unwrap().is_empty());
    assert_eq!(outbox.erase(&gone, T0).await.unwrap().deliveries, 0);
    assert_eq!(outbox.get("e1").await.unwrap().unwrap().suppressed_by, "erased");
    assert_eq!(outbox.get("e2").await.unwrap().unwrap().state, StateName::Queued);
    assert_eq!(outbox.counts().await.unwrap().suppressed["erased"], 1);
    let open = outbox.get("e3").await.unwrap().unwrap();
    assert_eq!((open.state, open.request.person_id.as_str()), (StateName::Unknown, ""));
    let end = vec![("e3".to_owned(), settled(StateName::Dead, T0, None))];
    assert_eq!(outbox.apply(&lease("one", 202), T0, end).await.unwrap(), [false], "nobody holds it any more");
    let mut repeat = delivery("e4", "gone", late);
    repeat.request.request_id = "request e1".to_owned();
    let again = outbox.enqueue(vec![repeat]).await.unwrap();
    assert_eq!(again, [("e1".to_owned(), true)], "a late repeat of the request sends nothing");
}

/// A delivery that is put while another is claimed, with an earlier time than what is claimed, is found all the same.
async fn nothing_is_overlooked(store: &Store) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 50;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let outbox = store.outbox.clone();
            tokio::spawn(async move {
                for index in 0..EACH {
                    let id = format!("race-{writer}-{index}");
                    let earlier_and_earlier = at(5000 - index);
                    outbox.enqueue(vec![delivery(&id, "racer", earlier_and_earlier)]).await.unwrap();
                }
            })
        })
        .collect();
    let lease = lease("racing-worker", 30);
    let mut done = 0;
    for _ in 0..5000 {
        let claimed = store.outbox.claim(&lease, at(6000), 7).await.unwrap();
        if claimed.is_empty() && writers.iter().all(tokio::task::JoinHandle::is_finished) && done >= WRITERS * EACH {
            break;
        }
        let mine = claimed.iter().filter(|one| one.delivery_id.starts_with("race-"));
        let ended =
            mine.map(|one| (one.delivery_id.clone(), Change::Ended { state: StateName::Expired, by: String::new() }));
        let ended: Vec<_> = ended.collect();
        if !ended.is_empty() {
            let applied = store.outbox.apply(&lease, at(6000), ended).await.unwrap();
            done += applied.iter().filter(|applied| **applied).count() as u64;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(done, WRITERS * EACH);
}

async fn leads(store: &Store) {
    let lead = |id: &str| Lead {
        lead_id: id.to_owned(),
        channel: "branch".to_owned(),
        person_id: "p".to_owned(),
        offer_id: "o".to_owned(),
        decision_id: "d".to_owned(),
        content: Personal::new("call".to_owned()),
        agent: String::new(),
        claimed_until: None,
        outcome: String::new(),
        created: T0,
        revision: 1,
    };
    for id in ["x1", "x2"] {
        store.outbox.enqueue(vec![delivery(id, "p", T0)]).await.unwrap();
        store.outbox.claim(&lease("one", 300), T0, 9).await.unwrap();
        let change = |change| vec![(id.to_owned(), change)];
        store.outbox.apply(&lease("one", 301), T0, change(intent(1))).await.unwrap();
        let end = change(settled(StateName::Delivered, T0, Some(lead(id))));
        assert_eq!(store.outbox.apply(&lease("one", 302), T0, end).await.unwrap(), [true]);
    }
    assert_eq!(store.leads.get("x1").await.unwrap().unwrap(), lead("x1"), "in the commit of its delivery");
    assert!(store.leads.get("none").await.unwrap().is_none());
    assert_eq!(store.leads.list(Some("branch"), Some("x1"), 9).await.unwrap(), [lead("x2")]);
    assert!(store.leads.list(Some("web"), None, 9).await.unwrap().is_empty());

    let claimed = Lead { agent: "kim".to_owned(), revision: 2, ..lead("x1") };
    store.leads.replace(claimed.clone(), Some(event("lead closed"))).await.unwrap();
    let stale = store.leads.replace(claimed.clone(), Some(event("lead closed again"))).await;
    assert!(matches!(stale, Err(Error::Conflict)));
    let missing = store.leads.replace(Lead { revision: 2, ..lead("none") }, None).await;
    assert!(matches!(missing, Err(Error::NotFound("lead", _))));
    assert_eq!(store.leads.get("x1").await.unwrap().unwrap(), claimed);
    let told = store.inbox.claim(&lease("one", 400), 0, 9).await.unwrap();
    assert_eq!(ids(&told), ["lead closed"], "the event comes with the change or not at all");
}

/// Rows from before tables were sealed.
pub(crate) struct Before {
    pub delivery: Delivery,
    pub lead: Lead,
}

/// A delivery `d`, a lead `l` and, where they are written, an event `e`.
pub(crate) fn of_before() -> Before {
    let lead = Lead {
        lead_id: "l".to_owned(),
        channel: "c".to_owned(),
        person_id: "old".to_owned(),
        offer_id: String::new(),
        decision_id: String::new(),
        content: Personal::new("call them".to_owned()),
        agent: String::new(),
        claimed_until: None,
        outcome: String::new(),
        created: T0,
        revision: 1,
    };
    Before { delivery: delivery("d", "old", at(0)), lead }
}

/// They are what they were, and an erasure takes them like others.
pub(crate) async fn reads_what_is_from_before(store: Store, before: Before) {
    assert_eq!(store.outbox.get("d").await.unwrap(), Some(before.delivery.clone()));
    assert_eq!(store.leads.get("l").await.unwrap(), Some(before.lead));
    assert_eq!(store.inbox.accept(vec![event("e")]).await.unwrap(), [false], "its id is known");
    assert_eq!(store.outbox.enqueue(vec![before.delivery]).await.unwrap(), [("d".to_owned(), false)]);
    let claimed = store.inbox.claim(&lease("one", 0), 0, 9).await.unwrap();
    assert_eq!((ids(&claimed), claimed[0].event.body.expose().as_slice()), (vec!["e"], [0x12, 0x34].as_slice()));
    let erased = store.outbox.erase(&["old".to_owned()], T0).await.unwrap();
    assert_eq!((erased.deliveries, erased.leads), (1, 1));
    assert_eq!(store.leads.get("l").await.unwrap(), None);
    let claimed = store.inbox.claim(&lease("one", 1), 0, 9).await.unwrap();
    assert_eq!((ids(&claimed), claimed[0].event.body.expose().as_slice()), (vec!["e"], [0x12, 0x34].as_slice()));
}
