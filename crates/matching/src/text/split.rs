//! Whole names in their parts.

use super::hints::{HanReading, Hints};
use super::name::{HONORIFICS, is_title};
use super::{family, han, skeleton};

/// Words of a name that are looked at.
const WORDS: usize = 8;

/// The parts of a whole name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameParts {
    /// The given names, with blanks between them; empty when there are none.
    pub given: String,
    /// The family name; empty when nothing tells it.
    pub family: String,
    /// The hints for both parts: with Chinese characters, whether this name is read as Korean.
    pub hints: Hints,
}

/// Parts a whole name, without titles, initials and forms of address.
///
/// The family name stands before a comma, is the one word in capitals among others, the one that is a family name of Korea or
/// China, or the first one in Hangul and Chinese characters; elsewhere it is the last word.
pub fn split_name(value: &str, hints: &Hints) -> NameParts {
    let value = without_honorific(value.trim());
    let mut hints = *hints;
    if !value.is_ascii() && hints.han == HanReading::Mixed {
        let korean = han::reads_korean(value.trim_start(), hints.han);
        hints.han = if korean { HanReading::Korean } else { HanReading::Mandarin };
    }
    let (given, family) = parts(value);
    NameParts { given, family, hints }
}

/// A name without a form of address behind it.
pub(super) fn without_honorific(value: &str) -> &str {
    if value.is_ascii() {
        return value;
    }
    for honorific in HONORIFICS {
        if let Some(rest) = value.strip_suffix(honorific) {
            let rest = rest.trim_end();
            // 양 and 군 end given names too.
            if rest.chars().count() >= if matches!(honorific, "군" | "양") { 3 } else { 2 } {
                return rest;
            }
        }
    }
    value
}

fn parts(value: &str) -> (String, String) {
    if let Some((family, given)) = value.split_once([',', '，', '、']) {
        let (mut one, mut other) = ([""; WORDS], [""; WORDS]);
        let (family, given) = (words(family, &mut one), words(given, &mut other));
        if !given.is_empty() {
            return (given.join(" "), family.join(" "));
        }
        return of_words(family);
    }
    let mut room = [""; WORDS];
    of_words(words(value, &mut room))
}

/// The words of a name without titles and initials; a name of nothing else keeps them.
fn words<'a, 'b>(value: &'a str, room: &'b mut [&'a str; WORDS]) -> &'b [&'a str] {
    let all = || value.split([' ', '\u{3000}', '.', '·', '・']).filter(|word| !word.is_empty());
    let mut count = 0;
    for word in all().filter(|word| word.len() > 1 && !is_title(word)).take(WORDS) {
        room[count] = word;
        count += 1;
    }
    if count == 0 {
        for word in all().take(WORDS) {
            room[count] = word;
            count += 1;
        }
    }
    &room[..count]
}

fn of_words(words: &[&str]) -> (String, String) {
    let Some((first, rest)) = words.split_first() else { return (String::new(), String::new()) };
    let eastern = first.chars().next().is_some_and(is_east_asian);
    if rest.is_empty() {
        if !eastern {
            return (String::new(), (*first).to_owned());
        }
        // Longer words are foreign names in Hangul or Kana: nothing tells where they part.
        if !(2..=4).contains(&first.chars().count()) || first.chars().any(is_kana) {
            return ((*first).to_owned(), String::new());
        }
        let cut = first.char_indices().nth(family::width(first)).map_or(first.len(), |(at, _)| at);
        return (first[cut..].to_owned(), first[..cut].to_owned());
    }
    let last = words.len() - 1;
    let at = if eastern {
        let family = |word: &str| word.chars().count() == 1 || family::width(&format!("{word}가나")) == 2;
        let foreign = words.iter().all(|word| word.chars().count() >= 3);
        if foreign || !family(first) && family(words[last]) { last } else { 0 }
    } else {
        family_of(words)
    };
    let given: Vec<&str> = words.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, word)| *word).collect();
    (given.join(if eastern && words[at].chars().count() <= 2 { "" } else { " " }), words[at].to_owned())
}

/// Which word in Latin letters is the family name.
fn family_of(words: &[&str]) -> usize {
    let last = words.len() - 1;
    let capitals = |word: &&&str| word.chars().count() > 1 && !word.chars().any(char::is_lowercase);
    let mut in_capitals = words.iter().enumerate().filter(|(_, word)| capitals(word));
    if let (Some((at, _)), None) = (in_capitals.next(), in_capitals.next()) {
        return at;
    }
    let strength = |word: &str| family::strength(word.to_lowercase().as_bytes());
    // A hyphen joins the syllables of a given name.
    match (words[0].contains('-'), words[last].contains('-')) {
        (true, false) if strength(words[last]) > 0 => return last,
        (false, true) if strength(words[0]) > 0 => return 0,
        _ => {}
    }
    match strength(words[0]).cmp(&strength(words[last])) {
        // "Kim Smith" is no Korean name.
        std::cmp::Ordering::Greater if words[1..].iter().all(|word| skeleton::is_eastern_name(word)) => 0,
        std::cmp::Ordering::Greater => last,
        std::cmp::Ordering::Less => last,
        // Two syllables apart from one another are a given name behind a family name.
        std::cmp::Ordering::Equal if last == 2 && strength(words[0]) > 0 => 0,
        std::cmp::Ordering::Equal => last,
    }
}

fn is_kana(sign: char) -> bool {
    matches!(sign, '\u{3040}'..='\u{30ff}')
}

fn is_east_asian(sign: char) -> bool {
    matches!(sign, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}')
        || is_kana(sign)
        || han::is_han(sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_part_where_their_writers_part_them() {
        for (value, expected) in [
            ("Harvey, Olivia", "Olivia/Harvey"),
            ("Mr Vincent F Upwater", "Vincent/Upwater"),
            ("Kim Minsu", "Minsu/Kim"),
            ("Gim Sookhye", "Sookhye/Gim"),
            ("Min-soo KIM", "Min-soo/KIM"),
            ("Kim Smith", "Kim/Smith"),
            ("Zhuang Xiaoming", "Xiaoming/Zhuang"),
            ("Jun Park", "Jun/Park"),
            ("Jang Su Won", "Su Won/Jang"),
            ("김민수", "민수/김"),
            ("김민수님", "민수/김"),
            ("김 민수", "민수/김"),
            ("민수 김", "민수/김"),
            ("남궁민수", "민수/남궁"),
            ("도널드 트럼프", "도널드/트럼프"),
            ("王小明", "小明/王"),
            ("欧阳小明", "小明/欧阳"),
            ("Xiaoming Wang", "Xiaoming/Wang"),
            ("Palmer", "/Palmer"),
            ("", "/"),
        ] {
            let parts = split_name(value, &Hints::default());
            assert_eq!(format!("{}/{}", parts.given, parts.family), expected, "{value}");
        }
    }

    #[test]
    fn a_name_is_read_in_one_way() {
        let mixed = Hints { han: HanReading::Mixed, ..Hints::default() };
        assert_eq!(split_name("金敏秀", &mixed).hints.han, HanReading::Korean);
        assert_eq!(split_name("王小明", &mixed).hints.han, HanReading::Mandarin);
    }

    proptest! {
        #[test]
        fn any_text_does(value in "\\PC{0,24}") {
            split_name(&value, &Hints::default());
        }
    }
}
