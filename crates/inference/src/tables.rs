//! Steps over columns of a table (ai.onnx.ml but for trees).

use rustc_hash::FxHashMap;

use crate::Error;
use crate::attributes::Attributes;
use crate::tensor::Tensor;
use crate::transform::PostTransform;

/// `(x - offset) * scale`, each number for all columns or one for each.
#[derive(Debug, Clone)]
pub(crate) struct Scaler {
    offset: Vec<f32>,
    scale: Vec<f32>,
}

impl Scaler {
    pub(crate) fn read(attributes: &Attributes<'_>) -> Result<Self, Error> {
        let (offset, scale) = (attributes.floats("offset")?, attributes.floats("scale")?);
        if offset.is_empty() || scale.is_empty() {
            return Err(attributes.wrong("needs offset and scale"));
        }
        Ok(Self { offset, scale })
    }

    pub(crate) fn run(&self, input: &Tensor, step: &str) -> Result<Tensor, Error> {
        let (width, values) = input.numbers(step)?;
        fits(step, "offset", self.offset.len(), width)?;
        fits(step, "scale", self.scale.len(), width)?;
        let of = |list: &[f32], at: usize| if list.len() == 1 { list[0] } else { list[at % width] };
        let values = values.iter().enumerate();
        let values = values.map(|(at, value)| (value - of(&self.offset, at)) * of(&self.scale, at)).collect();
        Ok(Tensor::Numbers { width, values })
    }
}

/// Rows divided by their norm.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Normalizer {
    Max,
    L1,
    L2,
}

impl Normalizer {
    pub(crate) fn read(attributes: &Attributes<'_>) -> Result<Self, Error> {
        Ok(match attributes.text("norm", "MAX").as_str() {
            "MAX" => Self::Max,
            "L1" => Self::L1,
            "L2" => Self::L2,
            other => return Err(attributes.wrong(format!("has the norm {other}, which is not known"))),
        })
    }

    pub(crate) fn run(self, input: &Tensor, step: &str) -> Result<Tensor, Error> {
        let (width, values) = input.numbers(step)?;
        let mut values = values.to_vec();
        for row in values.chunks_exact_mut(width.max(1)) {
            let norm = match self {
                Self::Max => row.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                Self::L1 => row.iter().map(|value| value.abs()).sum(),
                Self::L2 => row.iter().map(|value| value * value).sum::<f32>().sqrt(),
            };
            if norm != 0.0 {
                row.iter_mut().for_each(|value| *value /= norm);
            }
        }
        Ok(Tensor::Numbers { width, values })
    }
}

/// Values in place of missing ones.
#[derive(Debug, Clone)]
pub(crate) struct Imputer {
    values: Vec<f32>,
    replaced: f32,
}

impl Imputer {
    #[allow(clippy::cast_precision_loss, reason = "ONNX computes over tables with 32 bits")]
    pub(crate) fn read(attributes: &Attributes<'_>) -> Result<Self, Error> {
        let ints = attributes.ints("imputed_value_int64s");
        if !ints.is_empty() {
            let values = ints.iter().map(|value| *value as f32).collect();
            return Ok(Self { values, replaced: attributes.int("replaced_value_int64", 0) as f32 });
        }
        let values = attributes.floats("imputed_value_floats")?;
        if values.is_empty() {
            return Err(attributes.wrong("needs imputed values"));
        }
        Ok(Self { values, replaced: attributes.float("replaced_value_float", f32::NAN) })
    }

    #[allow(clippy::float_cmp, reason = "a marker of missing values is equal or it is not")]
    pub(crate) fn run(&self, input: &Tensor, step: &str) -> Result<Tensor, Error> {
        let (width, values) = input.numbers(step)?;
        fits(step, "imputed values", self.values.len(), width)?;
        let missing = |value: f32| if self.replaced.is_nan() { value.is_nan() } else { value == self.replaced };
        let filled = |at: usize| if self.values.len() == 1 { self.values[0] } else { self.values[at % width] };
        let values = values.iter().enumerate();
        let values = values.map(|(at, value)| if missing(*value) { filled(at) } else { *value }).collect();
        Ok(Tensor::Numbers { width, values })
    }
}

