//! Names of the generated customers: Korean, Chinese and Western, written as each source system writes them.

use rand::Rng;
use rand::seq::IndexedRandom;

/// Family name in its own script and romanised.
const KOREAN_FAMILY: [(&str, &str); 10] = [
    ("김", "Kim"),
    ("이", "Lee"),
    ("박", "Park"),
    ("최", "Choi"),
    ("정", "Jung"),
    ("강", "Kang"),
    ("조", "Cho"),
    ("윤", "Yoon"),
    ("장", "Jang"),
    ("임", "Lim"),
];
const KOREAN_GIVEN: [(&str, &str); 12] = [
    ("민수", "Minsu"),
    ("지영", "Jiyoung"),
    ("서연", "Seoyeon"),
    ("도윤", "Doyun"),
    ("하준", "Hajun"),
    ("수빈", "Subin"),
    ("예은", "Yeeun"),
    ("지호", "Jiho"),
    ("은정", "Eunjung"),
    ("현우", "Hyunwoo"),
    ("유진", "Yujin"),
    ("태현", "Taehyun"),
];
const CHINESE_FAMILY: [(&str, &str); 8] = [
    ("王", "Wang"),
    ("李", "Li"),
    ("张", "Zhang"),
    ("刘", "Liu"),
    ("陈", "Chen"),
    ("杨", "Yang"),
    ("赵", "Zhao"),
    ("黄", "Huang"),
];
const CHINESE_GIVEN: [(&str, &str); 10] = [
    ("伟", "Wei"),
    ("芳", "Fang"),
    ("娜", "Na"),
    ("敏", "Min"),
    ("静", "Jing"),
    ("丽", "Li"),
    ("强", "Qiang"),
    ("磊", "Lei"),
    ("洋", "Yang"),
    ("艳", "Yan"),
];
const WESTERN_FAMILY: [&str; 10] =
    ["Smith", "Garcia", "Müller", "Rossi", "Novak", "Jensen", "Dubois", "Kowalski", "O'Brien", "Silva"];
const WESTERN_GIVEN: [&str; 12] =
    ["Anna", "James", "Sofia", "Lukas", "Emma", "Noah", "Marie", "Paul", "Elena", "David", "Clara", "Hugo"];

/// A customer's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// As the person writes it.
    pub(crate) native: String,
    /// In Latin letters, as card systems and e-mail addresses have it.
    pub(crate) latin: String,
    /// The person's language as a BCP 47 tag.
    pub(crate) language: &'static str,
}

/// Draws a name: half Korean, three in ten Western, the rest Chinese.
pub(crate) fn draw(rng: &mut impl Rng) -> Name {
    let pair = |families: &[(&str, &str)], givens: &[(&str, &str)], rng: &mut _, language| {
        let family = families.choose(rng).copied().unwrap_or_default();
        let given = givens.choose(rng).copied().unwrap_or_default();
        Name { native: format!("{}{}", family.0, given.0), latin: format!("{} {}", given.1, family.1), language }
    };
    match rng.random_range(0..10) {
        0..5 => pair(&KOREAN_FAMILY, &KOREAN_GIVEN, rng, "ko"),
        5..7 => pair(&CHINESE_FAMILY, &CHINESE_GIVEN, rng, "zh"),
        _ => {
            let family = WESTERN_FAMILY.choose(rng).copied().unwrap_or_default();
            let given = WESTERN_GIVEN.choose(rng).copied().unwrap_or_default();
            let name = format!("{given} {family}");
            Name { native: name.clone(), latin: name, language: "en" }
        }
    }
}
