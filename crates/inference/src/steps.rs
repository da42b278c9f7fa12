//! What a step does.

use crate::Error;
use crate::attributes::{Attributes, called};
use crate::tables::{Imputer, LabelEncoder, Linear, Normalizer, OneHot, Scaler};
use crate::tensor::Tensor;
use crate::transform::{logistic, softmax};
use crate::trees::Trees;
use crate::wire::{NodeProto, kind};

/// An operation with its settings read.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Same,
    Constant(Tensor),
    Each(Each),
    Pair(Pair),
    Concat,
    Reshape,
    Softmax,
    Matrix { transposed: bool, alpha: f32, beta: f32 },
    Columns,
    SumOfRow,
    Scaler(Scaler),
    Normalizer(Normalizer),
    Imputer(Imputer),
    OneHot(OneHot),
    LabelEncoder(LabelEncoder),
    Linear(Linear),
    Trees(Box<Trees>),
    Binarizer(f32),
}

/// On each number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Each {
    Relu,
    LeakyRelu(f32),
    Sigmoid,
    Tanh,
    Exp,
    Log,
    Neg,
    Abs,
    Sqrt,
    Clip(f32, f32),
    Whole,
    NotZero,
}

/// On two numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pair {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
}

impl Step {
    /// Reads a step; `output` says which of its values is asked for.
    pub(crate) fn read(node: &NodeProto, output: usize) -> Result<Self, Error> {
        let attributes = Attributes::of(node);
        // A classifier's first output is a label, its second the scores.
        let scores = |step: Self| {
            if output == 1 {
                Ok(step)
            } else {
                Err(attributes.wrong("answers a label, from which nothing is computed here"))
            }
        };
        Ok(match node.op_type.as_str() {
            "Identity" | "Dropout" | "ZipMap" | "FeatureVectorizer" if node.input.len() == 1 => Self::Same,
            "Cast" => match attributes.int("to", 1) {
                to if to == i64::from(kind::FLOAT) || to == i64::from(kind::DOUBLE) => Self::Same,
                to if to == i64::from(kind::INT64) || to == i64::from(kind::INT32) => Self::Each(Each::Whole),
                to if to == i64::from(kind::BOOL) => Self::Each(Each::NotZero),
                to if to == i64::from(kind::STRING) => Self::Same,
                to => return Err(attributes.wrong(format!("casts to the type {to}, which is not read"))),
            },
            "Constant" => match attributes.tensor("value") {
                Some(tensor) => Self::Constant(tensor?),
                None => {
                    let values = attributes.floats("value_floats")?;
                    let values = if values.is_empty() { vec![attributes.float("value_float", 0.0)] } else { values };
                    Self::Constant(Tensor::Numbers { width: values.len(), values })
                }
            },
            "Relu" => Self::Each(Each::Relu),
            "LeakyRelu" => Self::Each(Each::LeakyRelu(attributes.float("alpha", 0.01))),
            "Sigmoid" => Self::Each(Each::Sigmoid),
            "Tanh" => Self::Each(Each::Tanh),
            "Exp" => Self::Each(Each::Exp),
            "Log" => Self::Each(Each::Log),
            "Neg" => Self::Each(Each::Neg),
            "Abs" => Self::Each(Each::Abs),
            "Sqrt" => Self::Each(Each::Sqrt),
            "Clip" if node.input.len() == 1 => {
                Self::Each(Each::Clip(attributes.float("min", f32::MIN), attributes.float("max", f32::MAX)))
            }
            "Add" => Self::Pair(Pair::Add),
            "Sub" => Self::Pair(Pair::Sub),
            "Mul" => Self::Pair(Pair::Mul),
            "Div" => Self::Pair(Pair::Div),
            "Pow" => Self::Pair(Pair::Pow),
            "Concat" => match attributes.int("axis", 1) {
                1 | -1 => Self::Concat,
                axis => return Err(attributes.wrong(format!("joins along the axis {axis}; only columns are joined"))),
            },
            "FeatureVectorizer" => Self::Concat,
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => Self::Reshape,
            "Softmax" => Self::Softmax,
            "MatMul" => Self::Matrix { transposed: false, alpha: 1.0, beta: 1.0 },
            "Gemm" if attributes.int("transA", 0) == 0 => Self::Matrix {
                transposed: attributes.int("transB", 0) != 0,
                alpha: attributes.float("alpha", 1.0),
                beta: attributes.float("beta", 1.0),
            },
            "ArrayFeatureExtractor" => Self::Columns,
            "Gather" if matches!(attributes.int("axis", 0), 1 | -1) => Self::Columns,
            "ReduceSum" => Self::SumOfRow,
            "Scaler" => Self::Scaler(Scaler::read(&attributes)?),
            "Normalizer" => Self::Normalizer(Normalizer::read(&attributes)?),
            "Imputer" => Self::Imputer(Imputer::read(&attributes)?),
            "OneHotEncoder" => Self::OneHot(OneHot::read(&attributes)?),
            "LabelEncoder" => Self::LabelEncoder(LabelEncoder::read(&attributes)?),
            "Binarizer" => Self::Binarizer(attributes.float("threshold", 0.0)),
            "LinearRegressor" => Self::Linear(Linear::regressor(&attributes)?),
            "LinearClassifier" => scores(Self::Linear(Linear::classifier(&attributes)?))?,
            "TreeEnsembleRegressor" => Self::Trees(Box::new(Trees::regressor(&attributes)?)),
            "TreeEnsembleClassifier" => scores(Self::Trees(Box::new(Trees::classifier(&attributes)?)))?,
            _ => return Err(Error::Operator { step: called(node) }),
        })
    }

