//! A state as one blob.
//!
//! Version 1. Whole numbers are LEB128, signed ones zigzag; times are microseconds, most of them told as the difference to
//! the newest event. Lanes and rules are named by a hash of their definition, so that another engine takes over what it
//! still has and drops the rest.

use rustc_hash::FxHashMap;

use crate::engine::Engine;
use crate::event::{EventId, Kept};
use crate::lane::{Cells, width};
use crate::rule::Shape;
use crate::sequence::{Run, Thread};
use crate::state::{Due, LaneState, NEVER, Pending, Rest, State};

/// The version of the encoding.
pub const VERSION: u8 = 1;

/// The bytes are no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end too early, or say what no state says.
    #[error("the bytes are no state of triggers")]
    Damaged,
    /// They were written by a later version.
    #[error("the state has version {0}, which is not known")]
    Version(u8),
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn float(&mut self, bits: i64) {
        let number = f64::from_bits(bits.cast_unsigned());
        #[expect(clippy::cast_possible_truncation, reason = "compared with the number itself in the next line")]
        let cents = (number * 100.0).round() as i64;
        // Amounts are most often whole hundredths, which take fewer bytes than eight.
        if cents.unsigned_abs() < 1 << 40 && (cents as f64 / 100.0).to_bits() == bits.cast_unsigned() {
            self.number(((((cents << 1) ^ (cents >> 63)) as u64) << 1) | 1);
        } else {
            self.number(0);
            self.0.extend_from_slice(&bits.to_le_bytes());
        }
    }

    fn id(&mut self, id: &EventId) {
        match id {
            EventId::Row(row) => self.number(row << 1),
            EventId::Text(text) => {
                self.number((text.len() as u64) << 1 | 1);
                self.0.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn ids<'a>(&mut self, ids: impl ExactSizeIterator<Item = &'a EventId>) {
        self.count(ids.len());
        ids.for_each(|id| self.id(id));
    }

    fn kept(&mut self, kept: Option<&Kept>) {
        match kept {
            None => self.0.push(0),
            Some(Kept::Number(number)) => {
                self.0.push(1);
                self.float(number.to_bits().cast_signed());
            }
            Some(Kept::Flag(flag)) => self.0.push(2 + u8::from(*flag)),
            Some(Kept::Text(text)) => {
                self.0.push(4);
                self.bytes(text.as_bytes());
            }
            Some(Kept::Time(time)) => {
                self.0.push(5);
                self.signed(*time);
            }
            Some(Kept::Span(span)) => {
                self.0.push(6);
                self.signed(*span);
            }
        }
    }
}

struct Reader<'a>(&'a [u8]);

