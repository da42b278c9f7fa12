//! Traits of other traits: which they name, and in which order they are computed.

use attune_expression::{Field, Schema, Type, compile};

use crate::declaration::{Declaration, Operation};
use crate::plan::{Reading, Slot};

use super::{Build, is_derived};

/// Fills the slots of traits of other traits. Answers all slots, the order in which those of other traits are computed, and
/// the schema of what an expression over traits may name, of which field `n` is slot `n` of the schema's list.
pub(super) fn resolve(
    build: &mut Build,
    declarations: &[Declaration],
    slots: Vec<Option<Slot>>,
) -> (Vec<Slot>, Vec<usize>, Schema) {
    let types: Vec<Option<Type>> = declarations
        .iter()
        .zip(&slots)
        .map(|(declaration, slot)| match declaration.operation {
            Operation::Ratio => Some(Type::Double),
            Operation::Derived => declaration.of.clone(),
            _ => slot.as_ref().map(|slot| slot.of.clone()),
        })
        .collect();
    let nameable = |skip: Option<usize>| -> Vec<Field> {
        let named = declarations.iter().zip(&types).enumerate();
        let kept = named.filter(|(index, (declaration, _))| Some(*index) != skip && !declaration.name.contains("{}"));
        let typed = kept.filter_map(|(_, (one, of))| Some(Field { path: one.name.clone(), of: of.clone()? }));
        typed.collect()
    };
    // A name that cannot stand is reported by itself.
    let schema = Schema::new(nameable(None)).unwrap_or_default();
    let mut needs: Vec<Vec<usize>> = vec![Vec::new(); declarations.len()];
    let mut done: Vec<Option<Slot>> = slots;
    for (index, declaration) in declarations.iter().enumerate().filter(|(_, one)| is_derived(one.operation)) {
        let path = format!("traits[{index}]");
        if declaration.operation == Operation::Ratio {
            let mut slot_of = |field: &str, name: Option<&String>| {
                let name = name?;
                let found = declarations.iter().position(|other| other.name == *name);
                let numeric = found.and_then(|found| types[found].as_ref());
                match (found, numeric) {
                    (None, _) => build.wrong(&path, field, "names no trait"),
                    (Some(_), Some(Type::Int | Type::Double) | None) => {}
                    (Some(_), Some(_)) => build.wrong(&path, field, "names a trait that is not a number"),
                }
                found
            };
            let numerator = slot_of("numerator", declaration.numerator.as_ref());
            let denominator = slot_of("denominator", declaration.denominator.as_ref());
            if let (Some(numerator), Some(denominator)) = (numerator, denominator) {
                needs[index] = vec![numerator, denominator];
                let reading = Reading::Ratio(numerator, denominator);
                done[index] = Some(Slot { name: declaration.name.clone(), of: Type::Double, reading });
            }
        } else if let (Some(source), Some(of)) = (&declaration.expression, &declaration.of) {
            match compile(source, &schema, of.clone()) {
                Ok(program) => {
                    // Only a name that stands in the text can be meant; that it is meant shows when it is taken away.
                    needs[index] = (0..declarations.len())
                        .filter(|other| source.contains(declarations[*other].name.as_str()))
                        .filter(|other| {
                            Schema::new(nameable(Some(*other)))
                                .is_ok_and(|without| compile(source, &without, of.clone()).is_err())
                        })
                        .collect();
                    let reading = Reading::Derived(program);
                    done[index] = Some(Slot { name: declaration.name.clone(), of: of.clone(), reading });
                }
                Err(diagnostics) => {
                    for diagnostic in diagnostics {
                        build.wrong(&path, "expression", diagnostic.to_string());
                    }
                }
            }
        }
    }
    let order = order(build, declarations, &needs);
    (done.into_iter().flatten().collect(), order, schema)
}

/// Traits of other traits, each after those that it needs.
fn order(build: &mut Build, declarations: &[Declaration], needs: &[Vec<usize>]) -> Vec<usize> {
    let mut order = Vec::new();
    let mut waiting: Vec<usize> =
        (0..declarations.len()).filter(|index| is_derived(declarations[*index].operation)).collect();
    while !waiting.is_empty() {
        let (ready, blocked): (Vec<usize>, Vec<usize>) =
            waiting.iter().partition(|index| !needs[**index].iter().any(|need| waiting.contains(need)));
        if ready.is_empty() {
            for index in blocked {
                let field = if declarations[index].operation == Operation::Ratio { "numerator" } else { "expression" };
                build.wrong(&format!("traits[{index}]"), field, "the trait needs itself, directly or through others");
            }
            break;
        }
        order.extend(&ready);
        waiting = blocked;
    }
    order
}
