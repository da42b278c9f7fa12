//! Accepting events, over gRPC and HTTP alike.

use attune_kernel::{Problem, Violation};
use attune_proto::channel::v1 as pb;
use attune_service_kit::request::violations;

use super::{Gateway, convert};
use crate::conductor::event::{PERSON_NAMESPACE, encode, relay_of};

/// Most events of a call, as the contract says.
pub(crate) const MAX_EVENTS: usize = 5000;

impl Gateway {
    /// Makes the events durable that break no rule and names the others. An event that is unusable before it gets here
    /// (over HTTP) comes as the problem with it.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when there is none or there are too many; `UNAVAILABLE` when the store does not answer: then
    /// nothing was accepted.
    pub(crate) async fn accept(
        &self,
        events: Vec<Result<pb::CollectEvent, Box<(String, Problem)>>>,
    ) -> Result<pb::CollectResponse, Problem> {
        let count = events.len();
        if !(1..=MAX_EVENTS).contains(&count) {
            return Err(Problem::invalid_field("events", format!("must have 1 to {MAX_EVENTS} items, has {count}")));
        }
        let now = self.clock.now();
        let (mut fine, mut rejected) = (Vec::with_capacity(count), Vec::new());
        for (index, event) in events.into_iter().enumerate() {
            let problem = match event {
                Ok(event) => {
                    let mut broken = violations(&event);
                    broken.extend(foreign(&event));
                    if broken.is_empty() {
                        fine.push(encode(&event, now));
                        continue;
                    }
                    for violation in &mut broken {
                        violation.field = format!("events[{index}].{}", violation.field);
                    }
                    (event.event_id, Problem::invalid(broken))
                }
                Err(unusable) => *unusable,
            };
            rejected.push(pb::RejectedEvent {
                index: i32::try_from(index).unwrap_or(i32::MAX),
                event_id: problem.0,
                status: Some(convert::status_message(problem.1)),
            });
        }
        let new = if fine.is_empty() { Vec::new() } else { self.store.inbox.accept(fine).await? };
        let accepted = new.iter().filter(|new| **new).count();
        if accepted > 0 {
            self.inbox_bell.notify_one();
        }
        self.metrics.collect("accepted", accepted);
        self.metrics.collect("duplicate", new.len() - accepted);
        self.metrics.collect("rejected", rejected.len());
        Ok(pb::CollectResponse {
            accepted: i32::try_from(accepted).unwrap_or(i32::MAX),
            duplicates: i32::try_from(new.len() - accepted).unwrap_or(i32::MAX),
            rejected,
        })
    }
}

/// What is wrong with an event beyond its field rules: what the conductor could not relay is refused at the door.
fn foreign(event: &pb::CollectEvent) -> Vec<Violation> {
    let ours = event.identifiers.iter().enumerate().filter(|(_, one)| one.namespace == PERSON_NAMESPACE);
    let mut broken: Vec<Violation> = ours
        .map(|(index, _)| Violation::new(format!("identifiers[{index}].namespace"), "is reserved for the suite itself"))
        .collect();
    broken.extend(relay_of(event).err());
    let texts = [("event_id", &event.event_id), ("event", &event.event)];
    let control = texts.into_iter().filter(|(_, text)| text.contains('\0'));
    broken.extend(control.map(|(field, _)| Violation::new(field, "must not contain a NUL character")));
    broken
}
