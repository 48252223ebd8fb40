//! Files on the hub: put, get, list, delete (FILESYSTEM.md).

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use concierge_api_rs::{ClientName, FileKey};
use futures::TryStreamExt;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::task::AbortOnDropHandle;

use crate::error::ConnectError;
use crate::options::Options;
use crate::shared::Shared;
use crate::transport;

mod upload;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Left as they are in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest list or sentence that is read from the server.
const TEXT_BYTES: usize = 64 * 1024 * 1024;

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes so far.
    pub bytes: u64,
    /// Bytes in all, when that is known.
    pub total: Option<u64>,
}

/// What the server keeps after a put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileStored {
    /// Below the client's folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Changes with the content.
    pub etag: String,
}

/// A file in a list, or a sub-folder: its path ends in `/`, its size is 0, its etag empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileEntry {
    /// Below the client's folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was written: milliseconds since 1970.
    pub modified: u64,
    /// Changes with the content.
    pub etag: String,
}

/// Why a transfer failed.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// 400: the path or the key is malformed.
    #[error("the path or the key is refused: {0}")]
    Malformed(String),
    /// 401: the key belongs to no connected client.
    #[error("the key belongs to no connected client; a folder lives only as long as its client")]
    Unauthorized,
    /// 403: the folder belongs to another client, or the public id may not write from here.
    #[error("only the folder's owner may do that, with its private key")]
    Forbidden,
    /// 404: no such client, or no such file in its folder.
    #[error("there is no {0} on the file server")]
    NotFound(String),
    /// 408: the upload was too slow.
    #[error("the upload was too slow for the server")]
    TooSlow,
    /// 409: a file where a folder is asked for, or the reverse.
    #[error("{0} is a folder where a file is meant, or the reverse; folders end in /")]
    Conflict(String),
    /// 413.
    #[error("the file is larger than the server takes")]
    TooBig,
    /// 507: the client's folder or the server's disk is full.
    #[error("the folder is full: {0}")]
    Full(String),
    /// Any other status.
    #[error("the server answered HTTP {status}: {text}")]
    Status {
        /// The status.
        status: u16,
        /// The server's sentence.
        text: String,
    },
    /// The hub gave no file key (an original hub) and none was given.
    #[error("the hub gave this client no key to the file server")]
    NoKey,
    /// No connection to the server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Nothing came from the server for that long ([`Options::silence`]), or an upload made no progress; after an upload's last
    /// byte the server has eight times as long.
    #[error("nothing came from the server for {0:?}")]
    Silent(Duration),
    /// The connection failed on the way.
    #[error("the transfer was cut off")]
    Http(#[source] hyper::Error),
    /// The local side of the transfer failed.
    #[error("the local file failed")]
    Local(#[source] io::Error),
    /// The server's answer is not what the protocol says.
    #[error("the server's answer cannot be read: {0}")]
    Answer(String),
}

impl From<hyper::Error> for FilesError {
    /// [`FilesError::Local`] when it is the source of an upload that failed, and not the connection. hyper keeps the cause, so
    /// this is its likeness.
    fn from(error: hyper::Error) -> Self {
        let local = error.source().filter(|_| error.is_user()).and_then(|cause| cause.downcast_ref::<io::Error>());
        match local.map(|cause| (cause, cause.raw_os_error())) {
            Some((_, Some(code))) => Self::Local(io::Error::from_raw_os_error(code)),
            Some((cause, None)) => Self::Local(io::Error::new(cause.kind(), cause.to_string())),
            None => Self::Http(error),
        }
    }
}

/// A client's folder on the hub's file server. Every call is a connection of its own; nothing is held in memory but the
/// chunk in transit.
///
/// ```no_run
/// # async fn run(ada: concierge_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let files = ada.files();
/// files.put_path("notes/today.txt", "today.txt", |p| eprintln!("{} bytes", p.bytes)).await?;
/// for file in files.list("notes/").await? {
///     println!("{} {}", file.size, file.path);
/// }
/// // anybody connected may read another's folder
/// let bobs = files.of("bob".parse()?);
/// bobs.get("hello.txt", tokio::io::sink(), |_| ()).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Files {
    options: Arc<Options>,
    owner: ClientName,
    key: Key,
}

#[derive(Debug, Clone)]
enum Key {
    /// The present connection's.
    Present(Arc<Shared>),
    Given(FileKey),
}

impl Files {
    pub(crate) fn of_client(options: Arc<Options>, shared: Arc<Shared>) -> Self {
        Self { owner: options.name.clone(), options, key: Key::Present(shared) }
    }

