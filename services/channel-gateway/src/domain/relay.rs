//! Which services an event is relayed to besides identity, profile and journey, read from its name and properties.

/// The prefix of event names that have a meaning to the suite.
pub const RESERVED_PREFIX: &str = "attune.";

/// What a person did with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseKind {
    /// Saw it.
    Impression,
    /// Clicked it.
    Click,
    /// Accepted it.
    Accept,
    /// Dismissed it.
    Dismiss,
    /// Bought or completed what it asks for.
    Conversion,
}

impl ResponseKind {
    /// The kind as the decision contract spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Impression => "IMPRESSION",
            Self::Click => "CLICK",
            Self::Accept => "ACCEPT",
            Self::Dismiss => "DISMISS",
            Self::Conversion => "CONVERSION",
        }
    }
}

/// The extra way of one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Relay {
    /// Nowhere else.
    None,
    /// A contact was made: it counts against the contact policies. Without a decision of ours it was decided
    /// elsewhere and is imported, so that responses find it.
    Contact {
        /// The offer that was made.
        offer_id: String,
        /// The decision behind it, when it was ours.
        decision_id: Option<String>,
        /// The campaign, when known.
        campaign_id: Option<String>,
    },
    /// A person answered an offer.
    Response {
        /// The offer.
        offer_id: String,
        /// The decision, when the source knows it; otherwise it is found by person and offer.
        decision_id: Option<String>,
        /// What the person did.
        kind: ResponseKind,
        /// What it was worth.
        value: f64,
    },
}

/// The properties that a relay reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Properties<'a> {
    /// `offer_id`.
    pub offer_id: Option<&'a str>,
    /// `decision_id`.
    pub decision_id: Option<&'a str>,
    /// `campaign_id`.
    pub campaign_id: Option<&'a str>,
    /// `value`.
    pub value: Option<f64>,
}

/// Why a reserved event cannot be relayed: the property that is wrong and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// The field, relative to the event.
    pub field: &'static str,
    /// What is wrong.
    pub description: &'static str,
}

/// Where the event `name` goes besides identity, profile and journey.
///
/// # Errors
/// [`Unusable`] when the name is reserved and unknown, or a property that it needs is missing.
pub fn relay(name: &str, properties: &Properties<'_>) -> Result<Relay, Unusable> {
    let Some(reserved) = name.strip_prefix(RESERVED_PREFIX) else {
        return Ok(Relay::None);
    };
    let kind = match reserved {
        "contact" => None,
        "impression" => Some(ResponseKind::Impression),
        "click" => Some(ResponseKind::Click),
        "accept" => Some(ResponseKind::Accept),
        "dismiss" => Some(ResponseKind::Dismiss),
        "conversion" => Some(ResponseKind::Conversion),
        _ => {
            return Err(Unusable {
                field: "event",
                description: "is not one of the reserved names that start with attune.",
            });
        }
    };
    let offer_id = properties
        .offer_id
        .filter(|offer| !offer.is_empty() && offer.len() <= 128)
        .ok_or(Unusable { field: "properties.offer_id", description: "must be a text of 1 to 128 characters" })?
        .to_owned();
    let decision_id = properties.decision_id.filter(|id| !id.is_empty()).map(str::to_owned);
    if decision_id.as_ref().is_some_and(|id| id.len() > 64) {
        return Err(Unusable { field: "properties.decision_id", description: "must have at most 64 characters" });
    }
    let value = properties.value.unwrap_or_default();
    if !value.is_finite() {
        return Err(Unusable { field: "properties.value", description: "must be a finite number" });
    }
    Ok(match kind {
        None => {
            let campaign_id = properties.campaign_id.filter(|id| !id.is_empty()).map(str::to_owned);
            Relay::Contact { offer_id, decision_id, campaign_id }
        }
        Some(kind) => Relay::Response { offer_id, decision_id, kind, value },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_events_go_nowhere_else() {
        assert_eq!(relay("page_view", &Properties::default()), Ok(Relay::None));
    }

    #[test]
    fn a_response_keeps_the_decision_it_names() {
        let properties =
            Properties { offer_id: Some("o"), decision_id: Some("d"), value: Some(2.5), ..Properties::default() };
        assert_eq!(
            relay("attune.accept", &properties),
            Ok(Relay::Response {
                offer_id: "o".to_owned(),
                decision_id: Some("d".to_owned()),
                kind: ResponseKind::Accept,
                value: 2.5
            })
        );
    }

    #[test]
    fn reserved_names_need_what_they_mean() {
        assert_eq!(relay("attune.eat", &Properties::default()).unwrap_err().field, "event");
        assert_eq!(relay("attune.contact", &Properties::default()).unwrap_err().field, "properties.offer_id");
        let nan = Properties { offer_id: Some("o"), value: Some(f64::NAN), ..Properties::default() };
        assert_eq!(relay("attune.click", &nan).unwrap_err().field, "properties.value");
    }
}
