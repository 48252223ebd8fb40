//! The numbered payloads: `data` is a JSON string of `~`, 16 hex digits and filler, so that a receiver sees at a glance
//! which message of which stream it has. No other text of the protocol contains a `~`.

use crate::dialect::{Dialect, To};
use crate::frames;

/// Which message it is: the stream (one sender, one target), and its place in it, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) stream: usize,
    pub(crate) number: u64,
}

const NUMBER_BITS: u32 = 40;
const DIGITS: usize = 16;

/// The frame of a message that is built once; only the digits change from one message to the next.
pub(crate) struct Template {
    frame: Vec<u8>,
    digits: usize,
    stream: usize,
}

impl Template {
    /// A message with a data of `bytes` characters (17 at least).
    pub(crate) fn new(dialect: Dialect, to: To<'_>, stream: usize, bytes: usize) -> Self {
        let filler: String = ('a'..='z').cycle().take(bytes.saturating_sub(1 + DIGITS)).collect();
        let text = dialect.message(to, &format!("~{:016x}{filler}", 0));
        let mut frame = vec![];
        let at = frames::append(dialect.opcode(), text.as_bytes(), &mut frame);
        let digits = at + text.find('~').expect("the data was just written") + 1;
        Self { frame, digits, stream }
    }

    /// Appends message `number` of the stream.
    pub(crate) fn append(&self, number: u64, out: &mut Vec<u8>) {
        let at = out.len() + self.digits;
        out.extend_from_slice(&self.frame);
        let word = (self.stream as u64) << NUMBER_BITS | number;
        for (i, digit) in out[at..at + DIGITS].iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(word >> (60 - 4 * i)) as usize & 15];
        }
    }

    pub(crate) fn stream(&self) -> usize {
        self.stream
    }
}

/// Finds marks in delivered payloads. Messages of one run look alike, so the mark is looked for where the last one was.
#[derive(Default)]
pub(crate) struct Marks {
    last_at: usize,
}

impl Marks {
    /// The mark of a delivered payload; `None` when it is no numbered message.
    pub(crate) fn find(&mut self, payload: &[u8]) -> Option<Mark> {
        if payload.get(self.last_at) != Some(&b'~') {
            self.last_at = memchr::memchr(b'~', payload)?;
        }
        let at = self.last_at + 1;
        let word = hex(payload.get(at..at + DIGITS)?.try_into().ok()?);
        Some(Mark { stream: (word >> NUMBER_BITS) as usize, number: word & ((1 << NUMBER_BITS) - 1) })
    }
}

/// 16 lower-case hex digits, eight at a time: this runs for every delivered message. Other characters give some other number,
/// which the order check then refuses.
fn hex(digits: [u8; DIGITS]) -> u64 {
    let [high, low] = [&digits[..8], &digits[8..]].map(|half| {
        let text = u64::from_be_bytes(half.try_into().expect("half of 16 is 8"));
        let nibbles = (text & 0x0f0f_0f0f_0f0f_0f0f) + 9 * (text >> 6 & 0x0101_0101_0101_0101);
        let bytes = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
        let words = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
        (words | words >> 16) & 0xffff_ffff
    });
    high << 32 | low
}

#[cfg(test)]
mod tests {
    use super::*;
    use concierge_api_rs::{PayloadIn, TargetRef};

    #[test]
    fn hex_digits_are_read_as_the_standard_library_writes_them() {
        for n in [0, 1, 0xf, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX] {
            assert_eq!(hex(format!("{n:016x}").as_bytes().try_into().unwrap()), n);
        }
    }

    #[test]
    fn a_template_is_a_message_of_the_asked_size_and_its_mark_is_found_again() {
        let template = Template::new(Dialect::Concierge, To::Client("ada"), 3, 128);
        let mut frame = vec![];
        template.append(77, &mut frame);
        let text = std::str::from_utf8(&frame[8..]).unwrap(); // 16-bit length and mask key
        let PayloadIn::Message(message) = PayloadIn::decode(text).unwrap() else { panic!("{text}") };
        assert_eq!(message.target, TargetRef::Name("ada".into()));
        assert_eq!(message.data.get().len(), 128 + 2);
        assert_eq!(Marks::default().find(text.as_bytes()), Some(Mark { stream: 3, number: 77 }));
    }

    #[test]
    fn a_template_of_nats_says_how_long_its_payload_is() {
        let template = Template::new(Dialect::Nats, To::Service("room0"), 3, 128);
        let mut frame = vec![];
        template.append(77, &mut frame);
        let text = std::str::from_utf8(&frame[8..]).unwrap();
        let payload = text.strip_prefix("PUB room0 128\r\n").unwrap().strip_suffix("\r\n").unwrap();
        assert_eq!(payload.len(), 128);
        assert_eq!(Marks::default().find(payload.as_bytes()), Some(Mark { stream: 3, number: 77 }));
    }

    #[test]
    fn marks_are_found_where_the_last_one_was_and_elsewhere() {
        let mut marks = Marks::default();
        let text = |indent: usize, n: u64| format!("{:indent$}~{n:016x}", "");
        for (indent, n) in [(5, 1), (5, 2), (40, 3), (0, 4)] {
            assert_eq!(marks.find(text(indent, n).as_bytes()), Some(Mark { stream: 0, number: n }));
        }
        assert_eq!(marks.find(br#"{"type":"OK","seq":9}"#), None);
        assert_eq!(marks.find(b"~123"), None);
    }
}
