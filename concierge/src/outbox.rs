//! What waits for one client: bytes, not a channel of messages. Small frames are joined, large ones shared; all of it
//! leaves with one system call. Bounded in bytes. Pure: whoever writes it to a socket brings the socket.
//!
//! Invariants: every piece begins with the start of a frame; `sent` counts within the first piece; a frame that was
//! begun is always finished, so a close frame can follow at any time; nothing is taken in after a close frame.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};

use bytes::Bytes;

use crate::frame::{self, Frame};

/// Joined frames are cut into pieces of about this size, so that what was sent can be let go.
const PIECE: usize = 64 * 1024;
/// Pieces that one system call takes.
const SLICES: usize = 64;
/// Pieces that may hold much more room than bytes: an outbox that is written every turn has no more of them. Behind them, what
/// takes turns with shared frames is copied to where it just fits, or a few bytes would keep a whole buffer each.
const LOOSE: usize = 8;
/// Pieces that are worth one: each costs every client of a crowd its entry here.
const RIPE: usize = 32;

enum Piece {
    Joined(Vec<u8>),
    Shared(Bytes),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Joined(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Pieces in the order they came. A lone one, which is what most turns leave behind, is held without an allocation.
#[derive(Default)]
struct Pieces {
    first: Option<Piece>,
    #[expect(clippy::box_collection, reason = "one word for the many clients for whom nothing waits")]
    more: Option<Box<VecDeque<Piece>>>,
}

impl Pieces {
    fn first(&self) -> Option<&Piece> {
        self.first.as_ref()
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.as_ref().map_or(0, |more| more.len())
    }

    fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.first.iter().chain(self.more.iter().flat_map(|more| more.iter()))
    }

    fn push_back(&mut self, piece: Piece) {
        match &mut self.first {
            None => self.first = Some(piece),
            Some(_) => self.more.get_or_insert_default().push_back(piece),
        }
    }

    fn pop_front(&mut self) -> Option<Piece> {
        let next = self.more.as_mut().and_then(|more| more.pop_front());
        std::mem::replace(&mut self.first, next)
    }
}

/// Spare buffers of a shard: an idle client holds none, and an idle shard forgets them.
#[derive(Default)]
pub(crate) struct Pool {
    buffers: Vec<Vec<u8>>,
    /// What they hold room for.
    bytes: usize,
}

impl Pool {
    const BYTES: usize = 16 * 1024 * 1024;

    pub(crate) fn take(&mut self) -> Vec<u8> {
        let buffer = self.buffers.pop().unwrap_or_default();
        self.bytes -= buffer.capacity();
        buffer
    }

