//! Many rules at once: each distinct predicate is evaluated at most once.

use rustc_hash::FxHashMap;

use crate::ir::{Expr, Node};
use crate::outcome::{Cause, Fault, Outcome, Reason};
use crate::program::Program;
use crate::source::Source;
use crate::types::Type;

mod atom;
mod dense;
mod evaluation;
mod explain;

pub use atom::Access;
pub(crate) use atom::{Atom, Test, Truth, normal};
use dense::{Reader, Readers};
pub use evaluation::Evaluation;
pub use explain::Explanation;

/// Boolean programs compiled together. Rules are numbered from 0 in the order given.
///
/// Every rule is a conjunction of predicates (a rule that is none is one predicate). Equal predicates of different
/// rules are one, whatever their formatting and on whichever side the constant stands. An evaluation remembers every
/// predicate it computed in a bitmap, drops a rule as soon as one of its predicates is known not to hold, by comparing
/// bitmaps, and computes only what it still has to know.
///
/// The step limit of [`Limits`](crate::Limits) holds for each predicate.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    atoms: Vec<Atom>,
    /// What the predicates read, each once.
    slots: Vec<Access>,
    readers: Readers,
}

#[derive(Debug, Clone)]
struct Rule {
    program: Program,
    /// The predicates of the conjunction, in the order of the source.
    atoms: Box<[u32]>,
    /// The same as a sparse bitmap: word and bits.
    masks: Box<[(u32, u64)]>,
}

/// A program that is not boolean was given as a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule} is of type {of}, not bool")]
pub struct NotBoolean {
    /// The number of the rule.
    pub rule: usize,
    /// The type it has instead.
    pub of: Type,
}

