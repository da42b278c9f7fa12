//! The truth: households, the persons in them, and what changes in their lives.

use crate::culture::Culture;
use crate::random::{Random, Zipf};
use crate::tally::{Class, Tally};

/// A postal address as its inhabitant would write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The street's name without its kind, and the kind's position in the culture's list.
    pub(crate) street: (String, usize),
    /// House number.
    pub(crate) number: u32,
    /// Number of the flat, in a house with several.
    pub(crate) flat: Option<u32>,
    /// Five digits.
    pub(crate) postcode: String,
    /// Position of the town.
    pub(crate) town: usize,
}

/// A date of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birth {
    /// Year.
    pub(crate) year: u32,
    /// Month, from 1.
    pub(crate) month: u32,
    /// Day, from 1; never above 28, so that every date exists.
    pub(crate) day: u32,
}

/// A person and their life: each list in the order of time, with the share of it at which the entry ends.
#[derive(Debug)]
pub(crate) struct Person {
    /// Given name.
    pub(crate) given: String,
    /// Short form that friends use.
    pub(crate) nickname: Option<String>,
    /// Second initial.
    pub(crate) middle: Option<char>,
    /// A woman, by the lists the name is from.
    pub(crate) woman: bool,
    /// Family names.
    pub(crate) family: Vec<(String, f64)>,
    /// Date of birth.
    pub(crate) birth: Birth,
    /// Phone numbers, national digits without the leading zero.
    pub(crate) phones: Vec<(String, f64)>,
    /// Mail addresses.
    pub(crate) emails: Vec<(String, f64)>,
    /// Addresses.
    pub(crate) addresses: Vec<(Address, f64)>,
    /// National number.
    pub(crate) number: String,
    /// Leaves many careless records.
    pub(crate) noisy: bool,
    /// How many records there are of them.
    pub(crate) records: usize,
}

/// Persons at one address.
#[derive(Debug)]
pub(crate) struct Household {
    /// Who lives there.
    pub(crate) persons: Vec<Person>,
    /// The phone all of them may give.
    pub(crate) phone: Option<String>,
    /// The mail address all of them may give.
    pub(crate) email: Option<String>,
}

/// Draws households of one culture.
#[derive(Debug)]
pub(crate) struct World<'a> {
    culture: &'a Culture,
    seed: u64,
    women: Zipf,
    men: Zipf,
    family: Zipf,
    streets: Zipf,
    kinds: Zipf,
    towns: Zipf,
    mail: Zipf,
    records: Zipf,
}

/// Persons are of this year.
const NOW: u32 = 2026;

impl<'a> World<'a> {
    /// A world of a seed.
    pub(crate) fn new(culture: &'a Culture, seed: u64) -> Self {
        let rare = culture.rare_family.0.len() * culture.rare_family.1.len();
        Self {
            culture,
            seed,
            women: Zipf::new(culture.women.len(), 8.0, 0.95),
            men: Zipf::new(culture.men.len(), 8.0, 0.95),
            family: Zipf::new(culture.family.len() + rare, 12.0, 0.85),
            streets: Zipf::new(culture.streets.len(), 15.0, 0.8),
            kinds: Zipf::new(culture.street_kinds.len(), 1.0, 1.0),
            towns: Zipf::new(culture.towns.len(), 5.0, 1.0),
            mail: Zipf::new(culture.mail.len(), 1.0, 1.1),
            records: Zipf::new(8, 1.0, 1.35),
        }
    }

