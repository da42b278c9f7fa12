//! Files that are written: whole or not at all, several of them together.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::exit::Failure;

/// Files that appear together when all of them are complete.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Where each file lies until then, and its place.
    written: Vec<(PathBuf, PathBuf)>,
}

impl Files {
    /// Looks whether a file could be written there, before any work is done for it.
    ///
    /// # Errors
    /// When its folder does not exist or a folder is in its place.
    pub(crate) fn check(path: &Path) -> Result<(), Failure> {
        if path == Path::new("-") {
            return Ok(());
        }
        if path.is_dir() {
            return Err(Failure::usage(format!("{}: is a directory", path.display())));
        }
        if !folder(path).is_dir() {
            return Err(Failure::usage(format!("{}: its directory does not exist", path.display())));
        }
        Ok(())
    }

    /// Writes a file beside its place; compressed when its name ends in `.gz`. `-` is standard output, written at once.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(
        &mut self,
        path: &Path,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::other(format!("{}: {error}", path.display()));
        if path == Path::new("-") {
            let mut out = BufWriter::with_capacity(1 << 18, io::stdout().lock());
            return match content(&mut out).and_then(|()| out.flush()) {
                // Who reads only the beginning has all they want.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                result => result.map_err(failed),
            };
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let partial = folder(path).join(format!(".{name}.{}.partial", std::process::id()));
        let file = File::create(&partial).map_err(failed)?;
        self.written.push((partial, path.to_owned()));
        let mut file = BufWriter::with_capacity(1 << 18, file);
        if path.extension().is_some_and(|extension| extension == "gz") {
            let mut packed = GzEncoder::new(&mut file, Compression::fast());
            content(&mut packed).and_then(|()| packed.finish().map(|_| ())).map_err(failed)?;
        } else {
            content(&mut file).map_err(failed)?;
        }
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)
    }

    /// Puts every file in its place.
    ///
    /// # Errors
    /// When one cannot be put there; those before it are.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        for (partial, path) in std::mem::take(&mut self.written) {
            let moved = fs::rename(&partial, &path);
            moved.map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
        }
        Ok(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for (partial, _) in &self.written {
            // Nothing depends on it; what cannot be removed is only in the way.
            let _ = fs::remove_file(partial);
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::Files;

    #[test]
    fn files_appear_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one.csv"), folder.path().join("two.csv"));
        let mut files = Files::default();
        files.write(&one, |out| out.write_all(b"one")).unwrap();
        assert!(!one.exists());
        files.write(&two, |_| Err(Error::other("full"))).unwrap_err();
        drop(files);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

        let mut files = Files::default();
        files.write(&one, |out| out.write_all(b"one")).unwrap();
        files.write(&two, |out| out.write_all(b"two")).unwrap();
        files.finish().unwrap();
        assert_eq!(std::fs::read(&one).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn places_that_cannot_be_written_are_known_before() {
        let folder = tempfile::tempdir().unwrap();
        Files::check(folder.path()).unwrap_err();
        Files::check(&folder.path().join("nowhere").join("a.csv")).unwrap_err();
        Files::check(&folder.path().join("a.csv")).unwrap();
    }
}
