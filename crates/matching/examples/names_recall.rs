//! How often the writings of one name share a key, and how often different names do.
//!
//! `ATTUNE_DATA=... cargo run --release -p attune-matching --example names_recall`: the folder holds
//! `cjk_names/wd_korean_en_ko_fullnames.tsv.gz`, pairs of an English and a Korean writing.

use attune_matching::text::{Hints, Role, prepare};
use flate2::read::GzDecoder;
use std::collections::{HashMap, HashSet};
use std::io::Read as _;

fn key(value: &str) -> Vec<u8> {
    prepare(Role::FullName, value, &Hints::default()).map(|form| form.key).unwrap_or_default()
}

#[allow(clippy::print_stdout, reason = "this is what the program is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::var("ATTUNE_DATA")?;
    let file = std::fs::File::open(format!("{folder}/cjk_names/wd_korean_en_ko_fullnames.tsv.gz"))?;
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text)?;
    let pairs: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('\t')).collect();
    let hangul = |text: &str| text.chars().all(|sign| matches!(sign, '가'..='힣'));
    let (korean, foreign): (Vec<_>, Vec<_>) = pairs.iter().partition(|(latin, native)| {
        let words = latin.split([' ', '-']).count();
        let short = latin.split(' ').all(|word| word.is_ascii() && word.len() <= 12);
        hangul(native)
            && native.chars().count() == 3
            && (2..=3).contains(&words)
            && short
            && korean_family(native, latin)
    });
    let foreign: Vec<_> = foreign.into_iter().filter(|(_, native)| native.contains(' ')).collect();
    let show = std::env::args().nth(1).is_some();
    for (name, pairs) in [("Korean names", &korean), ("other names in Hangul", &foreign)] {
        let found = pairs.iter().filter(|(latin, native)| key(latin) == key(native)).count();
        println!("{name}: {found} of {} share a key ({:.3})", pairs.len(), found as f64 / pairs.len() as f64);
        let mut of_key: HashMap<Vec<u8>, HashSet<&str>> = HashMap::new();
        for (_, native) in pairs.iter() {
            of_key.entry(key(native)).or_default().insert(native);
        }
        let distinct: usize = of_key.values().map(HashSet::len).sum();
        let shared: usize = of_key.values().map(|names| names.len() * (names.len() - 1) / 2).sum();
        let all = distinct * (distinct - 1) / 2;
        println!(
            "  {distinct} names, {} keys; {shared} pairs of different names share one (1 in {})",
            of_key.len(),
            all / shared.max(1)
        );
        for (latin, native) in
            pairs.iter().filter(|(latin, native)| show && key(latin) != key(native)).step_by(pairs.len() / 400 + 1)
        {
            println!(
                "  {latin}\t{native}\t{}\t{}",
                String::from_utf8_lossy(&key(latin)),
                String::from_utf8_lossy(&key(native))
            );
        }
    }
    let families = std::fs::read_to_string(format!("{folder}/cjk_names/chinese_family_names_1k.csv"))?;
    let families: Vec<&str> = families.lines().skip(1).take(300).filter_map(|line| line.split(',').next()).collect();
    chinese(&families);
    Ok(())
}

/// Characters of Chinese given names with their writing in Pinyin, by Wade and Giles, and in traditional characters.
const CHINESE: &[(&str, &str, &str, &str)] = &[
    ("伟", "wei", "wei", "偉"),
    ("芳", "fang", "fang", "芳"),
    ("娜", "na", "na", "娜"),
    ("敏", "min", "min", "敏"),
    ("静", "jing", "ching", "靜"),
    ("强", "qiang", "ch'iang", "強"),
    ("军", "jun", "chün", "軍"),
    ("杰", "jie", "chieh", "傑"),
    ("霞", "xia", "hsia", "霞"),
    ("小", "xiao", "hsiao", "小"),
    ("建", "jian", "chien", "建"),
    ("国", "guo", "kuo", "國"),
    ("志", "zhi", "chih", "志"),
    ("红", "hong", "hung", "紅"),
    ("子", "zi", "tzu", "子"),
    ("思", "si", "ssu", "思"),
    ("东", "dong", "tung", "東"),
    ("雪", "xue", "hsüeh", "雪"),
    ("桂", "gui", "kuei", "桂"),
    ("德", "de", "te", "德"),
    ("海", "hai", "hai", "海"),
    ("春", "chun", "ch'un", "春"),
    ("艳", "yan", "yen", "豔"),
    ("玉", "yu", "yü", "玉"),
];

