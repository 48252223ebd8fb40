//! What one MESSAGE says about the next: senders repeat everything but `data`, and what is the same need not be read again.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decode;
use crate::payload_in::MessageIn;

/// Longer beginnings are read again each time.
const HEAD_BYTES: usize = 512;

/// The beginning of a MESSAGE that was decoded, up to its `data`, which came last.
///
/// Whatever [`MessageMemo::read`] reads, [`PayloadIn::decode`](crate::PayloadIn::decode) would read as the same.
#[derive(Debug, Default)]
pub struct MessageMemo {
    /// Empty when there is nothing to remember.
    head: Vec<u8>,
    /// Where the target stands in it.
    target: Range<usize>,
}

impl MessageMemo {
    /// One that remembers nothing, and keeps what it will remember in `buffer`.
    #[must_use]
    pub fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { head: buffer, target: 0..0 }
    }

    /// Its buffer.
    #[must_use]
    pub fn into_buffer(self) -> Vec<u8> {
        self.head
    }

    /// Remembers `message`, which was decoded from `text`, instead of the one before.
    pub fn remember(&mut self, text: &str, message: &MessageIn<'_>) {
        self.head.clear();
        let (Some(data), Some(target)) = (range_in(text, message.data.get()), range_in(text, message.target_json.get())) else {
            return;
        };
        if data.start <= HEAD_BYTES && target.end <= data.start && &text[data.end..] == "}" {
            self.head.extend_from_slice(&text.as_bytes()[..data.start]);
            self.target = target;
        }
    }

    /// The target, as it was written, and the data of a message that begins as the remembered one. `None`: it does not, or
    /// something about it has to be looked at more closely.
    #[must_use]
    pub fn read<'a>(&self, text: &'a str) -> Option<(&'a str, &'a RawValue)> {
        if self.head.is_empty() || !text.as_bytes().starts_with(&self.head) {
            return None;
        }
        decode::check_depth(text).ok()?;
        let rest = text.get(self.head.len()..)?;
        let data = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(rest)).ok()?;
        let whole = std::ptr::eq(rest.as_ptr(), data.get().as_ptr()) && &rest[data.get().len()..] == "}";
        whole.then(|| (&text[self.target.clone()], data))
    }
}

/// Where a slice of `text` stands in it.
fn range_in(text: &str, slice: &str) -> Option<Range<usize>> {
    let start = (slice.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let range = start..start + slice.len();
    (text.get(range.clone()) == Some(slice)).then_some(range)
}

#[cfg(test)]
#[path = "memo/tests.rs"]
mod tests;
