//! Frames of a client, in any pieces, to a real session: what it writes are whole frames as the protocol wants them, nothing
//! follows a close frame, it never fails, nobody stays behind, and how the bytes were cut makes no difference.

use arbitrary::Arbitrary;
use concierge::config::Config;
use concierge::probe::Probe;
use concierge_api_rs::CloseCode;

use crate::cuts::cut;

/// Small, so that bounds are reached.
const PAYLOAD_BYTES: usize = 2_000;
const IDENTIFY: &[u8] = br#"{"type":"IDENTIFY","name":"ada","version":"0.2.0"}"#;

/// What a client sends.
#[derive(Debug, Arbitrary)]
struct Stream {
    /// It begins as it should.
    identifies: bool,
    pieces: Vec<Piece>,
    cuts: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
enum Piece {
    /// A frame whose header fits.
    Frame {
        is_last: bool,
        opcode: Opcode,
        payload: Payload,
    },
    /// A frame with any header.
    Odd {
        first: u8,
        length: Length,
        masked: bool,
        payload: Payload,
    },
    Raw(Vec<u8>),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// What the header says of the length.
#[derive(Debug, Arbitrary)]
enum Length {
    True,
    Short(u8),
    Medium(u16),
    Long(u64),
}

#[derive(Debug, Arbitrary)]
enum Payload {
    Bytes(Vec<u8>),
    Text(String),
    Known(u8),
    /// A close code and a reason.
    Close(u16, String),
    /// So many of one byte.
    Many(u8, u16),
}

const KNOWN: &[&[u8]] = &[
    IDENTIFY,
    br#"{"type":"SERVICE_CREATE","service":"weather"}"#,
    br#"{"type":"SELF_SUBSCRIBE","service":"weather"}"#,
    br#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"weather"},"data":{"n": 1}}"#,
    br#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":"hello"}"#,
    br#"{"type":"CLIENT_FETCH_ALL"}"#,
    br#"{"type":"SELF_SET_SEQ","seq":7}"#,
    b"\xce\xba\xe1\xbd\xb9",
    b"\xf4\x90\x80\x80",
];

/// One client's bytes, at the hub and at an echo.
///
/// # Panics
/// When one of these does not hold.
pub fn run(input: &[u8]) {
    let (bytes, cuts) = match crate::structured::<Stream>(input) {
        Some(stream) => (stream.bytes(), stream.cuts),
        None => (input.to_vec(), vec![1, 7, 0]),
    };
    crate::on_a_paused_clock(async {
        let mut config = Config::default();
        config.limits.payload_bytes = PAYLOAD_BYTES;
        let probe = Probe::new(config);
        let got = probe.converse(&cut(&bytes, &cuts)).await;
        let frames = frames(&got);
        assert_eq!(probe.counts(), (0, 0, 0), "nobody is left");
        let failed =
            frames.iter().any(|(first, payload)| *first == 0x88 && payload.starts_with(&CloseCode::Unknown.code().to_be_bytes()));
        let echoed_close = bytes.windows(2).any(|pair| pair == CloseCode::Unknown.code().to_be_bytes());
        assert!(!failed || echoed_close, "the hub failed");
        let [whole, pieces] = [probe.echo(&[&bytes]).await, probe.echo(&cut(&bytes, &cuts)).await];
        assert_eq!(self::frames(&whole), self::frames(&pieces), "the cuts make a difference");
    });
}

/// What the hub wrote, frame by frame: whole, not masked, not fragmented, of a kind that it sends, and a close frame is last.
fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        assert!(bytes.len() >= 2, "half a header");
        let (header, length) = match bytes[1] {
            length @ 0..126 => (2, usize::from(length)),
            126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
            127 => (10, usize::try_from(u64::from_be_bytes(bytes[2..10].try_into().unwrap())).unwrap()),
            _ => panic!("the hub masks nothing"),
        };
        assert!(matches!(bytes[0], 0x81 | 0x82 | 0x88 | 0x89 | 0x8a), "{:#x}", bytes[0]);
        assert!(bytes[0] < 0x88 || length <= 125, "a control frame of {length} bytes");
        let payload = &bytes[header..header + length];
        assert!(bytes[0] != 0x81 || std::str::from_utf8(payload).is_ok(), "a text is UTF-8");
        assert!(frames.last().is_none_or(|(first, _)| *first != 0x88), "something follows a close frame");
        frames.push((bytes[0], payload));
        bytes = &bytes[header + length..];
    }
    frames
}

impl Stream {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.identifies {
            write(&mut bytes, 0x81, &Length::True, true, IDENTIFY);
        }
        for piece in &self.pieces {
            match piece {
                Piece::Frame { is_last, opcode, payload } => {
                    write(&mut bytes, u8::from(*is_last) << 7 | opcode.number(), &Length::True, true, &payload.bytes());
                }
                Piece::Odd { first, length, masked, payload } => write(&mut bytes, *first, length, *masked, &payload.bytes()),
                Piece::Raw(raw) => bytes.extend_from_slice(raw),
            }
        }
        bytes
    }
}

impl Opcode {
    fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }
}

impl Payload {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Text(text) => text.clone().into_bytes(),
            Self::Known(n) => KNOWN[usize::from(*n) % KNOWN.len()].to_vec(),
            Self::Close(code, reason) => [&code.to_be_bytes(), reason.as_bytes()].concat(),
            Self::Many(byte, n) => vec![*byte; usize::from(*n) % (PAYLOAD_BYTES + 100)],
        }
    }
}

/// A frame as a client writes it, masked with zeros: its payload stays readable.
fn write(to: &mut Vec<u8>, first: u8, length: &Length, masked: bool, payload: &[u8]) {
    let mask = u8::from(masked) << 7;
    to.push(first);
    match (length, payload.len()) {
        (Length::Short(length), _) => to.push(mask | length & 0x7f),
        (Length::True, length @ ..126) => to.push(mask | u8::try_from(length).unwrap()),
        (Length::Medium(length), _) => to.extend([&[mask | 126], &length.to_be_bytes()[..]].concat()),
        (Length::True, length @ ..=0xffff) => {
            to.extend([&[mask | 126], &u16::try_from(length).unwrap().to_be_bytes()[..]].concat())
        }
        (Length::Long(length), _) => to.extend([&[mask | 127], &length.to_be_bytes()[..]].concat()),
        (Length::True, length) => to.extend([&[mask | 127], &(length as u64).to_be_bytes()[..]].concat()),
    }
    if masked {
        to.extend([0; 4]);
    }
    to.extend_from_slice(payload);
}
