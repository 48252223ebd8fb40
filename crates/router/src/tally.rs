//! What a router counts.

use concierge_api_rs::packet::FaultCode;

/// Totals since a router began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that came, whatever became of them.
    pub requests: u64,
    /// Final responses that brought results.
    pub results: u64,
    /// Final responses that brought an error, by its number, as they were before they were folded.
    pub failures: [u64; FaultCode::ALL.len()],
    /// Parts of answers.
    pub parts: u64,
    /// Pushes that were passed on to at least one worker, or that the router obeyed.
    pub pushes: u64,
    /// Pushes that nobody serves, that no route lets through, or that the router could not obey.
    pub lost_pushes: u64,
    /// Requests that no worker had room for, and workers that had none for a push.
    pub no_room: u64,
    /// Responses to requests that are no longer open.
    pub late: u64,
    /// Responses to no request, or to one that another worker was given.
    pub unknown: u64,
}

impl Tally {
    /// Final responses that brought an error of that kind.
    #[must_use]
    pub fn failed(&self, code: FaultCode) -> u64 {
        self.failures[usize::from(code.number())]
    }

    pub(crate) fn fail(&mut self, code: FaultCode) {
        self.failures[usize::from(code.number())] += 1;
    }
}
