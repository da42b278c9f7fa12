//! Text that is not ASCII as units of about a byte's weight.

/// The units of a text on the stack.
pub(super) struct Units<const N: usize> {
    units: [u32; N],
    len: usize,
}

/// Marks the second and third unit of a Han character.
const SECOND: u32 = 1 << 24;
const THIRD: u32 = 1 << 25;
/// Marks the vowel and the final consonant of a Hangul syllable.
const VOWEL: u32 = 1 << 26;
const FINAL: u32 = 1 << 27;
const HANGUL: u32 = 0xac00;

impl<const N: usize> Units<N> {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut result = Self { units: [0; N], len: 0 };
        let mut rest = text;
        while let Some((sign, after)) = decode(rest) {
            rest = after;
            match sign {
                0xac00..=0xd7a3 => {
                    let at = sign - HANGUL;
                    let last = at % 28;
                    // The letter ㅇ before a vowel is silent; it is kept, as a slip never adds or drops it.
                    let fits = result.push(at / 588 + 1) && result.push(((at / 28) % 21) | VOWEL);
                    if !fits || last != 0 && !result.push(last | FINAL) {
                        break;
                    }
                }
                0x3400..=0x9fff | 0x2_0000..=0x3_ffff => {
                    if !(result.push(sign) && result.push(sign | SECOND) && result.push(sign | THIRD)) {
                        break;
                    }
                }
                // Above the consonants of Hangul, which are numbered from one.
                _ => {
                    if !result.push(sign + 0x20) {
                        break;
                    }
                }
            }
        }
        result
    }

    fn push(&mut self, unit: u32) -> bool {
        if self.len == N {
            return false;
        }
        self.units[self.len] = unit;
        self.len += 1;
        true
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        &self.units[..self.len]
    }
}

/// The first character of a text and what follows. Bytes that are not UTF-8 stand for themselves.
fn decode(text: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = text.split_first()?;
    let (extra, mut sign) = match first {
        0xc2..=0xdf => (1, u32::from(first & 0x1f)),
        0xe0..=0xef => (2, u32::from(first & 0x0f)),
        0xf0..=0xf4 => (3, u32::from(first & 0x07)),
        _ => return Some((u32::from(*first), rest)),
    };
    let Some((tail, after)) = rest.split_at_checked(extra) else { return Some((u32::from(*first), rest)) };
    for byte in tail {
        if byte & 0xc0 != 0x80 {
            return Some((u32::from(*first), rest));
        }
        sign = sign << 6 | u32::from(byte & 0x3f);
    }
    Some((sign, after))
}

/// Calls a function with both texts as bytes when both are ASCII, as units otherwise.
macro_rules! by_units {
    ($a:expr, $b:expr, $function:path $(, $more:expr)*) => {
        if $a.is_ascii() && $b.is_ascii() {
            let (a, b) = (&$a[..$a.len().min($crate::similarity::LONGEST)], &$b[..$b.len().min($crate::similarity::LONGEST)]);
            $function(a, b $(, $more)*)
        } else if $a.len().max($b.len()) <= 48 {
            // No more units than bytes, so nothing is cut off.
            type Short = $crate::similarity::units::Units<48>;
            let (a, b) = (Short::of($a), Short::of($b));
            $function(a.as_slice(), b.as_slice() $(, $more)*)
        } else {
            type Long = $crate::similarity::units::Units<{ $crate::similarity::LONGEST }>;
            let (a, b) = (Long::of($a), Long::of($b));
            $function(a.as_slice(), b.as_slice() $(, $more)*)
        }
    };
}
pub(super) use by_units;