    pub(crate) fn put(&mut self, mut buffer: Vec<u8>) {
        let room = buffer.capacity();
        if (1..=2 * PIECE).contains(&room) && self.bytes + room <= Self::BYTES {
            buffer.clear();
            self.bytes += room;
            self.buffers.push(buffer);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffers.is_empty()
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits.
    Queued,
    /// The bound is reached; nothing was taken in.
    Full,
    /// It came too late: after a close frame, or after the client left.
    Closed,
}

/// What waits for one client.
pub(crate) struct Outbox {
    pieces: Pieces,
    /// Joined frames behind the pieces.
    tail: Vec<u8>,
    /// Bytes of the first piece (or of the tail when there is none) that were sent.
    sent: usize,
    /// Bytes that wait.
    waiting: usize,
    /// So many of them are of answers that were taken in whatever their size: the bound is on what else waits, or whoever asked
    /// for a long list would be ended by the news that come while it is on its way.
    long: usize,
    bound: usize,
    /// No more frames.
    sealed: bool,
    /// No more frames, not even a close frame.
    closed: bool,
}

impl Outbox {
    pub(crate) fn new(bound: usize) -> Self {
        Self { pieces: Pieces::default(), tail: Vec::new(), sent: 0, waiting: 0, long: 0, bound, sealed: false, closed: false }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether nothing more is taken in.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed || self.closed
    }

    /// Whether so many pieces wait that waiting for more gains little.
    pub(crate) fn is_ripe(&self) -> bool {
        self.pieces.len() >= RIPE
    }

    /// Takes one frame in. A frame larger than the bound is taken when nothing else waits.
    pub(crate) fn push(&mut self, frame: &Frame<'_>, pool: impl FnOnce() -> Vec<u8>) -> Pushed {
        if self.sealed || self.closed {
            return Pushed::Closed;
        }
        if self.waiting > 0 && self.waiting - self.long + frame.len() > self.bound {
            return Pushed::Full;
        }
        self.append(frame, pool);
        Pushed::Queued
    }

    /// Takes an answer in, whatever its size, while at most a quarter of the bound waits: nobody is read, and so answered,
    /// while more does.
    pub(crate) fn push_answer(&mut self, frame: &Frame<'_>, pool: impl FnOnce() -> Vec<u8>) -> Pushed {
        if self.sealed || self.closed || self.waiting > self.bound / 4 {
            return self.push(frame, pool);
        }
        if self.waiting - self.long + frame.len() > self.bound {
            self.long += frame.len();
        }
        self.append(frame, pool);
        Pushed::Queued
    }

    /// Takes one frame in where nobody could write what waits: whatever its size while no more than the bound waits, then up to
    /// twice the bound.
    pub(crate) fn push_beyond(&mut self, frame: &Frame<'_>, pool: impl FnOnce() -> Vec<u8>) -> Pushed {
        if self.waiting > self.bound && self.waiting + frame.len() > 2 * self.bound {
            return Pushed::Full;
        }
        self.append(frame, pool);
        Pushed::Queued
    }

    /// Takes a close frame in, whatever the bound; it is the last one.
    pub(crate) fn close(&mut self, close: &[u8]) {
        if !std::mem::replace(&mut self.closed, true) {
            self.append(&Frame::Small(close), Vec::new);
        }
    }

    /// Nothing but a close frame is taken in from now on; what waits still leaves.
    pub(crate) fn seal(&mut self) {
        self.sealed = true;
    }

    /// Drops all frames but the one that is on its way, so that a close frame is next.
    pub(crate) fn cut(&mut self) {
        let first = self.pieces.pop_front().map_or_else(|| std::mem::take(&mut self.tail), |piece| piece.bytes().to_vec());
        let mut end = 0;
        while end < self.sent {
            end += frame::first_len(&first[end..]);
        }
        let rest = first[self.sent..end].to_vec();
        *self = Self { waiting: rest.len(), sealed: self.sealed, closed: self.closed, ..Self::new(self.bound) };
        if !rest.is_empty() {
            // not the start of a frame, and the one exception: a close frame follows, and nothing is cut behind that
            self.tail = rest;
        }
    }

    /// Writes until nothing waits or `write` would block. Returns the bytes written, and the error if there was one.
    pub(crate) fn write_with(
        &mut self,
        pool: &mut impl FnMut(Vec<u8>),
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> (usize, io::Result<()>) {
        let mut total = 0;
        while self.waiting > 0 {
            let n = match self.write_once(&mut write) {
                Ok(0) => return (total, Err(ErrorKind::WriteZero.into())),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return (total, Err(e)),
            };
            total += n;
            self.advance(n, pool);
        }
        (total, Ok(()))
    }

    fn append(&mut self, frame: &Frame<'_>, pool: impl FnOnce() -> Vec<u8>) {
        self.waiting += frame.len();
        match frame {
            Frame::Small(bytes) => {
                if self.tail.capacity() == 0 {
                    self.tail = pool();
                }
                self.tail.extend_from_slice(bytes);
                if self.tail.len() >= PIECE {
                    self.pieces.push_back(Piece::Joined(std::mem::take(&mut self.tail)));
                }
            }
            Frame::Large(bytes) => {
                if !self.tail.is_empty() {
                    let joined = self.take_tail();
                    self.pieces.push_back(Piece::Joined(joined));
                }
                self.pieces.push_back(Piece::Shared(bytes.clone()));
            }
        }
    }

    /// The joined frames; the buffer stays where it is if it would be wasted on them.
    fn take_tail(&mut self) -> Vec<u8> {
        if self.pieces.len() < LOOSE || self.tail.len() >= self.tail.capacity() / 2 {
            return std::mem::take(&mut self.tail);
        }
        let joined = self.tail.as_slice().to_vec();
        self.tail.clear();
        joined
    }

    fn write_once(&self, write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<usize> {
        match self.pieces.first() {
            None => return write(&[IoSlice::new(&self.tail[self.sent..])]),
            Some(piece) if self.waiting == piece.bytes().len() - self.sent => {
                return write(&[IoSlice::new(&piece.bytes()[self.sent..])]);
            }
            Some(_) => {}
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for piece in self.pieces.iter().take(SLICES) {
            let from = if count == 0 { self.sent } else { 0 };
            slices[count] = IoSlice::new(&piece.bytes()[from..]);
            count += 1;
        }
        if count < SLICES && !self.tail.is_empty() {
            slices[count] = IoSlice::new(&self.tail);
            count += 1;
        }
        write(&slices[..count])
    }

    fn advance(&mut self, written: usize, pool: &mut impl FnMut(Vec<u8>)) {
        self.waiting -= written;
        self.long = self.long.saturating_sub(written);
        self.sent += written;
        while let Some(first) = self.pieces.first().map(|piece| piece.bytes().len()) {
            if self.sent < first {
                return;
            }
            self.sent -= first;
            if let Some(Piece::Joined(buffer)) = self.pieces.pop_front() {
                pool(buffer);
            }
        }
        if self.waiting == 0 {
            self.sent = 0;
            self.pieces = Pieces::default();
            if self.tail.capacity() > 0 {
                pool(std::mem::take(&mut self.tail));
            }
        }
    }
}

#[cfg(test)]
#[path = "outbox/tests.rs"]
mod tests;
