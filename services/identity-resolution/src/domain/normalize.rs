//! The one form of a value, so that the same identifier written differently is the same identifier.

use std::collections::BTreeMap;

use hmac::{Hmac, Mac as _};
use phonenumber::{Mode, country};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;

use super::namespace::{Policy, Rules};

/// How values of a namespace are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalizer {
    /// As given, without surrounding white space; case counts.
    Trim,
    /// Without surrounding white space, lower case.
    Lowercase,
    /// Letters and digits only, upper case: numbers that people write with hyphens, dots or spaces.
    Alphanumeric,
    /// An e-mail address: lower case, with the provider's own rules for tags, dots and domains.
    Email,
    /// A phone number in E.164, by the numbering plan of its country; without a calling code, of the default region.
    Phone,
}

/// What providers ignore in the part before the `@`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmailRules {
    /// Domains that deliver `name+tag@domain` to `name@domain`.
    pub plus_tag_domains: Vec<String>,
    /// Domains that ignore dots before the `@`.
    pub dotless_domains: Vec<String>,
    /// Domains that are another name of a domain.
    pub domain_aliases: BTreeMap<String, String>,
}

/// A value that names nobody: blocked by policy, or not of the namespace's form at all (`N/A` as a phone number).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked;

/// The normalized form of a value, hashed when the policy says so.
///
/// # Errors
/// [`Blocked`] when the value names nobody.
pub fn normalize(rules: &Rules, policy: &Policy, value: &str) -> Result<String, Blocked> {
    let normal = write(rules, policy.normalizer, value)?;
    if policy.blocked.contains(&normal) || (policy.block_repeated && is_repeated(&normal)) {
        return Err(Blocked);
    }
    Ok(if policy.hashed { hex(&keyed_hash(&rules.hash_key, normal.as_bytes())) } else { normal })
}

/// Brings the blocked values of every policy into their normalized form, which is what values are compared with.
pub fn prepare(rules: &mut Rules) {
    let mut namespaces = std::mem::take(&mut rules.namespaces);
    for policy in namespaces.values_mut() {
        for blocked in &mut policy.blocked {
            if let Ok(normal) = write(rules, policy.normalizer, blocked) {
                *blocked = normal;
            }
        }
    }
    rules.namespaces = namespaces;
}

/// HMAC-SHA-256 under the service's key.
#[must_use]
pub fn keyed_hash(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    // A key of any length is accepted; the error type exists for other algorithms.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn write(rules: &Rules, normalizer: Normalizer, value: &str) -> Result<String, Blocked> {
    let normal = match normalizer {
        Normalizer::Trim => value.trim().to_owned(),
        Normalizer::Lowercase => value.trim().to_lowercase(),
        Normalizer::Alphanumeric => value.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect(),
        Normalizer::Email => email(&rules.email, value)?,
        Normalizer::Phone => phone(rules.default_region, value)?,
    };
    if normal.is_empty() { Err(Blocked) } else { Ok(normal) }
}

fn email(rules: &EmailRules, value: &str) -> Result<String, Blocked> {
    let lower = value.trim().nfkc().collect::<String>().to_lowercase();
    let (local, domain) = lower.rsplit_once('@').ok_or(Blocked)?;
    let domain = domain.trim_end_matches('.');
    let domain = rules.domain_aliases.get(domain).map_or(domain, String::as_str);
    let listed = |domains: &[String]| domains.iter().any(|one| one == domain);
    let mut local = local;
    if listed(&rules.plus_tag_domains) {
        local = local.split_once('+').map_or(local, |(name, _)| name);
    }
    let local = if listed(&rules.dotless_domains) { local.replace('.', "") } else { local.to_owned() };
    let blank = |text: &str| text.is_empty() || text.chars().any(char::is_whitespace);
    if blank(&local) || blank(domain) || !domain.contains('.') { Err(Blocked) } else { Ok(format!("{local}@{domain}")) }
}

/// Digits that E.164 allows, country code included.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

fn phone(region: country::Id, value: &str) -> Result<String, Blocked> {
    let text: String = value.trim().nfkc().collect();
    // An extension names a desk, not a line.
    let end = text.find(|c: char| c.is_alphabetic() || matches!(c, ';' | ',' | '#')).unwrap_or(text.len());
    let text = &text[..end];
    let international = text.trim_start().starts_with('+');
    // "+44 (0)20 ..." writes the trunk zero that is dropped in international form.
    let text = if international { text.replace("(0)", "") } else { text.to_owned() };
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // Bounded before the library sees it, and never a string of one digit, which people type to get past a form.
    if digits.len() > 2 * PHONE_DIGITS.end() || is_repeated(&digits) {
        return Err(Blocked);
    }
    let number = if international {
        phonenumber::parse(None, format!("+{digits}"))
    } else if let Some(rest) = digits.strip_prefix("00") {
        // The prefix of calls abroad in most countries, and what people write in the others.
        phonenumber::parse(None, format!("+{rest}"))
    } else {
        phonenumber::parse(Some(region), &digits)
    }
    .map_err(|_| Blocked)?;
    // Ranges are opened faster than the library's numbering plans are released, so what it does not know is no reason to
    // refuse a number; its length is.
    let full = number.format().mode(Mode::E164).to_string();
    let subscriber = number.national().to_string();
    if PHONE_DIGITS.contains(&(full.len() - 1)) && !is_repeated(&subscriber) { Ok(full) } else { Err(Blocked) }
}

