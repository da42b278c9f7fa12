//! Paths of touches.

use rustc_hash::FxHashMap;

use crate::{Credit, Error};

/// Most channels: codes are 16 bits wide.
pub const MOST_CHANNELS: usize = u16::MAX as usize;

/// Paths with what became of them: for each, how often it ended in a conversion, the value of those, and how often in none.
///
/// Touches are codes in one row; a path costs two bytes a touch and 32 bytes.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    channels: Vec<String>,
    codes: FxHashMap<String, u16>,
    touches: Vec<u16>,
    /// Seconds of each touch before the end of its path, where paths have times; else empty.
    ages: Vec<f64>,
    ends: Vec<usize>,
    conversions: Vec<f64>,
    values: Vec<f64>,
    nulls: Vec<f64>,
}

/// One path.
#[derive(Debug, Clone, Copy)]
pub struct Path<'a> {
    /// Codes of its channels in order.
    pub touches: &'a [u16],
    /// Seconds of each touch before the end; empty where paths have no times.
    pub ages: &'a [f64],
    /// How often it ended in a conversion.
    pub conversions: f64,
    /// The value of these conversions.
    pub value: f64,
    /// How often it ended in none.
    pub nulls: f64,
}

impl Paths {
    /// Adds a path by the names of its touches.
    ///
    /// # Errors
    /// [`Error::EmptyPath`], [`Error::BadNumber`], [`Error::TooManyChannels`]; nothing is added then.
    pub fn add<'n>(
        &mut self,
        touches: impl IntoIterator<Item = &'n str>,
        conversions: f64,
        value: f64,
        nulls: f64,
    ) -> Result<(), Error> {
        self.check(conversions, value, nulls)?;
        let start = self.touches.len();
        for touch in touches {
            match self.code(touch) {
                Ok(code) => self.touches.push(code),
                Err(error) => {
                    self.touches.truncate(start);
                    return Err(error);
                }
            }
        }
        self.end(start, conversions, value, nulls)
    }

    /// Adds a path with times: each touch with the seconds that it lies before the end of the path.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_timed<'n>(
        &mut self,
        touches: impl IntoIterator<Item = (&'n str, f64)>,
        conversions: f64,
        value: f64,
        nulls: f64,
    ) -> Result<(), Error> {
        let (mut names, mut ages) = (Vec::new(), Vec::new());
        for (name, age) in touches {
            if !(age.is_finite() && age >= 0.0) {
                return Err(Error::BadNumber { field: "age", value: age });
            }
            names.push(name);
            ages.push(age);
        }
        self.add(names, conversions, value, nulls)?;
        self.ages.extend(ages);
        Ok(())
    }

    fn check(&self, conversions: f64, value: f64, nulls: f64) -> Result<(), Error> {
        for (field, number) in [("conversions", conversions), ("nulls", nulls)] {
            if !(number.is_finite() && number >= 0.0) {
                return Err(Error::BadNumber { field, value: number });
            }
        }
        // A return of goods has a negative value; it only has to be a number.
        if value.is_finite() { Ok(()) } else { Err(Error::BadNumber { field: "value", value }) }
    }

    fn code(&mut self, channel: &str) -> Result<u16, Error> {
        if let Some(code) = self.codes.get(channel) {
            return Ok(*code);
        }
        let found = self.channels.len();
        let code = u16::try_from(found).ok().filter(|code| usize::from(*code) < MOST_CHANNELS);
        let code = code.ok_or(Error::TooManyChannels { limit: MOST_CHANNELS, found: found + 1 })?;
        self.codes.insert(channel.to_owned(), code);
        self.channels.push(channel.to_owned());
        Ok(code)
    }

    fn end(&mut self, start: usize, conversions: f64, value: f64, nulls: f64) -> Result<(), Error> {
        if self.touches.len() == start {
            return Err(Error::EmptyPath);
        }
        self.ends.push(self.touches.len());
        self.conversions.push(conversions);
        self.values.push(value);
        self.nulls.push(nulls);
        Ok(())
    }

    /// The channels by code, in the order in which they were first seen.
    #[must_use]
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// How many paths there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All conversions.
    #[must_use]
    pub fn conversions(&self) -> f64 {
        self.conversions.iter().sum()
    }

    /// The value of all conversions.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.values.iter().sum()
    }

    /// The paths in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Path<'_>> {
        let timed = self.ages.len() == self.touches.len();
        (0..self.len()).map(move |at| {
            let start = if at == 0 { 0 } else { self.ends[at - 1] };
            let span = start..self.ends[at];
            Path {
                touches: &self.touches[span.clone()],
                ages: if timed { &self.ages[span] } else { &[] },
                conversions: self.conversions[at],
                value: self.values[at],
                nulls: self.nulls[at],
            }
        })
    }

    /// Credits from sums by code.
    pub(crate) fn credits(&self, conversions: &[f64], values: &[f64], errors: Option<&[f64]>) -> Vec<Credit> {
        self.channels
            .iter()
            .enumerate()
            .map(|(code, channel)| Credit {
                channel: channel.clone(),
                conversions: conversions[code],
                value: values[code],
                error: errors.map_or(0.0, |errors| errors[code]),
            })
            .collect()
    }
}