    /// The folder of `options`' client, by the key of any connected client: without a connection of one's own.
    #[must_use]
    pub fn with_key(options: Options, key: FileKey) -> Self {
        Self { owner: options.name.clone(), options: Arc::new(options), key: Key::Given(key) }
    }

    /// Another client's folder, with the same key: for reading.
    #[must_use]
    pub fn of(&self, owner: ClientName) -> Self {
        Self { owner, ..self.clone() }
    }

    /// Whose folder it is.
    #[must_use]
    pub fn owner(&self) -> &ClientName {
        &self.owner
    }

    /// Stores what `source` yields as `path`. With `bytes`, its length, the server refuses too much at once.
    ///
    /// # Errors
    /// [`FilesError`]; nothing is stored then.
    pub async fn put<R, P>(&self, path: &str, source: R, bytes: Option<u64>, mut progress: P) -> Result<FileStored, FilesError>
    where
        R: AsyncRead + Send + 'static,
        P: FnMut(Progress) + Send + 'static,
    {
        let mut so_far = 0;
        let (chunks, overdue) = upload::chunks(source, self.options.silence);
        let chunks = chunks.map_ok(move |chunk| {
            so_far += chunk.len() as u64;
            progress(Progress { bytes: so_far, total: bytes });
            Frame::data(chunk)
        });
        let mut request = self.request(Method::PUT, path)?;
        if let Some(bytes) = bytes {
            request.headers_mut().insert(CONTENT_LENGTH, bytes.into());
        }
        *request.body_mut() = StreamBody::new(chunks).boxed_unsync();
        self.exchange(request, path, overdue.wait()).await?.json().await
    }

    /// Stores a local file as `path`.
    ///
    /// # Errors
    /// [`FilesError`]; nothing is stored then.
    pub async fn put_path<P>(&self, path: &str, local: impl AsRef<Path>, progress: P) -> Result<FileStored, FilesError>
    where
        P: FnMut(Progress) + Send + 'static,
    {
        let file = tokio::fs::File::open(local).await.map_err(FilesError::Local)?;
        let bytes = file.metadata().await.map_err(FilesError::Local)?.len();
        self.put(path, file, Some(bytes), progress).await
    }

    /// Writes the file `path` into `to`; returns its size. On an error `to` may hold a beginning of it.
    ///
    /// # Errors
    /// [`FilesError`].
    pub async fn get<W, P>(&self, path: &str, to: W, mut progress: P) -> Result<u64, FilesError>
    where
        W: AsyncWrite,
        P: FnMut(Progress),
    {
        let mut reply = self.exchange(self.request(Method::GET, path)?, path, self.silence()).await?;
        let total = reply.content_length();
        let mut to = std::pin::pin!(to);
        let mut bytes = 0;
        while let Some(chunk) = reply.chunk().await? {
            to.write_all(&chunk).await.map_err(FilesError::Local)?;
            bytes += chunk.len() as u64;
            progress(Progress { bytes, total });
        }
        to.flush().await.map_err(FilesError::Local)?;
        Ok(bytes)
    }

    /// Writes the file `path` into a local file, which appears only when it is whole; returns its size.
    ///
    /// # Errors
    /// [`FilesError`]; the local file is as it was.
    pub async fn get_path<P: FnMut(Progress)>(
        &self,
        path: &str,
        local: impl AsRef<Path>,
        progress: P,
    ) -> Result<u64, FilesError> {
        let local = local.as_ref();
        let mut partial = local.as_os_str().to_owned();
        partial.push(format!(".{:08x}.part", rand::random::<u32>()));
        let result = self.get_then_rename(path, partial.as_ref(), local, progress).await;
        if result.is_err() {
            let _ = tokio::fs::remove_file(&partial).await; // the first error is the one to tell
        }
        result
    }

    async fn get_then_rename(
        &self,
        path: &str,
        partial: &Path,
        local: &Path,
        progress: impl FnMut(Progress),
    ) -> Result<u64, FilesError> {
        let file = tokio::fs::File::create_new(partial).await.map_err(FilesError::Local)?;
        let bytes = self.get(path, file, progress).await?;
        tokio::fs::rename(partial, local).await.map_err(FilesError::Local)?;
        Ok(bytes)
    }

    /// What is in a folder: `""` is the client's own, others end in `/`. Sub-folders are entries of it; what is in them is
    /// listed when they are asked for.
    ///
    /// # Errors
    /// [`FilesError`].
    pub async fn list(&self, folder: &str) -> Result<Vec<FileEntry>, FilesError> {
        self.exchange(self.request(Method::GET, folder)?, folder, self.silence()).await?.json().await
    }

