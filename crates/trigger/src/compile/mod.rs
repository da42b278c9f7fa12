//! From a rules file to an engine, with everything that is wrong at once.

mod figures;
mod forms;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_expression::{Program, Type, Value};
use rustc_hash::FxHashMap;

use self::figures::{Lanes, span, type_of};
use self::names::{Names, compiled, named, names_word};
use crate::calendar::Zone;
use crate::codec::Marks;
use crate::engine::{Engine, Plan};
use crate::error::RuleError;
use crate::event::hash;
use crate::file::{Edge, RuleText, RulesFile, Scalar};
use crate::rule::{Form, Keep, Limits, Rule, Scheme, Shape};

/// A number that names a text in stored states.
pub(super) fn mark(text: &str) -> u64 {
    // 48 bits: seven bytes at most as a varint, and some 10^-8 odds that two of 1,000 marks are the same.
    hash(attune_expression::ValueRef::String(text)).unwrap_or_default() >> 16
}

pub(super) struct Compiler<'f> {
    limits: Limits,
    names: Names,
    zone: Arc<Zone>,
    zone_name: String,
    lanes: Lanes,
    tests: Vec<Program>,
    by_text: FxHashMap<String, u16>,
    symbols: BTreeMap<String, u16>,
    groups: BTreeMap<String, u16>,
    errors: Vec<RuleError>,
    file: &'f RulesFile,
}

/// The symbol of every name that no rule speaks of.
const OTHER: u16 = 0;

/// Compiles rules.
///
/// # Errors
/// Everything that is wrong, by field.
pub(crate) fn engine(file: &RulesFile, limits: Limits) -> Result<Engine, Vec<RuleError>> {
    let mut errors = Vec::new();
    let zone_name = file.zone.clone().unwrap_or_else(|| "UTC".to_owned());
    let zone = Zone::parse(&zone_name).unwrap_or_else(|| {
        errors.push(RuleError::at("zone", format!("'{zone_name}' is not the name of a time zone")));
        Zone::Utc
    });
    let names = Names::new(file).map_err(|error| vec![error])?;
    let mut compiler = Compiler {
        limits,
        names,
        zone: Arc::new(zone),
        zone_name,
        lanes: Lanes::default(),
        tests: Vec::new(),
        by_text: FxHashMap::default(),
        symbols: BTreeMap::new(),
        groups: BTreeMap::new(),
        errors,
        file,
    };
    if file.rules.len() > limits.rules {
        let message = format!("there are {} rules, more than {}", file.rules.len(), limits.rules);
        return Err(vec![RuleError::at("rules", message)]);
    }
    compiler.number_events();
    let mut ids = BTreeSet::new();
    let mut rules = Vec::with_capacity(file.rules.len());
    for (at, text) in file.rules.iter().enumerate() {
        let field = format!("rules[{at}]");
        if !ids.insert(text.id.as_str()) {
            compiler.errors.push(RuleError::at(format!("{field}.id"), "must be unique within the file"));
        }
        rules.extend(compiler.rule(&field, text));
    }
    if !compiler.errors.is_empty() {
        return Err(compiler.errors);
    }
    Ok(compiler.finish(rules))
}

