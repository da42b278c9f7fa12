//! How Chinese characters are read.

use super::hanja::READINGS;
use super::hints::HanReading;
use pinyin::ToPinyin as _;
use std::sync::LazyLock;

/// Korean readings of the characters from U+4E00 to U+9FFF; 0 where there is none.
static KOREAN: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut table = vec![0; 0x5200];
    for row in READINGS {
        let mut signs = row.chars();
        let Some(reading) = signs.next() else { continue };
        for sign in signs {
            if let Some(cell) = (sign as usize).checked_sub(0x4e00).and_then(|at| table.get_mut(at)) {
                *cell = reading as u16;
            }
        }
    }
    table
});

/// Whether a character is Chinese.
pub(super) fn is_han(sign: char) -> bool {
    matches!(sign, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The Korean reading of a character, a Hangul syllable.
pub(super) fn korean(sign: char) -> Option<char> {
    let cell = (sign as usize).checked_sub(0x4e00).and_then(|at| KOREAN.get(at))?;
    char::from_u32(u32::from(*cell)).filter(|_| *cell != 0)
}

/// The Mandarin reading of a character in Pinyin without tones.
pub(super) fn mandarin(sign: char) -> Option<&'static str> {
    sign.to_pinyin().map(|reading| reading.plain())
}

/// Family names that are Korean far more often than Chinese, as they are written in Korea.
const KOREAN_FAMILIES: &str =
    "金朴崔尹姜裵權申柳全安洪高梁孫裴白許南沈盧河丘郭成車朱禹具閔辛池嚴元蔡千方孔玄咸卞廉呂秋都魯奉";
/// Those of them that are frequent in China too, in the same writing.
const SHARED: &str = "姜全安洪高白成朱千方孔裴丘";

/// Whether a name in Chinese characters is read as Korean: always or never as the column says, or by its family name when
/// the column has both; a name with a character that Korea does not write is not.
pub(super) fn reads_korean(name: &str, reading: HanReading) -> bool {
    match reading {
        HanReading::Mandarin => false,
        HanReading::Korean => name.chars().filter(|sign| is_han(*sign)).all(|sign| korean(sign).is_some()),
        HanReading::Mixed => {
            name.chars().next().is_some_and(|family| KOREAN_FAMILIES.contains(family) && !SHARED.contains(family))
                && name.chars().filter(|sign| is_han(*sign)).all(|sign| korean(sign).is_some())
        }
    }
}

/// Whether a given name alone, which tells no family, is read as Korean.
pub(super) fn reads_korean_given(name: &str, reading: HanReading) -> bool {
    reading == HanReading::Korean && reads_korean(name, reading)
}

/// How the characters of a column are read: those in a column of Hangul are Korean.
pub(super) fn reading(sample: &[&str]) -> HanReading {
    let (mut hangul, mut han) = (0, 0);
    for value in sample {
        hangul += u32::from(value.contains(|sign| matches!(sign, '가'..='힣')));
        han += u32::from(value.contains(is_han));
    }
    if hangul == 0 {
        HanReading::Mandarin
    } else if han * 3 <= hangul {
        HanReading::Korean
    } else {
        HanReading::Mixed
    }
}
