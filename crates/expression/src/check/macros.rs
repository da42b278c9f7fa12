//! Macros over lists and maps.
//!
//! The parser has already written them out as loops; only it can make one, so their few shapes are recognised again
//! and kept as what they are.

use cel::common::ast::{ComprehensionExpr, Expr as Cel, IdedExpr, LiteralValue, operators};

use super::{Broken, Checker};
use crate::ir::{Each, EachKind, Expr, Node};
use crate::outcome::Span;
use crate::types::Type;

/// A loop as it was written: its kind, its test and what it makes of an element.
struct Written<'e> {
    kind: EachKind,
    test: Option<&'e IdedExpr>,
    body: Option<&'e IdedExpr>,
}

impl Checker<'_> {
    /// `range.all(x, test)` and its kin.
    pub(super) fn each(&mut self, comprehension: &ComprehensionExpr, span: Span) -> Result<(Expr, Type), Broken> {
        let (range, of) = self.check(&comprehension.iter_range)?;
        let element = match of {
            Type::List(element) => *element,
            Type::Map(_) => Type::String,
            Type::Any => Type::Any,
            other => return self.refuse(range.span, format!("a macro takes a list or a map, found {other}")),
        };
        let Some(written) = recognise(comprehension) else {
            return self.refuse(span, "unknown macro");
        };
        self.locals.push((comprehension.iter_var.clone(), element.clone()));
        let test = written.test.map(|test| self.test(test));
        let body = written.body.map(|body| self.check(body));
        self.locals.pop();
        let test = test.transpose()?;
        let (body, made) = match body.transpose()? {
            Some((body, made)) => (Some(body), made),
            None => (None, element),
        };
        let result = if written.kind == EachKind::Collect { Type::list(made) } else { Type::Bool };
        Ok((Expr::Each(Box::new(Each { kind: written.kind, range, test, body })), result))
    }

    fn test(&mut self, test: &IdedExpr) -> Result<Node, Broken> {
        let (part, of) = self.check(test)?;
        self.want(&part, &of, &Type::Bool, "the test of a macro")?;
        Ok(part)
    }
}

fn recognise(comprehension: &ComprehensionExpr) -> Option<Written<'_>> {
    let Cel::Call(step) = &comprehension.loop_step.expr else { return None };
    let accumulator = |expr: &IdedExpr| matches!(&expr.expr, Cel::Ident(name) if *name == comprehension.accu_var);
    match (step.func_name.as_str(), step.args.as_slice(), &comprehension.accu_init.expr) {
        (operators::LOGICAL_AND, [first, test], _) if accumulator(first) => {
            Some(Written { kind: EachKind::All, test: Some(test), body: None })
        }
        (operators::LOGICAL_OR, [first, test], _) if accumulator(first) => {
            Some(Written { kind: EachKind::Exists, test: Some(test), body: None })
        }
        (operators::CONDITIONAL, [test, ..], Cel::Literal(LiteralValue::Int(_))) => {
            Some(Written { kind: EachKind::ExistsOne, test: Some(test), body: None })
        }
        (operators::CONDITIONAL, [test, append, _], Cel::List(_)) => {
            Some(Written { kind: EachKind::Collect, test: Some(test), body: Some(appended(append)?) })
        }
        (operators::ADD, _, Cel::List(_)) => {
            Some(Written { kind: EachKind::Collect, test: None, body: Some(appended(&comprehension.loop_step)?) })
        }
        _ => None,
    }
}

/// The `x` of `result + [x]`.
fn appended(step: &IdedExpr) -> Option<&IdedExpr> {
    match &step.expr {
        Cel::Call(call) => match call.args.as_slice() {
            [_, IdedExpr { expr: Cel::List(list), .. }] => list.elements.first(),
            _ => None,
        },
        _ => None,
    }
}
