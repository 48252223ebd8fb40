//! A connection byte by byte: HTTP heads and WebSocket frames as they are, wrong ones too.

use std::fmt::Write as _;

use concierge_client::Transport;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink, split};
use tokio::time::{Instant, timeout_at};

use crate::http::Reply;
use crate::wait::within;

/// A connection, and what was read of it and not taken yet.
#[derive(Debug)]
pub struct Wire {
    pub(crate) stream: Transport,
    buffer: Vec<u8>,
}

/// A frame of the hub's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// FIN, reserved bits and opcode.
    pub first: u8,
    /// Unmasked, as a server's frames are.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The code of a close frame.
    ///
    /// # Panics
    /// When it is another frame, or has no code.
    #[must_use]
    pub fn close_code(&self) -> u16 {
        assert_eq!(self.first, 0x88, "a close frame: {self:?}");
        u16::from_be_bytes(self.payload[..2].try_into().expect("two bytes"))
    }
}

/// The handshake for `/ws`, with more header lines (each ending in CR LF).
#[must_use]
pub fn handshake(more: &str) -> String {
    let mut head = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".to_owned();
    if !more.contains("Host: local") {
        head.push_str("Host: hub.test\r\n");
    }
    if !more.contains("Sec-WebSocket-Version:") {
        head.push_str("Sec-WebSocket-Version: 13\r\n");
    }
    if !more.contains("Sec-WebSocket-Key:") {
        head.push_str("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    }
    let _ = write!(head, "{more}\r\n");
    head
}

/// A masked frame as a client sends it. `first`: FIN, reserved bits and opcode.
#[must_use]
pub fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x0f, 0xf0, 0x3c, 0xc3];
    let mut frame = client_frame_header(first, payload.len() as u64, MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Only its header, which may promise anything.
#[must_use]
pub fn client_frame_header(first: u8, length: u64, mask: [u8; 4]) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => header.push(0x80 | short),
        (_, Ok(medium)) => {
            header.push(0x80 | 126);
            header.extend(medium.to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(length.to_be_bytes());
        }
    }
    header.extend(mask);
    header
}

impl Wire {
    pub(crate) fn new(stream: Transport) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The connection, when nothing that was read is left.
    pub(crate) fn into_stream(self) -> Transport {
        assert!(self.buffer.is_empty(), "bytes were read that nobody took: {:?}", self.buffer);
        self.stream
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.expect("the connection stands");
    }

    /// Sends bytes to a hub that may have ended the connection already.
    ///
    /// # Errors
    /// When it has.
    pub async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        within("room to send", self.stream.write_all(bytes)).await?;
        within("a flush", self.stream.flush()).await
    }

    /// Says that nothing more will come, and goes on reading.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn end_sending(&mut self) {
        within("the end of what is sent", self.stream.shutdown()).await.expect("the connection stands");
    }

    /// Sends these bytes again and again until then, or until the hub ends the connection. What the hub sends meanwhile is
    /// read and forgotten, or not even read. How often they were sent.
    pub async fn flood(self, bytes: &[u8], reads: bool, until: Instant) -> u64 {
        let (mut from, mut to) = split(self.stream);
        let mut times = 0;
        let sending = async {
            while Instant::now() < until && matches!(timeout_at(until, to.write_all(bytes)).await, Ok(Ok(()))) {
                times += 1;
            }
        };
        let reading = async {
            if reads {
                let _it_may_end = copy(&mut from, &mut sink()).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! { () = sending => {}, () = reading => {} }
        times
    }

    /// The head of an HTTP answer; what follows it stays.
    ///
    /// # Panics
    /// When none comes.
    pub async fn head(&mut self) -> Reply {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read("an HTTP head").await > 0, "the connection ended: {:?}", self.buffer.escape_ascii().to_string());
        };
        Reply::parse_head(&self.buffer.drain(..end).collect::<Vec<_>>())
    }

    /// A whole HTTP answer: its length is given, or it comes in chunks, or it ends with the connection.
    ///
    /// # Panics
    /// When it breaks off.
    pub async fn reply(&mut self) -> Reply {
        let mut reply = self.head().await;
        match reply.header("content-length").map(|length| length.parse::<usize>().expect("a length")) {
            Some(length) => {
                while self.buffer.len() < length {
                    assert!(self.read("an HTTP body").await > 0, "the body broke off after {} of {length}", self.buffer.len());
                }
                reply.body = self.buffer.drain(..length).collect();
            }
            None if reply.header("transfer-encoding").is_some() => reply.body = self.chunks().await,
            None => reply.body = self.rest().await,
        }
        reply
    }

    /// A body in chunks, to its end.
    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await {
            body.extend(chunk);
        }
        body
    }

    /// The next chunk of a body; none at its end.
    ///
    /// # Panics
    /// When it breaks off.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = loop {
            if let Some(at) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                break self.buffer.drain(..at + 2).collect::<Vec<_>>();
            }
            assert!(self.read("the size of a chunk").await > 0, "the body broke off");
        };
        let size = String::from_utf8_lossy(&line[..line.len() - 2]).into_owned();
        let size = usize::from_str_radix(&size, 16).unwrap_or_else(|e| panic!("{e}: {size}"));
        self.fill(size + 2).await;
        let chunk = self.buffer.drain(..size + 2).take(size).collect();
        (size > 0).then_some(chunk)
    }

    /// Sends the handshake with more header lines; the answer's head.
    pub async fn upgrade(&mut self, more: &str) -> Reply {
        self.send(handshake(more).as_bytes()).await;
        self.head().await
    }

    /// The next frame.
    ///
    /// # Panics
    /// When the connection ends instead.
    pub async fn frame(&mut self) -> Frame {
        self.fill(2).await;
        let first = self.buffer[0];
        let be = |bytes: &[u8]| bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        let (header, length) = match self.buffer[1] {
            126 => {
                self.fill(4).await;
                (4, be(&self.buffer[2..4]))
            }
            127 => {
                self.fill(10).await;
                (10, be(&self.buffer[2..10]))
            }
            short => (2, usize::from(short)),
        };
        self.fill(header + length).await;
        let payload = self.buffer.drain(..header + length).skip(header).collect();
        Frame { first, payload }
    }

    /// Everything up to the end of the connection.
    ///
    /// # Panics
    /// When the connection is reset instead of ended.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.read("the end of the connection").await > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// Whether the connection ends, or is reset, without another byte.
    pub async fn is_over(&mut self) -> bool {
        let mut byte = [0];
        self.buffer.is_empty() && matches!(within("the end", self.stream.read(&mut byte)).await, Ok(0) | Err(_))
    }

    async fn fill(&mut self, bytes: usize) {
        while self.buffer.len() < bytes {
            assert!(self.read("a frame").await > 0, "the connection ended: {:?}", self.buffer.escape_ascii().to_string());
        }
    }

    async fn read(&mut self, what: &str) -> usize {
        within(what, self.stream.read_buf(&mut self.buffer)).await.unwrap_or_else(|e| panic!("waiting for {what}: {e}"))
    }
}
