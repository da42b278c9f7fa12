//! Attribution by removal effects of a Markov chain (Anderl, Becker, von Wangenheim, Schumann 2016, "Mapping the customer
//! journey").
//!
//! States are the last touches of a path, up to the order; a path starts in the start state and ends in one of two absorbing
//! states, conversion or none. The removal effect of a channel is the share of conversions that is lost when every step to
//! it leads to none. Conversions are handed out in proportion to the removal effects; the value likewise, by the expected
//! value at absorption in place of the probability.
//!
//! Absorption is computed, not simulated (Kemeny and Snell 1960, theorem 3.3.7: `B = (I - Q)^-1 R`), so the same paths give
//! the same bits. A step from a state to itself changes no probability of absorption and stays out of the equations.

use rustc_hash::FxHashMap;

use crate::solve::{Chain, absorption};
use crate::{Credit, Error, Paths};

/// Highest order.
pub const MOST_ORDER: usize = 8;
/// Marks an end in a conversion, or in none.
const CONVERTED: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;

/// Attributes by the removal effects of a chain of an order.
///
/// # Errors
/// [`Error::BadOrder`]; [`Error::Unsettled`] when the equations do not settle, which needs paths that return to a state
/// practically for ever.
pub fn attribute(paths: &Paths, order: usize) -> Result<Vec<Credit>, Error> {
    let effects = removal_effects(paths, order)?;
    let divide = |total: f64, effects: Vec<f64>| {
        let sum: f64 = effects.iter().sum();
        // Where removing changes nothing there is nothing to hand out, which happens only without any conversion.
        effects.into_iter().map(move |effect| if sum > 0.0 { total * effect / sum } else { 0.0 }).collect::<Vec<_>>()
    };
    let conversions = divide(paths.conversions(), effects.iter().map(|one| one.0).collect());
    let values = divide(paths.value(), effects.iter().map(|one| one.1).collect());
    Ok(paths.credits(&conversions, &values, None))
}

/// The removal effect of every channel by code, on conversions and on their value: 0 is no loss, 1 is all.
///
/// # Errors
/// As [`attribute`].
pub fn removal_effects(paths: &Paths, order: usize) -> Result<Vec<(f64, f64)>, Error> {
    if !(1..=MOST_ORDER).contains(&order) {
        return Err(Error::BadOrder { limit: MOST_ORDER, found: order });
    }
    let (chain, newest) = chain(paths, order);
    let [conversion, value] = absorption(&chain, None).ok_or(Error::Unsettled { states: newest.len() })?;
    let loss = |whole: f64, without: f64| if whole > 0.0 { ((whole - without) / whole).max(0.0) } else { 0.0 };
    (0..paths.channels().len())
        .map(|channel| {
            let removed = |state: usize| newest[state] == Some(channel as u16);
            let without = absorption(&chain, Some(&removed)).ok_or(Error::Unsettled { states: newest.len() })?;
            Ok((loss(conversion, without[0]), loss(value, without[1])))
        })
        .collect()
}

/// The chain, and the newest touch of each state; state 0 is the start.
fn chain(paths: &Paths, order: usize) -> (Chain, Vec<Option<u16>>) {
    // A state is its touches, oldest first, 16 bits each and one above all so that fewer touches are another state.
    let mut states: FxHashMap<u128, u32> = FxHashMap::default();
    let mut newest = vec![None];
    let mut counts: FxHashMap<(u32, u32), f64> = FxHashMap::default();
    // The value of the conversions that end in a state.
    let mut worth: Vec<f64> = vec![0.0];
    let keep = if order == MOST_ORDER { u128::MAX } else { (1_u128 << (16 * order)) - 1 };
    for path in paths.iter() {
        let weight = path.conversions + path.nulls;
        let (mut from, mut history) = (0_u32, 0_u128);
        for touch in path.touches {
            // One more than the code, so that no touch is nil.
            history = ((history << 16) | (u128::from(*touch) + 1)) & keep;
            let next = states.len() as u32 + 1;
            let to = *states.entry(history).or_insert(next);
            if to == next {
                newest.push(Some(*touch));
                worth.push(0.0);
            }
            if to != from && weight > 0.0 {
                *counts.entry((from, to)).or_insert(0.0) += weight;
            }
            from = to;
        }
        for (end, weight) in [(CONVERTED, path.conversions), (NONE, path.nulls)] {
            if weight > 0.0 {
                *counts.entry((from, end)).or_insert(0.0) += weight;
            }
        }
        worth[from as usize] += path.value;
    }
    let mut steps: Vec<((u32, u32), f64)> = counts.into_iter().collect();
    // Sums depend on the order of their terms in the last bit; the table's order must not decide.
    steps.sort_unstable_by_key(|(step, _)| *step);
    let mut chain = Chain::new(newest.len());
    let mut rest = steps.as_slice();
    for (state, worth) in worth.iter().enumerate() {
        let own = rest.iter().take_while(|((from, _), _)| *from as usize == state).count();
        let (own, others) = rest.split_at(own);
        rest = others;
        let total: f64 = own.iter().map(|(_, weight)| weight).sum();
        let inner = own.iter().filter(|((_, to), _)| *to < NONE);
        let converted = own.iter().find(|((_, to), _)| *to == CONVERTED).map_or(0.0, |(_, weight)| *weight);
        let share = |weight: f64| if total > 0.0 { weight / total } else { 0.0 };
        chain.row(inner.map(|((_, to), weight)| (*to, share(*weight))), [share(converted), share(*worth)]);
    }
    (chain, newest)
}
