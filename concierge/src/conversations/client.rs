//! The other end of a pipe: tokio-tungstenite's client, read only when the test looks.

use std::sync::Arc;

use futures::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::unconstrained;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::peer::Peer;

/// One client.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) peer: Arc<Peer>,
    /// `None`: its end of the pipe is gone.
    socket: Option<WebSocketStream<DuplexStream>>,
    /// Whether it takes what comes.
    pub(super) reads: bool,
}

impl Client {
    pub(super) async fn new(name: &str, peer: Arc<Peer>, pipe: DuplexStream) -> Self {
        let socket = WebSocketStream::from_raw_socket(pipe, Role::Client, None).await;
        Self { name: name.to_owned(), peer, socket: Some(socket), reads: true }
    }

    /// Writes a message. There must be room in the pipe: a test that waits here would let the clock run.
    pub(super) fn send(&mut self, message: Message) {
        let socket = self.socket.as_mut().expect("a client that speaks is connected");
        let sent = unconstrained(socket.send(message)).now_or_never();
        sent.expect("the pipe has room").expect("the connection is open");
    }

    /// Writes bytes as they are. There must be room in the pipe.
    pub(super) fn send_bytes(&mut self, bytes: &[u8]) {
        let socket = self.socket.as_mut().expect("a client that speaks is connected");
        let sent = unconstrained(socket.get_mut().write_all(bytes)).now_or_never();
        sent.expect("the pipe has room").expect("the connection is open");
    }

    /// Writes as many of the bytes as the pipe takes.
    pub(super) fn offer(&mut self, bytes: &[u8]) -> usize {
        let Some(socket) = &mut self.socket else { return 0 };
        let mut taken = 0;
        while let Some(Ok(n @ 1..)) = unconstrained(socket.get_mut().write(&bytes[taken..])).now_or_never() {
            taken += n;
        }
        taken
    }

    /// Everything that came, a line each; the end of the stream drops the client's end too.
    pub(super) fn read(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(socket) = self.socket.as_mut().filter(|_| self.reads) {
            let Some(next) = unconstrained(socket.next()).now_or_never() else { break };
            let (line, over) = line(next);
            lines.push(line);
            if over {
                self.socket = None;
            }
        }
        lines
    }

    /// The bytes that came, `most` at most, as they are; nobody answers pings and close frames then.
    pub(super) fn read_bytes(&mut self, most: usize) -> Vec<u8> {
        let mut all = Vec::new();
        if let Some(socket) = &mut self.socket {
            let mut source = socket.get_mut().take(most as u64);
            while let Some(Ok(1..)) = unconstrained(source.read_buf(&mut all)).now_or_never() {}
        }
        all
    }

    /// The client is gone without a word.
    pub(super) fn cut(&mut self) {
        self.socket = None;
    }
}

/// What came as a line of a transcript, and whether it was the last.
fn line(next: Option<Result<Message, Error>>) -> (String, bool) {
    match next {
        Some(Ok(Message::Text(text))) => (text.to_string(), false),
        Some(Ok(Message::Binary(bytes))) => (format!("binary of {} bytes", bytes.len()), false),
        Some(Ok(Message::Ping(bytes))) => (named("ping", &String::from_utf8_lossy(&bytes)), false),
        Some(Ok(Message::Pong(bytes))) => (named("pong", &String::from_utf8_lossy(&bytes)), false),
        Some(Ok(Message::Close(None))) => ("close".to_owned(), false),
        Some(Ok(Message::Close(Some(close)))) => (named(&format!("close {}", u16::from(close.code)), &close.reason), false),
        Some(Ok(Message::Frame(_))) => ("frame".to_owned(), false),
        Some(Err(e)) => (format!("error: {e}"), true),
        None => ("end".to_owned(), true),
    }
}

fn named(what: &str, text: &str) -> String {
    if text.is_empty() { what.to_owned() } else { format!("{what} {text:?}") }
}

/// A frame as a client writes it (RFC 6455, section 5.2), masked with zeros: its payload stays readable.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | len as u8),
        len @ ..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}
