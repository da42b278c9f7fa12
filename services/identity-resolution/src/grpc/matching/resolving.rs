//! Interactions that carry attributes.
//!
//! The order makes a crash harmless: identifiers and matches go into the graph first, the record into the store last. A
//! record that is stored is therefore linked, and a retry of one that is not does everything again to the same effect.

use attune_kernel::{PersonId, Personal, Problem, Timestamp};
use attune_proto::identity::v1 as pb;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Active;
use super::compare::{Compared, Examined, Forms};
use super::settle::Settlement;
use crate::domain::interaction::tombstone;
use crate::domain::matching::plan::ordered;
use crate::domain::matching::record::{identifier_value, record_key};
use crate::domain::matching::{AttributeRecord, Likeness, NAMESPACE, Pair, RecordKey, Review, ReviewId, Standing};
use crate::domain::{Candidate, Interaction, Refusal, Resolution};
use crate::error::Error;
use crate::grpc::relations::found_relation;
use crate::grpc::{Identity, convert};
use crate::store::records::{Batch, Reviews};

/// Most persons of an answer.
const MATCHES: usize = 10;
/// Most records whose persons are looked up for that, the most alike.
const CONSIDERED: usize = 40;
/// Least probability of a match that is answered.
const LEAST: f64 = 0.01;
/// Most reviews that one record opens, each about another person.
const REVIEWS: usize = 3;

/// What came with an interaction beside identifiers.
pub(in crate::grpc) struct Incoming(Examined);

/// What is known of one record in the end.
#[derive(Default)]
pub(super) struct Found {
    matches: Vec<pb::Match>,
    review: Option<ReviewId>,
}

