//! Contacts and the rules over them, as a caller wrote them.

/// A contact of a plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contact<'a> {
    /// Its proposal's id, unique within the plan.
    pub id: &'a str,
    /// The customer.
    pub customer: &'a str,
    /// The offer; empty for none.
    pub offer: &'a str,
    /// The channel; empty for none.
    pub channel: &'a str,
    /// The campaign; empty for none.
    pub campaign: &'a str,
    /// The customer's segment; empty for none.
    pub segment: &'a str,
    /// The slot; empty for none.
    pub slot: &'a str,
    /// The expected value, in any unit.
    pub value: f64,
    /// The cost, in any unit, not negative.
    pub cost: f64,
}

/// A contact made before the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past<'a> {
    /// The customer.
    pub customer: &'a str,
    /// The offer.
    pub offer: &'a str,
    /// Seconds from the contact to the plan.
    pub seconds_ago: u64,
}

/// Lists of names; an empty list takes everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// These channels.
    pub channels: Vec<String>,
    /// These offers.
    pub offers: Vec<String>,
    /// These campaigns.
    pub campaigns: Vec<String>,
    /// These segments.
    pub segments: Vec<String>,
    /// These slots.
    pub slots: Vec<String>,
}

impl Scope {
    /// Whether a contact is in scope.
    #[must_use]
    pub fn contains(&self, contact: &Contact<'_>) -> bool {
        [
            (&self.channels, contact.channel),
            (&self.offers, contact.offer),
            (&self.campaigns, contact.campaign),
            (&self.segments, contact.segment),
            (&self.slots, contact.slot),
        ]
        .into_iter()
        .all(|(list, name)| list.is_empty() || list.iter().any(|entry| entry == name))
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// The contacts it counts.
    pub scope: Scope,
    /// What it demands of them.
    pub demand: Demand,
}

/// What a rule demands of the contacts in its scope.
#[derive(Debug, Clone, PartialEq)]
pub enum Demand {
    /// At most so many contacts of each customer.
    MaxPerCustomer(u64),
    /// At least so many contacts of each of so many customers; a customer without any contact in scope lacks all.
    MinPerCustomer {
        /// Contacts of each.
        limit: u64,
        /// How many customers the rule is about.
        customers: u64,
    },
    /// At most so many contacts of each customer and offer.
    MaxPerOffer(u64),
    /// So many contacts in all.
    Capacity {
        /// At least; 0 for no minimum.
        min: u64,
        /// At most; none for no maximum.
        max: Option<u64>,
    },
    /// At most so much cost in all.
    Budget(f64),
    /// Of each customer at most so many different offers in scope.
    Exclusive(u64),
    /// A contact with `offer` only for customers with one with `requires`, in the plan or before.
    Requires {
        /// The offer that depends.
        offer: String,
        /// What it depends on.
        requires: String,
    },
    /// No contact with `offer` for customers who had `after` less than `within` seconds ago.
    NotAfter {
        /// The offer kept back.
        offer: String,
        /// The offer that went before.
        after: String,
        /// Seconds; exactly that long ago is long enough.
        within: u64,
    },
}
