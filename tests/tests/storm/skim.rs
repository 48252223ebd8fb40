//! The frames of a hub, skimmed: ten thousand clients have no time to read all that they are told.

/// What is kept of a frame.
const KEPT: usize = 32;

/// A connection's place between two frames, or within one. Small: nothing is kept of a frame but its beginning.
#[derive(Debug, Default)]
pub(crate) struct Skim {
    header: Vec<u8>,
    /// Bytes of the payload that have not come.
    left: u64,
    beginning: Vec<u8>,
}

impl Skim {
    /// Takes bytes in; every frame that they end, with its first byte and the beginning of its payload.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(u8, &[u8])) {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.header.push(bytes[0]);
                bytes = &bytes[1..];
                let Some(length) = payload_length(&self.header) else { continue };
                self.left = length;
            }
            let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            let wanted = KEPT.saturating_sub(self.beginning.len()).min(here);
            self.beginning.extend_from_slice(&bytes[..wanted]);
            self.left -= here as u64;
            bytes = &bytes[here..];
            if self.left == 0 {
                each(self.header[0], &self.beginning);
                self.header.clear();
                self.beginning.clear();
            }
        }
    }
}

/// The length of a payload, when its header is there as a whole. A hub masks nothing.
fn payload_length(header: &[u8]) -> Option<u64> {
    let be = |bytes: &[u8]| bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    match (header.get(1)?, header.len()) {
        (126, 4) => Some(be(&header[2..])),
        (127, 10) => Some(be(&header[2..])),
        (126 | 127, _) => None,
        (short, _) => Some(u64::from(*short)),
    }
}

#[test]
fn frames_of_every_length_are_seen_however_they_are_cut() {
    let lengths = [0_usize, 1, 125, 126, 65_535, 65_536];
    let mut stream = Vec::new();
    for length in lengths {
        stream.push(0x81);
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) if short < 126 => stream.push(short),
            (_, Ok(medium)) => stream.extend([&[126][..], &medium.to_be_bytes()].concat()),
            _ => stream.extend([&[127][..], &(length as u64).to_be_bytes()].concat()),
        }
        stream.extend(std::iter::repeat_n(b'x', length));
    }
    for piece in [1, 2, 3, 7, 4_096, stream.len()] {
        let (mut skim, mut seen) = (Skim::default(), Vec::new());
        stream.chunks(piece).for_each(|bytes| skim.feed(bytes, |first, beginning| seen.push((first, beginning.len()))));
        assert_eq!(seen, lengths.map(|length| (0x81, length.min(KEPT))), "in pieces of {piece}");
    }
}
