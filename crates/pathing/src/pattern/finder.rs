//! The search for matches in one sequence after another.
//!
//! From each event that can begin a match the automaton runs until nothing more can match; the last place where the
//! pattern had matched is the end. Nearly always that reads each event a few times at most. Where it has read eight
//! times as many events as there are, the sequence is searched by the passes in both directions instead, which read
//! each a fixed number of times whatever the pattern: so the work is linear in the events.

use std::ops::Range;

use super::alphabet::Letters;
use super::dfa::{ACCEPTS, DEAD, Dfa};
use super::latest;
use super::program::{END, FIRST_ABSENCE, Program};
use super::reader::Reader;
use super::scan::Scan;
use super::timed::TimedScan;
use crate::log::{Code, EventLog, Tick};

/// The last place of a group of events is not known yet.
const UNKNOWN: usize = usize::MAX;

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
    /// By letter: whether a match can begin with it anywhere.
    begins: Vec<bool>,
    /// The letters of the sequence, where names are not enough.
    read: Vec<u32>,
    /// By group of events that must not follow: one after its last place in the sequence.
    last: Vec<usize>,
    /// Events read in the sequence.
    work: usize,
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
            begins: Vec::new(),
            read: Vec::new(),
            last: vec![UNKNOWN; asked.program.absences.len()],
            work: 0,
            found: Vec::new(),
            linear: None,
        }
    }

    /// Finds the matches among some rows.
    pub(super) fn search<C: Code, T: Tick>(&mut self, codes: &[C], ticks: &[T], rows: Range<usize>) {
        let (codes, ticks) = (&codes[rows.clone()], &ticks[rows.clone()]);
        let by_name = self.by_name.take();
        let searched = match &by_name {
            Some(by_name) => {
                self.prepare();
                self.greedy(ticks, |at| by_name[codes[at].index()])
            }
            None => {
                let mut read = std::mem::take(&mut self.read);
                read.clear();
                read.extend(codes.iter().zip(rows).map(|(code, row)| self.letters.of(code.index(), row)));
                self.prepare();
                let searched = self.greedy(ticks, |at| read[at]);
                self.read = read;
                searched
            }
        };
        if searched.is_err() {
            self.found.clear();
            match &by_name {
                Some(by_name) => self.linear(ticks, |at| by_name[codes[at].index()]),
                None => {
                    let read = std::mem::take(&mut self.read);
                    self.linear(ticks, |at| read[at]);
                    self.read = read;
                }
            }
        }
        self.by_name = by_name;
    }

    /// Makes room for the letters met so far and forgets the last sequence.
    fn prepare(&mut self) {
        self.dfa.fit(self.letters.len());
        for letter in self.begins.len()..self.letters.len() {
            self.begins.push(self.dfa.begins_with(&self.letters, letter as u32, false));
        }
        self.last.fill(UNKNOWN);
        self.work = 0;
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
            if self.work > budget {
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
                if self.accepted(ticks, letter, offset, at) {
                    end = Some(at);
                }
                if self.dfa.is_last(offset) {
                    break;
                }
            } else if entry == DEAD {
                break;
            }
        }
        self.work += at - start;
        end
    }

    /// Whether what must hold before a place does.
    fn accepted<T: Tick>(&mut self, ticks: &[T], letter: &impl Fn(usize) -> u32, offset: u32, at: usize) -> bool {
        let sets = self.dfa.accepts(offset);
        sets.iter().any(|set| {
            set.iter().all(|edge| match *edge {
                END => at == ticks.len(),
                edge => {
                    let group = edge.saturating_sub(FIRST_ABSENCE) as usize;
                    let is_of = |place: &usize| self.letters.is_of(letter(*place), group);
                    let Some(within) = self.asked.within else {
                        let last = &mut self.last[group];
                        if *last == UNKNOWN {
                            *last = (0..ticks.len()).rev().find(is_of).map_or(0, |place| place + 1);
                        }
                        return *last <= at;
                    };
                    let in_time = |place: &usize| ticks[*place].since(ticks[at - 1]) as i64 <= within;
                    let read = &mut self.work;
                    !(at..ticks.len()).take_while(in_time).inspect(|_| *read += 1).any(|place| is_of(&place))
                }
            })
        })
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
