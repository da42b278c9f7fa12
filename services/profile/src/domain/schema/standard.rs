//! The standard set of attributes, which a business extends.

use std::sync::LazyLock;

use super::Definition;

#[derive(serde::Deserialize)]
struct File {
    attribute: Vec<Definition>,
}

static STANDARD: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    toml::from_str::<File>(include_str!("../../../data/attributes.toml")).map(|file| file.attribute).unwrap_or_default()
});

/// The standard set, in the order of its file, which a test reads.
#[must_use]
pub fn standard() -> &'static [Definition] {
    &STANDARD
}
