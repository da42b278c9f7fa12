//! Questions over the stored log. They compute for long, so they do it where they hold up no call.

use attune_kernel::Problem;
use attune_proto::journey::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::Journey;
use super::convert::{asked_duration, gap, selection, signed, stamp, unit};
use crate::domain::funnel::Funnel;
use crate::domain::log::EventLog;
use crate::domain::pattern::{Match, Pattern, Search, find};
use crate::domain::sessions::{Sequence, Sequences, Unit, sequences};
use crate::domain::stat::median_seconds;
use crate::domain::{graph, paths};
use crate::store::Selection;

/// Threads that one question may take: the service answers many at once.
const THREADS: usize = 1;

/// How many paths are answered when a question does not say.
const TOP: usize = 100;

impl Journey {
    /// Reads a part of the log, cuts it into sequences and computes the answer.
    async fn ask<A: Send + 'static>(
        &self,
        selection: Selection,
        unit: Unit,
        answer: impl FnOnce(&EventLog, &Sequences) -> A + Send + 'static,
    ) -> Result<A, Problem> {
        let log = self.store.log(selection).await?;
        let computed = tokio::task::spawn_blocking(move || answer(&log, &sequences(&log, unit, THREADS)));
        computed.await.map_err(|error| Problem::internal(format!("a question panicked: {error}")))
    }

    fn selected(&self, message: Option<pb::Selection>) -> Result<Selection, Problem> {
        selection(message, self.config.max_query_events)
    }

    pub(super) async fn funnel(&self, request: pb::RunFunnelRequest) -> Result<pb::RunFunnelResponse, Problem> {
        let selection = self.selected(request.selection)?;
        let unit = unit(request.by, request.gap.as_ref())?;
        let within = asked_duration(request.within.as_ref(), "within")?.unwrap_or_default();
        let steps = request.steps;
        if let Some(at) = steps.iter().position(String::is_empty) {
            return Err(Problem::invalid_field(format!("steps[{at}]"), "must not be empty"));
        }
        let funnel = Funnel::named(steps, within);
        let steps = self.ask(selection, unit, move |log, sequences| funnel.run(log, sequences, THREADS)).await?;
        let steps = steps.into_iter().map(|step| pb::FunnelStep {
            name: step.name,
            reached: signed(step.reached),
            converted_from_previous: step.converted_from_previous,
            median_seconds: step.median_seconds,
        });
        Ok(pb::RunFunnelResponse { steps: steps.collect() })
    }

    pub(super) async fn sessions(&self, request: pb::RunSessionsRequest) -> Result<pb::RunSessionsResponse, Problem> {
        let unit = gap(request.gap.as_ref())?;
        let selection = self.selected(request.selection)?;
        self.ask(selection, unit, |log, sequences| {
            let duration =
                |one: Sequence| log.time(one.rows.end - 1).as_micros() - log.time(one.rows.start).as_micros();
            let mut durations: Vec<i64> = sequences.iter().map(duration).collect();
            pb::RunSessionsResponse {
                persons: signed(log.customers().len() as u64),
                sessions: signed(sequences.len() as u64),
                events: signed(log.len() as u64),
                median_seconds: median_seconds(&mut durations).unwrap_or_default(),
            }
        })
        .await
    }

    pub(super) async fn paths(&self, request: pb::RunPathsRequest) -> Result<pb::RunPathsResponse, Problem> {
        let selection = self.selected(request.selection)?;
        let unit = unit(request.by, request.gap.as_ref())?;
        let length = usize::try_from(request.length).unwrap_or_default();
        let top = usize::try_from(request.top).ok().filter(|top| *top > 0).unwrap_or(TOP);
        let found = self
            .ask(selection, unit, move |log, sequences| paths::top_paths(log, sequences, length, top, THREADS))
            .await?;
        let found = found.into_iter().map(|path| pb::Path { events: path.events, count: signed(path.count) });
        Ok(pb::RunPathsResponse { paths: found.collect() })
    }

    pub(super) async fn graph(&self, request: pb::GetGraphRequest) -> Result<pb::GetGraphResponse, Problem> {
        let selection = self.selected(request.selection)?;
        let unit = unit(request.by, request.gap.as_ref())?;
        let ask = |log: &EventLog, sequences: &Sequences| graph::directly_follows(log, sequences, THREADS);
        let edges = self.ask(selection, unit, ask).await?;
        let edges = edges.into_iter().map(|edge| pb::GraphEdge {
            from: edge.from,
            to: edge.to,
            count: signed(edge.count),
            median_seconds: edge.median_seconds,
        });
        Ok(pb::GetGraphResponse { edges: edges.collect() })
    }

    pub(super) async fn matches(&self, request: pb::MatchPatternRequest) -> Result<pb::MatchPatternResponse, Problem> {
        let size = page_size(request.page_size)?;
        let list = list_of(&request);
        let after = PageToken::decode(&list, &request.page_token)?.and_then(|token| place(&token.after));
        let pattern =
            Pattern::parse(&request.pattern).map_err(|error| Problem::invalid_field("pattern", error.to_string()))?;
        let within = asked_duration(request.within.as_ref(), "within")?;
        let unit = unit(request.by, request.gap.as_ref())?;
        let selection = Selection { properties: true, ..self.selected(request.selection)? };
        self.ask(selection, unit, move |log, sequences| {
            let search = Search { within, overlapping: false };
            let found = find(log, sequences, &pattern, search, THREADS);
            page(log, &found, after, size, &list)
        })
        .await
    }
}

/// What a page token is bound to: the question without its page.
fn list_of(request: &pb::MatchPatternRequest) -> String {
    let question = pb::MatchPatternRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    let digest = Sha256::digest(question.encode_to_vec());
    digest.iter().take(8).fold("matches:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A person and the number of a match among the person's.
fn place(text: &str) -> Option<(String, usize)> {
    let (number, person) = text.split_once(':')?;
    Some((person.to_owned(), number.parse().ok()?))
}

fn page(
    log: &EventLog,
    found: &[Match],
    after: Option<(String, usize)>,
    size: usize,
    list: &str,
) -> pb::MatchPatternResponse {
    let matched = found.chunk_by(|a, b| (a.customer, a.session) == (b.customer, b.session)).count();
    let mut answer = pb::MatchPatternResponse {
        matched_sequences: signed(matched as u64),
        total_matches: signed(found.len() as u64),
        ..pb::MatchPatternResponse::default()
    };
    for of_person in found.chunk_by(|a, b| a.customer == b.customer) {
        let person = log.customers().text(of_person[0].customer).unwrap_or_default();
        for (number, one) in of_person.iter().enumerate() {
            if after.as_ref().is_some_and(|(last, last_number)| (person, number) <= (last.as_str(), *last_number)) {
                continue;
            }
            if answer.matches.len() == size {
                return answer;
            }
            answer.matches.push(pb::PatternMatch {
                person_id: person.to_owned(),
                session: i32::try_from(one.session).unwrap_or(i32::MAX),
                start_time: Some(stamp(one.start)),
                end_time: Some(stamp(one.end)),
                length: i32::try_from(one.length).unwrap_or(i32::MAX),
            });
            answer.next_page_token = PageToken::encode(list, &format!("{number}:{person}"));
        }
    }
    // The last match of all is on this page.
    answer.next_page_token = String::new();
    answer
}
