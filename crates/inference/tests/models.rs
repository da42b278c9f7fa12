//! Models written here, scored as a plain reading of their definition scores them; files that are wrong in every way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use attune_inference::tensor::Tensor;
use attune_inference::wire::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
use attune_inference::{Error, Model};
use proptest::prelude::*;
use prost::Message as _;

fn input(name: &str, elem_type: i32, width: i64) -> ValueInfoProto {
    let dims = [None, Some(width)].map(|dim_value| DimensionProto { dim_value });
    let shape = Some(TensorShapeProto { dim: dims.to_vec() });
    let tensor_type = Some(TensorTypeProto { elem_type, shape });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

fn output(name: &str) -> ValueInfoProto {
    ValueInfoProto { name: name.to_owned(), r#type: None }
}

fn floats(name: &str, floats: &[f32]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), floats: floats.to_vec(), ..Default::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: ints.to_vec(), ..Default::default() }
}

fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto { name: name.to_owned(), s: text.as_bytes().to_vec(), ..Default::default() }
}

fn texts(name: &str, texts: &[&str]) -> AttributeProto {
    let strings = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    AttributeProto { name: name.to_owned(), strings, ..Default::default() }
}

fn node(op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    NodeProto { input: owned(inputs), output: owned(outputs), op_type: op.to_owned(), attribute, ..Default::default() }
}

fn file(
    input: Vec<ValueInfoProto>,
    output: Vec<ValueInfoProto>,
    node: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
) -> Vec<u8> {
    let graph = GraphProto { node, name: "g".to_owned(), initializer, input, output };
    ModelProto { ir_version: 8, producer_name: "test".to_owned(), graph: Some(graph), ..Default::default() }
        .encode_to_vec()
}

/// A binary tree: inner nodes in the order of their numbers, leaves after them.
#[derive(Debug, Clone)]
struct Tree {
    tests: Vec<(usize, f32)>,
    leaves: Vec<f32>,
}

impl Tree {
    /// The vote of a row, by the definition: go left while it is at most the threshold.
    fn vote(&self, row: &[f32]) -> f32 {
        let mut at = 0;
        while at < self.tests.len() {
            let (feature, threshold) = self.tests[at];
            at = if row[feature] <= threshold { 2 * at + 1 } else { 2 * at + 2 };
        }
        self.leaves[at - self.tests.len()]
    }
}

fn forest(trees: &[Tree], extra: Vec<AttributeProto>, classifier: bool) -> Vec<u8> {
    let (mut ids, mut nodes, mut features): (Vec<i64>, Vec<i64>, Vec<i64>) = Default::default();
    let (mut values, mut modes): (Vec<f32>, Vec<&str>) = Default::default();
    let (mut yes, mut no): (Vec<i64>, Vec<i64>) = Default::default();
    let (mut vote_trees, mut vote_nodes, mut votes): (Vec<i64>, Vec<i64>, Vec<f32>) = Default::default();
    for (number, tree) in trees.iter().enumerate() {
        for at in 0..tree.tests.len() + tree.leaves.len() {
            ids.push(number as i64);
            nodes.push(at as i64);
            let test = tree.tests.get(at);
            features.push(test.map_or(0, |(feature, _)| *feature as i64));
            values.push(test.map_or(0.0, |(_, threshold)| *threshold));
            modes.push(if test.is_some() { "BRANCH_LEQ" } else { "LEAF" });
            yes.push(if test.is_some() { 2 * at as i64 + 1 } else { 0 });
            no.push(if test.is_some() { 2 * at as i64 + 2 } else { 0 });
            if test.is_none() {
                vote_trees.push(number as i64);
                vote_nodes.push(at as i64);
                votes.push(tree.leaves[at - tree.tests.len()]);
            }
        }
    }
    let prefix = if classifier { "class" } else { "target" };
    let mut attributes = vec![
        ints("nodes_treeids", &ids),
        ints("nodes_nodeids", &nodes),
        ints("nodes_featureids", &features),
        floats("nodes_values", &values),
        texts("nodes_modes", &modes),
        ints("nodes_truenodeids", &yes),
        ints("nodes_falsenodeids", &no),
        ints(&format!("{prefix}_treeids"), &vote_trees),
        ints(&format!("{prefix}_nodeids"), &vote_nodes),
        ints(&format!("{prefix}_ids"), &vec![0; votes.len()]),
        floats(&format!("{prefix}_weights"), &votes),
    ];
    attributes.extend(extra);
    let (op, outputs): (&str, &[&str]) = if classifier {
        ("TreeEnsembleClassifier", &["label", "probabilities"])
    } else {
        ("TreeEnsembleRegressor", &["value"])
    };
    let declared = outputs.iter().map(|name| output(name)).collect();
    file(vec![input("x", 1, 3)], declared, vec![node(op, &["x"], outputs, attributes)], Vec::new())
}

