//! What the system knows of a process.

use std::fs;
use std::time::Duration;

/// What Linux counts the time of a process in, whatever the kernel's own clock.
const TICKS_PER_SECOND: u32 = 100;

/// A process that runs, by its id.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// Open file descriptors.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn descriptors(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0)).expect("the process runs").count()
    }

    /// Resident memory in bytes.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn resident_bytes(self) -> u64 {
        self.status("VmRSS:") * 1024
    }

    /// The most memory that was resident since [`Process::forget_peak`], in bytes.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn peak_bytes(self) -> u64 {
        self.status("VmHWM:") * 1024
    }

    /// Starts the peak anew.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn forget_peak(self) {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").expect("the process runs");
    }

    /// How many file descriptors it may open: the soft limit, and the hard one, up to which it may raise that.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn descriptor_limits(self) -> (String, String) {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.0)).expect("the process runs");
        let values = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("the system limits files");
        let mut values = values.split_whitespace().map(str::to_owned);
        (values.next().expect("the soft limit"), values.next().expect("the hard limit"))
    }

    /// Threads.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn threads(self) -> u64 {
        self.status("Threads:")
    }

    /// How long its threads have worked, all together.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn busy(self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).expect("the process runs");
        // its name is the second field, in brackets, and may hold anything; utime and stime are fields 14 and 15
        let fields = stat.rsplit(')').next().expect("something stands behind the name").split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks of a clock")).sum();
        Duration::from_secs(ticks) / TICKS_PER_SECOND
    }

    /// How long its threads were ready to work and had no core, all together: what others on this machine, or too few cores, cost it.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn starved(self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).expect("the process runs").flatten();
        // a thread may be gone by now
        let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
        let waits = stats.filter_map(|stat| stat.split_whitespace().nth(1)?.parse::<u64>().ok());
        Duration::from_nanos(waits.sum())
    }

    fn status(self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("the process runs");
        let value = status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
        value.unwrap_or_else(|| panic!("no {key} in /proc/{}/status", self.0))
    }
}
