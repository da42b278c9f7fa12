//! The records in comparable form: rows of numbers into the distinct comparable values of each field.

use super::{Dictionary, RawColumn, Source, derive};
use crate::comparison::{Kind, Value};
use crate::text::{Form, Hints, Role};
use rustc_hash::FxHashMap;

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
    /// Plain form and key of every value, one after the other, so that one look brings both.
    bytes: Vec<u8>,
    /// Where they begin, and the lengths of both.
    spans: Vec<(u32, u16, u16)>,
    /// Records with each value.
    pub(crate) counts: Vec<u32>,
    /// For a field that may be swapped with another: the other field's value of the same text.
    pub(crate) across: Vec<u32>,
}

impl Field {
    /// A value in comparable form.
    pub(crate) fn value(&self, code: u32) -> Value<'_> {
        let (start, plain, key) = self.spans[code as usize];
        let (plain, rest) = self.bytes[start as usize..].split_at(usize::from(plain));
        Value { plain, key: &rest[..usize::from(key)] }
    }

    /// Distinct values, the missing one included.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
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
        result
    }

    /// Finds the values that fields share that are mistaken for one another: two names, two lines of an address.
    fn cross(&mut self) {
        let roles: Vec<Role> = self.fields.iter().map(|field| field.role).collect();
        let at = |role: Role| roles.iter().position(|other| *other == role);
        for (one, other) in [(Role::GivenName, Role::FamilyName), (Role::Street, Role::FreeText)] {
            let (Some(one), Some(other)) = (at(one), at(other)) else { continue };
            let (ahead, back) = across(&self.fields[one], &self.fields[other]);
            self.fields[one].across = ahead;
            self.fields[other].across = back;
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

/// For each value of two fields, the other's value of the same text.
fn across(one: &Field, other: &Field) -> (Vec<u32>, Vec<u32>) {
    let (mut ahead, mut back) = (vec![NOWHERE; one.len()], vec![NOWHERE; other.len()]);
    let known: FxHashMap<&[u8], u32> = (1..one.len() as u32).map(|code| (one.value(code).plain, code)).collect();
    for code in 1..other.len() as u32 {
        if let Some(there) = known.get(other.value(code).plain) {
            ahead[*there as usize] = code;
            back[code as usize] = *there;
        }
    }
    (ahead, back)
}

/// Longer forms are cut; no name or address comes near.
const LONGEST: usize = 4000;

fn field(columns: &[RawColumn], plan: Plan, records: usize) -> (Field, Vec<u32>) {
    let Plan { name, role, hints, sources } = plan;
    let mut plain = Dictionary::default();
    let (mut bytes, mut spans): (Vec<u8>, Vec<(u32, u16, u16)>) = (Vec::new(), vec![(0, 0, 0)]);
    let mut add = |form: Form| {
        let (value, key) = (&form.plain[..form.plain.len().min(LONGEST)], &form.key[..form.key.len().min(LONGEST)]);
        let number = plain.intern(value);
        if number as usize == spans.len() {
            spans.push((bytes.len() as u32, value.len() as u16, key.len() as u16));
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(key);
        }
        number
    };
    let mut codes: Vec<u32> = Vec::new();
    for source in &sources {
        let Some(column) = columns.iter().find(|column| column.name == source.column) else { continue };
        let raw = &column.values;
        let one = |code: u32| derive(role, source.part, raw.text(code), &hints).map_or(0, &mut add);
        let map: Vec<u32> = std::iter::once(0).chain((1..raw.len() as u32).map(one)).collect();
        if codes.is_empty() {
            codes = column.codes.iter().map(|code| map[*code as usize]).collect();
        } else {
            for (code, raw) in codes.iter_mut().zip(&column.codes).filter(|(code, _)| **code == 0) {
                *code = map[*raw as usize];
            }
        }
    }
    drop(plain);
    bytes.shrink_to_fit();
    codes.resize(records, 0);
    let mut counts = vec![0; spans.len()];
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
    (Field { name, role, hints, sources, kind, bytes, spans, counts, across }, codes)
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
