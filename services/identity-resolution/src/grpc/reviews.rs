//! Pairs for a person to decide.

use attune_kernel::{PersonId, Problem};
use attune_proto::identity::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};
use attune_service_kit::metrics::KeyValue;
use rustc_hash::FxHashMap;

use super::matching::records_of;
use super::{Identity, convert};
use crate::domain::matching::review::{Decided, Verdict};
use crate::domain::matching::{AttributeRecord, RecordKey, Review, ReviewId};
use crate::store::records::{Batch, Remembered, Reviews};

/// Most reviews read for one page, so that a queue full of what was answered otherwise is walked in bounded steps.
const READ: usize = 2000;

fn review_id(text: &str) -> Result<ReviewId, Problem> {
    ReviewId::parse(text)
        .ok_or_else(|| Problem::invalid_field("review_id", "is not a review id: 32 hexadecimal digits"))
}

impl Identity {
    /// Reports how many reviews wait.
    pub(crate) async fn report_queue(&self) -> Result<(), Problem> {
        let waiting = u32::try_from(self.matching.records.open_reviews().await?).unwrap_or(u32::MAX);
        self.metrics.review_queue.record(waiting.into(), &[]);
        Ok(())
    }

    pub(super) async fn reviews(&self, message: pb::ListReviewsRequest) -> Result<pb::ListReviewsResponse, Problem> {
        let size = page_size(message.page_size)?;
        let of = format!("review:{}:{}", message.person_id, message.include_decided);
        let after = match PageToken::decode(&of, &message.page_token)? {
            Some(token) => Some(position(&token.after)?),
            None => None,
        };
        let found = if message.person_id.is_empty() {
            self.page_of_reviews(after, size, message.include_decided).await?
        } else {
            let person = convert::person_id("person_id", &message.person_id)?;
            self.reviews_of(person, after, size, message.include_decided).await?
        };
        let next_page_token =
            found.next.map(|(weight, id)| PageToken::encode(&of, &format!("{:016x}{}", weight.to_bits(), id.text())));
        let reviews = self.messages(found.reviews).await?;
        Ok(pb::ListReviewsResponse { reviews, next_page_token: next_page_token.unwrap_or_default() })
    }

    async fn page_of_reviews(
        &self,
        mut after: Option<(f64, ReviewId)>,
        size: usize,
        decided: bool,
    ) -> Result<Page, Problem> {
        let mut page = Page::default();
        let mut read = 0;
        loop {
            let wanted = Reviews::Page { after, limit: size + 1, decided };
            let reviews = self.matching.records.reviews(&wanted).await?;
            let (count, more) = (reviews.len(), reviews.len() > size);
            read += count;
            after = reviews.last().map(|last| (last.weight, last.id)).or(after);
            for review in self.standing(reviews).await? {
                if page.reviews.len() == size {
                    page.next = page.reviews.last().map(|(last, _)| (last.weight, last.id));
                    return Ok(page);
                }
                page.reviews.push(review);
            }
            if !more {
                return Ok(page);
            }
            if read >= READ {
                page.next = after;
                return Ok(page);
            }
        }
    }