    /// Removes a file, or with a final `/` a folder and everything in it.
    ///
    /// # Errors
    /// [`FilesError`].
    pub async fn delete(&self, path: &str) -> Result<(), FilesError> {
        self.exchange(self.request(Method::DELETE, path)?, path, self.silence()).await?.text().await.map(drop)
    }

    /// The address of a file or folder, for other programs; they need a key, too.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{}/{}", self.options.files_url().files(), self.owner, encode(path))
    }

    fn request(&self, method: Method, path: &str) -> Result<Request<Body>, FilesError> {
        let key = match &self.key {
            Key::Given(key) => *key,
            Key::Present(shared) => shared.hello().fs_key.ok_or(FilesError::NoKey)?,
        };
        let target = format!("{}{}/{}", self.options.files_url().files_path(), self.owner, encode(path));
        let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
        Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.options.files_url().authority())
            .header("x-fs-key", key.to_string())
            .body(empty)
            .map_err(|e| FilesError::Malformed(e.to_string()))
    }

    /// Until a server that was asked for something small should have answered.
    async fn silence(&self) -> Duration {
        tokio::time::sleep(self.options.silence).await;
        self.options.silence
    }

    /// One connection, one request, the head of its answer; other statuses than success are errors. `overdue` is begun when
    /// the request is, and tells how long the server was silent.
    async fn exchange(
        &self,
        request: Request<Body>,
        path: &str,
        overdue: impl Future<Output = Duration>,
    ) -> Result<Reply, FilesError> {
        let within = self.options.connect_within;
        let dialled = tokio::time::timeout(within, transport::dial(self.options.files_url(), &self.options.tls)).await;
        let transport = dialled.unwrap_or(Err(ConnectError::TimedOut(within)))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(transport)).await?;
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the file server failed");
            }
        }));
        let response = tokio::select! {
            biased; // an answer that is there is never late
            response = sender.send_request(request) => response?,
            silent = overdue => return Err(FilesError::Silent(silent)),
        };
        let reply = Reply { response, silence: self.options.silence, _task: task };
        if reply.response.status().is_success() { Ok(reply) } else { Err(reply.refusal(format!("{}/{path}", self.owner)).await) }
    }
}

/// Encodes each component; slashes stay.
fn encode(path: &str) -> String {
    path.split('/').map(|part| utf8_percent_encode(part, PATH).to_string()).collect::<Vec<_>>().join("/")
}

/// The head of an answer, and the connection that its body comes from.
struct Reply {
    response: Response<Incoming>,
    silence: Duration,
    _task: AbortOnDropHandle<()>,
}

impl Reply {
    fn content_length(&self) -> Option<u64> {
        self.response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, FilesError> {
        let text = self.text().await?;
        serde_json::from_str(&text).map_err(|e| FilesError::Answer(e.to_string()))
    }

    /// The next bytes of the body; `None` at its end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, FilesError> {
        loop {
            let frame = tokio::time::timeout(self.silence, self.response.body_mut().frame()).await;
            let Some(frame) = frame.map_err(|_| FilesError::Silent(self.silence))? else { return Ok(None) };
            if let Ok(chunk) = frame?.into_data() {
                return Ok(Some(chunk));
            }
        }
    }

    async fn text(mut self) -> Result<String, FilesError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if bytes.len() + chunk.len() > TEXT_BYTES {
                return Err(FilesError::Answer(format!("it is longer than {TEXT_BYTES} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|e| FilesError::Answer(e.to_string()))
    }

    async fn refusal(self, path: String) -> FilesError {
        let status = self.response.status();
        // the file server's own refusals have a word for programs; without it somebody before it refused, for another reason
        let own = self.response.headers().contains_key("x-fs-error");
        let text = self.text().await.unwrap_or_default();
        match status {
            StatusCode::BAD_REQUEST => FilesError::Malformed(text),
            StatusCode::UNAUTHORIZED => FilesError::Unauthorized,
            StatusCode::FORBIDDEN if own || text.is_empty() => FilesError::Forbidden,
            StatusCode::NOT_FOUND => FilesError::NotFound(path),
            StatusCode::REQUEST_TIMEOUT => FilesError::TooSlow,
            StatusCode::CONFLICT => FilesError::Conflict(path),
            StatusCode::PAYLOAD_TOO_LARGE => FilesError::TooBig,
            StatusCode::INSUFFICIENT_STORAGE => FilesError::Full(text),
            status => FilesError::Status { status: status.as_u16(), text: text.trim_end().to_owned() },
        }
    }
}

#[cfg(test)]
mod tests;