    /// Runs it for `rows` rows.
    pub(crate) fn run(&self, inputs: &[&Tensor], rows: usize, step: &str) -> Result<Tensor, Error> {
        let first = || inputs.first().copied().ok_or_else(|| wrong(step, "has no input"));
        Ok(match self {
            Self::Same => first()?.clone(),
            Self::Constant(tensor) => tensor.clone(),
            Self::Each(each) => {
                let (width, values) = first()?.numbers(step)?;
                Tensor::Numbers { width, values: values.iter().map(|value| each.of(*value)).collect() }
            }
            Self::Pair(pair) => {
                two(*pair, first()?, inputs.get(1).copied().ok_or_else(|| wrong(step, "needs two inputs"))?, step)?
            }
            Self::Concat => concat(inputs, rows, step)?,
            // Rows stay rows: what is within one is laid out flat everywhere.
            Self::Reshape => {
                let (_, values) = first()?.numbers(step)?;
                let width = values.len().checked_div(rows).filter(|width| width * rows == values.len());
                Tensor::Numbers { width: width.unwrap_or(values.len()), values: values.to_vec() }
            }
            Self::Softmax => {
                let (width, values) = first()?.numbers(step)?;
                let mut values = values.to_vec();
                values.chunks_exact_mut(width.max(1)).for_each(|row| softmax(row, false));
                Tensor::Numbers { width, values }
            }
            Self::Matrix { transposed, alpha, beta } => matrix(inputs, *transposed, *alpha, *beta, step)?,
            Self::Columns => columns(inputs, step)?,
            Self::SumOfRow => {
                let (width, values) = first()?.numbers(step)?;
                Tensor::Numbers {
                    width: 1,
                    values: values.chunks_exact(width.max(1)).map(|row| row.iter().sum()).collect(),
                }
            }
            Self::Scaler(scaler) => scaler.run(first()?, step)?,
            Self::Normalizer(normalizer) => normalizer.run(first()?, step)?,
            Self::Imputer(imputer) => imputer.run(first()?, step)?,
            Self::OneHot(encoder) => encoder.run(first()?, step)?,
            Self::LabelEncoder(encoder) => encoder.run(first()?),
            Self::Linear(linear) => linear.run(first()?, step)?,
            Self::Trees(trees) => trees.score(first()?, step)?,
            Self::Binarizer(threshold) => {
                let (width, values) = first()?.numbers(step)?;
                Tensor::Numbers {
                    width,
                    values: values.iter().map(|value| f32::from(u8::from(value > threshold))).collect(),
                }
            }
        })
    }
}

impl Each {
    fn of(self, value: f32) -> f32 {
        match self {
            Self::Relu => value.max(0.0),
            Self::LeakyRelu(slope) => {
                if value < 0.0 {
                    slope * value
                } else {
                    value
                }
            }
            Self::Sigmoid => logistic(value),
            Self::Tanh => value.tanh(),
            Self::Exp => value.exp(),
            Self::Log => value.ln(),
            Self::Neg => -value,
            Self::Abs => value.abs(),
            Self::Sqrt => value.sqrt(),
            Self::Clip(least, most) => value.clamp(least.min(most), most),
            Self::Whole => value.trunc(),
            Self::NotZero => f32::from(u8::from(value != 0.0)),
        }
    }
}

fn wrong(step: &str, what: &str) -> Error {
    Error::Computation { step: step.to_owned(), what: what.to_owned() }
}

