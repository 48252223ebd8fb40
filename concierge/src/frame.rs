//! WebSocket frames from the hub (RFC 6455, section 5.2): never masked, never fragmented. Only what is written often is
//! written here; everything that is read, and pongs and close echoes, are tungstenite's.

use bytes::Bytes;
use concierge_api_rs::{CloseCode, cut_reason};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;

/// A ping without a payload.
pub(crate) const PING: &[u8] = &[FINAL | 0x9, 0];

/// From this size on a frame is shared by its receivers; a smaller one is copied, which is cheaper than counting.
const SHARED_FROM: usize = 2048;

/// One frame, ready for any number of outboxes.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    /// Copied into each outbox.
    Small(&'a [u8]),
    /// Shared by all of them.
    Large(Bytes),
}

impl<'a> Frame<'a> {
    /// `bytes` hold one whole frame.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        if bytes.len() < SHARED_FROM { Self::Small(bytes) } else { Self::Large(Bytes::copy_from_slice(bytes)) }
    }

    /// The same frame for so many receivers that even a small one is shared: what waits for all of them stays small.
    pub(crate) fn shared(&self) -> Self {
        match self {
            Self::Small(bytes) => Self::Large(Bytes::copy_from_slice(bytes)),
            Self::Large(bytes) => Self::Large(bytes.clone()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Small(bytes) => bytes.len(),
            Self::Large(bytes) => bytes.len(),
        }
    }
}

/// Writes a text frame into `to`: clears it, leaves room for the header, has `write` append the payload.
pub(crate) fn text(to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Frame<'_> {
    const ROOM: usize = 10;
    to.clear();
    to.resize(ROOM, 0);
    write(to);
    let (header, len) = header(FINAL | TEXT, to.len() - ROOM);
    let start = ROOM - len;
    to[start..ROOM].copy_from_slice(&header[..len]);
    Frame::new(&to[start..])
}

/// A close frame; the reason is cut to what fits.
pub(crate) fn close(code: CloseCode, reason: &str) -> Vec<u8> {
    let reason = cut_reason(reason);
    let (header, len) = header(FINAL | CLOSE, 2 + reason.len());
    [&header[..len], &code.code().to_be_bytes(), reason.as_bytes()].concat()
}

/// The answer to a close frame: the same code and reason.
pub(crate) fn close_answer(close: Option<&CloseFrame>) -> Vec<u8> {
    let Some(CloseFrame { code, reason }) = close else { return vec![FINAL | CLOSE, 0] };
    let (header, len) = header(FINAL | CLOSE, 2 + reason.len());
    [&header[..len], &u16::from(*code).to_be_bytes(), reason.as_bytes()].concat()
}

/// How long the frame at the start of `bytes` is, header and payload. `bytes` begin with a frame of ours.
pub(crate) fn first_len(bytes: &[u8]) -> usize {
    let be = |range: std::ops::Range<usize>| bytes[range].iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
    match bytes[1] {
        126 => 4 + be(2..4),
        127 => 10 + be(2..10),
        len => 2 + usize::from(len),
    }
}

fn header(first: u8, len: usize) -> ([u8; 10], usize) {
    let mut header = [0; 10];
    header[0] = first;
    if let Ok(len) = u8::try_from(len)
        && len < 126
    {
        header[1] = len;
        (header, 2)
    } else if let Ok(len) = u16::try_from(len) {
        header[1] = 126;
        header[2..4].copy_from_slice(&len.to_be_bytes());
        (header, 4)
    } else {
        header[1] = 127;
        header[2..10].copy_from_slice(&(len as u64).to_be_bytes());
        (header, 10)
    }
}
