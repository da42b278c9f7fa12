//! Sorting records by key.

/// Sorts by key, records of one key in their order: least significant digit first, eleven bits at a time.
pub(crate) fn by_key(keyed: &mut Vec<(u32, u32)>) {
    if keyed.len() < 4096 {
        keyed.sort_unstable();
        return;
    }
    let mut counts = vec![[0_u32; 2048]; 3];
    for (key, _) in keyed.iter() {
        for (pass, counts) in counts.iter_mut().enumerate() {
            counts[digit(*key, pass)] += 1;
        }
    }
    let mut other = vec![(0, 0); keyed.len()];
    for (pass, counts) in counts.iter_mut().enumerate() {
        let mut start = 0;
        for count in counts.iter_mut() {
            let here = *count;
            *count = start;
            start += here;
        }
        for item in keyed.iter() {
            let place = &mut counts[digit(item.0, pass)];
            other[*place as usize] = *item;
            *place += 1;
        }
        std::mem::swap(keyed, &mut other);
    }
}

fn digit(key: u32, pass: usize) -> usize {
    (key >> (11 * pass)) as usize & 2047
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_the_library_does(keys in prop::collection::vec(any::<u32>(), 0..9000)) {
            let mut keyed: Vec<(u32, u32)> = keys.iter().enumerate().map(|(at, key)| (*key, at as u32)).collect();
            let mut expected = keyed.clone();
            expected.sort_by_key(|(key, _)| *key);
            by_key(&mut keyed);
            prop_assert_eq!(keyed, expected);
        }
    }
}
