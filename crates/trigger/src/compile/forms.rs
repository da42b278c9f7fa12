//! Waits, dates, sequences, schedules and quotas.

use attune_pathing::pattern::{FIRST_ABSENCE, Inst, Pattern, Program};

use super::figures::span;
use super::{Compiler, OTHER};
use crate::calendar::{DAY, HOUR, Hours, parse_hour, parse_weekday};
use crate::error::RuleError;
use crate::file::{self, Names, Outside, RuleText};
use crate::rule::{Date, Form, Sequence, Unless};

impl Compiler<'_> {
    pub(super) fn form(&mut self, field: &str, text: &RuleText) -> Option<Form> {
        let forms = [text.wait.is_some(), text.date.is_some(), text.sequence.is_some()];
        if forms.into_iter().filter(|there| *there).count() > 1 {
            self.errors.push(RuleError::at(field, "has more than one of wait, date and sequence"));
            return None;
        }
        if let Some(wait) = &text.wait {
            return self.wait(field, wait);
        }
        if let Some(date) = &text.date {
            return self.date(field, date);
        }
        if let Some(sequence) = &text.sequence {
            if !text.events.is_empty() || text.condition.is_some() || !text.channels.is_empty() {
                let message = "names its events in the pattern; events, channels and where have no meaning";
                self.errors.push(RuleError::at(format!("{field}.sequence"), message));
            }
            return self.sequence(field, sequence);
        }
        Some(Form::Moment)
    }

    fn positive(&mut self, field: &str, text: &str) -> Option<i64> {
        let length = span(field, text, &mut self.errors)?;
        if length == 0 {
            self.errors.push(RuleError::at(field, "must be longer than zero"));
        }
        Some(length)
    }

    fn unless(&mut self, field: &str, names: &Names, condition: Option<&str>) -> Unless {
        if names.is_empty() && condition.is_some() {
            self.errors.push(RuleError::at(format!("{field}.unless_where"), "needs unless"));
        }
        let condition = self.test(&format!("{field}.unless_where"), condition);
        Unless { all: condition.is_none() && names.list().iter().any(|name| name == "*"), condition }
    }

    fn wait(&mut self, field: &str, wait: &file::Wait) -> Option<Form> {
        let length = self.positive(&format!("{field}.wait.for"), &wait.length)?;
        let unless = self.unless(&format!("{field}.wait"), &wait.unless, wait.unless_where.as_deref());
        let by = wait.by.as_deref().map(|name| self.names.slot(name));
        let unless = Unless { all: unless.all && by.is_none(), ..unless };
        Some(Form::Wait { length, restart: wait.restart, by, unless })
    }

    fn date(&mut self, field: &str, date: &file::Date) -> Option<Form> {
        let mut offset = 0;
        if let Some(before) = &date.before {
            offset -= span(&format!("{field}.date.before"), before, &mut self.errors)?;
        }
        if let Some(after) = &date.after {
            offset += span(&format!("{field}.date.after"), after, &mut self.errors)?;
        }
        if date.before.is_some() && date.after.is_some() {
            self.errors.push(RuleError::at(format!("{field}.date.after"), "a date lies before or after, not both"));
        }
        if date.yearly && !date.years.is_empty() {
            self.errors.push(RuleError::at(format!("{field}.date.years"), "every year, or those years"));
        }
        if date.years.len() > 32 || date.years.iter().any(|year| !(0..=150).contains(year)) {
            let message = "at most 32 numbers between 0 and 150";
            self.errors.push(RuleError::at(format!("{field}.date.years"), message));
        }
        let at = date.at.as_deref().map_or(Some(9 * HOUR), parse_hour);
        let Some(at) = at else {
            self.errors.push(RuleError::at(format!("{field}.date.at"), "is not an hour such as 09:00"));
            return None;
        };
        let mut years = date.years.clone();
        years.sort_unstable();
        years.dedup();
        Some(Form::Date(Date {
            property: self.names.slot(&date.property),
            zone: (*self.zone).clone(),
            offset,
            at,
            years,
            yearly: date.yearly,
            by: date.by.as_deref().map(|name| self.names.slot(name)),
            unless: self.unless(&format!("{field}.date"), &date.unless, date.unless_where.as_deref()),
        }))
    }

    fn sequence(&mut self, field: &str, sequence: &file::Sequence) -> Option<Form> {
        let within = self.positive(&format!("{field}.sequence.within"), &sequence.within)?;
        let field = format!("{field}.sequence.pattern");
        let pattern = match Pattern::parse(&sequence.pattern) {
            Ok(pattern) => pattern,
            Err(error) => {
                self.errors.push(RuleError::at(field, error.to_string()));
                return None;
            }
        };
        let program = pattern.program();
        if program.insts.iter().any(|inst| matches!(inst, Inst::Require(edge) if *edge < FIRST_ABSENCE)) {
            self.errors.push(RuleError::at(field, "'^' and '$' have no meaning in a live sequence"));
            return None;
        }
        if program.insts.len() > self.limits.states {
            let message = format!("the pattern has more than {} states", self.limits.states);
            self.errors.push(RuleError::at(field, message));
            return None;
        }
        for property in program.atoms.iter().flat_map(|atom| atom.properties()) {
            self.names.slot(property);
        }
        let symbol = |name: &str| self.symbols.get(name).copied().unwrap_or(OTHER);
        let atoms: Vec<Option<u16>> = program.atoms.iter().map(|atom| atom.name.as_deref().map(symbol)).collect();
        let symbols = u16::try_from(self.symbols.len()).unwrap_or(u16::MAX);
        let begins = (0..=symbols).map(|symbol| may_begin(program, &atoms, symbol)).collect();
        Some(Form::Sequence(Sequence { pattern, within, atoms, begins }))
    }

    pub(super) fn hours(&mut self, field: &str, text: &RuleText) -> Option<(Hours, Outside)> {
        let schedule = text.schedule.as_ref()?;
        let mut days = 0u8;
        for day in &schedule.days {
            match parse_weekday(day) {
                Some(day) => days |= 1 << day,
                None => self.errors.push(RuleError::at(format!("{field}.days"), format!("'{day}' is not mon to sun"))),
            }
        }
        let mut hour = |part: &str, text: Option<&String>, custom: i64| match text.map(|text| parse_hour(text)) {
            None => custom,
            Some(Some(hour)) => hour,
            Some(None) => {
                self.errors.push(RuleError::at(format!("{field}.{part}"), "is not an hour such as 09:00"));
                custom
            }
        };
        let from = hour("from", schedule.from.as_ref(), 0);
        let to = hour("to", schedule.to.as_ref(), DAY);
        if from >= to {
            self.errors.push(RuleError::at(format!("{field}.to"), "must be later than from"));
        }
        let days = if days == 0 { 0b111_1111 } else { days };
        Some((Hours { zone: (*self.zone).clone(), days, from, to }, schedule.outside))
    }

    pub(super) fn quota(&mut self, field: &str, text: &RuleText) -> Option<(u16, usize, i64)> {
        let quota = text.quota.as_ref()?;
        if !(1..=100).contains(&quota.limit) {
            self.errors.push(RuleError::at(format!("{field}.limit"), "must be between 1 and 100"));
        }
        let window = self.positive(&format!("{field}.window"), &quota.window)?;
        let name = quota.group.as_ref().map_or_else(|| format!("rule {}", text.id), |group| format!("group {group}"));
        let next = u16::try_from(self.groups.len()).unwrap_or(u16::MAX);
        let group = *self.groups.entry(name).or_insert(next);
        Some((group, quota.limit as usize, window))
    }
}

/// Whether an event of this symbol can be the first of a match, whatever its properties are.
fn may_begin(program: &Program, atoms: &[Option<u16>], symbol: u16) -> bool {
    let (mut seen, mut open) = (vec![false; program.insts.len()], vec![0u32]);
    while let Some(inst) = open.pop() {
        if std::mem::replace(&mut seen[inst as usize], true) {
            continue;
        }
        match &program.insts[inst as usize] {
            Inst::Take(matcher) => {
                let is = |atom: u32| atoms[atom as usize].is_none_or(|name| name == symbol);
                // A negated symbol takes anything else, and one with a condition also some of its own.
                if matcher.symbols().is_empty() || matcher.takes(is) {
                    return true;
                }
            }
            Inst::Split(one, other) => open.extend([*one, *other]),
            Inst::Jump(to) => open.push(*to),
            Inst::Require(_) | Inst::Accept => {}
        }
    }
    false
}
