//! Consents, quiet preferences and suppressions, and whether a contact is allowed.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_kernel::{Problem, Timestamp, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::request::violations;
use sha2::{Digest as _, Sha256};

use super::events::rpc_status;
use super::{Profiles, check, convert};
use crate::domain::batch::Batch;
use crate::domain::consent::{self, Asked, Consent, Kind};
use crate::domain::document::Document;
use crate::domain::quiet::{self, Quiet};
use crate::error::Error;
use crate::store::Work;

impl Profiles {
    /// Records a word of a person, or one that waits for a token.
    pub(super) async fn consent(
        &self,
        request: proto::SetConsentRequest,
    ) -> Result<proto::SetConsentResponse, Problem> {
        let word = request.consent.unwrap_or_default();
        let now = self.clock.now();
        let one = |violation| Problem::invalid(vec![violation]);
        let time = check::past("consent.time", word.time.as_ref(), now).map_err(one)?;
        let until = convert::time("consent.expire_time", word.expire_time.as_ref()).map_err(one)?;
        let word = Consent {
            purpose: word.purpose,
            channel: word.channel,
            granted: word.granted,
            time: time.unwrap_or(now),
            source: word.source,
            proof: word.proof,
            basis: word.legal_basis,
            until,
            kind: Kind::Word,
        };
        let waits = request.double_opt_in && word.granted;
        let token = if waits { format!("{:016x}{:016x}", self.ids.seed(), self.ids.seed()) } else { String::new() };
        let expire = waits.then(|| now.plus(self.config.confirm_within));
        let word =
            if waits { Consent { kind: Kind::Pending, proof: hash(&token), until: expire, ..word } } else { word };
        let named = request.person_id.clone();
        let change = move |document: &mut Document| Ok(document.record_consent(&named, word.clone())?);
        self.change(&request.person_id, String::new(), change).await?;
        let consents = convert::consents(&self.document(&request.person_id).await?);
        Ok(proto::SetConsentResponse { consents, confirm_token: token, token_expire_time: expire.map(convert::stamp) })
    }

    /// Makes a consent that waits for a token one that is given, once.
    pub(super) async fn confirm(&self, request: proto::ConfirmConsentRequest) -> Result<Vec<proto::Consent>, Problem> {
        let now = self.clock.now();
        let (token, source, named) = (hash(&request.token), request.source, request.person_id.clone());
        let change = move |document: &mut Document| {
            let waits = document.consents.iter().find(|one| one.kind == Kind::Pending && one.proof == token);
            let Some(pending) = waits.filter(|one| one.granted && one.until.is_none_or(|until| now < until)).cloned()
            else {
                return Err(Error::Token);
            };
            let done = Consent { granted: false, time: now.max(pending.time), ..pending.clone() };
            let word = Consent {
                kind: Kind::Word,
                time: now.max(pending.time),
                source: if source.is_empty() { pending.source.clone() } else { source.clone() },
                proof: format!("double-opt-in:{}", &pending.proof[..16]),
                until: None,
                ..pending
            };
            document.record_consent(&named, done)?;
            document.record_consent(&named, word)?;
            Ok(true)
        };
        self.change(&request.person_id, String::new(), change).await?;
        Ok(convert::consents(&self.document(&request.person_id).await?))
    }

    /// Records when a person wishes not to be disturbed.
    pub(super) async fn set_quiet(
        &self,
        request: proto::SetQuietPreferenceRequest,
    ) -> Result<Option<proto::QuietPreference>, Problem> {
        let word = request.quiet_preference.unwrap_or_default();
        let now = self.clock.now();
        let mut broken = Vec::new();
        if quiet::zone(&word.time_zone).is_none() {
            broken.push(Violation::new("quiet_preference.time_zone", "must be a zone of the IANA database"));
        }
        let mut weekdays = 0_u8;
        for (at, day) in word.weekdays.iter().enumerate() {
            match u32::try_from(*day) {
                Ok(day @ 1..=7) => weekdays |= 1 << (day - 1),
                _ => broken.push(Violation::new(format!("quiet_preference.weekdays[{at}]"), "must be from 1 to 7")),
            }
        }
        let mut time = |found: Result<Option<Timestamp>, Violation>| {
            found.unwrap_or_else(|violation| {
                broken.push(violation);
                None
            })
        };
        let said = time(check::past("quiet_preference.time", word.time.as_ref(), now));
        let pause_until = time(convert::time("quiet_preference.pause_until", word.pause_until.as_ref()));
        if !broken.is_empty() {
            return Err(Problem::invalid(broken));
        }
        let minute = |minute: i32| u16::try_from(minute).unwrap_or_default();
        let word = Quiet {
            zone: word.time_zone,
            from_minute: minute(word.from_minute),
            until_minute: minute(word.until_minute),
            weekdays,
            pause_until,
            time: said.unwrap_or(now),
            source: word.source,
        };
        let named = request.person_id.clone();
        let change = move |document: &mut Document| Ok(document.record_quiet(&named, word.clone()));
        self.change(&request.person_id, String::new(), change).await?;
        Ok(self.document(&request.person_id).await?.quiet.as_ref().map(convert::quiet))
    }

