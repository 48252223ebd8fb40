//! POST of multipart/form-data (RFC 7578): every part with a file name is a file.
//!
//! The parser takes whatever its stream has, so it is fed by hand: one piece, when it cannot go on without, and no more of it than
//! it may keep. That bounds its memory, however much the server reads at once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::{HeaderMap, header};
use axum::response::Response;
use bytes::Bytes;
use futures::{FutureExt, Stream};
use multer::{Field, Multipart};
use parking_lot::Mutex;

use crate::commit::collide;
use crate::condition::Conditions;
use crate::folder::Folder;
use crate::incoming::{Chunks, Incoming};
use crate::path::FilePath;
use crate::refusal::Refusal;
use crate::upload::{Staged, created, set_location};
use crate::{Files, blocking};

/// Parts of a form, files or not.
const PARTS: usize = 1_000;
/// Bytes that belong to no file: heads of a part, fields, what follows the last boundary.
const IDLE_BYTES: usize = 64 * 1024;

impl Files {
    pub(crate) async fn post(
        &self,
        folder: Arc<Folder>,
        name: &str,
        path: FilePath,
        conditions: Conditions,
        headers: &HeaderMap,
        incoming: &mut Incoming,
    ) -> Result<Response, Refusal> {
        let mut form = Form::new(headers, incoming)?;
        let mut staged = Vec::new();
        if let Err(refusal) = self.stage_parts(&folder, &path, &conditions, &mut form, &mut staged).await {
            blocking(move || {
                staged.into_iter().for_each(|staged: Staged| staged.temporary.discard());
                Ok(())
            })
            .await?;
            return Err(refusal);
        }
        let files = self.clone();
        let stored = blocking(move || files.inner.commit(&folder, staged, &conditions)).await?;
        let mut response = created(name, &stored);
        set_location(&mut response, name, &path);
        Ok(response)
    }

    async fn stage_parts(
        &self,
        folder: &Arc<Folder>,
        path: &FilePath,
        conditions: &Conditions,
        form: &mut Form<'_>,
        staged: &mut Vec<Staged>,
    ) -> Result<(), Refusal> {
        while let Some(field) = form.next_part().await? {
            let file_name = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
            let mut part = Part { form, field };
            let Some(file_name) = file_name else {
                part.skip().await?;
                continue;
            };
            let path = if path.folder { path.below(&file_name)? } else { path.clone() };
            if staged.iter().any(|other| collide(&other.path, &path)) {
                return Err(Refusal::PartsCollide);
            }
            staged.push(self.stage(folder, path, conditions, None, &mut part).await?);
        }
        form.skip_rest().await?;
        if staged.is_empty() { Err(Refusal::Form("no part of it is a file".into())) } else { Ok(()) }
    }
}

struct Form<'a> {
    incoming: &'a mut Incoming,
    /// What came and was not fed yet.
    rest: Bytes,
    feed: Feed,
    parser: Multipart<'static>,
    parts: usize,
    /// Bytes that were fed since the parser last gave something.
    fed: usize,
    /// Bytes of fields so far.
    skipped: usize,
}

struct Part<'a, 'b> {
    form: &'a mut Form<'b>,
    field: Field<'static>,
}

impl<'a> Form<'a> {
    fn new(headers: &HeaderMap, incoming: &'a mut Incoming) -> Result<Self, Refusal> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = match multer::parse_boundary(content_type) {
            Ok(boundary) => boundary,
            Err(multer::Error::NoBoundary) => return Err(Refusal::Form("it names no boundary".into())),
            Err(_) => return Err(Refusal::NotAForm),
        };
        if !(1..=70).contains(&boundary.len()) {
            return Err(Refusal::Form("a boundary has 1 to 70 characters".into()));
        }
        let feed = Feed::default();
        let parser = Multipart::new(feed.clone(), boundary);
        Ok(Self { incoming, rest: Bytes::new(), feed, parser, parts: 0, fed: 0, skipped: 0 })
    }

    async fn next_part(&mut self) -> Result<Option<Field<'static>>, Refusal> {
        loop {
            if let Some(next) = self.parser.next_field().now_or_never() {
                self.fed = 0;
                let field = next.map_err(malformed)?;
                self.parts += usize::from(field.is_some());
                return if self.parts > PARTS { Err(Refusal::Parts(PARTS)) } else { Ok(field) };
            }
            self.feed().await?;
        }
    }

    /// The parser is stuck: one piece more.
    async fn feed(&mut self) -> Result<(), Refusal> {
        if self.fed >= IDLE_BYTES {
            return Err(Refusal::Form("the head of a part is too long, or its boundary is missing".into()));
        }
        let mut piece = self.next_piece().await?;
        if let Some(piece) = &mut piece {
            self.rest = piece.split_off(piece.len().min(IDLE_BYTES - self.fed));
            self.fed += piece.len();
        }
        if self.feed.give(piece) { Ok(()) } else { Err(Refusal::Form("it ends before its last boundary".into())) }
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>, Refusal> {
        if self.rest.is_empty() { self.incoming.next().await } else { Ok(Some(std::mem::take(&mut self.rest))) }
    }

    /// What follows the last boundary means nothing, but has to be read: the next request comes after it.
    async fn skip_rest(&mut self) -> Result<(), Refusal> {
        let mut bytes = 0;
        while let Some(chunk) = self.next_piece().await? {
            bytes += chunk.len();
            if bytes > IDLE_BYTES {
                return Err(Refusal::Form("too much follows its last boundary".into()));
            }
        }
        Ok(())
    }
}

impl Part<'_, '_> {
    /// A field that is no file. Of no interest.
    async fn skip(mut self) -> Result<(), Refusal> {
        while let Some(chunk) = self.next().await? {
            self.form.skipped += chunk.len();
            if self.form.skipped > IDLE_BYTES {
                return Err(Refusal::Form("its fields that are no files are too long".into()));
            }
        }
        Ok(())
    }
}

impl Chunks for Part<'_, '_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            if let Some(next) = self.field.chunk().now_or_never() {
                self.form.fed = 0;
                return next.map_err(malformed);
            }
            self.form.feed().await?;
        }
    }
}

fn malformed(error: multer::Error) -> Refusal {
    Refusal::Form(error.to_string())
}

/// The parser's stream: what it was given, and nothing more until it is given more.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Given>>);

#[derive(Default)]
struct Given {
    piece: Option<Bytes>,
    ended: bool,
}

impl Feed {
    /// The next piece, or the end; false when the end was given before.
    fn give(&self, piece: Option<Bytes>) -> bool {
        let mut given = self.0.lock();
        if given.ended {
            return false;
        }
        given.ended = piece.is_none();
        given.piece = piece;
        true
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, std::convert::Infallible>;

    /// Pending without a waker: whoever feeds asks again by itself.
    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut given = self.0.lock();
        match given.piece.take() {
            Some(piece) => Poll::Ready(Some(Ok(piece))),
            None if given.ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