    async fn reviews_of(
        &self,
        person: PersonId,
        after: Option<(f64, ReviewId)>,
        size: usize,
        decided: bool,
    ) -> Result<Page, Problem> {
        let records = records_of(&self.person(person).await?);
        let mut reviews = self.matching.records.reviews(&Reviews::OfRecords(records)).await?;
        let place = |review: &Review| (-review.weight, review.id);
        let order = |one: (f64, ReviewId), other: (f64, ReviewId)| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1));
        reviews.retain(|review| decided || review.decided.is_none());
        if let Some((weight, id)) = after {
            reviews.retain(|review| order(place(review), (-weight, id)).is_gt());
        }
        reviews.sort_by(|one, other| order(place(one), place(other)));
        let mut reviews = self.standing(reviews).await?;
        let more = reviews.len() > size;
        reviews.truncate(size);
        let next = reviews.last().filter(|_| more).map(|(last, _)| (last.weight, last.id));
        Ok(Page { reviews, next })
    }

    /// Reviews with the persons of their records. An open one whose records are one person's by now asks nothing.
    async fn standing(&self, reviews: Vec<Review>) -> Result<Vec<(Review, Vec<PersonId>)>, Problem> {
        let keys: Vec<RecordKey> = reviews.iter().flat_map(|review| [review.left, review.right]).collect();
        let holders = self.holders(&keys).await?;
        let persons = |review: &Review| -> Vec<PersonId> {
            [review.left, review.right].iter().filter_map(|key| holders.get(key).copied()).collect()
        };
        let reviews = reviews.into_iter().map(|review| {
            let persons = persons(&review);
            (review, persons)
        });
        Ok(reviews
            .filter(|(review, persons)| {
                review.decided.is_some() || matches!(persons.as_slice(), [one, other] if one != other)
            })
            .collect())
    }

    async fn messages(&self, reviews: Vec<(Review, Vec<PersonId>)>) -> Result<Vec<pb::Review>, Problem> {
        let active = self.matching.active();
        let keys: Vec<RecordKey> = reviews.iter().flat_map(|(review, _)| [review.left, review.right]).collect();
        let records = self.matching.records.records(&keys).await?;
        let records: FxHashMap<RecordKey, AttributeRecord> = records.into_iter().map(|one| (one.key, one)).collect();
        let said = |key: &RecordKey| -> Vec<pb::Attribute> {
            let record: Option<&AttributeRecord> = records.get(key);
            let attributes = record.map_or(&[][..], |record| &record.attributes);
            let one = |(name, value): &(String, attune_kernel::Personal<String>)| pb::Attribute {
                name: name.clone(),
                value: value.expose().clone(),
            };
            attributes.iter().map(one).collect()
        };
        Ok(reviews
            .into_iter()
            .map(|(review, persons)| {
                let pair = (records.get(&review.left), records.get(&review.right));
                let verdict = review.decided.as_ref().map_or(pb::ReviewVerdict::Unspecified, |one| match one.verdict {
                    Verdict::Same => pb::ReviewVerdict::Same,
                    Verdict::Different => pb::ReviewVerdict::Different,
                });
                pb::Review {
                    review_id: review.id.text(),
                    person_ids: persons.iter().map(ToString::to_string).collect(),
                    left: said(&review.left),
                    right: said(&review.right),
                    waterfall: pair.0.zip(pair.1).and_then(|(left, right)| active.waterfall(left, right)),
                    create_time: convert::time(review.created),
                    verdict: verdict.into(),
                    actor: review.decided.as_ref().map(|one| one.actor.clone()).unwrap_or_default(),
                    decide_time: review.decided.as_ref().and_then(|one| convert::time(one.time)),
                }
            })
            .collect())
    }

    /// Decides a pair. The constraint goes into the graph first: a verdict that is stored is in force, and a retry of one
    /// that is not does everything again to the same effect.
    pub(super) async fn verdict(&self, message: pb::DecideReviewRequest) -> Result<pb::Review, Problem> {
        let id = review_id(&message.review_id)?;
        let verdict = match message.verdict() {
            pb::ReviewVerdict::Same => Verdict::Same,
            pb::ReviewVerdict::Different => Verdict::Different,
            pb::ReviewVerdict::Unspecified => {
                return Err(Problem::invalid_field("verdict", "must be SAME or DIFFERENT"));
            }
        };
        let request = convert::request_key("decide_review", &message.request_id, &message)
            .map(|request| Remembered { id: request.id, digest: request.digest });
        let _turn = self.matching.turn().await;
        let found = self.matching.records.reviews(&Reviews::ById(vec![id])).await?.pop();
        let mut review = found.ok_or_else(|| Problem::not_found("review", &message.review_id))?;
        let fulfilled = match &request {
            Some(request) => self.matching.records.is_fulfilled(request).await?,
            None => false,
        };
        if !fulfilled {
            let (actor, reason, time) = (message.actor, message.reason, self.clock.now());
            let decided = Decided { verdict, actor, reason, time };
            if let Some(constraint) = review.decide(decided.clone()) {
                self.constrain(constraint, &decided).await?;
            }
            let batch = Batch { reviews: vec![review.clone()], request, ..Batch::default() };
            self.matching.records.write(batch).await?;
            let verdict = if verdict == Verdict::Same { "same" } else { "different" };
            self.metrics.verdicts.add(1, &[KeyValue::new("verdict", verdict)]);
        }
        let keys = [review.left, review.right];
        let holders = self.holders(&keys).await?;
        let persons = keys.iter().filter_map(|key| holders.get(key).copied()).collect();
        self.messages(vec![(review, persons)]).await?.pop().ok_or_else(|| Problem::internal("a review has no message"))
    }
}

#[derive(Default)]
struct Page {
    reviews: Vec<(Review, Vec<PersonId>)>,
    next: Option<(f64, ReviewId)>,
}

/// The weight and id of a position within a page token.
fn position(text: &str) -> Result<(f64, ReviewId), Problem> {
    let bad = || Problem::invalid_field("page_token", "is not a token of this list");
    let (weight, id) = text.split_at_checked(16).ok_or_else(bad)?;
    let weight = u64::from_str_radix(weight, 16).map_err(|_| bad())?;
    Ok((f64::from_bits(weight), ReviewId::parse(id).ok_or_else(bad)?))
}
