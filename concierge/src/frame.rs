//! WebSocket frames from the hub (RFC 6455, section 5.2): never masked, never fragmented. Only what is written often is
//! written here; everything that is read, and pongs and close echoes, are tungstenite's.

use std::io::Write as _;

use bytes::Bytes;
use concierge_api_rs::{Seq, cut_reason};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;

/// A ping without a payload.
pub(crate) const PING: &[u8] = &[FINAL | 0x9, 0];

/// From this size on a frame is shared by its receivers; a smaller one is copied, which is cheaper than counting.
const SHARED_FROM: usize = 2048;

/// One frame, or several that stay together, ready for any number of outboxes.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    /// Copied into each outbox.
    Small(&'a [u8]),
    /// Shared by all of them.
    Large(Bytes),
}

impl<'a> Frame<'a> {
    /// `bytes` hold whole frames.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        if bytes.len() < SHARED_FROM { Self::Small(bytes) } else { Self::Large(Bytes::copy_from_slice(bytes)) }
    }

    /// The same for so many receivers that even a small one is shared: what waits for all of them stays small.
    pub(crate) fn shared(&self) -> Self {
        match self {
            Self::Small(bytes) => Self::Large(Bytes::copy_from_slice(bytes)),
            Self::Large(bytes) => Self::Large(bytes.clone()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(bytes) => bytes,
        }
    }
}

/// Appends a text frame to `to`; `write` appends its payload.
pub(crate) fn text(to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    data(to, FINAL | TEXT, write);
}

/// The same of a binary frame; the hub sends none, only `echo` does.
pub(crate) fn binary(to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    data(to, FINAL | BINARY, write);
}

fn data(to: &mut Vec<u8>, first: u8, write: impl FnOnce(&mut Vec<u8>)) {
    /// Nearly every message has a header of this length; another is moved into place.
    const ROOM: usize = 4;
    let start = to.len();
    to.extend_from_slice(&[0; ROOM]);
    write(to);
    let (header, len) = header(first, to.len() - start - ROOM);
    if len != ROOM {
        to.splice(start..start + ROOM, header[..len].iter().copied());
    } else {
        to[start..start + ROOM].copy_from_slice(&header[..ROOM]);
    }
}

/// OK, the most frequent answer: written without a detour.
pub(crate) fn okay(to: &mut Vec<u8>, seq: Seq) {
    text(to, |to| write!(to, r#"{{"type":"OK","seq":{seq}}}"#).expect("writing to a Vec does not fail"));
}

/// A close frame; the reason is cut to what fits.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    let reason = cut_reason(reason);
    let (header, len) = header(FINAL | CLOSE, 2 + reason.len());
    [&header[..len], &code.to_be_bytes(), reason.as_bytes()].concat()
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

/// How long the header of that frame is.
pub(crate) fn header_len(bytes: &[u8]) -> usize {
    match bytes[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    }
}

/// What kind of frame that is.
pub(crate) fn opcode(bytes: &[u8]) -> u8 {
    bytes[0] & 0xf
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
