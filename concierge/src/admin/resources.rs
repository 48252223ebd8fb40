//! What the process uses of its machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use concierge_api_rs::admin::Usage;
use rustix::process::{Resource, getrlimit};

use crate::memory::Memory;

/// What the hub uses: its memory, and where it keeps something, by what.
#[derive(Clone)]
pub(crate) struct Resources {
    pub(crate) memory: Arc<Memory>,
    pub(crate) disks: Vec<(&'static str, PathBuf)>,
}

impl Resources {
    /// File descriptors, memory, and disks. May block.
    pub(super) fn look(&self) -> (Usage, Usage, BTreeMap<String, Usage>) {
        let disks = self.disks.iter().filter_map(|(what, path)| Some(((*what).to_owned(), disk(path)?))).collect();
        (descriptors(), self.memory.usage(), disks)
    }
}

fn descriptors() -> Usage {
    use std::os::unix::fs::MetadataExt as _;
    const OPEN: &str = "/proc/self/fd";
    // Linux from 6.2 on says how many by the size
    let used = match fs::metadata(OPEN).map_or(0, |about| about.size()) {
        0 => fs::read_dir(OPEN).map_or(0, |open| open.count() as u64),
        size => size,
    };
    Usage { used, limit: getrlimit(Resource::Nofile).current.unwrap_or(0) }
}

fn disk(path: &PathBuf) -> Option<Usage> {
    let about = rustix::fs::statvfs(path).ok()?;
    let size = |blocks: u64| blocks.saturating_mul(about.f_frsize);
    Some(Usage { used: size(about.f_blocks.saturating_sub(about.f_bfree)), limit: size(about.f_blocks) })
}
