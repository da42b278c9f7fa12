//! `attune journey sessions`.

use attune_pathing::sessions::{Unit, sequences};

use super::input;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::journey::SessionsOptions;

/// Writes every session.
///
/// # Errors
/// Bad input, or a file that cannot be written.
pub(crate) fn run(options: &SessionsOptions) -> Result<(), Failure> {
    Files::check(&options.output)?;
    let log = input::events(&options.events, Vec::new())?;
    let found = sequences(&log, Unit::Session { gap: options.gap }, input::threads(&options.events.columns));
    let mut files = Files::default();
    files.write(&options.output, |out| {
        out.write_all(b"customer,session,start,end,events\n")?;
        for session in found.iter() {
            let customer = log.customers().text(session.customer).unwrap_or_default();
            let (start, end) = (log.time(session.rows.start), log.time(session.rows.end - 1));
            writeln!(out, "{},{},{start},{end},{}", quoted(customer), session.session, session.rows.len())?;
        }
        Ok(())
    })?;
    files.finish()
}

/// A field, quoted when it must be.
pub(crate) fn quoted(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}
