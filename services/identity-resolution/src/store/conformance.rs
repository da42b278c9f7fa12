//! What both stores must do. Over Postgres when `ATTUNE_TEST_POSTGRES` names one.

use std::collections::BTreeSet;

use attune_kernel::{PersonId, Personal, Secret};
use attune_storage::{Engine, Postgres, PostgresConfig, migrate};

use super::*;
use crate::Config;
use crate::domain::interaction::candidates;
use crate::domain::{
    Claim, Claims, Decision, Interaction, Kind, Limit, Raw, Refusal, RequestKey, Resolution, Says, Slot,
};

/// A schema of its own in a Postgres, dropped at the end.
struct Schema {
    postgres: Postgres,
    name: String,
}

impl Schema {
    async fn create() -> Option<Self> {
        let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
            println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
            return None;
        };
        let name = format!("identity_test_{:016x}", attune_service_kit::clock::IdSource::random().seed());
        let config = PostgresConfig { url: Secret::new(url), schema: name.clone(), ..PostgresConfig::default() };
        let postgres = Postgres::connect(config).await.unwrap();
        migrate(&postgres, MIGRATIONS).await.unwrap();
        Some(Self { postgres, name })
    }

    async fn drop(self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        self.postgres.client().await.unwrap().batch_execute(&sql).await.unwrap();
    }
}

/// A store with rules and a source of times and ids.
#[derive(Clone)]
struct World {
    store: Arc<dyn Store>,
    rules: Arc<Rules>,
    step: Arc<std::sync::atomic::AtomicU64>,
}

type Seen<'a> = &'a [(&'a str, &'a str)];

impl World {
    fn new(storage: &Storage) -> Self {
        let mut config = Config { touch_interval: Duration::from_secs(3600), ..Config::default() };
        if let Some(device) = config.namespaces.get_mut("device") {
            device.time_to_live = Duration::from_secs(60);
        }
        Self { store: open(storage).unwrap(), rules: Arc::new(config.rules()), step: Arc::default() }
    }

    fn tick(&self) -> (Timestamp, u128) {
        let step = self.step.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        (Timestamp::from_millis(1_700_000_000_000 + step.cast_signed()), u128::from(step) << 64)
    }

    fn interaction(&self, seen: Seen<'_>) -> Interaction {
        let raw = |(namespace, value): &(&str, &str)| Raw {
            namespace: (*namespace).to_owned(),
            value: Personal::new((*value).to_owned()),
        };
        let raw: Vec<Raw> = seen.iter().map(raw).collect();
        let (candidates, blocked) = candidates(&self.rules, &raw).unwrap();
        let (now, entropy) = self.tick();
        let (event_time, is_timed, source, read_only) = (now, false, "test".to_owned(), false);
        Interaction { candidates, blocked, event_time, is_timed, source, now, entropy, read_only }
    }

    async fn try_see(&self, seen: Seen<'_>) -> Result<Resolution, Refusal> {
        let command = Command::Resolve(vec![self.interaction(seen)], None);
        let outcome = self.store.execute(&self.rules, Arc::new(command)).await.unwrap();
        let Outcome::Resolved(mut answers) = outcome else { panic!("not a resolution") };
        answers.pop().unwrap()
    }

    async fn see(&self, seen: Seen<'_>) -> Resolution {
        self.try_see(seen).await.unwrap()
    }

    fn by(&self) -> Decision {
        let (now, entropy) = self.tick();
        Decision { actor: "ann".to_owned(), reason: "because".to_owned(), now, entropy }
    }

    async fn decide(&self, command: Command) -> Result<(Vec<PersonId>, u32), Error> {
        match self.store.execute(&self.rules, Arc::new(command)).await? {
            Outcome::Decided { persons, count } => Ok((persons, count)),
            Outcome::Resolved(_) => panic!("not a decision"),
        }
    }

    async fn person(&self, id: PersonId) -> Option<crate::domain::Person> {
        let view = self.store.view(&Lookup { persons: vec![id], ..Lookup::default() }).await.unwrap();
        let survivor = view.survivors.get(&id).copied().unwrap_or(id);
        view.persons.get(&survivor).cloned()
    }

