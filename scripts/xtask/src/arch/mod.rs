//! The architecture as executable checks.

mod calls;
mod layers;
mod lines;
mod modules;
mod purity;
mod rooms;

pub(crate) use calls::callees;

use std::path::Path;

use anyhow::{Result, bail};

use crate::report;
use crate::source::read_tree;

/// The services, by folder.
pub(crate) const SERVICES: [&str; 6] =
    ["identity-resolution", "profile", "journey-pathing", "decision", "contact-optimization", "channel-gateway"];

/// Runs every check and fails when one of them finds something.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut found = 0;
    found += report("crates depend inwards only", &layers::check(root)?);
    found += report("services have the same rooms", &rooms::check(root));
    for service in SERVICES {
        let sources = read_tree(root, &root.join("services").join(service).join("src"))?;
        found += report(&format!("{service}: domain is pure"), &purity::check(&sources));
        found += report(&format!("{service}: rooms depend one way"), &modules::check(service, &sources));
        found += report(&format!("{service}: calls what the call table says"), &calls::check(service, &sources));
    }
    found += report("no file passes 500 lines", &lines::check(root)?);
    if found > 0 {
        bail!("{found} findings");
    }
    Ok(())
}
