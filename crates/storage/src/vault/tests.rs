//! Sealing, by properties.

use proptest::prelude::*;

use super::*;

fn secret(byte: u8) -> Secret {
    let mut out = Secret::default();
    out.copy_from_slice(&[byte; 32]);
    out
}

proptest! {
    #[test]
    fn what_is_sealed_opens_in_its_place_only(
        value in proptest::collection::vec(any::<u8>(), 0..600),
        table in "[a-z]{0,12}",
        row in proptest::collection::vec(any::<u8>(), 0..40),
        slot: u64,
        other_table in "[a-z]{0,12}",
        other_row in proptest::collection::vec(any::<u8>(), 0..40),
        flip: prop::sample::Index,
    ) {
        let place = Place { table: &table, row: &row };
        let sealed = seal(&secret(1), slot, &place, &value).unwrap();
        prop_assert_eq!(sealed.len(), value.len() + OVERHEAD);
        prop_assert_eq!(slot_of(&sealed).unwrap(), slot);
        prop_assert_eq!(open(&secret(1), &place, &sealed).unwrap(), value.clone());
        prop_assert!(open(&secret(2), &place, &sealed).is_err(), "another subject's key");
        let other = Place { table: &other_table, row: &other_row };
        if (&other_table, &other_row) != (&table, &row) {
            prop_assert!(open(&secret(1), &other, &sealed).is_err(), "another row");
        }
        // Table and row do not run into one another.
        let moved = Place { table: &format!("{table}x"), row: row.strip_prefix(b"x").unwrap_or(&row) };
        prop_assert!(open(&secret(1), &moved, &sealed).is_err());
        let mut damaged = sealed.clone();
        let at = flip.index(damaged.len());
        damaged[at] ^= 1;
        prop_assert!(open(&secret(1), &place, &damaged).is_err(), "byte {} of {}", at, damaged.len());
        prop_assert!(open(&secret(1), &place, &sealed[..sealed.len() - 1]).is_err());
        if value.len() >= 8 {
            prop_assert!(!sealed.windows(8).any(|window| window == &value[..8]), "the value stands in what is sealed");
        }
    }
}

#[test]
fn bytes_that_were_never_sealed_are_corrupt() {
    for bytes in [&b""[..], &[1; 5], &[0; 80], &[2; 80]] {
        assert!(slot_of(bytes).is_err());
        assert!(open(&secret(1), &Place { table: "t", row: b"r" }, bytes).is_err());
    }
}
