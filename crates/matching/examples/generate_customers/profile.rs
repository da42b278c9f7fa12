//! The columns of a profile, and its records as lines of CSV.

use crate::eastern;
use crate::german::GERMAN;
use crate::household::World;
use crate::random::Random;
use crate::record::{Clerk, DateForm, Record};
use crate::tally::{Class, Tally};
use crate::western::WESTERN;

/// Which customers are generated, and in which columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// English-speaking, twelve columns and the truth.
    Western,
    /// German-speaking, with German headers and forms.
    German,
    /// English-speaking, the whole name in one column and the whole address in another.
    SingleColumn,
    /// Korean and Chinese names in every script.
    KoreanChineseRomanised,
}

/// The name of the column that says whose record it is.
pub(crate) const TRUTH: &str = "person";

/// How many lines are in memory, and mixed with one another, at a time.
const MIXED: usize = 1 << 20;

impl Profile {
    /// Every profile by its name.
    pub(crate) const ALL: [(&'static str, Self); 4] = [
        ("western", Self::Western),
        ("german", Self::German),
        ("single-column", Self::SingleColumn),
        ("korean-chinese-romanised", Self::KoreanChineseRomanised),
    ];

    /// The columns after `id` and before the truth.
    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Western => &[
                "given_name",
                "family_name",
                "date_of_birth",
                "phone",
                "email",
                "street",
                "house_number",
                "postcode",
                "city",
                "national_id",
                "source",
            ],
            Self::German => &[
                "Vorname",
                "Nachname",
                "Geburtsdatum",
                "Telefon",
                "E-Mail",
                "Straße",
                "PLZ",
                "Ort",
                "Ausweisnummer",
                "Quelle",
            ],
            Self::SingleColumn => &["name", "address", "phone", "email"],
            Self::KoreanChineseRomanised => &["name", "date_of_birth", "phone", "city"],
        }
    }

    /// The column of the record's own id.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::German => "Kundennummer",
            _ => "id",
        }
    }
}

