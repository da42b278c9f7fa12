//! The Starbucks rewards log: portfolio.json becomes offers, profile.json attributes, transcript.json events.
//!
//! Times in the log are whole hours; they are placed after [`START`]. A receipt is another system's decision
//! (`attune.contact`), a view an impression, a completion a conversion, a transaction an event.

use std::collections::BTreeMap;
use std::path::Path;

use attune_proto::channel::v1::CollectEvent;
use attune_proto::decision::v1::{Offer, OfferKind};
use attune_proto::identity::v1::Identifier;
use serde::Deserialize;
use serde_json::{Value, json};

use super::input;
use crate::exit::Failure;
use crate::values::{timestamp, to_struct};

/// Hour 0 of the log: 2018-01-01T00:00:00Z in microseconds. The log does not name its date.
pub(crate) const START: i64 = 1_514_764_800_000_000;
/// Microseconds of an hour.
pub(crate) const HOUR: i64 = 3_600_000_000;

#[derive(Deserialize)]
struct PortfolioLine {
    id: String,
    reward: f64,
    channels: Vec<String>,
    difficulty: f64,
    /// Days.
    duration: f64,
    offer_type: String,
}

#[derive(Deserialize)]
struct ProfileLine {
    id: String,
    gender: Option<String>,
    age: Option<f64>,
    became_member_on: Value,
    income: Option<f64>,
}

#[derive(Deserialize)]
struct TranscriptLine {
    person: String,
    event: String,
    value: BTreeMap<String, Value>,
    /// Hours since the log began.
    time: i64,
}

/// The offers of the portfolio.
///
/// # Errors
/// Bad input, with file and line.
pub(crate) fn offers(dir: &Path) -> Result<Vec<Offer>, Failure> {
    let mut out = Vec::new();
    input::lines(&input::find(dir, "portfolio.json")?, |_, text| {
        let line: PortfolioLine = parse(text)?;
        if !(0.0..=3650.0).contains(&line.duration) {
            return Err(format!("duration: {} days is not between 0 and 3650", line.duration));
        }
        let kind = if line.offer_type == "informational" { OfferKind::Information } else { OfferKind::Sales };
        #[expect(clippy::cast_possible_truncation, reason = "at most 3650 days")]
        let seconds = (line.duration * 86_400.0).round() as i64;
        out.push(Offer {
            offer_id: line.id,
            display_name: format!("{} {} after {}", line.offer_type, line.reward, line.difficulty),
            issue: "rewards".to_owned(),
            group: line.offer_type,
            kind: kind.into(),
            enabled: true,
            value: line.difficulty,
            cost: line.reward,
            channels: line.channels,
            response_window: Some(prost_types::Duration { seconds, nanos: 0 }),
            ..Offer::default()
        });
        Ok(())
    })?;
    Ok(out)
}

/// Hands over every event: first the members' records, then the transcript in file order.
///
/// # Errors
/// Bad input, with file and line, or what `each` answers.
pub(crate) fn events(dir: &Path, mut each: impl FnMut(CollectEvent) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut failed = None;
    let mut hand_over = |event: CollectEvent| match each(event) {
        Ok(()) => Ok(()),
        Err(failure) => {
            let message = failure.to_string();
            failed = Some(failure);
            Err(message)
        }
    };
    let members =
        input::lines(&input::find(dir, "profile.json")?, |number, text| hand_over(member(number, parse(text)?)));
    let log = members.and_then(|()| {
        input::lines(&input::find(dir, "transcript.json")?, |number, text| hand_over(transcript(number, parse(text)?)?))
    });
    match failed {
        Some(failure) => Err(failure),
        None => log,
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn event(id: String, person: &str, name: &str, hours: i64, sequence: i64, properties: &Value) -> CollectEvent {
    CollectEvent {
        event_id: id,
        identifiers: vec![Identifier { namespace: "customer_id".to_owned(), value: person.to_owned() }],
        event: name.to_owned(),
        time: Some(timestamp(START + hours * HOUR)),
        properties: Some(to_struct(properties)),
        channel: "rewards".to_owned(),
        sequence,
        source: "starbucks".to_owned(),
        ..CollectEvent::default()
    }
}

fn member(number: u64, line: ProfileLine) -> CollectEvent {
    // The publisher's placeholder of an unknown age is 118.
    let age = line.age.filter(|age| *age < 118.0);
    let attributes = json!({
        "gender": line.gender, "age": age, "income": line.income, "member_since": line.became_member_on.to_string().trim_matches('"'),
    });
    let known: serde_json::Map<String, Value> = attributes
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    event(format!("starbucks-member-{number}"), &line.id, "member_record", 0, 0, &json!({ "attributes": known }))
}

fn transcript(number: u64, line: TranscriptLine) -> Result<CollectEvent, String> {
    if !(0..=1_000_000).contains(&line.time) {
        return Err(format!("time: {} hours is not between 0 and 1000000", line.time));
    }
    let name = match line.event.as_str() {
        "offer received" => "attune.contact",
        "offer viewed" => "attune.impression",
        "offer completed" => "attune.conversion",
        "transaction" => "transaction",
        other => return Err(format!("event: unknown '{other}'")),
    };
    let mut properties: serde_json::Map<String, Value> = line.value.into_iter().collect();
    if name != "transaction" {
        // The publisher writes the key both with a space and with an underscore.
        let offer = properties.remove("offer id").or_else(|| properties.remove("offer_id"));
        let offer = offer.ok_or("value: has no offer id")?;
        properties.insert("offer_id".to_owned(), offer);
    }
    if let Some(reward) = properties.get("reward").cloned() {
        properties.insert("value".to_owned(), reward);
    }
    let sequence = i64::try_from(number).map_err(|_| "too many lines".to_owned())?;
    Ok(event(format!("starbucks-{number}"), &line.person, name, line.time, sequence, &Value::Object(properties)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_the_offer_key_are_read() {
        for key in ["offer id", "offer_id"] {
            let text = format!(r#"{{"person":"p","event":"offer viewed","value":{{"{key}":"o"}},"time":3}}"#);
            let event = transcript(9, parse(&text).unwrap()).unwrap();
            assert_eq!(event.event, "attune.impression");
            assert_eq!(event.sequence, 9);
            assert!(event.properties.unwrap().fields.contains_key("offer_id"));
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("profile.json"), "").unwrap();
        std::fs::write(
            dir.path().join("transcript.json"),
            "{\"person\":\"p\",\"event\":\"eaten\",\"value\":{},\"time\":0}\n",
        )
        .unwrap();
        let message = events(dir.path(), |_| Ok(())).unwrap_err().to_string();
        assert!(message.contains("transcript.json:1: event: unknown 'eaten'"), "{message}");
    }

    #[test]
    fn invalid_utf8_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("portfolio.json"), b"\n\xff\xfe\n").unwrap();
        let message = offers(dir.path()).unwrap_err().to_string();
        assert!(message.contains("portfolio.json:2: not UTF-8"), "{message}");
    }
}
