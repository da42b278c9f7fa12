//! Family names of Korea and China in Latin letters.

use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::LazyLock;

/// Another spelling of a family name, in the spelling whose key they share. Of names that several families share in one
/// spelling the most frequent family is taken.
#[rustfmt::skip]
const SPELLINGS: &[(&str, &str)] = &[
    // Korean: a lost or kept first consonant, and spellings by English ear.
    ("yi", "li"), ("i", "li"), ("lee", "li"), ("rhee", "li"), ("rhie", "li"), ("ri", "li"), ("ree", "li"), ("yie", "li"), ("leigh", "li"),
    ("im", "lim"), ("rim", "lim"), ("yim", "lim"), ("leem", "lim"), ("ryu", "yu"), ("ryoo", "yu"), ("lyu", "yu"), ("ryou", "yu"), ("liew", "liu"),
    ("roh", "no"), ("ro", "no"), ("rho", "no"), ("ra", "na"), ("rah", "na"), ("ryang", "yang"), ("her", "heo"), ("hur", "heo"),
    ("chey", "choe"), ("choy", "choe"), ("back", "baek"), ("baik", "baek"), ("pack", "bak"), ("chae", "chae"), ("ghim", "kim"), ("keum", "geum"), ("sur", "seo"), ("kuk", "guk"), ("kook", "guk"),
    ("chu", "ju"), ("ryeo", "yeo"), ("lyeo", "yeo"), ("ryom", "yeom"), ("ryeom", "yeom"), ("woo", "u"), ("wu", "u"),
    // Cantonese and other Chinese.
    ("wong", "wang"), ("vong", "wang"), ("chan", "chen"), ("cheung", "zhang"), ("lau", "liu"), ("lao", "liu"),
    ("yeung", "yang"), ("chiu", "zhao"), ("chow", "zhou"), ("chau", "zhou"), ("ng", "u"), ("tsui", "xu"), ("suen", "sun"),
    ("kwok", "guo"), ("quek", "guo"), ("lam", "lin"), ("law", "luo"), ("lo", "luo"), ("leung", "liang"), ("tse", "xie"), ("hsieh", "xie"),
    ("fung", "feng"), ("tsang", "zeng"), ("siu", "xiao"), ("yuen", "yuan"), ("tsoi", "cai"),
    ("yip", "ye"), ("yap", "ye"), ("ngai", "wei"), ("lui", "lu"), ("jen", "ren"), ("yiu", "yao"), ("keung", "jiang"),
    ("tam", "tan"), ("luk", "lu"), ("shek", "shi"), ("kam", "jin"), ("kwan", "guan"), ("mak", "mai"), ("poon", "pan"), ("hui", "xu"), ("tin", "tian"), ("tien", "tian"),
    ("ho", "he"), ("sze", "shi"), ("shum", "shen"), ("sham", "shen"), ("yam", "ren"), ("heung", "xiang"),
];