/// Prints how many generated Chinese names share a key with each other writing of theirs. A family name in Pinyin is what its
/// own key says, so that only order, blanks and the given name are measured.
#[allow(clippy::print_stdout, reason = "this is what the program is for")]
fn chinese(families: &[&str]) {
    use pinyin::ToPinyin as _;
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let mut counts: [(usize, &str); 5] =
        ["Pinyin, family first", "Pinyin, hyphen, family last", "FAMILY, Given", "Wade and Giles", "traditional"]
            .map(|name| (0, name));
    let (mut all, mut keys) = (0, HashMap::<Vec<u8>, HashSet<String>>::new());
    for (at, family) in families.iter().enumerate() {
        let Some(latin) = family.chars().next().and_then(|sign| sign.to_pinyin()).map(|sign| sign.plain()) else {
            continue;
        };
        if family.chars().count() > 1 || !latin.is_ascii() {
            continue;
        }
        for step in 0..CHINESE.len() {
            let (one, two) = (CHINESE[step], CHINESE[(step * 7 + at * 5 + 3) % CHINESE.len()]);
            let native = format!("{family}{}{}", one.0, two.0);
            let expected = key(&native);
            let writings = [
                format!("{} {}{}", capital(latin), capital(one.1), two.1),
                format!("{}-{} {}", capital(one.1), two.1, capital(latin)),
                format!("{}, {} {}", latin.to_uppercase(), capital(one.1), capital(two.1)),
                format!("{} {}-{}", capital(latin), capital(one.2), two.2),
                format!("{family}{}{}", one.3, two.3),
            ];
            for (count, writing) in counts.iter_mut().zip(&writings) {
                count.0 += usize::from(key(writing) == expected);
            }
            all += 1;
            keys.entry(expected).or_default().insert(native);
        }
    }
    println!("Chinese names, generated: {all}");
    for (count, name) in counts {
        println!("  {name}: {:.3} share a key", count as f64 / f64::from(all.max(1)));
    }
    let names: usize = keys.values().map(HashSet::len).sum();
    let shared: usize = keys.values().map(|names| names.len() * (names.len() - 1) / 2).sum();
    println!(
        "  {names} names, {} keys; {shared} pairs of different names share one (1 in {})",
        keys.len(),
        names * (names - 1) / 2 / shared.max(1)
    );
}

/// Whether an English writing is one of the name, not of a translated title: it has a frequent spelling of the family name.
fn korean_family(native: &str, latin: &str) -> bool {
    let spellings: &[&str] = match native.chars().next().unwrap_or(' ') {
        '김' => &["kim", "gim"],
        '이' => &["lee", "yi", "rhee", "ri", "i", "li"],
        '박' => &["park", "pak", "bak"],
        '최' => &["choi", "choe", "choy"],
        '정' => &["jung", "jeong", "chung", "chong", "joung"],
        '강' => &["kang", "gang"],
        '조' => &["cho", "jo"],
        '윤' => &["yoon", "yun", "youn"],
        '장' => &["jang", "chang"],
        '임' => &["lim", "im", "rim", "yim"],
        '한' => &["han"],
        '오' => &["oh", "o"],
        '서' => &["seo", "suh", "so"],
        '신' => &["shin", "sin"],
        '권' => &["kwon", "gwon"],
        '황' => &["hwang"],
        '안' => &["ahn", "an"],
        '송' => &["song"],
        '유' | '류' => &["yoo", "yu", "ryu", "you"],
        '홍' => &["hong"],
        '전' => &["jeon", "jun", "chun", "chon"],
        '고' => &["ko", "go", "koh"],
        '문' => &["moon", "mun"],
        '양' => &["yang"],
        '손' => &["son", "sohn"],
        '배' => &["bae", "pae"],
        '백' => &["baek", "paik", "paek", "back", "baik"],
        '허' => &["heo", "hur", "huh", "her"],
        '남' => &["nam"],
        '심' => &["shim", "sim"],
        '노' => &["noh", "roh", "no", "ro"],
        _ => return false,
    };
    latin.to_lowercase().split([' ', '-']).any(|word| spellings.contains(&word))
}
