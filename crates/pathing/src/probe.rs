//! Whether rows of a log are what an atom speaks of.

use crate::log::EventLog;
use crate::pattern::Atom;
use crate::predicate::Bound;

/// An atom looked up in a log once, then asked of any row.
#[derive(Debug)]
pub struct Probe<'a> {
    log: &'a EventLog,
    names: Vec<bool>,
    predicate: Option<Bound<'a>>,
}

impl<'a> Probe<'a> {
    /// Looks an atom up. A name or a property that the log lacks holds of no row.
    #[must_use]
    pub fn new(log: &'a EventLog, atom: &Atom) -> Self {
        let is = |name: &str| atom.name.as_deref().is_none_or(|wanted| wanted == name);
        let predicate = atom.predicate.as_ref().map(|predicate| predicate.bind(log));
        Self { log, names: log.names().iter().map(is).collect(), predicate }
    }

    /// By code of a name, whether events of the name can be it.
    #[must_use]
    pub fn names(&self) -> &[bool] {
        &self.names
    }

    /// Whether a row is it.
    #[must_use]
    pub fn holds(&self, row: usize) -> bool {
        self.names[self.log.codes().get(row) as usize]
            && self.predicate.as_ref().is_none_or(|predicate| predicate.holds(row))
    }
}
