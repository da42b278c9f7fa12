//! Computes a checked expression.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::clock::in_range;
use crate::compare::{equal, order};
use crate::ir::{Each, EachKind, Expr, Function, Node, Relation};
use crate::outcome::{Cause, Fault};
use crate::source::Source;
use crate::value::{AsValue, Value, ValueRef};

mod arithmetic;
mod functions;

/// A value in the middle of a computation: borrowed from the source or the program where possible.
#[derive(Clone)]
pub(crate) enum Val<'v> {
    Ref(ValueRef<'v>),
    Own(Value),
}

impl Val<'_> {
    #[inline]
    pub(crate) fn get(&self) -> ValueRef<'_> {
        match self {
            Self::Ref(value) => *value,
            Self::Own(value) => value.as_value(),
        }
    }

    /// Steps that owning the value costs: nothing when it is owned and shared already.
    fn weight(&self) -> usize {
        match self {
            Self::Ref(value) => weight(*value),
            Self::Own(_) => 0,
        }
    }

    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Ref(value) => value.to_value(),
            Self::Own(value) => value,
        }
    }
}

/// What one evaluation reads and has left to spend.
pub(crate) struct Run<'v> {
    source: &'v dyn Source,
    locals: SmallVec<[Val<'v>; 4]>,
    steps: u32,
}

type Answer<'v> = Result<Val<'v>, Fault>;

fn boolean<'v>(value: bool) -> Answer<'v> {
    Ok(Val::Ref(ValueRef::Bool(value)))
}

impl<'v> Run<'v> {
    /// A run over `source` that may take `steps` steps.
    pub(crate) fn new(source: &'v dyn Source, steps: u32) -> Self {
        Self { source, locals: SmallVec::new(), steps }
    }

