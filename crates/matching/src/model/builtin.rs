//! The model of a service that nobody has trained yet.

use super::Model;

/// Trained on 100,000 customers of the crate's generator (`generate_customers --profile western --seed 5`), with the
/// frequencies of common names and towns only, and with a cautious threshold. Those customers write their names in one
/// script; the share of other spellings among matches is that from which learning starts.
const TRAINED: &str = include_str!("builtin.json");

pub(super) fn model() -> Model {
    Model::from_json(TRAINED).unwrap_or_else(|_| Model {
        columns: Vec::new(),
        rules: Vec::new(),
        match_share: 1e-6,
        household_share: 1e-6,
        threshold: 1.0,
        records: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_tells_a_slip_from_a_sibling() {
        let model = model();
        assert_eq!(model.columns.len(), 10);
        let record = |given: &str, born: &str, phone: &str| {
            model.prepare(&[
                ("full_name", &format!("{given} Pemberton")),
                ("date_of_birth", born),
                ("phone", phone),
                ("street", "Mill Lane"),
                ("house_number", "4"),
                ("postcode", "20354"),
                ("city", "York"),
            ])
        };
        let anna = record("Anna", "1980-05-17", "+44 7700 900123");
        let slip = record("Ana", "1980-05-17", "07700 900123");
        let brother = record("Thomas", "1983-11-02", "+44 7700 900999");
        assert!(model.score(&anna, &slip).probability > 0.99);
        assert!(model.score(&anna, &brother).probability < 0.01);
        assert!(model.score(&anna, &brother).household > 0.9);
        let keys = model.blocking_keys(&slip);
        assert!(model.blocking_keys(&anna).iter().any(|key| keys.contains(key)));
    }
}
