//! What is read of a connection: tungstenite's protocol over a [`Wire`], polled. Frames that answer frames (pongs, close
//! echoes) go into the outbox.
//!
//! tungstenite takes the stream with each call, so the waker comes with it. tokio-tungstenite's `WebSocketStream` keeps two
//! wakers in allocations of their own for that, and renews both before every message.

use std::io::{self, ErrorKind, Read, Write};
use std::task::{Context, Poll};

use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::wire::Wire;

/// tungstenite's own buffer: the wire reads in large pieces, so this one can be small.
const READ_BUFFER: usize = 256;

/// A connection that was upgraded.
pub(crate) struct WebSocket {
    protocol: WebSocketContext,
    pub(crate) wire: Wire,
    /// Nothing can be read any more.
    ended: bool,
}

impl WebSocket {
    /// `early`: bytes that came with the request. A payload has `payload_bytes` at most.
    pub(crate) fn new(wire: Wire, early: Vec<u8>, payload_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(payload_bytes))
            .max_frame_size(Some(payload_bytes));
        let protocol = WebSocketContext::from_partially_read(early, Role::Server, Some(config));
        Self { protocol, wire, ended: false }
    }

    /// The next message. `None` behind the close frame, at the end, and behind an error.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<tungstenite::Result<Message>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.protocol.read(&mut Polled { wire: &mut self.wire, cx }) {
            Ok(message) => Poll::Ready(Some(Ok(message))),
            Err(tungstenite::Error::Io(e)) if e.kind() == ErrorKind::WouldBlock => Poll::Pending,
            Err(e) => {
                self.ended = true;
                let closed = matches!(e, tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed);
                Poll::Ready((!closed).then_some(Err(e)))
            }
        }
    }
}

/// A wire for the time of one call.
struct Polled<'a, 'c> {
    wire: &'a mut Wire,
    cx: &'a mut Context<'c>,
}

impl Read for Polled<'_, '_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self.wire.poll_read(self.cx, to) {
            Poll::Ready(read) => read,
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Polled<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wire.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
