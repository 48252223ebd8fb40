//! The body of an upload, and how long the server may take to go on with it.

use std::io;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::io::AsyncRead;
use tokio::sync::watch;
use tokio_util::io::ReaderStream;

/// Read from the source at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// After the last chunk, what the system still holds has to be sent, and the server has to write it all to its disk.
const LAST_SILENCES: u32 = 8;

/// Who has to act for the upload to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Source,
    Server,
}

/// Tells when the server has let an upload wait for too long.
pub(super) struct Overdue {
    turns: watch::Receiver<Turn>,
    silence: Duration,
}

/// `source` in chunks, and what tells when the server does not take them.
pub(super) fn chunks<R>(source: R, silence: Duration) -> (impl Stream<Item = io::Result<Bytes>> + Send, Overdue)
where
    R: AsyncRead + Send + 'static,
{
    let (turn, turns) = watch::channel(Turn::Server);
    let mut chunks = Box::pin(ReaderStream::with_capacity(source, CHUNK_BYTES));
    let chunks = stream::poll_fn(move |cx| {
        let next = chunks.as_mut().poll_next(cx);
        match &next {
            Poll::Pending => drop(turn.send_if_modified(|turn| std::mem::replace(turn, Turn::Source) != Turn::Source)),
            Poll::Ready(_) => drop(turn.send_replace(Turn::Server)), // a change even when it was the server's: it took a chunk
        }
        next
    });
    (chunks, Overdue { turns, silence })
}

impl Overdue {
    /// Returns when the server has not gone on for too long: for how long. A slow source is not the server's fault.
    pub(super) async fn wait(mut self) -> Duration {
        loop {
            let turn = *self.turns.borrow_and_update();
            let changed = match turn {
                Turn::Source => self.turns.changed().await,
                Turn::Server => match tokio::time::timeout(self.silence, self.turns.changed()).await {
                    Ok(changed) => changed,
                    Err(_) => return self.silence,
                },
            };
            if changed.is_err() {
                break; // the body is gone: it was sent, or there is an answer
            }
        }
        let patience = self.silence * LAST_SILENCES;
        tokio::time::sleep(patience).await;
        patience
    }
}

#[cfg(test)]
mod tests;
