//! What the system knows of a process.

use std::fs;

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

    fn status(self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("the process runs");
        let value = status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
        value.unwrap_or_else(|| panic!("no {key} in /proc/{}/status", self.0))
    }
}
