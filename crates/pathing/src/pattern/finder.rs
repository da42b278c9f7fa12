//! The search for matches in one sequence after another.
//!
//! Three ways lead to the same matches:
//! * without restarts: one look-up for an event, where one start at a time is enough to remember;
//! * greedily: from each event that can begin a match the automaton runs until nothing more can match; the last place
//!   where the pattern had matched is the end. Nearly always that reads each event a few times at most;
//! * linearly: where that has read eight times as many events as there are, the sequence is searched by passes in both
//!   directions, which read each a fixed number of times whatever the pattern. So the work is linear in the events.

use std::ops::Range;

use super::ahead::Ahead;
use super::alphabet::Letters;
use super::dfa::{ACCEPTS, DEAD, Dfa};
use super::flat::{BEGINS, Flat, OFFSET, SPECIAL, TWO, UNKNOWN};
use super::latest;
use super::program::Program;
use super::reader::Reader;
use super::scan::Scan;
use super::timed::TimedScan;
use crate::log::{Code, EventLog, Tick};

/// What is searched for and how.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) program: &'a Program,
    /// The most ticks from the first to the last event.
    pub(super) within: Option<i64>,
    pub(super) overlapping: bool,
    /// How often an event may be read before the linear search takes over.
    pub(super) patience: usize,
}

/// A search that was given up for the linear one.
struct GivenUp;

/// The buffers of one thread.
pub(super) struct Finder<'a> {
    asked: Asked<'a>,
    letters: Letters<'a>,
    /// The letter of each name, where it is enough.
    by_name: Option<Vec<u32>>,
    dfa: Dfa<'a>,
    /// Absent where it does not apply or gave up too often.
    flat: Option<Flat>,
    /// Sequences that the search without restarts took and gave up.
    taken: [usize; 2],
    /// By letter: whether a match can begin with it anywhere.
    begins: Vec<bool>,
    /// The letters of the sequence, where names are not enough.
    read: Vec<u32>,
    ahead: Ahead,
    /// Matches in the sequence: first place, place after the last.
    pub(super) found: Vec<(usize, usize)>,
    linear: Option<Linear<'a>>,
}

