//! Whether sequences went as a drawn model says, and where they did not.
//!
//! The model is a [pattern](crate::pattern) that whole sequences should match, such as
//! `submit (review (ask answer)?)+ (accept | reject)`. An alignment walks a sequence and a way through the model side by
//! side: a step of both is free, an event that the model does not take there (an extra one) and a step of the model
//! without an event (a missing one) cost 1 each. The cost of a sequence is the least over all ways: 0 exactly when it
//! conforms. Fitness is 1 - cost / (events + steps of the shortest way), so that 0 is a sequence of which nothing fits
//! (van der Aalst, Adriansyah and van Dongen, 2012, "Replaying history on process models").
//!
//! Of alignments with the same cost always the same one is told. Sequences that look the same to the model are aligned
//! once.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use crate::log::EventLog;
use crate::parallel;
use crate::pattern::{Inst, Pattern, Program};
use crate::probe::Probe;
use crate::sessions::Sequences;

/// Events times steps of the model that one alignment may take; it keeps sixteen bytes of each pair.
pub const MAX_CELLS: usize = 1 << 24;

/// Why a model cannot be aligned with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The model speaks of what is around a match.
    #[error("a model is of whole sequences: leave out ^ and $ and what must not follow at the end")]
    Edges,
    /// A sequence is too long for a model of this size.
    #[error("a sequence of {events} events is too long for a model of {steps} steps")]
    TooLong {
        /// Its events.
        events: usize,
        /// The model's steps.
        steps: usize,
    },
}

/// How sequences conform.
#[derive(Debug, Clone, PartialEq)]
pub struct Conformance {
    /// By sequence, its cost.
    pub costs: Vec<u32>,
    /// By sequence, its fitness from 0 to 1.
    pub fitness: Vec<f64>,
    /// What deviates, the most frequent first, ties by name.
    pub deviations: Vec<Deviation>,
}

/// A deviation over all sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Whether the model's step is missing; otherwise an event is extra.
    pub missing: bool,
    /// The event, or what the model's step takes.
    pub event: String,
    /// How often.
    pub count: u64,
    /// In how many sequences.
    pub sequences: u64,
}

/// Aligns every sequence with a model.
///
/// # Errors
/// [`ModelError`].
pub fn conformance(
    log: &EventLog,
    sequences: &Sequences,
    model: &Pattern,
    threads: usize,
) -> Result<Conformance, ModelError> {
    let program = model.program();
    if program.insts.iter().any(|inst| matches!(inst, Inst::Require(_))) {
        return Err(ModelError::Edges);
    }
    let steps = program.insts.len();
    let longest = (0..sequences.len()).map(|at| sequences.rows(at).len()).max().unwrap_or_default();
    if longest.saturating_mul(steps) > MAX_CELLS {
        return Err(ModelError::TooLong { events: longest, steps });
    }
    let (kinds, takes) = kinds(log, program);
    let mut alike: FxHashMap<Vec<u32>, u32> = FxHashMap::default();
    let mut ways: Vec<Vec<u32>> = Vec::new();
    let by_sequence: Vec<u32> = (0..sequences.len())
        .map(|at| {
            let own: Vec<u32> = sequences.rows(at).map(|row| kinds[row]).collect();
            *alike.entry(own).or_insert_with_key(|own| {
                ways.push(own.clone());
                ways.len() as u32 - 1
            })
        })
        .collect();
    let aligned = parallel::each(threads, ways, |way| {
        let moves = align(program, &takes, &way);
        (way, moves)
    });
    let shortest = align(program, &takes, &[]).len();
    let mut weights = vec![0u64; aligned.len()];
    by_sequence.iter().for_each(|way| weights[*way as usize] += 1);
    let cost = |moves: &[Move]| moves.iter().filter(|one| !matches!(one, Move::Both)).count();
    let costs: Vec<usize> = aligned.iter().map(|(_, moves)| cost(moves)).collect();
    let fitness = |way: u32| {
        let most = aligned[way as usize].0.len() + shortest;
        if most == 0 { 1.0 } else { 1.0 - costs[way as usize] as f64 / most as f64 }
    };
    Ok(Conformance {
        fitness: by_sequence.iter().map(|way| fitness(*way)).collect(),
        costs: by_sequence.iter().map(|way| costs[*way as usize] as u32).collect(),
        deviations: deviations(program, &takes, &aligned, &weights),
    })
}

