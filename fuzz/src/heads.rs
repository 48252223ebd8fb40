//! Heads of HTTP requests, in any pieces: the answer is HTTP, a connection is upgraded exactly when it says 101 and the request
//! asked for it, and what came behind the head is handed on as it was.

use std::sync::Arc;

use arbitrary::Arbitrary;
use concierge::config::Config;
use concierge::probe::Probe;

use crate::cuts::cut;

/// A request that is nearly an upgrade.
#[derive(Debug, Arbitrary)]
struct Head {
    line: Line,
    headers: Vec<Header>,
    end: End,
    cuts: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
enum Line {
    Right,
    Known(u8),
    Raw(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Header {
    /// All that an upgrade needs.
    Upgrade,
    Known(u8),
    Mixed(u8, u8),
    Own(u8, Vec<u8>),
    Raw(Vec<u8>),
    /// So many bytes.
    Long(u16),
}

#[derive(Debug, Arbitrary)]
enum End {
    Nothing,
    Right,
    Early(Vec<u8>),
}

const LINES: &[&str] = &[
    "GET /ws HTTP/1.0\r\n",
    "POST /ws HTTP/1.1\r\n",
    "GET / HTTP/1.1\r\n",
    "GET /ws?x HTTP/1.1\r\n",
    "GET http://hub/ws HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "HEAD /ws HTTP/1.1\r\n",
    "get /ws HTTP/1.1\r\n",
    "GET  /ws HTTP/1.1\r\n",
    "GET /ws HTTP/2.0\r\n",
    "GET /ws HTTP/1.1\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

const NAMES: &[&str] = &[
    "Host",
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Origin",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Sec-WebSocket-Extensions",
    "X",
];

const VALUES: &[&str] = &[
    "hub",
    "websocket",
    "Upgrade",
    "keep-alive, upgrade",
    "dGhlIHNhbXBsZSBub25jZQ==",
    "13",
    "8",
    "ert-concierge",
    "http://hub",
    "null",
    "chunked",
    "0",
    "5",
    "99999999999999999999",
    "100-continue",
    "permessage-deflate",
    "",
    " \t",
    "a\u{0}b",
    "close",
];

const UPGRADE: &str = "Host: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Sec-WebSocket-Version: 13\r\n";

/// One connection's bytes.
///
/// # Panics
/// When one of these does not hold.
pub fn run(input: &[u8]) {
    let (bytes, cuts) = match crate::structured::<Head>(input) {
        Some(head) => (head.bytes(), head.cuts),
        None => (input.to_vec(), vec![1, 7, 0]),
    };
    crate::on_a_paused_clock(async {
        let probe = Arc::new(Probe::new(Config::default()));
        let (answer, early) = probe.serve(&cut(&bytes, &cuts)).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", answer.escape_ascii());
        let last = answer.windows(9).rposition(|bytes| bytes == b"HTTP/1.1 ").map(|at| &answer[at + 9..at + 12]);
        assert_eq!(early.is_some(), last == Some(b"101"), "{}", answer.escape_ascii());
        if let Some(early) = early {
            let mut heads = (0..=bytes.len()).filter(|at| ends_a_head(&bytes[..*at]) && bytes[*at..].starts_with(&early));
            assert!(heads.any(|at| missing(&bytes[..at]).is_empty()), "{} {}", bytes.escape_ascii(), early.escape_ascii());
            // how much came early is up to the cuts
            let (_, whole) = probe.serve(&[&bytes]).await;
            assert!(whole.is_some(), "the cuts make a difference");
        }
    });
}

fn ends_a_head(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n\r\n") || bytes.ends_with(b"\n\n")
}

/// What the last head of these lacks for an upgrade.
fn missing(heads: &[u8]) -> Vec<&'static str> {
    let heads = String::from_utf8_lossy(heads).to_lowercase();
    let lines: Vec<&str> = heads.lines().collect();
    let begin = lines.iter().rposition(|line| line.starts_with("get ") && line.contains("/ws")).unwrap_or(lines.len());
    let has = |wanted: &[&str]| lines[begin..].iter().any(|line| wanted.iter().all(|word| line.contains(word)));
    let wanted: [(&str, &[&str]); 6] = [
        ("a line for /ws", &["get ", "/ws", "http/1.1"]),
        ("Host", &["host:"]),
        ("Upgrade", &["upgrade:", "websocket"]),
        ("Connection", &["connection:", "upgrade"]),
        ("a key", &["sec-websocket-key:", "=="]),
        ("the version", &["sec-websocket-version:", "13"]),
    ];
    wanted.iter().filter(|(_, words)| !has(words)).map(|(what, _)| *what).collect()
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = match &self.line {
            Line::Right => b"GET /ws HTTP/1.1\r\n".to_vec(),
            Line::Known(n) => pick(LINES, *n).as_bytes().to_vec(),
            Line::Raw(raw) => raw.clone(),
        };
        for header in &self.headers {
            match header {
                Header::Upgrade => bytes.extend_from_slice(UPGRADE.as_bytes()),
                Header::Known(n) => {
                    let line = UPGRADE.split_inclusive('\n').nth(usize::from(*n) % 5).unwrap();
                    bytes.extend_from_slice(line.as_bytes());
                }
                Header::Mixed(name, value) => {
                    bytes.extend(format!("{}: {}\r\n", pick(NAMES, *name), pick(VALUES, *value)).bytes())
                }
                Header::Own(name, value) => bytes.extend([pick(NAMES, *name).as_bytes(), b": ", value, b"\r\n"].concat()),
                Header::Raw(raw) => bytes.extend_from_slice(raw),
                Header::Long(n) => bytes.extend(format!("X: {}\r\n", "y".repeat(usize::from(*n) % 10_000)).bytes()),
            }
        }
        match &self.end {
            End::Nothing => {}
            End::Right => bytes.extend_from_slice(b"\r\n"),
            End::Early(early) => bytes.extend([b"\r\n", &early[..]].concat()),
        }
        bytes
    }
}

fn pick(from: &'static [&'static str], n: u8) -> &'static str {
    from[usize::from(n) % from.len()]
}
