//! From a parsed expression to a checked one: names are resolved against the schema, types are checked, constants
//! are computed.

use std::sync::Arc;

use cel::common::ast::{CallExpr, EntryExpr, Expr as Cel, IdedExpr, LiteralValue, SelectExpr, operators};

use crate::diagnostic::{Diagnostic, Limits};
use crate::ir::{Expr, Node, Operator, Relation};
use crate::outcome::Span;
use crate::parse::Parsed;
use crate::schema::Schema;
use crate::types::Type;
use crate::value::Value;

mod calls;
mod macros;

/// A part did not check; the diagnostic is already written.
pub(crate) struct Broken;

/// A part and its type.
pub(crate) type Checked = Result<(Node, Type), Broken>;

/// Checks one expression.
pub(crate) struct Checker<'c> {
    pub(crate) parsed: &'c Parsed<'c>,
    pub(crate) schema: &'c Schema,
    pub(crate) limits: &'c Limits,
    /// Variables of the macros around the current part, outermost first.
    pub(crate) locals: Vec<(String, Type)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Checker<'_> {
    /// Checks a part of the expression.
    pub(crate) fn check(&mut self, expr: &IdedExpr) -> Checked {
        let span = self.parsed.span(expr);
        let (checked, of) = match &expr.expr {
            Cel::Literal(literal) => self.literal(literal, span)?,
            Cel::Ident(_) => return self.name(expr, span),
            Cel::Select(select) if select.test => self.has(select, span)?,
            Cel::Select(select) => return self.select(expr, select, span),
            Cel::Call(call) => self.call(call, span)?,
            Cel::List(list) => self.list(&list.elements, span)?,
            Cel::Map(map) => {
                let entries = map.entries.iter().filter_map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => Some((&entry.key, &entry.value)),
                    EntryExpr::StructField(_) => None,
                });
                self.map(&entries.collect::<Vec<_>>(), span)?
            }
            Cel::Comprehension(comprehension) => self.each(comprehension, span)?,
            Cel::Struct(_) => return self.refuse(span, "messages cannot be built in an expression"),
            Cel::Unspecified => return self.refuse(span, "not an expression"),
        };
        Ok((Node { expr: checked, span }, of))
    }

    /// Writes a diagnostic.
    pub(crate) fn refuse<T>(&mut self, span: Span, message: impl Into<String>) -> Result<T, Broken> {
        self.diagnostics.push(Diagnostic::at(self.parsed.source, span.range(), message));
        Err(Broken)
    }

    /// Refuses a part that is not of the wanted type.
    pub(crate) fn want(&mut self, part: &Node, of: &Type, wanted: &Type, by: &str) -> Result<(), Broken> {
        if of.assignable(wanted) {
            return Ok(());
        }
        self.refuse(part.span, format!("{by} takes {wanted}, found {of}"))
    }

    fn literal(&mut self, literal: &LiteralValue, span: Span) -> Result<(Expr, Type), Broken> {
        Ok(match literal {
            LiteralValue::Boolean(value) => (Expr::Const(Value::Bool(*value.inner())), Type::Bool),
            LiteralValue::Int(value) => (Expr::Const(Value::Int(*value.inner())), Type::Int),
            LiteralValue::Double(value) => (Expr::Const(Value::Double(*value.inner())), Type::Double),
            LiteralValue::String(value) => (Expr::Const(Value::from(value.inner())), Type::String),
            LiteralValue::Null => (Expr::Const(Value::Null), Type::Any),
            LiteralValue::UInt(_) => return self.refuse(span, "unsigned numbers are not supported, leave out the 'u'"),
            LiteralValue::Bytes(_) => return self.refuse(span, "bytes are not supported"),
        })
    }

    /// A lone name: a macro's variable or a field.
    fn name(&mut self, expr: &IdedExpr, span: Span) -> Checked {
        match dotted(expr) {
            Some(names) => self.resolve(&names, span),
            None => self.refuse(span, "not a name"),
        }
    }

    /// `a.b.c`: a field, perhaps followed by keys of a map.
    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr, span: Span) -> Checked {
        match dotted(expr) {
            Some(names) => self.resolve(&names, span),
            None => {
                let of = self.check(&select.operand)?;
                self.entry(of, &select.field, span)
            }
        }
    }

    /// Resolves names joined with dots: the variable or field they begin with, then entries of maps.
    fn resolve(&mut self, names: &[&str], span: Span) -> Checked {
        let first = names[0];
        let local = self.locals.iter().rposition(|(name, _)| name == first);
        let (mut part, used) = match local {
            Some(slot) => ((Node { expr: Expr::Local(slot), span }, self.locals[slot].1.clone()), 1),
            None => {
                let found =
                    (1..=names.len()).find_map(|count| Some((self.schema.path(&names[..count].join("."))?, count)));
                let Some((path, count)) = found else { return self.unknown(names, span) };
                let of = self.schema.field(path).map_or(Type::Any, |field| field.of.clone());
                ((Node { expr: Expr::Field(path), span }, of), count)
            }
        };
        for name in &names[used..] {
            part = self.entry(part, name, span)?;
        }
        Ok(part)
    }

    /// The entry of a map at a key written as a name.
    fn entry(&mut self, (of, map): (Node, Type), key: &str, span: Span) -> Checked {
        let value = match map {
            Type::Map(value) => *value,
            Type::Any => Type::Any,
            other => return self.refuse(span, format!("'{key}' is no part of a value of type {other}")),
        };
        let value = self.declared(&of, key, span)?.unwrap_or(value);
        Ok((Node { expr: Expr::Select(Box::new(of), Arc::from(key)), span }, value))
    }

    /// The type that is declared of an entry, if any is.
    fn declared(&mut self, of: &Node, key: &str, span: Span) -> Result<Option<Type>, Broken> {
        let Expr::Field(path) = of.expr else { return Ok(None) };
        let Some(entries) = self.schema.entries(path) else { return Ok(None) };
        match entries.of(key) {
            Ok(of) => Ok(of.cloned()),
            Err(known) => {
                let map = self.schema.field(path).map_or("", |field| field.path.as_str());
                self.refuse(span, format!("unknown entry '{key}' of '{map}'; known in its place: {known}"))
            }
        }
    }

    /// Says which name is unknown and what would be known in its place.
    fn unknown<T>(&mut self, names: &[&str], span: Span) -> Result<T, Broken> {
        let groups = (1..=names.len()).take_while(|count| self.schema.is_group(&names[..*count].join("."))).count();
        let group = names[..groups].join(".");
        let mut members = self.schema.members(&group);
        members.truncate(12);
        let known = members.join(", ");
        if groups == names.len() {
            return self.refuse(span, format!("'{group}' is a group of fields, not a value; it holds {known}"));
        }
        let name = names[..=groups].join(".");
        let place = if groups == 0 { "known names" } else { "known in its place" };
        self.refuse(span, format!("unknown field '{name}'; {place}: {known}"))
    }

    /// `has(a.b)`.
    fn has(&mut self, select: &SelectExpr, span: Span) -> Result<(Expr, Type), Broken> {
        if let Some(mut names) = dotted(&select.operand) {
            names.push(&select.field);
            let local = self.locals.iter().any(|(name, _)| name == names[0]);
            if let (false, Some(path)) = (local, self.schema.path(&names.join("."))) {
                return Ok((Expr::HasField(path), Type::Bool));
            }
            if !local && self.schema.is_group(&names[..names.len() - 1].join(".")) {
                return self.unknown(&names, span);
            }
        }
        let (of, map) = self.check(&select.operand)?;
        match map {
            Type::Map(_) | Type::Any => {
                self.declared(&of, &select.field, span)?;
                Ok((Expr::HasKey(Box::new(of), Arc::from(select.field.as_str())), Type::Bool))
            }
            other => self.refuse(span, format!("has() tests a field or an entry of a map, found {other}")),
        }
    }

    fn call(&mut self, call: &CallExpr, span: Span) -> Result<(Expr, Type), Broken> {
        if call.target.is_some() {
            return self.function(call, span);
        }
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, _]) => self.logic(call),
            (operators::LOGICAL_NOT, [of]) => {
                let (part, of) = self.check(of)?;
                self.want(&part, &of, &Type::Bool, "'!'")?;
                Ok((Expr::Not(Box::new(part)), Type::Bool))
            }
            (operators::NEGATE, [of]) => self.negate(of),
            (operators::CONDITIONAL, [test, yes, no]) => self.conditional(test, yes, no, span),
            (operators::IN, [item, container]) => self.membership(item, container),
            (operators::INDEX, [of, index]) => self.index(of, index, span),
            (_, [left, right]) if arithmetic(name).is_some() || relation(name).is_some() => {
                let (left, right) = (self.check(left), self.check(right));
                let sides = (left?, right?);
                match (arithmetic(name), relation(name)) {
                    (Some(operator), _) => self.arithmetic(operator, sides, span),
                    (_, Some(relation)) => self.compare(relation, sides, span),
                    _ => Err(Broken),
                }
            }
            _ => self.function(call, span),
        }
    }

    /// A chain of `&&` or of `||`, made flat.
    fn logic(&mut self, call: &CallExpr) -> Result<(Expr, Type), Broken> {
        let mut terms = Vec::new();
        chain(&call.func_name, &call.args, &mut terms);
        let all = call.func_name == operators::LOGICAL_AND;
        let name = if all { "'&&'" } else { "'||'" };
        let mut parts = Vec::with_capacity(terms.len());
        let mut broken = false;
        for term in terms {
            let checked = self.check(term);
            match checked.and_then(|(part, of)| self.want(&part, &of, &Type::Bool, name).map(|()| part)) {
                Ok(part) => parts.push(part),
                Err(Broken) => broken = true,
            }
        }
        match (broken, all) {
            (true, _) => Err(Broken),
            (false, true) => Ok((Expr::All(parts), Type::Bool)),
            (false, false) => Ok((Expr::AnyOf(parts), Type::Bool)),
        }
    }

    fn negate(&mut self, of: &IdedExpr) -> Result<(Expr, Type), Broken> {
        let (part, of) = self.check(of)?;
        match (&part.expr, of) {
            (Expr::Const(Value::Double(value)), Type::Double) => Ok((Expr::Const(Value::Double(-value)), Type::Double)),
            (_, of) if of.is_numeric() => Ok((Expr::Negate(Box::new(part)), of)),
            (_, of) => self.refuse(part.span, format!("'-' takes a number, found {of}")),
        }
    }

    fn conditional(
        &mut self,
        test: &IdedExpr,
        yes: &IdedExpr,
        no: &IdedExpr,
        span: Span,
    ) -> Result<(Expr, Type), Broken> {
        let (test, yes, no) = (self.check(test), self.check(yes), self.check(no));
        let ((test, of), (yes, yes_type), (no, no_type)) = (test?, yes?, no?);
        self.want(&test, &of, &Type::Bool, "the condition of '?'")?;
        let Some(of) = join(&yes_type, &no_type) else {
            return self.refuse(span, format!("the branches differ in type: {yes_type} and {no_type}"));
        };
        Ok((Expr::If(Box::new([test, yes, no])), of))
    }

    fn membership(&mut self, item: &IdedExpr, container: &IdedExpr) -> Result<(Expr, Type), Broken> {
        let (item, container) = (self.check(item), self.check(container));
        let ((item, item_type), (container, of)) = (item?, container?);
        match &of {
            Type::Any => {}
            Type::List(element) if item_type.comparable(element) => {}
            Type::Map(_) if item_type.assignable(&Type::String) => {}
            Type::List(_) | Type::Map(_) => {
                return self.refuse(item.span, format!("a value of type {item_type} is never in a {of}"));
            }
            _ => return self.refuse(container.span, format!("'in' takes a list or a map, found {of}")),
        }
        Ok((Expr::In(Box::new([item, container])), Type::Bool))
    }

    fn index(&mut self, of: &IdedExpr, index: &IdedExpr, span: Span) -> Result<(Expr, Type), Broken> {
        let (of, index) = (self.check(of), self.check(index));
        let ((part, of), (index, index_type)) = (of?, index?);
        let element = match of {
            Type::List(element) => {
                self.want(&index, &index_type, &Type::Int, "the index of a list")?;
                *element
            }
            Type::Map(value) => {
                self.want(&index, &index_type, &Type::String, "the key of a map")?;
                *value
            }
            Type::Any => Type::Any,
            other => return self.refuse(span, format!("a value of type {other} has no elements")),
        };
        match index.expr {
            Expr::Const(Value::String(key)) => {
                let element = self.declared(&part, &key, index.span)?.unwrap_or(element);
                Ok((Expr::Select(Box::new(part), key), element))
            }
            _ => Ok((Expr::Index(Box::new([part, index])), element)),
        }
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        sides: ((Node, Type), (Node, Type)),
        span: Span,
    ) -> Result<(Expr, Type), Broken> {
        use Type::{Any, Double, Duration, Int, List, String, Timestamp};
        let ((left, left_type), (right, right_type)) = sides;
        let of = match (operator, &left_type, &right_type) {
            (_, Any, _) | (_, _, Any) => Any,
            (_, Int, Int) => Int,
            (Operator::Remainder, ..) => return self.no_arithmetic(operator, &left_type, &right_type, span),
            (_, Double, Double) => Double,
            (Operator::Add, String, String) => String,
            (Operator::Add, List(one), List(other)) => Type::list(join(one, other).unwrap_or(Any)),
            (Operator::Add, Timestamp, Duration) | (Operator::Add, Duration, Timestamp) => Timestamp,
            (Operator::Subtract, Timestamp, Duration) => Timestamp,
            (Operator::Subtract, Timestamp, Timestamp) => Duration,
            (Operator::Add | Operator::Subtract, Duration, Duration) => Duration,
            _ => return self.no_arithmetic(operator, &left_type, &right_type, span),
        };
        Ok((Expr::Arithmetic(operator, Box::new([left, right])), of))
    }

    fn no_arithmetic<T>(&mut self, operator: Operator, left: &Type, right: &Type, span: Span) -> Result<T, Broken> {
        let sign = match operator {
            Operator::Add => '+',
            Operator::Subtract => '-',
            Operator::Multiply => '*',
            Operator::Divide => '/',
            Operator::Remainder => '%',
        };
        let mixed = matches!((left, right), (Type::Int, Type::Double) | (Type::Double, Type::Int));
        let hint = if mixed && operator != Operator::Remainder { ", convert one with double() or int()" } else { "" };
        self.refuse(span, format!("no '{sign}' between {left} and {right}{hint}"))
    }

    fn compare(
        &mut self,
        relation: Relation,
        sides: ((Node, Type), (Node, Type)),
        span: Span,
    ) -> Result<(Expr, Type), Broken> {
        let ((left, left_type), (right, right_type)) = sides;
        let null = |part: &Node| matches!(part.expr, Expr::Const(Value::Null));
        let never_null = |part: &Node, other: &Type| null(part) && *other != Type::Any;
        if never_null(&left, &right_type) || never_null(&right, &left_type) {
            let of = if null(&left) { right_type } else { left_type };
            return self.refuse(span, format!("a value of type {of} is never null; test with has()"));
        }
        let equality = matches!(relation, Relation::Equal | Relation::NotEqual);
        let unordered = |of: &Type| matches!(of, Type::List(_) | Type::Map(_));
        if !left_type.comparable(&right_type) {
            return self
                .refuse(span, format!("a value of type {left_type} cannot be compared with one of type {right_type}"));
        }
        if !equality && (unordered(&left_type) || unordered(&right_type)) {
            return self.refuse(span, format!("values of type {left_type} have no order"));
        }
        Ok((Expr::Compare(relation, Box::new([left, right])), Type::Bool))
    }

    fn list(&mut self, elements: &[IdedExpr], span: Span) -> Result<(Expr, Type), Broken> {
        self.bounded(elements.len(), span)?;
        let checked: Vec<Checked> = elements.iter().map(|element| self.check(element)).collect();
        let mut parts = Vec::with_capacity(checked.len());
        let mut types = Vec::with_capacity(checked.len());
        for element in checked {
            let (part, of) = element?;
            parts.push(part);
            types.push(of);
        }
        let constants = parts.iter().map(|part| match &part.expr {
            Expr::Const(value) => Some(value.clone()),
            _ => None,
        });
        let expr = match constants.collect::<Option<Vec<Value>>>() {
            Some(values) => Expr::Const(Value::List(Arc::new(values))),
            None => Expr::List(parts),
        };
        Ok((expr, Type::list(common(types))))
    }

    fn map(&mut self, entries: &[(&IdedExpr, &IdedExpr)], span: Span) -> Result<(Expr, Type), Broken> {
        self.bounded(entries.len(), span)?;
        let mut parts = Vec::with_capacity(entries.len());
        let mut types = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let (key, value) = (self.check(key), self.check(value));
            let ((key, key_type), (value, of)) = (key?, value?);
            self.want(&key, &key_type, &Type::String, "the key of a map")?;
            parts.push((key, value));
            types.push(of);
        }
        Ok((Expr::Map(parts), Type::map(common(types))))
    }

    fn bounded(&mut self, items: usize, span: Span) -> Result<(), Broken> {
        let limit = self.limits.literal_items;
        if items > limit {
            return self.refuse(span, format!("a literal of {items} elements, at most {limit} are allowed"));
        }
        Ok(())
    }
}

