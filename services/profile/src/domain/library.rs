//! Libraries of tags that are shipped as data.

use std::sync::LazyLock;

/// A tag of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// Its id: category, sub-category and name.
    pub id: String,
    /// Its category.
    pub category: String,
    /// Its sub-category.
    pub subcategory: String,
    /// Its name for people.
    pub name: String,
    /// Its rule; empty for a manual one.
    pub rule: String,
}

#[derive(serde::Deserialize)]
struct File {
    category: Vec<Category>,
}

#[derive(serde::Deserialize)]
struct Category {
    id: String,
    subcategory: Vec<Subcategory>,
}

#[derive(serde::Deserialize)]
struct Subcategory {
    id: String,
    /// Id, name and rule of each tag.
    tags: Vec<[String; 3]>,
}

static BANK: LazyLock<Vec<Shipped>> = LazyLock::new(|| {
    let file: Option<File> = toml::from_str(include_str!("../../data/tags_bank.toml")).ok();
    let mut out = Vec::new();
    for category in file.into_iter().flat_map(|file| file.category) {
        for subcategory in category.subcategory {
            for [id, name, rule] in subcategory.tags {
                out.push(Shipped {
                    id: format!("{}.{}.{id}", category.id, subcategory.id),
                    category: category.id.clone(),
                    subcategory: subcategory.id.clone(),
                    name,
                    rule,
                });
            }
        }
    }
    out
});

/// The tags of a library by its name.
#[must_use]
pub fn tags(library: &str) -> Option<&'static [Shipped]> {
    (library == "bank").then_some(&BANK)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::catalogue;
    use crate::domain::schema::{self, Registry};
    use crate::domain::segment::typed;

    #[test]
    fn the_library_of_a_bank_reads_and_every_rule_compiles() {
        let registry = Registry::new(schema::standard().iter().cloned(), false);
        let schema = typed(&registry, &catalogue::default());
        let all = tags("bank").unwrap();
        let categories: BTreeSet<&str> = all.iter().map(|one| one.category.as_str()).collect();
        let subcategories: BTreeSet<(&str, &str)> =
            all.iter().map(|one| (one.category.as_str(), one.subcategory.as_str())).collect();
        let ids: BTreeSet<&str> = all.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((categories.len(), ids.len()), (8, all.len()));
        assert!((65..=80).contains(&subcategories.len()), "{}", subcategories.len());
        for one in all.iter().filter(|one| !one.rule.is_empty()) {
            let broken = crate::domain::segment::check("expression", &one.rule, schema.as_ref());
            assert!(broken.is_empty(), "{}: {} {broken:?}", one.id, one.rule);
        }
        assert!(tags("other").is_none());
    }
}
