//! Models that others trained, read from ONNX and asked row by row.
//!
//! A [`Model`] is read once and checked as far as it can be without rows: every step is known, every constant has its
//! length, no tree leads back to itself. [`Model::score`] then computes the scores of a batch of rows. What is read is what
//! exporters of tables write: the operators of `ai.onnx.ml` (scaling, imputing, one-hot and label encoding, linear models,
//! ensembles of trees) and those of small networks. Only the steps that the scores need are read, so an unknown operator in
//! the branch that makes labels does no harm.
//!
//! | module | what it is |
//! |---|---|
//! | [`wire`] | the messages of a file |
//! | [`tensor`] | values over rows |
//! | `attributes`, `steps`, `tables`, `trees`, `transform` | steps and what they compute |
//!
//! Sources: the ONNX and ONNX-ML operator specifications (opset 1 to 21, ai.onnx.ml 1 to 3). Sums of trees and linear
//! models are accumulated with 64 bits and rounded to the 32 that ONNX answers.

mod attributes;
mod steps;
mod tables;
pub mod tensor;
mod transform;
mod trees;
pub mod wire;

use prost::Message as _;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::attributes::called;
use crate::steps::Step;
use crate::tensor::Tensor;
use crate::wire::{GraphProto, ModelProto, NodeProto, ValueInfoProto, kind};

/// The longest file that is read, in bytes.
pub const LONGEST: usize = 256 << 20;

/// Why a model cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is not what it says, or contradicts itself.
    #[error("not a model: {0}")]
    Malformed(String),
    /// A step that is not known here.
    #[error("the operator {step} is not supported")]
    Operator {
        /// Which.
        step: String,
    },
    /// A step that cannot be computed.
    #[error("{step} {what}")]
    Computation {
        /// Which.
        step: String,
        /// Why.
        what: String,
    },
    /// Rows that are not what the model asks for.
    #[error("input '{name}' {what}")]
    Input {
        /// Which input.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

/// What a model asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name; a column's where each column is an input.
    pub name: String,
    /// Whether it takes texts.
    pub texts: bool,
    /// Columns of it; none where any number will do.
    pub width: Option<usize>,
}

/// A model of rows.
#[derive(Debug, Clone)]
pub struct Model {
    inputs: Vec<Input>,
    constants: FxHashMap<String, Tensor>,
    steps: Vec<Planned>,
    scores: String,
    classes: Vec<String>,
    producer: String,
}

/// A step and the names of its values.
#[derive(Debug, Clone)]
struct Planned {
    step: Step,
    called: String,
    inputs: Vec<String>,
    output: String,
}

impl Model {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// When the bytes are no ONNX file or longer than [`LONGEST`], when a step that the scores need is not supported, or
    /// when the file contradicts itself.
    pub fn onnx(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > LONGEST {
            return Err(Error::Malformed(format!("{} bytes are more than {LONGEST}", bytes.len())));
        }
        let file = ModelProto::decode(bytes).map_err(|error| Error::Malformed(error.to_string()))?;
        let graph = file.graph.ok_or_else(|| Error::Malformed("there is no graph".to_owned()))?;
        let scores = scores_of(&graph)?;
        let mut constants = FxHashMap::default();
        for tensor in &graph.initializer {
            constants.insert(tensor.name.clone(), Tensor::constant(tensor)?);
        }
        let steps = plan(&graph, &scores, &constants)?;
        let read: FxHashSet<&str> = steps.iter().flat_map(|step| step.inputs.iter().map(String::as_str)).collect();
        let asked = graph
            .input
            .iter()
            .filter(|input| !constants.contains_key(&input.name) && read.contains(input.name.as_str()));
        let inputs: Vec<Input> = asked.map(input).collect();
        if inputs.is_empty() {
            return Err(Error::Malformed("the scores depend on no input".to_owned()));
        }
        Ok(Self { inputs, constants, steps, scores, classes: classes(&graph), producer: file.producer_name })
    }

    /// What it asks for, in order.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The classes that the columns of the scores are of; none of a regression.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Who made the file, in their words.
    #[must_use]
    pub fn producer(&self) -> &str {
        &self.producer
    }

    /// The column of the scores that is the probability of a yes, or the value: of two classes the second, as every
    /// exporter of a binary model writes it; the only one where there is one.
    #[must_use]
    pub fn positive(&self) -> Option<usize> {
        match self.classes.len() {
            0 | 1 => Some(0),
            2 => Some(1),
            _ => None,
        }
    }

