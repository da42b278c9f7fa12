//! The measures as they are defined, for tests.

/// The units that texts are compared by.
fn units(text: &str) -> Vec<(u32, u8)> {
    let all: Vec<Vec<(u32, u8)>> = text
        .chars()
        .map(|sign| match sign {
            '가'..='힣' => {
                let at = sign as u32 - '가' as u32;
                let mut letters = vec![(at / 588, 1), (at / 28 % 21, 2)];
                letters.extend((!at.is_multiple_of(28)).then_some((at % 28, 3)));
                letters
            }
            '\u{3400}'..='\u{9fff}' if !text.is_ascii() => (4..7).map(|kind| (sign as u32, kind)).collect(),
            _ => vec![(sign as u32, 0)],
        })
        .collect();
    all.concat()
}

pub(super) fn distance(a: &str, b: &str) -> u32 {
    let (a, b) = (units(a), units(b));
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                table[i][j] = (i + j) as u32;
                continue;
            }
            let cost = u32::from(a[i - 1] != b[j - 1]);
            table[i][j] = (table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(table[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                table[i][j] = table[i][j].min(table[i - 2][j - 2] + 1);
            }
        }
    }
    table[a.len()][b.len()]
}

/// The measure with the characters of `short` looked for in `long`.
pub(super) fn jaro_winkler(short: &str, long: &str) -> f32 {
    let (short, long) = (units(short), units(long));
    if short == long {
        return 1.0;
    }
    if short.is_empty() || long.is_empty() {
        return 0.0;
    }
    let window = (long.len() / 2).saturating_sub(1);
    let mut taken = vec![false; long.len()];
    let mut left = Vec::new();
    for (at, unit) in short.iter().enumerate() {
        let places = at.saturating_sub(window)..(at + window + 1).min(long.len());
        if let Some(place) = places.into_iter().find(|place| !taken[*place] && long[*place] == *unit) {
            taken[place] = true;
            left.push(*unit);
        }
    }
    if left.is_empty() {
        return 0.0;
    }
    let right: Vec<_> = long.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(unit, _)| *unit).collect();
    let crossed = left.iter().zip(&right).filter(|(x, y)| x != y).count() / 2;
    let m = left.len() as f32;
    let jaro = (m / short.len() as f32 + m / long.len() as f32 + (m - crossed as f32) / m) / 3.0;
    let prefix = short.iter().zip(&long).take(4).take_while(|(x, y)| x == y).count() as f32;
    jaro + prefix * 0.1 * (1.0 - jaro)
}

pub(super) fn dice(a: &str, b: &str, q: usize) -> f32 {
    let grams = |text: &str| -> Vec<String> {
        if text.is_empty() {
            return Vec::new();
        }
        if text.len() < q {
            return vec![text.to_owned()];
        }
        text.as_bytes().windows(q).map(|run| String::from_utf8_lossy(run).into_owned()).collect()
    };
    let (left, mut right) = (grams(a), grams(b));
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let total = left.len() + right.len();
    let mut common = 0;
    for gram in left {
        if let Some(at) = right.iter().position(|other| *other == gram) {
            right.remove(at);
            common += 1;
        }
    }
    2.0 * common as f32 / total as f32
}