/// What kind each row is: its name and the atoms that it is; and by kind, a name and by instruction whether it takes it.
fn kinds(log: &EventLog, program: &Program) -> (Vec<u32>, Vec<(String, Vec<bool>)>) {
    let probes: Vec<Probe<'_>> = program.atoms.iter().map(|atom| Probe::new(log, atom)).collect();
    let mut numbers: FxHashMap<(u32, Vec<bool>), u32> = FxHashMap::default();
    let mut takes = Vec::new();
    let kind = |row: usize| {
        let is: Vec<bool> = probes.iter().map(|probe| probe.holds(row)).collect();
        *numbers.entry((log.codes().get(row), is)).or_insert_with_key(|(_, is)| {
            let takes_it = |inst: &Inst| matches!(inst, Inst::Take(of) if of.takes(|atom| is[atom as usize]));
            takes.push((log.name(row).to_owned(), program.insts.iter().map(takes_it).collect()));
            takes.len() as u32 - 1
        })
    };
    ((0..log.len()).map(kind).collect(), takes)
}

/// A step of an alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// Event and model together.
    Both,
    /// An event that the model does not take: its place.
    Extra(u32),
    /// A step of the model without an event: its instruction.
    Missing(u32),
}

/// How a place was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Nowhere,
    Free(u32),
    Missing,
}

/// The places reached before an event: by instruction the cost, and how within the layer; [`From::Nowhere`] for what came
/// with the event before.
struct Layer {
    costs: Vec<u32>,
    came: Vec<From>,
}

/// The cheapest alignment of a way.
fn align(program: &Program, takes: &[(String, Vec<bool>)], way: &[u32]) -> Vec<Move> {
    let states = program.insts.len();
    let mut costs = vec![u32::MAX; states];
    costs[0] = 0;
    let mut layers: Vec<Layer> = Vec::with_capacity(way.len() + 1);
    for kind in way.iter().map(Some).chain([None]) {
        let mut came = vec![From::Nowhere; states];
        spread(program, &mut costs, &mut came);
        let mut next: Vec<u32> = costs.iter().map(|cost| cost.saturating_add(1)).collect();
        if let Some(kind) = kind {
            let takes = &takes[*kind as usize].1;
            for state in (0..states).filter(|state| takes[*state]) {
                next[state + 1] = next[state + 1].min(costs[state]);
            }
        }
        layers.push(Layer { costs: std::mem::replace(&mut costs, next), came });
    }
    trace(program, takes, way, &layers)
}

/// Goes on from the places reached without taking an event, the cheapest first.
fn spread(program: &Program, costs: &mut [u32], came: &mut [From]) {
    let mut order: Vec<u32> = (0..costs.len() as u32).filter(|state| costs[*state as usize] != u32::MAX).collect();
    order.sort_by_key(|state| costs[*state as usize]);
    let mut settled = vec![false; costs.len()];
    let (mut given, mut queue) = (order.into_iter().peekable(), VecDeque::new());
    loop {
        let state = match (queue.front(), given.peek()) {
            (None, None) => return,
            (Some(own), Some(other)) if costs[*other as usize] < costs[*own as usize] => given.next(),
            (None, Some(_)) => given.next(),
            (Some(_), _) => queue.pop_front(),
        };
        let Some(state) = state else { return };
        if std::mem::replace(&mut settled[state as usize], true) {
            continue;
        }
        let cost = costs[state as usize];
        let mut reach = |to: u32, cost: u32, how: From| {
            if cost < costs[to as usize] {
                costs[to as usize] = cost;
                came[to as usize] = how;
                if matches!(how, From::Free(_)) { queue.push_front(to) } else { queue.push_back(to) }
            }
        };
        match &program.insts[state as usize] {
            Inst::Split(one, other) => {
                reach(*one, cost, From::Free(state));
                reach(*other, cost, From::Free(state));
            }
            Inst::Jump(to) => reach(*to, cost, From::Free(state)),
            Inst::Take(_) => reach(state + 1, cost + 1, From::Missing),
            Inst::Require(_) | Inst::Accept => {}
        }
    }
}

