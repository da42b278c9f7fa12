//! Why a rule is not satisfied.

use super::atom::{Access, Truth, field_and_constant};
use super::{Evaluation, RuleSet, conjunction, outcome};
use crate::diagnostic::Position;
use crate::outcome::Outcome;
use crate::source::Source;
use crate::value::Value;

/// The predicate that decides that a rule is not satisfied.
///
/// `read` is a value of the source and may be personal data: it belongs into an answer to whoever may read the
/// source, never into a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The number of the rule.
    pub rule: usize,
    /// False, or the reason for which there is no truth.
    pub outcome: Outcome,
    /// The text of the first predicate that is false; where none is, of the first that fails.
    pub predicate: String,
    /// Where it stands in the rule.
    pub position: Position,
    /// The field it reads, as the rule names it; absent when it reads several or none.
    pub field: Option<String>,
    /// The value of that field; absent when the field is.
    pub read: Option<Value>,
    /// The constant the field is compared with: a value, a list, a text, a pattern.
    pub constant: Option<Value>,
}

impl RuleSet {
    /// Explains one rule; absent when it is satisfied or there is no such rule.
    ///
    /// `evaluation` must come from this set and `source`, which gives back what it gave then.
    #[must_use]
    pub fn explain(&self, rule: usize, source: &dyn Source, evaluation: &mut Evaluation) -> Option<Explanation> {
        let found = self.rules.get(rule)?;
        let mut failing = None;
        for (index, atom) in found.atoms.iter().enumerate() {
            match self.truth(*atom, &source, evaluation) {
                Truth::True => {}
                Truth::False => {
                    failing = Some((index, Truth::False));
                    break;
                }
                Truth::Error => failing = failing.or(Some((index, Truth::Error))),
            }
        }
        let (index, truth) = failing?;
        let program = &found.program;
        let node = conjunction(program).get(index)?;
        let (field, constant) = field_and_constant(node);
        let position = Position::of(program.source(), node.span.range());
        Some(Explanation {
            rule,
            outcome: outcome(truth, program, node, source),
            predicate: program.source()[position.bytes.clone()].to_owned(),
            position,
            field: field
                .map(|field| program.source()[Position::of(program.source(), field.span.range()).bytes].to_owned()),
            read: field.and_then(Access::of).and_then(|access| Some(access.read(source)?.to_value())),
            constant,
        })
    }

    /// Explains every rule that is not satisfied, in their order.
    #[must_use]
    pub fn explain_all(&self, source: &dyn Source, evaluation: &mut Evaluation) -> Vec<Explanation> {
        (0..self.rules.len())
            .filter(|rule| !evaluation.is_satisfied(*rule))
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|rule| self.explain(rule, source, evaluation))
            .collect()
    }
}
