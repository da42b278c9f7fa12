//! Slips of the hand and of the eye.

use crate::random::Random;
use crate::tally::{Class, Tally};

/// Rows of a keyboard; neighbours in a row are hit for one another.
const ROWS: [&str; 4] = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// What a scanner takes for what, one way and the other.
const MISREAD: [(&str, &str); 12] = [
    ("rn", "m"),
    ("cl", "d"),
    ("vv", "w"),
    ("li", "h"),
    ("l", "1"),
    ("o", "0"),
    ("e", "c"),
    ("i", "j"),
    ("5", "s"),
    ("8", "3"),
    ("1", "7"),
    ("6", "0"),
];

/// One slip somewhere in a text; texts of one character stay.
pub(crate) fn slip(random: &mut Random, tally: &mut Tally, text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() < 2 {
        return text.to_owned();
    }
    let kind = random.unit();
    if kind < 0.35 {
        keyboard(random, tally, chars)
    } else if kind < 0.55 {
        transposed(random, tally, chars)
    } else if kind < 0.72 {
        tally.add(Class::Dropped);
        let mut chars = chars;
        chars.remove(random.below(chars.len()));
        chars.into_iter().collect()
    } else if kind < 0.85 {
        tally.add(Class::Doubled);
        let mut chars = chars;
        let place = random.below(chars.len());
        chars.insert(place, chars[place]);
        chars.into_iter().collect()
    } else {
        misread(random, tally, text, chars)
    }
}

/// One slip in a code of digits that keeps its length: a neighbour's key or two digits in the wrong order.
pub(crate) fn slip_digits(random: &mut Random, tally: &mut Tally, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let places: Vec<usize> = (0..chars.len()).filter(|place| chars[*place].is_ascii_digit()).collect();
    if places.len() < 2 {
        return text.to_owned();
    }
    let pair = random.below(places.len() - 1);
    let (first, second) = (places[pair], places[pair + 1]);
    if random.chance(0.4) && chars[first] != chars[second] {
        tally.add(Class::Transposed);
        chars.swap(first, second);
    } else {
        tally.add(Class::Keyboard);
        chars[first] = neighbour(random, chars[first]);
    }
    chars.into_iter().collect()
}

fn keyboard(random: &mut Random, tally: &mut Tally, mut chars: Vec<char>) -> String {
    tally.add(Class::Keyboard);
    let place = random.below(chars.len());
    chars[place] = neighbour(random, chars[place]);
    chars.into_iter().collect()
}

fn transposed(random: &mut Random, tally: &mut Tally, mut chars: Vec<char>) -> String {
    let place = random.below(chars.len() - 1);
    if chars[place] == chars[place + 1] {
        return keyboard(random, tally, chars);
    }
    tally.add(Class::Transposed);
    chars.swap(place, place + 1);
    chars.into_iter().collect()
}

fn misread(random: &mut Random, tally: &mut Tally, text: &str, chars: Vec<char>) -> String {
    let start = random.below(MISREAD.len());
    for step in 0..MISREAD.len() {
        let (one, other) = MISREAD[(start + step) % MISREAD.len()];
        for (from, to) in [(one, other), (other, one)] {
            // The first letter is read well more often than not, and a capital is none of these.
            if let Some(place) = text.find(from) {
                tally.add(Class::Misread);
                return format!("{}{to}{}", &text[..place], &text[place + from.len()..]);
            }
        }
    }
    keyboard(random, tally, chars)
}

fn neighbour(random: &mut Random, of: char) -> char {
    let lower = of.to_ascii_lowercase();
    let Some(row) = ROWS.iter().find(|row| row.contains(lower)) else { return 'x' };
    let place = row.find(lower).unwrap_or_default();
    let next = if place == 0 || (place + 1 < row.len() && random.chance(0.5)) { place + 1 } else { place - 1 };
    let hit = char::from(row.as_bytes()[next]);
    if of.is_ascii_uppercase() { hit.to_ascii_uppercase() } else { hit }
}