fn tree() -> impl Strategy<Value = Tree> {
    (0_u32..4).prop_flat_map(|depth| {
        let inner = (1_usize << depth) - 1;
        let tests = prop::collection::vec((0_usize..3, -2.0_f32..2.0), inner);
        let leaves = prop::collection::vec(-1.0_f32..1.0, inner + 1);
        (tests, leaves).prop_map(|(tests, leaves)| Tree { tests, leaves })
    })
}

proptest! {
    #[test]
    fn a_forest_votes_as_its_trees_do(
        trees in prop::collection::vec(tree(), 1..6),
        rows in prop::collection::vec(prop::array::uniform3(-2.5_f32..2.5), 1..20),
    ) {
        let model = Model::onnx(&forest(&trees, vec![text("aggregate_function", "SUM")], false)).unwrap();
        let values: Vec<f32> = rows.iter().flatten().copied().collect();
        let scores = model.score(&[Tensor::Numbers { width: 3, values }]).unwrap();
        for (at, row) in rows.iter().enumerate() {
            let expected: f64 = trees.iter().map(|tree| f64::from(tree.vote(row))).sum();
            prop_assert!((f64::from(scores.row(at)[0]) - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn bytes_that_are_no_model_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Model::onnx(&bytes).is_err());
    }

    /// A file with one byte changed is a model or an error, and scores rows or says why not.
    #[test]
    fn a_damaged_file_never_panics(at in 0_usize..600, byte in any::<u8>()) {
        let trees = [Tree { tests: vec![(0, 0.5), (1, -0.5), (2, 0.0)], leaves: vec![0.1, 0.2, 0.3, 0.4] }];
        let mut bytes = forest(&trees, vec![text("post_transform", "LOGISTIC"), ints("classlabels_int64s", &[0, 1])], true);
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(model) = Model::onnx(&bytes) {
            let tables: Vec<Tensor> = model.inputs().iter().map(|input| {
                let width = input.width.unwrap_or(3).min(64);
                if input.texts { Tensor::Texts { width, values: vec![String::new(); width] } }
                else { Tensor::Numbers { width, values: vec![0.25; width] } }
            }).collect();
            let _ = model.score(&tables);
        }
    }
}

#[test]
fn of_two_classes_with_one_voted_for_both_are_told() {
    let trees = [Tree { tests: vec![(0, 0.0)], leaves: vec![-2.0, 1.0] }];
    let labels = ints("classlabels_int64s", &[0, 1]);
    let model = Model::onnx(&forest(&trees, vec![text("post_transform", "LOGISTIC"), labels], true)).unwrap();
    assert_eq!((model.classes(), model.positive()), (["0".to_owned(), "1".to_owned()].as_slice(), Some(1)));
    let scores = model.score(&[Tensor::Numbers { width: 3, values: vec![1.0, 0.0, 0.0, -1.0, 0.0, 0.0] }]).unwrap();
    let logistic = |odds: f32| 1.0 / (1.0 + (-odds).exp());
    assert!((scores.row(0)[1] - logistic(1.0)).abs() < 1e-6 && (scores.row(1)[0] - logistic(2.0)).abs() < 1e-6);
}

#[test]
fn columns_by_name_are_scaled_coded_and_weighed() {
    let nodes = vec![
        node(
            "Imputer",
            &["age"],
            &["filled"],
            vec![
                floats("imputed_value_floats", &[40.0]),
                AttributeProto { name: "replaced_value_float".to_owned(), f: f32::NAN, ..Default::default() },
            ],
        ),
        node("Scaler", &["filled"], &["scaled"], vec![floats("offset", &[40.0]), floats("scale", &[0.1])]),
        node("OneHotEncoder", &["job"], &["coded"], vec![texts("cats_strings", &["cook", "pilot"])]),
        node(
            "Concat",
            &["scaled", "coded"],
            &["all"],
            vec![AttributeProto { name: "axis".to_owned(), i: 1, ..Default::default() }],
        ),
        node(
            "LinearClassifier",
            &["all"],
            &["label", "raw"],
            vec![
                floats("coefficients", &[-1.0, -0.5, -2.0, 1.0, 0.5, 2.0]),
                floats("intercepts", &[-0.25, 0.25]),
                ints("classlabels_ints", &[0, 1]),
                text("post_transform", "LOGISTIC"),
            ],
        ),
        // Nobody asks for what an unknown operator makes of the label.
        node("Mystery", &["label"], &["output_label"], Vec::new()),
        node("ZipMap", &["raw"], &["output_probability"], vec![ints("classlabels_int64s", &[0, 1])]),
    ];
    let inputs = vec![input("age", 1, 1), input("job", 8, 1)];
    let model =
        Model::onnx(&file(inputs, vec![output("output_label"), output("output_probability")], nodes, Vec::new()))
            .unwrap();
    assert_eq!(
        model.inputs().iter().map(|input| (input.name.as_str(), input.texts)).collect::<Vec<_>>(),
        [("age", false), ("job", true)]
    );
    let ages = Tensor::Numbers { width: 1, values: vec![50.0, f32::NAN] };
    let jobs = Tensor::Texts { width: 1, values: vec!["pilot".to_owned(), "nobody".to_owned()] };
    let scores = model.score(&[ages.clone(), jobs]).unwrap();
    let logistic = |odds: f32| 1.0 / (1.0 + (-odds).exp());
    assert!((scores.row(0)[1] - logistic(1.0 + 2.0 + 0.25)).abs() < 1e-6, "{scores:?}");
    assert!((scores.row(1)[1] - logistic(0.25)).abs() < 1e-6, "{scores:?}");

    let swapped = model.score(&[ages.clone(), ages.clone()]).unwrap_err();
    assert_eq!(swapped, Error::Input { name: "job".to_owned(), what: "takes texts".to_owned() });
    let short = Tensor::Texts { width: 1, values: vec![String::new()] };
    assert!(matches!(model.score(&[ages, short]).unwrap_err(), Error::Input { name, .. } if name == "job"));
}

#[test]
fn a_small_network_is_matrices() {
    let constant = |name: &str, dims: &[i64], float_data: &[f32]| TensorProto {
        dims: dims.to_vec(),
        data_type: 1,
        float_data: float_data.to_vec(),
        name: name.to_owned(),
        ..Default::default()
    };
    let constants = vec![
        constant("w", &[2, 3], &[1.0, 0.0, -1.0, 0.5, 1.0, 2.0]),
        constant("b", &[3], &[0.0, -1.0, 0.5]),
        constant("v", &[1, 3], &[1.0, -1.0, 0.5]),
        constant("c", &[1], &[0.25]),
    ];
    let transposed = AttributeProto { name: "transB".to_owned(), i: 1, ..Default::default() };
    let nodes = vec![
        node("MatMul", &["x", "w"], &["h"], Vec::new()),
        node("Add", &["h", "b"], &["i"], Vec::new()),
        node("Relu", &["i"], &["j"], Vec::new()),
        node("Gemm", &["j", "v", "c"], &["k"], vec![transposed]),
        node("Sigmoid", &["k"], &["y"], Vec::new()),
    ];
    let model = Model::onnx(&file(vec![input("x", 1, 2)], vec![output("y")], nodes, constants)).unwrap();
    let scores = model.score(&[Tensor::Numbers { width: 2, values: vec![2.0, 1.0, -1.0, 0.0] }]).unwrap();
    // x = (2, 1): h = (2.5, 1, 0), i = (2.5, 0, 0.5), k = 2.5 + 0.25 + 0.25; x = (-1, 0): i = (-1, -1, 1.5), k = 0.75 + 0.25.
    for (at, odds) in [(0, 3.0_f32), (1, 1.0)] {
        assert!((scores.row(at)[0] - 1.0 / (1.0 + (-odds).exp())).abs() < 1e-6, "{scores:?}");
    }
}

#[test]
fn what_is_not_known_or_leads_back_is_refused() {
    let unknown =
        file(vec![input("x", 1, 1)], vec![output("y")], vec![node("Mystery", &["x"], &["y"], Vec::new())], Vec::new());
    assert_eq!(Model::onnx(&unknown).unwrap_err(), Error::Operator { step: "Mystery".to_owned() });

    let nodes = vec![node("Add", &["x", "b"], &["a"], Vec::new()), node("Relu", &["a"], &["b"], Vec::new())];
    let circle = file(vec![input("x", 1, 1)], vec![output("a")], nodes, Vec::new());
    assert!(matches!(Model::onnx(&circle).unwrap_err(), Error::Malformed(text) if text.contains("to make itself")));

    let mut trees = [Tree { tests: vec![(0, 0.0)], leaves: vec![1.0, 2.0] }];
    trees[0].tests.push((1, 0.0));
    // Node 1 now tests as well, and leads to nodes 3 and 4, of which there is no 4.
    let gap = forest(&trees, Vec::new(), false);
    assert!(matches!(Model::onnx(&gap).unwrap_err(), Error::Computation { what, .. } if what.contains("leads to")));

    let nothing =
        file(vec![input("x", 1, 1)], vec![output("y")], vec![node("Relu", &["z"], &["y"], Vec::new())], Vec::new());
    assert_eq!(Model::onnx(&nothing).unwrap_err(), Error::Malformed("nothing makes 'z'".to_owned()));
}