/// An entry for each category of each column.
#[derive(Debug, Clone)]
pub(crate) struct OneHot {
    numbers: Vec<i64>,
    texts: FxHashMap<String, usize>,
    /// Whether what is not known is no category at all, and not an error.
    zeros: bool,
}

impl OneHot {
    pub(crate) fn read(attributes: &Attributes<'_>) -> Result<Self, Error> {
        let numbers = attributes.ints("cats_int64s").to_vec();
        let texts: FxHashMap<String, usize> =
            attributes.texts("cats_strings").into_iter().enumerate().map(|(at, text)| (text, at)).collect();
        if numbers.is_empty() == texts.is_empty() {
            return Err(attributes.wrong("needs either numbers or texts as categories"));
        }
        Ok(Self { numbers, texts, zeros: attributes.int("zeros", 1) != 0 })
    }

    #[allow(clippy::cast_possible_truncation, reason = "categories are whole numbers")]
    pub(crate) fn run(&self, input: &Tensor, step: &str) -> Result<Tensor, Error> {
        let categories = self.numbers.len().max(self.texts.len());
        let mut values = Vec::new();
        let mut add = |found: Option<usize>, shown: &dyn std::fmt::Display| {
            if found.is_none() && !self.zeros {
                let what = format!("'{shown}' is no category of it");
                return Err(Error::Computation { step: step.to_owned(), what });
            }
            values.extend((0..categories).map(|at| f32::from(u8::from(found == Some(at)))));
            Ok(())
        };
        match input {
            Tensor::Numbers { values: numbers, .. } => {
                for value in numbers {
                    // A number may be asked for as text, as exporters do after a cast.
                    let found = if self.texts.is_empty() {
                        self.numbers.iter().position(|category| *category == *value as i64)
                    } else {
                        self.texts.get(&value.to_string()).copied()
                    };
                    add(found, value)?;
                }
            }
            Tensor::Texts { values: texts, .. } => {
                for text in texts {
                    let found = if self.texts.is_empty() {
                        text.parse().ok().and_then(|value: i64| self.numbers.iter().position(|one| *one == value))
                    } else {
                        self.texts.get(text.as_str()).copied()
                    };
                    add(found, text)?;
                }
            }
        }
        Ok(Tensor::Numbers { width: input.width() * categories, values })
    }
}

/// Other values for known ones.
#[derive(Debug, Clone)]
pub(crate) struct LabelEncoder {
    texts: FxHashMap<String, f32>,
    numbers: Vec<(f32, f32)>,
    otherwise: f32,
}

impl LabelEncoder {
    #[allow(clippy::cast_precision_loss, reason = "ONNX computes over tables with 32 bits")]
    pub(crate) fn read(attributes: &Attributes<'_>) -> Result<Self, Error> {
        let floats = |list: &[i64]| list.iter().map(|value| *value as f32).collect::<Vec<f32>>();
        let mut to = attributes.floats("values_floats")?;
        let mut otherwise = attributes.float("default_float", 0.0);
        if to.is_empty() {
            to = floats(attributes.ints("values_int64s"));
            otherwise = attributes.int("default_int64", -1) as f32;
        }
        if to.is_empty() {
            return Err(attributes.wrong("makes texts, which are not read from here"));
        }
        let texts = attributes.texts("keys_strings");
        let mut keys = attributes.floats("keys_floats")?;
        if keys.is_empty() {
            keys = floats(attributes.ints("keys_int64s"));
        }
        attributes.exactly("keys", &vec![(); texts.len().max(keys.len())], to.len())?;
        Ok(Self {
            texts: texts.into_iter().zip(to.iter().copied()).collect(),
            numbers: keys.into_iter().zip(to).collect(),
            otherwise,
        })
    }

