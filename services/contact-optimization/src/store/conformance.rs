//! What every [`Store`] must do, run against both.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use attune_kernel::Timestamp;
use attune_storage::{Engine, Postgres, PostgresConfig, Storage, StorageError, migrate};
use futures::future::join_all;

use super::{MIGRATIONS, Position, Recorded, Request, Store, open};
use crate::domain::admit::{Ask, Terms, Verdict};
use crate::domain::contact::{ChangeKind, Contact, PersonChange, Touch};
use crate::domain::policy::{Limit, Policy, PolicySet};
use crate::domain::scope::Scope;

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn touch(channel: &str) -> Touch {
    Touch { channel: channel.to_owned(), offer: "gold".to_owned(), campaign: String::new() }
}

fn frequency(limit: i64, seconds: i64) -> Policy {
    let window = Duration::from_secs(seconds.unsigned_abs());
    let limit = Limit::Frequency { limit, window, per_offer: false };
    Policy { id: "frequency".to_owned(), scope: Scope::default(), limit }
}

fn capacity(id: &str, channel: &str, limit: i64) -> Policy {
    let limit = Limit::Capacity { limit, period: Duration::from_secs(DAY.unsigned_abs()) };
    Policy { id: id.to_owned(), scope: Scope { channels: vec![channel.to_owned()], ..Scope::default() }, limit }
}

fn set(policies: &[Policy]) -> Arc<PolicySet> {
    Arc::new(PolicySet::new(policies.to_vec()))
}

fn ask(channel: &str, second: i64) -> Ask {
    Ask { candidates: vec![touch(channel)], time: at(second), now: at(second), reserve: None }
}

fn reserving(id: &str, channel: &str, second: i64) -> Arc<Ask> {
    let reserve = Some(Terms { id: id.to_owned(), expire_time: at(second + 900) });
    Arc::new(Ask { reserve, ..ask(channel, second) })
}

fn request(id: &str) -> Request {
    Request { id: id.to_owned(), fingerprint: vec![1] }
}

fn contact(person: &str, id: &str, second: i64, reservation: &str) -> Contact {
    Contact {
        contact_id: id.to_owned(),
        person: person.to_owned(),
        touch: touch("sms"),
        decision_id: "d".to_owned(),
        time: at(second),
        reservation_id: reservation.to_owned(),
        origin: String::new(),
    }
}

fn admitted(verdicts: &[Verdict]) -> bool {
    verdicts[0].is_admitted()
}

struct Suite {
    store: Arc<dyn Store>,
}

impl Suite {
    async fn judge(&self, policies: &PolicySet, person: &str, second: i64) -> bool {
        admitted(&self.store.judge(policies, person, &ask("sms", second)).await.unwrap())
    }

    /// Reserves with an id of its own and answers the reservation.
    async fn reserve(&self, policies: &Arc<PolicySet>, person: &str, id: &str, second: i64) -> Option<String> {
        let asked = reserving(id, "sms", second);
        let verdicts = self.store.reserve(policies.clone(), person, request(id), asked).await.unwrap();
        verdicts[0].reservation.as_ref().map(|(id, _)| id.clone())
    }

    async fn record(&self, policies: &Arc<PolicySet>, contacts: &[Contact]) -> (usize, usize) {
        let Recorded { recorded, duplicates } = self.store.record(policies.clone(), contacts.to_vec()).await.unwrap();
        (recorded, duplicates)
    }

    async fn ids(&self, person: &str) -> Vec<String> {
        let contacts = self.store.contacts(person, None, 1000).await.unwrap();
        contacts.into_iter().map(|contact| contact.contact_id).collect()
    }

    async fn apply(&self, offset: u64, kind: ChangeKind) -> bool {
        self.store.apply(PersonChange { offset, kind }).await.unwrap()
    }

