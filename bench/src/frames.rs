//! WebSocket frames (RFC 6455) as a load generator needs them: whole frames in, masked frames out, nothing else.
//!
//! A library would do more for every frame than the server under test does; the generator has to be the cheaper side.

/// What kind of frame it is. Continuations are not here: nobody in this benchmark sends fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// One whole frame from a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: Opcode,
    pub(crate) payload: &'a [u8],
}

/// What a server must not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a masked frame")]
    Masked,
    #[error("a fragment of a message")]
    Fragment,
    #[error("reserved bits or an unknown opcode (first byte {0:#04x})")]
    Reserved(u8),
    #[error("a frame of {0} bytes")]
    TooLong(u64),
}

/// Far beyond what any scenario provokes. The generator's read buffer holds one such frame.
pub(crate) const FRAME_BYTES: usize = 256 * 1024;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
/// A zero key is legal, costs the server the same unmasking, and lets the generator write payloads as they are.
const MASK_KEY: [u8; 4] = [0; 4];

/// The first frame of `bytes` and how many bytes it takes; `None` when it is not whole yet.
///
/// # Errors
/// [`FrameError`]
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let Some(Head { opcode, begins, length }) = head(bytes)? else { return Ok(None) };
    let end = match usize::try_from(length) {
        Ok(length) if length <= FRAME_BYTES - 10 => begins + length,
        _ => return Err(FrameError::TooLong(length)),
    };
    Ok(bytes.get(begins..end).map(|payload| (Frame { opcode, payload }, end)))
}

/// The beginning of a frame: what it is, where its payload begins and how long that is.
pub(crate) struct Head {
    pub(crate) opcode: Opcode,
    pub(crate) begins: usize,
    pub(crate) length: u64,
}

/// The head of the first frame of `bytes`, whose payload need not be there; `None` when it is not whole yet.
///
/// # Errors
/// [`FrameError`]
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, FrameError> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    let opcode = opcode(first)?;
    if second & MASKED != 0 {
        return Err(FrameError::Masked);
    }
    let (begins, length) = match second {
        126 => match bytes.get(2..4) {
            Some(&[a, b]) => (4, u64::from(u16::from_be_bytes([a, b]))),
            _ => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|length| length.try_into().ok()) {
            Some(length) => (10, u64::from_be_bytes(length)),
            None => return Ok(None),
        },
        short => (2, u64::from(short)),
    };
    Ok(Some(Head { opcode, begins, length }))
}

fn opcode(first: u8) -> Result<Opcode, FrameError> {
    match first {
        0x81 => Ok(Opcode::Text),
        0x82 => Ok(Opcode::Binary),
        0x88 => Ok(Opcode::Close),
        0x89 => Ok(Opcode::Ping),
        0x8a => Ok(Opcode::Pong),
        0x00..=0x02 | 0x80 => Err(FrameError::Fragment),
        other => Err(FrameError::Reserved(other)),
    }
}

/// Appends `payload` as one masked frame and returns where in `out` it begins.
pub(crate) fn append(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) -> usize {
    out.push(FINAL | opcode as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => out.push(MASKED | length),
        (_, Ok(length)) => {
            out.push(MASKED | 126);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend(MASK_KEY);
    let at = out.len();
    out.extend_from_slice(payload);
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's frame: what `append` writes, without mask bit and key.
    fn served(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![];
        let at = append(opcode, payload, &mut bytes);
        bytes.drain(at - 4..at);
        bytes[1] &= 0x7f;
        bytes
    }

    #[test]
    fn frames_of_every_length_form_are_read_as_they_were_written() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, FRAME_BYTES - 10] {
            let payload = vec![b'x'; length];
            let bytes = served(Opcode::Text, &payload);
            let (frame, taken) = parse(&bytes).unwrap().unwrap();
            assert_eq!((frame.opcode, frame.payload.len(), taken), (Opcode::Text, length, bytes.len()));
        }
    }

    #[test]
    fn a_frame_that_is_not_whole_is_waited_for_at_every_cut() {
        for length in [5, 300, 70_000] {
            let bytes = served(Opcode::Text, &vec![b'x'; length]);
            for cut in (0..20).chain([bytes.len() - 1]).filter(|cut| *cut < bytes.len()) {
                assert_eq!(parse(&bytes[..cut]), Ok(None), "{length} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn two_frames_in_one_read_are_taken_one_after_the_other() {
        let mut bytes = served(Opcode::Ping, b"hi");
        bytes.extend(served(Opcode::Text, b"{}"));
        let (first, taken) = parse(&bytes).unwrap().unwrap();
        assert_eq!(first, Frame { opcode: Opcode::Ping, payload: b"hi" });
        assert_eq!(parse(&bytes[taken..]).unwrap().unwrap().0, Frame { opcode: Opcode::Text, payload: b"{}" });
    }

    #[test]
    fn what_a_server_must_not_send_is_refused() {
        let mut masked = vec![];
        append(Opcode::Text, b"{}", &mut masked);
        assert_eq!(parse(&masked), Err(FrameError::Masked));
        assert_eq!(parse(&[0x01, 0]), Err(FrameError::Fragment));
        assert_eq!(parse(&[0x80, 0]), Err(FrameError::Fragment));
        assert_eq!(parse(&[0xc1, 0]), Err(FrameError::Reserved(0xc1)));
        let long = [0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(parse(&long), Err(FrameError::TooLong(1 << 32)));
    }

    #[test]
    fn a_client_frame_carries_the_mask_bit_and_a_key() {
        let mut out = vec![];
        let at = append(Opcode::Text, b"ok", &mut out);
        assert_eq!(out, [0x81, 0x82, 0, 0, 0, 0, b'o', b'k']);
        assert_eq!(at, 6);
    }
}
