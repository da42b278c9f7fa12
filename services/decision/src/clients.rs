//! The services that a decision asks: identity-resolution, profile and contact-optimization.

use std::collections::BTreeMap;

use async_trait::async_trait;
use attune_client::{ContactClient, IdentityClient, ProfileClient, deadline};
use attune_expression::Value;
use attune_kernel::{Code, PersonId, Problem, Timestamp};
use attune_proto::contact::v1::{AdmitRequest, Candidate};
use attune_proto::identity::v1::{Identifier, ResolveRequest};
use attune_proto::profile::v1::{GetProfileRequest, Profile};
use attune_service_kit::status::from_status;
use tonic::Status;

use crate::config::DependenciesConfig;
use crate::domain::decide::Verdict;
use crate::domain::subject::{Consent, Known};
use crate::error::Error;

/// What a decision asks of others. Each call ends within its configured time.
#[async_trait]
pub(crate) trait Neighbours: Send + Sync {
    /// The person that identifiers belong to. A person who is not known yet is created, unless `read_only`.
    ///
    /// # Errors
    /// [`Error::Away`]; [`Error::Request`] with paths below `subject` when identity-resolution refuses the identifiers.
    async fn resolve(&self, identifiers: Vec<Identifier>, read_only: bool) -> Result<PersonId, Error>;

    /// What is known of a person.
    ///
    /// # Errors
    /// [`Error::Away`].
    async fn profile(&self, person: PersonId) -> Result<Known, Error>;

    /// What the contact policies say of offers on a channel, one verdict each, in order. Nothing is reserved.
    ///
    /// # Errors
    /// [`Error::Away`].
    async fn admit(
        &self,
        person: PersonId,
        channel: &str,
        offers: Vec<String>,
        time: Timestamp,
    ) -> Result<Vec<Verdict>, Error>;
}

/// The services behind typed clients.
pub(crate) struct Remote {
    pub(crate) identity: IdentityClient,
    pub(crate) profile: ProfileClient,
    pub(crate) contact: ContactClient,
    pub(crate) config: DependenciesConfig,
}

#[async_trait]
impl Neighbours for Remote {
    async fn resolve(&self, identifiers: Vec<Identifier>, read_only: bool) -> Result<PersonId, Error> {
        const NAME: &str = "identity-resolution";
        let request = ResolveRequest { identifiers, source: "decision".to_owned(), read_only, ..Default::default() };
        let mut client = self.identity.clone();
        let answer = deadline::within(self.config.identity_timeout, client.resolve(request)).await;
        match answer {
            Ok(answer) => parse(NAME, &answer.into_inner().person_id),
            Err(status) => Err(refused(NAME, &status)),
        }
    }

    async fn profile(&self, person: PersonId) -> Result<Known, Error> {
        let request = GetProfileRequest { person_id: person.to_string() };
        let mut client = self.profile.clone();
        let answer = deadline::within(self.config.profile_timeout, client.get_profile(request)).await;
        let profile = answer.map_err(|status| away("profile", &status))?.into_inner().profile;
        Ok(known(profile.unwrap_or_default()))
    }

    async fn admit(
        &self,
        person: PersonId,
        channel: &str,
        offers: Vec<String>,
        time: Timestamp,
    ) -> Result<Vec<Verdict>, Error> {
        const NAME: &str = "contact-optimization";
        let asked = offers.len();
        let candidate =
            |offer_id: String| Candidate { offer_id, channel: channel.to_owned(), campaign_id: String::new() };
        let (seconds, nanos) = time.to_seconds_nanos();
        let request = AdmitRequest {
            person_id: person.to_string(),
            candidates: offers.into_iter().map(candidate).collect(),
            time: Some(prost_types::Timestamp { seconds, nanos }),
            ..Default::default()
        };
        let mut client = self.contact.clone();
        let answer = deadline::within(self.config.contact_timeout, client.admit(request)).await;
        let verdicts = answer.map_err(|status| away(NAME, &status))?.into_inner().verdicts;
        if verdicts.len() != asked {
            let message = format!("{} verdicts for {asked} candidates", verdicts.len());
            return Err(Error::Away { name: NAME, message });
        }
        let verdict = |verdict: attune_proto::contact::v1::Verdict| match verdict.denials.into_iter().next() {
            _ if verdict.admitted => Verdict::Admitted,
            Some(denial) => Verdict::Denied {
                rule: denial.contact_policy_id,
                limit: denial.limit.to_string(),
                used: denial.used.to_string(),
            },
            None => Verdict::Denied { rule: "contact policy".to_owned(), limit: String::new(), used: String::new() },
        };
        Ok(verdicts.into_iter().map(verdict).collect())
    }
}

fn parse(name: &'static str, person: &str) -> Result<PersonId, Error> {
    person.parse().map_err(|_| Error::Away { name, message: "answered what is no person id".to_owned() })
}

/// Any failure of a service the decision can do without.
fn away(name: &'static str, status: &Status) -> Error {
    Error::Away { name, message: status.message().to_owned() }
}

/// A failure of identity-resolution: the caller's identifiers may be wrong, or it is away.
fn refused(name: &'static str, status: &Status) -> Error {
    let mut problem: Problem = from_status(status);
    match problem.code {
        Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition => {
            for violation in &mut problem.violations {
                violation.field = format!("subject.{}", violation.field);
            }
            Error::Request(problem)
        }
        _ => away(name, status),
    }
}

fn known(profile: Profile) -> Known {
    let consent = |consent: attune_proto::profile::v1::Consent| {
        let time = consent.time.unwrap_or_default();
        Consent {
            purpose: consent.purpose,
            channel: consent.channel,
            granted: consent.granted,
            time: Timestamp::from_seconds_nanos(time.seconds, time.nanos).unwrap_or_default(),
        }
    };
    let attributes = profile.attributes.into_iter();
    Known {
        attributes: values(attributes.filter_map(|(name, attribute)| Some((name, attribute.value?)))),
        traits: values(profile.traits),
        tags: profile.tags.into_iter().map(|tag| tag.tag).collect(),
        segments: profile.segments,
        consents: profile.consents.into_iter().map(consent).collect(),
    }
}

/// Values as rules see them.
pub(crate) fn values(entries: impl IntoIterator<Item = (String, prost_types::Value)>) -> BTreeMap<String, Value> {
    entries.into_iter().map(|(name, value)| (name, expression_value(value))).collect()
}

/// A number is a double, as CEL reads `google.protobuf.Value`.
fn expression_value(value: prost_types::Value) -> Value {
    use prost_types::value::Kind;
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::NumberValue(number)) => Value::Double(number),
        Some(Kind::StringValue(text)) => Value::String(text.into()),
        Some(Kind::BoolValue(truth)) => Value::Bool(truth),
        Some(Kind::ListValue(list)) => {
            Value::List(list.values.into_iter().map(expression_value).collect::<Vec<_>>().into())
        }
        Some(Kind::StructValue(fields)) => {
            let fields = fields.fields.into_iter().map(|(name, value)| (name.into(), expression_value(value)));
            Value::Map(std::sync::Arc::new(fields.collect()))
        }
    }
}