type Read<T> = Result<T, DecodeError>;

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Read<u8> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Damaged)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Read<u64> {
        let (mut number, mut shift) = (0u64, 0);
        loop {
            let byte = self.byte()?;
            if shift > 63 {
                return Err(DecodeError::Damaged);
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    fn signed(&mut self) -> Read<i64> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A count of things that take a byte each at least.
    fn count(&mut self) -> Read<usize> {
        let count = usize::try_from(self.number()?).map_err(|_| DecodeError::Damaged)?;
        if count > self.0.len() { Err(DecodeError::Damaged) } else { Ok(count) }
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        if count > self.0.len() {
            return Err(DecodeError::Damaged);
        }
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(taken)
    }

    fn text(&mut self, length: usize) -> Read<Box<str>> {
        std::str::from_utf8(self.take(length)?).map(Into::into).map_err(|_| DecodeError::Damaged)
    }

    fn float(&mut self) -> Read<i64> {
        let number = self.number()?;
        if number & 1 == 0 {
            let bytes = self.take(8)?.try_into().map_err(|_| DecodeError::Damaged)?;
            return Ok(i64::from_le_bytes(bytes));
        }
        let cents = ((number >> 2).cast_signed()) ^ -((number >> 1) & 1).cast_signed();
        #[expect(clippy::cast_precision_loss, reason = "written only below 2^40")]
        Ok((cents as f64 / 100.0).to_bits().cast_signed())
    }

    fn id(&mut self) -> Read<EventId> {
        let number = self.number()?;
        if number & 1 == 0 {
            return Ok(EventId::Row(number >> 1));
        }
        let length = usize::try_from(number >> 1).map_err(|_| DecodeError::Damaged)?;
        Ok(EventId::Text(self.text(length)?))
    }

    fn many<T>(&mut self, one: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.count()?;
        (0..count).map(|_| one(self)).collect()
    }

    fn kept(&mut self) -> Read<Option<Kept>> {
        Ok(Some(match self.byte()? {
            0 => return Ok(None),
            1 => Kept::Number(f64::from_bits(self.float()?.cast_unsigned())),
            flag @ (2 | 3) => Kept::Flag(flag == 3),
            4 => {
                let length = self.count()?;
                Kept::Text(self.text(length)?)
            }
            5 => Kept::Time(self.signed()?),
            6 => Kept::Span(self.signed()?),
            _ => return Err(DecodeError::Damaged),
        }))
    }
}

impl Engine {
    /// The state as a blob; empty for one that remembers nothing.
    #[must_use]
    pub fn encode(&self, state: &State) -> Vec<u8> {
        if *state == State::default() {
            return Vec::new();
        }
        let mut out = Writer(vec![VERSION]);
        let base = state.newest;
        out.signed(base);
        // Times before the first event do not occur but in a state without any.
        let since = |out: &mut Writer, time: i64| out.signed(time.wrapping_sub(base));
        out.count(state.lanes.len());
        for (number, held) in &state.lanes {
            let lane = &self.lanes[usize::from(*number)];
            out.number(lane.mark);
            match (held, &lane.shape) {
                (LaneState::Cells(cells), Shape::Cells(layout)) => {
                    out.0.push(layout.columns);
                    let width = width(layout.columns);
                    out.count(cells.0.len() / width);
                    let mut before = 0i64;
                    for cell in cells.0.chunks_exact(width) {
                        out.signed(cell[0].wrapping_sub(before));
                        before = cell[0];
                        out.number(cell[1].cast_unsigned());
                        cell[2..].iter().for_each(|column| out.float(*column));
                    }
                }
                (LaneState::Distinct(values), _) => {
                    out.0.push(0x80);
                    out.count(values.len());
                    for (hash, seen) in values {
                        out.0.extend_from_slice(&hash.to_le_bytes());
                        since(&mut out, *seen);
                    }
                }
                (LaneState::Last { time, value }, _) => {
                    out.0.push(0x81);
                    since(&mut out, *time);
                    out.kept(value.as_ref());
                }
                (LaneState::Cells(_), _) => out.0.push(0x82),
            }
        }
        out.count(state.waits.len());
        for wait in &state.waits {
            out.number(self.rules[usize::from(wait.rule)].mark);
            out.0.push(wait.due as u8);
            since(&mut out, wait.deadline);
            out.signed(wait.deadline.wrapping_sub(wait.anchor));
            out.number(wait.key);
            out.signed(wait.date);
            out.id(&wait.cause);
            out.count(wait.kept.len());
            wait.kept.iter().for_each(|kept| out.kept(kept.as_ref()));
            let rest = wait.rest.as_deref();
            out.0.push(u8::from(rest.is_some()));
            if let Some(rest) = rest {
                out.count(rest.absences.len());
                rest.absences.iter().for_each(|absence| out.number(u64::from(*absence)));
                out.ids(rest.evidence.iter());
            }
        }
        out.count(state.fired.len());
        for (rule, time) in &state.fired {
            out.number(self.rules[usize::from(*rule)].name_mark);
            since(&mut out, *time);
        }
        let Some(more) = &state.more else { return out.0 };
        out.count(more.holding.len());
        more.holding.iter().for_each(|rule| out.number(self.rules[usize::from(*rule)].mark));
        out.count(more.once.len());
        for (rule, value, time) in &more.once {
            out.number(self.rules[usize::from(*rule)].name_mark);
            out.number(*value);
            since(&mut out, *time);
        }
        out.count(more.quotas.len());
        for (group, time) in &more.quotas {
            out.number(self.group_marks[usize::from(*group)]);
            since(&mut out, *time);
        }
        out.count(more.endings.len());
        for (rule, key, time) in &more.endings {
            out.number(self.rules[usize::from(*rule)].mark);
            out.number(*key);
            since(&mut out, *time);
        }
        out.count(more.runs.len());
        for (rule, run) in &more.runs {
            out.number(self.rules[usize::from(*rule)].mark);
            out.number(run.taken);
            out.count(run.threads.len());
            for thread in &run.threads {
                out.number(u64::from(thread.inst));
                since(&mut out, thread.start);
                out.id(&thread.first);
                out.number(thread.number);
            }
            out.ids(run.recent.iter());
        }
        out.0
    }

    /// Reads a state. What it says of lanes and rules that this engine does not have, or has with another definition, is
    /// dropped; cool-downs and `once_per` go by the id of the rule alone.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no state.
    pub fn decode(&self, bytes: &[u8]) -> Result<State, DecodeError> {
        let mut state = State::default();
        if bytes.is_empty() {
            return Ok(state);
        }
        let mut from = Reader(bytes);
        let version = from.byte()?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        state.newest = from.signed()?;
        let base = state.newest;
        let time = |from: &mut Reader<'_>| Ok::<i64, DecodeError>(from.signed()?.wrapping_add(base));
        for _ in 0..from.count()? {
            let mark = from.number()?;
            let lane = self.marks.lanes.get(&mark).copied();
            let shape = lane.map(|lane| &self.lanes[usize::from(lane)].shape);
            let held = match from.byte()? {
                0x80 => Some(LaneState::Distinct(from.many(|from| {
                    let bytes = from.take(8)?.try_into().map_err(|_| DecodeError::Damaged)?;
                    Ok((u64::from_le_bytes(bytes), time(from)?))
                })?))
                .filter(|_| matches!(shape, Some(Shape::Distinct { .. }))),
                0x81 => Some(LaneState::Last { time: time(&mut from)?, value: from.kept()? })
                    .filter(|_| matches!(shape, Some(Shape::Last))),
                0x82 => None,
                columns @ 0..16 => {
                    let (mut cells, mut at) = (Vec::new(), 0i64);
                    for _ in 0..from.count()? {
                        at = at.wrapping_add(from.signed()?);
                        cells.push(at);
                        cells.push(from.number()?.cast_signed());
                        for _ in 0..columns.count_ones() {
                            cells.push(from.float()?);
                        }
                    }
                    // A lane that has come to be read in another way begins anew.
                    let fits = matches!(shape, Some(Shape::Cells(layout)) if layout.columns == columns);
                    Some(LaneState::Cells(Cells(cells))).filter(|_| fits)
                }
                _ => return Err(DecodeError::Damaged),
            };
            if let (Some(lane), Some(held)) = (lane, held) {
                *state.lane_or(lane, || LaneState::Distinct(Vec::new())) = held;
            }
        }
        for _ in 0..from.count()? {
            let rule = self.marks.rules.get(&from.number()?).copied();
            let due = match from.byte()? {
                0 => Due::Wait,
                1 => Due::Date,
                2 => Due::PutOff,
                3 => Due::Sequence,
                _ => return Err(DecodeError::Damaged),
            };
            let deadline = time(&mut from)?;
            let anchor = deadline.wrapping_sub(from.signed()?);
            let (key, date, cause) = (from.number()?, from.signed()?, from.id()?);
            let kept = from.many(Reader::kept)?.into();
            let rest = match from.byte()? {
                0 => None,
                _ => {
                    let absence =
                        |from: &mut Reader<'_>| u32::try_from(from.number()?).map_err(|_| DecodeError::Damaged);
                    Some(Box::new(Rest { absences: from.many(absence)?, evidence: from.many(Reader::id)? }))
                }
            };
            if let Some(rule) = rule {
                let rank = self.rank(rule);
                let pending = Pending { deadline, rule, rank, due, anchor, key, date, cause, kept, rest };
                if !self.fits(&pending) {
                    return Err(DecodeError::Damaged);
                }
                state.waits.push(pending);
            }
        }
        // The order of rules may be another one.
        state.waits.sort_by_key(|wait| (wait.deadline, wait.rank, wait.anchor));
        for _ in 0..from.count()? {
            let (rule, time) = (self.marks.names.get(&from.number()?).copied(), time(&mut from)?);
            let rule = rule.filter(|rule| self.rules[usize::from(*rule)].cool_down > 0);
            state.fired.extend(rule.map(|rule| (rule, time)));
        }
        if from.0.is_empty() {
            return Ok(state);
        }
        self.decode_more(&mut state, &mut from)?;
        if from.0.is_empty() { Ok(state) } else { Err(DecodeError::Damaged) }
    }

    fn decode_more(&self, state: &mut State, from: &mut Reader<'_>) -> Read<()> {
        let base = state.newest;
        let time = |from: &mut Reader<'_>| Ok::<i64, DecodeError>(from.signed()?.wrapping_add(base));
        let rule = |from: &mut Reader<'_>| Ok::<_, DecodeError>(self.marks.rules.get(&from.number()?).copied());
        let name = |from: &mut Reader<'_>| Ok::<_, DecodeError>(self.marks.names.get(&from.number()?).copied());
        let more = state.more();
        more.holding = from.many(rule)?.into_iter().flatten().collect();
        let once = from.many(|from| Ok((name(from)?, from.number()?, time(from)?)))?;
        more.once = once.into_iter().filter_map(|(rule, value, time)| Some((rule?, value, time))).collect();
        more.once.retain(|(rule, ..)| self.rules[usize::from(*rule)].once.is_some());
        let group = |from: &mut Reader<'_>| Ok::<_, DecodeError>(self.marks.groups.get(&from.number()?).copied());
        let quotas = from.many(|from| Ok((group(from)?, time(from)?)))?;
        more.quotas = quotas.into_iter().filter_map(|(group, time)| Some((group?, time))).collect();
        let endings = from.many(|from| Ok((rule(from)?, from.number()?, time(from)?)))?;
        more.endings = endings.into_iter().filter_map(|(rule, key, time)| Some((rule?, key, time))).collect();
        for _ in 0..from.count()? {
            let rule = rule(from)?;
            let taken = from.number()?;
            let threads = from.many(|from| {
                let inst = u32::try_from(from.number()?).map_err(|_| DecodeError::Damaged)?;
                Ok(Thread { inst, start: time(from)?, first: from.id()?, number: from.number()? })
            })?;
            let recent = from.many(Reader::id)?.into();
            let Some(rule) = rule else { continue };
            if threads.iter().any(|thread| !self.has_inst(rule, thread.inst) || thread.number > taken) {
                return Err(DecodeError::Damaged);
            }
            more.runs.push((rule, Run { taken, threads, recent }));
        }
        state.settle();
        Ok(())
    }
}

/// Lanes, rules and groups by what names them in stored states.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub(crate) lanes: FxHashMap<u64, u16>,
    pub(crate) rules: FxHashMap<u64, u16>,
    pub(crate) names: FxHashMap<u64, u16>,
    pub(crate) groups: FxHashMap<u64, u16>,
}

const _: () = assert!(NEVER == i64::MIN, "differences to it wrap around and back");
