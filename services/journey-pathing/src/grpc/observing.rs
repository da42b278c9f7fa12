//! Taking events.

use attune_kernel::{Problem, Violation};
use attune_proto::journey::v1 as pb;
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::request::violations;

use super::Journey;
use super::convert::{recorded, rejected};
use crate::domain::event::Recorded;
use crate::error::Error;
use crate::store::{Fate, Observation};

/// Most events of a request, as the contract says.
const MAX_EVENTS: usize = 5000;

impl Journey {
    /// Takes the good events of a batch, some in one transaction at a time, and tells what is wrong with the others.
    pub(super) async fn observe_all(&self, request: pb::ObserveRequest) -> Result<pb::ObserveResponse, Problem> {
        let count = request.events.len();
        if !(1..=MAX_EVENTS).contains(&count) {
            return Err(Problem::invalid_field("events", format!("must have 1 to {MAX_EVENTS} items, has {count}")));
        }
        let mut answer = pb::ObserveResponse::default();
        let (mut good, mut places): (Vec<(String, Recorded)>, Vec<usize>) = (Vec::new(), Vec::new());
        for (index, event) in request.events.into_iter().enumerate() {
            let broken = violations(&event);
            let taken = if broken.is_empty() { recorded(event).map_err(|one| vec![one]) } else { Err(broken) };
            match taken {
                Ok(event) => {
                    good.push(event);
                    places.push(index);
                }
                Err(broken) => answer.rejected.push(rejected(index, below(broken, index))),
            }
        }
        let book = self.book.get().await?;
        let now = self.clock.now();
        let mut places = places.into_iter();
        while !good.is_empty() {
            let rest = good.split_off(good.len().min(self.config.observe_batch));
            let chunk = std::mem::replace(&mut good, rest);
            let Observation { fates, changes } = self.store.observe(&book, chunk, now).await?;
            self.metrics.count(&changes);
            answer.fired += i32::try_from(changes.len()).unwrap_or(i32::MAX);
            for (fate, place) in fates.into_iter().zip(&mut places) {
                match fate {
                    Fate::New => answer.observed += 1,
                    Fate::Duplicate => answer.duplicates += 1,
                    Fate::Erased => answer.rejected.push(rejected(place, Error::PersonErased.into())),
                }
            }
        }
        answer.rejected.sort_by_key(|item| item.index);
        self.count(&answer);
        Ok(answer)
    }

    fn count(&self, answer: &pb::ObserveResponse) {
        let rejected = i32::try_from(answer.rejected.len()).unwrap_or(i32::MAX);
        for (outcome, number) in [("new", answer.observed), ("duplicate", answer.duplicates), ("rejected", rejected)] {
            if let Ok(number @ 1..) = u64::try_from(number) {
                self.metrics.events.add(number, &[KeyValue::new("outcome", outcome)]);
            }
        }
    }
}

/// The violations of an item as a problem of the request.
fn below(broken: Vec<Violation>, index: usize) -> Problem {
    let path = |one: Violation| Violation::new(format!("events[{index}].{}", one.field), one.description);
    Problem::invalid(broken.into_iter().map(path).collect())
}
