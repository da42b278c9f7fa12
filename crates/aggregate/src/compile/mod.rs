//! Declarations are checked and turned into an engine.

use std::collections::BTreeMap;

use attune_expression::{Program, RuleSet, Schema, Type, compile};
use attune_kernel::Violation;

use crate::clock::{Clock, Zone};
use crate::declaration::{Declaration, Operation};
use crate::engine::Engine;
use crate::event::{Field, schema};
use crate::hash::hash;
use crate::lane::Shape;
use crate::plan::{Filter, LaneSpec, Plan, Plans, Role, Slot, Take};

mod derived;
mod fields;
mod operations;
#[cfg(test)]
mod tests;

pub(crate) use operations::HALF_LIVES;

/// Declarations of one engine.
pub(crate) const MAX_DECLARATIONS: usize = 1000;

/// What grows while declarations are read one after the other.
pub(super) struct Build {
    pub(super) violations: Vec<Violation>,
    clocks: Vec<Clock>,
    fields: Vec<Field>,
    filters: Vec<Filter>,
    rules: Vec<Program>,
    lanes: Vec<LaneSpec>,
    /// Lanes by the text of what they keep.
    known: BTreeMap<String, usize>,
    events: Schema,
}

fn intern<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}

impl Build {
    fn wrong(&mut self, path: &str, field: &str, message: impl Into<String>) {
        let field = if field.is_empty() { path.to_owned() } else { format!("{path}.{field}") };
        self.violations.push(Violation::new(field, message));
    }

    /// The number of a filter; the names that are further ones of a lane pass it too.
    fn filter(&mut self, path: &str, declaration: &Declaration) -> usize {
        let mut events = declaration.events.clone();
        if !events.is_empty() {
            events.extend_from_slice(&declaration.answers);
            events.extend_from_slice(&declaration.removes);
            events.extend_from_slice(&declaration.clears);
        }
        let mut channels = declaration.channels.clone();
        for list in [&mut events, &mut channels] {
            list.sort_unstable();
            list.dedup();
        }
        let rule =
            declaration.condition.as_deref().and_then(|condition| match compile(condition, &self.events, Type::Bool) {
                Ok(program) => Some(match self.rules.iter().position(|known| known.source() == program.source()) {
                    Some(known) => known,
                    None => {
                        self.rules.push(program);
                        self.rules.len() - 1
                    }
                }),
                Err(diagnostics) => {
                    for diagnostic in diagnostics {
                        self.wrong(path, "where", diagnostic.to_string());
                    }
                    None
                }
            });
        intern(&mut self.filters, Filter { events, channels, rule })
    }

    fn field(&mut self, path: &str, name: &str, text: &str, zone: &Zone) -> usize {
        match Field::parse(text, zone) {
            Some(field) => intern(&mut self.fields, field),
            None => {
                self.wrong(path, name, "is neither the dotted path of a property nor one of $event, $channel, $session, $source, $hour, $weekday");
                0
            }
        }
    }

    /// The number of a lane, which is shared by all that keep the same.
    fn lane(
        &mut self,
        declaration: &Declaration,
        (shape, take): (Shape, Take),
        filter: usize,
        clock: Clock,
        horizon: i64,
    ) -> usize {
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names
        };
        let (others, clears) = match take {
            Take::Message(_) => (sorted(&declaration.answers), Vec::new()),
            Take::Item(..) => (sorted(&declaration.removes), sorted(&declaration.clears)),
            _ => (Vec::new(), Vec::new()),
        };
        let key = self.key(shape, &take, filter, &clock, &[&others, &clears]);
        if let Some(known) = self.known.get(&key) {
            let lane = &mut self.lanes[*known];
            lane.horizon = lane.horizon.max(horizon);
            return *known;
        }
        let mut fingerprint = hash(key.as_bytes()) as u32;
        while self.lanes.iter().any(|lane| lane.fingerprint == fingerprint) {
            fingerprint = fingerprint.wrapping_add(1);
        }
        let clock = intern(&mut self.clocks, clock);
        self.lanes.push(LaneSpec { shape, take, filter, clock, horizon, fingerprint, others, clears });
        self.known.insert(key, self.lanes.len() - 1);
        self.lanes.len() - 1
    }

    /// A text that is the same for lanes that keep the same, in whatever order and company they are declared.
    fn key(&self, shape: Shape, take: &Take, filter: usize, clock: &Clock, names: &[&[String]]) -> String {
        let field = |number: &usize| self.fields.get(*number).map(Field::key).unwrap_or_default();
        let take = match take {
            Take::Tick | Take::Time => format!("{take:?}"),
            Take::Amount(of) | Take::Hashed(of) | Take::Message(of) => field(of),
            Take::Value(of, kind) => format!("{} {kind:?}", field(of)),
            Take::Item(of, by) => format!("{} {:?}", field(of), by.as_ref().map(field)),
            Take::Way(of, by) => format!("{} {}", field(of), field(by)),
            Take::Keyed(of, weight) => match weight {
                crate::plan::Weight::One => field(of),
                crate::plan::Weight::Amount(by) => format!("{} {}", field(of), field(by)),
                crate::plan::Weight::Decayed(half_life, by) => {
                    format!("{} {half_life} {:?}", field(of), by.as_ref().map(field))
                }
            },
        };
        let Filter { events, channels, rule } = &self.filters[filter];
        let rule = rule.and_then(|rule| self.rules.get(rule)).map(Program::source);
        format!("{shape:?}|{take}|{events:?}|{channels:?}|{rule:?}|{}|{names:?}", clock.key())
    }
}

