//! Persons with noisy records, for tests: households whose members are alike, and weights as a model would give them.

/// A small generator of random numbers: SplitMix64 (Steele, Lea & Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    /// Standard normal, by Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Always the same random number for a pair.
pub(crate) fn pair_random(seed: u64, left: u32, right: u32) -> Random {
    let mut random = Random(seed ^ (u64::from(left.min(right)) << 32 | u64::from(left.max(right))));
    Random(random.next())
}

/// Persons and their records.
#[derive(Debug, Clone)]
pub(crate) struct People {
    pub(crate) person: Vec<u32>,
    pub(crate) household: Vec<u32>,
    /// How damaged every record is: bits that each of its pairs loses on average.
    pub(crate) noise: Vec<f64>,
    pub(crate) seed: u64,
}

/// What the people are like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) persons: usize,
    /// Most records of a person.
    pub(crate) most: usize,
    /// Mean weight of a person's pairs before damage.
    pub(crate) mean: f64,
    /// Mean bits that a pair loses by one record's damage.
    pub(crate) damage: f64,
    /// Mean weight of pairs inside a household.
    pub(crate) household: f64,
}

impl Kind {
    /// Clusters of up to twelve records, one pair in ten below the threshold.
    pub(crate) const NOISY: Self = Self { persons: 3000, most: 12, mean: 18.0, damage: 4.0, household: -6.0 };
}

impl People {
    /// Draws people; one person in two shares a household with the one before.
    pub(crate) fn draw(kind: &Kind, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut people = Self { person: Vec::new(), household: Vec::new(), noise: Vec::new(), seed };
        let mut rows = Vec::new();
        let mut household = 0;
        for person in 0..kind.persons {
            if random.unit() < 0.5 {
                household += 1;
            }
            for _ in 0..1 + random.below(kind.most) {
                rows.push((person as u32, household, -(1.0 - random.unit()).ln() * kind.damage));
            }
        }
        random.shuffle(&mut rows);
        for (person, household, noise) in rows {
            people.person.push(person);
            people.household.push(household);
            people.noise.push(noise);
        }
        people
    }

    /// The weight that a model would give a pair.
    pub(crate) fn weight(&self, kind: &Kind, left: u32, right: u32) -> f32 {
        let (one, other) = (left as usize, right as usize);
        let mut random = pair_random(self.seed, left, right);
        let weight = if self.person[one] == self.person[other] {
            kind.mean + 4.0 * random.normal() - self.noise[one] - self.noise[other]
        } else if self.household[one] == self.household[other] {
            // Damage hides what the people of a household share as well, but that is less.
            kind.household + 4.0 * random.normal() - (self.noise[one] + self.noise[other]) / 3.0
        } else {
            -25.0 + 6.0 * random.normal()
        };
        weight as f32
    }

    /// The pairs that blocking would find: of a person or a household nine in ten, of strangers a few.
    pub(crate) fn edges(&self, kind: &Kind) -> Vec<super::Edge> {
        let mut by_household = std::collections::BTreeMap::<u32, Vec<u32>>::new();
        for (record, household) in self.household.iter().enumerate() {
            by_household.entry(*household).or_default().push(record as u32);
        }
        let mut edges = Vec::new();
        for records in by_household.values() {
            for (at, left) in records.iter().enumerate() {
                for right in &records[at + 1..] {
                    if pair_random(!self.seed, *left, *right).unit() < 0.9 {
                        let (left, right) = (*left, *right);
                        edges.push(super::Edge { left, right, weight: self.weight(kind, left, right) });
                    }
                }
            }
        }
        let mut random = Random(self.seed ^ 7);
        let records = self.person.len();
        for _ in 0..records {
            let (left, right) = (random.below(records) as u32, random.below(records) as u32);
            if left < right && self.household[left as usize] != self.household[right as usize] {
                // One stranger in five hundred looks like the same person: a shared or default value.
                let alike = random.unit() < 0.002;
                let weight = if alike { 3.0 } else { self.weight(kind, left, right) };
                edges.push(super::Edge { left, right, weight });
            }
        }
        edges.retain(|edge| edge.weight > -7.0);
        edges
    }
}

/// Precision, recall and F1 of the pairs inside clusters.
pub(crate) fn pairwise(truth: &[u32], found: &[u32]) -> (f64, f64, f64) {
    let pairs = |keys: &mut dyn Iterator<Item = (u32, u32)>| -> f64 {
        let mut counts = std::collections::BTreeMap::<(u32, u32), u64>::new();
        for key in keys {
            *counts.entry(key).or_default() += 1;
        }
        counts.values().map(|count| (count * (count - 1) / 2) as f64).sum()
    };
    let both = pairs(&mut truth.iter().copied().zip(found.iter().copied()));
    let expected = pairs(&mut truth.iter().map(|key| (*key, 0)));
    let given = pairs(&mut found.iter().map(|key| (*key, 0)));
    let (precision, recall) = (both / given.max(1.0), both / expected.max(1.0));
    (precision, recall, 2.0 * precision * recall / (precision + recall).max(1e-12))
}
