//! DELETE of a file, or of a folder and all that is in it.

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
use crate::{Files, Inner, blocking};

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
        Ok(removed)
    }

    /// Out of reach at once, counted while it is deleted: when this returns, its room is free again.
    fn delete_folder(&self, folder: &Folder, path: &FilePath) -> Result<Removed, Refusal> {
        let Some(number) = self.take(folder, path)? else { return Ok(Removed::default()) };
        let mut removed = Removed::default();
        let result = self.disk.remove_deleted(&number, &mut removed);
        if path.parts.is_empty() {
            // The client's own folder is none of its sub-folders.
            removed.folders = removed.folders.saturating_sub(1);
        }
        folder.shrank(removed);
        result?;
        Ok(removed)
    }

    /// Moves a folder out of reach; `None` when it is the client's own and was never written to.
    fn take(&self, folder: &Folder, path: &FilePath) -> Result<Option<String>, Refusal> {
        let _turn = folder.turn();
        let Some((parents, name)) = path.split() else {
            let taken = self.disk.take_folder(folder.client)?;
            if taken.is_some() {
                metrics::gauge!("concierge_files_folders").decrement(1.0);
            }
            return Ok(taken);
        };
        let way = tree::descend(self.disk.folder(folder.client)?.ok_or(Refusal::Nothing)?, parents)?;
        match if way.missing.is_empty() { tree::look(&way.folder, name)? } else { Found::Nothing } {
            Found::Nothing => Err(Refusal::Nothing),
            Found::File(_) => Err(Refusal::FileThere),
            Found::Folder => Ok(Some(self.disk.take(&way.folder, name)?)),
        }
    }
}
