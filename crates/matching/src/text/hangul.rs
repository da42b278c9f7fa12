//! Hangul syllables as their letters.

/// A syllable of modern Hangul.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syllable {
    /// 0 to 18: ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ.
    pub(super) initial: u8,
    /// 0 to 20: ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ.
    pub(super) vowel: u8,
    /// 0 (none) to 27.
    pub(super) last: u8,
}

impl Syllable {
    /// The letters of a character that is a syllable (The Unicode Standard, 3.12).
    pub(super) fn of(sign: char) -> Option<Self> {
        let at = (sign as u32).checked_sub(0xac00).filter(|at| *at < 11_172)?;
        Some(Self { initial: (at / 588) as u8, vowel: (at / 28 % 21) as u8, last: (at % 28) as u8 })
    }

    /// Whether such a syllable stands for a consonant of a foreign word: `ㅡ` without a final consonant (드, 스), or with ㄹ
    /// after a consonant with breath (클, 플). Names of Koreans have none.
    pub(super) fn foreign(self) -> bool {
        self.vowel == EU
            && (self.last == 0 && self.initial != SILENT
                || self.last == LAST_L && matches!(self.initial, 7 | 15 | 16 | 17))
    }
}

/// The vowel ㅡ.
pub(super) const EU: u8 = 18;
/// The final consonant ㄹ.
pub(super) const LAST_L: u8 = 8;
/// The initial consonant ㄹ.
pub(super) const FIRST_L: u8 = 5;
/// The initial letter ㅇ, which has no sound.
pub(super) const SILENT: u8 = 11;

/// The class of each initial consonant; 0 for none.
pub(super) const INITIALS: [u8; 19] = *b"kknttlmppss\0cccktph";

/// The class of each final consonant; 0 for none.
pub(super) const LASTS: [u8; 28] = *b"\0kkknnntlkmlllplmppttgttktp\0";

/// The sound of each vowel: a glide (y, w or 0) and a class (a, e, i, o, or u for what is written o, u, eo, eu and oo).
pub(super) const VOWELS: [(u8, u8); 21] = [
    (0, b'a'),
    (0, b'e'),
    (b'y', b'a'),
    (b'y', b'e'),
    (0, b'u'),
    (0, b'e'),
    (b'y', b'u'),
    (b'y', b'e'),
    (0, b'o'),
    (b'w', b'a'),
    (b'w', b'e'),
    (b'w', b'e'),
    (b'y', b'o'),
    (0, b'u'),
    (b'w', b'u'),
    (b'w', b'e'),
    (b'w', b'i'),
    (b'y', b'u'),
    (0, b'u'),
    (0, b'i'),
    (0, b'i'),
];