    /// The scores of rows: a row each, a column for each class or target. `inputs` are tables in the order of
    /// [`inputs`](Self::inputs), all of as many rows; a number that is missing is not a number, a text that is missing empty.
    ///
    /// # Errors
    /// When a table is not as asked for, or a step finds values that it cannot compute with.
    pub fn score(&self, inputs: &[Tensor]) -> Result<Tensor, Error> {
        if inputs.len() != self.inputs.len() {
            let what = format!("is one of {}, and {} are given", self.inputs.len(), inputs.len());
            return Err(Error::Input { name: self.inputs[0].name.clone(), what });
        }
        let rows = inputs.first().map_or(0, Tensor::rows);
        let mut values: FxHashMap<&str, Tensor> = FxHashMap::default();
        for (asked, given) in self.inputs.iter().zip(inputs) {
            let wrong = |what: String| Err(Error::Input { name: asked.name.clone(), what });
            if matches!(given, Tensor::Texts { .. }) != asked.texts {
                return wrong(format!("takes {}", if asked.texts { "texts" } else { "numbers" }));
            }
            if let Some(width) = asked.width.filter(|width| *width != given.width()) {
                return wrong(format!("has {width} columns, and {} are given", given.width()));
            }
            if given.rows() != rows {
                return wrong(format!("has {} rows, another {rows}", given.rows()));
            }
            values.insert(&asked.name, given.clone());
        }
        for planned in &self.steps {
            let mut read = Vec::with_capacity(planned.inputs.len());
            for name in &planned.inputs {
                let found = values.get(name.as_str()).or_else(|| self.constants.get(name));
                read.push(found.ok_or_else(|| Error::Malformed(format!("nothing makes '{name}'")))?);
            }
            let made = planned.step.run(&read, rows, &planned.called)?;
            values.insert(&planned.output, made);
        }
        let scores = values.remove(self.scores.as_str());
        let scores = scores.ok_or_else(|| Error::Malformed(format!("nothing makes '{}'", self.scores)))?;
        scores.numbers("the last step")?;
        if scores.rows() == rows {
            Ok(scores)
        } else {
            Err(Error::Malformed("there is not one row of scores a row".to_owned()))
        }
    }
}

/// The name of the output that holds scores: the one called so, or the last that is no label.
fn scores_of(graph: &GraphProto) -> Result<String, Error> {
    let last = graph.output.last().ok_or_else(|| Error::Malformed("there is no output".to_owned()))?;
    let named = graph.output.iter().find(|output| output.name.to_ascii_lowercase().contains("prob"));
    Ok(named.unwrap_or(last).name.clone())
}

/// The steps that a value needs, each after those it needs itself.
fn plan(graph: &GraphProto, scores: &str, constants: &FxHashMap<String, Tensor>) -> Result<Vec<Planned>, Error> {
    let mut makers: FxHashMap<&str, (&NodeProto, usize)> = FxHashMap::default();
    for node in &graph.node {
        for (at, output) in node.output.iter().enumerate().filter(|(_, output)| !output.is_empty()) {
            if makers.insert(output, (node, at)).is_some() {
                return Err(Error::Malformed(format!("'{output}' is made twice")));
            }
        }
    }
    let given: FxHashSet<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    let mut steps: Vec<Planned> = Vec::new();
    // 1: its needs are being looked at; 2: done.
    let mut state: FxHashMap<&str, u8> = FxHashMap::default();
    let mut stack = vec![scores];
    while let Some(name) = stack.last().copied() {
        if state.get(name) == Some(&2)
            || constants.contains_key(name)
            || given.contains(name) && !makers.contains_key(name)
        {
            stack.pop();
            continue;
        }
        let Some((node, at)) = makers.get(name).copied() else {
            return Err(Error::Malformed(format!("nothing makes '{name}'")));
        };
        // Shapes that a reshape is told are not needed: rows stay rows.
        let reads = if matches!(node.op_type.as_str(), "Reshape" | "Squeeze" | "Unsqueeze" | "ReduceSum") {
            1
        } else {
            node.input.len()
        };
        let needs = node.input.iter().take(reads).map(String::as_str).filter(|need| !need.is_empty());
        if state.insert(name, 1) == Some(1) {
            state.insert(name, 2);
            stack.pop();
            let step = Step::read(node, at)?;
            let inputs = needs.map(str::to_owned).collect();
            steps.push(Planned { step, called: called(node), inputs, output: name.to_owned() });
            continue;
        }
        for need in needs {
            match state.get(need) {
                Some(1) => return Err(Error::Malformed(format!("'{need}' is needed to make itself"))),
                Some(_) => {}
                None => stack.push(need),
            }
        }
    }
    Ok(steps)
}

fn input(proto: &ValueInfoProto) -> Input {
    let tensor = proto.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map(|shape| shape.dim.as_slice()).unwrap_or_default();
    let width = match dims {
        [_, columns] => columns.dim_value.and_then(|value| usize::try_from(value).ok()).filter(|value| *value > 0),
        _ => None,
    };
    Input { name: proto.name.clone(), texts: tensor.is_some_and(|tensor| tensor.elem_type == kind::STRING), width }
}

/// The classes of the first classifier, or of the map that names them.
fn classes(graph: &GraphProto) -> Vec<String> {
    for node in &graph.node {
        for attribute in &node.attribute {
            let labels =
                matches!(attribute.name.as_str(), "classlabels_strings" | "classlabels_int64s" | "classlabels_ints");
            if labels && !attribute.strings.is_empty() {
                return attribute.strings.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
            }
            if labels && !attribute.ints.is_empty() {
                return attribute.ints.iter().map(ToString::to_string).collect();
            }
        }
    }
    Vec::new()
}
