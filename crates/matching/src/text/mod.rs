//! Values of every role made comparable, in every script.
//!
//! [`prepare`] gives a value two forms: `plain`, its folded text for comparing character by character, and `key`, what
//! other spellings and scripts of the same thing share. "Kim Minsu", "김민수" and "Min-soo KIM" share a key, as do
//! "王小明" and "Xiao-Ming Wang", "12 Main Street" and "12 main st.", "+82 10-1234-5678" and "010 1234 5678".
//!
//! * [`is_missing`]: values that say nothing, in many languages.
//! * [`Hints`]: what is learned from a column as a whole, such as the order of its dates.
//! * [`split_name`]: a whole name in its parts.
//! * [`fold`]: lower case without accents and punctuation.

mod address;
mod code;
mod date;
mod email;
mod family;
mod fold;
mod han;
mod hangul;
mod hanja;
mod hints;
mod latin;
mod missing;
mod name;
mod phone;
mod role;
mod skeleton;
mod split;
mod words;

pub use fold::fold;
pub use hints::{DateOrder, HanReading, Hints};
pub use missing::is_missing;
pub use role::Role;
pub use split::{NameParts, split_name};

/// A value in comparable form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// Folded text.
    pub plain: Vec<u8>,
    /// The form that other spellings and scripts share.
    pub key: Vec<u8>,
}

/// The comparable form of a value; nothing when it says nothing.
pub fn prepare(role: Role, value: &str, hints: &Hints) -> Option<Form> {
    let mut form = Form::default();
    prepare_into(role, value, hints, &mut form).then_some(form)
}

/// [`prepare`] into a form that is used again. Whether the value says something; when it does not, the form is empty.
pub fn prepare_into(role: Role, value: &str, hints: &Hints, form: &mut Form) -> bool {
    form.plain.clear();
    form.key.clear();
    let value = value.trim();
    if is_missing(value) {
        return false;
    }
    match role {
        Role::GivenName => name::given(value, hints, form),
        Role::FamilyName => name::family(value, hints, form),
        Role::FullName => name::full(value, hints, form),
        Role::DateOfBirth => date::prepare(value, hints, form),
        Role::Phone => phone::prepare(value, hints, form),
        Role::Email => email::prepare(value, form),
        Role::Street => address::street(value, form),
        Role::City | Role::Region => address::place(value, hints, form),
        Role::HouseNumber => code::house(value, form),
        Role::Postcode => code::postcode(value, form),
        Role::NationalId => code::national_id(value, form),
        Role::Number => code::number(value, form),
        Role::Category | Role::FreeText => words::prepare(value, form),
    }
    if form.plain.is_empty() {
        form.key.clear();
        return false;
    }
    // A value without what keys are made of, such as a name in a script whose sounds are not known.
    if form.key.is_empty() {
        form.key.extend(form.plain.iter().filter(|byte| **byte != b' '));
    }
    true
}

#[cfg(test)]
mod tests;
