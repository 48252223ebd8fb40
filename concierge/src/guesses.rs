//! Who guesses the secret: after ten wrong ones within a minute an address has no further try for a minute, not even with the
//! right one, or an answer would tell which one that is.
//!
//! Loopback addresses are never shut out: behind a proxy on this machine they are everybody, and one guest would lock out all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use concierge_api_rs::limits;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::crowd::counted_as;

const WITHIN: Duration = Duration::from_secs(60);
/// A full table is looked through at most so often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The wrong secrets that came from each address lately.
pub(crate) struct Guesses {
    /// Within a minute; 0 is no bound.
    bound: u32,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    wrong: HashMap<IpAddr, Wrong>,
    swept: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    /// When it is forgotten; an address that has as many as it may is shut out until then.
    until: Instant,
}

impl Guesses {
    pub(crate) fn new(bound: u32) -> Self {
        Self { bound, table: Mutex::default() }
    }

    /// How long nothing from this address is looked at.
    pub(crate) fn shut_out(&self, address: IpAddr) -> Option<Duration> {
        if self.bound == 0 {
            return None;
        }
        let wrong = self.table.lock().wrong.get(&place(address)?).copied()?;
        let left = wrong.until.saturating_duration_since(Instant::now());
        (wrong.count >= self.bound && !left.is_zero()).then_some(left)
    }

    /// A wrong secret came from there.
    pub(crate) fn count(&self, address: IpAddr) {
        let Some(place) = place(address).filter(|_| self.bound > 0) else { return };
        let now = Instant::now();
        let mut table = self.table.lock();
        if !table.wrong.contains_key(&place) && !table.has_room(now) {
            return; // nobody is shut out for want of room
        }
        let entry = table.wrong.entry(place).or_insert(Wrong { count: 0, until: now + WITHIN });
        if entry.until <= now {
            *entry = Wrong { count: 0, until: now + WITHIN };
        }
        entry.count += 1;
        if entry.count == self.bound {
            entry.until = now + WITHIN;
            tracing::warn!(%address, "too many wrong secrets: this address has no further try for a minute");
        }
    }
}

impl Table {
    /// Whether one more address fits; what is over is forgotten first.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.wrong.len() >= limits::GUESSING_ADDRESSES && self.swept.is_none_or(|at| now >= at + SWEEP_EVERY) {
            self.wrong.retain(|_, wrong| wrong.until > now);
            self.swept = Some(now);
        }
        self.wrong.len() < limits::GUESSING_ADDRESSES
    }
}

/// What counts as one address; none of this machine.
fn place(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    (!address.is_loopback()).then(|| counted_as(address))
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    /// Counts wrong secrets from there until it is shut out, at most a hundred.
    fn tries(guesses: &Guesses, address: &str) -> Option<u32> {
        (0..100).find(|_| {
            let shut = guesses.shut_out(at(address)).is_some();
            guesses.count(at(address));
            shut
        })
    }

    /// Security: 17.
    #[tokio::test(start_paused = true)]
    async fn ten_wrong_secrets_shut_an_address_out_for_a_minute_and_no_other() {
        let guesses = Guesses::new(10);
        assert_eq!(tries(&guesses, "192.0.2.1"), Some(10));
        assert_eq!(guesses.shut_out(at("::ffff:192.0.2.1")), Some(WITHIN), "the same in IPv6 clothes");
        assert_eq!(guesses.shut_out(at("192.0.2.2")), None);
        assert_eq!(tries(&guesses, "2001:db8::1"), Some(10));
        assert!(guesses.shut_out(at("2001:db8::ffff:1")).is_some(), "the same network");
        assert!(guesses.shut_out(at("2001:db8:0:1::1")).is_none(), "another one");
        advance(WITHIN - Duration::from_millis(1)).await;
        assert!(guesses.shut_out(at("192.0.2.1")).is_some());
        advance(Duration::from_millis(1)).await;
        assert_eq!(guesses.shut_out(at("192.0.2.1")), None);
        assert_eq!(tries(&guesses, "192.0.2.1"), Some(10), "and all begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn nine_a_minute_are_no_attack_and_loopback_and_a_hub_without_the_bound_shut_nobody_out() {
        let guesses = Guesses::new(10);
        for _ in 0..5 {
            for _ in 0..9 {
                guesses.count(at("192.0.2.1"));
            }
            assert_eq!(guesses.shut_out(at("192.0.2.1")), None);
            advance(WITHIN).await;
        }
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(tries(&guesses, address), None, "{address}");
        }
        assert_eq!(tries(&Guesses::new(0), "192.0.2.1"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded_and_has_room_again_after_a_minute() {
        let guesses = Guesses::new(1);
        for n in 0..20_000_u32 {
            guesses.count(IpAddr::V4(n.into()));
        }
        assert_eq!(guesses.table.lock().wrong.len(), limits::GUESSING_ADDRESSES);
        assert!(guesses.shut_out(IpAddr::V4(9_999.into())).is_some());
        assert!(guesses.shut_out(IpAddr::V4(10_000.into())).is_none());
        advance(WITHIN).await;
        guesses.count(at("192.0.2.1"));
        assert_eq!(guesses.table.lock().wrong.len(), 1);
    }
}