    async fn frequencies_count_contacts_and_reservations(&self) {
        let policies = set(&[frequency(2, 100)]);
        assert!(self.judge(&policies, "f1", 0).await);
        let first = self.reserve(&policies, "f1", "f1-a", 0).await.unwrap();
        assert_eq!(self.record(&policies, &[contact("f1", "f1-1", 5, &first)]).await, (1, 0));
        assert!(self.judge(&policies, "f1", 10).await, "confirmed, not counted twice");
        let second = self.reserve(&policies, "f1", "f1-b", 10).await.unwrap();
        assert_eq!(self.reserve(&policies, "f1", "f1-c", 20).await, None);
        assert_eq!(self.store.release("f1", std::slice::from_ref(&second), at(20)).await.unwrap(), 1);
        assert_eq!(self.store.release("f1", &[second], at(20)).await.unwrap(), 0);
        assert!(self.reserve(&policies, "f1", "f1-d", 20).await.is_some());
        assert!(!self.judge(&policies, "f1", 104).await);
        assert!(self.judge(&policies, "f1", 105).await, "the first contact has left the window");
        // Unconfirmed: over after its time.
        let late = Ask { now: at(920), ..ask("sms", 30) };
        assert!(admitted(&self.store.judge(&policies, "f1", &late).await.unwrap()));
    }

    async fn late_contacts_and_longer_windows_find_the_history(&self) {
        let short = set(&[frequency(1, 10)]);
        let contacts: Vec<Contact> = (0..5).map(|n| contact("h1", &format!("h{n}"), n * 100, "")).collect();
        assert_eq!(self.record(&short, &contacts).await, (5, 0));
        let long = set(&[frequency(6, 1000)]);
        assert!(self.judge(&long, "h1", 400).await);
        assert_eq!(self.record(&short, &[contact("h1", "late", 50, "")]).await, (1, 0));
        assert!(!self.judge(&long, "h1", 400).await, "the contact that came late counts");
        assert!(!self.judge(&short, "h1", 205).await, "a question about the past is answered from the past");
        assert!(self.judge(&short, "h1", 150).await);
        assert_eq!(self.reserve(&long, "h1", "h-r", 410).await, None);
        assert!(self.reserve(&long, "h1", "h-s", 1000).await.is_some(), "two have left");
    }

    async fn requests_are_answered_once(&self) {
        let policies = set(&[frequency(1, 100)]);
        let first = self.reserve(&policies, "q1", "q", 0).await;
        assert!(first.is_some());
        let again = self.store.reserve(policies.clone(), "q1", request("q"), reserving("other", "sms", 50)).await;
        assert_eq!(again.unwrap()[0].reservation.as_ref().map(|(id, _)| id.clone()), first);
        let denied = self.store.reserve(policies.clone(), "q1", request("d"), reserving("d", "sms", 50)).await.unwrap();
        assert!(!admitted(&denied));
        let same = self.store.reserve(policies.clone(), "q1", request("d"), reserving("d", "sms", 5000)).await.unwrap();
        assert_eq!(same, denied, "a denial is repeated too");
        let other = Request { fingerprint: vec![2], ..request("q") };
        let reused = self.store.reserve(policies.clone(), "q1", other, reserving("x", "sms", 60)).await;
        assert_eq!(reused, Err(StorageError::RequestIdReused));
        assert!(self.reserve(&policies, "q2", "q", 0).await.is_some(), "another person, another request");
        self.store.sweep(at(0), at(51), 100).await.unwrap();
        let forgotten = self.reserve(&policies, "q1", "d", 5000).await;
        assert!(forgotten.is_some(), "an old request is forgotten");
    }

    async fn contacts_are_taken_once_and_listed_newest_first(&self) {
        let policies = set(&[]);
        let batch = [
            contact("c1", "a", 10, ""),
            contact("c1", "b", 30, ""),
            contact("c2", "a", 20, ""),
            contact("c1", "a", 99, ""),
            contact("c1", "c", 30, ""),
        ];
        assert_eq!(self.record(&policies, &batch).await, (4, 1));
        assert_eq!(self.record(&policies, &batch).await, (0, 5));
        let all = self.store.contacts("c1", None, 9).await.unwrap();
        // Those of the same time in any order, the same each time.
        let named = |of: &[Contact]| of.iter().map(|one| one.contact_id.clone()).collect::<BTreeSet<_>>();
        assert_eq!((all.len(), named(&all[..2])), (3, BTreeSet::from(["b".to_owned(), "c".to_owned()])));
        assert_eq!(all[2], batch[0]);
        let first = self.store.contacts("c1", None, 2).await.unwrap();
        assert_eq!(first, all[..2]);
        assert!(first.contains(&batch[1]));
        let position = Position { time: first[1].time, contact_id: first[1].contact_id.clone() };
        let rest = self.store.contacts("c1", Some(&position), 2).await.unwrap();
        assert_eq!(rest, [batch[0].clone()]);
        assert!(self.ids("nobody").await.is_empty());
    }

