//! What is written down about a person: one record, with what goes wrong.

use crate::culture::Culture;
use crate::household::{Address, Household, Person};
use crate::random::Random;
use crate::slips::{slip, slip_digits};
use crate::tally::{Class, Tally};

/// One record, every field as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Given name.
    pub(crate) given: String,
    /// Family name.
    pub(crate) family: String,
    /// Date of birth.
    pub(crate) birth: String,
    /// Phone.
    pub(crate) phone: String,
    /// Mail address.
    pub(crate) email: String,
    /// Street.
    pub(crate) street: String,
    /// House number, with the flat.
    pub(crate) number: String,
    /// Postcode.
    pub(crate) postcode: String,
    /// Town.
    pub(crate) town: String,
    /// National number.
    pub(crate) national: String,
    /// Where the record is from.
    pub(crate) source: &'static str,
    /// The title to write before a full name; may be empty.
    pub(crate) title: &'static str,
    /// Second initial.
    pub(crate) middle: Option<char>,
}

/// Where records are from: how careless it is and how often it lacks phone, mail, date of birth, address, national number.
struct Source {
    name: &'static str,
    share: f64,
    noise: f64,
    lacks: [f64; 5],
}

#[rustfmt::skip]
const SOURCES: [Source; 5] = [
    Source { name: "web",     share: 0.40, noise: 1.0, lacks: [0.15, 0.02, 0.10, 0.05, 0.90] },
    Source { name: "app",     share: 0.20, noise: 0.8, lacks: [0.02, 0.10, 0.12, 0.25, 0.85] },
    Source { name: "branch",  share: 0.20, noise: 0.7, lacks: [0.15, 0.45, 0.01, 0.01, 0.05] },
    Source { name: "phone",   share: 0.15, noise: 2.0, lacks: [0.03, 0.50, 0.20, 0.10, 0.70] },
    Source { name: "partner", share: 0.05, noise: 1.5, lacks: [0.40, 0.40, 0.30, 0.05, 0.95] },
];

/// What stands where nothing is known.
const GARBAGE: [&str; 7] = ["N/A", "unknown", "-", "none", "null", "n/a", "xxx"];
const DEFAULT_MAIL: [&str; 4] = ["none@none.com", "test@test.com", "noemail@company.com", "na@na.com"];
const DEFAULT_PHONE: [&str; 3] = ["0000000000", "9999999999", "1234567890"];

/// How a culture writes dates: `%Y`, `%m`, `%d` in order, and another way that somebody uses.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DateForm {
    /// 1990-12-31, by some 31/12/1990.
    Iso,
    /// 31.12.1990, by some 31.12.90.
    German,
}

impl DateForm {
    fn usual(self, (year, month, day): (u32, u32, u32)) -> String {
        match self {
            Self::Iso => format!("{year:04}-{month:02}-{day:02}"),
            Self::German => format!("{day:02}.{month:02}.{year:04}"),
        }
    }

    fn other(self, (year, month, day): (u32, u32, u32)) -> String {
        match self {
            Self::Iso => format!("{day:02}/{month:02}/{year:04}"),
            Self::German => format!("{day:02}.{month:02}.{:02}", year % 100),
        }
    }
}

/// Writes records of one culture.
#[derive(Debug)]
pub(crate) struct Clerk<'a> {
    /// Whose words.
    pub(crate) culture: &'a Culture,
    /// How dates are written.
    pub(crate) dates: DateForm,
    /// Factor on every rate of error.
    pub(crate) noise: f64,
}

