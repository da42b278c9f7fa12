//! One encoding for one value.
//!
//! Protobuf leaves the order of a map's entries open, and generated maps iterate in random order. The store tells a
//! repeated request from another one by the bytes of its body, so entries are put in order first.

use bytes::{Buf, BufMut};
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use prost_reflect::{Kind, MessageDescriptor};

/// The encoding with every map's entries ordered by their bytes; `None` when the bytes are not a message of this type.
pub(super) fn canonical(of: &MessageDescriptor, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes;
    let mut out = Vec::with_capacity(bytes.len());
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<u32> = None;
    while rest.has_remaining() {
        let (tag, wire) = decode_key(&mut rest).ok()?;
        if open.is_some_and(|map| map != tag) {
            close(&mut open, &mut entries, &mut out);
        }
        if wire != WireType::LengthDelimited {
            let before = rest;
            skip(wire, &mut rest)?;
            encode_key(tag, wire, &mut out);
            out.put_slice(&before[..before.len() - rest.len()]);
            continue;
        }
        let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
        let value = rest.get(..length)?;
        rest.advance(length);
        let field = of.get_field(tag);
        let inner = match field.as_ref().map(prost_reflect::FieldDescriptor::kind) {
            Some(Kind::Message(inner)) => canonical(&inner, value)?,
            _ => value.to_vec(),
        };
        if field.is_some_and(|field| field.is_map()) {
            open = Some(tag);
            entries.push(inner);
        } else {
            put(tag, &inner, &mut out);
        }
    }
    close(&mut open, &mut entries, &mut out);
    Some(out)
}

fn close(open: &mut Option<u32>, entries: &mut Vec<Vec<u8>>, out: &mut Vec<u8>) {
    if let Some(tag) = open.take() {
        entries.sort();
        entries.drain(..).for_each(|entry| put(tag, &entry, out));
    }
}

fn put(tag: u32, value: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.put_slice(value);
}

fn skip(wire: WireType, rest: &mut &[u8]) -> Option<()> {
    let fixed = match wire {
        WireType::Varint => {
            decode_varint(rest).ok()?;
            0
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        // proto3 has no groups, and lengths are read by the caller.
        WireType::StartGroup | WireType::EndGroup | WireType::LengthDelimited => return None,
    };
    if rest.len() < fixed {
        return None;
    }
    rest.advance(fixed);
    Some(())
}

#[cfg(test)]
mod tests {
    use attune_proto::decision::v1::Offer;
    use prost::Message as _;
    use prost_reflect::prost::Name as _;

    use super::*;

    #[test]
    fn equal_messages_have_equal_bytes_and_keep_their_value() {
        let descriptor = attune_proto::descriptor_pool().get_message_by_name(&Offer::full_name()).unwrap();
        let made = || Offer {
            offer_id: "gold".to_owned(),
            value: 12.5,
            channels: vec!["web".to_owned(), "app".to_owned()],
            labels: (0..40).map(|i| (format!("key-{i}"), format!("value-{i}"))).collect(),
            start_time: Some(prost_types::Timestamp { seconds: -5, nanos: 7 }),
            lever: 0.5,
            ..Default::default()
        };
        let first = canonical(&descriptor, &made().encode_to_vec()).unwrap();
        for _ in 0..20 {
            assert_eq!(canonical(&descriptor, &made().encode_to_vec()).unwrap(), first);
        }
        assert_eq!(Offer::decode(first.as_slice()).unwrap(), made());
    }

    #[test]
    fn bytes_that_end_early_are_refused() {
        let descriptor = attune_proto::descriptor_pool().get_message_by_name(&Offer::full_name()).unwrap();
        let offer = Offer { offer_id: "gold".to_owned(), value: 1.0, ..Default::default() };
        let bytes = offer.encode_to_vec();
        assert!(canonical(&descriptor, &bytes[..bytes.len() - 1]).is_none());
    }
}
