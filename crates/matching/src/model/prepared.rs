//! A record made comparable under a model.

use crate::error::Error;
use crate::text::Form;

/// A record's values in comparable form, one a column of the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared {
    pub(crate) forms: Vec<Option<Form>>,
}

impl Prepared {
    /// Whether the record has no evidence at all.
    pub fn is_empty(&self) -> bool {
        self.forms.iter().all(Option::is_none)
    }

    /// The record as bytes: per column the lengths of the two forms plus one (0: missing) as 16 bits each, then the forms.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for form in &self.forms {
            let Some(form) = form else {
                bytes.extend_from_slice(&[0, 0]);
                continue;
            };
            let (plain, key) = (clip(&form.plain), clip(&form.key));
            bytes.extend_from_slice(&(plain.len() as u16 + 1).to_le_bytes());
            bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
            bytes.extend_from_slice(plain);
            bytes.extend_from_slice(key);
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// When the bytes are not a prepared record.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, Error> {
        let mut forms = Vec::new();
        while !bytes.is_empty() {
            let length = take_length(&mut bytes)?;
            if length == 0 {
                forms.push(None);
                continue;
            }
            let key = take_length(&mut bytes)?;
            let plain = take(&mut bytes, length - 1)?;
            let key = take(&mut bytes, key)?;
            forms.push(Some(Form { plain, key }));
        }
        Ok(Self { forms })
    }
}

/// Forms longer than this many bytes are cut; no name or address comes near.
const LONGEST: usize = 60_000;

fn clip(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(LONGEST)]
}

fn take(bytes: &mut &[u8], length: usize) -> Result<Vec<u8>, Error> {
    let (head, tail) = bytes.split_at_checked(length).ok_or(Error::Prepared)?;
    *bytes = tail;
    Ok(head.to_vec())
}

fn take_length(bytes: &mut &[u8]) -> Result<usize, Error> {
    let (head, tail) = bytes.split_first_chunk::<2>().ok_or(Error::Prepared)?;
    *bytes = tail;
    Ok(usize::from(u16::from_le_bytes(*head)))
}
