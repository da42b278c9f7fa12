//! `attune profile score` with a model that others trained.

use std::fmt::Write as _;

use attune_inference::tensor::Tensor;
use attune_inference::{Error, Model};
use serde::Serialize;

use super::input;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::learn::ScoreOptions;
use crate::options::profile::PageFormat;
use crate::output;
use crate::rows::{Row, Rows};

/// Rows that are scored at once.
const BATCH: usize = 4096;

/// What was scored.
#[derive(Debug, Serialize)]
struct Summary {
    rows: u64,
    producer: String,
    /// The mean of each column of scores.
    means: Vec<Mean>,
}

#[derive(Debug, Serialize)]
struct Mean {
    score: String,
    mean: f64,
}

/// Scores rows.
///
/// # Errors
/// Bad input: a model that cannot be read, columns that are missing, values that the model cannot take.
pub(super) fn run(options: &ScoreOptions, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    if options.reasons > 0 {
        return Err(Failure::usage("--reasons is for models of attune profile train; an ONNX model gives none"));
    }
    let model = Model::onnx(bytes).map_err(|error| refused(name, &error))?;
    let mut rows = Rows::open(&options.input)?;
    let id = options.id_column.as_deref().map(|name| input::place(&rows, name)).transpose()?;
    let places = places(&model, &rows, options, id)?;
    let columns = names(&model);
    let mut sums = vec![0.0; columns.len()];
    let mut count = 0_u64;
    let mut failed = None;
    let mut files = Files::default();
    files
        .write(&options.output, |out| {
            let mut out = csv::Writer::from_writer(out);
            out.write_record(std::iter::once("id").chain(columns.iter().map(String::as_str)))?;
            loop {
                let batch = match batch(&mut rows, &model, &places, id, count) {
                    Ok(batch) => batch,
                    Err(error) => {
                        failed = Some(error);
                        return Err(std::io::ErrorKind::InvalidData.into());
                    }
                };
                if batch.ids.is_empty() {
                    return out.flush();
                }
                let scores = match model.score(&batch.tables) {
                    Ok(scores) if scores.width() >= columns.len() => scores,
                    Ok(scores) => {
                        let text =
                            format!("{name}: {} columns of scores for {} classes", scores.width(), columns.len());
                        failed = Some(Failure::input(text));
                        return Err(std::io::ErrorKind::InvalidData.into());
                    }
                    Err(error) => {
                        failed = Some(refused(name, &error));
                        return Err(std::io::ErrorKind::InvalidData.into());
                    }
                };
                // Of two classes the second says it all.
                let shift = if columns.len() == 1 {
                    model.positive().filter(|at| *at < scores.width()).unwrap_or(0)
                } else {
                    0
                };
                for (at, id) in batch.ids.iter().enumerate() {
                    let row = scores.row(at).get(shift..).unwrap_or_default();
                    let mut record = vec![id.clone()];
                    for (sum, score) in sums.iter_mut().zip(row) {
                        *sum += f64::from(*score);
                        record.push(format!("{score:.6}"));
                    }
                    out.write_record(&record)?;
                }
                count += batch.ids.len() as u64;
            }
        })
        .map_err(|error| failed.unwrap_or(error))?;
    files.finish()?;
    if options.output == std::path::Path::new("-") {
        return Ok(());
    }
    let mean = |sum: f64| if count == 0 { 0.0 } else { sum / count as f64 };
    let means = columns.into_iter().zip(sums).map(|(score, sum)| Mean { score, mean: mean(sum) }).collect();
    let summary = Summary { rows: count, producer: model.producer().to_owned(), means };
    match options.format {
        PageFormat::Json => output::print_json(&summary),
        PageFormat::Table => {
            let mut text = format!("{} rows, a model by {}\n", summary.rows, summary.producer);
            for one in &summary.means {
                // Writing to a string does not fail.
                let _ = writeln!(text, "mean {:<30} {:>10.6}", one.score, one.mean);
            }
            output::print(&text);
            Ok(())
        }
    }
}

/// The columns of the output.
fn names(model: &Model) -> Vec<String> {
    match (model.positive(), model.classes().len()) {
        (Some(_), 0) => vec!["value".to_owned()],
        (Some(_), _) => vec!["probability".to_owned()],
        (None, _) => model.classes().iter().map(|class| format!("probability_{class}")).collect(),
    }
}

/// For each input of the model, the columns of the file.
fn places(model: &Model, rows: &Rows, options: &ScoreOptions, id: Option<usize>) -> Result<Vec<Vec<usize>>, Failure> {
    if let [one] = model.inputs()
        && one.width != Some(1)
    {
        let all = (0..rows.header().len()).filter(|at| Some(*at) != id).collect();
        let wanted: Vec<usize> = if options.features.is_empty() {
            all
        } else {
            options.features.iter().map(|name| input::place(rows, name)).collect::<Result<_, _>>()?
        };
        if one.width.is_some_and(|width| width != wanted.len()) {
            let width = one.width.unwrap_or(0);
            let text = format!("--features: the model reads {width} columns, and {} are given", wanted.len());
            return Err(Failure::usage(text));
        }
        return Ok(vec![wanted]);
    }
    if !options.features.is_empty() {
        return Err(Failure::usage("--features is for models with one table as input; this one names its columns"));
    }
    model.inputs().iter().map(|input| input::place(rows, &input.name).map(|place| vec![place])).collect()
}

