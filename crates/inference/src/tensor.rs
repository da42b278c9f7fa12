//! Values of a computation over rows: a matrix each.

use crate::Error;
use crate::wire::{TensorProto, kind};

/// A matrix of as many rows as there are rows to score, or of one row that holds for all of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// Numbers, row by row, in rows of `width`. ONNX computes with 32 bits, and thresholds of trees depend on it.
    Numbers {
        /// Entries of a row.
        width: usize,
        /// The entries.
        values: Vec<f32>,
    },
    /// Texts, row by row.
    Texts {
        /// Entries of a row.
        width: usize,
        /// The entries.
        values: Vec<String>,
    },
}

impl Tensor {
    /// Entries of a row.
    #[must_use]
    pub const fn width(&self) -> usize {
        match self {
            Self::Numbers { width, .. } | Self::Texts { width, .. } => *width,
        }
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        let length = match self {
            Self::Numbers { values, .. } => values.len(),
            Self::Texts { values, .. } => values.len(),
        };
        length.checked_div(self.width()).unwrap_or(0)
    }

    /// The numbers of a row; of the only row when there is one for all. Nothing of texts.
    #[must_use]
    pub fn row(&self, at: usize) -> &[f32] {
        let Self::Numbers { width, values } = self else { return &[] };
        if values.len() == *width {
            return values;
        }
        values.get(at * width..(at + 1) * width).unwrap_or_default()
    }

    /// Its numbers.
    ///
    /// # Errors
    /// When it holds texts.
    pub(crate) fn numbers(&self, step: &str) -> Result<(usize, &[f32]), Error> {
        match self {
            Self::Numbers { width, values } => Ok((*width, values)),
            Self::Texts { .. } => Err(Error::Computation { step: step.to_owned(), what: "needs numbers".to_owned() }),
        }
    }

    /// A constant of a file; one with three dimensions or more is a row.
    pub(crate) fn constant(proto: &TensorProto) -> Result<Self, Error> {
        let entries = proto
            .dims
            .iter()
            .try_fold(1_usize, |product, dim| usize::try_from(*dim).ok().and_then(|dim| product.checked_mul(dim)));
        let width = match proto.dims.as_slice() {
            [] => Some(1),
            [_, columns] => usize::try_from(*columns).ok(),
            _ => entries,
        };
        let wrong = |what: &str| Error::Malformed(format!("the constant '{}' {what}", proto.name));
        let (Some(entries), Some(width)) = (entries, width) else { return Err(wrong("has an impossible shape")) };
        if proto.data_type == kind::STRING {
            let values: Vec<String> =
                proto.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
            return if values.len() == entries {
                Ok(Self::Texts { width, values })
            } else {
                Err(wrong("has another length than its shape"))
            };
        }
        let values = entries_of(proto).ok_or_else(|| wrong("has entries of a type that is not read"))?;
        if values.len() == entries {
            Ok(Self::Numbers { width, values })
        } else {
            Err(wrong("has another length than its shape"))
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "ONNX computes over tables with 32 bits; what a model stores in more is rounded once"
)]
fn entries_of(proto: &TensorProto) -> Option<Vec<f32>> {
    let raw = &proto.raw_data;
    let has_raw = !raw.is_empty();
    Some(match proto.data_type {
        kind::FLOAT if has_raw => raw.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        kind::FLOAT => proto.float_data.clone(),
        kind::DOUBLE if has_raw => chunks::<8>(raw).map(|b| f64::from_le_bytes(b) as f32).collect(),
        kind::DOUBLE => proto.double_data.iter().map(|value| *value as f32).collect(),
        kind::INT64 if has_raw => chunks::<8>(raw).map(|b| i64::from_le_bytes(b) as f32).collect(),
        kind::INT64 => proto.int64_data.iter().map(|value| *value as f32).collect(),
        kind::INT32 if has_raw => chunks::<4>(raw).map(|b| i32::from_le_bytes(b) as f32).collect(),
        kind::INT32 | kind::BOOL if !has_raw => proto.int32_data.iter().map(|value| *value as f32).collect(),
        kind::BOOL => raw.iter().map(|value| f32::from(*value)).collect(),
        _ => return None,
    })
}

fn chunks<const N: usize>(raw: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    raw.chunks_exact(N).filter_map(|chunk| chunk.try_into().ok())
}