impl Engine {
    /// An engine of declarations. Traits have slots in the order given.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with the path of its field, such as `traits[3].window`.
    pub fn new(declarations: &[Declaration]) -> Result<Self, Vec<Violation>> {
        let mut build = Build {
            violations: Vec::new(),
            clocks: vec![Clock::Lifetime],
            fields: Vec::new(),
            filters: Vec::new(),
            rules: Vec::new(),
            lanes: Vec::new(),
            known: BTreeMap::new(),
            events: schema(),
        };
        if declarations.len() > MAX_DECLARATIONS {
            build.wrong("traits", "", format!("more than {MAX_DECLARATIONS}"));
            return Err(build.violations);
        }
        fields::names(&mut build, declarations);
        let slots: Vec<Option<Slot>> = declarations
            .iter()
            .enumerate()
            .map(|(index, declaration)| operations::slot(&mut build, &format!("traits[{index}]"), declaration))
            .collect();
        let (slots, order, traits) = derived::resolve(&mut build, declarations, slots);
        let rules = RuleSet::new(build.rules.iter().cloned());
        if let Err(error) = &rules {
            build.wrong("traits", "where", error.to_string());
        }
        if !build.violations.is_empty() {
            return Err(build.violations);
        }
        let plans = plans(&build.lanes, &build.filters);
        let Build { clocks, fields, filters, lanes, .. } = build;
        Ok(Self::assemble(slots, order, traits, lanes, clocks, fields, filters, rules.unwrap_or_default(), plans))
    }
}

/// What is to be done with events of each name that is mentioned, and with others.
fn plans(lanes: &[LaneSpec], filters: &[Filter]) -> Plans {
    let names: std::collections::BTreeSet<&String> = filters
        .iter()
        .flat_map(|filter| &filter.events)
        .chain(lanes.iter().flat_map(|lane| lane.others.iter().chain(&lane.clears)))
        .collect();
    let plan = |name: Option<&String>| {
        let mut plan = Plan::default();
        for (number, filter) in filters.iter().enumerate() {
            if !filter.events.is_empty() && !name.is_some_and(|name| filter.events.contains(name)) {
                continue;
            }
            let behind = lanes.iter().enumerate().filter(|(_, lane)| lane.filter == number);
            let role = |lane: &LaneSpec| match name {
                Some(name) if lane.others.contains(name) => Role::Other,
                Some(name) if lane.clears.contains(name) => Role::Clear,
                _ => Role::Main,
            };
            let behind: Vec<(usize, Role)> = behind.map(|(index, lane)| (index, role(lane))).collect();
            if !behind.is_empty() {
                plan.rules.extend(filter.rule);
                plan.groups.push((number, behind));
            }
        }
        plan.rules.sort_unstable();
        plan.rules.dedup();
        plan
    };
    let named = names.into_iter().map(|name| (name.clone(), plan(Some(name)))).collect();
    Plans { named, other: plan(None) }
}

/// Whether an operation reads other traits instead of events.
pub(super) fn is_derived(operation: Operation) -> bool {
    matches!(operation, Operation::Ratio | Operation::Derived)
}
