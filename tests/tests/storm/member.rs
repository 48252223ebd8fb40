//! One of thousands: a socket and hardly anything beside it.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use concierge_tests::{client_frame, handshake, within};
use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::crowd::Wants;
use crate::skim::Skim;

thread_local! {
    /// Where whoever has something to read reads it.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// A client that has entered.
#[derive(Debug)]
pub(crate) struct Member {
    stream: TcpStream,
    skim: Skim,
}

/// How a connection ended that the hub ended.
#[derive(Debug)]
pub(crate) struct End {
    /// The code of the close frame, and when it came.
    pub(crate) close: Option<(u16, Instant)>,
    /// The proper end, or an error such as a reset.
    pub(crate) tcp: Result<(), ErrorKind>,
}

impl Member {
    /// Connects, and enters under this name: on return HELLO has come.
    pub(crate) async fn enter(address: SocketAddr, name: &str, wants: Wants) -> Self {
        let mut stream = within("a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(handshake("").as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            // nothing follows the head: the hub has not been told yet who this is
            assert!(within("an HTTP head", stream.read_buf(&mut head)).await.unwrap() > 0, "no upgrade");
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", head.escape_ascii());
        let mut member = Self { stream, skim: Skim::default() };
        let intents = if wants == Wants::Messages { r#","intents":["MESSAGES"]"# } else { "" };
        member.say(&format!(r#"{{"type":"IDENTIFY","name":"{name}","version":"0.2.0"{intents}}}"#)).await;
        member.hear(r#"{"type":"HELLO""#).await;
        member
    }

    /// Creates a service.
    pub(crate) async fn own(&mut self, service: &str) {
        self.say(&format!(r#"{{"type":"SERVICE_CREATE","service":"{service}"}}"#)).await;
        self.hear(r#"{"type":"SERVICE_CREATE_RESULT""#).await;
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(&client_frame(0x81, text.as_bytes())).await.unwrap();
    }

    /// Skips to the end of what came together with the first payload that begins so.
    async fn hear(&mut self, beginning: &str) {
        let mut heard = false;
        let mut scratch = [0; 4_096];
        while !heard {
            let n = within(beginning, self.stream.read(&mut scratch)).await.unwrap();
            assert!(n > 0, "the hub ended the connection before {beginning}");
            self.skim.feed(&scratch[..n], |_, text| heard |= text.starts_with(beginning.as_bytes()));
        }
    }

    /// Reads on, answers pings and the hub's close frame, up to the end of the connection. `heard` counts what comes.
    pub(crate) async fn stay(&mut self, heard: &AtomicU64) -> End {
        let mut close = None;
        let tcp = loop {
            match self.read_some(&mut close).await {
                Ok(true) => drop(heard.fetch_add(1, Ordering::Relaxed)),
                Ok(false) => break Ok(()),
                Err(e) => break Err(e.kind()),
            }
        };
        End { close, tcp }
    }

    /// False at the end.
    async fn read_some(&mut self, close: &mut Option<(u16, Instant)>) -> io::Result<bool> {
        self.stream.readable().await?;
        let (mut pings, mut code) = (0, None);
        let read: io::Result<usize> = SCRATCH.with_borrow_mut(|scratch| {
            let n = self.stream.try_read(scratch)?;
            self.skim.feed(&scratch[..n], |first, beginning| match first {
                0x89 => pings += 1,
                0x88 => code = Some(u16::from_be_bytes([beginning[0], beginning[1]])),
                _ => {}
            });
            Ok(n)
        });
        match read {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(e) => return Err(e),
        }
        for _ in 0..pings {
            self.stream.write_all(&client_frame(0x8a, b"")).await?;
        }
        if let Some(code) = code {
            *close = Some((code, Instant::now()));
            self.stream.write_all(&client_frame(0x88, &code.to_be_bytes())).await?;
        }
        Ok(true)
    }

    /// However the connection ends here, it ends without a word: the hub's next packet, or this one's last, is a reset.
    pub(crate) fn reset_at_the_end(&self) {
        set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
    }
}
