//! Finding the leftmost-longest matches in time linear in the events, whatever the pattern.
//!
//! A forward search alone is not linear: from each start it may run to the end and find nothing. So a first pass
//! goes backwards and determines at each place the instructions from which the pattern can still accept. The forward
//! pass then starts only where a match starts and goes on only while a longer match is certain: it reads no event twice.
//! Both directions are deterministic automata built as they go (subset construction), forgotten when they grow too
//! large. The backward states are kept for one block of events; longer sequences are walked backwards twice,
//! first to note the state at the end of each block.

use rustc_hash::FxHashMap;

use super::alphabet::Interner;
use super::program::Program;
use super::reader::Reader;
use super::set::Set;

/// Events in a block.
const BLOCK: usize = 8192;

/// Bytes that the states of one direction may take before they are forgotten.
const MAX_BYTES: usize = 32 << 20;

/// One direction's states and the transitions known so far.
#[derive(Default)]
struct States {
    sets: Interner,
    /// (state, letter, edges) to state.
    steps: FxHashMap<(u32, u32, u32), u32>,
}

impl States {
    fn is_full(&self, set_bytes: usize) -> bool {
        self.sets.len() * 2 * set_bytes + self.steps.len() * 24 > MAX_BYTES
    }

    fn clear(&mut self) {
        self.sets.clear();
        self.steps.clear();
    }
}

/// By set of edges: the instructions at which a match begins.
#[derive(Default)]
struct Initial(FxHashMap<u32, Set>);

impl Initial {
    fn at(&mut self, program: &Program, reader: &Reader<'_>, edges: u32) -> &Set {
        self.0.entry(edges).or_insert_with(|| {
            let mut set = Set::empty(program.insts.len());
            set.insert(0);
            program.close(&mut set, reader.holds(edges));
            set
        })
    }
}

/// The automata of one pattern and the buffers for one sequence.
pub(super) struct Scan<'p> {
    program: &'p Program,
    forward: States,
    backward: States,
    initial: Initial,
    /// The backward state at the end of each block.
    ends: Vec<Set>,
    /// The backward states at the places of the block loaded.
    viable: Vec<u32>,
    /// The first place of the block loaded.
    loaded: usize,
}

impl<'p> Scan<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        Self {
            program,
            forward: States::default(),
            backward: States::default(),
            initial: Initial::default(),
            ends: Vec::new(),
            viable: Vec::new(),
            loaded: 0,
        }
    }

    /// Reports each match as the numbers of its first event and of the event after its last.
    pub(super) fn run(&mut self, reader: &Reader<'_>, report: &mut impl FnMut(usize, usize)) {
        self.note_block_ends(reader);
        self.load(reader, 0);
        let events = reader.events.len();
        let mut at = 0;
        while at < events {
            let viable = self.viable_at(reader, at);
            let initial = self.initial.at(self.program, reader, reader.between[at]);
            if !initial.meets(self.backward.sets.get(viable), &self.program.taking) {
                at += 1;
                continue;
            }
            let end = self.longest(reader, at);
            report(at, end);
            at = end;
        }
    }

    /// The end of the longest match that begins at `start`, where one does.
    fn longest(&mut self, reader: &Reader<'_>, start: usize) -> usize {
        let mut state = self.begin(reader, reader.between[start]);
        let (mut at, mut end) = (start, start + 1);
        loop {
            state = self.step(reader, state, at);
            at += 1;
            let viable = self.viable_at(reader, at);
            let reached = self.forward.sets.get(state);
            if reached.contains(self.program.accept()) {
                end = at;
            }
            if !reached.meets(self.backward.sets.get(viable), &self.program.taking) {
                return end;
            }
        }
    }

    /// The forward state before the first event of a match.
    pub(super) fn begin(&mut self, reader: &Reader<'_>, edges: u32) -> u32 {
        let initial = self.initial.at(self.program, reader, edges);
        self.forward.sets.intern(initial.clone()).0
    }

    /// The instructions in a forward state.
    pub(super) fn reached(&self, state: u32) -> &Set {
        self.forward.sets.get(state)
    }

    /// Everything reached at a place without an event.
    pub(super) fn initial(&mut self, reader: &Reader<'_>, edges: u32) -> &Set {
        self.initial.at(self.program, reader, edges)
    }

    /// The forward state after the event at `at`.
    pub(super) fn step(&mut self, reader: &Reader<'_>, mut state: u32, at: usize) -> u32 {
        let (letter, edges) = (reader.events[at], reader.between[at + 1]);
        if let Some(next) = self.forward.steps.get(&(state, letter, edges)) {
            return *next;
        }
        let mut set = self.forward.sets.get(state).stepped_on(reader.takers(letter));
        self.program.close(&mut set, reader.holds(edges));
        if self.forward.is_full(set.bytes()) {
            let before = self.forward.sets.get(state).clone();
            self.forward.clear();
            state = self.forward.sets.intern(before).0;
        }
        let next = self.forward.sets.intern(set).0;
        self.forward.steps.insert((state, letter, edges), next);
        next
    }

    fn step_back(&mut self, reader: &Reader<'_>, state: u32, at: usize) -> u32 {
        let (letter, edges) = (reader.events[at], reader.between[at]);
        if let Some(next) = self.backward.steps.get(&(state, letter, edges)) {
            return *next;
        }
        let mut set = self.backward.sets.get(state).stepped_back(reader.takers(letter));
        set.insert(self.program.accept());
        self.program.close_back(&mut set, reader.holds(edges));
        let next = self.backward.sets.intern(set).0;
        self.backward.steps.insert((state, letter, edges), next);
        next
    }

    /// The instructions that accept at the end of the sequence.
    fn last(&mut self, reader: &Reader<'_>) -> Set {
        let mut set = Set::empty(self.program.insts.len());
        set.insert(self.program.accept());
        self.program.close_back(&mut set, reader.holds(reader.between[reader.events.len()]));
        set
    }

    fn forget_when_full(&mut self) {
        if self.backward.is_full(self.program.taking.bytes()) {
            self.backward.clear();
        }
    }

    fn note_block_ends(&mut self, reader: &Reader<'_>) {
        let events = reader.events.len();
        let blocks = events.div_ceil(BLOCK).max(1);
        let last = self.last(reader);
        self.ends.clear();
        self.ends.resize(blocks, last);
        for block in (1..blocks).rev() {
            self.forget_when_full();
            let mut state = self.backward.sets.intern(self.ends[block].clone()).0;
            for at in (block * BLOCK..events.min((block + 1) * BLOCK)).rev() {
                state = self.step_back(reader, state, at);
            }
            self.ends[block - 1] = self.backward.sets.get(state).clone();
        }
    }

    fn load(&mut self, reader: &Reader<'_>, block: usize) {
        self.forget_when_full();
        let (first, end) = (block * BLOCK, reader.events.len().min((block + 1) * BLOCK));
        let mut state = self.backward.sets.intern(self.ends[block].clone()).0;
        self.loaded = first;
        self.viable.clear();
        self.viable.resize(end - first + 1, state);
        for at in (first..end).rev() {
            state = self.step_back(reader, state, at);
            self.viable[at - first] = state;
        }
    }

    /// The backward state at a place, which never lies before one asked for earlier.
    fn viable_at(&mut self, reader: &Reader<'_>, at: usize) -> u32 {
        if at - self.loaded >= self.viable.len() {
            self.load(reader, at / BLOCK);
        }
        self.viable[at - self.loaded]
    }
}
