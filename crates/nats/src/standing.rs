//! How the way to NATS stands.

use std::time::SystemTime;

use semver::Version;

/// The oldest nats-server that will do.
pub(crate) const OLDEST: Version = Version::new(2, 11, 0);

/// Whether there is a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has answered yet.
    Connecting,
    /// There is one.
    Up,
    /// There was one, and it is tried again.
    Down,
    /// The server that is there now is too old; others are waited for.
    Old,
}

impl State {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::Down => "down",
            Self::Old => "old",
        }
    }
}

/// How a link stands, and what it counted.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Whether there is a way.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// Where it leads, without secrets.
    pub servers: String,
    /// The version of the server that was there last.
    pub server_version: Option<String>,
    /// How often a connection was made.
    pub connects: u64,
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that came.
    pub received: u64,
    /// Messages that could not be sent.
    pub unsent: u64,
    /// How often messages were dropped because they were not read fast enough; at least.
    pub slow: u64,
    /// Subjects that are served, and known to be.
    pub served: usize,
    /// What the server or the client complained of last.
    pub last_error: Option<String>,
}

/// Whether a server of that version will do. One that says nothing sensible will not.
pub(crate) fn is_new_enough(version: &str) -> bool {
    Version::parse(version).is_ok_and(|found| (found.major, found.minor) >= (OLDEST.major, OLDEST.minor))
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn servers_from_2_11_on_will_do() {
        for version in ["2.11.0", "2.11.0-RC.2", "2.12.3", "3.0.0"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["2.10.26", "2.9.0", "1.12.0", "", "new"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
