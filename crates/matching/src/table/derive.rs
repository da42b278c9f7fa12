//! Fields made from parts of columns: a family name from a whole name, a house number from an address in one line.

use crate::text::{Form, Hints, Role, prepare};
use serde::{Deserialize, Serialize};

/// Which part of a value makes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourcePart {
    /// All of it.
    Whole,
    /// The given names of a whole name.
    Given,
    /// The family name of a whole name.
    Family,
    /// An address without its numbers.
    Words,
    /// The house number, with the flat.
    Number,
    /// The postcode.
    Code,
}

/// Where the values of a field come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// The column.
    pub(crate) column: String,
    /// What the column means.
    pub(crate) role: Role,
    /// The part taken.
    pub(crate) part: SourcePart,
}

/// The comparable form of a field's value; none when the column's value has no such part.
pub(crate) fn derive(role: Role, part: SourcePart, value: &str, hints: &Hints) -> Option<Form> {
    match part {
        SourcePart::Whole => prepare(role, value, hints),
        SourcePart::Given => prepare(role, &split_name(value).0, hints),
        SourcePart::Family => prepare(role, &split_name(value).1, hints),
        SourcePart::Words | SourcePart::Number | SourcePart::Code => {
            let form = prepare(Role::Street, value, hints)?;
            let plain = std::str::from_utf8(&form.plain).ok()?;
            let tokens: Vec<&str> = plain.split(' ').filter(|token| Token::of(token).part() == part).collect();
            if tokens.is_empty() {
                return None;
            }
            let joined = tokens.join(" ");
            match part {
                SourcePart::Words => prepare(role, &joined, hints),
                _ => Some(Form { plain: joined.clone().into_bytes(), key: joined.into_bytes() }),
            }
        }
    }
}

/// What a word of an address is.
enum Token {
    Word,
    Number,
    Code,
}

impl Token {
    fn of(token: &str) -> Self {
        let digits = token.chars().filter(char::is_ascii_digit).count();
        let signs = token.chars().count();
        if digits == 0 || signs > digits + 4 {
            Self::Word
        } else if digits == signs && digits >= 4 || !token.starts_with(|sign: char| sign.is_ascii_digit()) {
            Self::Code
        } else {
            Self::Number
        }
    }

    fn part(&self) -> SourcePart {
        match self {
            Self::Word => SourcePart::Words,
            Self::Number => SourcePart::Number,
            Self::Code => SourcePart::Code,
        }
    }
}

/// Words before and after names that are no names.
const TITLES: [&str; 26] = [
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "madam", "herr", "frau", "hr", "fr", "mme", "mlle", "m", "sr",
    "sra", "don", "dona", "jr", "phd", "md", "ing", "dipl", "monsieur", "madame",
];
/// Forms of address in Korean, Chinese and Japanese, written after the name.
const HONORIFICS: [&str; 10] = ["님", "씨", "군", "양", "先生", "女士", "小姐", "様", "さん", "氏"];
/// Family names of two signs in Korean and Chinese.
const DOUBLE: [&str; 22] = [
    "남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방", "南宮", "皇甫", "諸葛", "鮮于", "司空", "欧阳",
    "歐陽", "司马", "司馬", "诸葛", "上官", "令狐", "慕容", "尉迟",
];
/// Family names of East Asia in Latin letters, which stand first as often as last.
const EASTERN: &[&str] = &[
    "kim", "lee", "yi", "rhee", "park", "pak", "bak", "choi", "choe", "jung", "jeong", "chung", "chong", "kang",
    "gang", "cho", "jo", "yoon", "yun", "jang", "chang", "lim", "im", "rim", "han", "oh", "seo", "suh", "shin", "sin",
    "kwon", "gwon", "hwang", "ahn", "an", "song", "yoo", "yu", "ryu", "hong", "jeon", "jun", "chun", "ko", "go", "koh",
    "moon", "mun", "yang", "son", "sohn", "bae", "pae", "baek", "paik", "heo", "hur", "huh", "nam", "sim", "shim",
    "noh", "roh", "no", "ha", "kwak", "gwak", "sung", "seong", "cha", "joo", "ju", "woo", "wu", "koo", "gu", "min",
    "na", "ra", "jin", "ji", "eom", "um", "chae", "won", "bang", "cheon", "kong", "gong", "hyun", "hyeon", "ham",
    "byun", "byeon", "yeom", "wang", "li", "zhang", "liu", "chen", "huang", "zhao", "zhou", "xu", "sun", "ma", "zhu",
    "hu", "guo", "he", "lin", "luo", "gao", "liang", "zheng", "xie", "tang", "deng", "feng", "cao", "peng", "zeng",
    "xiao", "tian", "dong", "pan", "yuan", "cai", "jiang", "ye", "du", "wei", "cheng", "lu", "ding", "ren", "yao",
    "shen", "cui", "tan", "fan", "fu", "liao", "jia", "xia", "shi", "hou", "zou", "xiong", "meng", "qin", "bai", "qiu",
    "qian", "yin", "xue", "lei", "long", "hao", "kang", "mao", "gu", "wan", "wong", "chan", "cheung", "lau", "ng",
    "ho", "leung", "kwok", "tsai", "hsu", "hsieh", "chou", "chiang", "tseng", "teng", "nguyen", "tran", "pham",
    "hoang",
];