impl Identity {
    /// The record of a request's attributes; none when there are none, or none that say anything while there are
    /// identifiers.
    ///
    /// # Errors
    /// `INVALID_FIELD` when there are neither; `NO_USABLE_ATTRIBUTE` when the attributes are all there is and say nothing.
    pub(in crate::grpc) fn incoming(
        &self,
        request: &pb::ResolveRequest,
        now: Timestamp,
        at: &str,
    ) -> Result<Option<Incoming>, Problem> {
        if request.attributes.is_empty() {
            if request.identifiers.is_empty() {
                let field = format!("{at}identifiers");
                return Err(Problem::invalid_field(field, "must not be empty unless there are attributes"));
            }
            return Ok(None);
        }
        let active = self.matching.active();
        let attributes =
            request.attributes.iter().map(|one| (one.name.clone(), Personal::new(one.value.clone()))).collect();
        let Some(form) = active.prepare(&attributes) else {
            if request.identifiers.is_empty() {
                let field = format!("{at}attributes");
                let problem = Problem::invalid_field(field, "say nothing that the matching model knows");
                return Err(Problem { reason: "NO_USABLE_ATTRIBUTE", ..problem });
            }
            return Ok(None);
        };
        let value = identifier_value(&self.rules.hash_key, &request.source, &request.record_id, &attributes);
        let event_time = request.event_time.as_ref();
        let event_time = event_time.and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok());
        let record = AttributeRecord {
            key: record_key(&value),
            value,
            source: request.source.clone(),
            attributes,
            event_time: event_time.unwrap_or(now),
            arrived: now,
            model: active.mark,
            prepared: form.encode(),
            blocks: active.blocks(&form),
        };
        let visible = !request.read_only && request.as_of_time.is_none();
        Ok(Some(Incoming(Examined { record, form, visible })))
    }

    /// The identifier by which a record hangs in the graph, as one more of an interaction with `index` others.
    pub(in crate::grpc) fn candidate(&self, incoming: &Incoming, index: usize) -> Candidate {
        let record = &incoming.0.record;
        let policy = self.rules.namespaces.get(NAMESPACE);
        Candidate {
            index,
            key: record.key,
            tombstone: tombstone(&self.rules, record.key),
            namespace: NAMESPACE.to_owned(),
            value: Personal::new(record.value.clone()),
            priority: policy.map_or(u32::MAX, |policy| policy.priority),
            strong: true,
        }
    }

    /// Resolves interactions of which some carry attributes; `records` has one place an interaction.
    pub(in crate::grpc) async fn resolve_records(
        &self,
        interactions: Vec<Interaction>,
        records: Vec<Option<Incoming>>,
    ) -> Result<Vec<Result<pb::ResolveResponse, Refusal>>, Error> {
        let read_only = interactions.iter().all(|one| one.read_only);
        let _turn = if read_only { None } else { Some(self.matching.turn().await) };
        let now = self.clock.now();
        let active = self.matching.active();
        let mut place_of = vec![None; interactions.len()];
        let mut examined = Vec::new();
        for (at, record) in records.into_iter().enumerate() {
            if let Some(one) = record.and_then(|Incoming(one)| active.renewed(one)) {
                place_of[at] = Some(examined.len());
                examined.push(one);
            }
        }
        let (compared, mut forms) = self.matching.compare(&active, &examined, &self.metrics).await?;
        let writing = self.to_write(&active, &examined, &compared).await?;
        let settled = self.matching.settle(&active, &examined, &compared, &mut forms, &writing).await?;
        let before = self.holders(&matched(&settled)).await?;
        // A match of a record that is new waits in this command for the record's own identifier.
        let claims = self.claims(&active, &settled.plan, now);
        let looked: Vec<bool> = interactions.iter().map(|one| one.read_only).collect();
        let mut answers = self.resolve_all(interactions, claims).await?;

        let holders = self.holders(&considered(&examined, &compared, &settled)).await?;
        for (at, answer) in answers.iter_mut().enumerate() {
            let Some(place) = place_of[at] else { continue };
            match &mut *answer {
                Ok(resolution) => {
                    let holder = holders.get(&examined[place].record.key).copied();
                    let joined = before.iter().filter(|(key, _)| holders.get(key).copied() == holder);
                    follow(resolution, holder, joined.map(|(_, person)| *person));
                }
                // Who is only looked up may be known by nothing but the likeness.
                Err(Refusal::UnknownPerson) if looked[at] => {
                    if let Some(person) = best(&active, &compared[place], &holders) {
                        let (created, changed) = (false, false);
                        let (merged, split, hits) = (Vec::new(), Vec::new(), Vec::new());
                        *answer = Ok(Resolution { person, created, merged, split, hits, changed });
                    }
                }
                Err(_) => {}
            }
        }
        let refused: FxHashSet<usize> =
            (0..answers.len()).filter(|at| answers[*at].is_err()).filter_map(|at| place_of[at]).collect();
        let written: Vec<usize> = writing.iter().copied().filter(|place| !refused.contains(place)).collect();
        let person_of: FxHashMap<usize, PersonId> = answers
            .iter()
            .enumerate()
            .filter_map(|(at, answer)| Some((place_of[at]?, answer.as_ref().ok()?.person)))
            .collect();
        let (reviews, _) =
            self.write_findings(&active, &examined, &compared, (&settled, &forms), &written, &holders, now).await?;
        let found: Vec<Found> = (0..examined.len())
            .map(|place| Found {
                matches: matches(&compared[place], &holders, person_of.get(&place).copied()),
                review: reviews.get(&place).copied(),
            })
            .collect();
        Ok(answers
            .into_iter()
            .zip(place_of)
            .map(|(answer, place)| {
                let mut response = convert::resolution(answer?);
                if let Some(found) = place.and_then(|place| found.get(place)) {
                    response.limit_hits.retain(|hit| hit.namespace != NAMESPACE);
                    response.matches.clone_from(&found.matches);
                    response.review_id = found.review.map(ReviewId::text).unwrap_or_default();
                }
                Ok(response)
            })
            .collect())
    }

    /// The places of the records that are to be stored: those that are not only looked up, in the version that stands.
    async fn to_write(
        &self,
        active: &Active,
        examined: &[Examined],
        compared: &[Compared],
    ) -> Result<Vec<usize>, Error> {
        let mut standing: FxHashMap<RecordKey, usize> = FxHashMap::default();
        for (place, one) in examined.iter().enumerate().filter(|(_, one)| one.visible) {
            let other = standing.entry(one.record.key).or_insert(place);
            if one.record.supersedes(&examined[*other].record) {
                *other = place;
            }
        }
        let (mut places, mut unsure) = (Vec::new(), Vec::new());
        for place in standing.into_values() {
            let record = &examined[place].record;
            match &compared[place].stored {
                None => places.push(place),
                Some(stored) if stored.event_time == record.event_time => {
                    let same = stored.model == active.mark && stored.prepared == record.prepared;
                    if !same {
                        unsure.push(place);
                    }
                }
                Some(stored) if stored.event_time < record.event_time => {
                    // What is its own id cannot have changed; seeing it again is no news.
                    let same = stored.model == active.mark && stored.prepared == record.prepared;
                    let own = record.value == identifier_value(&self.rules.hash_key, "", "", &record.attributes);
                    if !(same && own) {
                        places.push(place);
                    }
                }
                Some(_) => {}
            }
        }
        if !unsure.is_empty() {
            let keys: Vec<RecordKey> = unsure.iter().map(|place| examined[*place].record.key).collect();
            let stored = self.matching.records.records(&keys).await?;
            let stored: FxHashMap<RecordKey, AttributeRecord> = stored.into_iter().map(|one| (one.key, one)).collect();
            places.extend(unsure.into_iter().filter(|place| {
                let record = &examined[*place].record;
                stored.get(&record.key).is_none_or(|stored| {
                    record.supersedes(stored) || (record.says_the_same(stored) && stored.model != active.mark)
                })
            }));
        }
        places.sort_unstable();
        Ok(places)
    }

    /// Stores records at `places` with their pairs, and what follows for reviews and relations. Answers the review that
    /// waits for each place, and how many were opened.
    pub(super) async fn write_findings(
        &self,
        active: &Active,
        examined: &[Examined],
        compared: &[Compared],
        (settled, forms): (&Settlement, &Forms),
        places: &[usize],
        holders: &FxHashMap<RecordKey, PersonId>,
        now: Timestamp,
    ) -> Result<(FxHashMap<usize, ReviewId>, usize), Error> {
        let mut batch = Batch::default();
        let mut waiting = FxHashMap::default();
        let mut fresh: FxHashSet<RecordKey> = FxHashSet::default();
        for &place in places {
            let (one, compared) = (&examined[place], &compared[place]);
            fresh.insert(one.record.key);
            if compared.stored.is_some() {
                batch.cleared.push(one.record.key);
            }
            batch.records.push(one.record.clone());
            let kept = compared.alike.iter().filter(|(_, likeness)| active.thresholds.keeps(likeness));
            batch.pairs.extend(kept.filter_map(|(other, _)| settled.pair(one.record.key, *other)));
        }
        // Matches elsewhere in the components that began or ended.
        let elsewhere = settled.plan.assert.iter().map(|pair| (pair, true));
        let elsewhere = elsewhere.chain(settled.plan.retract.iter().map(|pair| (pair, false)));
        let elsewhere = elsewhere.filter(|(pair, _)| !fresh.contains(&pair.left) && !fresh.contains(&pair.right));
        batch.pairs.extend(elsewhere.map(|(pair, linked)| Pair { linked, ..*pair }));

        // What the graph joined needs no answer; a match that a limit refused still does.
        let holder = |key| holders.get(&key);
        let joined = settled.plan.assert.iter().filter(|pair| holder(pair.left) == holder(pair.right));
        batch.moot = joined.map(|pair| ReviewId::of(pair.left, pair.right)).collect();

        for (place, (one, compared)) in examined.iter().zip(compared).enumerate() {
            let writes = places.binary_search(&place).is_ok();
            let Some(person) = holders.get(&one.record.key).copied().filter(|_| one.visible) else { continue };
            let mut seen = FxHashSet::from_iter([person]);
            let (mut reviews, mut relations) = (0, 0);
            for (other, likeness) in &compared.alike {
                let Some(holder) = holders.get(other).copied() else { continue };
                let standing = active.thresholds.standing(likeness);
                if standing == Standing::Unrelated || !seen.insert(holder) {
                    continue;
                }
                let place_of_pair = ordered(one.record.key, *other);
                match standing {
                    // A pair that is alike enough to link and did not was kept apart by a limit or by its cluster.
                    Standing::Link | Standing::Review if reviews < REVIEWS => {
                        if settled.picture.is_decided(place_of_pair) {
                            continue;
                        }
                        reviews += 1;
                        waiting.entry(place).or_insert_with(|| ReviewId::of(one.record.key, *other));
                        if writes {
                            let pair = Pair::new(one.record.key, *other, likeness.weight, likeness.probability);
                            batch.reviews.push(Review::open(&pair, now));
                        }
                    }
                    Standing::Household if relations < REVIEWS && writes => {
                        relations += 1;
                        let form = forms.get(other);
                        batch.relations.push(found_relation(active, one, (*other, form), likeness, now));
                    }
                    _ => {}
                }
            }
        }
        let mut opened = 0;
        let ids: Vec<ReviewId> = waiting.values().copied().collect();
        if !ids.is_empty() {
            let known = self.matching.records.reviews(&Reviews::ById(ids)).await?;
            let decided: FxHashSet<ReviewId> =
                known.iter().filter(|review| review.decided.is_some()).map(|review| review.id).collect();
            waiting.retain(|_, id| !decided.contains(id));
            batch.reviews.retain(|review| !decided.contains(&review.id));
            opened = batch.reviews.iter().filter(|new| known.iter().all(|old| old.id != new.id)).count();
            self.metrics.reviews.add(opened as u64, &[]);
        }
        if !batch.records.is_empty() || !batch.pairs.is_empty() || !batch.relations.is_empty() {
            self.matching.records.write(batch).await?;
        }
        Ok((waiting, opened))
    }
}

