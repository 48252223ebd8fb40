//! A client's connection: what is written leaves in pieces, and may break off in the middle.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

pub(crate) struct Pieces {
    stream: TcpStream,
    /// At most so many bytes in a segment.
    most: usize,
    /// The next write is cut in half, and the last.
    cut: Rc<Cell<bool>>,
}

impl Pieces {
    pub(crate) fn new(stream: TcpStream, most: usize, cut: Rc<Cell<bool>>) -> Self {
        Self { stream, most, cut }
    }
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.get() {
            let half = &bytes[..bytes.len() / 2];
            ready!(Pin::new(&mut self.stream).poll_write(cx, half))?;
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let piece = &bytes[..bytes.len().min(self.most)];
        Pin::new(&mut self.stream).poll_write(cx, piece)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
