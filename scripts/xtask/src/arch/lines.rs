//! Small rooms: the sizes of source files.
#![allow(clippy::print_stdout, reason = "a command line tool")]

use std::path::Path;

use anyhow::Result;

use crate::source::read_tree;

const LIMIT: usize = 500;

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut sizes = Vec::new();
    for folder in ["proto", "crates", "services", "scripts", "integration-tests"] {
        for source in read_tree(root, &root.join(folder))? {
            sizes.push((source.raw.lines().count(), source.path));
        }
    }
    sizes.sort();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index of a short list"
        )]
        let index = ((sizes.len() - 1) as f64 * share).round() as usize;
        sizes[index].0
    };
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    println!("      {} files, {total} lines; median {}, p90 {}, max {}", sizes.len(), at(0.5), at(0.9), at(1.0));
    Ok(sizes
        .iter()
        .filter(|(lines, _)| *lines > LIMIT)
        .map(|(lines, path)| format!("{path} has {lines} lines"))
        .collect())
}
