//! What sources said about a person beside identifiers.

use attune_kernel::Problem;
use attune_proto::identity::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};

use super::matching::records_of;
use super::{Identity, convert};
use crate::domain::matching::AttributeRecord;
use crate::domain::matching::record::hex;

impl Identity {
    /// A page of a person's records.
    pub(super) async fn records(&self, message: pb::ListRecordsRequest) -> Result<pb::ListRecordsResponse, Problem> {
        let person = self.person(convert::person_id("person_id", &message.person_id)?).await?;
        let size = page_size(message.page_size)?;
        let of = format!("record:{}", message.person_id);
        let after = PageToken::decode(&of, &message.page_token)?;
        let mut records = self.matching.records.records(&records_of(&person)).await?;
        records.sort_by_key(place);
        let start = match &after {
            // What the token names may be gone by now; the order is that of the list.
            Some(token) => records.partition_point(|one| place(one) <= token.after),
            None => 0,
        };
        let more = records.len() > start + size;
        let page: Vec<AttributeRecord> = records.into_iter().skip(start).take(size).collect();
        let last = page.last().filter(|_| more);
        let next_page_token = last.map(|last| PageToken::encode(&of, &place(last))).unwrap_or_default();
        Ok(pb::ListRecordsResponse { records: page.into_iter().map(self::message).collect(), next_page_token })
    }
}

/// The place in a list: by time, and the key's hash among those of one time.
fn place(record: &AttributeRecord) -> String {
    // Times of before 1970 are ahead of the others, as texts too.
    let micros = record.event_time.as_micros().wrapping_sub(i64::MIN).cast_unsigned();
    format!("{micros:020}:{}", hex(&record.value.clone().into_bytes()))
}

fn message(record: AttributeRecord) -> pb::AttributeRecord {
    let attribute = |(name, value): (String, attune_kernel::Personal<String>)| pb::Attribute {
        name,
        value: value.expose().clone(),
    };
    pb::AttributeRecord {
        source: record.source,
        event_time: convert::time(record.event_time),
        receive_time: convert::time(record.arrived),
        attributes: record.attributes.into_iter().map(attribute).collect(),
    }
}