/// The given names and the family name of a whole name. Before a comma, in capitals among others, or in front in Korean and
/// Chinese stands the family name; elsewhere it is last.
fn split_name(value: &str) -> (String, String) {
    let mut value = value.trim();
    for honorific in HONORIFICS {
        if let Some(rest) = value.strip_suffix(honorific)
            && rest.chars().count() >= 2
        {
            value = rest.trim_end();
        }
    }
    if let Some((family, given)) = value.split_once([',', '，', '、']) {
        let (given, family) = (words(given).join(" "), words(family).join(" "));
        if !given.is_empty() {
            return (given, family);
        }
        return split_name(&family);
    }
    let mut words = words(value);
    let eastern = words.first().and_then(|word| word.chars().next()).is_some_and(is_east_asian);
    if eastern && words.len() == 1 {
        let word = words.remove(0);
        let signs = word.chars().count();
        let long = signs > 2 && DOUBLE.iter().any(|double| word.starts_with(double));
        // Longer words are foreign names in Hangul or Katakana: nothing tells where they part.
        if !(2..=4).contains(&signs) {
            return (word, String::new());
        }
        let cut = word.char_indices().nth(if long { 2 } else { 1 }).map_or(word.len(), |(at, _)| at);
        return (word[cut..].to_owned(), word[..cut].to_owned());
    }
    if words.len() < 2 {
        return (String::new(), words.concat());
    }
    if eastern {
        let short = |word: &String| word.chars().count() <= 2;
        let at = if !short(&words[0]) && words.last().is_some_and(short) { words.len() - 1 } else { 0 };
        let family = words.remove(at);
        return (words.concat(), family);
    }
    let capitals = |word: &str| word.chars().count() > 1 && word.chars().all(|sign| !sign.is_lowercase());
    let listed = |word: &str| EASTERN.contains(&word.to_lowercase().as_str());
    let last = words.len() - 1;
    let one_in_capitals = words.iter().filter(|word| capitals(word)).count() == 1;
    // Two syllables apart from one another are a given name behind a family name.
    let short = |word: &String| word.chars().count() <= 6;
    let parted = words.len() == 3 && words.iter().all(short);
    let first =
        if one_in_capitals { capitals(&words[0]) } else { listed(&words[0]) && (parted || !listed(&words[last])) };
    let family = words.remove(if first { 0 } else { last });
    (words.join(" "), family)
}

fn is_east_asian(sign: char) -> bool {
    matches!(sign, '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// The words of a name without titles and initials.
fn words(value: &str) -> Vec<String> {
    let all: Vec<&str> = value.split([' ', '\u{3000}', '.']).filter(|word| !word.is_empty()).collect();
    let title = |word: &str| TITLES.contains(&word.to_lowercase().as_str());
    let initial = |word: &str| word.len() == 1;
    let kept: Vec<String> =
        all.iter().filter(|word| !title(word) && !initial(word)).map(|word| (*word).to_owned()).collect();
    // A name of initials only is still a name.
    if kept.is_empty() { all.into_iter().map(str::to_owned).collect() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_part_where_their_writers_part_them() {
        let split = |value| {
            let (given, family) = split_name(value);
            format!("{given}/{family}")
        };
        for (value, expected) in [
            ("Harvey, Olivia", "Olivia/Harvey"),
            ("Mr Vincent F Upwater", "Vincent/Upwater"),
            ("Kim Minsu", "Minsu/Kim"),
            ("Min-soo KIM", "Min-soo/KIM"),
            ("김민수", "민수/김"),
            ("김민수님", "민수/김"),
            ("김 민수", "민수/김"),
            ("민수 김", "민수/김"),
            ("남궁민수", "민수/남궁"),
            ("王小明", "小明/王"),
            ("欧阳小明", "小明/欧阳"),
            ("Xiaoming Wang", "Xiaoming/Wang"),
            ("Palmer", "/Palmer"),
        ] {
            assert_eq!(split(value), expected, "{value}");
        }
    }

    #[test]
    fn addresses_part_into_words_and_numbers() {
        let part = |part, value| {
            let form = derive(Role::HouseNumber, part, value, &Hints::default());
            form.map(|form| String::from_utf8_lossy(&form.plain).into_owned())
        };
        let address = "Flat 7, 56 Fairview Street, Doncaster 60042";
        assert_eq!(part(SourcePart::Number, address).as_deref(), Some("7 56"));
        assert_eq!(part(SourcePart::Code, address).as_deref(), Some("60042"));
        assert_eq!(part(SourcePart::Code, "Broad Court"), None);
    }
}
