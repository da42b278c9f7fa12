//! What a funnel looks for in one log.

use std::ops::Range;

use super::any::AnyOrder;
use super::quick::Quick;
use super::walk::Walk;
use super::{Funnel, Mode};
use crate::log::{Code, EventLog, Tick};
use crate::pattern::Atom;
use crate::predicate::Bound;

/// A funnel with its names and properties looked up.
pub(super) struct Plan<'a> {
    pub(super) steps: usize,
    /// The most ticks from the first to the last event.
    pub(super) within: u64,
    pub(super) mode: Mode,
    /// By code of a name: what an event of it may be.
    pub(super) roles: Vec<Vec<Role<'a>>>,
    /// The steps that each exclusion breaks: a chain that has reached one of them, from 0.
    pub(super) breaks: Vec<Range<usize>>,
    /// By code of a name: its step from 1, or 0; where the funnel is simple enough for that.
    quick: Option<Vec<u8>>,
}

/// Something that an event may be.
pub(super) struct Role<'a> {
    /// The number of the step, or of the exclusion.
    pub(super) number: usize,
    pub(super) excludes: bool,
    pub(super) predicate: Option<Bound<'a>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(funnel: &Funnel, log: &'a EventLog) -> Self {
        let mut roles: Vec<Vec<Role<'a>>> = Vec::new();
        roles.resize_with(log.names().len(), Vec::new);
        let mut add = |atom: &Atom, number, excludes| {
            for (name, roles) in log.names().iter().zip(&mut roles) {
                if atom.name.as_deref().is_none_or(|wanted| wanted == name) {
                    let predicate = atom.predicate.as_ref().map(|predicate| predicate.bind(log));
                    roles.push(Role { number, excludes, predicate });
                }
            }
        };
        for (number, step) in funnel.steps.iter().enumerate() {
            add(step, number, false);
        }
        for (number, exclusion) in funnel.exclusions.iter().enumerate() {
            add(&exclusion.event, number, true);
        }
        let one_step = |roles: &Vec<Role<'_>>| match roles.as_slice() {
            [] => Some(0),
            [role] if role.predicate.is_none() => u8::try_from(role.number + 1).ok(),
            _ => None,
        };
        let plain = funnel.mode == Mode::default() && funnel.exclusions.is_empty();
        let quick = plain.then(|| roles.iter().map(one_step).collect()).flatten();
        let breaks = funnel.exclusions.iter().map(|one| one.after.saturating_sub(1)..one.before.saturating_sub(1));
        Self {
            steps: funnel.steps.len(),
            within: log.times().whole_ticks(funnel.within),
            mode: funnel.mode,
            breaks: breaks.collect(),
            roles,
            quick,
        }
    }

    /// Calls `take` with the number, the level and the chain of every sequence in a range.
    pub(super) fn run<C: Code, T: Tick>(
        &self,
        codes: &[C],
        ticks: &[T],
        starts: &[u32],
        range: Range<usize>,
        chains: bool,
        mut take: impl FnMut(usize, usize, &[u32]),
    ) {
        let mut walk = Walk::new(self);
        if self.mode.any_order {
            let mut any = AnyOrder::new(self);
            for at in range {
                walk.collect(codes, ticks, starts[at]..starts[at + 1]);
                let level = any.level(&walk.hits);
                take(at, level, &any.chain);
            }
        } else if let Some(step_of) = &self.quick {
            let mut quick = Quick::new(step_of, self.steps, self.within);
            for at in range {
                let rows = starts[at]..starts[at + 1];
                match quick.level(codes, ticks, rows.clone()) {
                    Some((level, last)) => {
                        let chain: &[u32] =
                            if chains && level > 0 { quick.walk_back(codes, ticks, rows, level, last) } else { &[] };
                        take(at, level, chain);
                    }
                    // Steps stand in the log against their order at one time.
                    None => {
                        walk.collect(codes, ticks, rows);
                        let level = walk.level();
                        take(at, level, &walk.chain);
                    }
                }
            }
        } else {
            for at in range {
                walk.collect(codes, ticks, starts[at]..starts[at + 1]);
                let level = walk.level();
                take(at, level, &walk.chain);
            }
        }
    }
}
