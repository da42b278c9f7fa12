//! Korean and Chinese customers whose names are written in every script and spelling, one record after another.

use crate::eastern_words::{
    CHINESE_FAMILY, CHINESE_GIVEN, CHINESE_TOWNS, Character, KOREAN_FAMILY, KOREAN_GIVEN, KOREAN_TOWNS, Town,
};
use crate::random::{Random, Zipf};
use crate::slips::{slip, slip_digits};
use crate::tally::{Class, Tally};

/// One record, every field as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The whole name.
    pub(crate) name: String,
    /// Date of birth.
    pub(crate) birth: String,
    /// Phone.
    pub(crate) phone: String,
    /// Town.
    pub(crate) town: String,
}

/// A person's name, syllable by syllable, and how they spell it when nobody asks.
#[derive(Debug)]
pub(crate) struct Person {
    korean: bool,
    family: &'static Character,
    given: Vec<&'static Character>,
    /// The spelling of every syllable that the person prefers.
    spelling: Vec<usize>,
    birth: (u32, u32, u32),
    phones: Vec<(String, f64)>,
    towns: Vec<(&'static Town, f64)>,
    /// How many records there are of them.
    pub(crate) records: usize,
}

/// Draws persons and their records.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    noise: f64,
    korean_family: Zipf,
    chinese_family: Zipf,
    records: Zipf,
    towns: Zipf,
}

impl World {
    /// A world of a seed, with a factor on every rate of error.
    pub(crate) fn new(seed: u64, noise: f64) -> Self {
        Self {
            seed,
            noise,
            korean_family: Zipf::new(KOREAN_FAMILY.len(), 1.5, 1.1),
            chinese_family: Zipf::new(CHINESE_FAMILY.len(), 4.0, 0.9),
            records: Zipf::new(8, 1.0, 1.2),
            towns: Zipf::new(KOREAN_TOWNS.len().min(CHINESE_TOWNS.len()), 1.0, 0.8),
        }
    }

    /// The persons of one home.
    pub(crate) fn household(&self, position: u64, tally: &mut Tally) -> Vec<Person> {
        let mut random = Random::new(self.seed, position.wrapping_mul(4) + 1);
        let random = &mut random;
        let first = self.person(random);
        if !random.chance(0.45) {
            return vec![first];
        }
        let mut second = self.person(random);
        if second.korean == first.korean && random.chance(0.6) {
            second.family = first.family;
        }
        if random.chance(0.6) {
            tally.add(Class::SharedPhone);
            second.phones = first.phones.clone();
        }
        if second.korean == first.korean {
            second.towns = first.towns.clone();
        }
        if random.chance(0.05) {
            tally.add(Class::Twins);
            second.birth = first.birth;
        }
        vec![first, second]
    }

    fn person(&self, random: &mut Random) -> Person {
        let korean = random.chance(0.5);
        let (family, given, towns) = if korean {
            (&KOREAN_FAMILY[self.korean_family.draw(random)], KOREAN_GIVEN, KOREAN_TOWNS)
        } else {
            (&CHINESE_FAMILY[self.chinese_family.draw(random)], CHINESE_GIVEN, CHINESE_TOWNS)
        };
        let syllables = if random.chance(if korean { 0.95 } else { 0.75 }) { 2 } else { 1 };
        let given: Vec<&Character> = (0..syllables).map(|_| random.pick(given)).collect();
        let spelling = (0..=syllables).map(|_| if random.chance(0.6) { 0 } else { random.below(6) }).collect();
        let phone = |random: &mut Random| {
            if korean {
                format!("10{}", random.digits(8))
            } else {
                format!("1{}{}", random.pick(&["38", "39", "50", "86", "77"]), random.digits(8))
            }
        };
        let mut phones = vec![(phone(random), 1.0)];
        if random.chance(0.25) {
            phones.insert(0, (phone(random), random.unit()));
        }
        let mut homes = vec![(&towns[self.towns.draw(random)], 1.0)];
        if random.chance(0.15) {
            homes.insert(0, (&towns[self.towns.draw(random)], random.unit()));
        }
        let birth = (random.between(1940, 2008), random.between(1, 12), random.between(1, 28));
        let records = 1 + self.records.draw(random);
        Person { korean, family, given, spelling, birth, phones, towns: homes, records }
    }

