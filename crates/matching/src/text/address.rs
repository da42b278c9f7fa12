//! Addresses and places.

use super::hints::Hints;
use super::{Form, fold, name};

/// Words of an address in the form that all their writings share: kinds of streets, directions, saints.
#[rustfmt::skip]
const WORDS: &[(&str, &str)] = &[
    // English.
    ("street", "st"), ("str", "st"), ("road", "rd"), ("avenue", "av"), ("ave", "av"), ("aven", "av"), ("boulevard", "bd"), ("blvd", "bd"), ("boul", "bd"), ("bld", "bd"), ("bvd", "bd"),
    ("drive", "dr"), ("drv", "dr"), ("lane", "ln"), ("court", "ct"), ("crt", "ct"), ("place", "pl"), ("plc", "pl"), ("square", "sq"), ("terrace", "ter"), ("tce", "ter"), ("terr", "ter"),
    ("crescent", "cr"), ("cres", "cr"), ("circuit", "cct"), ("circle", "cir"), ("close", "cl"), ("highway", "hwy"), ("parade", "pde"), ("parkway", "pkwy"), ("pky", "pkwy"), ("grove", "gr"),
    ("gardens", "gdns"), ("garden", "gdns"), ("heights", "hts"), ("esplanade", "esp"), ("expressway", "expy"), ("alley", "aly"), ("trail", "trl"), ("mount", "mt"), ("fort", "ft"), ("wy", "way"),
    ("north", "n"), ("south", "s"), ("east", "e"), ("west", "w"), ("saint", "st"), ("sainte", "st"), ("ste", "st"), ("sankt", "st"),
    ("apartment", "apt"), ("appartement", "apt"), ("apartamento", "apt"), ("apto", "apt"), ("unit", "apt"), ("flat", "apt"), ("suite", "apt"), ("building", "bldg"), ("floor", "fl"), ("number", "no"),
    // German and Dutch.
    ("strasse", "st"), ("platz", "pl"), ("straat", "st"), ("laan", "ln"), ("plein", "pl"),
    // French, Spanish, Portuguese, Italian, Polish.
    ("bvd", "bd"), ("chemin", "che"), ("ch", "che"), ("chem", "che"), ("impasse", "imp"), ("allee", "all"), ("alle", "all"), ("route", "rte"), ("faubourg", "fbg"), ("rua", "r"), ("rue", "r"),
    ("calle", "c"), ("cl", "c"), ("avenida", "av"), ("avda", "av"), ("avd", "av"), ("plaza", "pl"), ("pza", "pl"), ("plz", "pl"), ("paseo", "pso"), ("carretera", "ctra"), ("camino", "cno"),
    ("travessa", "tv"), ("praca", "pl"), ("estrada", "est"), ("via", "v"), ("viale", "vle"), ("piazza", "pl"), ("corso", "cso"), ("ulica", "ul"), ("aleja", "al"), ("plac", "pl"),
    // Cyrillic.
    ("улица", "ул"), ("проспект", "пр"), ("просп", "пр"), ("переулок", "пер"), ("дом", "д"), ("квартира", "кв"),
    // Korean provinces and cities.
    ("서울특별시", "서울"), ("서울시", "서울"), ("부산광역시", "부산"), ("부산시", "부산"), ("대구광역시", "대구"), ("대구시", "대구"), ("인천광역시", "인천"), ("인천시", "인천"), ("광주광역시", "광주"),
    ("대전광역시", "대전"), ("대전시", "대전"), ("울산광역시", "울산"), ("울산시", "울산"), ("세종특별자치시", "세종"), ("세종시", "세종"), ("경기도", "경기"), ("강원도", "강원"), ("강원특별자치도", "강원"),
    ("충청북도", "충북"), ("충청남도", "충남"), ("전라북도", "전북"), ("전북특별자치도", "전북"), ("전라남도", "전남"), ("경상북도", "경북"), ("경상남도", "경남"), ("제주도", "제주"), ("제주특별자치도", "제주"), ("아파트", "apt"),
];

