//! GET and HEAD of a file.

use std::io::{Seek, SeekFrom};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use concierge_api_rs::ClientId;
use futures::TryStreamExt;
use headers::{AcceptRanges, ContentLength, ContentRange, HeaderMapExt, LastModified};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::condition::{Conditions, Freshness};
use crate::path::FilePath;
use crate::range::{self, Slice};
use crate::refusal::Refusal;
use crate::tree::{self, Meta};
use crate::{Files, blocking};

/// Bytes of a file that are read at once.
const READ_BYTES: usize = 128 * 1024;
/// `attr-char` of RFC 5987 stay as they are.
const NOT_ATTR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

impl Files {
    pub(crate) async fn download(
        &self,
        owner: ClientId,
        path: FilePath,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let (disk, opened) = (Arc::clone(&self.inner.disk), path.clone());
        let (mut file, meta) = blocking(move || match disk.folder(owner)? {
            Some(root) => tree::open_file(root, &opened),
            None if opened.parts.is_empty() => Err(Refusal::FolderThere),
            None => Err(Refusal::Nothing),
        })
        .await?;
        let conditions = Conditions::parse(headers)?;
        let mut response = Response::default();
        describe(response.headers_mut(), &meta);
        if conditions.check_read(&meta)? == Freshness::NotModified {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        let asked =
            if method == Method::GET && conditions.allows_range(&meta) { range::requested(headers, meta.size)? } else { None };
        let slice = asked.unwrap_or(Slice { start: 0, length: meta.size });
        set_content(response.headers_mut(), &path, slice.length)?;
        if asked.is_some() {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set_range(response.headers_mut(), slice, meta.size)?;
        }
        if method == Method::GET {
            file.seek(SeekFrom::Start(slice.start))?;
            *response.body_mut() = body(file, slice.length);
        }
        Ok(response)
    }
}

fn body(file: std::fs::File, length: u64) -> Body {
    let bytes = ReaderStream::with_capacity(tokio::fs::File::from_std(file).take(length), READ_BYTES);
    Body::from_stream(bytes.inspect_ok(|chunk| {
        metrics::counter!("concierge_files_bytes_total", "direction" => "out").increment(chunk.len() as u64);
    }))
}

/// What is said of a file whether or not it is sent.
fn describe(headers: &mut HeaderMap, meta: &Meta) {
    headers.insert(header::ETAG, HeaderValue::try_from(meta.etag()).expect("hexadecimal digits, dashes and quotes"));
    headers.typed_insert(LastModified::from(meta.modified()));
    headers.typed_insert(AcceptRanges::bytes());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

fn set_content(headers: &mut HeaderMap, path: &FilePath, length: u64) -> Result<(), Refusal> {
    let (_, name) = path.split().ok_or(Refusal::FolderThere)?;
    let kind = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, attachment(name));
    headers.typed_insert(ContentLength(length));
    Ok(())
}

fn set_range(headers: &mut HeaderMap, slice: Slice, size: u64) -> Result<(), Refusal> {
    let range = ContentRange::bytes(slice.start..slice.start + slice.length, size).map_err(|_| Refusal::Range(size))?;
    headers.typed_insert(range);
    Ok(())
}

/// The name twice: for old readers in ASCII, and exactly, as RFC 5987 has it.
fn attachment(name: &str) -> HeaderValue {
    let plain = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let exact = utf8_percent_encode(name, NOT_ATTR);
    HeaderValue::try_from(format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{exact}"))
        .expect("only visible ASCII and spaces are left")
}

/// What keeps a browser from taking anything that is stored here for a page of the hub.
pub(crate) const DEFENCE: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
];

/// Nothing there is not worth a body.
pub(crate) fn defended(response: Response) -> Response {
    (DEFENCE, response).into_response()
}
