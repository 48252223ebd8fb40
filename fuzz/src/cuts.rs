//! One stream of bytes in pieces, as a network delivers it.

/// In pieces of these lengths, over and over; a length of 0 is all that is left.
pub(crate) fn cut<'a>(mut bytes: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut lengths = lengths.iter().copied().cycle();
    while !bytes.is_empty() {
        let length = match lengths.next().unwrap_or(0) {
            0 => bytes.len(),
            length => usize::from(length).min(bytes.len()),
        };
        let (piece, rest) = bytes.split_at(length);
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}