    /// The household of a position: the same one whatever else is asked for.
    pub(crate) fn household(&self, position: u64, tally: &mut Tally) -> Household {
        let mut random = Random::new(self.seed, position.wrapping_mul(4) + 1);
        let random = &mut random;
        let block = Random::new(self.seed, (position / 12).wrapping_mul(4) + 2).chance(0.2);
        let mut address = self.address(random);
        if block {
            tally.add(Class::FlatInBlock);
            let mut shared = Random::new(self.seed, (position / 12).wrapping_mul(4) + 3);
            address = self.address(&mut shared);
            address.flat = Some((position % 12) as u32 + 1);
        }
        let kind = random.unit();
        let name = self.family_name(random);
        let persons = if kind < 0.66 {
            vec![self.adult(random, &name, &address)]
        } else if kind < 0.81 {
            self.couple(random, &name, &address)
        } else if kind < 0.92 {
            self.parents_and_children(random, &name, &address, tally)
        } else {
            tally.add(Class::SharedFlat);
            let count = random.between(2, 4);
            (0..count)
                .map(|_| {
                    let name = self.family_name(random);
                    self.adult(random, &name, &address)
                })
                .collect()
        };
        let together = persons.len() > 1 && kind < 0.92;
        let phone = (together && random.chance(0.5)).then(|| self.phone(random));
        let email = (together && random.chance(0.25)).then(|| {
            let word = ["family", "home"][random.below(2)];
            self.local(random, word, &name, 0)
        });
        Household { persons, phone, email }
    }

    fn couple(&self, random: &mut Random, name: &str, address: &Address) -> Vec<Person> {
        let first = self.person(random, name, address, (20, 88), Some(false));
        let age = NOW - first.birth.year;
        let other = if random.chance(0.7) { name.to_owned() } else { self.family_name(random) };
        let second = self.person(random, &other, address, (age.max(24) - 6, age + 6), Some(true));
        vec![first, second]
    }

    fn parents_and_children(
        &self,
        random: &mut Random,
        name: &str,
        address: &Address,
        tally: &mut Tally,
    ) -> Vec<Person> {
        let mut persons = self.couple(random, name, address);
        for parent in &mut persons {
            parent.birth.year = parent.birth.year.clamp(1950, 1984);
        }
        let count = random.between(1, 3);
        for _ in 0..count {
            let child = self.person(random, name, address, (14, 25), None);
            persons.push(child);
        }
        if random.chance(0.06) {
            tally.add(Class::Twins);
            let birth = persons[2].birth;
            let mut twin = self.person(random, name, address, (14, 25), None);
            twin.birth = birth;
            // Twins are not called the same.
            while twin.given == persons[2].given {
                let woman = twin.woman;
                (twin.given, twin.nickname) = self.given_name(random, woman);
            }
            persons.push(twin);
        }
        if random.chance(0.05) {
            tally.add(Class::SameNameParent);
            let (parent, child) = if persons[2].woman { (1, 2) } else { (0, 2) };
            persons[child].given = persons[parent].given.clone();
            persons[child].nickname = persons[parent].nickname.clone();
            persons[child].family[0].0 = persons[parent].family[0].0.clone();
        }
        persons
    }

    fn adult(&self, random: &mut Random, name: &str, address: &Address) -> Person {
        self.person(random, name, address, (18, 90), None)
    }

    fn person(&self, random: &mut Random, name: &str, home: &Address, ages: (u32, u32), woman: Option<bool>) -> Person {
        let woman = woman.unwrap_or_else(|| random.chance(0.5));
        let (given, nickname) = self.given_name(random, woman);
        let age = (random.between(ages.0, ages.1) + random.between(ages.0, ages.1)) / 2;
        let birth = Birth { year: NOW - age, month: random.between(1, 12), day: random.between(1, 28) };
        let noisy = random.chance(0.012);
        let records = if noisy { 5 + random.below(4) } else { 1 + self.records.draw(random) };
        let mut family = vec![(name.to_owned(), 1.0)];
        if woman && random.chance(0.07) {
            family.insert(0, (self.family_name(random), random.unit()));
        }
        let mut addresses = vec![(home.clone(), 1.0)];
        if random.chance(0.18) {
            addresses.insert(0, (self.address(random), random.unit()));
        }
        let mut phones = vec![(self.phone(random), 1.0)];
        if random.chance(0.2) {
            phones.insert(0, (self.phone(random), random.unit()));
        }
        let mut emails = vec![(self.local(random, &given, name, birth.year), 1.0)];
        if random.chance(0.2) {
            emails.insert(0, (self.local(random, &given, &family[0].0, birth.year), random.unit()));
        }
        let middle = random.chance(0.3).then(|| char::from(b'A' + random.below(20) as u8));
        let number = format!("{}{}", char::from(b'A' + random.below(20) as u8), random.digits(9));
        Person { given, nickname, middle, woman, family, birth, phones, emails, addresses, number, noisy, records }
    }

