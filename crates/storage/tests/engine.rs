//! The embedded engine: isolation, atomicity, order, shutdown.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

use std::collections::BTreeMap;
use std::sync::mpsc;

use attune_storage::key::key;
use attune_storage::{Engine, Scan, Space, StorageError, Tx, Value};
use futures::future::join_all;
use proptest::prelude::*;

fn number(value: Option<Value>) -> u64 {
    value.map_or(0, |bytes| u64::from_be_bytes(bytes.as_ref().try_into().unwrap()))
}

fn increment(tx: &mut Tx, space: &Space) -> Result<u64, StorageError> {
    let next = number(tx.get(space, b"n")?) + 1;
    tx.put(space, b"n".to_vec(), next.to_be_bytes().to_vec())?;
    Ok(next)
}

#[tokio::test]
async fn writes_are_serializable_and_visible_once_answered() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let space = engine.space("counter").unwrap();
    let before = engine.reader();
    let one = || {
        let space = space.clone();
        engine.write(move |tx| increment(tx, &space))
    };
    let mut answers: Vec<u64> = join_all((0..500).map(|_| one())).await.into_iter().map(Result::unwrap).collect();
    answers.sort_unstable();
    assert_eq!(answers, (1..=500).collect::<Vec<_>>());
    assert_eq!(number(engine.reader().get(&space, b"n").unwrap()), 500);
    assert_eq!(before.get(&space, b"n").unwrap(), None, "a snapshot does not move");
}

#[tokio::test]
async fn an_error_or_a_panic_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let space = engine.space("s").unwrap();
    let inner = space.clone();
    let refused: Result<(), StorageError> = engine
        .write(move |tx| {
            tx.put(&inner, b"a".to_vec(), b"1".to_vec())?;
            Err(StorageError::RequestIdReused)
        })
        .await;
    assert_eq!(refused, Err(StorageError::RequestIdReused));
    let inner = space.clone();
    let panicked: Result<(), StorageError> = engine
        .write(move |tx| {
            tx.put(&inner, b"b".to_vec(), b"1".to_vec())?;
            panic!("on purpose")
        })
        .await;
    assert!(matches!(panicked, Err(StorageError::Internal(_))));
    let inner = space.clone();
    engine.write(move |tx| tx.put(&inner, b"c".to_vec(), b"1".to_vec())).await.unwrap();
    let keys = engine.reader().scan(&space, &Scan::all()).unwrap();
    assert_eq!(keys, [(Value::from(b"c".to_vec()), Value::from(b"1".to_vec()))]);
    assert!(engine.is_healthy());
}

#[tokio::test]
async fn keys_that_cannot_exist_are_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let space = engine.space("s").unwrap();
    for bad in [vec![], vec![7; 65_536]] {
        let (inner, key) = (space.clone(), bad.clone());
        let answer: Result<(), StorageError> = engine
            .write(move |tx| {
                assert_eq!(tx.get(&inner, &key).unwrap(), None);
                assert!(tx.delete(&inner, key.clone()).is_err());
                tx.put(&inner, key, b"".to_vec())
            })
            .await;
        assert!(matches!(answer, Err(StorageError::Invalid { field: "key", .. })));
        assert_eq!(engine.reader().get(&space, &bad).unwrap(), None);
    }
    let (inner, longest) = (space.clone(), vec![7; 65_535]);
    engine.write(move |tx| tx.put(&inner, longest, b"".to_vec())).await.unwrap();
    assert!(engine.space("").is_err());
    assert!(engine.space(&"x".repeat(256)).is_err());
}

#[tokio::test]
async fn a_second_opener_is_told_which_directory_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let error = Engine::open(directory.path()).unwrap_err();
    assert_eq!(error, StorageError::Locked(directory.path().to_owned()));
    assert!(error.to_string().contains(directory.path().to_str().unwrap()));
    drop(engine);
    Engine::open(directory.path()).unwrap();
}

#[tokio::test]
async fn close_finishes_the_queue_and_everything_is_there_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    {
        let engine = Engine::open(directory.path()).unwrap();
        let space = engine.space("s").unwrap();
        let writes = (0..300u64).map(|n| {
            let space = space.clone();
            engine.write(move |tx| tx.put(&space, key().u64(n).build(), n.to_be_bytes().to_vec()))
        });
        // The writes are queued before the close, because join polls in order.
        let (answers, ()) = futures::future::join(join_all(writes), engine.close()).await;
        let answers: Vec<Result<(), StorageError>> = answers;
        assert!(answers.iter().all(Result::is_ok));
        engine.close().await;
        assert!(!engine.is_healthy());
        let inner = space.clone();
        let late = engine.write(move |tx| tx.put(&inner, b"x".to_vec(), b"".to_vec())).await;
        assert_eq!(late, Err(StorageError::Closed));
        assert_eq!(engine.reader().scan(&space, &Scan::all()).unwrap().len(), 300, "reads go on");
    }
    let engine = Engine::open(directory.path()).unwrap();
    let space = engine.space("s").unwrap();
    let newest = engine.reader().scan(&space, &Scan::all().reverse().limit(1)).unwrap();
    assert_eq!(newest[0].0.as_ref(), 299u64.to_be_bytes());
}

