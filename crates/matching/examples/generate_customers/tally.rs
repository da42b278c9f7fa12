//! How often each kind of difficulty was put into the data.

/// Kinds of difficulty: of a record's field, of a record, or of a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
#[rustfmt::skip]
pub(crate) enum Class {
    Keyboard, Transposed, Dropped, Doubled, Misread,
    Missing, Garbage,
    SwappedNames, Nickname, Initial, Married, OtherSpelling, Capitals,
    Moved, ChangedPhone, ChangedEmail,
    DayMonthSwapped, DefaultDate, OtherDateForm,
    SharedPhone, SharedEmail,
    Twins, SameNameParent, SharedFlat, FlatInBlock, NoisyPerson,
}

/// The names of the classes, in order.
#[rustfmt::skip]
pub(crate) const CLASSES: [&str; 26] = [
    "keyboard", "transposed", "dropped", "doubled", "misread",
    "missing", "garbage",
    "swapped_names", "nickname", "initial", "married", "other_spelling", "capitals",
    "moved", "changed_phone", "changed_email",
    "day_month_swapped", "default_date", "other_date_form",
    "shared_phone", "shared_email",
    "twins", "same_name_parent", "shared_flat", "flat_in_block", "noisy_person",
];

/// Counts of records, persons, households and classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Records written.
    pub(crate) records: u64,
    /// Persons with at least one record.
    pub(crate) persons: u64,
    /// Households with at least one record.
    pub(crate) households: u64,
    counts: [u64; CLASSES.len()],
}

impl Tally {
    /// Counts one more of a class.
    pub(crate) fn add(&mut self, class: Class) {
        self.counts[class as usize] += 1;
    }

    /// How often a class occurred.
    #[cfg(test)]
    pub(crate) fn of(&self, class: Class) -> u64 {
        self.counts[class as usize]
    }

    /// Every count with its name, one JSON object.
    pub(crate) fn json(&self) -> String {
        let counts: Vec<String> =
            CLASSES.iter().zip(self.counts).map(|(name, count)| format!("\"{name}\": {count}")).collect();
        format!(
            "{{\"records\": {}, \"persons\": {}, \"households\": {}, {}}}",
            self.records,
            self.persons,
            self.households,
            counts.join(", ")
        )
    }
}
