//! Reading files as they are published: plain or gzip, line by line, with errors that name file and line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::exit::Failure;

/// The file `name` in `dir`, or `name.gz`.
///
/// # Errors
/// Bad input when neither exists.
pub(crate) fn find(dir: &Path, name: &str) -> Result<PathBuf, Failure> {
    [dir.join(name), dir.join(format!("{name}.gz"))]
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| Failure::input(format!("{}: neither {name} nor {name}.gz is there", dir.display())))
}

/// Opens a file, through gzip when its name ends in `.gz`.
///
/// # Errors
/// Bad input when it cannot be opened.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    let file = File::open(path).map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
    let gzip = path.extension().is_some_and(|extension| extension == "gz");
    Ok(if gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// Calls `each` with every line's number (from 1) and text; an error of `each` is given the file and line.
///
/// # Errors
/// Bad input: what cannot be read, is not UTF-8, or `each` refuses.
pub(crate) fn lines(path: &Path, mut each: impl FnMut(u64, &str) -> Result<(), String>) -> Result<(), Failure> {
    let mut reader = BufReader::with_capacity(1 << 18, open(path)?);
    let mut bytes = Vec::new();
    let mut number = 0;
    loop {
        bytes.clear();
        number += 1;
        let at = |message: String| Failure::input(format!("{}:{number}: {message}", path.display()));
        if reader.read_until(b'\n', &mut bytes).map_err(|error| at(error.to_string()))? == 0 {
            return Ok(());
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| at(format!("not UTF-8: {error}")))?;
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            each(number, text).map_err(at)?;
        }
    }
}
