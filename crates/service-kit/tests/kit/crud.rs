//! Standard methods over the embedded engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use attune_kernel::{Code, Timestamp, Violation};
use attune_proto::decision::v1::{Offer, Placement};
use attune_service_kit::crud::{Compiled, Crud, Writes};
use attune_service_kit::resource;
use attune_storage::{Engine, Resources, Storage};

fn check(offer: &Offer) -> Vec<Violation> {
    let broken = offer.eligibility.contains('(');
    broken.then(|| Violation::new("eligibility", "does not compile")).into_iter().collect()
}

resource! {
    /// Offers.
    Offers(Offer) { kind: "offer", id: offer_id, check: check }
}
resource! {
    /// Placements.
    Placements(Placement) { kind: "placement", id: placement_id }
}

struct Room {
    _dir: tempfile::TempDir,
    resources: Arc<dyn Resources>,
    writes: Writes,
}

impl Room {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(dir.path()).unwrap();
        Self {
            _dir: dir,
            resources: Storage::Embedded(engine).resources("decision").unwrap(),
            writes: Writes::default(),
        }
    }

    fn offers(&self) -> Crud<Offers> {
        Crud::new(self.resources.clone(), self.writes.clone())
    }
}

fn offer(id: &str, value: f64) -> Offer {
    let labels = (0..20).map(|i| (format!("key-{i}"), "x".to_owned())).collect();
    Offer { offer_id: id.to_owned(), value, labels, ..Default::default() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

#[tokio::test]
async fn a_resource_lives_through_its_methods() {
    let room = Room::open();
    let offers = room.offers();
    let created = offers.create(Some(offer("gold", 1.0)), "r1", at(10)).await.unwrap();
    assert_eq!((created.etag.as_str(), created.create_time.unwrap().seconds), ("1", 10));
    assert_eq!(offers.get("gold").await.unwrap(), created);

    let change = Offer { value: 2.0, display_name: "unnamed by the mask".to_owned(), ..offer("gold", 2.0) };
    let updated = offers.update(Some(change), mask(&["value"]), at(20)).await.unwrap();
    assert_eq!((updated.value, updated.display_name.as_str(), updated.etag.as_str()), (2.0, "", "2"));
    assert_eq!((updated.create_time.unwrap().seconds, updated.update_time.unwrap().seconds), (10, 20));
    assert_eq!(updated.labels, created.labels);

    let stale = Offer { etag: created.etag.clone(), ..offer("gold", 3.0) };
    let problem = offers.update(Some(stale), None, at(30)).await.unwrap_err();
    assert_eq!((problem.code, problem.reason), (Code::Aborted, "ETAG_MISMATCH"));
    for etag in ["1", "nonsense"] {
        assert_eq!(offers.delete("gold", etag).await.unwrap_err().reason, "ETAG_MISMATCH");
    }
    offers.delete("gold", "2").await.unwrap();
    for problem in [offers.get("gold").await.unwrap_err(), offers.delete("gold", "").await.unwrap_err()] {
        assert_eq!(problem.code, Code::NotFound);
    }
    assert_eq!(offers.get("").await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn a_repeat_of_a_create_answers_the_same_and_another_one_is_refused() {
    let offers = Room::open().offers();
    let first = offers.create(Some(offer("gold", 1.0)), "r1", at(10)).await.unwrap();
    for second in 11..20 {
        assert_eq!(offers.create(Some(offer("gold", 1.0)), "r1", at(second)).await.unwrap(), first);
    }
    let reused = offers.create(Some(offer("gold", 2.0)), "r1", at(20)).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let taken = offers.create(Some(offer("gold", 1.0)), "", at(20)).await.unwrap_err();
    assert_eq!(taken.code, Code::AlreadyExists);
}

#[tokio::test]
async fn what_is_wrong_is_named_below_the_resource() {
    let offers = Room::open().offers();
    let bad = Offer { eligibility: "(".to_owned(), value: -1.0, ..offer("not an id", 0.0) };
    let problem = offers.create(Some(bad), "", at(0)).await.unwrap_err();
    let mut fields: Vec<&str> = problem.violations.iter().map(|violation| violation.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["offer.eligibility", "offer.offer_id", "offer.value"]);
    assert_eq!(offers.create(None, "", at(0)).await.unwrap_err().violations[0].field, "offer");
    offers.create(Some(offer("gold", 1.0)), "", at(0)).await.unwrap();
    let worse = Offer { eligibility: "(".to_owned(), ..offer("gold", 1.0) };
    let problem = offers.update(Some(worse), mask(&["eligibility"]), at(1)).await.unwrap_err();
    assert_eq!(problem.violations[0].field, "offer.eligibility");
    assert_eq!(offers.get("gold").await.unwrap().etag, "1", "nothing is half-written");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let offers = Room::open().offers();
    for id in 0..7 {
        offers.create(Some(offer(&format!("offer-{id}"), 1.0)), "", at(id)).await.unwrap();
    }
    let mut ids = Vec::new();
    let mut token = String::new();
    let mut pages = 0;
    loop {
        let page = offers.list(3, &token).await.unwrap();
        ids.extend(page.items.into_iter().map(|offer| offer.offer_id));
        pages += 1;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((pages, ids), (3, (0..7).map(|id| format!("offer-{id}")).collect::<Vec<_>>()));
    assert_eq!(offers.list(7, "").await.unwrap().next_page_token, "", "a full last page has no successor");
    assert_eq!(offers.list(0, "garbage").await.unwrap_err().violations[0].field, "page_token");
    assert_eq!(offers.list(-1, "").await.unwrap_err().violations[0].field, "page_size");
}

#[tokio::test]
async fn updates_without_an_etag_do_not_lose_one_another() {
    let offers = Room::open().offers();
    offers.create(Some(offer("gold", 0.0)), "", at(0)).await.unwrap();
    let name = Offer { display_name: "Gold".to_owned(), ..offer("gold", 0.0) };
    let value = offer("gold", 9.0);
    let (one, other) = tokio::join!(
        offers.update(Some(name), mask(&["display_name"]), at(1)),
        offers.update(Some(value), mask(&["value"]), at(2))
    );
    one.unwrap();
    other.unwrap();
    let both = offers.get("gold").await.unwrap();
    assert_eq!((both.display_name.as_str(), both.value, both.etag.as_str()), ("Gold", 9.0, "3"));
}

#[tokio::test]
async fn a_view_is_made_anew_only_when_something_changed() {
    let room = Room::open();
    let offers = room.offers();
    let placements: Crud<Placements> = Crud::new(room.resources.clone(), room.writes.clone());
    let made = Arc::new(AtomicUsize::new(0));
    let view = {
        let made = made.clone();
        Compiled::new(room.resources.clone(), room.writes.clone(), &["offer", "placement"], move |records| {
            made.fetch_add(1, Ordering::SeqCst);
            Ok((records.of::<Offers>()?.len(), records.of::<Placements>()?.len()))
        })
        // Longer than the test: only writes of this process are seen.
        .every(Duration::from_secs(3600))
    };
    assert_eq!(*view.get().await.unwrap(), (0, 0));
    offers.create(Some(offer("gold", 1.0)), "", at(0)).await.unwrap();
    assert_eq!(*view.get().await.unwrap(), (1, 0));
    let placement = Placement { placement_id: "home".to_owned(), ..valid_placement() };
    placements.create(Some(placement), "", at(0)).await.unwrap();
    for _ in 0..10 {
        assert_eq!(*view.get().await.unwrap(), (1, 1));
    }
    room.writes.touch();
    view.get().await.unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 3);

    // Another process writes past this one's `Writes`; a view that looks every time sees it.
    let other: Crud<Offers> = Crud::new(room.resources.clone(), Writes::default());
    other.create(Some(offer("silver", 1.0)), "", at(0)).await.unwrap();
    assert_eq!(*view.get().await.unwrap(), (1, 1));
    assert_eq!(*view.every(Duration::ZERO).get().await.unwrap(), (2, 1));
}

#[tokio::test]
async fn a_view_that_cannot_be_made_anew_stays() {
    let room = Room::open();
    let offers = room.offers();
    let view = Compiled::new(room.resources.clone(), room.writes.clone(), &["offer"], |records| {
        let offers = records.of::<Offers>()?;
        if offers.iter().any(|offer| offer.offer_id == "poison") {
            return Err(attune_kernel::Problem::internal("does not compile"));
        }
        Ok(offers.len())
    });
    offers.create(Some(offer("gold", 1.0)), "", at(0)).await.unwrap();
    assert_eq!(*view.get().await.unwrap(), 1);
    offers.create(Some(offer("poison", 1.0)), "", at(0)).await.unwrap();
    assert_eq!(*view.get().await.unwrap(), 1);
    offers.delete("poison", "").await.unwrap();
    offers.create(Some(offer("silver", 1.0)), "", at(0)).await.unwrap();
    assert_eq!(*view.get().await.unwrap(), 2);
}

fn valid_placement() -> Placement {
    Placement { channel: "web".to_owned(), ..Default::default() }
}
