//! GET of a folder: what is in it, as JSON that is written while it is sent.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use concierge_api_rs::ClientId;
use futures::stream;
use serde::Serialize;

use crate::path::FilePath;
use crate::refusal::Refusal;
use crate::tree::{self, Meta};
use crate::{Files, blocking};

/// Entries that are written at once.
const ENTRIES: usize = 64;

/// A file; or a sub-folder, whose path ends in `/`, whose size is 0 and whose entity tag is empty: it has none.
#[derive(Serialize)]
struct Entry {
    path: String,
    size: u64,
    /// Milliseconds since 1970.
    modified: u64,
    etag: String,
}

impl Files {
    pub(crate) async fn list(&self, owner: ClientId, path: FilePath) -> Result<Response, Refusal> {
        let (disk, opened) = (Arc::clone(&self.inner.disk), path.clone());
        let entries = blocking(move || match disk.folder(owner)? {
            Some(root) => {
                let way = tree::descend(root, &opened.parts)?;
                if way.missing.is_empty() { tree::entries(&way.folder) } else { Err(Refusal::Nothing) }
            }
            None if opened.parts.is_empty() => Ok(Vec::new()),
            None => Err(Refusal::Nothing),
        })
        .await?;
        let mut response = Response::new(Body::from_stream(stream::iter(pieces(path.to_string(), entries))));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        Ok(response)
    }
}

fn pieces(folder: String, entries: Vec<(String, bool, Meta)>) -> impl Iterator<Item = Result<Bytes, serde_json::Error>> {
    let mut entries = entries.into_iter().peekable();
    let mut opening = Some("[");
    std::iter::from_fn(move || {
        let mut text = opening.take()?.to_owned().into_bytes();
        for (name, is_folder, meta) in entries.by_ref().take(ENTRIES) {
            if text.last() == Some(&b'}') {
                text.push(b',');
            }
            if let Err(error) = serde_json::to_writer(&mut text, &Entry::new(&folder, &name, is_folder, &meta)) {
                return Some(Err(error));
            }
        }
        if entries.peek().is_some() {
            opening = Some(",")
        } else {
            text.push(b']')
        }
        Some(Ok(text.into()))
    })
}

impl Entry {
    fn new(folder: &str, name: &str, is_folder: bool, meta: &Meta) -> Self {
        let modified = meta.modified_ms();
        if is_folder {
            Self { path: format!("{folder}{name}/"), size: 0, modified, etag: String::new() }
        } else {
            Self { path: format!("{folder}{name}"), size: meta.size, modified, etag: meta.etag() }
        }
    }
}
