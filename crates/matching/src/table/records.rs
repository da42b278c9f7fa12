//! The records in comparable form: rows of numbers into the distinct comparable values of each field.

use super::{Dictionary, RawColumn, Source, derive};
use crate::comparison::{Kind, Value};
use crate::text::{Form, Hints, Role};

/// Stands for a value that the other column does not have.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// A field with its distinct comparable values; value 0 is missing.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) hints: Hints,
    pub(crate) sources: Vec<Source>,
    pub(crate) kind: Kind,
    plain: Dictionary,
    key: Dictionary,
    /// The key form of each value.
    pub(crate) keys: Vec<u32>,
    /// Records with each value.
    pub(crate) counts: Vec<u32>,
    /// For a field that may be swapped with another: the other field's value of the same text.
    pub(crate) across: Vec<u32>,
}

impl Field {
    /// A value in comparable form.
    pub(crate) fn value(&self, code: u32) -> Value<'_> {
        Value { plain: self.plain.get(code), key: self.key.get(self.keys[code as usize]) }
    }

    /// The comparable form of a value, owned.
    pub(crate) fn form(&self, code: u32) -> Option<Form> {
        let value = self.value(code);
        (code != 0).then(|| Form { plain: value.plain.to_vec(), key: value.key.to_vec() })
    }

    /// Distinct values, the missing one included.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// A field to be made.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) hints: Hints,
    /// Where its values come from; of several sources the first that has a value counts.
    pub(crate) sources: Vec<Source>,
}

/// The records.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    pub(crate) fields: Vec<Field>,
    /// `fields.len()` numbers a record.
    rows: Vec<u32>,
    records: usize,
}

impl Records {
    /// Makes fields out of columns.
    pub(crate) fn prepare(columns: &[RawColumn], plans: Vec<Plan>, records: usize, threads: usize) -> Self {
        let width = plans.len();
        let mut prepared = crate::parallel::map(threads, plans, |plan| field(columns, plan, records));
        let mut rows = vec![0; width * records];
        for (at, (_, codes)) in prepared.iter_mut().enumerate() {
            for (record, code) in std::mem::take(codes).into_iter().enumerate() {
                rows[record * width + at] = code;
            }
        }
        let fields = prepared.into_iter().map(|(field, _)| field).collect();
        let mut result = Self { fields, rows, records };
        result.cross();
        for field in &mut result.fields {
            field.plain.freeze();
            field.key.freeze();
        }
        result
    }

    /// Finds the values that fields share that are mistaken for one another: two names, two lines of an address.
    fn cross(&mut self) {
        let roles: Vec<Role> = self.fields.iter().map(|field| field.role).collect();
        let at = |role: Role| roles.iter().position(|other| *other == role);
        for (one, other) in [(Role::GivenName, Role::FamilyName), (Role::Street, Role::FreeText)] {
            let (Some(one), Some(other)) = (at(one), at(other)) else { continue };
            for (one, other) in [(one, other), (other, one)] {
                let look = |code| self.fields[other].plain.find(self.fields[one].plain.get(code)).unwrap_or(NOWHERE);
                let across =
                    (0..self.fields[one].len() as u32).map(|code| if code == 0 { NOWHERE } else { look(code) });
                self.fields[one].across = across.collect();
            }
        }
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records
    }

    /// The values of a record, one a field.
    pub(crate) fn row(&self, record: u32) -> &[u32] {
        let width = self.fields.len();
        let start = record as usize * width;
        &self.rows[start..start + width]
    }
}

fn field(columns: &[RawColumn], plan: Plan, records: usize) -> (Field, Vec<u32>) {
    let Plan { name, role, hints, sources } = plan;
    let (mut plain, mut key) = (Dictionary::default(), Dictionary::default());
    let mut keys = vec![0];
    let mut codes: Vec<u32> = Vec::new();
    for source in &sources {
        let Some(column) = columns.iter().find(|column| column.name == source.column) else { continue };
        let raw = &column.values;
        let map: Vec<u32> = (0..raw.len() as u32)
            .map(|code| {
                let text = raw.text(code);
                let Some(form) = (code != 0).then(|| derive(role, source.part, text, &hints)).flatten() else {
                    return 0;
                };
                let number = plain.intern(&form.plain);
                if number as usize == keys.len() {
                    keys.push(key.intern(&form.key));
                }
                number
            })
            .collect();
        if codes.is_empty() {
            codes = column.codes.iter().map(|code| map[*code as usize]).collect();
        } else {
            for (code, raw) in codes.iter_mut().zip(&column.codes).filter(|(code, _)| **code == 0) {
                *code = map[*raw as usize];
            }
        }
    }
    codes.resize(records, 0);
    let mut counts = vec![0; keys.len()];
    for code in &codes {
        counts[*code as usize] += 1;
    }
    for code in defaults(role, &counts) {
        counts[0] += counts[code as usize];
        counts[code as usize] = 0;
        codes.iter_mut().filter(|other| **other == code).for_each(|other| *other = 0);
    }
    let kind = Kind::of(role);
    let across = Vec::new();
    (Field { name, role, hints, sources, kind, plain, key, keys, counts, across }, codes)
}

/// Values that stand for "not known" because they are many times as frequent as what identifies a person can be: a mail
/// address of the shop, the first of January 1900.
fn defaults(role: Role, counts: &[u32]) -> Vec<u32> {
    if !matches!(role, Role::Email | Role::Phone | Role::NationalId | Role::DateOfBirth) {
        return Vec::new();
    }
    let mut sorted: Vec<u32> = counts[1..].iter().copied().filter(|count| *count > 0).collect();
    if sorted.len() < 20 {
        return Vec::new();
    }
    sorted.sort_unstable();
    let usual = sorted[sorted.len() - 1 - sorted.len() / 50];
    let present: u64 = sorted.iter().map(|count| u64::from(*count)).sum();
    let limit = (usual * 5).max(10).max((present / 2000) as u32);
    (1..counts.len() as u32).filter(|code| counts[*code as usize] > limit).collect()
}
