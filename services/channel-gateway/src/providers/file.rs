//! One JSON line a message, in a file or on standard output.
//!
//! A file can be looked up: a message is there when its key is on a complete line. A line that a crash tore off has no
//! newline; it is cut before the next one is written.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use super::{Answer, Message};
use crate::domain::delivery::{Outcome, ProviderMemory};
use crate::domain::record::Delivery;

/// Lines in a file, or on standard output.
#[derive(Clone)]
pub(crate) struct FileProvider(Option<Arc<Mutex<Lines>>>);

/// An open file and the keys on its complete lines.
struct Lines {
    path: PathBuf,
    open: Option<(File, HashSet<String>)>,
}

/// What a line holds.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    person_id: &'a str,
    channel: &'a str,
    message_id: &'a str,
    offer_id: &'a str,
    decision_id: &'a str,
    subject: &'a str,
    body: &'a str,
}

#[derive(serde::Deserialize)]
struct Key {
    key: String,
}

impl FileProvider {
    /// Lines on standard output, which remembers nothing.
    #[must_use]
    pub(crate) const fn standard_output() -> Self {
        Self(None)
    }

    /// Lines in a file, which is made with its folder on first use.
    #[must_use]
    pub(crate) fn file(path: PathBuf) -> Self {
        Self(Some(Arc::new(Mutex::new(Lines { path, open: None }))))
    }

    /// What it offers against doubles.
    #[must_use]
    pub(crate) const fn memory(&self) -> ProviderMemory {
        if self.0.is_some() { ProviderMemory::Lookup } else { ProviderMemory::None }
    }

    /// Appends the message unless its key is there.
    pub(crate) async fn send(&self, delivery: &Delivery, message: &Message) -> Answer {
        let request = &delivery.request;
        let line = serde_json::to_vec(&Line {
            key: &delivery.delivery_id,
            person_id: &request.person_id,
            channel: &request.channel,
            message_id: &request.message_id,
            offer_id: &request.offer_id,
            decision_id: &request.decision_id,
            subject: &message.subject,
            body: &message.body,
        });
        let mut line = match line {
            Ok(line) => line,
            Err(error) => return Answer::new(Outcome::Refused, error.to_string()),
        };
        line.push(b'\n');
        let (target, key) = (self.0.clone(), delivery.delivery_id.clone());
        let written = tokio::task::spawn_blocking(move || match target {
            None => std::io::stdout().lock().write_all(&line),
            Some(lines) => lines.lock().append(key, &line),
        });
        match written.await {
            Ok(Ok(())) => Answer::new(Outcome::Delivered, "written"),
            // Part of the line may be there; the look-up tells.
            Ok(Err(error)) => Answer::new(Outcome::Ambiguous, error.to_string()),
            Err(error) => Answer::new(Outcome::Ambiguous, error.to_string()),
        }
    }

    /// Whether the key is on a complete line.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) async fn look_up(&self, key: &str) -> Result<bool, String> {
        let Some(lines) = self.0.clone() else { return Err("standard output cannot be looked up".to_owned()) };
        let key = key.to_owned();
        let found = tokio::task::spawn_blocking(move || lines.lock().opened().map(|(_, keys)| keys.contains(&key)));
        found.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

impl Lines {
    /// The open file; opening reads the keys and cuts a torn last line.
    fn opened(&mut self) -> std::io::Result<&mut (File, HashSet<String>)> {
        if self.open.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            self.open = Some(open(&self.path)?);
        }
        self.open.as_mut().ok_or_else(|| std::io::Error::other("file is not open"))
    }

    fn append(&mut self, key: String, line: &[u8]) -> std::io::Result<()> {
        let written = self.opened().and_then(|(file, keys)| {
            if keys.contains(&key) {
                return Ok(());
            }
            file.write_all(line)?;
            file.sync_data()?;
            keys.insert(key);
            Ok(())
        });
        if written.is_err() {
            // What is on disk is unknown now; the next use reads it again.
            self.open = None;
        }
        written
    }
}

fn open(path: &Path) -> std::io::Result<(File, HashSet<String>)> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut keys = HashSet::new();
    let mut complete = 0;
    let mut reader = BufReader::new(&mut file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            break;
        }
        complete += length as u64;
        if let Ok(Key { key }) = serde_json::from_slice(&line) {
            keys.insert(key);
        }
    }
    drop(reader);
    file.set_len(complete)?;
    file.seek(SeekFrom::Start(complete))?;
    Ok((file, keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_cut_and_known_keys_are_not_written_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.jsonl");
        std::fs::write(&path, "{\"key\":\"a\"}\n{\"key\":\"b\",\"bo").unwrap();
        let mut lines = Lines { path: path.clone(), open: None };
        lines.append("a".to_owned(), b"{\"key\":\"a\"}\n").unwrap();
        lines.append("b".to_owned(), b"{\"key\":\"b\"}\n").unwrap();
        lines.append("b".to_owned(), b"{\"key\":\"b\"}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"key\":\"a\"}\n{\"key\":\"b\"}\n");
    }
}