/// The records whose persons matter for the answer.
pub(super) fn considered(examined: &[Examined], compared: &[Compared], settled: &Settlement) -> Vec<RecordKey> {
    let mut keys: FxHashSet<RecordKey> = settled.picture.reached().into_iter().collect();
    for (one, compared) in examined.iter().zip(compared) {
        keys.insert(one.record.key);
        keys.extend(compared.alike.iter().take(CONSIDERED).map(|(key, _)| *key));
    }
    let mut keys: Vec<RecordKey> = keys.into_iter().collect();
    keys.sort_unstable();
    keys
}

/// The records whose persons matches may join.
fn matched(settled: &Settlement) -> Vec<RecordKey> {
    let mut keys: Vec<RecordKey> = settled.plan.assert.iter().flat_map(|pair| [pair.left, pair.right]).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Takes over who a record belongs to in the end, and who was joined to that person.
fn follow(resolution: &mut Resolution, holder: Option<PersonId>, joined: impl Iterator<Item = PersonId>) {
    let Some(holder) = holder else { return };
    if holder != resolution.person {
        if !resolution.created {
            resolution.merged.push(resolution.person);
        }
        resolution.person = holder;
        resolution.created = false;
    }
    resolution.merged.extend(joined);
    resolution.merged.retain(|id| *id != holder);
    resolution.merged.sort_unstable();
    resolution.merged.dedup();
}

/// The person whose record is alike enough to link.
fn best(active: &Active, compared: &Compared, holders: &FxHashMap<RecordKey, PersonId>) -> Option<PersonId> {
    let links = compared.alike.iter().take_while(|(_, likeness)| likeness.probability >= active.thresholds.link);
    links.filter_map(|(key, _)| holders.get(key).copied()).next()
}

/// The persons that are alike, each by the most alike record.
fn matches(compared: &Compared, holders: &FxHashMap<RecordKey, PersonId>, person: Option<PersonId>) -> Vec<pb::Match> {
    let mut seen = FxHashSet::default();
    let alike = compared.alike.iter().filter(|(_, likeness)| likeness.probability >= LEAST);
    let persons = alike.filter_map(|(key, likeness)| Some((*holders.get(key)?, likeness)));
    persons
        .filter(|(holder, _)| seen.insert(*holder))
        .take(MATCHES)
        .map(|(holder, likeness): (PersonId, &Likeness)| pb::Match {
            person_id: holder.to_string(),
            probability: likeness.probability,
            match_weight: likeness.weight,
            linked: person == Some(holder),
        })
        .collect()
}
