//! Plain words.

use super::Form;
use super::fold;

/// `plain`: folded. `key`: the same without blanks.
pub(super) fn prepare(value: &str, form: &mut Form) {
    fold::fold_into(value, &mut form.plain);
    form.key.extend(form.plain.iter().filter(|byte| **byte != b' '));
}