/// Two matrices entry by entry; a row, a column or a number stands for as many as the other has.
fn two(pair: Pair, left: &Tensor, right: &Tensor, step: &str) -> Result<Tensor, Error> {
    let ((left_width, left_values), (right_width, right_values)) = (left.numbers(step)?, right.numbers(step)?);
    let (width, rows) = (left_width.max(right_width), left.rows().max(right.rows()));
    for (one, tensor) in [(left_width, left), (right_width, right)] {
        if one != width && one != 1 || tensor.rows() != rows && tensor.rows() != 1 {
            return Err(wrong(step, "has inputs of shapes that do not fit"));
        }
    }
    let at = |values: &[f32], one: usize, rows: usize, row: usize, column: usize| {
        values[if rows == 1 { 0 } else { row * one } + if one == 1 { 0 } else { column }]
    };
    let mut values = Vec::with_capacity(width * rows);
    for row in 0..rows {
        for column in 0..width {
            let one = at(left_values, left_width, left.rows(), row, column);
            let other = at(right_values, right_width, right.rows(), row, column);
            values.push(match pair {
                Pair::Add => one + other,
                Pair::Sub => one - other,
                Pair::Mul => one * other,
                Pair::Div => one / other,
                Pair::Pow => one.powf(other),
            });
        }
    }
    Ok(Tensor::Numbers { width, values })
}

fn concat(inputs: &[&Tensor], rows: usize, step: &str) -> Result<Tensor, Error> {
    let width = inputs.iter().map(|tensor| tensor.width()).sum();
    if inputs.iter().any(|tensor| !matches!(tensor.rows(), 1) && tensor.rows() != rows) {
        return Err(wrong(step, "joins tables of different lengths"));
    }
    if inputs.iter().all(|tensor| matches!(tensor, Tensor::Texts { .. })) {
        let mut values = Vec::with_capacity(width * rows);
        for row in 0..rows {
            for tensor in inputs {
                if let Tensor::Texts { width, values: texts } = tensor {
                    let from = if texts.len() == *width { 0 } else { row * width };
                    values.extend_from_slice(&texts[from..from + width]);
                }
            }
        }
        return Ok(Tensor::Texts { width, values });
    }
    let mut values = Vec::with_capacity(width * rows);
    for tensor in inputs {
        tensor.numbers(step)?;
    }
    for row in 0..rows {
        inputs.iter().for_each(|tensor| values.extend_from_slice(tensor.row(row)));
    }
    Ok(Tensor::Numbers { width, values })
}

/// `alpha x times weights + beta bias`.
fn matrix(inputs: &[&Tensor], transposed: bool, alpha: f32, beta: f32, step: &str) -> Result<Tensor, Error> {
    let [left, right, ..] = inputs else { return Err(wrong(step, "needs two inputs")) };
    let (inner, values) = left.numbers(step)?;
    let (right_width, weights) = right.numbers(step)?;
    // A vector is a column.
    let column = right.rows() == 1 && inner > 1 && right_width == inner && !transposed;
    let (from, outputs) = match (transposed, column) {
        (true, _) => (right_width, right.rows()),
        (false, true) => (right_width, 1),
        (false, false) => (right.rows(), right_width),
    };
    if from != inner {
        return Err(wrong(step, &format!("multiplies rows of {inner} with a matrix of {from} rows")));
    }
    let weight = |row: usize, output: usize| {
        if transposed || column { weights[output * inner + row] } else { weights[row * outputs + output] }
    };
    let bias = inputs.get(2).copied();
    let mut out = Vec::with_capacity(left.rows() * outputs);
    for (at, row) in values.chunks_exact(inner.max(1)).enumerate() {
        for output in 0..outputs {
            let sum: f32 = row.iter().enumerate().map(|(place, value)| value * weight(place, output)).sum();
            let shift = bias.map_or(Some(0.0), |bias| {
                let row = bias.row(if bias.rows() == 1 { 0 } else { at });
                row.get(if row.len() == 1 { 0 } else { output }).copied()
            });
            let shift = shift.ok_or_else(|| wrong(step, "has a bias of another width"))?;
            out.push(alpha * sum + beta * shift);
        }
    }
    Ok(Tensor::Numbers { width: outputs, values: out })
}

/// Some columns, by their numbers.
fn columns(inputs: &[&Tensor], step: &str) -> Result<Tensor, Error> {
    let [table, wanted, ..] = inputs else { return Err(wrong(step, "needs two inputs")) };
    let (_, wanted) = wanted.numbers(step)?;
    let width = table.width();
    let mut places = Vec::with_capacity(wanted.len());
    for one in wanted {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a place")]
        let place = *one as usize;
        if *one < 0.0 || place >= width {
            return Err(wrong(step, &format!("takes the column {one} of {width}")));
        }
        places.push(place);
    }
    Ok(match table {
        Tensor::Numbers { values, .. } => {
            let rows = values.chunks_exact(width.max(1));
            Tensor::Numbers {
                width: places.len(),
                values: rows.flat_map(|row| places.iter().map(|at| row[*at])).collect(),
            }
        }
        Tensor::Texts { values, .. } => {
            let rows = values.chunks_exact(width.max(1));
            let values = rows.flat_map(|row| places.iter().map(|at| row[*at].clone())).collect();
            Tensor::Texts { width: places.len(), values }
        }
    })
}
