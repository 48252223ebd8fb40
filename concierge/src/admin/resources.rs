//! What the process uses of its machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use concierge_api_rs::admin::Usage;
use rustix::process::{Resource, getrlimit};

/// Where the hub keeps something, by what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resources {
    pub(crate) disks: Vec<(&'static str, PathBuf)>,
}

impl Resources {
    /// File descriptors, memory, and disks. May block.
    pub(super) fn look(&self) -> (Usage, Usage, BTreeMap<String, Usage>) {
        let disks = self.disks.iter().filter_map(|(what, path)| Some(((*what).to_owned(), disk(path)?))).collect();
        (descriptors(), memory(), disks)
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

fn memory() -> Usage {
    let pages = |text: String| text.split(' ').nth(1)?.parse::<u64>().ok();
    let resident = fs::read_to_string("/proc/self/statm").ok().and_then(pages).unwrap_or(0);
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(u64::from(info.mem_unit));
    Usage {
        used: resident * rustix::param::page_size() as u64,
        limit: container_memory().map_or(machine, |own| own.min(machine)),
    }
}

/// What the process's control group may use, when it says so.
fn container_memory() -> Option<u64> {
    let group = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = group.lines().find_map(|line| line.strip_prefix("0::"))?;
    fs::read_to_string(format!("/sys/fs/cgroup{path}/memory.max")).ok()?.trim().parse().ok()
}

fn disk(path: &PathBuf) -> Option<Usage> {
    let about = rustix::fs::statvfs(path).ok()?;
    let size = |blocks: u64| blocks.saturating_mul(about.f_frsize);
    Some(Usage { used: size(about.f_blocks.saturating_sub(about.f_bfree)), limit: size(about.f_blocks) })
}