    /// One record of a person.
    pub(crate) fn record(&self, random: &mut Random, person: &Person, tally: &mut Tally) -> Record {
        let now = random.unit();
        let mut record = Record { name: self.name(random, person, tally), ..Record::default() };
        let [birth, phone, town] = present(random);
        if birth {
            record.birth = self.birth(random, person, tally);
        }
        if phone {
            record.phone = self.phone(random, person, now, tally);
        } else if random.chance(0.1) {
            "없음".clone_into(&mut record.phone);
        }
        if town {
            let town = at(&person.towns, now);
            let written = match random.below(10) {
                0..=5 => town.native,
                6 => town.other,
                _ => town.latin,
            };
            written.clone_into(&mut record.town);
        }
        for field in [&record.birth, &record.phone, &record.town] {
            if field.is_empty() {
                tally.add(Class::Missing);
            }
        }
        record
    }

    fn errs(&self, random: &mut Random, rate: f64) -> bool {
        random.chance(rate * self.noise)
    }

    fn name(&self, random: &mut Random, person: &Person, tally: &mut Tally) -> String {
        let script = random.unit();
        if script < 0.5 {
            // In the country's own script, or in the other one that its readers know.
            let other = script < if person.korean { 0.08 } else { 0.14 };
            let write = |of: &Character| if other { of.other } else { of.native };
            let space = if person.korean && random.chance(0.15) { " " } else { "" };
            let given: String = person.given.iter().map(|of| write(of)).collect();
            return format!("{}{space}{given}", write(person.family));
        }
        tally.add(Class::OtherSpelling);
        let syllables: Vec<&str> = std::iter::once(&person.family)
            .chain(&person.given)
            .zip(&person.spelling)
            .map(|(of, preferred)| {
                let which = if random.chance(0.65) { *preferred } else { random.below(6) };
                of.latin[which % of.latin.len()]
            })
            .collect();
        let (family, given) = (syllables[0], &syllables[1..]);
        let mut given = match random.below(4) {
            0 | 1 => capital(&given.concat().to_lowercase()),
            2 => capital(&given.join("-").to_lowercase()),
            _ => given.iter().map(|part| capital(&part.to_lowercase())).collect::<Vec<_>>().join(" "),
        };
        if self.errs(random, 0.03) {
            given = slip(random, tally, &given);
        }
        match random.below(6) {
            0 | 1 => format!("{family} {given}"),
            2 | 3 => format!("{given} {family}"),
            4 => format!("{}, {given}", family.to_uppercase()),
            _ => format!("{given} {}", family.to_uppercase()),
        }
    }

    fn birth(&self, random: &mut Random, person: &Person, tally: &mut Tally) -> String {
        if self.errs(random, 0.01) {
            tally.add(Class::DefaultDate);
            return (*random.pick(&["1900-01-01", "1970-01-01", "0000-00-00"])).to_owned();
        }
        let (year, mut month, mut day) = person.birth;
        if self.errs(random, 0.01) && day <= 12 && day != month {
            tally.add(Class::DayMonthSwapped);
            std::mem::swap(&mut month, &mut day);
        }
        let text = match random.below(20) {
            0 => format!("{year}.{month:02}.{day:02}"),
            1 => format!("{year:04}{month:02}{day:02}"),
            2 if person.korean => format!("{year}년 {month}월 {day}일"),
            2 => format!("{year}年{month}月{day}日"),
            _ => format!("{year:04}-{month:02}-{day:02}"),
        };
        if self.errs(random, 0.03) { slip_digits(random, tally, &text) } else { text }
    }

    fn phone(&self, random: &mut Random, person: &Person, now: f64, tally: &mut Tally) -> String {
        let mut digits = at(&person.phones, now).clone();
        if self.errs(random, 0.02) {
            digits = slip_digits(random, tally, &digits);
        }
        let (head, rest) = digits.split_at(if person.korean { 2 } else { 3 });
        let (middle, tail) = rest.split_at(4);
        match (person.korean, random.below(4)) {
            (true, 0) => format!("+82 {head}-{middle}-{tail}"),
            (true, 1) => format!("0{head}{middle}{tail}"),
            (true, _) => format!("0{head}-{middle}-{tail}"),
            (false, 0) => format!("+86 {head} {middle} {tail}"),
            (false, 1) => format!("{head} {middle} {tail}"),
            (false, _) => format!("{head}{middle}{tail}"),
        }
    }
}

/// Which of date of birth, phone and town are there; at least two, else nobody could tell.
fn present(random: &mut Random) -> [bool; 3] {
    loop {
        let present = [0.65, 0.65, 0.9].map(|share| random.chance(share));
        if present.iter().filter(|present| **present).count() >= 2 {
            return present;
        }
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

fn at<T>(list: &[(T, f64)], now: f64) -> &T {
    list.iter().find(|(_, end)| now < *end).map_or(&list[list.len() - 1].0, |(value, _)| value)
}
