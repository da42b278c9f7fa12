//! The longest match from every place at once, in one pass backwards.
//!
//! At each place the pass keeps, for each instruction from which the pattern can still match, the latest end that it can
//! reach. The work is linear in the events, times the instructions that are alive at once.

use super::program::Program;
use super::reader::Reader;
use super::set::Set;

/// Adds the longest match from each place of a sequence where one begins, in order.
pub(super) fn matches(program: &Program, reader: &Reader<'_>, found: &mut Vec<(usize, usize)>) {
    // By descending end, so that the first way to reach an instruction is the best.
    let mut ends: Vec<(u32, usize)> = Vec::new();
    let mut seen = Set::empty(program.insts.len());
    let mut open = Vec::new();
    let first = found.len();
    for at in (0..=reader.events.len()).rev() {
        let holds = reader.holds(reader.between[at]);
        let takes = |inst: &u32| reader.event_takers(at).is_some_and(|takers| takers.contains(*inst));
        let stepped = ends.iter().filter_map(|(inst, end)| Some((inst.checked_sub(1).filter(takes)?, *end)));
        let mut here = Vec::new();
        seen.clear();
        for (inst, end) in stepped.chain([(program.accept(), at)]) {
            if seen.insert(inst) {
                open.push(inst);
            }
            while let Some(inst) = open.pop() {
                here.push((inst, end));
                program.each_before(inst, &holds, |before| {
                    if seen.insert(before) {
                        open.push(before);
                    }
                });
            }
        }
        if let Some((_, end)) = here.iter().find(|(inst, _)| *inst == 0)
            && *end > at
        {
            found.push((at, *end));
        }
        ends = here;
    }
    found[first..].reverse();
}