    /// Pays for a step, or for as many as a result is large.
    fn spend(&mut self, steps: usize, node: &Node) -> Result<(), Fault> {
        match u32::try_from(steps).ok().and_then(|steps| self.steps.checked_sub(steps)) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                // Nothing that runs beside the failed part may absorb the failure and go on spending.
                self.steps = 0;
                Err(fault(Cause::TooCostly, node))
            }
        }
    }

    /// The value of a part.
    pub(crate) fn value(&mut self, node: &'v Node) -> Answer<'v> {
        self.spend(1, node)?;
        match &node.expr {
            Expr::Const(value) => Ok(Val::Ref(value.as_value())),
            Expr::Field(path) => self.source.read(*path).map(Val::Ref).ok_or(fault(Cause::Missing, node)),
            Expr::Local(slot) => self.locals.get(*slot).cloned().ok_or(fault(Cause::Missing, node)),
            Expr::HasField(path) => boolean(self.source.read(*path).is_some()),
            Expr::Select(of, key) => {
                let of = self.value(of)?;
                entry(&of, key).map_err(|cause| fault(cause, node))
            }
            Expr::HasKey(of, key) => match self.value(of)?.get() {
                ValueRef::Map(map) => boolean(map.get(key).is_some()),
                _ => Err(fault(Cause::WrongType, node)),
            },
            Expr::Not(of) => self.truth(of).and_then(|value| boolean(!value)),
            Expr::Negate(of) => {
                let negated = match self.value(of)?.get() {
                    ValueRef::Int(value) => value.checked_neg().map(Value::Int).ok_or(Cause::Overflow),
                    ValueRef::Double(value) => Ok(Value::Double(-value)),
                    _ => Err(Cause::WrongType),
                };
                negated.map(Val::Own).map_err(|cause| fault(cause, node))
            }
            Expr::All(parts) => self.absorb(parts, false),
            Expr::AnyOf(parts) => self.absorb(parts, true),
            Expr::If(parts) => {
                let [test, yes, no] = &**parts;
                if self.truth(test)? { self.value(yes) } else { self.value(no) }
            }
            Expr::Arithmetic(operator, parts) => {
                let (left, right) = (self.value(&parts[0])?, self.value(&parts[1])?);
                let (left, right) = (left.get(), right.get());
                self.spend(arithmetic::cost(left, right), node)?;
                arithmetic::compute(*operator, left, right).map(Val::Own).map_err(|cause| fault(cause, node))
            }
            Expr::Compare(relation, parts) => {
                let (left, right) = (self.value(&parts[0])?, self.value(&parts[1])?);
                self.spend(size(left.get()).min(size(right.get())) / 16, node)?;
                compare(*relation, left.get(), right.get()).map_or_else(|cause| Err(fault(cause, node)), boolean)
            }
            Expr::In(parts) => {
                let (item, container) = (self.value(&parts[0])?, self.value(&parts[1])?);
                self.spend(size(container.get()) / 16, node)?;
                contains(item.get(), container.get()).map_or_else(|cause| Err(fault(cause, node)), boolean)
            }
            Expr::Index(parts) => {
                let (of, index) = (self.value(&parts[0])?, self.value(&parts[1])?);
                element(&of, index.get()).map_err(|cause| fault(cause, node))
            }
            Expr::List(parts) => {
                let items: Result<Vec<Value>, Fault> = parts.iter().map(|part| self.owned(part)).collect();
                Ok(Val::Own(Value::List(Arc::new(items?))))
            }
            Expr::Map(entries) => self.map(entries, node),
            Expr::Call(Function::ToAny, parts) if parts.len() == 1 => self.value(&parts[0]),
            Expr::Call(function, parts) => {
                let args: Result<SmallVec<[Val<'v>; 3]>, Fault> = parts.iter().map(|part| self.value(part)).collect();
                let args = args?;
                let seen: SmallVec<[ValueRef<'_>; 3]> = args.iter().map(Val::get).collect();
                self.spend(functions::cost(*function, &seen), node)?;
                functions::call(*function, &seen).map(Val::Own).map_err(|cause| fault(cause, node))
            }
            Expr::Matches(of, pattern) => match self.value(of)?.get() {
                ValueRef::String(text) => {
                    self.spend(text.len() / 16, node)?;
                    boolean(pattern.regex.is_match(text))
                }
                _ => Err(fault(Cause::WrongType, node)),
            },
            Expr::Part(part, of, zone) => {
                let number = match self.value(of)?.get() {
                    ValueRef::Timestamp(instant) if in_range(instant.as_micros()) => {
                        Some(part.of(instant.as_micros(), zone.offset(instant.as_micros())))
                    }
                    ValueRef::Duration(interval) => part.of_interval(interval),
                    _ => None,
                };
                number.map(|number| Val::Own(Value::Int(number))).ok_or(fault(Cause::WrongType, node))
            }
            Expr::Each(each) => self.each(each, node),
        }
    }

    /// A copy of the value of a part, paid for by what is copied.
    fn owned(&mut self, node: &'v Node) -> Result<Value, Fault> {
        let value = self.value(node)?;
        self.spend(1 + value.weight(), node)?;
        Ok(value.into_value())
    }

    /// The truth of a part; anything but a boolean is a failure.
    pub(crate) fn truth(&mut self, node: &'v Node) -> Result<bool, Fault> {
        match self.value(node)?.get() {
            ValueRef::Bool(value) => Ok(value),
            _ => Err(fault(Cause::WrongType, node)),
        }
    }

    /// The truth of the test of a macro for one element.
    pub(crate) fn truth_of(&mut self, test: &'v Node, element: ValueRef<'v>) -> Result<bool, Fault> {
        self.locals.push(Val::Ref(element));
        self.truth(test)
    }

    /// `&&` (`absorbing` = false) and `||` (true): the absorbing value decides whatever else fails; without it a
    /// failure is the answer, the first one.
    fn absorb(&mut self, parts: &'v [Node], absorbing: bool) -> Answer<'v> {
        let mut failed = None;
        for part in parts {
            match self.truth(part) {
                Ok(value) if value == absorbing => return boolean(absorbing),
                Ok(_) => {}
                Err(fault) => failed = failed.or(Some(fault)),
            }
        }
        failed.map_or_else(|| boolean(!absorbing), Err)
    }

    fn map(&mut self, entries: &'v [(Node, Node)], node: &'v Node) -> Answer<'v> {
        self.spend(entries.len(), node)?;
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            let name = match self.value(key)?.get() {
                ValueRef::String(name) => Arc::from(name),
                _ => return Err(fault(Cause::WrongType, key)),
            };
            if map.insert(name, self.owned(value)?).is_some() {
                return Err(fault(Cause::DuplicateKey, key));
            }
        }
        Ok(Val::Own(Value::Map(Arc::new(map))))
    }

    fn each(&mut self, each: &'v Each, node: &'v Node) -> Answer<'v> {
        let range = self.value(&each.range)?;
        let keys = match range.get() {
            ValueRef::List(_) => None,
            ValueRef::Map(map) => {
                self.spend(map.len(), node)?;
                let mut keys = Vec::with_capacity(map.len());
                map.visit(&mut |key, _| {
                    keys.push(Value::from(key));
                    ControlFlow::Continue(())
                });
                Some(Val::Own(Value::List(Arc::new(keys))))
            }
            _ => return Err(fault(Cause::WrongType, &each.range)),
        };
        let range = keys.unwrap_or(range);
        let depth = self.locals.len();
        let answer = self.elements(each, &range, node);
        self.locals.truncate(depth);
        answer
    }

    fn elements(&mut self, each: &'v Each, range: &Val<'v>, node: &'v Node) -> Answer<'v> {
        let mut failed = None;
        let mut found = 0_usize;
        let mut kept = Vec::new();
        let depth = self.locals.len();
        for item in items(range) {
            self.spend(1, node)?;
            self.locals.truncate(depth);
            self.locals.push(item);
            let test = each.test.as_ref().map_or(Ok(true), |test| self.truth(test));
            match (each.kind, test) {
                (EachKind::All, Ok(false)) => return boolean(false),
                (EachKind::Exists, Ok(true)) => return boolean(true),
                (EachKind::All | EachKind::Exists, Ok(_)) | (_, Ok(false)) => {}
                (EachKind::All | EachKind::Exists, Err(fault)) => failed = Some(fault),
                (_, Err(fault)) => return Err(fault),
                (EachKind::ExistsOne, Ok(true)) => found += 1,
                (EachKind::Collect, Ok(true)) => {
                    let made = match &each.body {
                        Some(body) => self.value(body)?,
                        None => self.locals[depth].clone(),
                    };
                    self.spend(made.weight(), node)?;
                    kept.push(made.into_value());
                }
            }
        }
        match (each.kind, failed) {
            (_, Some(fault)) => Err(fault),
            (EachKind::All, None) => boolean(true),
            (EachKind::Exists, None) => boolean(false),
            (EachKind::ExistsOne, None) => boolean(found == 1),
            (EachKind::Collect, None) => Ok(Val::Own(Value::List(Arc::new(kept)))),
        }
    }
}

/// Bytes of a text, elements of a list or map.
fn size(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::String(text) => text.len(),
        ValueRef::List(list) => list.len(),
        ValueRef::Map(map) => map.len(),
        _ => 0,
    }
}