/// Words that are left out of keys, as one writes them and another does not.
#[rustfmt::skip]
const KINDS: &[&str] = &[
    "st", "rd", "av", "bd", "dr", "ln", "ct", "pl", "sq", "ter", "cr", "cct", "cir", "cl", "hwy", "pde", "pkwy", "gr", "gdns", "way", "r", "rte", "all", "che", "imp", "c", "pso", "v", "vle", "cso", "ul",
    "al", "apt", "bldg", "fl", "no", "nr", "n", "s", "e", "w", "de", "du", "des", "del", "la", "le", "da", "do", "di", "the", "of", "ул", "пр", "д", "кв",
];

/// An address, or a line of one. `plain`: its words, those with several writings in one of them, numbers for themselves.
/// `key`: without kinds of streets and without blanks; of a Korean or Chinese address the last road, village or lot that is
/// named, with its number.
pub(super) fn street(value: &str, form: &mut Form) {
    let mut folded = Vec::with_capacity(value.len() + 8);
    fold::fold_into(value, &mut folded);
    let Ok(text) = std::str::from_utf8(&folded) else { return };
    let east = text.contains(|sign| matches!(sign, '가'..='힣' | '\u{3400}'..='\u{9fff}'));
    if east {
        eastern(text, value, form);
    } else {
        let mut first = true;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            western_word(word, first, form);
            first = false;
        }
    }
}

fn common(word: &str) -> &str {
    // Most words are names, and are told by being in no list; the list is short enough to be read.
    if word.len() > 24 {
        return word;
    }
    LOOKUP.get(word).copied().unwrap_or(word)
}

static LOOKUP: std::sync::LazyLock<rustc_hash::FxHashMap<&str, &str>> =
    std::sync::LazyLock::new(|| WORDS.iter().rev().copied().collect());

fn push(plain: &mut Vec<u8>, word: &str) {
    if !plain.is_empty() {
        plain.push(b' ');
    }
    plain.extend_from_slice(word.as_bytes());
}

fn western_word(word: &str, first: bool, form: &mut Form) {
    let number = word.as_bytes()[0].is_ascii_digit();
    let short = if number { word } else { common(word) };
    if short.len() == word.len() && !number {
        // "Hauptstraße", "Hauptstr.", "Kerkstraat".
        for ending in ["strasse", "straat", "str"] {
            if let Some(name) = word.strip_suffix(ending).filter(|name| name.len() >= 3) {
                push(&mut form.plain, name);
                form.plain.extend_from_slice(b"str");
                form.key.extend_from_slice(name.as_bytes());
                return;
            }
        }
    }
    push(&mut form.plain, short);
    // "St Mary" begins with no kind of street.
    if !KINDS.contains(&short) || first && short == "st" {
        form.key.extend_from_slice(short.as_bytes());
    }
}

/// Whether a character ends a part of a Chinese address.
const fn ends_part(sign: char) -> bool {
    matches!(
        sign,
        '省' | '市'
            | '区'
            | '區'
            | '县'
            | '縣'
            | '镇'
            | '鎮'
            | '乡'
            | '鄉'
            | '村'
            | '路'
            | '街'
            | '道'
            | '巷'
            | '弄'
            | '里'
            | '号'
            | '號'
            | '栋'
            | '棟'
            | '幢'
            | '楼'
            | '樓'
            | '室'
            | '层'
            | '層'
    )
}