    async fn capacities_are_given_back_when_reservations_expire(&self) {
        let policies = set(&[capacity("lines", "sms", 2)]);
        assert!(self.reserve(&policies, "k1", "k1", 0).await.is_some());
        let second = self.reserve(&policies, "k2", "k2", 10).await.unwrap();
        assert_eq!(self.reserve(&policies, "k3", "k3", 20).await, None);
        self.record(&policies, &[contact("k2", "k2-1", 30, &second)]).await;
        assert_eq!(self.reserve(&policies, "k3", "k3-b", 40).await, None, "confirmed, still counted");
        self.store.sweep(at(899), at(0), 100).await.unwrap();
        assert_eq!(self.reserve(&policies, "k3", "k3-c", 899).await, None);
        self.store.sweep(at(900), at(0), 100).await.unwrap();
        self.store.sweep(at(900), at(0), 100).await.unwrap();
        assert!(self.reserve(&policies, "k3", "k3-d", 900).await.is_some(), "the one that expired made room for one");
        assert_eq!(self.reserve(&policies, "k4", "k4", 901).await, None);
        assert!(self.reserve(&policies, "k4", "k4-b", DAY).await.is_some(), "another day, another counter");
        self.record(&policies, &[contact("k5", "k5-1", DAY + 5, "unknown")]).await;
        assert_eq!(self.reserve(&policies, "k6", "k6", DAY + 10).await, None, "an unplanned contact counts");
    }

    async fn merges_count_together_and_erasures_forget(&self) {
        let policies = set(&[frequency(2, 100), capacity("merged", "sms", 100)]);
        let both = [contact("m1", "m1-1", 10, ""), contact("m2", "m2-1", 20, ""), contact("m2", "m1-1", 10, "")];
        self.record(&policies, &both).await;
        self.record(&policies, &[contact("m0", "m0-1", 0, "")]).await;
        let merge = |surviving: &str, merged: &str| ChangeKind::Merge {
            surviving: surviving.to_owned(),
            merged: merged.to_owned(),
        };
        assert!(self.apply(1, merge("m1", "m2")).await);
        assert!(!self.apply(1, merge("m1", "m2")).await);
        for id in ["m1", "m2"] {
            assert_eq!(self.ids(id).await, ["m2-1", "m1-1"], "the contact that both had is there once");
            assert!(!self.judge(&policies, id, 105).await);
            assert!(self.judge(&policies, id, 110).await);
        }
        assert_eq!(self.record(&policies, &[contact("m2", "m1-1", 10, "")]).await, (0, 1), "known by either id");
        let held = self.reserve(&policies, "m2", "m-r", 300).await.unwrap();
        assert!(self.apply(2, merge("m0", "m1")).await);
        assert_eq!(self.ids("m2").await, ["m2-1", "m1-1", "m0-1"], "an alias of an alias");
        assert_eq!(self.reserve(&policies, "m0", "m-r", 300).await, Some(held.clone()), "requests move along");
        assert_eq!(self.record(&policies, &[contact("m1", "m1-2", 300, &held)]).await, (1, 0));
        assert!(self.judge(&policies, "m0", 301).await, "the reservation moved along and is confirmed");

        let split = |person: &str, split: &str, ids: &[&str]| ChangeKind::Split {
            person: person.to_owned(),
            split: split.to_owned(),
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        };
        assert!(self.apply(3, split("m0", "m2", &[])).await);
        assert_eq!(self.ids("m2").await, ["m2-1"], "what was recorded under it");
        assert_eq!(self.ids("m1").await, ["m1-2", "m1-1", "m0-1"]);
        assert!(self.judge(&policies, "m2", 105).await, "one contact counts");
        assert!(self.apply(4, merge("m0", "m2")).await);
        // Two ids go together, and what was recorded under the person's own id stays.
        self.record(&policies, &[contact("m0", "m0-2", 310, ""), contact("m2", "m2-2", 311, "")]).await;
        assert!(self.apply(6, split("m0", "m1", &["m1", "m2"])).await);
        assert_eq!(self.ids("m0").await, ["m0-2", "m0-1"]);
        for id in ["m1", "m2"] {
            assert_eq!(self.ids(id).await, ["m2-2", "m1-2", "m2-1", "m1-1"], "{id}");
        }
        assert!(!self.judge(&policies, "m2", 312).await && self.judge(&policies, "m0", 312).await);
        assert!(self.apply(7, split("m1", "m2", &["m2"])).await);
        assert_eq!(
            (self.ids("m1").await, self.ids("m2").await),
            (vec!["m1-2".to_owned(), "m1-1".to_owned()], vec!["m2-2".to_owned(), "m2-1".to_owned()])
        );
        assert!(self.apply(8, merge("m0", "m1")).await);
        assert!(self.apply(9, merge("m0", "m2")).await);
        self.reserve(&policies, "m0", "m-s", 5000).await.unwrap();
        let persons = ["m0", "m1", "m2"].map(str::to_owned).to_vec();
        assert!(self.apply(5, ChangeKind::Erasure { persons: persons.clone() }).await);
        for id in &persons {
            assert!(self.ids(id).await.is_empty());
            assert!(self.judge(&policies, id, 300).await);
        }
        assert_eq!(self.record(&policies, &[contact("m2", "m1-1", 10, "")]).await, (1, 0), "nothing is known of them");
        assert!(self.ids("m1").await.is_empty(), "and they are no aliases any more");
        self.store.sweep(at(100_000), at(0), 100).await.unwrap();
    }

