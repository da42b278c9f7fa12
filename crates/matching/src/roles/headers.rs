//! What headers say about a column's role, in several languages.

use crate::text::Role;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// This role.
    Role(Role),
    /// Something that is no evidence about a person: when a row was written, what its number is.
    Nothing,
}

/// Words that together name a role, in lower case without diacritics; the first phrase that fits wins. A phrase fits when
/// every word of it is a word of the header, or, for scripts without blanks, a part of it.
const PHRASES: &[(&str, Said)] = {
    use Role::{
        Category, City, DateOfBirth, Email, FamilyName, FullName, GivenName, HouseNumber, NationalId, Phone, Postcode,
        Region, Street,
    };
    const fn r(role: Role) -> Said {
        Said::Role(role)
    }
    &[
        // Mail comes before address: "email address" is no street.
        ("email", r(Email)),
        ("e mail", r(Email)),
        ("mail", r(Email)),
        ("mailadresse", r(Email)),
        ("correo", r(Email)),
        ("courriel", r(Email)),
        ("이메일", r(Email)),
        ("메일", r(Email)),
        ("邮箱", r(Email)),
        ("邮件", r(Email)),
        ("郵箱", r(Email)),
        ("メール", r(Email)),
        ("ip address", Said::Nothing),
        ("created", Said::Nothing),
        ("updated", Said::Nothing),
        ("modified", Said::Nothing),
        ("timestamp", Said::Nothing),
        ("registered", Said::Nothing),
        ("등록일", Said::Nothing),
        ("가입일", Said::Nothing),
        ("注册", Said::Nothing),
        // Dates of birth come before places of birth.
        ("birth place", r(City)),
        ("place birth", r(City)),
        ("geburtsort", r(City)),
        ("dob", r(DateOfBirth)),
        ("birth", r(DateOfBirth)),
        ("birthdate", r(DateOfBirth)),
        ("birthday", r(DateOfBirth)),
        ("dateofbirth", r(DateOfBirth)),
        ("born", r(DateOfBirth)),
        ("geburtsdatum", r(DateOfBirth)),
        ("geburtstag", r(DateOfBirth)),
        ("geboren", r(DateOfBirth)),
        ("geb", r(DateOfBirth)),
        ("naissance", r(DateOfBirth)),
        ("nacimiento", r(DateOfBirth)),
        ("nascimento", r(DateOfBirth)),
        ("nascita", r(DateOfBirth)),
        ("생년월일", r(DateOfBirth)),
        ("생일", r(DateOfBirth)),
        ("출생", r(DateOfBirth)),
        ("出生", r(DateOfBirth)),
        ("生日", r(DateOfBirth)),
        ("生年月日", r(DateOfBirth)),
        // Numbers of the state.
        ("ssn", r(NationalId)),
        ("social security", r(NationalId)),
        ("soc sec", r(NationalId)),
        ("national id", r(NationalId)),
        ("national number", r(NationalId)),
        ("nationalid", r(NationalId)),
        ("passport", r(NationalId)),
        ("nino", r(NationalId)),
        ("nif", r(NationalId)),
        ("dni", r(NationalId)),
        ("tax id", r(NationalId)),
        ("steuernummer", r(NationalId)),
        ("ausweis", r(NationalId)),
        ("ausweisnummer", r(NationalId)),
        ("personalausweis", r(NationalId)),
        ("주민", r(NationalId)),
        ("여권", r(NationalId)),
        ("身份证", r(NationalId)),
        ("身分證", r(NationalId)),
        ("护照", r(NationalId)),
        // Phones.
        ("phone", r(Phone)),
        ("telephone", r(Phone)),
        ("tel", r(Phone)),
        ("mobile", r(Phone)),
        ("cell", r(Phone)),
        ("cellphone", r(Phone)),
        ("msisdn", r(Phone)),
        ("fax", r(Phone)),
        ("phonenumber", r(Phone)),
        ("telefon", r(Phone)),
        ("telefonnummer", r(Phone)),
        ("telefono", r(Phone)),
        ("telefone", r(Phone)),
        ("handy", r(Phone)),
        ("handynummer", r(Phone)),
        ("mobil", r(Phone)),
        ("mobilnummer", r(Phone)),
        ("movil", r(Phone)),
        ("portable", r(Phone)),
        ("전화", r(Phone)),
        ("휴대", r(Phone)),
        ("핸드폰", r(Phone)),
        ("연락처", r(Phone)),
        ("手机", r(Phone)),
        ("手機", r(Phone)),
        ("电话", r(Phone)),
        ("電話", r(Phone)),
        ("联系方式", r(Phone)),
        // Postcodes.
        ("postcode", r(Postcode)),
        ("post code", r(Postcode)),
        ("postal", r(Postcode)),
        ("postalcode", r(Postcode)),
        ("zip", r(Postcode)),
        ("zipcode", r(Postcode)),
        ("plz", r(Postcode)),
        ("postleitzahl", r(Postcode)),
        ("codepostal", r(Postcode)),
        ("cp", r(Postcode)),
        ("cap", r(Postcode)),
        ("우편", r(Postcode)),
        ("邮编", r(Postcode)),
        ("邮政编码", r(Postcode)),
        ("郵遞區號", r(Postcode)),
        ("郵便番号", r(Postcode)),
        // House numbers come before streets.
        ("street number", r(HouseNumber)),
        ("house number", r(HouseNumber)),
        ("house no", r(HouseNumber)),
        ("street no", r(HouseNumber)),
        ("streetnumber", r(HouseNumber)),
        ("housenumber", r(HouseNumber)),
        ("house", r(HouseNumber)),
        ("hausnummer", r(HouseNumber)),
        ("hausnr", r(HouseNumber)),
        ("hnr", r(HouseNumber)),
        ("번지", r(HouseNumber)),
        ("门牌", r(HouseNumber)),
        // Areas.
        ("city", r(City)),
        ("town", r(City)),
        ("suburb", r(City)),
        ("locality", r(City)),
        ("municipality", r(City)),
        ("village", r(City)),
        ("ort", r(City)),
        ("wohnort", r(City)),
        ("stadt", r(City)),
        ("ville", r(City)),
        ("commune", r(City)),
        ("ciudad", r(City)),
        ("cidade", r(City)),
        ("comune", r(City)),
        ("citta", r(City)),
        ("localidad", r(City)),
        ("시군구", r(City)),
        ("도시", r(City)),
        ("城市", r(City)),
        ("state", r(Region)),
        ("province", r(Region)),
        ("provincia", r(Region)),
        ("region", r(Region)),
        ("county", r(Region)),
        ("bundesland", r(Region)),
        ("canton", r(Region)),
        ("departement", r(Region)),
        ("country", r(Region)),
        ("land", r(Region)),
        ("pays", r(Region)),
        ("pais", r(Region)),
        ("nationality", r(Category)),
        ("시도", r(Region)),
        ("省份", r(Region)),
        ("省", r(Region)),
        // Streets.
        ("street name", r(Street)),
        ("street", r(Street)),
        ("address", r(Street)),
        ("addr", r(Street)),
        ("road", r(Street)),
        ("strasse", r(Street)),
        ("straße", r(Street)),
        ("str", r(Street)),
        ("adresse", r(Street)),
        ("anschrift", r(Street)),
        ("rue", r(Street)),
        ("calle", r(Street)),
        ("direccion", r(Street)),
        ("domicilio", r(Street)),
        ("endereco", r(Street)),
        ("indirizzo", r(Street)),
        ("주소", r(Street)),
        ("도로명", r(Street)),
        ("地址", r(Street)),
        ("住址", r(Street)),
        ("住所", r(Street)),
        // Names, the more special words first.
        ("user name", r(Role::FreeText)),
        ("username", r(Role::FreeText)),
        ("company", r(Role::FreeText)),
        ("full name", r(FullName)),
        ("fullname", r(FullName)),
        ("customer name", r(FullName)),
        ("first name", r(GivenName)),
        ("firstname", r(GivenName)),
        ("fname", r(GivenName)),
        ("forename", r(GivenName)),
        ("given", r(GivenName)),
        ("givenname", r(GivenName)),
        ("vorname", r(GivenName)),
        ("prenom", r(GivenName)),
        ("nombre", r(GivenName)),
        ("voornaam", r(GivenName)),
        ("fornavn", r(GivenName)),
        ("fornamn", r(GivenName)),
        ("imie", r(GivenName)),
        ("last name", r(FamilyName)),
        ("lastname", r(FamilyName)),
        ("lname", r(FamilyName)),
        ("surname", r(FamilyName)),
        ("family", r(FamilyName)),
        ("familyname", r(FamilyName)),
        ("nachname", r(FamilyName)),
        ("familienname", r(FamilyName)),
        ("zuname", r(FamilyName)),
        ("apellido", r(FamilyName)),
        ("apellidos", r(FamilyName)),
        ("cognome", r(FamilyName)),
        ("sobrenome", r(FamilyName)),
        ("achternaam", r(FamilyName)),
        ("efternamn", r(FamilyName)),
        ("etternavn", r(FamilyName)),
        ("nazwisko", r(FamilyName)),
        ("nom famille", r(FamilyName)),
        ("성씨", r(FamilyName)),
        ("姓氏", r(FamilyName)),
        ("성명", r(FullName)),
        ("이름", r(FullName)),
        ("고객명", r(FullName)),
        ("회원명", r(FullName)),
        ("姓名", r(FullName)),
        ("氏名", r(FullName)),
        ("名前", r(FullName)),
        ("客户名", r(FullName)),
        ("名字", r(GivenName)),
        ("성", r(FamilyName)),
        ("姓", r(FamilyName)),
        ("名", r(GivenName)),
        ("nome", r(FullName)),
        ("nom", r(FullName)),
        ("name", r(FullName)),
        ("kunde", r(FullName)),
        ("customer", r(FullName)),
        ("client", r(FullName)),
        ("person", r(FullName)),
        ("고객", r(FullName)),
        ("客户", r(FullName)),
        // What tells persons apart only a little.
        ("gender", r(Category)),
        ("sex", r(Category)),
        ("geschlecht", r(Category)),
        ("sexe", r(Category)),
        ("sexo", r(Category)),
        ("anrede", r(Category)),
        ("title", r(Category)),
        ("성별", r(Category)),
        ("性别", r(Category)),
        ("性別", r(Category)),
    ]
};

