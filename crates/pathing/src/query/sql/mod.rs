//! Questions as SQL for ClickHouse: the same rows, for those whose events lie there.
//!
//! The first column of the result is what a row is about, the others are its figures, as in [`super::Answer`].
//!
//! What has no SQL: anchors (`^`, `$`) inside a pattern rather than at its ends, and what must not follow anywhere but at
//! the end of the pattern or of one of its last alternatives. Patterns are compiled to a regular expression over rows
//! written as bits, tried for every beginning and length: exact, and the work grows with the square of the events of a
//! sequence and worse, where this crate's own search is linear.

mod pattern;

use std::fmt::Write as _;

use super::{Asked, Invalid, Query};
use crate::pattern::Atom;
use crate::predicate::{Literal, Operator, Predicate};

/// A table of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The table, as SQL.
    pub table: String,
    /// The customer, as an SQL expression.
    pub customer: String,
    /// The microseconds since the epoch, as an SQL expression of type `Int64`; not before 1970.
    pub micros: String,
    /// The event's name, as an SQL expression of type `String`.
    pub event: String,
    /// What orders events of one time, as an SQL expression.
    pub order: String,
}

impl Query {
    /// Compiles it. Properties are columns of their own name; an empty text is no value.
    ///
    /// # Errors
    /// [`Invalid`], naming the field, also for what ClickHouse has no way to say.
    pub fn clickhouse(&self, source: &Source) -> Result<String, Invalid> {
        let gap = self.gap()?.map(|gap| gap.as_micros());
        let asked = self.asked()?;
        let atoms: &[Atom] = match &asked {
            Asked::Funnel(funnel) => &funnel.steps,
            Asked::Match(pattern, _) => &pattern.program().atoms,
            Asked::Sequences | Asked::Paths(..) | Asked::Graph | Asked::Variants(_) => &[],
        };
        let rows = rows(source, gap, atoms);
        Ok(match &asked {
            Asked::Sequences => format!(
                "SELECT 'sequences', count(), sum(n) FROM (SELECT count() AS n FROM ({rows}) GROUP BY who, part)"
            ),
            Asked::Funnel(funnel) => {
                let mode = funnel.mode;
                let modes = [
                    (mode.strict_deduplication, "strict_deduplication"),
                    (mode.strict_order, "strict_order"),
                    (mode.strict_increase, "strict_increase"),
                ];
                let modes =
                    modes.iter().filter(|(on, _)| *on).fold(String::new(), |text, (_, name)| text + ", '" + name + "'");
                let steps = funnel.steps.len();
                let conditions: Vec<String> = (0..steps).map(|step| format!("is_{step}")).collect();
                let within = funnel.within.as_micros();
                format!(
                    "SELECT toString(step), countIf(level >= step) FROM (SELECT windowFunnel({within}{modes})(toUInt64(t), {}) \
                     AS level FROM ({rows}) GROUP BY who, part) ARRAY JOIN range(1, {}) AS step GROUP BY step ORDER BY step",
                    conditions.join(", "),
                    steps + 1
                )
            }
            Asked::Match(pattern, search) => {
                let within = search.within.map(|within| within.as_micros());
                let found = pattern::matches(pattern, within, search.overlapping)?;
                format!(
                    "SELECT 'matches', sum(found), countIf(found > 0) FROM (SELECT {found} AS found FROM (SELECT \
                     arraySort(x -> (x.1, x.2), groupArray((t, r, {}))) AS events FROM ({rows}) GROUP BY who, part))",
                    pattern::bits(atoms.len())
                )
            }
            Asked::Paths(length, top) => format!(
                "SELECT arrayStringConcat(gram, '>') AS path, count() AS n FROM (SELECT arrayJoin(arrayMap(i -> \
                 arraySlice(names, i, {length}), range(1, toUInt64(greatest(toInt64(length(names)) - {length} + 2, 1))))) AS gram \
                 FROM ({})) GROUP BY gram ORDER BY n DESC, path, gram LIMIT {top}",
                names(&rows)
            ),
            Asked::Variants(top) => format!(
                "SELECT arrayStringConcat(names, '>') AS path, count() AS n FROM ({}) GROUP BY names ORDER BY n DESC, path, \
                 names LIMIT {top}",
                names(&rows)
            ),
            Asked::Graph => format!(
                "SELECT concat(before, '>', e), count() AS n, quantileExactInclusive(0.5)(gap) / 1000000 FROM (SELECT e, \
                 lagInFrame(e) OVER w AS before, t - lagInFrame(t) OVER w AS gap, row_number() OVER w AS place FROM ({rows}) \
                 WINDOW w AS (PARTITION BY who, part ORDER BY t, r ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) \
                 WHERE place > 1 GROUP BY before, e ORDER BY n DESC, before, e"
            ),
        })
    }
}

/// The names of each sequence in order.
fn names(rows: &str) -> String {
    format!(
        "SELECT arrayMap(x -> x.3, arraySort(x -> (x.1, x.2), groupArray((t, r, e)))) AS names FROM ({rows}) GROUP BY who, \
         part"
    )
}

