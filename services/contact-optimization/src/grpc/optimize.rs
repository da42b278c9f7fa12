//! Optimization runs: proposals in, progress, the plan and its certificate out.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attune_kernel::Problem;
use attune_proto::contact::v1::{
    OptimizeChosen, OptimizeProblem, OptimizeProgress, OptimizeReport, OptimizeRequest, OptimizeResponse, RuleUse,
    optimize_request, optimize_response, optimize_rule,
};
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::request::check;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Contacts, convert};
use crate::config::Config;
use crate::domain::optimize::verify::verify;
use crate::domain::optimize::{Builder, Columns, Demand, Options, Progress, Proposal, Rule, Solution, Step, optimize};
use crate::error::Error;
use crate::metrics::Metrics;

/// The gap a run stops at when the caller does not say.
const GAP: f64 = 1e-4;
/// The time a run may take when the caller does not say.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How often a caller hears how far the run is.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// Ids of chosen proposals in one message.
const CHUNK: usize = 5000;
/// Messages that may wait for a slow caller.
const QUEUE: usize = 16;

type Answers = mpsc::Sender<Result<OptimizeResponse, Status>>;

impl Contacts {
    /// Starts a run, which ends when its caller goes away.
    #[allow(clippy::result_large_err, reason = "tonic's own error type")]
    pub(super) fn start_run(
        &self,
        requests: Streaming<OptimizeRequest>,
    ) -> Result<ReceiverStream<Result<OptimizeResponse, Status>>, Status> {
        let permit = Arc::clone(&self.runs).try_acquire_owned().map_err(|_| Error::TooManyRuns)?;
        let (answers, receiver) = mpsc::channel(QUEUE);
        let run = Run { config: self.config.clone(), metrics: self.metrics.clone(), answers: answers.clone() };
        tokio::spawn(async move {
            if let Err(status) = run.go(requests, permit).await {
                // When the caller has gone away there is nobody to tell.
                let _ = answers.send(Err(status)).await;
            }
        });
        Ok(ReceiverStream::new(receiver))
    }
}

struct Run {
    config: Config,
    metrics: Metrics,
    answers: Answers,
}

impl Run {
    async fn go(self, mut requests: Streaming<OptimizeRequest>, permit: OwnedSemaphorePermit) -> Result<(), Status> {
        let (problem, rules, builder) = tokio::select! {
            read = self.read(&mut requests) => read?,
            () = self.answers.closed() => return Ok(()),
        };
        let limit = problem.time_limit.as_ref().map_or(TIME_LIMIT, convert::duration);
        let gap = if problem.gap > 0.0 { problem.gap } else { GAP };
        let options = Options { gap, seed: problem.seed.cast_unsigned() };
        let answers = self.answers.clone();
        let solving = tokio::task::spawn_blocking(move || {
            // The permit is held by the solver, not by the caller's patience.
            let _permit = permit;
            let started = Instant::now();
            let columns = builder.build();
            let mut watch = watcher(started, limit, answers);
            let solution = optimize(&columns, &rules, options, &mut watch)?;
            verify(&columns, &rules, &solution.chosen, solution.objective, solution.upper_bound)?;
            Ok::<_, Error>((columns, rules, solution, started.elapsed()))
        });
        let (columns, rules, solution, took) = solving.await.map_err(|_| Error::Solver)??;
        self.metrics.runs.add(1, &[KeyValue::new("stop_reason", solution.stop.as_str())]);
        self.metrics.run_duration.record(took.as_secs_f64(), &[]);
        self.metrics.proposals.add(columns.len() as u64, &[]);
        self.answer(&columns, &rules, &solution).await;
        Ok(())
    }

    async fn read(
        &self,
        requests: &mut Streaming<OptimizeRequest>,
    ) -> Result<(OptimizeProblem, Vec<Rule>, Builder), Status> {
        let problem = first(requests).await?;
        let rules = rules(&problem)?;
        let limit = problem.time_limit.as_ref().map_or(TIME_LIMIT, convert::duration);
        if limit > self.config.max_time_limit {
            return Err(refused("problem.time_limit", "is longer than is allowed").into());
        }
        let mut builder = Builder::new(self.config.max_proposals);
        while let Some(request) = requests.message().await? {
            check(&request).map_err(Error::from)?;
            let proposals = match request.part {
                Some(optimize_request::Part::Proposals(proposals)) => proposals.proposals,
                _ => return Err(refused("problem", "must be set in the first message only").into()),
            };
            for (index, proposal) in proposals.iter().enumerate() {
                let pushed = builder.push(&Proposal {
                    id: &proposal.proposal_id,
                    customer: &proposal.customer_id,
                    offer: &proposal.offer_id,
                    channel: &proposal.channel,
                    campaign: &proposal.campaign_id,
                    value: proposal.value,
                    cost: proposal.cost,
                });
                pushed.map_err(|refused| Error::Proposal(format!("proposals.proposals[{index}]"), refused))?;
            }
        }
        Ok((problem, rules, builder))
    }