/// Writes so many records, the header first; `sink` gets pieces of the file in order.
///
/// # Errors
/// What the sink answers.
pub(crate) fn generate<E>(
    profile: Profile,
    records: usize,
    seed: u64,
    noise: f64,
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Tally, E> {
    let mut tally = Tally::default();
    let header = [&[profile.id()], profile.columns(), &[TRUTH]].concat().join(",");
    sink(format!("{header}\n").as_bytes())?;
    let mut lines = Lines::new(profile.columns().len(), seed);
    let mut source = Source::new(profile, seed, noise);
    let mut left = records;
    while left > 0 {
        left -= source.household(left, &mut tally, &mut lines);
        if lines.ends.len() >= MIXED || left == 0 {
            lines.flush(&mut sink)?;
        }
    }
    Ok(tally)
}

/// One household after another.
struct Source {
    profile: Profile,
    seed: u64,
    noise: f64,
    households: u64,
    persons: u64,
    letters: World<'static>,
    east: eastern::World,
}

impl Source {
    fn new(profile: Profile, seed: u64, noise: f64) -> Self {
        let culture = if profile == Profile::German { &GERMAN } else { &WESTERN };
        let (letters, east) = (World::new(culture, seed), eastern::World::new(seed, noise));
        Self { profile, seed, noise, households: 0, persons: 0, letters, east }
    }

    /// Writes the next household's records, at most so many; says how many.
    fn household(&mut self, most: usize, tally: &mut Tally, lines: &mut Lines) -> usize {
        let mut random = Random::new(self.seed, self.households.wrapping_mul(4));
        let mut written = 0;
        if self.profile == Profile::KoreanChineseRomanised {
            for person in self.east.household(self.households, tally) {
                let count = person.records.min(most - written);
                for _ in 0..count {
                    let record = self.east.record(&mut random, &person, tally);
                    lines.push(&[&record.name, &record.birth, &record.phone, &record.town], self.persons);
                }
                written += self.counted(count, tally);
            }
        } else {
            let dates = if self.profile == Profile::German { DateForm::German } else { DateForm::Iso };
            let culture = if self.profile == Profile::German { &GERMAN } else { &WESTERN };
            let clerk = Clerk { culture, dates, noise: self.noise };
            let household = self.letters.household(self.households, tally);
            for person in &household.persons {
                let count = person.records.min(most - written);
                if person.noisy && count > 0 {
                    tally.add(Class::NoisyPerson);
                }
                for _ in 0..count {
                    let record = clerk.record(&mut random, &household, person, tally);
                    write(self.profile, &mut random, record, self.persons, lines);
                }
                written += self.counted(count, tally);
            }
        }
        self.households += 1;
        tally.households += 1;
        written
    }

    fn counted(&mut self, count: usize, tally: &mut Tally) -> usize {
        self.persons += u64::from(count > 0);
        tally.persons = self.persons;
        tally.records += count as u64;
        count
    }
}

fn write(profile: Profile, random: &mut Random, record: Record, person: u64, lines: &mut Lines) {
    let r = record;
    match profile {
        Profile::German => {
            let street = format!("{} {}", r.street, r.number);
            let fields = [
                &r.given,
                &r.family,
                &r.birth,
                &r.phone,
                &r.email,
                &street.trim().to_owned(),
                &r.postcode,
                &r.town,
                &r.national,
            ];
            let fields: Vec<&str> = fields.into_iter().map(String::as_str).chain([r.source]).collect();
            lines.push(&fields, person);
        }
        Profile::SingleColumn => {
            let name = full_name(random, &r);
            let place = format!("{} {}", r.town, r.postcode);
            let address = [format!("{} {}", r.number, r.street), place].map(|part| part.trim().to_owned());
            let address: Vec<String> = address.into_iter().filter(|part| !part.is_empty()).collect();
            lines.push(&[&name, &address.join(", "), &r.phone, &r.email], person);
        }
        _ => {
            let fields = [
                &r.given,
                &r.family,
                &r.birth,
                &r.phone,
                &r.email,
                &r.street,
                &r.number,
                &r.postcode,
                &r.town,
                &r.national,
            ];
            let fields: Vec<&str> = fields.into_iter().map(String::as_str).chain([r.source]).collect();
            lines.push(&fields, person);
        }
    }
}

fn full_name(random: &mut Random, record: &Record) -> String {
    let Record { given, family, title, middle, .. } = record;
    let name = match (random.below(10), middle) {
        (0 | 1, _) => format!("{family}, {given}"),
        (2..=4, Some(middle)) => format!("{title} {given} {middle} {family}"),
        _ => format!("{title} {given} {family}"),
    };
    name.trim_matches([' ', ',']).to_owned()
}

/// Lines that wait to be mixed.
struct Lines {
    random: Random,
    columns: usize,
    number: u64,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    fn new(columns: usize, seed: u64) -> Self {
        Self { random: Random::new(seed, u64::MAX), columns, number: 0, bytes: Vec::new(), ends: Vec::new() }
    }

    fn push(&mut self, fields: &[&str], person: u64) {
        debug_assert_eq!(fields.len(), self.columns);
        for field in fields {
            self.bytes.push(b',');
            if field.contains([',', '"', '\n']) {
                self.bytes.push(b'"');
                self.bytes.extend_from_slice(field.replace('"', "\"\"").as_bytes());
                self.bytes.push(b'"');
            } else {
                self.bytes.extend_from_slice(field.as_bytes());
            }
        }
        self.bytes.extend_from_slice(format!(",p{person}\n").as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// Mixes the lines, numbers them, and hands them on; ids say nothing about persons.
    fn flush<E>(&mut self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut spans: Vec<(usize, usize)> = starts.zip(self.ends.iter().copied()).collect();
        for place in (1..spans.len()).rev() {
            spans.swap(place, self.random.below(place + 1));
        }
        let mut piece = Vec::with_capacity(1 << 17);
        for (start, end) in spans {
            self.number += 1;
            piece.extend_from_slice(format!("r{:08}", self.number).as_bytes());
            piece.extend_from_slice(&self.bytes[start..end]);
            if piece.len() >= 1 << 16 {
                sink(&piece)?;
                piece.clear();
            }
        }
        self.bytes.clear();
        self.ends.clear();
        sink(&piece)
    }
}