/// Whether at least four letters or digits are all the same one; separators do not count.
fn is_repeated(value: &str) -> bool {
    let mut characters = value.chars().filter(|c| c.is_alphanumeric());
    let Some(first) = characters.next() else { return true };
    let mut count = 1;
    characters.all(|c| {
        count += 1;
        c == first
    }) && count >= 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn normal(namespace: &str, value: &str) -> Result<String, Blocked> {
        let rules = Config { default_region: "KR".to_owned(), ..Config::default() }.rules();
        normalize(&rules, &rules.namespaces[namespace], value)
    }

    #[test]
    fn one_address_has_one_form() {
        for written in ["Ada.Love+news@GMAIL.com", "adalove@googlemail.com", " a.d.a.l.o.v.e@gmail.com. "] {
            assert_eq!(normal("email", written).as_deref(), Ok("adalove@gmail.com"), "{written}");
        }
        assert_eq!(normal("email", "Ada.Love+x@example.org").as_deref(), Ok("ada.love+x@example.org"));
    }

    #[test]
    fn one_phone_number_has_one_form() {
        for written in
            ["010-1234-5678", "+82 10 1234 5678", "0082 10-1234-5678", "+82 (0)10 1234 5678", "０１０１２３４５６７８"]
        {
            assert_eq!(normal("phone", written).as_deref(), Ok("+821012345678"), "{written}");
        }
        assert_eq!(normal("phone", "+44 (0)20 7946 0000 ext 12").as_deref(), Ok("+442079460000"));
        // A zero that belongs to the number stays, and a prefix that is no zero goes.
        assert_eq!(normal("phone", "+39 06 1234 5678").as_deref(), Ok("+390612345678"));
        let of = |region: &str, value: &str| {
            let rules = Config { default_region: region.to_owned(), ..Config::default() }.rules();
            normalize(&rules, &rules.namespaces["phone"], value)
        };
        assert_eq!(of("IT", "06 1234 5678").as_deref(), Ok("+390612345678"));
        assert_eq!(of("RU", "8 (916) 123-45-67").as_deref(), Ok("+79161234567"));
        assert_eq!(of("US", "1 415 555 2671"), of("US", "(415) 555-2671"));
        assert_eq!(of("US", "+82 10-1234-5678").as_deref(), Ok("+821012345678"));
    }

    #[test]
    fn what_names_nobody_is_blocked() {
        let cases = [
            ("email", "test@test.com"),
            ("email", "N/A"),
            ("email", "+tag@gmail.com"),
            ("email", "a b@example.org"),
            ("phone", "0000000000"),
            ("phone", "unknown"),
            ("phone", "12"),
            ("phone", "1234567890123456"),
            ("device", "00000000-0000-0000-0000-000000000000"),
            ("national_id", "000000-0000000"),
            ("national_id", "---"),
        ];
        for (namespace, value) in cases {
            assert_eq!(normal(namespace, value), Err(Blocked), "{namespace} {value}");
        }
        assert_eq!(normal("customer_id", "0000").as_deref(), Ok("0000"), "a source's own number may be all zeros");
    }

    #[test]
    fn a_sensitive_value_is_kept_as_a_keyed_hash() {
        let hashed = normal("national_id", "900101-1234567").unwrap();
        assert_eq!(hashed, normal("national_id", "9001011234567").unwrap());
        assert!(hashed.len() == 64 && !hashed.contains("900101"));
        let other_key = Config { hash_key: attune_kernel::Secret::new("k".to_owned()), ..Config::default() }.rules();
        let other = normalize(&other_key, &other_key.namespaces["national_id"], "9001011234567").unwrap();
        assert_ne!(hashed, other);
    }

    proptest::proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(namespace in "email|phone|device|cookie|customer_id|account_id", value in "\\PC{0,40}|[+0-9 ()-]{0,20}|[a-z.+]{1,9}@(gmail\\.com|x\\.org)") {
            if let Ok(once) = normal(&namespace, &value) {
                proptest::prop_assert_eq!(normal(&namespace, &once), Ok(once));
            }
        }
    }
}
