//! The same search with a limit on a match's duration.
//!
//! The backward pass must know not only whether an instruction can still accept but how soon: it keeps, at each place,
//! the instructions in the order of the earliest end they can reach, and drops those whose end lies beyond the limit
//! from here, since every start lies no later. A match begins where the earliest end keeps the limit; the forward pass goes on
//! while some instruction it has reached can end in time. The work is linear in the events, times the instructions
//! that are alive at once.

use super::program::Program;
use super::reader::Reader;
use super::scan::Scan;
use super::set::Set;

/// Instructions with the earliest end (as the number of the event after it) each can reach, by ascending end.
type Ends = Vec<(u32, u32)>;

/// Entries that one block may hold, about.
const BLOCK_ENTRIES: usize = 4 << 20;

/// The buffers for one sequence.
pub(super) struct TimedScan<'p> {
    program: &'p Program,
    within: i64,
    block: usize,
    /// At the end of each block.
    checkpoints: Vec<Ends>,
    /// At each place of the block loaded.
    viable: Vec<Ends>,
    loaded: usize,
    seen: Set,
    open: Vec<u32>,
}

impl<'p> TimedScan<'p> {
    pub(super) fn new(program: &'p Program, within: i64) -> Self {
        Self {
            program,
            within,
            block: (BLOCK_ENTRIES / program.insts.len()).clamp(1024, 8192),
            checkpoints: Vec::new(),
            viable: Vec::new(),
            loaded: 0,
            seen: Set::empty(program.insts.len()),
            open: Vec::new(),
        }
    }

    /// Reports each match as the numbers of its first event and of the event after its last.
    pub(super) fn run(&mut self, scan: &mut Scan<'_>, reader: &Reader<'_>, report: &mut impl FnMut(usize, usize)) {
        let times = reader.times.as_slice();
        self.note_checkpoints(reader, times);
        self.load(reader, times, 0);
        let mut at = 0;
        while at < times.len() {
            let limit = times[at].saturating_add(self.within);
            let initial = scan.initial(reader, reader.between[at]);
            if !self.ends_in_time(reader, times, at, initial, limit) {
                at += 1;
                continue;
            }
            let mut state = scan.begin(reader, reader.between[at]);
            let (start, mut end) = (at, at + 1);
            loop {
                state = scan.step(reader, state, at);
                at += 1;
                let reached = scan.reached(state);
                if reached.contains(self.program.accept()) && times[at - 1] <= limit {
                    end = at;
                }
                if !self.ends_in_time(reader, times, at, reached, limit) {
                    break;
                }
            }
            report(start, end);
            at = end;
            self.reload(reader, times, at);
        }
    }

    /// Whether one of the instructions that take an event at this place can reach an end by the limit.
    fn ends_in_time(&mut self, reader: &Reader<'_>, times: &[i64], at: usize, reached: &Set, limit: i64) -> bool {
        self.reload(reader, times, at);
        self.viable[at - self.loaded]
            .iter()
            .take_while(|(_, end)| *end == 0 || times[*end as usize - 1] <= limit)
            .any(|(inst, _)| reached.contains(*inst) && self.program.taking.contains(*inst))
    }

    /// The earliest ends at `at`, given those one event later.
    fn step_back(&mut self, reader: &Reader<'_>, times: &[i64], at: usize, later: &Ends) -> Ends {
        let holds = reader.holds(reader.between[at]);
        let takes = |inst: &u32| reader.event_takers(at).is_some_and(|takers| takers.contains(*inst));
        let limit = times.get(at).map_or(i64::MAX, |time| time.saturating_add(self.within));
        let mut ends = Ends::new();
        self.seen.clear();
        let here = (self.program.accept(), u32::try_from(at).unwrap_or(u32::MAX));
        let stepped = later
            .iter()
            .take_while(|(_, end)| *end == 0 || times[*end as usize - 1] <= limit)
            .filter_map(|(inst, end)| Some((inst.checked_sub(1).filter(takes)?, *end)));
        for (inst, end) in std::iter::once(here).chain(stepped) {
            if self.seen.insert(inst) {
                self.open.push(inst);
            }
            while let Some(inst) = self.open.pop() {
                ends.push((inst, end));
                let (seen, open) = (&mut self.seen, &mut self.open);
                self.program.each_before(inst, &holds, |before| {
                    if seen.insert(before) {
                        open.push(before);
                    }
                });
            }
        }
        ends
    }

    fn note_checkpoints(&mut self, reader: &Reader<'_>, times: &[i64]) {
        let blocks = times.len().div_ceil(self.block).max(1);
        let last = self.step_back(reader, times, times.len(), &Ends::new());
        self.checkpoints.clear();
        self.checkpoints.resize(blocks, last);
        for block in (1..blocks).rev() {
            let mut ends = self.checkpoints[block].clone();
            for at in (block * self.block..times.len().min((block + 1) * self.block)).rev() {
                ends = self.step_back(reader, times, at, &ends);
            }
            self.checkpoints[block - 1] = ends;
        }
    }

    fn load(&mut self, reader: &Reader<'_>, times: &[i64], block: usize) {
        let (first, end) = (block * self.block, times.len().min((block + 1) * self.block));
        self.loaded = first;
        let mut viable = vec![self.checkpoints[block].clone()];
        for at in (first..end).rev() {
            let ends = self.step_back(reader, times, at, &viable[viable.len() - 1]);
            viable.push(ends);
        }
        viable.reverse();
        self.viable = viable;
    }

    /// Loads the block of a place when another is loaded.
    fn reload(&mut self, reader: &Reader<'_>, times: &[i64], at: usize) {
        if at < self.loaded || at - self.loaded >= self.viable.len() {
            self.load(reader, times, at / self.block);
        }
    }
}