/// The terms of a chain of one connective.
fn chain<'e>(connective: &str, args: &'e [IdedExpr], terms: &mut Vec<&'e IdedExpr>) {
    for arg in args {
        match &arg.expr {
            Cel::Call(call) if call.func_name == connective && call.target.is_none() => {
                chain(connective, &call.args, terms);
            }
            _ => terms.push(arg),
        }
    }
}

/// The names of `a.b.c`, if the expression is only that.
fn dotted(expr: &IdedExpr) -> Option<Vec<&str>> {
    match &expr.expr {
        Cel::Ident(name) => Some(vec![name.as_str()]),
        Cel::Select(select) if !select.test => {
            let mut names = dotted(&select.operand)?;
            names.push(&select.field);
            Some(names)
        }
        _ => None,
    }
}

/// The type of values that are of one type or the other.
pub(crate) fn join(one: &Type, other: &Type) -> Option<Type> {
    match (one, other) {
        _ if one == other => Some(one.clone()),
        (Type::Any, _) | (_, Type::Any) => Some(Type::Any),
        (Type::List(one), Type::List(other)) => Some(Type::list(join(one, other).unwrap_or(Type::Any))),
        (Type::Map(one), Type::Map(other)) => Some(Type::map(join(one, other).unwrap_or(Type::Any))),
        _ => None,
    }
}

/// The type that all elements have; [`Type::Any`] when they have no type in common or there is none.
fn common(types: Vec<Type>) -> Type {
    let mut types = types.into_iter();
    let Some(first) = types.next() else { return Type::Any };
    types.fold(first, |one, other| join(&one, &other).unwrap_or(Type::Any))
}

fn arithmetic(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        _ => return None,
    })
}

fn relation(name: &str) -> Option<Relation> {
    Some(match name {
        operators::EQUALS => Relation::Equal,
        operators::NOT_EQUALS => Relation::NotEqual,
        operators::LESS => Relation::Less,
        operators::LESS_EQUALS => Relation::LessOrEqual,
        operators::GREATER => Relation::Greater,
        operators::GREATER_EQUALS => Relation::GreaterOrEqual,
        _ => return None,
    })
}
