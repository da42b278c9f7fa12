//! One batch of events as calls.

use attune_kernel::Problem;
use attune_proto::profile::v1 as profile;

use super::event::{time_of, timeline_event};
use super::inbox::{Failures, Item};
use crate::clients::{Callees, Import, Refused, Reported, Response, is_passing_item};
use crate::domain::relay::Relay;

/// A batch sorted by receiver, with the position of each item.
#[derive(Default)]
pub(super) struct Work {
    timeline: Vec<profile::Event>,
    timeline_at: Vec<u64>,
    contacts: Vec<Reported>,
    imports: Vec<Import>,
    imports_at: Vec<u64>,
    responses: Vec<Response>,
    responses_at: Vec<u64>,
}

impl Work {
    pub(super) fn of(items: &[Item]) -> Self {
        let mut work = Self::default();
        for item in items {
            work.add(item);
        }
        work
    }

    fn add(&mut self, item: &Item) {
        let Item { position, received, event, person_id, relay } = item;
        let (position, received) = (*position, *received);
        let time = time_of(event, received);
        let (event_id, sequence) = (event.event_id.clone(), event.sequence);
        match relay.clone() {
            Relay::None => {}
            Relay::Contact { offer_id, decision_id, campaign_id } => {
                if decision_id.is_none() {
                    self.imports_at.push(position);
                    self.imports.push(Import {
                        event_id: event_id.clone(),
                        person_id: person_id.clone(),
                        offer_id: offer_id.clone(),
                        channel: event.channel.clone(),
                        time,
                        sequence,
                    });
                }
                self.contacts.push(Reported {
                    contact_id: event_id,
                    person_id: person_id.clone(),
                    channel: if event.channel.is_empty() { "unknown".to_owned() } else { event.channel.clone() },
                    offer_id,
                    campaign_id: campaign_id.unwrap_or_default(),
                    decision_id: decision_id.unwrap_or_default(),
                    time,
                    reservation_id: String::new(),
                });
            }
            Relay::Response { offer_id, decision_id, kind, value } => {
                self.responses_at.push(position);
                self.responses.push(Response {
                    event_id,
                    person_id: person_id.clone(),
                    decision_id: decision_id.unwrap_or_default(),
                    offer_id,
                    kind: kind.as_str(),
                    value,
                    time,
                    sequence,
                });
            }
        }
        self.timeline_at.push(position);
        self.timeline.push(timeline_event(event.clone(), person_id.clone(), received));
    }

    /// Calls every receiver. The items that it refused are among the failures afterwards.
    pub(super) async fn hand_over(self, callees: &Callees, failures: &mut Failures) -> Result<(), Problem> {
        if self.timeline.is_empty() {
            return Ok(());
        }
        let learn = async {
            // Decisions made elsewhere come first: the responses of the same batch are joined to them.
            let imports = callees.import(&self.imports).await?;
            let responses = callees.respond(&self.responses).await?;
            Ok::<_, Problem>((imports, responses))
        };
        let (appended, observed, (), (imported, responded)) = tokio::try_join!(
            callees.append(self.timeline.clone()),
            callees.observe(self.timeline.clone()),
            callees.record_contacts(&self.contacts),
            learn,
        )?;
        let mut note = |refused: Refused, positions: &[u64]| {
            for (index, problem) in refused {
                if is_passing_item(&problem) {
                    return Err(problem);
                }
                if let Some(position) = positions.get(index) {
                    failures.insert(*position, problem.reason.to_owned());
                }
            }
            Ok(())
        };
        note(appended, &self.timeline_at)?;
        note(observed, &self.timeline_at)?;
        note(imported, &self.imports_at)?;
        note(responded, &self.responses_at)
    }
}
