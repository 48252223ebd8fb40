//! What the coordinator and the router say to the clients, kept until the scenario reads it.

use memchr::memmem;

/// Envelopes and packets in the order they came, each with the number of the client that got it.
#[derive(Default)]
pub(crate) struct Letters {
    texts: Vec<u8>,
    /// Who got it, and where it ends in `texts`.
    each: Vec<(usize, usize)>,
}

impl Letters {
    /// Keeps the object that is the data of a payload, and says whether there is one. Numbered messages have a string there.
    pub(super) fn add(&mut self, client: usize, payload: &[u8]) -> bool {
        let Some(object) = object(payload) else { return false };
        self.texts.extend_from_slice(object);
        self.each.push((client, self.texts.len()));
        true
    }

    /// Client and object of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let begins = std::iter::once(0).chain(self.each.iter().map(|(_, end)| *end));
        begins.zip(&self.each).map(|(begin, (client, end))| (*client, &self.texts[begin..*end]))
    }

    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.each.clear();
    }
}

/// A hub writes `data` last, and nothing else of that name before it.
fn object(payload: &[u8]) -> Option<&[u8]> {
    let message = payload.strip_prefix(br#"{"type":"MESSAGE","#)?.strip_suffix(b"}")?;
    let at = memmem::find(message, br#""data":{"#)?;
    Some(&message[at + br#""data":"#.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_kept_in_order_and_nothing_else_is() {
        let mut letters = Letters::default();
        assert!(
            letters.add(7, br#"{"type":"MESSAGE","origin":{"name":"coordinator"},"target":{},"data":{"kind":"a","data":{}}}"#)
        );
        assert!(!letters.add(7, br#"{"type":"MESSAGE","origin":{},"target":{},"data":"~0"}"#));
        assert!(!letters.add(7, br#"{"type":"OK","seq":3}"#));
        assert!(letters.add(2, br#"{"type":"MESSAGE","data":{"subject":"api","data":{"type":"q"}}}"#));
        let read: Vec<(usize, &[u8])> = letters.iter().collect();
        assert_eq!(read, [(7, &br#"{"kind":"a","data":{}}"#[..]), (2, br#"{"subject":"api","data":{"type":"q"}}"#)]);
        letters.clear();
        assert_eq!(letters.iter().count(), 0);
    }
}
