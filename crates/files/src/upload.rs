//! PUT, and what POST shares with it: bytes go to a temporary file, and from there into their place.

use std::fs::File;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::runtime::Handle;

use crate::condition::Conditions;
use crate::disk::Disk;
use crate::folder::{Folder, Reservation};
use crate::incoming::{Chunks, Incoming};
use crate::path::FilePath;
use crate::refusal::Refusal;
use crate::tree::{self, Found, Meta};
use crate::{Files, blocking};

#[cfg(test)]
mod tests;

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 256 * 1024;

/// An upload that is complete and on the disk, but not in its place.
pub(crate) struct Staged {
    pub(crate) path: FilePath,
    pub(crate) meta: Meta,
    pub(crate) temporary: Temporary,
    pub(crate) reservation: Reservation,
}

/// A file that is in its place.
pub(crate) struct Stored {
    pub(crate) path: FilePath,
    pub(crate) meta: Meta,
}

/// The file of an upload on its way. Removed with this value, unless it was put in its place.
pub(crate) struct Temporary {
    disk: Arc<Disk>,
    name: Option<String>,
}

/// A stored file as users see it.
#[derive(Serialize)]
pub(crate) struct Told {
    path: String,
    size: u64,
    etag: String,
}

impl Files {
    pub(crate) async fn put(
        &self,
        folder: Arc<Folder>,
        name: &str,
        path: FilePath,
        conditions: Conditions,
        incoming: &mut Incoming,
    ) -> Result<Response, Refusal> {
        let staged = self.stage(&folder, path, &conditions, incoming.length(), incoming).await?;
        let files = self.clone();
        let stored = blocking(move || files.inner.commit(&folder, vec![staged], &conditions)).await?;
        Ok(created(name, &stored))
    }

    /// Receives a file. Whatever can be refused before its bytes come is.
    pub(crate) async fn stage(
        &self,
        folder: &Arc<Folder>,
        path: FilePath,
        conditions: &Conditions,
        length: Option<u64>,
        chunks: &mut impl Chunks,
    ) -> Result<Staged, Refusal> {
        let most = self.inner.options.file_bytes;
        if length.is_some_and(|length| length > most) {
            return Err(Refusal::FileBytes(most));
        }
        let replaced = self.replaced(folder, &path).await?;
        conditions.check_write(replaced.as_ref())?;
        let mut reservation = folder.reserve(length.unwrap_or_default(), replaced.map(|meta| meta.size))?;
        let disk = Arc::clone(&self.inner.disk);
        let (temporary, file) = blocking(move || Temporary::create(disk)).await?;
        match receive(file, chunks, most, &mut reservation, &self.inner.disk).await {
            Ok(meta) => Ok(Staged { path, meta, temporary, reservation }),
            Err(refusal) => {
                blocking(move || {
                    temporary.discard();
                    Ok(())
                })
                .await?;
                Err(refusal)
            }
        }
    }

    /// The file that an upload to this path will replace, as things are.
    async fn replaced(&self, folder: &Folder, path: &FilePath) -> Result<Option<Meta>, Refusal> {
        if path.folder {
            return Err(Refusal::FolderThere);
        }
        let (disk, client, path) = (Arc::clone(&self.inner.disk), folder.client, path.clone());
        let found = blocking(move || match disk.folder(client)? {
            Some(root) => tree::find(root, &path),
            None if path.parts.is_empty() => Ok(Found::Folder),
            None => Ok(Found::Nothing),
        });
        match found.await? {
            Found::Nothing => Ok(None),
            Found::File(meta) => Ok(Some(meta)),
            Found::Folder => Err(Refusal::FolderThere),
        }
    }
}

/// Writes what comes, until it ends well.
async fn receive(
    file: File,
    chunks: &mut impl Chunks,
    most: u64,
    reservation: &mut Reservation,
    disk: &Arc<Disk>,
) -> Result<Meta, Refusal> {
    let mut out = BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(file));
    let mut size = 0;
    while let Some(chunk) = chunks.next().await? {
        size += chunk.len() as u64;
        if size > most {
            return Err(Refusal::FileBytes(most));
        }
        reservation.cover(size)?;
        out.write_all(&chunk).await?;
    }
    out.flush().await?;
    let file = out.into_inner().into_std().await;
    let disk = Arc::clone(disk);
    blocking(move || {
        disk.stamp(&file)?;
        // A disk that puts off writing says only now that it is full.
        file.sync_all()?;
        Ok(Meta::of(&file)?)
    })
    .await
}

impl Temporary {
    pub(crate) fn create(disk: Arc<Disk>) -> Result<(Self, File), Refusal> {
        let (name, file) = disk.incoming()?;
        Ok((Self { disk, name: Some(name) }, file))
    }

    /// Removes the file. Blocks.
    pub(crate) fn discard(mut self) {
        if let Some(name) = self.name.take() {
            remove(&self.disk, &name);
        }
    }

    /// Its name in the directory of uploads, while it is there.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().expect("only consuming the value takes the name")
    }

    /// The file has another name now.
    pub(crate) fn moved(mut self) {
        self.name = None;
    }
}

/// The request was given up in the middle: its client is gone, or the server is.
impl Drop for Temporary {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let disk = Arc::clone(&self.disk);
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove(&disk, &name))),
            Err(_) => remove(&disk, &name),
        }
    }
}

fn remove(disk: &Disk, name: &str) {
    if let Err(error) = disk.remove_incoming(name) {
        tracing::warn!(%error, "an upload that was given up is not deleted");
    }
}

/// 201. One file: itself; several: a list of them, and where they are.
pub(crate) fn created(name: &str, stored: &[Stored]) -> Response {
    match stored {
        [one] => {
            let headers = [(header::LOCATION, one.path.href(name)), (header::ETAG, one.meta.etag())];
            (StatusCode::CREATED, headers, Json(Told::new(one))).into_response()
        }
        several => {
            let told: Vec<_> = several.iter().map(Told::new).collect();
            (StatusCode::CREATED, Json(told)).into_response()
        }
    }
}

/// The folder that a form with several files was posted to.
pub(crate) fn set_location(response: &mut Response, name: &str, path: &FilePath) {
    if let Ok(location) = HeaderValue::try_from(path.href(name)) {
        response.headers_mut().entry(header::LOCATION).or_insert(location);
    }
}

impl Told {
    fn new(stored: &Stored) -> Self {
        Self { path: stored.path.to_string(), size: stored.meta.size, etag: stored.meta.etag() }
    }
}