fn eastern(text: &str, raw: &str, form: &mut Form) {
    // What stands in brackets names the quarter once more.
    let bracket = raw.find(['(', '（']);
    let outside = bracket.map(|at| fold::fold(&raw[..at])).filter(|outside| !outside.is_empty());
    let mut road = None;
    for word in outside.as_deref().unwrap_or(text).split(' ').filter(|word| !word.is_empty()) {
        let mut start = 0;
        let mut digits = false;
        for (at, sign) in word.char_indices() {
            let digit = sign.is_ascii_digit();
            // Between letters and numbers, and after a mark of a Chinese part.
            let cut = at > start && (digit != digits && !of_road(word, at));
            if cut {
                eastern_word(&word[start..at], form, &mut road);
                start = at;
            }
            digits = digit;
            let end = at + sign.len_utf8();
            if ends_part(sign) && end - start > sign.len_utf8() && !word[end..].starts_with(['道', '区', '區']) {
                eastern_word(&word[start..end], form, &mut road);
                start = end;
            }
        }
        if start < word.len() {
            eastern_word(&word[start..], form, &mut road);
        }
    }
    if let Some((start, number)) = road {
        let end = number.unwrap_or(form.plain.len());
        form.key.extend(form.plain[start..end].iter().filter(|byte| **byte != b' '));
    }
}

/// Whether a number at this place is inside the name of a road: 테헤란로12길.
fn of_road(word: &str, at: usize) -> bool {
    let rest = word[at..].trim_start_matches(|sign: char| sign.is_ascii_digit());
    let before = word[..at].trim_end_matches(|sign: char| sign.is_ascii_digit());
    (rest.starts_with('길') || rest.starts_with("번길") || rest.starts_with("가길")) && before.ends_with(['로', '길'])
        || rest.starts_with('가') && before.ends_with(['로', '동'])
}

/// Where in the text the road begins that the key is made of, and where its number ends.
type Road = Option<(usize, Option<usize>)>;

fn eastern_word(word: &str, form: &mut Form, road: &mut Road) {
    let mut word = common(word);
    if word.starts_with(|sign: char| !sign.is_ascii_digit()) {
        // Units after a number.
        if matches!(
            word,
            "번지" | "호" | "동" | "층" | "号" | "號" | "室" | "栋" | "棟" | "幢" | "楼" | "樓" | "层" | "層"
        ) {
            return;
        }
        word = word.strip_suffix("번지").unwrap_or(word);
    }
    if word.is_empty() {
        return;
    }
    let begins = form.plain.len() + usize::from(!form.plain.is_empty());
    push(&mut form.plain, word);
    if word.starts_with(|sign: char| sign.is_ascii_digit()) && word.bytes().all(|byte| byte.is_ascii_digit()) {
        if let Some((_, number @ None)) = road {
            *number = Some(form.plain.len());
        }
    } else if word.ends_with(['로', '길', '동', '리', '路', '街', '道', '巷', '弄', '村', '가'])
        && road.is_none_or(|(_, number)| number.is_none())
    {
        *road = Some((begins, None));
    }
}

/// Korean cities in Chinese characters.
#[rustfmt::skip]
const KOREAN_CITIES: &[(&str, &str)] = &[
    ("首爾", "서울"), ("首尔", "서울"), ("漢城", "서울"), ("汉城", "서울"), ("釜山", "부산"), ("仁川", "인천"), ("大邱", "대구"), ("大田", "대전"), ("光州", "광주"), ("蔚山", "울산"), ("世宗", "세종"), ("水原", "수원"),
    ("高陽", "고양"), ("龍仁", "용인"), ("昌原", "창원"), ("城南", "성남"), ("淸州", "청주"), ("清州", "청주"), ("富川", "부천"), ("華城", "화성"), ("南楊州", "남양주"), ("全州", "전주"), ("天安", "천안"), ("安山", "안산"),
    ("金海", "김해"), ("浦項", "포항"), ("濟州", "제주"), ("春川", "춘천"), ("麗水", "여수"), ("安養", "안양"), ("平澤", "평택"), ("始興", "시흥"), ("坡州", "파주"), ("金浦", "김포"), ("原州", "원주"), ("牙山", "아산"),
    ("慶州", "경주"), ("順天", "순천"), ("木浦", "목포"), ("群山", "군산"), ("江陵", "강릉"), ("忠州", "충주"), ("晉州", "진주"), ("龜尾", "구미"), ("益山", "익산"), ("慶山", "경산"), ("議政府", "의정부"),
];

