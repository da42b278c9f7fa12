//! Rules for banks and shops, to be used as they are or as a beginning.
//!
//! Every rule says what it does, why, which fields it reads, and has a history that makes it fire and one that must not.

use crate::error::{RuleError, from_yaml};
use crate::file::RulesFile;

/// Rules for banks, in YAML.
pub const BANK: &str = concat!(
    include_str!("../library/bank.yaml"),
    include_str!("../library/bank-cards.yaml"),
    include_str!("../library/bank-care.yaml"),
);

/// Rules for shops, in YAML.
pub const SHOP: &str = concat!(include_str!("../library/shop.yaml"), include_str!("../library/shop-care.yaml"));

/// The rules for banks.
///
/// # Errors
/// None, as a test proves.
pub fn bank() -> Result<RulesFile, RuleError> {
    from_yaml(BANK)
}

/// The rules for shops.
///
/// # Errors
/// None, as a test proves.
pub fn shop() -> Result<RulesFile, RuleError> {
    from_yaml(SHOP)
}

/// All of them.
///
/// # Errors
/// None, as a test proves.
pub fn all() -> Result<RulesFile, RuleError> {
    let (mut all, shop) = (bank()?, shop()?);
    all.rules.extend(shop.rules);
    all.lists.extend(shop.lists);
    all.tables.extend(shop.tables);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cases::check;
    use crate::engine::Engine;
    use crate::file::Kind;
    use crate::rule::Limits;

    #[test]
    fn every_rule_is_documented_fires_on_its_history_and_not_on_the_other() {
        let (bank, shop) = (bank().unwrap(), shop().unwrap());
        assert!(bank.rules.len() >= 55 && shop.rules.len() >= 32, "{} and {}", bank.rules.len(), shop.rules.len());
        for file in [&bank, &shop] {
            let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
            for rule in &file.rules {
                let id = &rule.id;
                *kinds.entry(format!("{:?}", rule.kind.expect(id))).or_default() += 1;
                for text in [&rule.title, &rule.description, &rule.why] {
                    assert!(text.len() > 3, "{id} says too little");
                }
                let cases = rule.cases.as_ref().expect(id);
                assert!(!cases.fires.is_empty() && !cases.silent.is_empty(), "{id} lacks a case");
                assert_ne!(cases.fires, cases.silent, "{id}");
                let alone = RulesFile { rules: vec![rule.clone()], ..file.clone() };
                let engine = Engine::new(&alone, Limits::default()).unwrap_or_else(|errors| panic!("{id}: {errors:?}"));
                for property in engine.properties() {
                    assert!(rule.fields.contains_key(property), "{id} does not say what {property} is");
                }
            }
            assert!(kinds.len() == 3 && kinds.values().all(|count| *count >= 5), "{kinds:?}");
            let wrong = check(file, Limits::default()).unwrap();
            assert!(wrong.is_empty(), "{}", wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        }
        let all = all().unwrap();
        assert!(all.rules.len() >= 87, "{}", all.rules.len());
        let engine = Engine::new(&all, Limits::default()).unwrap();
        assert!(engine.rules().filter(|rule| rule.kind == Some(Kind::Care)).count() > 20);
    }
}
