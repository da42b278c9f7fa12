//! A test of one column, a page at a time.

use attune_expression::columnar::{ElementTest, Leaf, Shape};
use attune_expression::{AsValue, Relation, ValueRef};

use super::Truth;
use crate::bits::{Bits, NONE, and, and_not, count, has, or, pack, rows};
use crate::page::{Data, Page, Texts};

/// Whole numbers up to here are doubles without loss.
const EXACT: i64 = 1 << 53;

/// The truth of a test for the rows of a mask.
pub(super) fn test(page: Option<&Page>, leaf: &Leaf, mask: &Bits) -> Truth {
    let Some(page) = page else { return Truth::all(None, mask) };
    let regular = and(mask, page.valid());
    let mut truth = typed(page, leaf, &regular).unwrap_or_else(|| by_value(page, leaf, &regular));
    truth.error = or(&truth.error, &and_not(mask, &page.present()));
    for (row, value) in page.odd() {
        if has(mask, row) {
            truth.put(row, leaf.truth(value.as_value()));
        }
    }
    truth
}

/// The truth of a test of the elements of sets: each distinct element is asked once. Absent when rows of the mask have
/// values of another form.
pub(super) fn elements(page: Option<&Page>, test: &ElementTest, mask: &Bits) -> Option<Truth> {
    let Some(page) = page else { return Some(Truth::all(None, mask)) };
    let Data::Tags(tags) = page.data() else { return None };
    if !crate::bits::is_empty(&and(mask, page.odd_rows())) {
        return None;
    }
    let (mut deciding, mut failed) = (NONE, NONE);
    for (element, rows) in tags.sets() {
        match test.truth(ValueRef::String(element)) {
            Some(value) if value != test.all() => deciding = or(&deciding, rows),
            Some(_) => {}
            None => failed = or(&failed, rows),
        }
    }
    let error = or(&and_not(&and(mask, &failed), &deciding), &and_not(mask, page.valid()));
    let yes = if test.all() { and_not(mask, &or(&deciding, &error)) } else { and(mask, &deciding) };
    Some(Truth { yes, error })
}

/// A loop over the form of the page, where there is one for the test.
fn typed(page: &Page, leaf: &Leaf, mask: &Bits) -> Option<Truth> {
    let yes = match (page.data(), leaf.shape()) {
        (Data::Int(values), Shape::Int(relation, constant)) => ordered(values, mask, relation, constant),
        #[expect(clippy::cast_precision_loss, reason = "a whole number beside a double is read as a double")]
        (Data::Int(values), Shape::Double(relation, constant)) if !constant.is_nan() => match relation {
            Relation::Less => pack(values, mask, |value| (value as f64) < constant),
            Relation::LessOrEqual => pack(values, mask, |value| value as f64 <= constant),
            Relation::Greater => pack(values, mask, |value| value as f64 > constant),
            Relation::GreaterOrEqual => pack(values, mask, |value| value as f64 >= constant),
            Relation::Equal => pack(values, mask, |value| value as f64 == constant),
            Relation::NotEqual => pack(values, mask, |value| value as f64 != constant),
        },
        (Data::Double(values, _), Shape::Double(relation, constant)) if !constant.is_nan() => {
            ordered(values, mask, relation, constant)
        }
        #[expect(clippy::cast_precision_loss, reason = "it is below 2^53")]
        (Data::Double(values, _), Shape::Int(relation, constant)) if (-EXACT..=EXACT).contains(&constant) => {
            ordered(values, mask, relation, constant as f64)
        }
        (Data::Time(values), Shape::Instant(relation, constant)) => ordered(values, mask, relation, constant),
        (Data::Bool(values), Shape::Flag) => and(values, mask),
        (Data::Tags(tags), Shape::Holds(text)) => tags.rows(text).map_or(NONE, |bits| and(bits, mask)),
        (Data::Text(texts), _) => return text(texts, leaf, mask),
        _ => return None,
    };
    Some(Truth { yes, error: NONE })
}

fn ordered<T: Copy + PartialOrd>(values: &[T], mask: &Bits, relation: Relation, constant: T) -> Bits {
    match relation {
        Relation::Less => pack(values, mask, |value| value < constant),
        Relation::LessOrEqual => pack(values, mask, |value| value <= constant),
        Relation::Greater => pack(values, mask, |value| value > constant),
        Relation::GreaterOrEqual => pack(values, mask, |value| value >= constant),
        Relation::Equal => pack(values, mask, |value| value == constant),
        Relation::NotEqual => pack(values, mask, |value| value != constant),
    }
}

/// Asks once for each distinct text, unless fewer rows are asked for.
fn text(texts: &Texts, leaf: &Leaf, mask: &Bits) -> Option<Truth> {
    if let Shape::StartsWith(part) = leaf.shape() {
        let range = texts.starting_with(part);
        if range.is_empty() {
            return Some(Truth::FALSE);
        }
        let mut held = vec![false; texts.codes_end()];
        range.iter().for_each(|code| held[usize::from(*code)] = true);
        let yes = pack(texts.codes(), mask, |code| held.get(usize::from(code)).copied().unwrap_or_default());
        return Some(Truth { yes, error: NONE });
    }
    if texts.used().len() > 16 && count(mask) < texts.used().len() {
        return None;
    }
    let mut answers = vec![0_u8; texts.codes_end().max(1)];
    let (mut held, mut last, mut failed) = (0, 0, false);
    for code in texts.used() {
        answers[usize::from(*code)] = match leaf.truth(ValueRef::String(texts.name(*code))) {
            Some(true) => {
                (held, last) = (held + 1, *code);
                1
            }
            Some(false) => 0,
            None => {
                failed = true;
                2
            }
        };
    }
    let answer = |code: u16| answers.get(usize::from(code)).copied().unwrap_or_default();
    let yes = match held {
        0 => NONE,
        1 => pack(texts.codes(), mask, |code| code == last),
        _ => pack(texts.codes(), mask, |code| answer(code) == 1),
    };
    let error = if failed { pack(texts.codes(), mask, |code| answer(code) == 2) } else { NONE };
    Some(Truth { yes, error })
}

fn by_value(page: &Page, leaf: &Leaf, mask: &Bits) -> Truth {
    let mut truth = Truth::FALSE;
    for row in rows(mask) {
        truth.put(row, page.get(row).and_then(|cell| leaf.truth(cell.as_value())));
    }
    truth
}