impl RuleSet {
    /// Compiles programs into one set. They must have been compiled against one schema.
    ///
    /// # Errors
    /// [`NotBoolean`] names the first program that has no truth.
    pub fn new(programs: impl IntoIterator<Item = Program>) -> Result<Self, NotBoolean> {
        let mut build = Build::default();
        let mut rules = Vec::new();
        for (rule, program) in programs.into_iter().enumerate() {
            if !program.of().assignable(&Type::Bool) {
                return Err(NotBoolean { rule, of: program.of().clone() });
            }
            let parts = conjunction(&program);
            let atoms: Box<[u32]> = parts.iter().map(|part| build.intern(part, program.steps())).collect();
            rules.push(Rule { masks: masks(&atoms), atoms, program });
        }
        let readers = Readers::of(rules.iter().map(|rule: &Rule| &rule.program));
        Ok(Self { rules, atoms: build.atoms, slots: build.slots, readers })
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The program of a rule.
    #[must_use]
    pub fn program(&self, rule: usize) -> Option<&Program> {
        self.rules.get(rule).map(|rule| &rule.program)
    }

    /// How many distinct predicates all rules together have, those inside of others counted too.
    #[must_use]
    pub fn predicates(&self) -> usize {
        self.atoms.len()
    }

    /// Evaluates every rule.
    #[must_use]
    pub fn evaluate(&self, source: &dyn Source) -> Evaluation {
        let mut evaluation = Evaluation::default();
        self.evaluate_into(source, 0..self.rules.len(), &mut evaluation);
        evaluation
    }

    /// Evaluates the named rules into an evaluation whose memory is used again; what it held before is forgotten.
    /// Numbers that name no rule are skipped.
    pub fn evaluate_into(
        &self,
        source: &dyn Source,
        rules: impl IntoIterator<Item = usize>,
        evaluation: &mut Evaluation,
    ) {
        self.evaluate_with(&source, rules, evaluation);
    }

    fn evaluate_with(&self, reader: &impl Reader, rules: impl IntoIterator<Item = usize>, evaluation: &mut Evaluation) {
        evaluation.reset(self.rules.len(), self.atoms.len());
        for number in rules {
            if self.rules.get(number).is_some_and(|rule| self.holds(rule, reader, evaluation)) {
                evaluation.satisfy(number);
            }
        }
    }

    fn holds(&self, rule: &Rule, reader: &impl Reader, evaluation: &mut Evaluation) -> bool {
        let mut all_known = true;
        for (word, bits) in &rule.masks {
            if evaluation.failed(*word) & bits != 0 {
                return false;
            }
            all_known &= bits & !evaluation.held(*word) == 0;
        }
        if all_known {
            return true;
        }
        for (word, bits) in &rule.masks {
            let mut unknown = bits & !evaluation.held(*word);
            while unknown != 0 {
                let atom = word * 64 + unknown.trailing_zeros();
                if self.truth(atom, reader, evaluation) != Truth::True {
                    return false;
                }
                unknown &= unknown - 1;
            }
        }
        true
    }

    /// The truth of a predicate, remembered or computed now.
    fn truth(&self, id: u32, reader: &impl Reader, evaluation: &mut Evaluation) -> Truth {
        if let Some(known) = evaluation.known(id) {
            return known;
        }
        let Some(atom) = self.atoms.get(id as usize) else { return Truth::Error };
        let truth = match atom {
            Atom::Const(value) => Truth::from(*value),
            Atom::Present(slot) => Truth::from(reader.slot(&self.slots, *slot).is_some()),
            Atom::Test(slot, test) => reader.slot(&self.slots, *slot).map_or(Truth::Error, |value| test.truth(value)),
            Atom::Not(of) => self.truth(*of, reader, evaluation).negated(),
            Atom::All(parts) => self.absorb(parts, Truth::False, reader, evaluation),
            Atom::AnyOf(parts) => self.absorb(parts, Truth::True, reader, evaluation),
            Atom::General(node, steps) => atom::general(node, *steps, reader.source()),
        };
        evaluation.learn(id, truth);
        truth
    }

    fn absorb(&self, parts: &[u32], absorbing: Truth, reader: &impl Reader, evaluation: &mut Evaluation) -> Truth {
        let mut answer = absorbing.negated();
        for part in parts {
            match self.truth(*part, reader, evaluation) {
                truth if truth == absorbing => return absorbing,
                Truth::Error => answer = Truth::Error,
                _ => {}
            }
        }
        answer
    }
}

/// The parts of a rule that all must hold.
fn conjunction(program: &Program) -> &[Node] {
    match &program.root().expr {
        Expr::All(parts) => parts,
        _ => std::slice::from_ref(program.root()),
    }
}

fn masks(atoms: &[u32]) -> Box<[(u32, u64)]> {
    let mut sorted = atoms.to_vec();
    sorted.sort_unstable();
    let mut masks: Vec<(u32, u64)> = Vec::new();
    for atom in sorted {
        let (word, bit) = (atom / 64, 1_u64 << (atom % 64));
        match masks.last_mut() {
            Some((last, bits)) if *last == word => *bits |= bit,
            _ => masks.push((word, bit)),
        }
    }
    masks.into()
}

/// Numbers distinct predicates.
#[derive(Default)]
struct Build {
    atoms: Vec<Atom>,
    by_key: FxHashMap<String, u32>,
    slots: Vec<Access>,
    by_access: FxHashMap<Access, u32>,
}

impl Build {
    /// The number of the predicate that a node is.
    fn intern(&mut self, node: &Node, steps: u32) -> u32 {
        let node = atom::normal(node);
        let key = node.key();
        if let Some(known) = self.by_key.get(&key) {
            return *known;
        }
        let atom = match &node.expr {
            Expr::All(parts) => Atom::All(parts.iter().map(|part| self.intern(part, steps)).collect()),
            Expr::AnyOf(parts) => Atom::AnyOf(parts.iter().map(|part| self.intern(part, steps)).collect()),
            Expr::Not(of) => Atom::Not(self.intern(of, steps)),
            _ => match Atom::typed(&node) {
                Some((Some(access), Atom::Present(_))) => Atom::Present(self.slot(access)),
                Some((Some(access), Atom::Test(_, test))) => Atom::Test(self.slot(access), test),
                Some((None, atom)) => atom,
                _ => Atom::General(node, steps),
            },
        };
        let id = u32::try_from(self.atoms.len()).unwrap_or(u32::MAX);
        self.atoms.push(atom);
        self.by_key.insert(key, id);
        id
    }

    /// The number of the slot that holds what an access reads.
    fn slot(&mut self, access: Access) -> u32 {
        let next = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        *self.by_access.entry(access).or_insert_with_key(|access| {
            self.slots.push(access.clone());
            next
        })
    }
}

/// The reason of a predicate that fails, computed again for its source text.
fn reason(program: &Program, node: &Node, source: &dyn Source) -> Reason {
    match crate::eval::Run::new(source, program.steps()).truth(node) {
        Err(fault) => program.reason(fault),
        Ok(_) => program.reason(Fault { cause: Cause::WrongType, span: node.span }),
    }
}

/// What a rule that is not satisfied comes to.
fn outcome(truth: Truth, program: &Program, node: &Node, source: &dyn Source) -> Outcome {
    match truth {
        Truth::True => Outcome::True,
        Truth::False => Outcome::False,
        Truth::Error => Outcome::Error(reason(program, node, source)),
    }
}