/// Family names that are recognised as such before or after a given name.
#[rustfmt::skip]
const FAMILIES: &[&str] = &[
    "kim", "gim", "li", "park", "pak", "bak", "choi", "choe", "jung", "jeong", "chung", "chong", "joung", "cheong", "kang", "gang", "cho", "jo",
    "yoon", "yun", "youn", "jang", "chang", "lim", "han", "oh", "o", "seo", "suh", "so", "shin", "sin", "kwon", "gwon", "hwang", "ahn", "an", "song",
    "yoo", "yu", "you", "hong", "jeon", "jun", "chun", "chon", "ko", "go", "koh", "moon", "mun", "yang", "son", "sohn", "bae", "pae", "bai", "baek", "paek", "paik",
    "heo", "huh", "nam", "sim", "shim", "noh", "no", "ha", "kwak", "gwak", "sung", "seong", "cha", "joo", "ju", "u", "koo", "gu", "ku", "min", "na", "jin", "chin",
    "ji", "chi", "eom", "um", "uhm", "chae", "won", "cheon", "bang", "pang", "kong", "gong", "hyun", "hyeon", "hyon", "ham", "byun", "byeon", "pyon", "yeom", "yum", "yom",
    "namkung", "namgung", "hwangbo", "sunwoo", "seonu", "jegal", "dokgo", "tak", "pyo", "ki", "gil", "kil", "maeng", "myung", "ma", "wi", "ok", "in",
    "wang", "zhang", "liu", "chen", "huang", "zhao", "chao", "zhou", "chou", "xu", "hsu", "sun", "zhu", "hu", "guo", "kuo", "he", "lin", "luo", "gao", "kao", "liang", "zheng",
    "cheng", "xie", "tang", "deng", "teng", "feng", "cao", "tsao", "peng", "zeng", "tseng", "xiao", "hsiao", "tian", "dong", "tung", "pan", "yuan", "cai", "tsai",
    "jiang", "chiang", "ye", "yeh", "du", "tu", "wei", "su", "lu", "ding", "ting", "ren", "yao", "shen", "zhong", "cui", "tan", "fan", "liao", "jia", "chia", "xia", "shi", "shih",
    "nguyen", "tran", "pham", "hoang", "ghim", "baik", "sung", "fu", "hou", "zou", "xiong", "meng", "qin", "qiu", "qian", "yin", "xue", "lei", "long", "lung", "hao", "mao", "wan", "xiang", "guan", "mai", "ou", "ouyang", "sima", "zhuge", "situ",
];

/// Syllables of Cantonese given names that are no syllables of Mandarin or Korean, as Mandarin.
#[rustfmt::skip]
const CANTONESE: &[(&str, &str)] = &[
    ("kwok", "guo"), ("wai", "wei"), ("fai", "hui"), ("keung", "qiang"), ("yeung", "yang"), ("fong", "fang"), ("fung", "feng"), ("hoi", "hai"), ("kit", "jie"), ("kwai", "gui"), ("mui", "mei"),
    ("tsz", "zi"), ("shing", "cheng"), ("kuen", "juan"), ("hiu", "xiao"), ("siu", "xiao"), ("chiu", "chao"), ("wah", "hua"), ("hin", "xuan"), ("wing", "yong"), ("tak", "de"), ("lok", "le"),
    ("hei", "xi"), ("pui", "pei"), ("sau", "xiu"), ("suet", "xue"),
];

static CANTONESE_SYLLABLES: LazyLock<FxHashMap<&[u8], &str>> =
    LazyLock::new(|| CANTONESE.iter().map(|(syllable, mandarin)| (syllable.as_bytes(), *mandarin)).collect());

/// A syllable of a Chinese given name as it is in Mandarin, when its spelling is Cantonese.
pub(super) fn mandarin_of(syllable: &str) -> &str {
    if syllable.len() > 5 {
        syllable
    } else {
        CANTONESE_SYLLABLES.get(syllable.as_bytes()).copied().unwrap_or(syllable)
    }
}

static COMMON: LazyLock<FxHashMap<&[u8], &[u8]>> =
    LazyLock::new(|| SPELLINGS.iter().map(|(spelling, common)| (spelling.as_bytes(), common.as_bytes())).collect());

static KNOWN: LazyLock<FxHashSet<&[u8]>> = LazyLock::new(|| {
    FAMILIES.iter().chain(RARE).map(|family| family.as_bytes()).chain(COMMON.keys().copied()).collect()
});

/// The spelling that the key of a family name is made of.
pub(super) fn canonical(token: &[u8]) -> &[u8] {
    // No spelling is longer.
    if token.len() > 6 { token } else { COMMON.get(token).copied().unwrap_or(token) }
}

/// Whether a folded word is a family name of Korea or China in Latin letters.
pub(super) fn is_family(token: &[u8]) -> bool {
    token.len() <= 8 && KNOWN.contains(token)
}