/// A town or a region. `key`: how its name sounds, without what it is.
pub(super) fn place(value: &str, hints: &Hints, form: &mut Form) {
    fold::fold_into(value, &mut form.plain);
    let Ok(text) = std::str::from_utf8(&form.plain) else { return };
    if text.is_ascii() {
        let canonical: Vec<&str> = text
            .split(' ')
            .filter(|word| !matches!(*word, "city" | "si" | "do" | "gu" | "shi" | "town" | "of"))
            .map(|word| if matches!(word, "saint" | "sainte" | "sankt" | "ste") { "st" } else { word })
            .collect();
        if !canonical.is_empty() {
            name::sound(&canonical.concat(), false, &mut form.key);
        }
    } else {
        let mut bare = common(text);
        for ending in [
            "특별자치시",
            "특별자치도",
            "특별시",
            "광역시",
            "자치구",
            "시",
            "군",
            "구",
            "도",
            "市",
            "省",
            "区",
            "區",
            "县",
            "縣",
        ] {
            if let Some(rest) = bare.strip_suffix(ending).filter(|rest| rest.chars().count() >= 2) {
                bare = rest;
                break;
            }
        }
        let (bare, korean) = match KOREAN_CITIES.iter().find(|(han, _)| *han == bare) {
            Some((_, hangul)) if hints.han != super::HanReading::Mandarin || matches!(*hangul, "서울") => {
                (*hangul, true)
            }
            _ => (bare, hints.han == super::HanReading::Korean),
        };
        for word in bare.split(' ') {
            name::sound(word, korean, &mut form.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn forms(value: &str) -> (String, String) {
        let mut form = Form::default();
        street(value, &mut form);
        (String::from_utf8(form.plain).unwrap(), String::from_utf8(form.key).unwrap())
    }

    #[test]
    fn writings_of_one_address() {
        for group in [
            ["12 Main Street", "12 main st."].as_slice(),
            &["Hauptstraße 5", "Hauptstr. 5", "hauptstrasse 5"],
            &["10, Avenue de la République", "10 av. de la republique"],
            &["Calle Mayor 3", "C/ Mayor, 3"],
            &["서울특별시 강남구 테헤란로 123", "서울시 강남구 테헤란로123", "서울 강남구 테헤란로 123 (역삼동)"],
            &["경기도 수원시 매탄동 12-3번지", "경기 수원시 매탄동 12-3"],
            &["北京市朝阳区建国路88号", "北京市 朝阳区 建国路 88 号"],
        ] {
            let first = forms(group[0]);
            for value in group {
                assert_eq!(forms(value), first, "{value}");
            }
        }
        assert_eq!(forms("서울 강남구 테헤란로 123, 45동 678호").1, "테헤란로123");
        assert_eq!(forms("강남대로12길 34").1, "강남대로12길34");
        assert_eq!(forms("北京市朝阳区建国路88号3栋501室").1, "建国路88");
        assert_eq!(forms("12 Main Road").1, forms("12 Main").1);
        assert_ne!(forms("12 Main Road").1, forms("14 Main Road").1);
    }

    #[test]
    fn places_sound_alike() {
        let key = |value: &str, han| {
            let mut form = Form::default();
            place(value, &Hints { han, ..Hints::default() }, &mut form);
            String::from_utf8(form.key).unwrap()
        };
        use super::super::HanReading::{Korean, Mandarin};
        for (group, han) in [
            (["부산", "부산시", "釜山", "Busan", "Pusan"].as_slice(), Korean),
            (&["서울특별시", "서울", "Seoul"], Korean),
            (&["上海", "上海市", "Shanghai"], Mandarin),
            (&["西安", "Xi'an"], Mandarin),
        ] {
            for value in group {
                assert_eq!(key(value, han), key(group[0], han), "{value}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_does(value in "[\\PC가-힣路号0-9 ]{0,24}") {
            let (plain, key) = forms(&value);
            prop_assert!(!plain.starts_with(' ') && !plain.contains("  "));
            prop_assert!(!plain.is_empty() || key.is_empty());
        }
    }
}
