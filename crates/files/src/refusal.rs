//! Every way to refuse a request, and the status of each.

use std::io;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headers::{ContentRange, HeaderMapExt};
use rustix::io::Errno;

use crate::path::PathError;

#[cfg(test)]
mod tests;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Path(#[from] PathError),
    #[error("the header x-fs-key must be one uuid")]
    MalformedKey,
    #[error("the header x-fs-key is missing")]
    NoKey,
    #[error("no connected client has this key")]
    UnknownKey,
    #[error("this folder is another client's")]
    NotYours,
    #[error("the public uuid writes only from the address of its client; use fs_key")]
    Elsewhere,
    #[error("nothing is there")]
    Nothing,
    #[error("methods are GET, HEAD, PUT, POST, DELETE and OPTIONS")]
    Method,
    #[error("the upload was too slow")]
    Slow,
    #[error("a folder is there; its path ends in `/`")]
    FolderThere,
    #[error("a file is there; its path does not end in `/`, and nothing is below it")]
    FileThere,
    #[error("two parts of the form are for the same file, or one is a folder of the other")]
    PartsCollide,
    #[error("the file is not in the state that the request asks for")]
    Precondition,
    #[error("a file has at most {0} bytes")]
    FileBytes(u64),
    #[error("a form has at most {0} parts")]
    Parts(usize),
    #[error("POST takes multipart/form-data; PUT takes a file as it is")]
    NotAForm,
    #[error("malformed form: {0}")]
    Form(String),
    #[error("PUT replaces whole files; Content-Range is not for it")]
    PartialPut,
    #[error("no such range in {0} bytes")]
    Range(u64),
    #[error("the upload ended before its end")]
    Body(#[source] axum::Error),
    #[error("all files of a client have at most {0} bytes together")]
    FolderBytes(u64),
    #[error("a client has at most {0} files, and as many folders")]
    FolderFiles(u64),
    #[error("the disk of the hub is full")]
    DiskFull(#[source] io::Error),
    #[error("the hub failed")]
    Internal(#[source] io::Error),
}

/// The header that carries the word for programs; the body is a sentence for people.
pub(crate) const ERROR_HEADER: &str = "x-fs-error";

impl Refusal {
    /// The status, and the word for programs.
    pub(crate) fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Path(_) => (StatusCode::BAD_REQUEST, "BAD_PATH"),
            Self::MalformedKey => (StatusCode::BAD_REQUEST, "BAD_KEY"),
            Self::Form(_) => (StatusCode::BAD_REQUEST, "BAD_FORM"),
            Self::PartialPut | Self::Body(_) => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
            Self::NoKey => (StatusCode::UNAUTHORIZED, "NO_KEY"),
            Self::UnknownKey => (StatusCode::UNAUTHORIZED, "UNKNOWN_KEY"),
            Self::NotYours => (StatusCode::FORBIDDEN, "NOT_YOURS"),
            Self::Elsewhere => (StatusCode::FORBIDDEN, "PUBLIC_KEY"),
            Self::Nothing => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "METHOD"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "TOO_SLOW"),
            Self::FolderThere => (StatusCode::CONFLICT, "IS_FOLDER"),
            Self::FileThere => (StatusCode::CONFLICT, "IS_FILE"),
            Self::PartsCollide => (StatusCode::CONFLICT, "PARTS_COLLIDE"),
            Self::Precondition => (StatusCode::PRECONDITION_FAILED, "PRECONDITION"),
            Self::FileBytes(_) => (StatusCode::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE"),
            Self::Parts(_) => (StatusCode::PAYLOAD_TOO_LARGE, "TOO_MANY_PARTS"),
            Self::NotAForm => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "NOT_A_FORM"),
            Self::Range(_) => (StatusCode::RANGE_NOT_SATISFIABLE, "RANGE"),
            Self::FolderBytes(_) => (StatusCode::INSUFFICIENT_STORAGE, "FOLDER_FULL"),
            Self::FolderFiles(_) => (StatusCode::INSUFFICIENT_STORAGE, "TOO_MANY_FILES"),
            Self::DiskFull(_) => (StatusCode::INSUFFICIENT_STORAGE, "DISK_FULL"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Self::DiskFull(error),
            Some(Errno::NAMETOOLONG) => Self::Path(PathError::Long),
            _ => Self::Internal(error),
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = self.status();
        match &self {
            Self::Internal(source) => tracing::error!(%source, "a request to the file server failed"),
            Self::DiskFull(source) => tracing::warn!(%source, "an upload was refused"),
            _ => {}
        }
        let mut response = (status, [(ERROR_HEADER, error)], self.to_string()).into_response();
        let headers = response.headers_mut();
        match self {
            Self::NoKey | Self::UnknownKey => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("FsKey header=\"x-fs-key\""));
            }
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, PUT, POST, DELETE, OPTIONS"));
            }
            Self::Range(size) => headers.typed_insert(ContentRange::unsatisfied_bytes(size)),
            _ => {}
        }
        response
    }
}