/// Walks back from the end.
fn trace(program: &Program, takes: &[(String, Vec<bool>)], way: &[u32], layers: &[Layer]) -> Vec<Move> {
    let mut moves = Vec::new();
    let (mut at, mut state) = (way.len(), program.accept() as usize);
    loop {
        match layers[at].came[state] {
            From::Free(before) => state = before as usize,
            From::Missing => {
                state -= 1;
                moves.push(Move::Missing(state as u32));
            }
            From::Nowhere if at == 0 => break,
            From::Nowhere => {
                at -= 1;
                let took = state > 0 && takes[way[at] as usize].1[state - 1];
                if took && layers[at].costs[state - 1] == layers[at + 1].costs[state] {
                    state -= 1;
                    moves.push(Move::Both);
                } else {
                    moves.push(Move::Extra(at as u32));
                }
            }
        }
    }
    moves.reverse();
    moves
}

/// Sums what deviates over all sequences.
fn deviations(
    program: &Program,
    takes: &[(String, Vec<bool>)],
    aligned: &[(Vec<u32>, Vec<Move>)],
    weights: &[u64],
) -> Vec<Deviation> {
    let mut sums: BTreeMap<(bool, String), (u64, u64)> = BTreeMap::new();
    for ((way, moves), weight) in aligned.iter().zip(weights) {
        let mut own: BTreeMap<(bool, String), u64> = BTreeMap::new();
        for one in moves {
            let what = match one {
                Move::Both => continue,
                Move::Extra(at) => (false, takes[way[*at as usize] as usize].0.clone()),
                Move::Missing(inst) => (true, taken_by(program, *inst)),
            };
            *own.entry(what).or_default() += 1;
        }
        for (what, count) in own {
            let sum = sums.entry(what).or_default();
            sum.0 += count * weight;
            sum.1 += weight;
        }
    }
    let deviation = |((missing, event), (count, sequences))| Deviation { missing, event, count, sequences };
    let mut all: Vec<Deviation> = sums.into_iter().map(deviation).collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (a.missing, &a.event).cmp(&(b.missing, &b.event))));
    all
}

