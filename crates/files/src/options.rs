//! What the operator decides.

use std::path::PathBuf;

use concierge_api_rs::limits;
use serde::{Deserialize, Serialize};

/// Bounds and rules of a file server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The directory, for this server alone. What it finds there at start is removed.
    pub root: PathBuf,
    /// Size of a file, else 413.
    pub file_bytes: u64,
    /// Size of all files of a client, those on their way included, else 507.
    pub folder_bytes: u64,
    /// Files of a client, else 507. As many sub-folders.
    pub folder_files: u64,
    /// An upload slower than this for `upload_slow_ms` is cut with 408; 0 cuts none.
    pub upload_bytes_per_second: u64,
    /// See `upload_bytes_per_second`.
    pub upload_slow_ms: u64,
    /// What the public uuid of a client is good for.
    pub uuid_keys: UuidKeys,
    /// Origins (`https://example.org`, as a browser spells them) whose pages may use the file server.
    pub allowed_origins: Vec<String>,
}

impl Options {
    /// The defaults, in that directory.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            file_bytes: limits::FILE_BYTES,
            folder_bytes: limits::FOLDER_BYTES,
            folder_files: limits::FOLDER_FILES,
            upload_bytes_per_second: limits::UPLOAD_BYTES_PER_SECOND,
            upload_slow_ms: limits::UPLOAD_SLOW_MS,
            uuid_keys: UuidKeys::default(),
            allowed_origins: Vec::new(),
        }
    }
}

/// Whether a client's public uuid is a key besides its private `fs_key`. Everybody knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UuidKeys {
    /// It reads, and writes from the address that the client's WebSocket comes from.
    #[default]
    SameAddress,
    /// It reads and writes from everywhere, for clients that know no `fs_key`.
    Always,
    /// It is no key.
    Never,
}