    async fn answer(&self, columns: &Columns, rules: &[Rule], solution: &Solution) {
        for chunk in solution.chosen.chunks(CHUNK) {
            let proposal_ids = chunk.iter().map(|&position| columns.id(position as usize).to_owned()).collect();
            if !self.send(optimize_response::Part::Chosen(OptimizeChosen { proposal_ids })).await {
                return;
            }
        }
        let uses = rules.iter().zip(&solution.rules).map(|(rule, uses)| RuleUse {
            rule_id: rule.id.clone(),
            used: uses.used,
            max: uses.max,
            shadow_price: uses.shadow_price,
        });
        let report = OptimizeReport {
            objective: solution.objective,
            upper_bound: solution.upper_bound,
            gap: solution.gap,
            stop_reason: solution.stop.as_str().to_owned(),
            rules: uses.collect(),
            proposals: i64::try_from(columns.len()).unwrap_or(i64::MAX),
            chosen: i64::try_from(solution.chosen.len()).unwrap_or(i64::MAX),
        };
        self.send(optimize_response::Part::Report(report)).await;
    }

    /// False when the caller has gone away.
    async fn send(&self, part: optimize_response::Part) -> bool {
        self.answers.send(Ok(OptimizeResponse { part: Some(part) })).await.is_ok()
    }
}

/// Stops a run when its time is up or its caller has gone away, and tells the caller now and then how far it is.
fn watcher(started: Instant, limit: Duration, answers: Answers) -> impl FnMut(Progress) -> Step {
    let mut told = started;
    move |progress| {
        let now = Instant::now();
        if answers.is_closed() || now.duration_since(started) >= limit {
            return Step::Stop;
        }
        if now.duration_since(told) >= PROGRESS_EVERY {
            told = now;
            let part = optimize_response::Part::Progress(OptimizeProgress {
                iterations: i32::try_from(progress.iterations).unwrap_or(i32::MAX),
                objective: progress.objective,
                upper_bound: progress.upper_bound,
            });
            // A caller who does not read misses progress, not the plan.
            let _ = answers.try_send(Ok(OptimizeResponse { part: Some(part) }));
        }
        Step::Go
    }
}

async fn first(requests: &mut Streaming<OptimizeRequest>) -> Result<OptimizeProblem, Status> {
    let Some(request) = requests.message().await? else {
        return Err(refused("problem", "must be the first message").into());
    };
    check(&request).map_err(Error::from)?;
    match request.part {
        Some(optimize_request::Part::Problem(problem)) => Ok(problem),
        _ => Err(refused("problem", "must be the first message").into()),
    }
}

fn rules(problem: &OptimizeProblem) -> Result<Vec<Rule>, Error> {
    let mut seen = HashSet::with_capacity(problem.rules.len());
    let natural = |number: i64| u64::try_from(number).unwrap_or(0);
    let rule = |(index, rule): (usize, &attune_proto::contact::v1::OptimizeRule)| {
        if !seen.insert(rule.rule_id.clone()) {
            return Err(refused(&format!("problem.rules[{index}].rule_id"), "is not unique within the run"));
        }
        let demand = match &rule.rule {
            Some(optimize_rule::Rule::MaxPerCustomer(rule)) => Demand::MaxPerCustomer(natural(rule.limit)),
            Some(optimize_rule::Rule::Capacity(rule)) => Demand::Capacity(natural(rule.max)),
            Some(optimize_rule::Rule::Budget(rule)) if rule.max.is_finite() => Demand::Budget(rule.max),
            Some(optimize_rule::Rule::Budget(_)) => {
                return Err(refused(&format!("problem.rules[{index}].budget.max"), "must be a finite number"));
            }
            None => return Err(refused(&format!("problem.rules[{index}].rule"), "must be set")),
        };
        Ok(Rule { id: rule.rule_id.clone(), scope: convert::scope(rule.scope.clone()), demand })
    };
    problem.rules.iter().enumerate().map(rule).collect()
}

fn refused(field: &str, description: &str) -> Error {
    Error::Refused(Problem::invalid_field(field, description))
}