    /// Imports suppressions; the ones that break a rule are named, the others are written.
    pub(super) async fn suppress(
        &self,
        request: proto::ImportSuppressionsRequest,
    ) -> Result<proto::ImportSuppressionsResponse, Problem> {
        let sizes: Vec<Violation> =
            violations(&request).into_iter().filter(|one| one.field == "suppressions").collect();
        if !sizes.is_empty() {
            return Err(Problem::invalid(sizes));
        }
        let now = self.clock.now();
        let (mut rejected, mut addresses) = (Vec::new(), Vec::new());
        let mut persons: BTreeMap<String, Vec<Consent>> = BTreeMap::new();
        let total = request.suppressions.len();
        for (index, one) in request.suppressions.into_iter().enumerate() {
            match suppression(&format!("suppressions[{index}]"), one, now) {
                Ok((Subject::Person(person), word)) => persons.entry(person).or_default().push(word),
                Ok((Subject::Address(address), word)) => addresses.push((address, word)),
                Err(broken) => rejected.push(proto::RejectedItem {
                    index: i32::try_from(index).unwrap_or(i32::MAX),
                    status: Some(rpc_status(Problem::invalid(broken))),
                }),
            }
        }
        if !addresses.is_empty() {
            self.store.suppress(addresses).await?;
        }
        if !persons.is_empty() {
            let work = Work {
                events: Arc::default(),
                persons: persons.keys().cloned().collect(),
                fill: false,
                decide: Arc::new(move |batch: &mut Batch, _| {
                    for (person, words) in &persons {
                        for word in words {
                            let record = |document: &mut Document| {
                                document.record_consent(person, word.clone()).map_err(Error::from)
                            };
                            batch.change_named(person, record)?;
                        }
                    }
                    Ok(())
                }),
                rules: Arc::clone(&*self.rules.get().await?),
                now,
                request_id: String::new(),
            };
            let done = self.store.work(work).await?;
            self.snapshots.renew(&done.written).await;
        }
        let imported = i32::try_from(total - rejected.len()).unwrap_or(i32::MAX);
        Ok(proto::ImportSuppressionsResponse { imported, rejected })
    }

    /// Whether a contact is allowed.
    pub(super) async fn may_contact(
        &self,
        request: &proto::MayContactRequest,
    ) -> Result<proto::MayContactResponse, Problem> {
        let time = convert::time("time", request.time.as_ref()).map_err(|one| Problem::invalid(vec![one]))?;
        let mut asked = Asked {
            purpose: &request.purpose,
            channel: &request.channel,
            time: time.unwrap_or_else(|| self.clock.now()),
            address_suppressed: false,
        };
        if !request.address_hash.is_empty() {
            let address = address("address_hash", &request.address_hash).map_err(|one| Problem::invalid(vec![one]))?;
            let words = self.store.suppressions(&address).await?;
            asked.address_suppressed = consent::suppressed(&words, &asked);
        }
        let document = self.document(&request.person_id).await?;
        let (defaults, exempt) = (&self.config.consent_defaults, &self.config.quiet_exempt);
        let answer = consent::may_contact(&document.consents, document.quiet.as_ref(), defaults, exempt, &asked);
        Ok(proto::MayContactResponse {
            allowed: answer.allowed,
            reason: answer.reason.to_owned(),
            consent: answer.consent.map(convert::consent),
            remedy: answer.remedy.to_owned(),
            allowed_from: answer.allowed_from.map(convert::stamp),
        })
    }
}

/// A token as it is kept: whoever reads the store cannot confirm.
fn hash(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who may not be written to.
enum Subject {
    Person(String),
    Address(Vec<u8>),
}

/// The bytes of a hash in hexadecimal.
fn address(field: &str, hash: &str) -> Result<Vec<u8>, Violation> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = hash.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let bytes = pairs.collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == 32);
    bytes.ok_or_else(|| Violation::new(field, "must be 64 lower-case hexadecimal digits"))
}

fn suppression(at: &str, one: proto::Suppression, now: Timestamp) -> Result<(Subject, Consent), Vec<Violation>> {
    let under = |field: &str| format!("{at}.{field}");
    let mut broken: Vec<Violation> =
        violations(&one).into_iter().map(|one| Violation::new(under(&one.field), one.description)).collect();
    let subject = match (one.person_id.is_empty(), one.address_hash.is_empty()) {
        (false, true) => match check::id(&under("person_id"), &one.person_id) {
            Ok(()) => Some(Subject::Person(one.person_id)),
            Err(problem) => {
                broken.extend(problem.violations);
                None
            }
        },
        (true, false) => match address(&under("address_hash"), &one.address_hash) {
            Ok(bytes) => Some(Subject::Address(bytes)),
            Err(violation) => {
                broken.push(violation);
                None
            }
        },
        _ => {
            broken.push(Violation::new(at, "exactly one of person_id and address_hash must be set"));
            None
        }
    };
    let mut time = |found: Result<Option<Timestamp>, Violation>| {
        found.unwrap_or_else(|violation| {
            broken.push(violation);
            None
        })
    };
    let said = time(check::past(&under("time"), one.time.as_ref(), now));
    let until = time(convert::time(&under("expire_time"), one.expire_time.as_ref()));
    let Some(subject) = subject.filter(|_| broken.is_empty()) else { return Err(broken) };
    let word = Consent {
        purpose: one.purpose,
        channel: one.channel,
        granted: one.lifted,
        time: said.unwrap_or(now),
        source: one.source,
        until,
        kind: Kind::Suppression,
        ..Consent::default()
    };
    Ok((subject, word))
}
