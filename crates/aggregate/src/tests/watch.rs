//! What is watched is what all traits together are, and no event or time passes unnoticed.

use attune_expression::Value;
use attune_kernel::Timestamp;
use proptest::prelude::*;

use super::{HOUR, Own, at, declarations, engine, histories, state};
use crate::Scratch;

proptest! {
    #[test]
    fn watched_traits_are_those_of_all(
        declarations in declarations(), events in histories(), now in 0_i64..75 * 96, chosen in any::<u64>(), ahead in 0_i64..2_000_000_000_000,
    ) {
        let engine = engine(&declarations);
        let state = state(&engine, &events.iter().collect::<Vec<_>>());
        let slots: Vec<usize> = (0..engine.traits().len()).filter(|slot| chosen >> (slot % 64) & 1 == 1).collect();
        let (watch, now) = (engine.watch(slots.iter().copied()), at(now));
        let chosen = |values: &[Option<Value>]| slots.iter().map(|slot| values[*slot].clone()).collect::<Vec<_>>();
        let mut values = Vec::new();
        engine.read_of(&state, now, &watch, &mut values);
        let before = chosen(&engine.read(&state, now));
        prop_assert_eq!(chosen(&values), before.clone());
        let next = engine.next_change_of(&state, now, &watch);
        prop_assert!(next.is_none_or(|next| next > now && engine.next_change(&state, now).is_some_and(|all| all <= next)));
        let last = next.map_or(i64::MAX, |next| next.as_micros() - 1);
        for time in [last.min(now.as_micros() + ahead), last.min(now.as_micros() + 400 * 24 * HOUR * 1000)] {
            prop_assert_eq!(&chosen(&engine.read(&state, Timestamp::from_micros(time))), &before);
        }
    }

    #[test]
    fn an_event_changes_only_what_it_concerns(
        declarations in declarations(), events in histories(), now in 0_i64..75 * 96,
    ) {
        let engine = engine(&declarations);
        let Some((one, others)) = events.split_last() else { return Ok(()) };
        let mut state = state(&engine, &others.iter().collect::<Vec<&Own>>());
        let before = engine.read(&state, at(now));
        engine.apply(&mut state, &one.event(), &mut Scratch::default());
        let after = engine.read(&state, at(now));
        let concerned = engine.concerned(one.name);
        for slot in 0..before.len() {
            prop_assert!(before[slot] == after[slot] || concerned.contains(&slot), "{:?}", declarations[slot]);
        }
        prop_assert!(engine.event_names().any(|name| name == one.name) || concerned == engine.concerned("none of them"));
    }
}

#[test]
fn who_watches_nothing_waits_for_nothing() {
    let engine = engine(&crate::library::parse(crate::library::BANK).unwrap());
    let watch = engine.watch([]);
    assert!(watch.is_empty());
    assert_eq!(engine.next_change_of(&engine.empty(), at(0), &watch), None);
}
