//! How a definition may change: additively, so that what is known stays readable while old and new processes run.

use attune_kernel::Violation;

use super::{Definition, Shape, Type};

/// Whether every value of one type is one of the other.
fn widens(from: Type, to: Type) -> bool {
    from == to || matches!((from, to), (Type::Int, Type::Double) | (Type::Date, Type::Timestamp))
}

/// What speaks against a change; nothing when it may be made. Fields are those of the definition.
#[must_use]
pub fn refused(old: &Definition, new: &Definition) -> Vec<Violation> {
    let mut out = Vec::new();
    if !widens(old.of, new.of) {
        let reason = "may only become wider (int to double, date to timestamp): known values would become unreadable, \
                      declare another attribute and deprecate this one";
        out.push(Violation::new("value_type", reason));
    }
    if old.of != new.of && old.shape == Shape::Set {
        out.push(Violation::new("value_type", "does not change for sets: known values are compared in their old form"));
    }
    if old.shape != new.shape {
        out.push(Violation::new("shape", "does not change: rules that read the attribute would fail"));
    }
    if old.policy != new.policy {
        let reason =
            "does not change: what is known was decided under it and what lost is not kept, declare another attribute";
        out.push(Violation::new("policy", reason));
    }
    if !new.sources.starts_with(&old.sources) {
        let reason = "may only grow at its end: known values carry the rank that their source had";
        out.push(Violation::new("source_priority", reason));
    }
    if new.pii < old.pii {
        let reason = "does not become less personal: known values were given under the stricter class";
        out.push(Violation::new("pii", reason));
    }
    out
}