#[tokio::test]
async fn the_last_handle_may_be_dropped_inside_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let space = engine.space("s").unwrap();
    let (release, wait) = mpsc::channel::<()>();
    let (done, finished) = tokio::sync::oneshot::channel();
    let handle = engine.clone();
    let queued = tokio::spawn(async move {
        let inner = handle.clone();
        handle
            .write(move |tx| {
                wait.recv().unwrap();
                tx.put(&space, b"a".to_vec(), b"1".to_vec())?;
                drop(inner);
                done.send(()).unwrap();
                Ok::<(), StorageError>(())
            })
            .await
    });
    tokio::task::yield_now().await;
    drop(engine);
    queued.abort();
    let _ = queued.await;
    release.send(()).unwrap();
    finished.await.unwrap();
}

/// One step of the model test.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Get(u8),
    Scan { low: u8, high: u8, above: bool, reverse: bool, limit: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u8..12, any::<u8>()).prop_map(|(at, value)| Step::Put(at, value)),
        (0u8..12).prop_map(Step::Delete),
        (0u8..12).prop_map(Step::Get),
        (0u8..13, 0u8..13, any::<bool>(), any::<bool>(), 0usize..8)
            .prop_map(|(low, high, above, reverse, limit)| Step::Scan { low, high, above, reverse, limit }),
    ];
    prop::collection::vec(step, 0..12)
}

type Model = BTreeMap<u8, u8>;

/// The key of what makes a transaction large; beyond every other.
const BALLAST: u8 = 200;

fn expected_scan(model: &Model, step: &Step) -> Vec<(u8, u8)> {
    let Step::Scan { low, high, above, reverse, limit } = step else { return vec![] };
    let inside = |at: &u8| (if *above { at > low } else { at >= low }) && at < high;
    let mut all: Vec<(u8, u8)> = model.iter().filter(|(at, _)| inside(at)).map(|(at, value)| (*at, *value)).collect();
    if *reverse {
        all.reverse();
    }
    all.truncate(*limit);
    all
}

fn build_scan(step: &Step) -> Scan {
    let Step::Scan { low, high, above, reverse, limit } = step else { return Scan::all() };
    let scan = if *above { Scan::all().above([*low]) } else { Scan::all().at_least([*low]) };
    let scan = scan.below([*high]).limit(*limit);
    if *reverse { scan.reverse() } else { scan }
}

fn bytes(pairs: &[(Value, Value)]) -> Vec<(u8, u8)> {
    pairs.iter().map(|(at, value)| (at[0], value[0])).collect()
}

/// Runs the steps in a transaction, comparing every read with the model.
fn run_steps(tx: &mut Tx, space: &Space, steps: &[Step], model: &mut Model) -> Result<(), StorageError> {
    for step in steps {
        match step {
            Step::Put(at, value) => {
                tx.put(space, [*at], vec![*value])?;
                model.insert(*at, *value);
            }
            Step::Delete(at) => {
                tx.delete(space, [*at])?;
                model.remove(at);
            }
            Step::Get(at) => assert_eq!(tx.get(space, [*at])?.map(|value| value[0]), model.get(at).copied()),
            Step::Scan { .. } => {
                assert_eq!(bytes(&tx.scan(space, &build_scan(step))?), expected_scan(model, step));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Transactions, each on what the kept ones before it wrote, equal a plain map; so do snapshots. A large one ends its
    /// group, so what comes after it runs while it is on its way to the disk.
    #[test]
    fn transactions_equal_a_map(base in steps(),
                                group in prop::collection::vec((steps(), any::<bool>(), any::<bool>()), 1..8),
                                reads in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let engine = Engine::open(directory.path()).unwrap();
            let space = engine.space("s").unwrap();
            let inner = space.clone();
            let mut model: Model = engine
                .write(move |tx| {
                    let mut model = Model::new();
                    run_steps(tx, &inner, &base, &mut model)?;
                    Ok::<Model, StorageError>(model)
                })
                .await
                .unwrap();
            // The first write holds the writer until all others wait.
            let (release, wait) = mpsc::channel::<()>();
            let gate = engine.write(move |_| { wait.recv().unwrap(); Ok::<(), StorageError>(()) });
            let writes = group.into_iter().map(|(steps, keep, large)| {
                let mut after = model.clone();
                if keep {
                    for step in &steps {
                        match step {
                            Step::Put(at, value) => { model.insert(*at, *value); }
                            Step::Delete(at) => { model.remove(at); }
                            _ => {}
                        }
                    }
                }
                let space = space.clone();
                engine.write(move |tx| {
                    run_steps(tx, &space, &steps, &mut after)?;
                    if large {
                        tx.put(&space, [BALLAST], vec![0; 2 << 20])?;
                    }
                    if keep { Ok(()) } else { Err(StorageError::RequestIdReused) }
                })
            }).collect::<Vec<_>>();
            let opener = async { tokio::task::yield_now().await; release.send(()).unwrap(); };
            let (first, answers, ()) = futures::join!(gate, join_all(writes), opener);
            first.unwrap();
            for answer in answers {
                assert!(matches!(answer, Ok(()) | Err(StorageError::RequestIdReused)), "{answer:?}");
            }
            let reader = engine.reader();
            let stored = bytes(&reader.scan(&space, &Scan::all().below([BALLAST])).unwrap());
            assert_eq!(stored, model.clone().into_iter().collect::<Vec<_>>());
            for step in &reads {
                if let Step::Scan { .. } = step {
                    let found = reader.scan(&space, &build_scan(step)).unwrap();
                    assert_eq!(bytes(&found), expected_scan(&model, step));
                }
            }
        });
    }
}
