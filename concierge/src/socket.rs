//! A connection's socket in two halves: the session reads one, whoever has the peer writes the other, from behind a shared
//! reference. It is the machine's but for simulations, so there is one branch beside each system call and none for a message.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::ground::Shared;

/// The socket of a connection that its shard writes.
pub enum Socket {
    /// This machine's.
    Machine(TcpStream),
    /// Another ground's.
    Other(Arc<dyn Shared>),
}

/// What is read of it.
pub(crate) enum Reader {
    Machine(OwnedReadHalf),
    Other(Arc<dyn Shared>),
}

/// What is written of it.
pub(crate) enum Writer {
    Machine(OwnedWriteHalf),
    Other(Arc<dyn Shared>),
}

impl Socket {
    pub(crate) fn split(self) -> (Reader, Writer) {
        match self {
            Self::Machine(socket) => {
                let (read, write) = socket.into_split();
                (Reader::Machine(read), Writer::Machine(write))
            }
            Self::Other(socket) => (Reader::Other(socket.clone()), Writer::Other(socket)),
        }
    }
}

impl Reader {
    /// Of a socket that gave less than there is room for, tokio knows that it has no more: it is not asked again.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Machine(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Other(socket) => {
                let n = ready!(socket.poll_read(cx, buf.initialize_unfilled()))?;
                buf.advance(n);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl Writer {
    /// Writes what it takes, and never waits.
    pub(crate) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Machine(socket) => match slices {
                [one] => socket.try_write(one),
                many => socket.try_write_vectored(many),
            },
            Self::Other(socket) => match slices.iter().find(|slice| !slice.is_empty()) {
                Some(slice) => socket.try_write(slice),
                None => Ok(0),
            },
        }
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Machine(socket) => socket.as_ref().poll_write_ready(cx),
            Self::Other(socket) => socket.poll_write_ready(cx),
        }
    }

    /// The other side sees the end of the stream. A socket that is gone already needs none.
    pub(crate) fn end(&self) {
        match self {
            Self::Machine(socket) => {
                let _gone_already = rustix::net::shutdown(AsRef::<TcpStream>::as_ref(socket), rustix::net::Shutdown::Write);
            }
            Self::Other(socket) => socket.end(),
        }
    }
}
