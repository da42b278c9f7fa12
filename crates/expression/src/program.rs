//! A compiled expression.

use std::sync::Arc;

use attune_kernel::Violation;

use crate::check::Checker;
use crate::diagnostic::{Diagnostic, Limits};
use crate::eval::{Run, Val};
use crate::ir::{Expr, Node};
use crate::outcome::{Cause, Fault, Outcome, Reason};
use crate::parse::parse;
use crate::schema::Schema;
use crate::source::Source;
use crate::types::Type;
use crate::value::{Value, ValueRef};

/// An expression compiled against a [`Schema`]. Cheap to clone, free of locks, to be shared by threads.
#[derive(Debug, Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: String,
    of: Type,
    root: Node,
    steps: u32,
}

/// Compiles an expression that yields a value of the `expected` type, within the default [`Limits`].
///
/// # Errors
/// Everything that is wrong with it, as far as one pass can tell, with positions. Never empty.
pub fn compile(source: &str, schema: &Schema, expected: Type) -> Result<Program, Vec<Diagnostic>> {
    compile_with(source, schema, expected, &Limits::default())
}

/// [`compile`] within other limits.
///
/// # Errors
/// See [`compile`].
pub fn compile_with(
    source: &str,
    schema: &Schema,
    expected: Type,
    limits: &Limits,
) -> Result<Program, Vec<Diagnostic>> {
    let parsed = parse(source, limits)?;
    let mut checker = Checker { parsed: &parsed, schema, limits, locals: Vec::new(), diagnostics: Vec::new() };
    let checked = checker.check(&parsed.root);
    let mut diagnostics = checker.diagnostics;
    match checked {
        Ok((root, of)) if of.assignable(&expected) => {
            let inner = Inner { source: source.to_owned(), of, root, steps: limits.steps };
            Ok(Program { inner: Arc::new(inner) })
        }
        Ok((root, of)) => {
            let message = format!("expected an expression of type {expected}, found {of}");
            Err(vec![Diagnostic::at(source, root.span.range(), message)])
        }
        Err(_) => {
            diagnostics.sort_by_key(|diagnostic| diagnostic.position.bytes.start);
            Err(diagnostics)
        }
    }
}

/// What is wrong with the expression in a request's field: one violation a diagnostic, each beginning with
/// `line:column`. Empty when it is a good boolean expression.
#[must_use]
pub fn check_boolean(field_path: &str, source: &str, schema: &Schema) -> Vec<Violation> {
    let diagnostics = compile(source, schema, Type::Bool).err().unwrap_or_default();
    diagnostics.iter().map(|diagnostic| Violation::new(field_path, diagnostic.to_string())).collect()
}

impl Program {
    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// The type of its value.
    #[must_use]
    pub fn of(&self) -> &Type {
        &self.inner.of
    }

    /// Evaluates a boolean expression. A value that is not a boolean (only an expression of type [`Type::Any`] or of
    /// another type can have one) is [`Outcome::Error`].
    #[must_use]
    pub fn evaluate(&self, source: &dyn Source) -> Outcome {
        match self.run(source) {
            Ok(value) => match value.get() {
                ValueRef::Bool(true) => Outcome::True,
                ValueRef::Bool(false) => Outcome::False,
                _ => Outcome::Error(self.reason(Fault { cause: Cause::WrongType, span: self.inner.root.span })),
            },
            Err(fault) => Outcome::Error(self.reason(fault)),
        }
    }

    /// Evaluates an expression of whatever type.
    ///
    /// # Errors
    /// Why there is no value.
    pub fn value(&self, source: &dyn Source) -> Result<Value, Reason> {
        self.run(source).map(Val::into_value).map_err(|fault| self.reason(fault))
    }

    /// The conditions that a boolean expression joins by `&&`, in its order: each with its text and as a program of its own.
    /// An expression that joins nothing is its only condition.
    #[must_use]
    pub fn conditions(&self) -> Vec<(&str, Self)> {
        let Expr::All(parts) = &self.inner.root.expr else { return vec![(self.source(), self.clone())] };
        let one = |part: &Node| {
            // The whole source stays with it: positions are those of the whole.
            let inner = Inner {
                source: self.inner.source.clone(),
                of: Type::Bool,
                root: part.clone(),
                steps: self.inner.steps,
            };
            (self.inner.source.get(part.span.range()).unwrap_or_default().trim(), Self { inner: Arc::new(inner) })
        };
        parts.iter().map(one).collect()
    }

    fn run<'v>(&'v self, source: &'v dyn Source) -> Result<Val<'v>, Fault> {
        Run::new(source, self.inner.steps).value(&self.inner.root)
    }

    pub(crate) fn root(&self) -> &Node {
        &self.inner.root
    }

    pub(crate) fn steps(&self) -> u32 {
        self.inner.steps
    }

    pub(crate) fn reason(&self, fault: Fault) -> Reason {
        fault.reason(&self.inner.source)
    }
}
