//! What of its memory the process uses, and whether there is room for newcomers.
//!
//! Who is here was promised an outbox and payloads of a size. So the hub takes nobody in any more before memory ends: a system
//! that kills it for want of memory ends all of them.

use std::fs;
use std::time::Duration;

use concierge_api_rs::admin::Usage;
use concierge_api_rs::limits;
use parking_lot::Mutex;
use tikv_jemalloc_ctl::{background_thread, epoch, stats};
use tokio::time::Instant;

/// How often it is looked at, at most: a newcomer asks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The memory that the process may use.
pub(crate) struct Memory {
    limit: u64,
    /// When it was looked at last, and whether it was short.
    last: Mutex<Option<(Instant, bool)>>,
}

impl Memory {
    /// `bytes`: how much it may be; 0 is what the control group or the machine has.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { limit: if bytes == 0 { allowed() } else { bytes }, last: Mutex::new(None) }
    }

    /// What is in use, and what may be. May block.
    pub(crate) fn usage(&self) -> Usage {
        Usage { used: in_use(), limit: self.limit }
    }

    /// Whether so much is used that newcomers are sent away.
    pub(crate) fn is_short(&self) -> bool {
        let now = Instant::now();
        let mut last = self.last.lock();
        if let Some((at, short)) = *last
            && now < at + LOOK_EVERY
        {
            return short;
        }
        let short = in_use() >= self.limit / 100 * limits::MEMORY_PERCENT;
        if short && !last.is_some_and(|(_, was_short)| was_short) {
            tracing::warn!(limit = self.limit, "memory is short: newcomers are answered 503");
        }
        *last = Some((now, short));
        short
    }
}

/// From now on the allocator gives back what is free for some seconds, also while the process is idle.
pub(crate) fn give_back() {
    if let Err(error) = background_thread::write(true) {
        tracing::debug!(%error, "the allocator gives memory back only while the hub is busy");
    }
}

/// What is resident, without what the allocator keeps for the next who ask.
fn in_use() -> u64 {
    let pages = |text: String| text.split(' ').nth(1)?.parse::<u64>().ok();
    let resident = fs::read_to_string("/proc/self/statm").ok().and_then(pages).unwrap_or(0) * rustix::param::page_size() as u64;
    resident.saturating_sub(kept().unwrap_or(0))
}

fn kept() -> Option<u64> {
    epoch::advance().ok()?; // the figures are of that moment
    Some(stats::resident::read().ok()?.saturating_sub(stats::active::read().ok()?) as u64)
}

/// What the process's control group may use, when it says so, and no more than there is.
fn allowed() -> u64 {
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(u64::from(info.mem_unit));
    container().map_or(machine, |own| own.min(machine))
}

fn container() -> Option<u64> {
    let group = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = group.lines().find_map(|line| line.strip_prefix("0::"))?;
    fs::read_to_string(format!("/sys/fs/cgroup{path}/memory.max")).ok()?.trim().parse().ok()
}