/// Rows as the model takes them.
struct Batch {
    ids: Vec<String>,
    tables: Vec<Tensor>,
}

fn batch(
    rows: &mut Rows,
    model: &Model,
    places: &[Vec<usize>],
    id: Option<usize>,
    before: u64,
) -> Result<Batch, Failure> {
    let table = |at: usize| {
        let width = places[at].len();
        if model.inputs()[at].texts {
            Tensor::Texts { width, values: Vec::new() }
        } else {
            Tensor::Numbers { width, values: Vec::new() }
        }
    };
    let mut batch = Batch { ids: Vec::new(), tables: (0..places.len()).map(table).collect() };
    while batch.ids.len() < BATCH {
        let mut bad = None;
        match rows.next()? {
            None => break,
            Some(row) => {
                for (table, places) in batch.tables.iter_mut().zip(places) {
                    bad = bad.or(add(table, places, &row));
                }
                let number = before + batch.ids.len() as u64 + 1;
                batch.ids.push(id.map_or_else(|| number.to_string(), |place| row.field(place).to_owned()));
            }
        }
        if let Some(place) = bad {
            return Err(rows.wrong(place, "is not a number, which the model takes here"));
        }
    }
    Ok(batch)
}

/// Adds a row's fields to a table; answers the first that does not fit.
fn add(table: &mut Tensor, places: &[usize], row: &Row<'_>) -> Option<usize> {
    match table {
        Tensor::Texts { values, .. } => values.extend(places.iter().map(|place| row.field(*place).to_owned())),
        Tensor::Numbers { values, .. } => {
            for place in places {
                match row.field(*place) {
                    "" => values.push(f32::NAN),
                    text => match text.parse() {
                        Ok(value) => values.push(value),
                        Err(_) => return Some(*place),
                    },
                }
            }
        }
    }
    None
}

fn refused(name: &str, error: &Error) -> Failure {
    Failure::input(format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use attune_inference::wire::{
        AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, TensorShapeProto, TensorTypeProto,
        TypeProto, ValueInfoProto,
    };
    use prost::Message as _;

    use super::*;

    /// `2 age - visits + 1` over a table of two columns.
    fn line() -> Vec<u8> {
        let floats = |name: &str, floats: &[f32]| AttributeProto {
            name: name.to_owned(),
            floats: floats.to_vec(),
            ..Default::default()
        };
        let node = NodeProto {
            input: vec!["x".to_owned()],
            output: vec!["y".to_owned()],
            op_type: "LinearRegressor".to_owned(),
            attribute: vec![floats("coefficients", &[2.0, -1.0]), floats("intercepts", &[1.0])],
            ..Default::default()
        };
        let dim = [None, Some(2)].map(|dim_value| DimensionProto { dim_value }).to_vec();
        let tensor_type = Some(TensorTypeProto { elem_type: 1, shape: Some(TensorShapeProto { dim }) });
        let input = ValueInfoProto { name: "x".to_owned(), r#type: Some(TypeProto { tensor_type }) };
        let output = ValueInfoProto { name: "y".to_owned(), r#type: None };
        let graph = GraphProto { node: vec![node], input: vec![input], output: vec![output], ..Default::default() };
        ModelProto { graph: Some(graph), ..Default::default() }.encode_to_vec()
    }

    fn options(folder: &std::path::Path, features: &[&str]) -> ScoreOptions {
        ScoreOptions {
            model: PathBuf::from("m.onnx"),
            features: features.iter().map(|name| (*name).to_owned()).collect(),
            input: folder.join("rows.csv"),
            output: folder.join("scores.csv"),
            id_column: Some("id".to_owned()),
            reasons: 0,
            format: PageFormat::Json,
        }
    }

    #[test]
    fn rows_are_scored_in_the_order_of_the_named_columns() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rows.csv"), "id,visits,age\na,1,10\nb,,20\n").unwrap();
        run(&options(folder.path(), &["age", "visits"]), "m.onnx", &line()).unwrap();
        let scores = std::fs::read_to_string(folder.path().join("scores.csv")).unwrap();
        assert_eq!(scores, "id,value\na,20.000000\nb,NaN\n");
    }

    #[test]
    fn what_does_not_fit_is_said_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rows.csv"), "id,visits,age\na,one,10\n").unwrap();
        let said = |features: &[&str], bytes: &[u8]| {
            run(&options(folder.path(), features), "m.onnx", bytes).unwrap_err().to_string()
        };
        let text = said(&["age", "visits"], &line());
        assert!(text.contains("line 2 field visits: is not a number"), "{text}");
        assert!(said(&["age"], &line()).contains("the model reads 2 columns, and 1 are given"));
        assert!(said(&["age", "size"], &line()).contains("there is no field size"));
        assert!(said(&["age", "visits"], b"nothing").contains("m.onnx: not a model"));
        assert!(!folder.path().join("scores.csv").exists());
    }
}