/// The events with the sequence that they belong to, and whether they are each of the atoms.
fn rows(source: &Source, gap: Option<u128>, atoms: &[Atom]) -> String {
    let Source { table, customer, micros, event, order } = source;
    let is = atoms.iter().enumerate().fold(String::new(), |mut text, (at, atom)| {
        let _ = write!(text, ", {} AS is_{at}", condition(event, atom));
        text
    });
    let base = format!("SELECT {customer} AS who, {micros} AS t, {event} AS e, {order} AS r{is} FROM {table}");
    match gap {
        None => format!("SELECT *, 0 AS part FROM ({base})"),
        Some(gap) => format!(
            "SELECT *, sum(new) OVER (PARTITION BY who ORDER BY t, r ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS part \
             FROM (SELECT *, t - lagInFrame(t, 1, t) OVER (PARTITION BY who ORDER BY t, r ROWS BETWEEN UNBOUNDED PRECEDING AND \
             CURRENT ROW) > {gap} AS new FROM ({base}))"
        ),
    }
}

/// Whether an event is an atom: 0 or 1.
fn condition(event: &str, atom: &Atom) -> String {
    let name = atom.name.as_deref().map(|name| format!("{event} = {}", text(name)));
    let predicate = atom.predicate.as_ref().map(predicate);
    let both: Vec<String> = name.into_iter().chain(predicate).collect();
    if both.is_empty() { "1".to_owned() } else { format!("({})", both.join(" AND ")) }
}

fn predicate(of: &Predicate) -> String {
    let joined =
        |parts: &[Predicate], word: &str| format!("({})", parts.iter().map(predicate).collect::<Vec<_>>().join(word));
    match of {
        Predicate::And(parts) => joined(parts, " AND "),
        Predicate::Or(parts) => joined(parts, " OR "),
        Predicate::Compare { property, operator, literal } => {
            let value = format!("toString(`{}`)", property.replace('\\', "\\\\").replace('`', "\\`"));
            let operator = match operator {
                Operator::Equal => "=",
                Operator::NotEqual => "!=",
                Operator::Less => "<",
                Operator::AtMost => "<=",
                Operator::Greater => ">",
                Operator::AtLeast => ">=",
            };
            match literal {
                Literal::Number(number) => {
                    format!("ifNull(toFloat64OrNull({value}) {operator} {number:?}, 0)")
                }
                Literal::Text(literal) => format!("({value} != '' AND {value} {operator} {})", text(literal)),
                Literal::Flag(flag) => format!("({value} IN ('true', 'false') AND {value} {operator} '{flag}')"),
            }
        }
    }
}

/// A text as SQL.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        let [table, customer, micros, event, order] = ["events", "who", "at", "what", "row"].map(str::to_owned);
        Source { table, customer, micros, event, order }
    }

    fn sql(json: &str) -> Result<String, Invalid> {
        serde_json::from_str::<Query>(json).unwrap().clickhouse(&source())
    }

    #[test]
    fn texts_cannot_leave_their_quotes() {
        let found = sql(r#"{"kind": "funnel", "steps": ["\"a' OR 1\\\\\"", "b[`x` == 1]"], "within": "1h"}"#);
        assert!(found.is_err(), "a property is no backtick");
        let found = sql(r#"{"kind": "funnel", "steps": ["\"a' OR 1\\\\\""], "within": "1h"}"#).unwrap();
        assert!(found.contains(r"what = 'a\' OR 1\\'"), "{found}");
        assert!(found.contains("windowFunnel(3600000000)"));
    }

    #[test]
    fn what_is_wrong_names_the_field() {
        let wrong = |json: &str| sql(json).unwrap_err().to_string();
        assert!(wrong(r#"{"kind": "match", "pattern": "a (b"}"#).starts_with("pattern: at character"));
        assert!(wrong(r#"{"kind": "funnel", "steps": ["a"], "within": "soon"}"#).starts_with("within: "));
        assert_eq!(wrong(r#"{"kind": "funnel", "steps": [], "within": "1h"}"#), "steps: there is no event");
        assert!(wrong(r#"{"kind": "graph", "unit": {"session": "x"}}"#).starts_with("unit: "));
        assert_eq!(wrong(r#"{"kind": "paths", "length": 0, "top": 1}"#), "length: must be at least 1");
        assert!(wrong(r#"{"kind": "match", "pattern": "a (b ^ c | d) e"}"#).starts_with("pattern: "));
        assert!(serde_json::from_str::<Query>(r#"{"kind": "graph", "color": 1}"#).is_err());
    }

    #[test]
    fn a_question_survives_being_written() {
        let query = Query::Match {
            pattern: "a (b)* !c".to_owned(),
            within: Some("30m".to_owned()),
            overlapping: true,
            unit: super::super::By::Session("5m".to_owned()),
        };
        let text = serde_json::to_string(&query).unwrap();
        assert_eq!(serde_json::from_str::<Query>(&text).unwrap(), query);
    }
}
