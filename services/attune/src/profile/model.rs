//! `attune profile model`: models of a running server.

use std::fmt::Write as _;
use std::time::Duration;

use attune_client::ModelClient;
use attune_kernel::Timestamp;
use attune_proto::profile::v1::{
    CancelTrainingRequest, DeleteModelRequest, GetModelRequest, ListModelsRequest, Model, ModelReport, ModelState,
    ScorePersonsRequest, TrainModelRequest, TrainingPhase,
};
use serde_json::{Value, json};

use super::audience::who;
use super::timeline::time as shown;
use crate::connect::connect;
use crate::exit::Failure;
use crate::journey::table::Table;
use crate::options::Address;
use crate::options::audience::Output;
use crate::options::model::{ModelCommand, TrainOptions};
use crate::options::profile::PageFormat;
use crate::output;
use crate::progress::Progress;
use crate::values::timestamp;

/// Entries of a page.
const PAGE: i32 = 1000;
/// How often a training is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Causes that a page shows.
const CAUSES: usize = 12;
/// Groups of a cause that a page shows.
const GROUPS: usize = 6;

/// Runs one of the commands.
///
/// # Errors
/// What the server answers; a training that fails.
pub(super) async fn run(command: ModelCommand) -> Result<(), Failure> {
    match command {
        ModelCommand::Train(options) => train(options).await,
        ModelCommand::List { output } => list(&output).await,
        ModelCommand::Show { model, address, format } => print(&get(&mut client(&address)?, model).await?, format),
        ModelCommand::Score { model, who: persons, reasons, expire, address } => {
            let request = ScorePersonsRequest {
                model_id: model,
                persons: Some(who(&persons)),
                reasons,
                expire_time: expire.map(at),
            };
            score(request, &address).await
        }
        ModelCommand::Cancel { model, address } => {
            client(&address)?.cancel_training(CancelTrainingRequest { model_id: model.clone() }).await?;
            output::print(&format!("cancelled the training of {model}"));
            Ok(())
        }
        ModelCommand::Delete { model, address } => {
            let request = DeleteModelRequest { model_id: model.clone(), etag: String::new() };
            client(&address)?.delete_model(request).await?;
            output::print(&format!("deleted {model}"));
            Ok(())
        }
    }
}

fn client(address: &Address) -> Result<ModelClient, Failure> {
    Ok(attune_client::model(connect(address)?))
}

fn at(time: Timestamp) -> prost_types::Timestamp {
    timestamp(time.as_micros())
}

async fn get(client: &mut ModelClient, model_id: String) -> Result<Model, Failure> {
    Ok(client.get_model(GetModelRequest { model_id }).await?.into_inner().model.unwrap_or_default())
}

