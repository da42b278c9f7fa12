//! Persons with columns, as of one moment.

use attune_audience::View;
use attune_expression::Value;
use attune_kernel::Problem;
use attune_proto::profile::v1 as proto;
use attune_service_kit::status::to_status;
use futures::stream::{self, BoxStream, StreamExt as _};
use prost_types::value::Kind;
use tonic::Status;

use super::{Audiences, aside, count};
use crate::domain::audience::named;

/// Rows of a message.
const ROWS: usize = 1000;
/// Values of a message: with many columns it has fewer rows.
const VALUES: usize = 20_000;

type Parts = BoxStream<'static, Result<proto::ExportAudienceResponse, Status>>;

/// An export under way. It holds everybody as of its beginning.
struct Export {
    view: View,
    columns: Vec<String>,
    rows: Vec<u32>,
    at: usize,
}

impl Audiences {
    /// Sends the rows as they are taken.
    pub(super) async fn export(&self, request: proto::ExportAudienceRequest) -> Result<Parts, Problem> {
        let asked = self.asked(request.persons.into_iter().map(|set| ("persons", set)).collect()).await?;
        let names: Vec<String> = asked.view.column_names().map(str::to_owned).collect();
        let mut columns: Vec<String> = Vec::new();
        for (at, wanted) in request.columns.iter().enumerate() {
            let one = std::slice::from_ref(wanted);
            let before = columns.len();
            let found = names.iter().filter(|name| named(one, name));
            let found: Vec<String> = found.filter(|name| !columns.contains(name)).cloned().collect();
            columns.extend(found);
            if columns.len() == before && !wanted.ends_with(".*") && !names.contains(wanted) {
                return Err(Problem::invalid_field(format!("columns[{at}]"), "is no column of the index"));
            }
        }
        let export = aside(move || {
            let rows: Vec<u32> = asked.set(0).iter().collect();
            Ok(Export { view: asked.view, columns, rows, at: 0 })
        })
        .await?;
        let first = proto::ExportAudienceResponse {
            columns: export.columns.clone(),
            row_count: count(export.rows.len()),
            rows: Vec::new(),
        };
        let rest =
            stream::try_unfold(
                export,
                |export| async move { aside(move || Ok(export.part())).await.map_err(to_status) },
            );
        Ok(stream::iter([Ok(first)]).chain(rest).boxed())
    }
}

impl Export {
    fn part(mut self) -> Option<(proto::ExportAudienceResponse, Self)> {
        let rows = self.rows.get(self.at..).filter(|rows| !rows.is_empty())?;
        let most = (VALUES / self.columns.len().max(1)).clamp(1, ROWS).min(rows.len());
        let one = |row: &u32| {
            let value = |column: &String| self.view.value(*row, column).map_or_else(null, |value| said(&value));
            Some(proto::AudienceRow {
                person_id: self.view.person(*row)?.to_owned(),
                values: self.columns.iter().map(value).collect(),
            })
        };
        let rows = rows[..most].iter().filter_map(one).collect();
        self.at += most;
        Some((proto::ExportAudienceResponse { rows, ..proto::ExportAudienceResponse::default() }, self))
    }
}

fn null() -> prost_types::Value {
    prost_types::Value { kind: Some(Kind::NullValue(0)) }
}

/// A value as messages have it: numbers are doubles, times and lengths of time texts.
fn said(value: &Value) -> prost_types::Value {
    #[expect(clippy::cast_precision_loss, reason = "numbers of the wire are doubles")]
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Int(number) => Kind::NumberValue(*number as f64),
        Value::Double(number) => Kind::NumberValue(*number),
        Value::String(text) => Kind::StringValue(text.to_string()),
        Value::Timestamp(time) => Kind::StringValue(time.to_string()),
        Value::Duration(length) => Kind::StringValue(length.to_string()),
        Value::List(items) => Kind::ListValue(prost_types::ListValue { values: items.iter().map(said).collect() }),
        Value::Map(entries) => {
            let fields = entries.iter().map(|(key, inner)| (key.to_string(), said(inner))).collect();
            Kind::StructValue(prost_types::Struct { fields })
        }
    };
    prost_types::Value { kind: Some(kind) }
}