impl Clerk<'_> {
    /// One record of a person.
    pub(crate) fn record(
        &self,
        random: &mut Random,
        household: &Household,
        person: &Person,
        tally: &mut Tally,
    ) -> Record {
        let source = source(random);
        let noise = self.noise * source.noise * if person.noisy { 2.5 } else { 1.0 };
        let now = random.unit();
        let lacks = lacks(random, source);
        let mut record = Record { source: source.name, middle: person.middle, ..Record::default() };
        if random.chance(0.15) {
            let titles = if person.woman { self.culture.titles.0 } else { self.culture.titles.1 };
            record.title = *random.pick(titles);
        }
        let mut hand = Hand { random, tally, noise };
        self.names(&mut hand, person, now, &mut record);
        record.birth = if lacks[2] { hand.nothing() } else { self.birth(&mut hand, person) };
        record.phone = if lacks[0] { hand.nothing() } else { self.phone(&mut hand, household, person, now) };
        record.email = if lacks[1] { hand.nothing() } else { email(&mut hand, household, person, now) };
        if lacks[3] {
            hand.tally.add(Class::Missing);
        } else {
            self.address(&mut hand, person, now, &mut record);
        }
        if !lacks[4] {
            record.national = person.number.clone();
            if hand.errs(0.012) {
                record.national = slip_digits(hand.random, hand.tally, &record.national);
            }
        }
        if source.name == "partner" {
            hand.tally.add(Class::Capitals);
            for field in [&mut record.given, &mut record.family, &mut record.street, &mut record.town] {
                *field = field.to_uppercase();
            }
        }
        record
    }

    fn names(&self, hand: &mut Hand<'_>, person: &Person, now: f64, record: &mut Record) {
        let (family, married) = at(&person.family, now);
        record.given = person.given.clone();
        record.family = family.clone();
        if married {
            hand.tally.add(Class::Married);
        }
        match &person.nickname {
            Some(nickname) if hand.errs(0.08) => {
                hand.tally.add(Class::Nickname);
                record.given = nickname.clone();
            }
            _ if hand.errs(0.015) => {
                hand.tally.add(Class::Initial);
                record.given = record.given.chars().take(1).collect();
            }
            _ => {}
        }
        if hand.random.chance(0.15) {
            for field in [&mut record.given, &mut record.family] {
                let plain = self.culture.plain_letters(field);
                if plain != *field {
                    hand.tally.add(Class::OtherSpelling);
                    *field = plain;
                }
            }
        }
        hand.slips(0.025, &mut record.given);
        hand.slips(0.03, &mut record.family);
        if hand.errs(0.006) {
            record.given = hand.nothing();
        }
        if hand.errs(0.003) {
            record.family = hand.nothing();
        }
        if hand.errs(0.012) {
            hand.tally.add(Class::SwappedNames);
            std::mem::swap(&mut record.given, &mut record.family);
        }
    }

    fn birth(&self, hand: &mut Hand<'_>, person: &Person) -> String {
        let birth = person.birth;
        let date = (birth.year, birth.month, birth.day);
        if hand.errs(0.008) {
            hand.tally.add(Class::DefaultDate);
            return self.dates.usual(*hand.random.pick(&[(1900, 1, 1), (1900, 1, 1), (1970, 1, 1), (1901, 1, 1)]));
        }
        if hand.errs(0.01) && birth.day <= 12 && birth.day != birth.month {
            hand.tally.add(Class::DayMonthSwapped);
            return self.dates.usual((birth.year, birth.day, birth.month));
        }
        // Written the other way only where it cannot be read the wrong way round.
        if hand.errs(0.01) && birth.day > 12 {
            hand.tally.add(Class::OtherDateForm);
            return self.dates.other(date);
        }
        let text = self.dates.usual(date);
        if hand.errs(0.02) { slip_digits(hand.random, hand.tally, &text) } else { text }
    }

    fn phone(&self, hand: &mut Hand<'_>, household: &Household, person: &Person, now: f64) -> String {
        if hand.errs(0.006) {
            hand.tally.add(Class::Garbage);
            return (*hand.random.pick(&DEFAULT_PHONE)).to_owned();
        }
        let mut digits = match &household.phone {
            Some(shared) if hand.random.chance(0.2) => {
                hand.tally.add(Class::SharedPhone);
                shared.clone()
            }
            _ => {
                let (phone, changed) = at(&person.phones, now);
                if changed {
                    hand.tally.add(Class::ChangedPhone);
                }
                phone.clone()
            }
        };
        if hand.errs(0.015) {
            digits = slip_digits(hand.random, hand.tally, &digits);
        }
        let (head, tail) = digits.split_at(digits.len() / 2);
        match hand.random.below(10) {
            0..=4 => format!("0{digits}"),
            5 | 6 => format!("+{}{digits}", self.culture.country_code),
            7 => format!("0{head} {tail}"),
            8 => format!("+{} {head} {tail}", self.culture.country_code),
            _ => format!("0{head}-{tail}"),
        }
    }

    fn address(&self, hand: &mut Hand<'_>, person: &Person, now: f64, record: &mut Record) {
        let (address, moved) = at(&person.addresses, now);
        if moved {
            hand.tally.add(Class::Moved);
        }
        let Address { street: (street, kind), number, flat, postcode, town } = address;
        let (long, short) = self.culture.street_kinds[*kind];
        let kind = if hand.random.chance(0.25) { short } else { long };
        let joint = self.culture.street_joint;
        record.street = if street.ends_with(' ') {
            // A street named after a place: both words stand alone.
            let mut chars = kind.chars();
            let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            format!("{street}{first}{}", chars.as_str())
        } else {
            format!("{street}{joint}{kind}")
        };
        if hand.random.chance(0.15) {
            record.street = self.culture.plain_letters(&record.street);
        }
        record.number = match flat {
            Some(flat) if hand.random.chance(0.6) => match hand.random.below(3) {
                0 => format!("{number}/{flat}"),
                1 => format!("{number} {} {flat}", self.culture.flat),
                _ => format!("{} {flat}, {number}", self.culture.flat),
            },
            _ => number.to_string(),
        };
        record.postcode = postcode.clone();
        record.town = self.culture.towns[*town].to_owned();
        hand.slips(0.035, &mut record.street);
        hand.slips(0.015, &mut record.town);
        if hand.errs(0.015) {
            record.postcode = slip_digits(hand.random, hand.tally, &record.postcode);
        }
        for (rate, field) in [
            (0.02, &mut record.street),
            (0.02, &mut record.number),
            (0.03, &mut record.postcode),
            (0.02, &mut record.town),
        ] {
            if hand.errs(rate) {
                *field = hand.nothing();
            }
        }
    }
}

