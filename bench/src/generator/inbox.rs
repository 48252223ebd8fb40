//! What arrived at all clients, counted and checked: nothing may be lost, come twice or out of order.

use crate::fault::Fault;
use crate::generator::letters::Letters;
use crate::payload::{Mark, Marks};

/// The arrivals of one stream, over all of its receivers.
struct Stream {
    receivers: u32,
    /// Messages that every receiver has: all those below this number.
    complete: u64,
    /// Arrivals of message n at `n % len`, for the messages in flight.
    arrivals: Vec<u32>,
}

/// Counts what arrives.
#[derive(Default)]
pub(crate) struct Inbox {
    streams: Vec<Stream>,
    marks: Marks,
    /// Clients that are connected, identified and subscribed.
    pub(super) ready: usize,
    /// Numbered messages that arrived.
    pub(crate) delivered: u64,
    /// What they were in bytes, without the heads of frames.
    pub(crate) delivered_bytes: u64,
    /// OK replies that arrived.
    pub(crate) answered: u64,
    /// Pings of WebSocket that arrived.
    pub(crate) pings: u64,
    /// What the coordinator and the router said.
    pub(super) letters: Letters,
    /// Everything else: who joined, who subscribed.
    pub(crate) news: u64,
}

impl Inbox {
    /// Expects a stream with so many receivers, and at most `in_flight` messages beyond what all of them have.
    pub(super) fn expect(&mut self, receivers: usize, in_flight: u64) {
        let slots = usize::try_from(in_flight.next_power_of_two()).expect("windows are a few thousand messages");
        let receivers = u32::try_from(receivers).expect("there are fewer than 20,000 clients");
        self.streams.push(Stream { receivers, complete: 0, arrivals: vec![0; slots] });
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// How many messages of a stream all of its receivers have.
    pub(crate) fn complete(&self, stream: usize) -> u64 {
        self.streams[stream].complete
    }

    pub(super) fn mark(&mut self, payload: &[u8]) -> Option<Mark> {
        self.marks.find(payload)
    }

    /// Counts an arrival that was the next one of its stream at its receiver. False when nobody can have sent it.
    pub(super) fn arrived(&mut self, mark: Mark) -> bool {
        self.delivered += 1;
        let Some(stream) = self.streams.get_mut(mark.stream) else { return false };
        let slots = stream.arrivals.len() as u64;
        if mark.number < stream.complete || mark.number >= stream.complete + slots {
            return false;
        }
        let at = |number: u64| (number % slots) as usize;
        stream.arrivals[at(mark.number)] += 1;
        while stream.arrivals[at(stream.complete)] == stream.receivers {
            stream.arrivals[at(stream.complete)] = 0;
            stream.complete += 1;
        }
        true
    }
}

/// What one client has of every stream.
pub(super) struct Due {
    next: Vec<u64>,
}

impl Due {
    pub(super) fn new(streams: usize) -> Self {
        Self { next: vec![0; streams] }
    }

    /// Whether this is the next message of its stream here.
    pub(super) fn check(&mut self, mark: Mark, client: &str) -> Result<(), Fault> {
        let Mark { stream, number } = mark;
        if stream >= self.next.len() {
            self.next.resize(stream + 1, 0);
        }
        let expected = self.next[stream];
        self.next[stream] = number + 1;
        match number.cmp(&expected) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(Fault::Lost { client: client.into(), stream, from: expected, to: number - 1 }),
            std::cmp::Ordering::Less => Err(Fault::Disorder { client: client.into(), stream, number, expected }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(stream: usize, number: u64) -> Mark {
        Mark { stream, number }
    }

    #[test]
    fn a_message_is_complete_when_its_last_receiver_has_it() {
        let mut inbox = Inbox::default();
        inbox.expect(2, 4);
        for (number, complete) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 2), (3, 2), (2, 3), (3, 4), (4, 4)] {
            assert!(inbox.arrived(mark(0, number)));
            assert_eq!(inbox.complete(0), complete, "after {number}");
        }
        assert_eq!(inbox.delivered, 9);
    }

    #[test]
    fn what_nobody_can_have_sent_is_noticed() {
        let mut inbox = Inbox::default();
        inbox.expect(1, 2);
        assert!(inbox.arrived(mark(0, 0)));
        assert!(!inbox.arrived(mark(0, 0)), "a client too many got it");
        assert!(!inbox.arrived(mark(0, 9)), "beyond what is in flight");
        assert!(!inbox.arrived(mark(5, 0)), "no such stream");
    }

    #[test]
    fn gaps_are_losses_and_repetitions_are_disorder() {
        let mut due = Due::new(2);
        due.check(mark(0, 0), "ada").unwrap();
        due.check(mark(1, 0), "ada").unwrap();
        assert!(matches!(due.check(mark(0, 3), "ada"), Err(Fault::Lost { from: 1, to: 2, .. })));
        assert!(matches!(due.check(mark(1, 0), "ada"), Err(Fault::Disorder { number: 0, expected: 1, .. })));
        assert!(matches!(due.check(mark(7, 1), "ada"), Err(Fault::Lost { stream: 7, .. })));
    }
}
