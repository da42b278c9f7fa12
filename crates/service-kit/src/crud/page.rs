//! Pages of lists (AIP-158).

use attune_kernel::Problem;
use sha2::{Digest as _, Sha256};

/// Items of a page when the caller names no number.
pub const DEFAULT_PAGE_SIZE: usize = 50;
/// The most items of a page; a larger number counts as this.
pub const MAX_PAGE_SIZE: usize = 1000;

/// The number of items of a page: 0 means the default.
///
/// # Errors
/// `INVALID_ARGUMENT` for a negative number.
pub fn page_size(asked: i32) -> Result<usize, Problem> {
    match usize::try_from(asked) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(Problem::invalid_field("page_size", "must not be negative")),
    }
}

/// Where a list goes on. Opaque to callers: hexadecimal, with a check over the position and what was listed, so that a
/// token of another list or a made-up one is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    /// The position: the last item of the page before.
    pub after: String,
}

const CHECK: usize = 8;

impl PageToken {
    /// The token that goes on after `after` in the list that `of` names: its kind, with its filters when it has some.
    #[must_use]
    pub fn encode(of: &str, after: &str) -> String {
        let mut text = String::with_capacity(2 * (CHECK + after.len()));
        for byte in check(of, after).iter().chain(after.as_bytes()) {
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        text
    }

    /// Reads a token; `None` for the empty one, the first page.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when it was not made for this list.
    pub fn decode(of: &str, token: &str) -> Result<Option<Self>, Problem> {
        if token.is_empty() {
            return Ok(None);
        }
        let read = || {
            let digits = token.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<u32>>>()?;
            let bytes = digits
                .chunks(2)
                .map(|pair| u8::try_from(pair.first()? * 16 + pair.get(1)?).ok())
                .collect::<Option<Vec<u8>>>()?;
            let (seal, after) = bytes.split_at_checked(CHECK)?;
            let after = std::str::from_utf8(after).ok()?;
            (seal == check(of, after)).then(|| Self { after: after.to_owned() })
        };
        read().map(Some).ok_or_else(|| Problem::invalid_field("page_token", "is not a token of this list"))
    }
}

fn check(of: &str, after: &str) -> [u8; CHECK] {
    let hash = Sha256::new_with_prefix("page")
        .chain_update((of.len() as u64).to_be_bytes())
        .chain_update(of)
        .chain_update(after);
    let mut seal = [0; CHECK];
    seal.copy_from_slice(&hash.finalize()[..CHECK]);
    seal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_list_only() {
        let token = PageToken::encode("offer", "gölden");
        assert_eq!(PageToken::decode("offer", &token).unwrap().unwrap().after, "gölden");
        assert_eq!(PageToken::decode("offer", "").unwrap(), None);
        let mut garbage = vec!["x".to_owned(), "00".to_owned(), "é".to_owned(), "0".repeat(40), format!("{token}0")];
        garbage.push(token.replace(&token[..1], if token.starts_with('0') { "1" } else { "0" }));
        for bad in garbage {
            assert_eq!(PageToken::decode("offer", &bad).unwrap_err().violations[0].field, "page_token", "{bad}");
        }
        assert!(PageToken::decode("message", &token).is_err());
    }

    #[test]
    fn sizes_have_a_default_and_a_bound() {
        assert_eq!([page_size(0), page_size(7), page_size(i32::MAX)], [Ok(50), Ok(7), Ok(1000)]);
        assert_eq!(page_size(-1).unwrap_err().violations[0].field, "page_size");
    }
}
