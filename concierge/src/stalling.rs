//! A stream whose other side must go on reading: a write that makes no progress for a while fails, so that a download
//! nobody reads does not hold its connection for ever.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The stream, and how long a write may wait.
pub(crate) struct Stalling<S> {
    stream: S,
    stalled_for: Duration,
    /// Runs while a write waits.
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalling<S> {
    pub(crate) fn new(stream: S, stalled_for: Duration) -> Self {
        Self { stream, stalled_for, waits: None }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    fn within<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.waits = None;
            return result;
        }
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(self.stalled_for)));
        waits.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within(cx, result)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.within(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.within(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.within(cx, result)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_reads_fails_after_the_bound_and_a_slow_reader_is_waited_for() {
        let (near, mut far) = duplex(10);
        let mut near = Stalling::new(near, Duration::from_secs(10));
        let reader = tokio::spawn(async move {
            let mut got = [0; 20];
            for byte in &mut got {
                tokio::time::advance(Duration::from_secs(9)).await;
                *byte = far.read_u8().await.unwrap();
            }
            far // kept open, read no more
        });
        near.write_all(&[7; 30]).await.unwrap();
        let _far = reader.await.unwrap();
        let begin = Instant::now();
        let failed = near.write_all(&[7; 1]).await.unwrap_err();
        assert_eq!((failed.kind(), begin.elapsed().as_secs()), (ErrorKind::TimedOut, 10));
    }
}