async fn train(options: TrainOptions) -> Result<(), Failure> {
    let mut client = client(&options.address)?;
    let model = Model {
        model_id: options.model,
        display_name: options.name,
        label: options.label,
        population: options.population,
        cutoff_time: options.cutoff.map(at),
        outcome_time: options.outcome.map(at),
        columns: options.columns,
        ignored_columns: options.ignore,
        max_persons: options.max_persons,
        folds: options.folds,
        seed: options.seed,
        ..Model::default()
    };
    let request = TrainModelRequest { model: Some(model) };
    let mut model = client.train_model(request).await?.into_inner().model.unwrap_or_default();
    let mut bar: Option<(Progress, u64)> = None;
    while model.state() == ModelState::Training {
        let progress = model.progress.take().unwrap_or_default();
        let (read, count) = (unsigned(progress.persons_read), unsigned(progress.person_count));
        if progress.phase() == TrainingPhase::Reading {
            let (bar, said) = bar.get_or_insert_with(|| (Progress::new("persons read", count), 0));
            bar.add(read.saturating_sub(*said));
            *said = read.max(*said);
        } else if let Some((bar, _)) = bar.take() {
            bar.finish();
        }
        tokio::time::sleep(LOOK).await;
        model = get(&mut client, model.model_id).await?;
    }
    match model.state() {
        ModelState::Ready => print(&model, options.format),
        ModelState::Cancelled => Err(Failure::other(format!("the training of {} was cancelled", model.model_id))),
        _ => Err(Failure::input(format!("{}: {}", model.model_id, model.failure))),
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn state(model: &Model) -> &'static str {
    match model.state() {
        ModelState::Training => "training",
        ModelState::Ready => "ready",
        ModelState::Failed => "failed",
        ModelState::Cancelled => "cancelled",
        ModelState::Unspecified => "",
    }
}

async fn list(options: &Output) -> Result<(), Failure> {
    let mut client = client(&options.address)?;
    let mut table = Table::new(&["model", "state", "version", "auc", "persons", "label", "name", "updated"]);
    let mut request = ListModelsRequest { page_size: PAGE, page_token: String::new() };
    loop {
        let page = client.list_models(request.clone()).await?.into_inner();
        for one in page.models {
            table.push(vec![
                json!(one.model_id),
                json!(state(&one)),
                json!(one.version),
                one.report.as_ref().map_or(Value::Null, |report| json!(report.auc)),
                one.report.as_ref().map_or(Value::Null, |report| json!(report.person_count)),
                json!(one.label),
                json!(one.display_name),
                json!(shown(one.update_time.as_ref())),
            ]);
        }
        if page.next_page_token.is_empty() {
            return table.print(options.format);
        }
        request.page_token = page.next_page_token;
    }
}

async fn score(request: ScorePersonsRequest, address: &Address) -> Result<(), Failure> {
    let model = request.model_id.clone();
    let mut parts = client(address)?.score_persons(request).await?.into_inner();
    let (mut bar, mut said, mut last) = (None, 0, None);
    while let Some(part) = parts.message().await? {
        let done = unsigned(part.scored_count + part.refused_count);
        bar.get_or_insert_with(|| Progress::new("persons scored", unsigned(part.person_count))).add(done - said);
        said = done;
        last = Some(part);
    }
    bar.into_iter().for_each(Progress::finish);
    let done = last.unwrap_or_default();
    let mut text = format!(
        "scored {} persons by {model} version {}, on average {:.4}",
        done.scored_count, done.version, done.mean_score
    );
    if done.refused_count > 0 {
        // Writing to a string does not fail.
        let _ = write!(text, "; {} had no room for another score", done.refused_count);
    }
    output::print(&text);
    Ok(())
}

/// Prints a model.
fn print(model: &Model, format: PageFormat) -> Result<(), Failure> {
    match format {
        PageFormat::Json => output::print_json(&object(model)),
        PageFormat::Table => {
            let mut text = String::new();
            // Writing to a string does not fail.
            let _ = page(model, &mut text);
            output::print(&text);
            Ok(())
        }
    }
}

fn object(model: &Model) -> Value {
    let report = model.report.as_ref().map(|report| {
        let deciles: Vec<Value> = report
            .deciles
            .iter()
            .map(|one| {
                json!({"persons": one.person_count, "predicted": one.predicted, "actual": one.actual, "lift": one.lift,
                       "captured": one.captured})
            })
            .collect();
        let causes: Vec<Value> = report
            .causes
            .iter()
            .map(|one| {
                let groups: Vec<Value> = one
                    .groups
                    .iter()
                    .map(|group| {
                        json!({"values": group.values, "persons": group.person_count, "actual": group.actual,
                               "effect": group.effect, "effect_low": group.effect_low, "effect_high": group.effect_high})
                    })
                    .collect();
                json!({"column": one.column, "share": one.share, "groups": groups})
            })
            .collect();
        let leaks: Vec<Value> = report.leaks.iter().map(|one| json!({"column": one.column, "auc": one.auc})).collect();
        let unused: Vec<Value> =
            report.unused_columns.iter().map(|one| json!({"column": one.column, "reason": one.reason})).collect();
        json!({
            "persons": report.person_count, "positives": report.positive_count,
            "cutoff": shown(report.cutoff_time.as_ref()), "outcome": shown(report.outcome_time.as_ref()),
            "auc": report.auc, "auc_low": report.auc_low, "auc_high": report.auc_high, "accuracy": report.accuracy,
            "log_loss": report.log_loss, "brier_score": report.brier_score,
            "calibration_error": report.calibration_error, "deciles": deciles, "causes": causes, "leaks": leaks,
            "unused_columns": unused, "seconds": report.seconds,
        })
    });
    json!({"model": model.model_id, "name": model.display_name, "label": model.label, "population": model.population,
           "state": state(model), "failure": model.failure, "version": model.version, "report": report})
}

fn page(model: &Model, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{} {}: {}", model.model_id, state(model), model.label)?;
    if !model.failure.is_empty() {
        writeln!(out, "the latest training failed: {}", model.failure)?;
    }
    let Some(report) = &model.report else { return Ok(()) };
    writeln!(
        out,
        "version {}: {} of {} persons, read as of {}, label as of {}",
        model.version,
        report.positive_count,
        report.person_count,
        shown(report.cutoff_time.as_ref()),
        shown(report.outcome_time.as_ref())
    )?;
    for leak in &report.leaks {
        writeln!(out, "warning: {} alone reaches an AUC of {:.3}; was it known before?", leak.column, leak.auc)?;
    }
    figures(report, out)?;
    writeln!(out, "\ncause                           share     rows   actual  effect (95 of 100)")?;
    for cause in report.causes.iter().take(CAUSES).filter(|cause| cause.share >= 0.005) {
        writeln!(out, "{:<30} {:>5.1}%", cause.column, cause.share * 100.0)?;
        for group in cause.groups.iter().take(GROUPS) {
            let interval = match (group.effect_low, group.effect_high) {
                (Some(low), Some(high)) => format!(" ({low:+.2} to {high:+.2})"),
                _ => String::new(),
            };
            let (values, actual) = (&group.values, group.actual * 100.0);
            writeln!(out, "  {values:<35} {:>8} {actual:>7.1}%  {:+.2}{interval}", group.person_count, group.effect)?;
        }
    }
    writeln!(out, "\n{} columns were not learned from; {:.1} s", report.unused_columns.len(), report.seconds)
}

fn figures(report: &ModelReport, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\nAUC                {:.4}  ({:.4} to {:.4})", report.auc, report.auc_low, report.auc_high)?;
    writeln!(out, "accuracy           {:.4}", report.accuracy)?;
    writeln!(out, "log-loss           {:.4}", report.log_loss)?;
    writeln!(out, "Brier              {:.4}", report.brier_score)?;
    writeln!(out, "calibration error  {:.4}", report.calibration_error)?;
    writeln!(out, "\n decile persons  predicted  actual    lift  captured")?;
    for (place, one) in report.deciles.iter().enumerate() {
        let (predicted, actual, captured) = (one.predicted * 100.0, one.actual * 100.0, one.captured * 100.0);
        let (place, persons, lift) = (place + 1, one.person_count, one.lift);
        writeln!(out, "{place:>7} {persons:>7} {predicted:>9.1}% {actual:>6.1}% {lift:>7.2} {captured:>8.1}%")?;
    }
    Ok(())
}
