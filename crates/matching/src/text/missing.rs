//! Values that say nothing.

/// Whether a value says nothing, whatever its column: empty, only punctuation, a word for "unknown" or "none" in one of
/// many languages, one character four times or more ("9999", "xxxx"), or a date of zeros.
pub fn is_missing(value: &str) -> bool {
    let value = value.trim();
    if value.is_ascii() { ascii(value.as_bytes()) } else { other(value) }
}

/// The longest of the words, without punctuation.
const LONGEST: usize = 16;

fn ascii(value: &[u8]) -> bool {
    // Most values are told by their first character and their length.
    let mut buffer = [0; LONGEST];
    let mut len = 0;
    let mut same = true;
    let mut first = 0;
    for byte in value {
        if !byte.is_ascii_alphanumeric() {
            continue;
        }
        let byte = byte.to_ascii_lowercase();
        if len == 0 {
            first = byte;
        }
        same &= byte == first;
        if len < LONGEST {
            buffer[len] = byte;
        }
        len += 1;
        if len > LONGEST && !same {
            return false;
        }
    }
    if len == 0 || same && (len >= 4 || first == b'x') {
        return true;
    }
    if len > LONGEST {
        return false;
    }
    match &buffer[..len] {
        // Na is a family name.
        b"na" => value != b"Na",
        word => word_says_nothing(word),
    }
}

fn word_says_nothing(word: &[u8]) -> bool {
    match word.len() {
        3 => matches!(word, b"nan" | b"nil" | b"unk" | b"tbd" | b"tba" | b"nvt"),
        4 => matches!(word, b"null" | b"none" | b"void" | b"leer" | b"brak"),
        5 => matches!(word, b"blank" | b"empty" | b"keine" | b"aucun"),
        6 => matches!(word, b"nodata" | b"noname" | b"aucune" | b"ukjent" | b"ukendt"),
        7 => matches!(
            word,
            b"unknown" | b"missing" | b"notused" | b"inconnu" | b"ninguno" | b"ninguna" | b"nessuno" | b"novalue"
        ),
        8 => matches!(
            word,
            b"notknown"
                | b"notgiven"
                | b"inconnue"
                | b"onbekend"
                | b"nieznany"
                | b"sindatos"
                | b"noaplica"
                | b"noconsta"
        ),
        9 => matches!(word, b"undefined" | b"unbekannt" | b"nieznana"),
        10 => matches!(word, b"tuntematon" | b"bilinmiyor"),
        11 => matches!(
            word,
            b"desconocido"
                | b"desconocida"
                | b"sconosciuto"
                | b"sconosciuta"
                | b"unspecified"
                | b"notprovided"
                | b"keineangabe"
                | b"unavailable"
        ),
        12 => matches!(
            word,
            b"desconhecido" | b"desconhecida" | b"notavailable" | b"keineangaben" | b"notspecified" | b"nonrenseigne"
        ),
        13 => matches!(word, b"notapplicable" | b"nonrenseignee"),
        14 => matches!(word, b"nichtvorhanden" | b"noncommuniquee"),
        _ => false,
    }
}

fn other(value: &str) -> bool {
    let mut signs = value.chars();
    let first = signs.next().unwrap_or(' ');
    // Most values are told by their first two characters; one character four times says nothing.
    if signs.next() == Some(first) && value.chars().count() >= 4 && signs.all(|sign| sign == first) {
        return true;
    }
    if matches!(first, '가'..='힣') && !"없해미모무알확불정".contains(first)
        || matches!(first, '\u{3400}'..='\u{9fff}') && !"無无空未不暂暫没沒該".contains(first)
    {
        return false;
    }
    if !value.contains(char::is_alphanumeric) {
        return true;
    }
    // Names and addresses of four words say something.
    if value.len() > 48 {
        return false;
    }
    let mut word = [0_u8; 48];
    let mut len = 0;
    for sign in value.chars().filter(|sign| sign.is_alphanumeric()) {
        let sign = sign.to_lowercase().next().unwrap_or(sign);
        if len + sign.len_utf8() > word.len() {
            return false;
        }
        len += sign.encode_utf8(&mut word[len..]).len();
    }
    matches!(
        std::str::from_utf8(&word[..len]).unwrap_or_default(),
        "없음"
            | "없슴"
            | "해당없음"
            | "해당사항없음"
            | "미상"
            | "모름"
            | "무"
            | "미입력"
            | "미기재"
            | "미등록"
            | "미제공"
            | "알수없음"
            | "확인불가"
            | "불명"
            | "정보없음"
            | "無"
            | "无"
            | "空"
            | "未知"
            | "不详"
            | "不詳"
            | "不明"
            | "未填"
            | "未填写"
            | "未填寫"
            | "未提供"
            | "未登记"
            | "暂无"
            | "暫無"
            | "没有"
            | "沒有"
            | "なし"
            | "無し"
            | "該当なし"
            | "未入力"
            | "未記入"
            | "неизвестно"
            | "неизвестен"
            | "нет"
            | "нетданных"
            | "нд"
            | "невідомо"
            | "άγνωστο"
            | "okänd"
            | "okänt"
            | "nãoinformado"
            | "nãoconsta"
            | "nonrenseigné"
            | "nonrenseignée"
            | "noncommuniqué"
            | "néant"
            | "neznámý"
            | "khôngcó"
            | "khôngrõ"
            | "không"
            | "ไม่มี"
            | "ไม่ทราบ"
            | "غيرمعروف"
            | "לאידוע"
            | "अज्ञात"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_recognised() {
        for value in [
            "",
            " ",
            "-",
            "?",
            "n/a",
            "N.A.",
            "NA",
            "null",
            "None",
            "unknown",
            "0000-00-00",
            "9999999",
            "xxx",
            "없음",
            "무",
            "未知",
            "Not Available",
            "keine Angabe",
            "inconnu",
            "無し",
            "нет данных",
            "não informado",
            "ㅡㅡㅡㅡ",
            "...",
            "---",
        ] {
            assert!(is_missing(value), "{value}");
        }
    }

    #[test]
    fn something_is_kept() {
        for value in
            ["Na", "No", "Anna", "0", "99", "111", "김무", "Nunez", "1900-01-01", "Li", "王", "王王王", "Nulle", "M"]
        {
            assert!(!is_missing(value), "{value}");
        }
    }
}
