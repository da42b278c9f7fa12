//! Which contacts a rule is about.

/// Lists of names; an empty list takes everything, so the empty scope takes every contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// These channels.
    pub channels: Vec<String>,
    /// These offers.
    pub offers: Vec<String>,
    /// These campaigns.
    pub campaigns: Vec<String>,
}

impl Scope {
    /// Whether every contact is in scope.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.channels.is_empty() && self.offers.is_empty() && self.campaigns.is_empty()
    }

    /// Sorts the lists and drops repeats, which [`contains`](Self::contains) relies on.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        for list in [&mut self.channels, &mut self.offers, &mut self.campaigns] {
            list.sort_unstable();
            list.dedup();
        }
        self
    }

    /// Whether a contact is in a normalized scope.
    #[must_use]
    pub fn contains(&self, channel: &str, offer: &str, campaign: &str) -> bool {
        let takes = |list: &[String], name: &str| {
            list.is_empty() || list.binary_search_by(|entry| entry.as_str().cmp(name)).is_ok()
        };
        takes(&self.channels, channel) && takes(&self.offers, offer) && takes(&self.campaigns, campaign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_takes_all_and_a_list_takes_its_members() {
        let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect();
        let scope = Scope { channels: names(&["sms", "email", "sms"]), ..Scope::default() }.normalized();
        assert_eq!(scope.channels, ["email", "sms"]);
        assert!(scope.contains("sms", "any", ""));
        assert!(!scope.contains("push", "any", ""));
        assert!(Scope::default().contains("x", "", "") && Scope::default().is_everything());
        let campaign = Scope { campaigns: names(&["c"]), ..Scope::default() };
        assert!(!campaign.contains("sms", "any", ""), "no campaign is not a member of a list");
    }
}
