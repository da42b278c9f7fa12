//! How long `Resolve` by attributes takes against many records, and what it costs.
//!
//! ```text
//! probabilistic_resolve --input FILE.csv --id COLUMN [--ignore COL,COL] [--train ROWS] [--resolves N]
//!                       [--max-block N] [--directory DIR]
//! ```
//!
//! Trains a model on the first rows, publishes it, loads all rows but the last `N` through `BatchResolve` into the
//! embedded store, then resolves each of the last rows alone: first only looking up, then for good. Prints latencies and
//! processor seconds of the whole process. The generator of customers among the examples of the matching crate writes
//! files of any size.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use attune_client::{Channel, IdentityClient, Options};
use attune_identity_resolution::{Config, Deps, build};
use attune_matching::dedupe::Times;
use attune_matching::{Dedupe, Options as Training};
use attune_proto::identity::v1 as pb;
use attune_proto::identity::v1::batch_resolve_result::Result as Answer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Cache, Engine, Storage};

type Fault = Box<dyn std::error::Error>;

/// Interactions of one message.
const CHUNK: usize = 1000;

struct Arguments {
    input: String,
    id: String,
    ignore: Vec<String>,
    train: usize,
    resolves: usize,
    max_block: usize,
    directory: Option<String>,
}

/// The rows of the file: names of the columns in use, ids, values.
struct Rows {
    names: Vec<String>,
    ids: Vec<String>,
    values: Vec<Vec<String>>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("probabilistic_resolve: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Fault> {
    let arguments = arguments(std::env::args().skip(1))?;
    let rows = read(&arguments)?;
    let mut meter = Meter::start()?;
    let model = train(&rows, arguments.train)?;
    println!("trained on {} rows: {}", arguments.train.min(rows.ids.len()), meter.lap()?);

    let scratch = tempfile::tempdir()?;
    let directory = arguments.directory.as_deref().map_or(scratch.path(), std::path::Path::new);
    let storage = Storage::Embedded(Engine::open(directory)?);
    let (clock, ids) = (Clock::system(), IdSource::random());
    let deps = Deps { storage, cache: Cache::none(), clock, ids };
    let mut config = Config::default();
    config.matching.max_block = arguments.max_block;
    let service = build(config, deps).await?;
    let mut client = attune_client::identity(Channel::in_process(service.in_process(), &Options::default()));
    client.publish_model(pb::PublishModelRequest { model_json: model, actor: "example".to_owned() }).await?;

    let loaded = rows.ids.len().saturating_sub(arguments.resolves);
    load(&mut client, &rows, loaded, &mut meter).await?;
    for read_only in [true, false] {
        let mut taken = Vec::with_capacity(arguments.resolves);
        let (mut matched, mut linked) = (0, 0);
        meter.lap()?;
        for row in loaded..rows.ids.len() {
            let request = pb::ResolveRequest { read_only, ..rows.request(row) };
            let began = Instant::now();
            let answer = client.resolve(request).await;
            taken.push(began.elapsed());
            match answer {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    matched += usize::from(!answer.matches.is_empty());
                    linked += usize::from(!answer.created);
                }
                Err(status) if read_only && status.code() == tonic::Code::NotFound => {}
                Err(status) => return Err(status.into()),
            }
        }
        let lap = meter.lap()?;
        taken.sort_unstable();
        let at = |share: f64| percentile(&taken, share);
        println!(
            "{}: {} calls against {loaded} records, {matched} with matches, {linked} known; p50 {:?} p99 {:?} max {:?}; {:.3} ms cpu a call",
            if read_only { "look up" } else { "resolve" },
            taken.len(),
            at(0.5),
            at(0.99),
            at(1.0),
            lap.cpu.as_secs_f64() * 1000.0 / f64::from(u32::try_from(taken.len().max(1))?),
        );
    }
    Ok(())
}

