//! Which fields are compared: mostly the columns as they are; a whole name in its parts, an address in its parts.

use crate::table::{Plan, RawColumn, Source, SourcePart};
use crate::text::{Hints, Role, is_missing};

/// The fields of columns with their meaning, those that others depend on before these, those that tell least last.
pub(super) fn fields(columns: &[(&RawColumn, Role, Hints)]) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    let has = |role: Role| columns.iter().any(|(_, other, _)| *other == role);
    for (column, role, hints) in columns {
        let source = |part| Source { column: column.name.clone(), role: *role, part };
        let mut add = |name: String, field: Role, part: SourcePart| {
            let known = plans.iter_mut().find(|plan| part != SourcePart::Whole && plan.role == field);
            match known {
                Some(plan) => plan.sources.push(source(part)),
                None => plans.push(Plan { name, role: field, hints: *hints, sources: vec![source(part)] }),
            }
        };
        let name = |part: &str| format!("{}.{part}", column.name);
        match role {
            Role::FullName => {
                add(name("given"), Role::GivenName, SourcePart::Given);
                add(name("family"), Role::FamilyName, SourcePart::Family);
            }
            Role::Street if !has(Role::HouseNumber) && numbered(column) => {
                add(name("words"), Role::Street, SourcePart::Words);
                add(name("number"), Role::HouseNumber, SourcePart::Number);
                if !has(Role::Postcode) {
                    add(name("code"), Role::Postcode, SourcePart::Code);
                }
            }
            _ => add(column.name.clone(), *role, SourcePart::Whole),
        }
    }
    plans.sort_by_key(|plan| rank(plan.role));
    plans
}

/// Whether most values have a number in them.
fn numbered(column: &RawColumn) -> bool {
    let step = (column.values.len() / 500).max(1);
    let (mut all, mut with) = (0, 0);
    for code in (1..column.values.len()).step_by(step) {
        let text = column.values.text(code as u32);
        if !is_missing(text) {
            all += 1;
            with += usize::from(text.contains(|sign: char| sign.is_numeric()));
        }
    }
    with * 2 > all
}

fn rank(role: Role) -> usize {
    match role {
        Role::GivenName => 0,
        Role::FamilyName => 1,
        Role::FullName => 2,
        Role::DateOfBirth => 3,
        Role::NationalId => 4,
        Role::Phone => 5,
        Role::Email => 6,
        Role::Postcode => 7,
        Role::City => 8,
        Role::Region => 9,
        Role::Street => 10,
        Role::HouseNumber => 11,
        Role::FreeText => 12,
        Role::Category => 13,
        Role::Number => 14,
    }
}
