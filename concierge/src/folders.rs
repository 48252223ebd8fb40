//! Where the file server keeps the folders of clients: a directory that was configured, or a private one of this hub's own.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use concierge_files::Files;
use tempfile::TempDir;

use crate::config::Config;
use crate::desk::Desk;
use crate::server::StartError;

/// How the name of a private directory begins, and where in it the files are.
const PRIVATE: &str = "concierge-";
const FILES: &str = "files";

/// The file server, if there is one, in the configured directory or in a private one of its own.
pub(crate) fn open(config: &Config, desk: &Arc<Desk>) -> Result<(Option<Files>, Option<TempDir>), StartError> {
    let crate::config::Files { enabled, dir, listen: _, uuid_keys, file_bytes, folder_bytes, folder_files, .. } = &config.files;
    if !enabled {
        return Ok((None, None));
    }
    let private = match dir {
        Some(_) => None,
        None => {
            remove_abandoned();
            Some(tempfile::Builder::new().prefix(PRIVATE).tempdir().map_err(StartError::PrivateDir)?)
        }
    };
    let own = private.as_ref().map(|dir| dir.path().join(FILES));
    let options = concierge_files::Options {
        root: dir.clone().or(own).expect("one of the two is there"),
        file_bytes: *file_bytes,
        folder_bytes: *folder_bytes,
        folder_files: *folder_files,
        upload_bytes_per_second: config.files.upload_bytes_per_second,
        upload_slow_ms: config.files.upload_slow_ms,
        uuid_keys: *uuid_keys,
        allowed_origins: config.allowed_origins.clone(),
    };
    let files = Files::open(options, desk.clone())?;
    desk.keep_files(files.clone());
    Ok((Some(files), private))
}

/// Removes the private directories of this user's hubs that were killed. Those of hubs that run are locked.
fn remove_abandoned() {
    let user = rustix::process::getuid().as_raw();
    let entries = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PRIVATE.as_bytes())) {
        // the user's own: whoever else writes here could make us follow their links
        if entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == user)
            && concierge_files::remove_abandoned(&entry.path().join(FILES)).is_ok()
        {
            let removed = std::fs::remove_dir(entry.path());
            tracing::info!(directory = %entry.path().display(), ?removed, "removed what a killed hub left");
        }
    }
}
