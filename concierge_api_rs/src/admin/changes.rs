//! What changes in the coordinator and on the file server: of each thing its newest state, as it is told once a tick.

use serde::{Deserialize, Serialize};

use super::events::Named;
use crate::coordinator::{Promise, Task};

/// Promises that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminPromises"))]
pub struct Promises {
    /// As they are now, each once.
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::promises"))]
    pub promises: Vec<Promise>,
    /// How many more changes there were, which were not kept.
    pub left_out: u64,
}

/// Tasks that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminTasks"))]
pub struct Tasks {
    /// As they are now, each once.
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::tasks"))]
    pub tasks: Vec<Task>,
    /// How many more changes there were, which were not kept.
    pub left_out: u64,
}

/// Files and folders that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminFiles"))]
pub struct Files {
    /// The last change of each.
    pub files: Vec<FileChange>,
    /// How many more changes there were, which were not kept.
    pub left_out: u64,
}

/// A change below a client's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminFileChange"))]
pub struct FileChange {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What happened.
    pub event: FileEvent,
    /// Whose folder it is.
    pub owner: Named,
    /// Below that folder; empty is the folder itself. One of a folder ends in `/`.
    pub path: String,
    /// Bytes of a file that was stored.
    pub size: Option<u64>,
}

/// What can happen to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminFileEvent"))]
#[serde(rename_all = "snake_case")]
pub enum FileEvent {
    /// An upload is in its place.
    Stored,
    /// A folder was made.
    Made,
    /// A file, or a folder with all that was in it, was deleted.
    Deleted,
}