/// What an instruction takes, in words.
fn taken_by(program: &Program, inst: u32) -> String {
    let Inst::Take(matcher) = &program.insts[inst as usize] else { return String::new() };
    let names: Vec<String> = matcher.symbols().iter().map(|atom| program.atoms[*atom as usize].to_string()).collect();
    if names.is_empty() { "any other".to_owned() } else { names.join(" | ") }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::{Search, find};
    use crate::sessions::{Unit, sequences};

    fn log_of(ways: &[String]) -> EventLog {
        let mut builder = EventLog::builder();
        for (customer, way) in ways.iter().enumerate() {
            for (second, event) in (0..).zip(way.chars()) {
                builder
                    .push(&format!("c{customer:05}"), Timestamp::from_millis(second), &event.to_string(), [])
                    .unwrap();
            }
        }
        builder.build()
    }

    fn conform(ways: &[String], model: &str) -> Conformance {
        let log = log_of(ways);
        let model = Pattern::parse(model).unwrap();
        conformance(&log, &sequences(&log, Unit::Customer, 1), &model, 2).unwrap()
    }

    #[test]
    fn deviations_are_named() {
        let ways = ["abc", "ac", "abxc", "abbc", "abc"].map(str::to_owned);
        let found = conform(&ways, "a b c");
        assert_eq!(found.costs, [0, 1, 1, 1, 0]);
        assert!((found.fitness[1] - 0.8).abs() < 1e-12 && (found.fitness[0] - 1.0).abs() < 1e-12);
        let told: Vec<_> = found.deviations.iter().map(|one| (one.missing, one.event.as_str(), one.count)).collect();
        assert_eq!(told, [(false, "b", 1), (false, "x", 1), (true, "b", 1)]);
    }

    #[test]
    fn models_of_parts_of_sequences_are_refused() {
        let log = log_of(&["ab".to_owned()]);
        let all = sequences(&log, Unit::Customer, 1);
        for model in ["^ a b", "a b $", "a !b"] {
            let model = Pattern::parse(model).unwrap();
            assert_eq!(conformance(&log, &all, &model, 1), Err(ModelError::Edges));
        }
        let long = log_of(&["a".repeat(MAX_CELLS / 4096 + 1)]);
        let model = Pattern::parse("a{4095}").unwrap();
        let found = conformance(&long, &sequences(&long, Unit::Customer, 1), &model, 1);
        assert_eq!(found, Err(ModelError::TooLong { events: MAX_CELLS / 4096 + 1, steps: 4096 }));
    }

    /// Events to leave out and to put in, so that one text becomes the other.
    fn distance(one: &str, other: &str) -> usize {
        let other: Vec<char> = other.chars().collect();
        let mut row: Vec<usize> = (0..=other.len()).collect();
        for (above, c) in (1..).zip(one.chars()) {
            let mut corner = std::mem::replace(&mut row[0], above);
            for at in 0..other.len() {
                let best = if other[at] == c { corner } else { 1 + row[at].min(row[at + 1]) };
                corner = std::mem::replace(&mut row[at + 1], best);
            }
        }
        row[other.len()]
    }

    #[test]
    fn costs_are_those_of_the_nearest_word_of_the_model() {
        let mut words = vec![String::new()];
        for length in 1..=8 {
            let longer: Vec<String> = words.iter().filter(|word| word.len() == length - 1).cloned().collect();
            words.extend(longer.iter().flat_map(|word| ["a", "b", "c"].map(|c| format!("{word}{c}"))));
        }
        let log = log_of(&words[1..]);
        let all = sequences(&log, Unit::Customer, 1);
        for text in ["a b c", "a (b | c)* a", "(a b)+ c?", "a (b a?)* c", "(a | b c){2}", "a !b c+", "((a?)* b?)* c"] {
            let whole = Pattern::parse(&format!("^ ({text}) $")).unwrap();
            let found = find(&log, &all, &whole, Search::default(), 1);
            let language: Vec<&str> = found.iter().map(|found| words[found.customer as usize + 1].as_str()).collect();
            // What is short enough that the nearest word is among those of up to eight letters.
            let short: Vec<String> = words[1..].iter().filter(|word| word.len() <= 4).cloned().collect();
            for (word, cost) in short.iter().zip(conform(&short, text).costs) {
                let naive = language.iter().map(|other| distance(word, other)).min().unwrap();
                assert_eq!(cost as usize, naive, "{text} {word}");
            }
        }
    }

    proptest! {
        #[test]
        fn an_alignment_adds_up(ways in prop::collection::vec("[a-d]{1,9}", 1..6)) {
            let found = conform(&ways, "a (b | c d)* (a | d)");
            let deviations: u64 = found.deviations.iter().map(|one| one.count).sum();
            prop_assert_eq!(deviations, found.costs.iter().map(|cost| u64::from(*cost)).sum::<u64>());
            let fit = |(cost, fitness): (&u32, &f64)| (*cost == 0) == (*fitness == 1.0) && (0.0..=1.0).contains(fitness);
            prop_assert!(found.costs.iter().zip(&found.fitness).all(fit));
        }
    }
}