fn email(hand: &mut Hand<'_>, household: &Household, person: &Person, now: f64) -> String {
    if hand.errs(0.006) {
        hand.tally.add(Class::Garbage);
        return (*hand.random.pick(&DEFAULT_MAIL)).to_owned();
    }
    let email = match &household.email {
        Some(shared) if hand.random.chance(0.2) => {
            hand.tally.add(Class::SharedEmail);
            shared.clone()
        }
        _ => {
            let (email, changed) = at(&person.emails, now);
            if changed {
                hand.tally.add(Class::ChangedEmail);
            }
            email.clone()
        }
    };
    if hand.errs(0.015) {
        let (local, domain) = email.split_once('@').unwrap_or((&email, ""));
        return format!("{}@{domain}", slip(hand.random, hand.tally, local));
    }
    email
}

/// Who writes: their luck, and how careless they are.
struct Hand<'a> {
    random: &'a mut Random,
    tally: &'a mut Tally,
    noise: f64,
}

impl Hand<'_> {
    fn errs(&mut self, rate: f64) -> bool {
        self.random.chance((rate * self.noise).min(0.6))
    }

    fn slips(&mut self, rate: f64, field: &mut String) {
        if self.errs(rate) {
            *field = slip(self.random, self.tally, field);
        }
    }

    /// An empty field, or something that means nothing.
    fn nothing(&mut self) -> String {
        if self.random.chance(0.12) {
            self.tally.add(Class::Garbage);
            return (*self.random.pick(&GARBAGE)).to_owned();
        }
        self.tally.add(Class::Missing);
        String::new()
    }
}

fn source(random: &mut Random) -> &'static Source {
    let mut point = random.unit();
    for source in &SOURCES {
        if point < source.share {
            return source;
        }
        point -= source.share;
    }
    &SOURCES[0]
}

/// Which of phone, mail, date of birth, address, national number are lacking; with too few of them nobody could tell.
fn lacks(random: &mut Random, source: &Source) -> [bool; 5] {
    loop {
        let lacks = source.lacks.map(|rate| random.chance(rate));
        let known = lacks.iter().filter(|lacks| !**lacks).count();
        if known >= 3 || (known == 2 && !(lacks[2] && lacks[4])) {
            return lacks;
        }
    }
}

/// What held at a time, and whether it is not the last.
fn at<T>(list: &[(T, f64)], now: f64) -> (&T, bool) {
    let place = list.iter().position(|(_, end)| now < *end).unwrap_or(list.len() - 1);
    (&list[place].0, place + 1 < list.len())
}