    async fn audit(&self, subject: [u8; 16], below: Option<u64>, limit: usize) -> Vec<(u64, Entry)> {
        self.store.audit(&[subject], below, limit).await.unwrap()
    }

    async fn claim(&self, assert: Vec<Claim>, retract: Vec<Slot>) {
        let claims = Claims { assert, retract, by: self.by() };
        self.store.execute(&self.rules, Arc::new(Command::Resolve(Vec::new(), Some(claims)))).await.unwrap();
    }

    async fn feed(&self) -> Vec<Change> {
        let announced = self.store.changes(0, 1000, Duration::ZERO).await.unwrap();
        assert!(announced.iter().enumerate().all(|(at, one)| one.offset == at as u64 + 1), "offsets have no gap");
        announced.into_iter().map(|one| one.change).collect()
    }
}

async fn over_both<F, Fut>(check: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    check(World::new(&Storage::Embedded(engine))).await;
    if let Some(schema) = Schema::create().await {
        check(World::new(&Storage::Postgres(schema.postgres.clone()))).await;
        schema.drop().await;
    }
}

#[tokio::test]
async fn merges_leave_aliases_that_resolve_in_one_hop() {
    over_both(|world| async move {
        let ids = [
            world.see(&[("email", "1@x.org"), ("cookie", "c1")]).await.person,
            world.see(&[("email", "2@x.org")]).await.person,
            world.see(&[("email", "3@x.org")]).await.person,
        ];
        // The youngest two first, so that an alias has to be led on.
        let merged = world.see(&[("email", "2@x.org"), ("email", "3@x.org")]).await;
        assert_eq!((merged.person, merged.merged), (ids[1], vec![ids[2]]));
        let merged = world.see(&[("email", "3@x.org"), ("email", "1@x.org")]).await;
        assert_eq!((merged.person, merged.merged), (ids[0], vec![ids[1]]));
        for id in ids {
            let person = world.person(id).await.unwrap();
            assert_eq!((person.id, person.aliases, person.identifiers.len()), (ids[0], vec![ids[1], ids[2]], 4));
        }
        for seen in ["1@x.org", "2@x.org", "3@x.org"] {
            let again = world.see(&[("email", seen)]).await;
            assert_eq!((again.person, again.changed), (ids[0], false));
        }
        let change = |merged, survivor| Change::Merge { survivor, merged };
        assert_eq!(world.feed().await, [change(ids[2], ids[1]), change(ids[1], ids[0])]);
        let audit = world.audit(ids[2].to_bytes(), None, 10).await;
        assert_eq!(audit.len(), 1, "who was merged first has one entry");
        assert_eq!((audit[0].1.kind, audit[0].1.persons.as_slice()), (Kind::Merged, &[ids[1], ids[2]][..]));
        let all = world.audit(ids[1].to_bytes(), None, 10).await;
        assert_eq!(all.len(), 2);
        assert!(all[0].0 > all[1].0, "newest first");
        assert_eq!(world.audit(ids[1].to_bytes(), Some(all[0].0), 10).await, all[1..]);
        assert_eq!(world.audit(ids[1].to_bytes(), None, 1).await, all[..1]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_item_does_not_fail_the_batch_and_later_items_see_earlier_ones() {
    over_both(|world| async move {
        let seen: [Seen<'_>; 4] = [
            &[("customer_id", "A"), ("email", "a@x.org")],
            &[("email", "test@test.com")],
            &[("email", "a@x.org"), ("cookie", "c")],
            &[("cookie", "c")],
        ];
        let command = Command::Resolve(seen.iter().map(|one| world.interaction(one)).collect(), None);
        let Outcome::Resolved(answers) = world.store.execute(&world.rules, Arc::new(command)).await.unwrap() else {
            panic!("not a resolution")
        };
        let person = answers[0].as_ref().unwrap().person;
        assert_eq!(answers[1], Err(Refusal::NoUsableIdentifier));
        for answer in [&answers[2], &answers[3]] {
            assert_eq!(answer.as_ref().unwrap().person, person);
        }
        assert_eq!(world.person(person).await.unwrap().identifiers.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_unlink_is_undone_by_nobody_but_the_operator() {
    over_both(|world| async move {
        let ada = world.see(&[("customer_id", "A"), ("email", "a@x.org"), ("cookie", "c")]).await.person;
        world.see(&[("email", "a@x.org"), ("phone", "+821012345678")]).await;
        let unlink = |world: &World, digest| Command::Unlink {
            person: ada,
            identifiers: world.interaction(&[("email", "a@x.org"), ("phone", "+821012345678")]).candidates,
            by: world.by(),
            request: Some(RequestKey { id: "unlink:1".to_owned(), digest: [digest; 32] }),
        };
        let (persons, _) = world.decide(unlink(&world, 1)).await.unwrap();
        assert_eq!(world.decide(unlink(&world, 1)).await.unwrap().0, persons, "a retry has no second effect");
        assert_eq!(world.decide(unlink(&world, 2)).await, Err(Refusal::RequestIdReused.into()));
        let (kept, split) = (persons[0], persons[1]);
        assert_eq!(kept, ada);
        let refused = world.see(&[("customer_id", "A"), ("email", "a@x.org")]).await;
        assert_eq!((refused.person, refused.hits[0].limit), (ada, Limit::CannotLink));
        assert_eq!(world.see(&[("phone", "+821012345678")]).await.person, split);
        let audit = world.audit(split.to_bytes(), None, 10).await;
        assert_eq!(audit.iter().map(|(_, one)| one.kind).collect::<Vec<_>>(), [Kind::Unlinked]);
        assert_eq!((audit[0].1.actor.as_str(), audit[0].1.note.as_str()), ("ann", "because"));
        let request = None;
        let link = Command::Link { person: split, other: ada, by: world.by(), request };
        assert_eq!(world.decide(link).await.unwrap().0, [ada]);
        assert_eq!(world.see(&[("phone", "+821012345678")]).await.person, ada);
        assert_eq!(world.person(split).await.unwrap().id, ada);
        let feed = world.feed().await;
        assert!(
            matches!(&feed[..], [Change::Split { identifiers, .. }, Change::Merge { .. }] if identifiers.len() == 2)
        );
    })
    .await;
}

#[tokio::test]
async fn an_erasure_leaves_nothing_but_the_id_and_a_tombstone() {
    over_both(|world| async move {
        let ada = world.see(&[("customer_id", "A"), ("email", "a@x.org")]).await.person;
        let other = world.see(&[("phone", "+821012345678")]).await.person;
        world.see(&[("phone", "+821012345678"), ("customer_id", "A")]).await;
        let now = world.tick().0;
        let by = Decision { now, ..world.by() };
        let erase = Command::Erase { person: other, only: false, by, request: None };
        assert_eq!(world.decide(erase.clone()).await.unwrap(), (vec![ada], 3));
        let person = world.person(other).await.unwrap();
        assert_eq!((person.id, person.identifiers.len()), (ada, 0));
        assert_eq!(person.erased, Some(Erased { time: now, offset: 2 }), "it remembers its place in the feed");
        let audit = world.audit(ada.to_bytes(), None, 10).await;
        assert_eq!(audit.iter().map(|(_, one)| one.kind).collect::<Vec<_>>(), [Kind::Erased]);
        assert_eq!(world.decide(erase).await.unwrap(), (vec![ada], 0));
        assert_eq!(world.feed().await[1..], [Change::Erasure { person: ada, aliases: vec![other] }]);
        let mut late = world.interaction(&[("email", "a@x.org")]);
        late.event_time = now;
        let command = Arc::new(Command::Resolve(vec![late], None));
        let outcome = world.store.execute(&world.rules, command).await.unwrap();
        assert_eq!(outcome, Outcome::Resolved(vec![Err(Refusal::PersonErased)]));
        let back = world.see(&[("email", "a@x.org")]).await;
        assert!(back.created && back.person != ada);
    })
    .await;
}

#[tokio::test]
async fn a_refused_decision_writes_nothing() {
    over_both(|world| async move {
        let ada = world.see(&[("customer_id", "A"), ("email", "a@x.org")]).await.person;
        let before = world.person(ada).await;
        let identifiers = world.interaction(&[("email", "a@x.org"), ("email", "b@x.org")]).candidates;
        let positions: Vec<usize> = identifiers.iter().map(|one| one.index).collect();
        assert_eq!(BTreeSet::from_iter(positions), BTreeSet::from([0, 1]));
        let unlink = Command::Unlink { person: ada, identifiers, by: world.by(), request: None };
        assert_eq!(world.decide(unlink).await, Err(Refusal::NotHeld(1).into()));
        assert_eq!(world.person(ada).await, before);
        assert_eq!(world.feed().await, []);
    })
    .await;
}

#[tokio::test]
async fn a_reader_waits_for_the_next_change() {
    over_both(|world| async move {
        world.see(&[("email", "1@x.org")]).await;
        world.see(&[("email", "2@x.org")]).await;
        let reader = world.clone();
        let reading = tokio::spawn(async move { reader.store.changes(0, 10, Duration::from_secs(30)).await.unwrap() });
        tokio::task::yield_now().await;
        world.see(&[("email", "1@x.org"), ("email", "2@x.org")]).await;
        let read = reading.await.unwrap();
        assert_eq!((read.len(), read[0].offset), (1, 1));
        assert_eq!(world.store.changes(1, 10, Duration::from_millis(1)).await.unwrap(), []);
    })
    .await;
}

/// Sixteen writers resolve overlapping pairs of identifiers at once; what results is what one writer would have made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_never_break_uniqueness() {
    over_both(|world| async move {
        const WRITERS: usize = 16;
        const GROUPS: usize = 6;
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let world = world.clone();
            writers.push(tokio::spawn(async move {
                for round in 0..GROUPS {
                    let group = (round + writer) % GROUPS;
                    let (left, right) = (writer % 4, (writer / 4 + round) % 4);
                    let (left, right) = (format!("g{group}-{left}@x.org"), format!("g{group}-{right}@x.org"));
                    let customer = format!("C{group}");
                    world.see(&[("email", &left), ("email", &right)]).await;
                    world.see(&[("customer_id", &customer), ("email", &left)]).await;
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let mut persons = BTreeSet::new();
        for group in 0..GROUPS {
            let person = world.see(&[("customer_id", &format!("C{group}"))]).await;
            assert!(!person.created);
            assert!(persons.insert(person.person), "two groups never meet");
            let held = world.person(person.person).await.unwrap();
            assert_eq!(held.identifiers.len(), 5, "four addresses and a number are one person's");
            for address in 0..4 {
                let again = world.see(&[("email", &format!("g{group}-{address}@x.org"))]).await;
                assert_eq!((again.person, again.changed), (person.person, false));
            }
            for alias in held.aliases {
                assert_eq!(world.person(alias).await.unwrap().id, person.person);
            }
        }
        let merges = world.feed().await.len();
        let aliases: usize = {
            let mut count = 0;
            for person in &persons {
                count += world.person(*person).await.unwrap().aliases.len();
            }
            count
        };
        assert_eq!(merges, aliases, "each merge was announced once");
    })
    .await;
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let (ada, before) = {
        let world = World::new(&Storage::Embedded(Engine::open(directory.path()).unwrap()));
        let ada = world.see(&[("customer_id", "A"), ("email", "a@x.org")]).await.person;
        (ada, world.person(ada).await)
    };
    let world = World::new(&Storage::Embedded(Engine::open(directory.path()).unwrap()));
    assert_eq!(world.person(ada).await, before);
    assert_eq!(world.see(&[("email", "a@x.org")]).await.person, ada);
}

#[tokio::test]
async fn a_merge_is_taken_back_and_the_past_is_remembered() {
    over_both(|world| async move {
        let ada = world.see(&[("customer_id", "A"), ("cookie", "c")]).await.person;
        let bob = world.see(&[("email", "b@x.org")]).await.person;
        let before = (world.person(ada).await.unwrap(), world.person(bob).await.unwrap());
        let key = |namespace: &str, value: &str| crate::domain::IdentifierKey::of(namespace, value);
        let (a, b) = (key("customer_id", "A"), key("email", "b@x.org"));
        let says = Says::Matched { weight: 7.5, probability: 0.99, model: "m1".to_owned() };
        world.claim(vec![Claim::pair(a, b, says, "matching", world.tick().0)], Vec::new()).await;
        let whole = world.person(bob).await.unwrap();
        assert_eq!((whole.id, whole.aliases.as_slice(), whole.claims.len()), (ada, &[bob][..], 1));
        assert_eq!(world.audit(b.0, None, 10).await[0].1.weight.to_bits(), 7.5f64.to_bits());
        world.claim(Vec::new(), vec![Slot::pair(a, b, true)]).await;
        let after = (world.person(ada).await.unwrap(), world.person(bob).await.unwrap());
        for (before, after) in [(before.0, after.0), (before.1, after.1)] {
            assert_eq!((&before.ids, &before.edges, &after.claims), (&after.ids, &after.edges, &Vec::new()));
            assert_eq!(before.identifiers.len(), after.identifiers.len());
        }
        assert_eq!(world.store.held_by(b, world.tick().0).await.unwrap(), Some(ada), "who held it in between");
        assert_eq!(world.store.held_by(b, Timestamp::from_millis(1)).await.unwrap(), None);
        let by = world.by();
        let link = Command::Link { person: ada, other: bob, by, request: None };
        world.decide(link).await.unwrap();
        let unmerge = Command::Unmerge { person: ada, alias: bob, by: world.by(), request: None };
        assert_eq!(world.decide(unmerge).await.unwrap().0, [ada, bob]);
        assert_eq!(world.see(&[("email", "b@x.org")]).await.person, bob);
        let feed = world.feed().await;
        assert!(matches!(feed.last(), Some(Change::Split { kept, split, identifiers, aliases })
            if (*kept, *split) == (ada, bob) && identifiers.len() == 1 && aliases == &[bob]));
    })
    .await;
}

#[tokio::test]
async fn what_outlived_its_time_is_found_and_ends() {
    over_both(|world| async move {
        let ada = world.see(&[("customer_id", "A"), ("device", "d")]).await.person;
        let now = world.tick().0;
        assert_eq!(world.store.expired(now, 10).await.unwrap(), []);
        let later = now.plus(Duration::from_secs(61));
        assert_eq!(world.store.expired(later, 10).await.unwrap(), [ada]);
        let by = Decision { now: later, ..world.by() };
        let expire = Command::Expire { persons: vec![ada], by };
        assert_eq!(world.decide(expire).await.unwrap().1, 1, "one person split off");
        assert_eq!(world.store.expired(later, 10).await.unwrap(), []);
        assert_eq!(world.person(ada).await.unwrap().identifiers.len(), 1);
        let audited = world.audit(ada.to_bytes(), None, 10).await.len();
        assert_eq!(world.store.trim_audit(later, 10).await.unwrap(), 0);
        assert_eq!(world.store.trim_audit(later.plus(Duration::from_secs(1)), 10).await.unwrap(), audited);
        assert_eq!(world.audit(ada.to_bytes(), None, 10).await, []);
    })
    .await;
}

/// Sixteen writers share an address and a device across customers; uniqueness and limits hold, and the persons are those
/// that one writer would have made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_never_break_limits() {
    over_both(|world| async move {
        const WRITERS: usize = 16;
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let world = world.clone();
            writers.push(tokio::spawn(async move {
                for round in 0..3 {
                    let customer = format!("C{}", (writer + round) % WRITERS);
                    let group = format!("g{}@x.org", writer % 4);
                    world.see(&[("customer_id", &customer), ("email", "all@x.org")]).await;
                    world.see(&[("customer_id", &customer), ("email", &group)]).await;
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let mut persons = BTreeSet::new();
        for number in 0..WRITERS {
            let answer = world.see(&[("customer_id", &format!("C{number}"))]).await;
            assert!(!answer.created && persons.insert(answer.person), "a person a customer number");
            let person = world.person(answer.person).await.unwrap();
            assert_eq!(person.count("customer_id"), 1);
        }
        let shared = world.see(&[("email", "all@x.org")]).await;
        assert!(persons.insert(shared.person), "it is over its limit and nobody's");
        assert!(world.person(shared.person).await.unwrap().identifiers[0].over);
    })
    .await;
}
