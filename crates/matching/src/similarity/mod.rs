//! How alike two strings are.

/// Similarity of Jaro and Winkler, from 0 to 1.
pub fn jaro_winkler(a: &[u8], b: &[u8]) -> f32 {
    if a == b {
        return 1.0;
    }
    if a.is_empty() || b.is_empty() || a.len() > 64 || b.len() > 64 {
        return 0.0;
    }
    let window = (a.len().max(b.len()) / 2).saturating_sub(1);
    let (mut taken_a, mut taken_b, mut matches) = (0u64, 0u64, 0u32);
    for (i, x) in a.iter().enumerate() {
        for j in i.saturating_sub(window)..(i + window + 1).min(b.len()) {
            if taken_b >> j & 1 == 0 && b[j] == *x {
                taken_a |= 1 << i;
                taken_b |= 1 << j;
                matches += 1;
                break;
            }
        }
    }
    if matches == 0 {
        return 0.0;
    }
    let (mut crossed, mut rest) = (0, taken_b);
    for (i, x) in a.iter().enumerate() {
        if taken_a >> i & 1 == 1 {
            let j = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            crossed += u32::from(b[j] != *x);
        }
    }
    let m = matches as f32;
    let jaro = (m / a.len() as f32 + m / b.len() as f32 + (m - (crossed / 2) as f32) / m) / 3.0;
    let prefix = a.iter().zip(b).take(4).take_while(|(x, y)| x == y).count() as f32;
    jaro + prefix * 0.1 * (1.0 - jaro)
}

/// Optimal string alignment distance; `max + 1` when it is beyond `max`.
pub fn damerau_levenshtein(a: &[u8], b: &[u8], max: u32) -> u32 {
    if a.len().abs_diff(b.len()) > max as usize || a.len() > 255 || b.len() > 255 {
        return max + 1;
    }
    let mut rows = [[0u32; 256]; 3];
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j as u32;
    }
    for i in 1..=a.len() {
        let (now, before, earlier) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i as u32;
        for j in 1..=b.len() {
            let cost = u32::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[before][j] + 1).min(rows[now][j - 1] + 1).min(rows[before][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[earlier][j - 2] + 1);
            }
            rows[now][j] = best;
        }
    }
    rows[a.len() % 3][b.len()].min(max + 1)
}

/// How alike two texts are, word by word in any order, from 0 to 1.
pub fn token_set(a: &[u8], b: &[u8]) -> f32 {
    let words = |text: &'_ [u8]| text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).count();
    let (left, right) = (words(a), words(b));
    if left == 0 || right == 0 {
        return 0.0;
    }
    let one_way = |from: &[u8], to: &[u8]| {
        let best =
            |word: &[u8]| to.split(|byte| *byte == b' ').map(|other| jaro_winkler(word, other)).fold(0.0, f32::max);
        from.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).map(best).sum::<f32>()
    };
    (one_way(a, b) / left as f32).min(one_way(b, a) / right as f32)
}