    /// 64 callers in a race: exactly the cap.
    async fn a_cap_is_exact_under_any_number_of_callers(&self, tries: usize) {
        const CALLERS: usize = 64;
        let policies = set(&[frequency(7, 1000), capacity("race", "sms", 200)]);
        let one = |caller: usize| {
            let (store, policies) = (self.store.clone(), policies.clone());
            tokio::spawn(async move {
                let (mut won, mut of_one) = (0, 0);
                for number in 0..tries / CALLERS {
                    // Half of the tries fight for one person, the others for the capacity.
                    let fights = number % 2 == 0;
                    let person = if fights { "race".to_owned() } else { format!("race-{caller}-{number}") };
                    let id = format!("race-{caller}-{number}");
                    let asked = reserving(&id, "sms", 10);
                    let verdicts = store.reserve(policies.clone(), &person, request(&id), asked).await.unwrap();
                    won += usize::from(admitted(&verdicts));
                    of_one += usize::from(fights && admitted(&verdicts));
                }
                (won, of_one)
            })
        };
        let answers = join_all((0..CALLERS).map(one)).await;
        let (mut won, mut of_one) = (0, 0);
        for answer in answers {
            let answer = answer.unwrap();
            (won, of_one) = (won + answer.0, of_one + answer.1);
        }
        assert_eq!((won, of_one), (200, 7));
    }

    async fn run(&self, tries: usize) {
        self.store.check().await.unwrap();
        self.frequencies_count_contacts_and_reservations().await;
        self.late_contacts_and_longer_windows_find_the_history().await;
        self.requests_are_answered_once().await;
        self.contacts_are_taken_once_and_listed_newest_first().await;
        self.capacities_are_given_back_when_reservations_expire().await;
        self.merges_count_together_and_erasures_forget().await;
        self.a_cap_is_exact_under_any_number_of_callers(tries).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    Suite { store: open(&Storage::Embedded(engine)).unwrap() }.run(20_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_store_conforms() {
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("contact_test_{:016x}", rand::random::<u64>());
    let config = PostgresConfig {
        url: attune_kernel::Secret::new(url),
        schema: schema.clone(),
        lock_timeout: Duration::from_secs(60),
        statement_timeout: Duration::from_secs(60),
        connect_timeout: Duration::from_secs(60),
        ..PostgresConfig::default()
    };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, MIGRATIONS).await.unwrap();
    let suite = Suite { store: open(&Storage::Postgres(postgres.clone())).unwrap() };
    let outcome = tokio::spawn(async move { suite.run(20_000).await }).await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    outcome.unwrap();
}
