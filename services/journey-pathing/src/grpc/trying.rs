//! Sets of trigger rules before they watch: what is wrong with them, and what they would have fired.

use attune_kernel::{Problem, Timestamp};
use attune_proto::journey::v1 as pb;
use attune_proto::journey::v1::trigger_rule_set::Rules;
use attune_trigger::cases::check;
use attune_trigger::file::{Kind, RulesFile};
use attune_trigger::replay::replay;
use attune_trigger::report::{BackTest, back_test};
use attune_trigger::{RuleError, from_yaml, locate};

use super::Journey;
use super::convert::{selection, signed, stamp, time};
use super::rules::{TEMPLATES, Wrong, compile};
use crate::store::Selection;

/// Threads that a back-test may take: the service answers many at once.
const THREADS: usize = 1;

impl Journey {
    /// What is wrong with a set, and which rules it has.
    pub(super) async fn validate(
        &self,
        request: pb::ValidateTriggerRuleSetRequest,
    ) -> Result<pb::ValidateTriggerRuleSetResponse, Problem> {
        let (set, limits) = (request.trigger_rule_set.unwrap_or_default(), self.config.limits());
        aside(move || {
            let (problems, rules) = match compile(&set, limits) {
                Ok((file, _)) => {
                    let mut wrong = check(&file, limits).unwrap_or_else(|wrong| wrong);
                    // Of rules that are picked from a file the numbers are others than in the file.
                    if let Some(Rules::Source(text)) = &set.rules
                        && set.rule_ids.is_empty()
                    {
                        locate(text, &mut wrong);
                    }
                    (wrong, summaries(&file))
                }
                Err(Wrong::File(errors)) => (errors, Vec::new()),
                Err(Wrong::Field(broken)) => {
                    let problem = |one: attune_kernel::Violation| RuleError {
                        line: None,
                        field: one.field,
                        message: one.description,
                    };
                    (broken.into_iter().map(problem).collect(), Vec::new())
                }
            };
            pb::ValidateTriggerRuleSetResponse { problems: problems.into_iter().map(problem).collect(), rules }
        })
        .await
    }

    /// What a set would have fired over a part of the log.
    pub(super) async fn backtest(
        &self,
        request: pb::BacktestTriggerRuleSetRequest,
    ) -> Result<pb::BacktestTriggerRuleSetResponse, Problem> {
        let set = request.trigger_rule_set.unwrap_or_default();
        let until = request.until_time.map(|until| time(&until, "until_time")).transpose();
        let until = until.map_err(|broken| Problem::invalid(vec![broken]))?;
        let (_, engine) = compile(&set, self.config.limits()).map_err(|wrong| {
            let mut broken = wrong.violations();
            broken.iter_mut().for_each(|one| one.field = format!("trigger_rule_set.{}", one.field));
            Problem::invalid(broken)
        })?;
        let selection = selection(request.selection, self.config.max_query_events)?;
        let log = self.store.log(Selection { properties: true, ..selection }).await?;
        aside(move || {
            let test = back_test(&engine, &replay(&engine, &log, until, THREADS));
            answer(&test, log.len())
        })
        .await
    }
}

/// Computes where it holds up no call.
async fn aside<A: Send + 'static>(work: impl FnOnce() -> A + Send + 'static) -> Result<A, Problem> {
    let computed = tokio::task::spawn_blocking(work).await;
    computed.map_err(|error| Problem::internal(format!("trying rules panicked: {error}")))
}

/// The libraries.
pub(super) fn templates() -> Result<pb::ListTriggerRuleTemplatesResponse, Problem> {
    let template = |(name, source): &(&str, &str)| {
        let file = from_yaml(source).map_err(|error| Problem::internal(format!("library {name}: {error}")))?;
        Ok(pb::TriggerRuleTemplate {
            template: (*name).to_owned(),
            source: (*source).to_owned(),
            rules: summaries(&file),
        })
    };
    let templates = TEMPLATES.iter().map(template).collect::<Result<_, Problem>>()?;
    Ok(pb::ListTriggerRuleTemplatesResponse { templates })
}

fn problem(error: RuleError) -> pb::TriggerRuleProblem {
    let line = error.line.and_then(|line| i32::try_from(line).ok()).unwrap_or_default();
    pb::TriggerRuleProblem { line, field: error.field, message: error.message }
}

fn summaries(file: &RulesFile) -> Vec<pb::TriggerRuleSummary> {
    let kind = |kind: Kind| match kind {
        Kind::Opportunity => "opportunity",
        Kind::Warning => "warning",
        Kind::Care => "care",
    };
    let summary = |rule: &attune_trigger::file::RuleText| pb::TriggerRuleSummary {
        trigger_rule_id: rule.id.clone(),
        title: rule.title.clone(),
        kind: rule.kind.map(kind).unwrap_or_default().to_owned(),
        description: rule.description.clone(),
    };
    file.rules.iter().map(summary).collect()
}

fn answer(test: &BackTest, events: usize) -> pb::BacktestTriggerRuleSetResponse {
    let count = |number: usize| signed(number as u64);
    let at = |time: Option<Timestamp>| time.map(stamp);
    let rules = test.rules.iter().map(|rule| pb::TriggerRuleLoad {
        trigger_rule_id: rule.rule.clone(),
        firings: count(rule.firings),
        persons: count(rule.customers),
        first_time: at(rule.span.map(|span| span.0)),
        last_time: at(rule.span.map(|span| span.1)),
        busiest_day_firings: count(rule.busiest_day),
    });
    let days = test.days.iter().map(|day| pb::TriggerDayLoad {
        day: Some(stamp(day.day)),
        firings: count(day.firings),
        persons: count(day.customers),
        most_per_person: count(day.most),
    });
    let load = test
        .load
        .iter()
        .map(|(firings, persons)| pb::TriggerPersonLoad { firings: count(*firings), persons: count(*persons) });
    pb::BacktestTriggerRuleSetResponse {
        events: count(events),
        persons: count(test.customers),
        rules: rules.collect(),
        days: days.collect(),
        load: load.collect(),
    }
}