/// The search in both directions.
struct Linear<'a> {
    reader: Reader<'a>,
    scan: Scan<'a>,
    timed: Option<TimedScan<'a>>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(log: &'a EventLog, asked: Asked<'a>) -> Self {
        let letters = Letters::new(log, asked.program);
        Self {
            asked,
            by_name: letters.by_name(),
            letters,
            dfa: Dfa::new(asked.program),
            flat: (asked.within.is_none() && !asked.overlapping && asked.patience > 0).then(Flat::new),
            taken: [0; 2],
            begins: Vec::new(),
            read: Vec::new(),
            ahead: Ahead::new(asked.program.absences.len(), asked.within),
            found: Vec::new(),
            linear: None,
        }
    }

    /// Finds the matches among some rows.
    pub(super) fn search<C: Code, T: Tick>(&mut self, codes: &[C], ticks: &[T], rows: Range<usize>) {
        let (codes, ticks) = (&codes[rows.clone()], &ticks[rows.clone()]);
        let by_name = self.by_name.take();
        match &by_name {
            // The codes of names serve as symbols themselves.
            Some(by_name) => {
                self.run(ticks, by_name.len(), |at| codes[at].index(), |at| by_name[codes[at].index()]);
            }
            None => {
                let mut read = std::mem::take(&mut self.read);
                read.clear();
                read.extend(codes.iter().zip(rows).map(|(code, row)| self.letters.of(code.index(), row)));
                self.run(ticks, self.letters.len(), |at| read[at] as usize, |at| read[at]);
                self.read = read;
            }
        }
        self.by_name = by_name;
    }

    #[inline]
    fn run<T: Tick>(
        &mut self,
        ticks: &[T],
        symbols: usize,
        symbol: impl Fn(usize) -> usize,
        letter: impl Fn(usize) -> u32,
    ) {
        self.prepare();
        if let Some(mut flat) = self.flat.take() {
            flat.fit(symbols);
            let searched = self.without_restarts(&mut flat, ticks, symbol, &letter);
            self.taken[0] += 1;
            self.taken[1] += usize::from(searched.is_err());
            if self.taken[1] * 4 < self.taken[0] + 64 {
                self.flat = Some(flat);
            }
            if searched.is_ok() {
                return;
            }
            self.found.clear();
            self.ahead.work = 0;
        }
        if self.greedy(ticks, &letter).is_err() {
            self.found.clear();
            self.linear(ticks, letter);
        }
    }

    #[inline]
    fn without_restarts<T: Tick>(
        &mut self,
        flat: &mut Flat,
        ticks: &[T],
        symbol: impl Fn(usize) -> usize,
        letter: &impl Fn(usize) -> u32,
    ) -> Result<(), GivenUp> {
        let budget = self.asked.patience * ticks.len() + 64;
        let (mut offset, mut start, mut at) = (flat.begin(), 0, 0);
        while at < ticks.len() {
            let mut entry = flat.table[offset as usize + symbol(at)];
            if entry >= SPECIAL {
                if entry == UNKNOWN {
                    entry = flat.extend(&self.dfa, &self.letters, offset, symbol(at), letter(at));
                }
                if entry == TWO {
                    return Err(GivenUp);
                }
            }
            start = if entry & BEGINS != 0 { at } else { start };
            offset = entry & OFFSET;
            at += 1;
            if entry >= SPECIAL {
                let Some(state) = flat.under_way(offset) else { continue };
                if !state.is_last() {
                    // How much further it goes is for a search from its start to find out.
                    if let Some(end) = self.attempt(ticks, letter, start) {
                        self.found.push((start, end));
                        at = end;
                    }
                } else if self.ahead.holds(state.accepts(), ticks, letter, at) {
                    self.found.push((start, at));
                }
                offset = 0;
                if self.ahead.work > budget {
                    return Err(GivenUp);
                }
            }
        }
        Ok(())
    }

    /// Makes room for the letters met so far and forgets the last sequence.
    fn prepare(&mut self) {
        self.dfa.fit(self.letters.len());
        for letter in self.begins.len()..self.letters.len() {
            self.begins.push(self.dfa.begins_with(&self.letters, letter as u32, false));
        }
        self.ahead.prepare(&self.letters);
        self.found.clear();
    }

    #[inline]
    fn greedy<T: Tick>(&mut self, ticks: &[T], letter: impl Fn(usize) -> u32) -> Result<(), GivenUp> {
        let budget = if self.asked.overlapping && self.asked.within.is_some() {
            usize::MAX
        } else {
            self.asked.patience * ticks.len() + 64 * self.asked.patience.min(1)
        };
        let mut at = 0;
        if let Some(first) = (!ticks.is_empty()).then(|| letter(0))
            && !self.begins[first as usize]
            && !self.dfa.begins_with(&self.letters, first, true)
        {
            at = 1;
        }
        while at < ticks.len() {
            if at > 0 && !self.begins[letter(at) as usize] {
                at += 1;
                continue;
            }
            at = match self.attempt(ticks, &letter, at) {
                Some(end) => {
                    self.found.push((at, end));
                    if self.asked.overlapping { at + 1 } else { end }
                }
                None => at + 1,
            };
            if self.ahead.work > budget {
                return Err(GivenUp);
            }
        }
        Ok(())
    }

    /// The end of the longest match that begins at a place.
    #[inline]
    fn attempt<T: Tick>(&mut self, ticks: &[T], letter: &impl Fn(usize) -> u32, start: usize) -> Option<usize> {
        let mut offset = self.dfa.begin(start == 0);
        let mut end = None;
        let mut at = start;
        while let Some(tick) = ticks.get(at) {
            if self.asked.within.is_some_and(|within| tick.since(ticks[start]) as i64 > within) {
                break;
            }
            let entry = self.dfa.step(&self.letters, offset, letter(at));
            at += 1;
            offset = entry & !ACCEPTS;
            if entry & ACCEPTS != 0 {
                let accepts = self.dfa.state(offset).accepts();
                if self.ahead.holds(accepts, ticks, letter, at) {
                    end = Some(at);
                }
                if self.dfa.state(offset).is_last() {
                    break;
                }
            } else if entry == DEAD {
                break;
            }
        }
        self.ahead.work += at - start;
        end
    }

    fn linear<T: Tick>(&mut self, ticks: &[T], letter: impl Fn(usize) -> u32) {
        let Asked { program, within, overlapping, .. } = self.asked;
        let linear = self.linear.get_or_insert_with(|| Linear {
            reader: Reader::new(program, within),
            scan: Scan::new(program),
            timed: within.map(|within| TimedScan::new(program, within)),
        });
        linear.reader.read(&self.letters, ticks.iter().enumerate().map(|(at, tick)| (letter(at), tick.get())));
        let found = &mut self.found;
        if overlapping {
            latest::matches(program, &linear.reader, found);
            return;
        }
        let mut report = |start: usize, end: usize| found.push((start, end));
        match &mut linear.timed {
            None => linear.scan.run(&linear.reader, &mut report),
            Some(timed) => timed.run(&mut linear.scan, &linear.reader, &mut report),
        }
    }
}
