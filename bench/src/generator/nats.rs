//! What nats-server sends: a stream of bytes in binary frames, which may begin and end anywhere in it.

use memchr::{memchr, memrchr};

/// A frame that has begun, and what the frames before left unfinished.
#[derive(Default)]
pub(super) struct Stream {
    /// Bytes of the frame that have not been looked at.
    pub(super) left: usize,
    /// The beginning of a unit whose rest is in the next frame.
    pub(super) carried: Vec<u8>,
}

/// One piece of the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit<'a> {
    /// The payload of a message.
    Message(&'a [u8]),
    /// A line that is no message.
    Line(&'a [u8]),
}

/// The first unit of `bytes` and how many of them it takes; `None` when it is not whole yet.
pub(super) fn unit(bytes: &[u8]) -> Option<(Unit<'_>, usize)> {
    let line_end = memchr(b'\n', bytes)?;
    let line = bytes[..line_end].trim_ascii_end();
    let Some(length) = message_length(line) else { return Some((Unit::Line(line), line_end + 1)) };
    let payload = bytes.get(line_end + 1..line_end + 1 + length)?;
    let end = line_end + 1 + length + 2;
    (bytes.len() >= end).then_some((Unit::Message(payload), end))
}

/// Of the payload that follows a line such as `MSG room0 1 128`.
fn message_length(line: &[u8]) -> Option<usize> {
    let arguments = line.strip_prefix(b"MSG ")?;
    let digits = &arguments[memrchr(b' ', arguments)? + 1..];
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_lines_are_told_apart_and_waited_for_at_every_cut() {
        let bytes = b"MSG room0 1 5\r\nhel\r\n\r\nPING\r\n";
        assert_eq!(unit(bytes), Some((Unit::Message(b"hel\r\n"), 22)));
        assert_eq!(unit(&bytes[22..]), Some((Unit::Line(b"PING"), 6)));
        for cut in 0..22 {
            assert_eq!(unit(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(unit(b"MSG room0 x\r\n"), Some((Unit::Line(b"MSG room0 x"), 13)));
    }
}