impl Compiler<'_> {
    /// Gives every name that a rule speaks of a symbol.
    fn number_events(&mut self) {
        let mut names = BTreeSet::new();
        for rule in &self.file.rules {
            let own = rule.events.list().iter();
            let figures = rule.measures.values().flat_map(|measure| measure.events.list());
            let waits = rule.wait.iter().flat_map(|wait| wait.unless.list());
            let dates = rule.date.iter().flat_map(|date| date.unless.list());
            names.extend(own.chain(figures).chain(waits).chain(dates).filter(|name| *name != "*").cloned());
            if let Some(sequence) = &rule.sequence
                && let Ok(pattern) = attune_pathing::pattern::Pattern::parse(&sequence.pattern)
            {
                names.extend(pattern.program().atoms.iter().filter_map(|atom| atom.name.as_deref().map(str::to_owned)));
            }
        }
        if names.len() >= usize::from(u16::MAX) {
            self.errors.push(RuleError::at("rules", "they speak of more than 65,534 events"));
        }
        self.symbols = names.into_iter().zip(1u16..).collect();
    }

    /// The number of a condition on the event alone; the same text has the same number.
    fn test(&mut self, field: &str, text: Option<&str>) -> Option<u16> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        if let Some(number) = self.by_text.get(text) {
            return Some(*number);
        }
        let program = self.names.event(field, text, Type::Bool, &mut self.errors)?;
        let number = u16::try_from(self.tests.len()).unwrap_or(u16::MAX);
        self.tests.push(program);
        self.by_text.insert(text.to_owned(), number);
        Some(number)
    }

    fn rule(&mut self, field: &str, text: &RuleText) -> Option<Rule> {
        let before = self.errors.len();
        let at = |part: &str| format!("{field}.{part}");
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
        if text.id.is_empty() || text.id.len() > 128 || !text.id.chars().all(good) {
            let message = "must be 1 to 128 letters, digits, '.', '_', ':' or '-'";
            self.errors.push(RuleError::at(at("id"), message));
        }
        if text.events.list().iter().any(|name| name == "*") {
            self.errors.push(RuleError::at(at("events"), "'*' is no name here; leave events out for all"));
        }
        let condition = self.test(&at("where"), text.condition.as_deref());
        let mut figures = Vec::new();
        for (name, measure) in &text.measures {
            figures.extend(self.figure(&at(&format!("let.{name}")), name, measure));
        }
        let types: Vec<(String, Type)> =
            figures.iter().map(|figure| (figure.name.clone(), type_of(figure.operation))).collect();
        let schema = match self.names.with_figures(&types) {
            Ok(schema) => schema,
            Err(message) => {
                self.errors.push(RuleError::at(at("let"), message));
                return None;
            }
        };
        let errors = &mut self.errors;
        let mut program = |field: String, text: Option<&String>, of: Type| {
            text.and_then(|text| compiled(&schema, &field, text, of, errors))
        };
        let when = program(at("when"), text.when.as_ref(), Type::Bool);
        let scheme = text.scheme.as_ref().map(|scheme| Scheme {
            channel: program(at("scheme.channel"), scheme.channel.as_ref(), Type::Any),
            segment: program(at("scheme.segment"), scheme.segment.as_ref(), Type::Any),
            product: program(at("scheme.product"), scheme.product.as_ref(), Type::Any),
            rows: scheme.rows.clone(),
        });
        if scheme.as_ref().is_some_and(|scheme| scheme.rows.is_empty()) {
            self.errors.push(RuleError::at(at("scheme.rows"), "must have a row"));
        }
        let form = self.form(field, text);
        if text.edge != Edge::Each && (text.when.is_none() || !matches!(form, Some(Form::Moment))) {
            let message = "begins and ceases belong to 'when' at an event, without wait, date and sequence";
            self.errors.push(RuleError::at(at("edge"), message));
        }
        let cool_down = text.cool_down.as_deref();
        let cool_down = cool_down.and_then(|text| span(&at("cool_down"), text, &mut self.errors)).unwrap_or(0);
        let once = text.once_per.as_ref().and_then(|once| {
            let length = span(&at("once_per.for"), &once.length, &mut self.errors)?;
            Some((self.names.slot(&once.property), length))
        });
        let hours = self.hours(&at("schedule"), text);
        let quota = self.quota(&at("quota"), text);
        let keeps = self.keeps(text, &form);
        if self.errors.len() > before {
            return None;
        }
        // What people read of a rule does not belong to its definition.
        let bare = RuleText {
            title: String::new(),
            description: String::new(),
            why: String::new(),
            kind: None,
            fields: BTreeMap::new(),
            placement: String::new(),
            scheme: None,
            cases: None,
            priority: 0,
            ..text.clone()
        };
        Some(Rule {
            id: text.id.clone(),
            kind: text.kind,
            mark: mark(&format!("{} {bare:?}", self.zone_name)),
            name_mark: mark(&text.id),
            channels: text.channels.list().to_vec(),
            condition,
            figures,
            when,
            form: form?,
            edge: text.edge,
            cool_down,
            once,
            hours,
            priority: text.priority,
            quota,
            scheme,
            placement: text.placement.clone(),
            keeps,
        })
    }

    /// What a rule that fires later must keep of its event: what its expressions name.
    fn keeps(&self, text: &RuleText, form: &Option<Form>) -> Vec<Keep> {
        if matches!(form, None | Some(Form::Moment | Form::Sequence(_))) && text.schedule.is_none() {
            return Vec::new();
        }
        let schemes = text.scheme.iter().flat_map(|one| [&one.channel, &one.segment, &one.product]);
        let texts: Vec<&str> =
            [text.when.as_ref()].into_iter().chain(schemes.map(Option::as_ref)).flatten().map(String::as_str).collect();
        let mut keeps = Vec::new();
        let mut keep = |one: Keep| {
            if !keeps.contains(&one) {
                keeps.push(one);
            }
        };
        for name in texts.iter().flat_map(|text| named(text)) {
            keep(Keep::Property(self.names.slots.get(name).copied().unwrap_or_default()));
        }
        if let Some(once) = &text.once_per {
            keep(Keep::Property(self.names.slots.get(&once.property).copied().unwrap_or_default()));
        }
        if texts.iter().any(|text| names_word(text, "event")) {
            keep(Keep::Event);
        }
        if texts.iter().any(|text| names_word(text, "channel"))
            || text.scheme.as_ref().is_some_and(|scheme| scheme.channel.is_none())
        {
            keep(Keep::Channel);
        }
        keeps
    }

    fn finish(mut self, mut rules: Vec<Rule>) -> Engine {
        // The smallest limit that a rule of a group states is in force for the group.
        let mut least: FxHashMap<u16, (usize, i64)> = FxHashMap::default();
        for (group, limit, window) in rules.iter().filter_map(|rule| rule.quota) {
            let known = least.entry(group).or_insert((limit, window));
            known.0 = known.0.min(limit);
            known.1 = known.1.max(window);
        }
        for quota in rules.iter_mut().filter_map(|rule| rule.quota.as_mut()) {
            (quota.1, quota.2) = least[&quota.0];
        }
        let mut priors = 0u16;
        for figure in rules.iter_mut().flat_map(|rule| &mut rule.figures) {
            if let Some(prior) = &mut figure.prior {
                *prior = priors;
                priors += 1;
            }
        }
        for lane in &mut self.lanes.lanes {
            if let Shape::Cells(layout) = &mut lane.shape {
                let late = match layout.grain {
                    crate::lane::Grain::Exact => self.limits.lateness,
                    crate::lane::Grain::Even(length) => self.limits.lateness / length + 1,
                    crate::lane::Grain::Days(_) => self.limits.lateness / crate::calendar::DAY + 1,
                };
                layout.reach = layout.reach.saturating_add(late);
            }
        }
        let mut order: Vec<u16> = (0u16..).zip(&rules).map(|(number, _)| number).collect();
        order.sort_by_key(|number| std::cmp::Reverse(rules[usize::from(*number)].priority));
        let mut ranks = vec![0; rules.len()];
        for (rank, number) in (0u16..).zip(&order) {
            ranks[usize::from(*number)] = rank;
        }
        let plans = self.plans(&rules, &order);
        let lists = self.file.lists.values().map(|list| list.iter().map(|one| (one.clone(), true)).collect()).collect();
        let scalar = |value: &Scalar| match value {
            Scalar::Flag(flag) => Value::Bool(*flag),
            Scalar::Number(number) => Value::Double(*number),
            Scalar::Text(text) => Value::String(text.as_str().into()),
        };
        let tables = self.file.tables.values();
        let tables = tables.map(|table| table.iter().map(|(key, value)| (key.clone(), scalar(value))).collect());
        let by = |marks: Vec<u64>| marks.into_iter().zip(0u16..).collect();
        let group_marks: Vec<u64> = {
            let mut names: Vec<(&String, &u16)> = self.groups.iter().collect();
            names.sort_by_key(|(_, number)| **number);
            names.into_iter().map(|(name, _)| mark(name)).collect()
        };
        let marks = Marks {
            lanes: by(self.lanes.lanes.iter().map(|lane| lane.mark).collect()),
            rules: by(rules.iter().map(|rule| rule.mark).collect()),
            names: by(rules.iter().map(|rule| rule.name_mark).collect()),
            groups: by(group_marks.clone()),
        };
        Engine {
            group_marks,
            marks,
            limits: self.limits,
            fields: self.names.fields,
            properties: self.names.properties,
            symbols: self.symbols.into_iter().collect(),
            plans,
            tests: self.tests,
            lanes: self.lanes.lanes,
            priors,
            lists,
            tables: tables.collect(),
            ranks,
            rules,
        }
    }

    /// What each event touches.
    fn plans(&self, rules: &[Rule], order: &[u16]) -> Vec<Plan> {
        let mut plans: Vec<Plan> = (0..=self.symbols.len()).map(|_| Plan::default()).collect();
        let symbols = |names: &[String], all: bool| -> Vec<usize> {
            if all {
                return (0..=self.symbols.len()).collect();
            }
            let numbers: BTreeSet<u16> =
                names.iter().map(|name| self.symbols.get(name).copied().unwrap_or(OTHER)).collect();
            numbers.into_iter().map(usize::from).collect()
        };
        for (number, events) in (0u16..).zip(&self.lanes.events) {
            for symbol in symbols(events, events.is_empty()) {
                plans[symbol].lanes.push(number);
            }
        }
        for &number in order {
            let text = &self.file.rules[usize::from(number)];
            let rule = &rules[usize::from(number)];
            if matches!(rule.form, Form::Sequence(_)) {
                for plan in &mut plans {
                    plan.sequences.push(number);
                }
                continue;
            }
            for symbol in symbols(text.events.list(), text.events.is_empty()) {
                plans[symbol].rules.push(number);
            }
            let unless = text.wait.as_ref().map(|wait| &wait.unless);
            let unless = unless.or_else(|| text.date.as_ref().map(|date| &date.unless));
            if let Some(unless) = unless.filter(|unless| !unless.is_empty()) {
                for symbol in symbols(unless.list(), unless.list().iter().any(|name| name == "*")) {
                    plans[symbol].cancels.push(number);
                }
            }
        }
        plans
    }
}