async fn load(client: &mut IdentityClient, rows: &Rows, count: usize, meter: &mut Meter) -> Result<(), Fault> {
    meter.lap()?;
    let (mut persons, mut reviews, mut done) = (0usize, 0usize, 0usize);
    while done < count {
        let end = (done + 50 * CHUNK).min(count);
        let chunks: Vec<pb::BatchResolveRequest> = (done..end)
            .step_by(CHUNK)
            .map(|from| pb::BatchResolveRequest {
                requests: (from..(from + CHUNK).min(end)).map(|row| rows.request(row)).collect(),
            })
            .collect();
        let mut answers = client.batch_resolve(tokio_stream::iter(chunks)).await?.into_inner();
        while let Some(answer) = answers.message().await? {
            for result in answer.results {
                match result.result {
                    Some(Answer::Response(response)) => {
                        persons += usize::from(response.created);
                        reviews += usize::from(!response.review_id.is_empty());
                    }
                    Some(Answer::Error(error)) => return Err(error.message.into()),
                    None => return Err("a result is empty".into()),
                }
            }
        }
        done = end;
        if done.is_multiple_of(50 * CHUNK) {
            println!("loaded {done}: {}", meter.lap()?);
        }
    }
    println!("loaded {count} records, {persons} persons created, {reviews} answers name a review: {}", meter.lap()?);
    Ok(())
}

fn train(rows: &Rows, most: usize) -> Result<String, Fault> {
    let header: Vec<&str> = rows.names.iter().map(String::as_str).collect();
    let mut dedupe = Dedupe::new(None, Training::default());
    let mut input = dedupe.add_input("rows", &header)?;
    for row in rows.values.iter().take(most) {
        input.push(row.iter().map(String::as_str))?;
    }
    Ok(dedupe.run(&Times::default, &|_, _, _| {})?.model.to_json())
}

impl Rows {
    fn request(&self, row: usize) -> pb::ResolveRequest {
        let said = self.names.iter().zip(&self.values[row]).filter(|(_, value)| !value.is_empty());
        let attributes = said.map(|(name, value)| pb::Attribute { name: name.clone(), value: value.clone() });
        pb::ResolveRequest {
            attributes: attributes.collect(),
            record_id: self.ids[row].clone(),
            source: "file".to_owned(),
            ..Default::default()
        }
    }
}

fn read(arguments: &Arguments) -> Result<Rows, Fault> {
    let mut file = csv::Reader::from_path(&arguments.input)?;
    let header = file.headers()?.clone();
    let id = header.iter().position(|name| name == arguments.id).ok_or("the column of ids is not in the file")?;
    let used: Vec<usize> =
        (0..header.len()).filter(|at| *at != id && !arguments.ignore.iter().any(|name| name == &header[*at])).collect();
    let names = used.iter().map(|at| header[*at].to_owned()).collect();
    let mut rows = Rows { names, ids: Vec::new(), values: Vec::new() };
    for record in file.records() {
        let record = record?;
        rows.ids.push(record[id].to_owned());
        rows.values.push(used.iter().map(|at| record[*at].to_owned()).collect());
    }
    Ok(rows)
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// Time that passes and time that the process works.
struct Meter {
    wall: Instant,
    cpu: Duration,
}

struct Lap {
    wall: Duration,
    cpu: Duration,
}

impl Meter {
    fn start() -> Result<Self, Fault> {
        Ok(Self { wall: Instant::now(), cpu: cpu()? })
    }

    /// What passed since the last lap.
    fn lap(&mut self) -> Result<Lap, Fault> {
        let now = Self::start()?;
        let lap = Lap { wall: now.wall - self.wall, cpu: now.cpu.saturating_sub(self.cpu) };
        *self = now;
        Ok(lap)
    }
}

impl std::fmt::Display for Lap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} s, {:.1} s cpu", self.wall.as_secs_f64(), self.cpu.as_secs_f64())
    }
}

/// Processor time of this process, all its threads, in user and system mode. The kernel counts in hundredths of a second.
fn cpu() -> Result<Duration, Fault> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("the process's state cannot be read")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 10))
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, Fault> {
    let mut arguments = Arguments {
        input: String::new(),
        id: String::new(),
        ignore: Vec::new(),
        train: 100_000,
        resolves: 2_000,
        max_block: Config::default().matching.max_block,
        directory: None,
    };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} wants a value"))?;
        match flag.as_str() {
            "--input" => arguments.input = value,
            "--id" => arguments.id = value,
            "--ignore" => arguments.ignore = value.split(',').map(str::to_owned).collect(),
            "--train" => arguments.train = value.parse()?,
            "--resolves" => arguments.resolves = value.parse()?,
            "--max-block" => arguments.max_block = value.parse()?,
            "--directory" => arguments.directory = Some(value),
            _ => return Err(format!("{flag} is unknown").into()),
        }
    }
    if arguments.input.is_empty() || arguments.id.is_empty() {
        return Err("--input and --id are needed".into());
    }
    Ok(arguments)
}
