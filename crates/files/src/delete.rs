//! DELETE of a file, or of a folder and all that is in it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use rustix::fs::AtFlags;
use serde::Serialize;

use crate::condition::Conditions;
use crate::folder::Folder;
use crate::path::FilePath;
use crate::refusal::Refusal;
use crate::tree::{self, Found, Removed};
use crate::{Change, Files, Inner, blocking};

#[cfg(test)]
mod tests;

#[derive(Serialize)]
struct Told {
    path: String,
    files: u64,
    bytes: u64,
}

impl Files {
    pub(crate) async fn delete(&self, folder: Arc<Folder>, path: FilePath, conditions: Conditions) -> Result<Response, Refusal> {
        let (files, told) = (self.clone(), path.to_string());
        let work = move || {
            if path.folder {
                files.inner.delete_folder(&folder, &path)
            } else {
                files.inner.delete_file(&folder, &path, &conditions)
            }
        };
        let removed = blocking(work).await?;
        Ok(Json(Told { path: told, files: removed.files, bytes: removed.bytes }).into_response())
    }
}

impl Inner {
    fn delete_file(&self, folder: &Folder, path: &FilePath, conditions: &Conditions) -> Result<Removed, Refusal> {
        let _turn = folder.turn();
        let (parents, name) = path.split().ok_or(Refusal::FolderThere)?;
        let way = tree::descend(self.disk.folder(folder.client)?.ok_or(Refusal::Nothing)?, parents)?;
        let found = if way.missing.is_empty() { tree::look(&way.folder, name)? } else { Found::Nothing };
        let meta = match found {
            Found::Nothing => return Err(Refusal::Nothing),
            Found::Folder => return Err(Refusal::FolderThere),
            Found::File(meta) => meta,
        };
        conditions.check_write(Some(&meta))?;
        rustix::fs::unlinkat(&way.folder, name, AtFlags::empty())?;
        let removed = Removed { files: 1, folders: 0, bytes: meta.size };
        folder.shrank(removed);
        self.tell(folder.client, || Change::Deleted(path.to_string()));
        Ok(removed)
    }

    /// Out of reach at once, counted while it is deleted: when this returns, its room is free again.
    fn delete_folder(&self, folder: &Folder, path: &FilePath) -> Result<Removed, Refusal> {
        let Some((number, removed)) = self.take(folder, path)? else { return Ok(Removed::default()) };
        if let Err(error) = self.disk.remove_deleted(&number) {
            // Nobody reaches it any more and nobody could delete it again, so it is not the client's: the sweeper has it now.
            tracing::warn!(client = %folder.client, %error, "a deleted folder is left to the sweeper");
            self.leave_deleted(&number);
        }
        folder.shrank(removed);
        Ok(removed)
    }

    fn leave_deleted(&self, number: &str) {
        if let Err(error) = self.disk.leave_deleted(number) {
            tracing::error!(%error, "a deleted folder stays on the disk until the next start");
        }
        self.wake_sweeper();
    }

    /// Counts a folder and moves it out of reach, or fails and leaves it as it is. `None` when it is the client's own and was
    /// never written to.
    fn take(&self, folder: &Folder, path: &FilePath) -> Result<Option<(String, Removed)>, Refusal> {
        let _turn = folder.turn();
        let Some((parents, name)) = path.split() else { return self.take_own(folder) };
        let way = tree::descend(self.disk.folder(folder.client)?.ok_or(Refusal::Nothing)?, parents)?;
        match if way.missing.is_empty() { tree::look(&way.folder, name)? } else { Found::Nothing } {
            Found::Nothing => Err(Refusal::Nothing),
            Found::File(_) => Err(Refusal::FileThere),
            Found::Folder => {
                let mut removed = Removed { folders: 1, ..Removed::default() };
                count(&tree::open_folder(&way.folder, name)?, &mut removed)?;
                let number = self.disk.take(&way.folder, name)?;
                self.tell(folder.client, || Change::Deleted(path.to_string()));
                Ok(Some((number, removed)))
            }
        }
    }

    fn take_own(&self, folder: &Folder) -> Result<Option<(String, Removed)>, Refusal> {
        let Some(own) = self.disk.folder(folder.client)? else { return Ok(None) };
        // The client's own folder is none of its sub-folders.
        let mut removed = Removed::default();
        count(&own, &mut removed)?;
        let Some(number) = self.disk.take_folder(folder.client)? else { return Ok(None) };
        metrics::gauge!("concierge_files_folders").decrement(1.0);
        self.tell(folder.client, || Change::Deleted(String::new()));
        Ok(Some((number, removed)))
    }
}

/// Counts what is in a folder. As deep as paths may be, so recursion is bounded.
fn count(folder: &OwnedFd, removed: &mut Removed) -> Result<(), Refusal> {
    for (name, is_folder, meta) in tree::entries(folder)? {
        if is_folder {
            removed.folders += 1;
            count(&tree::open_folder(folder, name)?, removed)?;
        } else {
            removed.files += 1;
            removed.bytes += meta.size;
        }
    }
    Ok(())
}