/// Family names of China that are rarer than the same syllable in given names.
#[rustfmt::skip]
const RARE: &[&str] = &[
    "ceng", "dai", "yan", "duan", "tao", "shao", "lai", "mo", "wen", "niu", "ge", "xing", "qi", "qiao", "ni", "zhuang", "nie", "di", "zhan", "geng", "lan", "jiao", "zuo", "gan", "bao", "ning", "ruan", "shang", "shu", "ke", "bi", "ling", "dan", "huo", "miao", "qu", "sheng", "ran", "weng", "xin",
    "chai", "pu", "rao", "mou", "ai", "mu", "ying", "nong", "si", "zhuo", "che", "jian", "lian", "dou", "lou", "cen", "dang", "jing", "bo", "fei", "leng", "mi", "sui", "zong", "quan", "gou", "zang", "bian", "luan", "diao", "sha", "kou", "rong", "lang", "sang", "cong", "zhen", "ao", "ming", "she",
];

/// Family names that are hardly ever a syllable of a given name.
#[rustfmt::skip]
const NEVER_GIVEN: &[&str] = &[
    "kim", "gim", "ghim", "lee", "rhee", "park", "pak", "bak", "choi", "choe", "kwon", "gwon", "hwang", "heo", "hur", "huh", "noh", "roh", "kwak", "gwak", "oh",
    "wang", "zhang", "liu", "chen", "huang", "zhao", "zhou", "xu", "hsu", "zhu", "hsieh", "xie", "deng", "cao", "tsao", "zeng", "tseng", "cai", "tsai", "wong", "cheung", "lau", "leung", "chow",
    "tsang", "ng", "ouyang", "sima", "zhuge", "situ", "nguyen", "tran", "pham",
];

/// Family names that are a syllable of a given name now and then.
#[rustfmt::skip]
const SELDOM_GIVEN: &[&str] = &[
    "yi", "kang", "cho", "jang", "chang", "lim", "rim", "yim", "shin", "ahn", "ryu", "yoo", "koh", "moon", "bae", "baek", "baik", "paik", "paek", "shim", "yoon", "yun", "sohn", "song", "han", "jeong", "chung",
    "li", "wu", "sun", "ma", "guo", "kuo", "kwok", "lin", "luo", "liang", "zheng", "tang", "feng", "peng", "pan", "yao", "xiong", "qiu", "chan", "chau", "lam", "yeung", "gao", "kao", "he", "xiao", "dong", "yang",
];

static STRENGTHS: LazyLock<FxHashMap<&[u8], u8>> = LazyLock::new(|| {
    let tiers = [(RARE, 1), (SELDOM_GIVEN, 3), (NEVER_GIVEN, 4)];
    tiers.iter().flat_map(|(names, strength)| names.iter().map(|name| (name.as_bytes(), *strength))).collect()
});

/// How surely a folded word is a family name of Korea or China in Latin letters: 0 when it is none, 1 when it is a given name
/// more often, 2 when as often, up to 4.
pub(super) fn strength(token: &[u8]) -> u8 {
    STRENGTHS.get(token).copied().unwrap_or_else(|| 2 * u8::from(is_family(token)))
}

/// Family names of two syllables or characters.
const DOUBLE: [&str; 30] = [
    "남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방", "南宮", "南宫", "皇甫", "諸葛", "诸葛", "鮮于",
    "獨孤", "司空", "欧阳", "歐陽", "司马", "司馬", "上官", "令狐", "慕容", "尉迟", "东方", "東方", "夏侯", "公孙",
    "司徒", "西門",
];

/// How many characters at the beginning of a name without blanks are its family name.
pub(super) fn width(name: &str) -> usize {
    let len = name.chars().take(4).count();
    // Of three syllables 황 with a given name that begins with 보 is the more frequent.
    let double =
        len >= 3 && DOUBLE.iter().any(|double| name.starts_with(double)) && (len > 3 || !name.starts_with("황보"));
    if double { 2 } else { 1 }
}
