//! The stream that tungstenite sees. It reads the socket in large pieces through one buffer of the thread, so that
//! tungstenite's own buffer per connection can be tiny; it writes into the outbox, so that pongs and close frames keep
//! their place among the messages.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::frame::Frame;
use crate::ground::Stream;
use crate::peer::Peer;
use crate::socket::{Reader, Writer};

/// How much is read at once.
const READ: usize = 64 * 1024;
/// How much is read before others have their turn.
const READ_BUDGET: usize = 256 * 1024;
/// How much of that may be what never becomes a message, or has not yet: tiny frames cost much for their size.
const VAIN_BUDGET: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// Where bytes come from.
pub(crate) enum Source {
    /// A socket, to which the peer writes.
    Socket(Reader),
    /// A stream, to which the session writes what waits at the peer.
    Stream(Box<dyn Stream>),
}

/// One connection's bytes.
pub(crate) struct Wire {
    peer: Arc<Peer>,
    source: Source,
    /// Bytes that were read and not taken yet, and how many of them were taken.
    rest: Vec<u8>,
    taken: usize,
    /// Something was read since the session last asked.
    heard: bool,
    /// Bytes handed out since reading last paused.
    read: usize,
    /// Those of them that became messages.
    understood: usize,
    /// Reading paused because others have their turn, not because there was nothing to read.
    yielded: bool,
}

impl Wire {
    pub(crate) fn new(peer: Arc<Peer>, source: Source) -> Self {
        Self { peer, source, rest: Vec::new(), taken: 0, heard: false, read: 0, understood: 0, yielded: false }
    }

    /// Whether something was read since the last call.
    pub(crate) fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// Whether there may be more to read although reading paused.
    pub(crate) fn yielded(&self) -> bool {
        self.yielded
    }

    /// What was handed out became a message of so many bytes.
    pub(crate) fn understood(&mut self, bytes: usize) {
        self.understood = (self.understood + bytes).min(self.read); // a long one may have begun before the last pause
    }

    /// Pending when others have their turn first; the task is woken at once.
    fn poll_budget(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.yielded = self.read >= READ_BUDGET || self.read.saturating_sub(self.understood) >= VAIN_BUDGET;
        if !self.yielded {
            return Poll::Ready(());
        }
        self.pause();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads some bytes; none at the end of the stream.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_budget(cx));
        if self.taken < self.rest.len() {
            let n = to.len().min(self.rest.len() - self.taken);
            to[..n].copy_from_slice(&self.rest[self.taken..self.taken + n]);
            self.taken += n;
            self.read += n;
            if self.taken == self.rest.len() {
                self.taken = 0;
                self.peer.shard().pool.lock().put(std::mem::take(&mut self.rest));
            }
            return Poll::Ready(Ok(n));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let read = ready!(self.poll_socket(cx, scratch))?;
            self.heard = true;
            let n = read.min(to.len());
            to[..n].copy_from_slice(&scratch[..n]);
            self.read += n;
            if read > n {
                self.rest = self.peer.shard().pool.lock().take();
                self.rest.extend_from_slice(&scratch[n..read]);
            }
            Poll::Ready(Ok(n))
        })
    }

    /// Queues what tungstenite writes. It writes whole frames only, and all of each is taken, so they stay whole.
    pub(crate) fn write(&mut self, frames: &[u8]) {
        self.peer.push(&Frame::new(frames));
    }

    /// Goes on writing where the socket took nothing. What a socket can take is left to the shard's flush, which joins
    /// the messages of a whole turn; a stream has nobody else to write it.
    pub(crate) fn poll_blocked(&mut self, cx: &mut Context<'_>) {
        if matches!(self.source, Source::Stream(_)) || self.peer.look().blocked {
            let _all_written_or_waiting = self.poll_drain(cx);
        }
    }

    /// Writes what waits. Ready when nothing waits or the connection is broken; pending while the socket takes nothing.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.source {
            Source::Stream(stream) => {
                let all = self.peer.write_with(|slices| match Pin::new(&mut *stream).poll_write_vectored(cx, slices) {
                    Poll::Ready(result) => result,
                    Poll::Pending => Err(ErrorKind::WouldBlock.into()),
                });
                let flushed = Pin::new(stream).poll_flush(cx).is_ready();
                if (all && flushed) || self.peer.look().broken { Poll::Ready(()) } else { Poll::Pending }
            }
            Source::Socket(_) => loop {
                let look = self.peer.look();
                if look.broken || look.waiting == 0 {
                    return Poll::Ready(());
                }
                if look.blocked {
                    let Some(socket) = self.peer.socket() else { return Poll::Ready(()) };
                    let _writable_or_broken = ready!(socket.poll_write_ready(cx));
                }
                self.peer.flush();
            },
        }
    }

    /// Ends the writing side: the peer sees the end of the stream.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.source {
            Source::Stream(stream) => Pin::new(stream).poll_shutdown(cx).map(|_| ()),
            Source::Socket(_) => {
                self.peer.socket().into_iter().for_each(Writer::end);
                Poll::Ready(())
            }
        }
    }

    /// Reads and forgets. Ready at the end of the stream.
    pub(crate) fn poll_forget(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        SCRATCH.with_borrow_mut(|scratch| {
            loop {
                ready!(self.poll_budget(cx));
                match ready!(self.poll_socket(cx, scratch)) {
                    Ok(0) | Err(_) => return Poll::Ready(()),
                    Ok(n) => self.read += n,
                }
            }
        })
    }

    /// Reads the socket or the stream once.
    fn poll_socket(&mut self, cx: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(to);
        let result = match &mut self.source {
            Source::Socket(socket) => socket.poll_read(cx, &mut buf),
            Source::Stream(stream) => Pin::new(stream).poll_read(cx, &mut buf),
        };
        if result.is_pending() {
            self.pause();
        }
        result.map_ok(|()| buf.filled().len())
    }

    /// Others have their turn.
    fn pause(&mut self) {
        (self.read, self.understood) = (0, 0);
    }
}

#[cfg(test)]
#[path = "wire/tests.rs"]
mod tests;
