//! Cuts the population anew for the scores of recency, frequency and monetary value. Between two cuts the cut points stay, so a
//! score changes because the person does.

use std::sync::Arc;
use std::time::Duration;

use attune_aggregate::quantile_cuts;
use attune_expression::Value;
use attune_kernel::{Problem, Timestamp};
use attune_proto::profile::v1 as proto;
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::{Compiled, Crud};
use attune_service_kit::server::Stop;

use crate::domain::rules::Rules;
use crate::grpc::traits::TraitDefinitions;
use crate::store::{Progress, Store};

/// The mark under which is kept for which interval and traits the population was cut.
const CUT: &str = "quantiles";
/// How often it looks whether it is time.
const POLL: Duration = Duration::from_millis(500);
/// Most persons whose values are looked at: beyond, every second, third and so on, which leaves quantiles where they are.
const MAX_VALUES: usize = 1_000_000;

/// The background task.
#[derive(Clone)]
pub(super) struct Quantiles {
    pub(super) store: Arc<dyn Store>,
    pub(super) rules: Arc<Compiled<Arc<Rules>>>,
    pub(super) crud: Crud<TraitDefinitions>,
    pub(super) clock: Clock,
    pub(super) batch: usize,
    pub(super) every: Duration,
}

/// The values of one trait over the population.
#[derive(Debug, Default)]
struct Values {
    recency: Vec<f64>,
    frequency: Vec<f64>,
    monetary: Vec<f64>,
}

impl Values {
    fn add(&mut self, value: &Value) {
        let Value::Map(parts) = value else { return };
        let part = |name: &str| match parts.get(name) {
            Some(Value::Double(number)) => Some(*number),
            _ => None,
        };
        if let (Some(recency), Some(frequency), Some(monetary)) = (part("recency"), part("frequency"), part("monetary"))
        {
            self.recency.push(recency);
            self.frequency.push(frequency);
            self.monetary.push(monetary);
        }
    }

    fn cuts(&self, parts: usize) -> proto::TraitCuts {
        proto::TraitCuts {
            recency: quantile_cuts(&self.recency, parts),
            frequency: quantile_cuts(&self.frequency, parts),
            monetary: quantile_cuts(&self.monetary, parts),
        }
    }
}

impl Quantiles {
    /// Works until told to stop.
    ///
    /// # Errors
    /// When the store does not answer; a later run goes on.
    pub(super) async fn run(self, stop: Stop) -> Result<(), Problem> {
        let mut done = String::new();
        while !stop.is_cancelled() {
            let traits = self.traits().await?;
            let names: Vec<_> = traits.iter().map(|one| (&one.trait_id, one.quantiles)).collect();
            let now = self.clock.now();
            let every = i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX).max(1);
            let wanted = format!("{}@{names:?}", now.as_micros().div_euclid(every));
            // What lacks history would be cut wrong.
            if !traits.is_empty() && wanted != done && Progress::read(&*self.store).await?.done {
                if self.store.mark(CUT).await?.as_deref() != Some(wanted.as_str())
                    && self.cut(&traits, now, &stop).await?
                {
                    self.store.set_mark(CUT, &wanted).await?;
                }
                done = wanted;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    }

    /// The declared traits that are to be cut.
    async fn traits(&self) -> Result<Vec<proto::TraitDefinition>, Problem> {
        let (mut found, mut token) = (Vec::new(), String::new());
        let known = self.rules.get().await?;
        if !known.catalogue().declarations().iter().any(|one| one.operation == attune_aggregate::Operation::Rfm) {
            return Ok(found);
        }
        loop {
            let page = self.crud.list(1000, &token).await?;
            found.extend(page.items.into_iter().filter(|one| one.quantiles > 1));
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Looks at everybody and writes the cut points that are others than before; false when told to stop meanwhile.
    async fn cut(&self, traits: &[proto::TraitDefinition], now: Timestamp, stop: &Stop) -> Result<bool, Problem> {
        let rules = Arc::clone(&*self.rules.get().await?);
        let catalogue = rules.catalogue();
        let slots: Vec<Option<usize>> = traits.iter().map(|one| catalogue.engine().slot(&one.trait_id)).collect();
        let watch = catalogue.engine().watch(slots.iter().copied().flatten());
        let mut all: Vec<Values> = traits.iter().map(|_| Values::default()).collect();
        let (mut after, mut row, mut values): (Option<String>, usize, Vec<Option<Value>>) = (None, 0, Vec::new());
        let mut step = 1;
        loop {
            let persons = self.store.persons(after.as_deref(), self.batch).await?;
            let Some(last) = persons.last().cloned() else { break };
            for document in self.store.documents(&persons).await? {
                row += 1;
                if row % step != 0 || document.traits.is_empty() {
                    continue;
                }
                document.traits.watched(catalogue, now, &watch, &mut values);
                for (slot, of) in slots.iter().zip(&mut all) {
                    slot.and_then(|slot| values.get(slot)?.as_ref()).into_iter().for_each(|value| of.add(value));
                }
            }
            if all.iter().any(|of| of.recency.len() > MAX_VALUES) {
                step *= 2;
                all.iter_mut().for_each(Values::halve);
            }
            if stop.is_cancelled() {
                return Ok(false);
            }
            tokio::task::yield_now().await;
            after = Some(last);
        }
        for (one, of) in traits.iter().zip(&all) {
            let cuts = of.cuts(usize::try_from(one.quantiles).unwrap_or(1));
            if of.recency.is_empty() || one.cuts.as_ref() == Some(&cuts) {
                continue;
            }
            let change = proto::TraitDefinition {
                trait_id: one.trait_id.clone(),
                etag: one.etag.clone(),
                cuts: Some(cuts),
                ..proto::TraitDefinition::default()
            };
            let mask = prost_types::FieldMask { paths: vec!["cuts".to_owned()] };
            match self.crud.update(Some(change), Some(mask), now).await {
                // Whoever changed it meanwhile is looked at anew.
                Err(problem)
                    if matches!(problem.code, attune_kernel::Code::Aborted | attune_kernel::Code::NotFound) => {}
                written => drop(written?),
            }
        }
        Ok(true)
    }
}

impl Values {
    /// Leaves every second value, by the order of arrival, which says nothing of their size.
    fn halve(&mut self) {
        for values in [&mut self.recency, &mut self.frequency, &mut self.monetary] {
            let mut number = 0_usize;
            values.retain(|_| {
                number += 1;
                number.is_multiple_of(2)
            });
        }
    }
}
