//! Mail addresses.

use super::Form;
use super::fold;

/// `plain`: `local@domain` in lower case without a tag after `+`, and without dots where the provider ignores them. `key`:
/// the letters of the local part, its digits when it has no letters.
pub(super) fn prepare(value: &str, form: &mut Form) {
    let mut value = value.trim_matches(|sign: char| " <>\"',;()".contains(sign));
    if let Some(rest) = value.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:")).and(value.get(7..)) {
        value = rest;
    }
    if let (Some(open), true) = (value.rfind('<'), value.contains('@')) {
        value = &value[open + 1..];
    }
    let Some((local, domain)) = value.rsplit_once('@') else {
        fold::fold_into(value, &mut form.plain);
        form.key.extend(form.plain.iter().filter(|byte| !byte.is_ascii_digit() && **byte != b' '));
        return;
    };
    let local = local.split_once('+').map_or(local, |(name, _)| if name.is_empty() { local } else { name });
    let dots_count = !same(domain, "gmail.com") && !same(domain, "googlemail.com");
    let plain = &mut form.plain;
    lower(local, plain, |byte| byte != b' ' && (dots_count || byte != b'.'));
    if placeholder(plain, domain) {
        plain.clear();
        return;
    }
    let end = plain.len();
    plain.push(b'@');
    if same(domain, "googlemail.com") {
        plain.extend_from_slice(b"gmail.com");
    } else {
        lower(domain, plain, |byte| byte != b' ');
    }
    if plain.last() == Some(&b'.') {
        plain.pop();
    }
    form.key.extend(plain[..end].iter().filter(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()));
    if form.key.is_empty() {
        form.key.extend(plain[..end].iter().filter(|byte| byte.is_ascii_digit()));
    }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn lower(text: &str, out: &mut Vec<u8>, keep: impl Fn(u8) -> bool) {
    if text.is_ascii() {
        out.extend(text.bytes().filter(|byte| keep(*byte)).map(|byte| byte.to_ascii_lowercase()));
        return;
    }
    for sign in text.chars().flat_map(char::to_lowercase) {
        let mut buffer = [0; 4];
        let bytes = sign.encode_utf8(&mut buffer).as_bytes();
        if bytes.len() > 1 || keep(bytes[0]) {
            out.extend_from_slice(bytes);
        }
    }
}

/// Whether an address is one that is typed when there is none.
fn placeholder(local: &[u8], domain: &str) -> bool {
    match local {
        b"" | b"none" | b"na" | b"n.a" | b"noemail" | b"no-email" | b"no.email" | b"nomail" | b"no_email"
        | b"unknown" | b"null" | b"noreply" | b"no-reply" | b"donotreply" | b"keine" | b"email" => true,
        b"test" | b"a" | b"abc" | b"asdf" | b"user" => {
            let start = domain.as_bytes();
            [b"test".as_slice(), b"example", b"a.", b"abc.", b"asdf"]
                .iter()
                .any(|other| start.get(..other.len()).is_some_and(|start| start.eq_ignore_ascii_case(other)))
        }
        [first, rest @ ..] => rest.len() >= 2 && matches!(first, b'x' | b'0') && rest.iter().all(|byte| byte == first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn forms(value: &str) -> (String, String) {
        let mut form = Form::default();
        prepare(value, &mut form);
        (String::from_utf8(form.plain).unwrap(), String::from_utf8(form.key).unwrap())
    }

    #[test]
    fn ways_of_writing_one_address() {
        let expected = ("janedoe7@gmail.com".to_owned(), "janedoe".to_owned());
        for value in [
            "jane.doe7@gmail.com",
            "JaneDoe7@GoogleMail.com",
            "mailto:jane.doe7+shop@gmail.com",
            "Jane <janedoe7@gmail.com>",
        ] {
            assert_eq!(forms(value), expected, "{value}");
        }
        assert_eq!(forms("j.doe@firm.de").0, "j.doe@firm.de");
        assert_eq!(forms("1234@firm.de").1, "1234");
    }

    #[test]
    fn no_address() {
        for value in ["none@none.com", "test@test.com", "noreply@shop.de", "xxx@xxx.com", "@firm.de"] {
            assert_eq!(forms(value).0, "", "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_does(value in "\\PC{0,30}") {
            forms(&value);
        }
    }
}