    #[allow(clippy::float_cmp, reason = "a key is equal or it is not")]
    pub(crate) fn run(&self, input: &Tensor) -> Tensor {
        let values = match input {
            Tensor::Texts { values, .. } => {
                values.iter().map(|text| self.texts.get(text.as_str()).copied().unwrap_or(self.otherwise)).collect()
            }
            Tensor::Numbers { values, .. } => {
                let find =
                    |value: f32| self.numbers.iter().find(|(key, _)| *key == value || key.is_nan() && value.is_nan());
                values.iter().map(|value| find(*value).map_or(self.otherwise, |(_, to)| *to)).collect()
            }
        };
        Tensor::Numbers { width: input.width(), values }
    }
}

/// Weighted sums of columns, one for each class or target.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    weights: Vec<f32>,
    intercepts: Vec<f32>,
    outputs: usize,
    transform: PostTransform,
    /// One sum for two classes.
    two: bool,
}

impl Linear {
    pub(crate) fn classifier(attributes: &Attributes<'_>) -> Result<Self, Error> {
        let classes = attributes.texts("classlabels_strings").len().max(attributes.ints("classlabels_ints").len());
        let weights = attributes.floats("coefficients")?;
        let intercepts = attributes.floats("intercepts")?;
        let outputs = if intercepts.is_empty() { classes } else { intercepts.len() };
        Self::checked(attributes, weights, intercepts, outputs, outputs == 1 && classes == 2)
    }

    pub(crate) fn regressor(attributes: &Attributes<'_>) -> Result<Self, Error> {
        let outputs = usize::try_from(attributes.int("targets", 1)).unwrap_or(0);
        Self::checked(attributes, attributes.floats("coefficients")?, attributes.floats("intercepts")?, outputs, false)
    }

    fn checked(
        attributes: &Attributes<'_>,
        weights: Vec<f32>,
        intercepts: Vec<f32>,
        outputs: usize,
        two: bool,
    ) -> Result<Self, Error> {
        if outputs == 0 || weights.is_empty() || !weights.len().is_multiple_of(outputs) {
            return Err(attributes.wrong(format!("has {} coefficients for {outputs} outputs", weights.len())));
        }
        if !intercepts.is_empty() {
            attributes.exactly("intercepts", &intercepts, outputs)?;
        }
        Ok(Self { weights, intercepts, outputs, transform: PostTransform::read(attributes)?, two })
    }

    #[allow(clippy::cast_possible_truncation, reason = "scores have 32 bits")]
    pub(crate) fn run(&self, input: &Tensor, step: &str) -> Result<Tensor, Error> {
        let (width, values) = input.numbers(step)?;
        let features = self.weights.len() / self.outputs;
        if width != features {
            let what = format!("reads {features} features, and is given {width}");
            return Err(Error::Computation { step: step.to_owned(), what });
        }
        let mut out = Vec::with_capacity(input.rows() * self.outputs.max(2));
        let mut scores = vec![0.0; self.outputs];
        for row in values.chunks_exact(width.max(1)) {
            for (at, (score, weights)) in scores.iter_mut().zip(self.weights.chunks_exact(features)).enumerate() {
                let sum: f64 =
                    weights.iter().zip(row).map(|(weight, value)| f64::from(*weight) * f64::from(*value)).sum();
                *score = (sum + f64::from(self.intercepts.get(at).copied().unwrap_or(0.0))) as f32;
            }
            if self.two {
                let (zero, one) = self.transform.two(scores[0], false);
                out.extend([zero, one]);
            } else {
                self.transform.apply(&mut scores);
                out.extend_from_slice(&scores);
            }
        }
        Ok(Tensor::Numbers { width: if self.two { 2 } else { self.outputs }, values: out })
    }
}

fn fits(step: &str, name: &str, length: usize, width: usize) -> Result<(), Error> {
    if length == 1 || length == width {
        return Ok(());
    }
    let what = format!("has {length} entries of {name} for {width} columns");
    Err(Error::Computation { step: step.to_owned(), what })
}