    fn given_name(&self, random: &mut Random, woman: bool) -> (String, Option<String>) {
        let name =
            if woman { self.culture.women[self.women.draw(random)] } else { self.culture.men[self.men.draw(random)] };
        let short: Vec<&str> =
            self.culture.nicknames.iter().filter(|(long, _)| *long == name).map(|(_, short)| *short).collect();
        let nickname = (!short.is_empty()).then(|| (*random.pick(&short)).to_owned());
        (name.to_owned(), nickname)
    }

    fn family_name(&self, random: &mut Random) -> String {
        let place = self.family.draw(random);
        match place.checked_sub(self.culture.family.len()) {
            None => self.culture.family[place].to_owned(),
            Some(rare) => {
                let (heads, tails) = self.culture.rare_family;
                // Neighbouring positions differ in their beginning.
                format!("{}{}", heads[rare % heads.len()], tails[rare / heads.len() % tails.len()])
            }
        }
    }

    fn address(&self, random: &mut Random) -> Address {
        let town = self.towns.draw(random);
        // Large towns have more postcodes; a postcode has its own few streets.
        let districts = (400.0 / (town as f64 + 5.0)).max(3.0) as usize;
        let postcode = format!("{:02}{:03}", 10 + town % 90, (town / 90) * 500 + random.below(districts) * 7 % 500);
        let street = self.culture.streets[self.streets.draw(random)].to_owned();
        let number = 1 + (random.unit().powi(2) * 180.0) as u32;
        Address { street: (street, self.kinds.draw(random)), number, flat: None, postcode, town }
    }

    fn phone(&self, random: &mut Random) -> String {
        format!("{}{}", random.pick(self.culture.mobile), random.digits(8))
    }

    fn local(&self, random: &mut Random, given: &str, family: &str, year: u32) -> String {
        let plain = |text: &str| -> String {
            self.culture.plain_letters(text).to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
        };
        let (given, family) = (plain(given), plain(family));
        let initial = given.chars().next().unwrap_or('x');
        let local = match random.below(8) {
            0 | 1 => format!("{given}.{family}"),
            2 => format!("{given}{family}"),
            3 => format!("{initial}{family}{}", random.between(1, 999)),
            4 => format!("{given}.{family}{}", if year == 0 { random.between(1, 99) } else { year % 100 }),
            5 => format!("{given}{}", random.between(10, 9999)),
            6 => format!("{family}.{given}{}", random.between(1, 99)),
            _ => format!("{}{}{}", random.pick(&WORDS), random.pick(&WORDS), random.between(1, 999)),
        };
        format!("{local}@{}", self.culture.mail[self.mail.draw(random)])
    }
}

/// What people call themselves where nobody knows them.
#[rustfmt::skip]
const WORDS: [&str; 48] = [
    "blue", "red", "happy", "lucky", "dark", "wild", "silent", "super", "mega", "tiny", "cosmic", "rusty", "golden", "frozen", "crazy", "sunny", "tiger",
    "dragon", "panda", "wolf", "eagle", "rider", "gamer", "runner", "baker", "pilot", "ninja", "wizard", "storm", "river", "star", "moon", "rocket", "pixel",
    "coffee", "cookie", "mango", "pepper", "shadow", "echo", "comet", "violin", "chess", "garden", "harbor", "maple", "velvet", "turbo",
];