/// What a header says; none when it has no word that is known.
pub(super) fn read(header: &str) -> Option<Said> {
    let words = words(header);
    let joined: String = words.concat();
    PHRASES.iter().find(|(phrase, _)| fits(phrase, &words, &joined)).map(|(_, said)| *said)
}

fn fits(phrase: &str, words: &[String], joined: &str) -> bool {
    if phrase.is_ascii() || phrase == "straße" {
        return phrase.split(' ').all(|word| words.iter().any(|other| other == word));
    }
    // One sign of a family name is a part of many words: "성" also of "성별".
    if phrase.chars().count() == 1 { joined == phrase } else { joined.contains(phrase) }
}

/// The words of a header in lower case, cut at signs, digits and changes of case.
fn words(header: &str) -> Vec<String> {
    use unicode_normalization::UnicodeNormalization;
    let mut words = vec![String::new()];
    let mut lower = false;
    for sign in header.nfc() {
        let starts = sign.is_uppercase() && lower;
        lower = sign.is_lowercase();
        if !sign.is_alphabetic() || starts {
            words.push(String::new());
        }
        if sign.is_alphabetic() {
            let folded =
                sign.to_lowercase().nfd().filter(|part| !unicode_normalization::char::is_combining_mark(*part));
            if let Some(last) = words.last_mut() {
                last.extend(folded.collect::<String>().nfc());
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_many_languages_are_read() {
        let role = |header: &str| match read(header) {
            Some(Said::Role(role)) => Some(role),
            _ => None,
        };
        for (header, expected) in [
            ("FirstName", Role::GivenName),
            ("given_name", Role::GivenName),
            ("Prénom", Role::GivenName),
            ("Vorname", Role::GivenName),
            ("last name", Role::FamilyName),
            ("Nachname", Role::FamilyName),
            ("姓", Role::FamilyName),
            ("성명", Role::FullName),
            ("customer_name", Role::FullName),
            ("이메일", Role::Email),
            ("Email Address", Role::Email),
            ("휴대폰번호", Role::Phone),
            ("手机号", Role::Phone),
            ("street_number", Role::HouseNumber),
            ("address_1", Role::Street),
            ("Straße", Role::Street),
            ("주소", Role::Street),
            ("PLZ", Role::Postcode),
            ("우편번호", Role::Postcode),
            ("Wohnort", Role::City),
            ("Geburtsdatum", Role::DateOfBirth),
            ("date_of_birth", Role::DateOfBirth),
            ("생년월일", Role::DateOfBirth),
            ("soc_sec_id", Role::NationalId),
            ("성별", Role::Category),
        ] {
            assert_eq!(role(header), Some(expected), "{header}");
        }
        assert_eq!(read("updated_at"), Some(Said::Nothing));
        assert_eq!(read("xyz"), None);
    }
}