/// Steps that a copy costs: one an element at every level, one a 16 bytes of text.
fn weight(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::String(text) => text.len() / 16,
        ValueRef::List(list) => (0..list.len()).filter_map(|index| list.at(index)).map(|item| 1 + weight(item)).sum(),
        ValueRef::Map(map) => {
            let mut steps = 0;
            map.visit(&mut |key, item| {
                steps += 1 + key.len() / 16 + weight(item);
                ControlFlow::Continue(())
            });
            steps
        }
        _ => 0,
    }
}

fn fault(cause: Cause, node: &Node) -> Fault {
    Fault { cause, span: node.span }
}

/// The elements of a list.
fn items<'v, 'r>(range: &'r Val<'v>) -> impl Iterator<Item = Val<'v>> + use<'v, 'r> {
    let count = match range.get() {
        ValueRef::List(list) => list.len(),
        _ => 0,
    };
    (0..count).filter_map(move |index| at(range, index))
}

/// The element of a list at an index.
fn at<'v>(of: &Val<'v>, index: usize) -> Option<Val<'v>> {
    match of {
        Val::Ref(ValueRef::List(list)) => list.at(index).map(Val::Ref),
        Val::Own(Value::List(list)) => list.get(index).cloned().map(Val::Own),
        _ => None,
    }
}

/// The entry of a map at a key.
fn entry<'v>(of: &Val<'v>, key: &str) -> Result<Val<'v>, Cause> {
    match of {
        Val::Ref(ValueRef::Map(map)) => map.get(key).map(Val::Ref).ok_or(Cause::NoSuchKey),
        Val::Own(Value::Map(map)) => map.get(key).cloned().map(Val::Own).ok_or(Cause::NoSuchKey),
        _ => Err(Cause::WrongType),
    }
}

/// The element of a list at a number, or the entry of a map at a key.
fn element<'v>(of: &Val<'v>, index: ValueRef<'_>) -> Result<Val<'v>, Cause> {
    match (of.get(), index) {
        (ValueRef::List(_), ValueRef::Int(index)) => {
            usize::try_from(index).ok().and_then(|index| at(of, index)).ok_or(Cause::IndexOutOfRange)
        }
        (ValueRef::List(_), ValueRef::Double(index)) if index.fract() == 0.0 && index.abs() < 9e15 => {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
            let index = index as i64;
            element(of, ValueRef::Int(index))
        }
        (ValueRef::Map(_), ValueRef::String(key)) => entry(of, key),
        (ValueRef::Map(_), ValueRef::Bool(_) | ValueRef::Int(_) | ValueRef::Double(_)) => Err(Cause::NoSuchKey),
        _ => Err(Cause::WrongType),
    }
}

/// `item in container`.
#[inline]
pub(crate) fn contains(item: ValueRef<'_>, container: ValueRef<'_>) -> Result<bool, Cause> {
    match (container, item) {
        (ValueRef::List(list), item) => Ok(list.contains(item)),
        (ValueRef::Map(map), ValueRef::String(key)) => Ok(map.get(key).is_some()),
        (ValueRef::Map(_), ValueRef::Bool(_) | ValueRef::Int(_) | ValueRef::Double(_)) => Ok(false),
        _ => Err(Cause::WrongType),
    }
}

/// A comparison.
#[inline]
pub(crate) fn compare(relation: Relation, left: ValueRef<'_>, right: ValueRef<'_>) -> Result<bool, Cause> {
    match relation {
        Relation::Equal => Ok(equal(left, right)),
        Relation::NotEqual => Ok(!equal(left, right)),
        _ => match order(left, right) {
            Some(order) => Ok(relation.holds(order)),
            None if matches!(
                (left, right),
                (ValueRef::Double(_), ValueRef::Double(_) | ValueRef::Int(_)) | (ValueRef::Int(_), ValueRef::Double(_))
            ) =>
            {
                Err(Cause::NotOrdered)
            }
            None => Err(Cause::WrongType),
        },
    }
}
