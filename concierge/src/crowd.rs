//! What each address may do, where there are bounds: connections at a time and in a minute, and what all of its clients
//! send together. IPv6 counts by /64, which is what one customer has.
//!
//! Invariants: the table is bounded; an address that does not fit into it is let in uncounted, and that is counted; an address
//! with a connection has its place, and one without is forgotten after a minute at the earliest, when its buckets are full
//! again.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::limits;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::bucket::{Bucket, Rates};
use crate::config::Config;
use crate::metrics::METRICS;

/// When to come again if there are as many connections as there may be.
const CROWDED_FOR: Duration = Duration::from_secs(10);
/// An address without a connection is remembered for so long.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// The table is looked through when it holds so many addresses, and then whenever it has doubled.
const SWEEP_FROM: usize = 1024;
/// A full table is looked through at most so often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The bounds; 0 is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    connections: usize,
    connects_per_minute: u32,
    messages_per_second: u32,
    bytes_per_second: u32,
    payload_bytes: usize,
    /// Places in the table.
    addresses: usize,
}

/// Why a connection is refused: HTTP 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// At a time.
    Connections,
    /// In a minute; the next one may come after this.
    Connects(Duration),
}

/// The addresses that are here, or were a moment ago.
pub(crate) struct Crowd {
    bounds: Bounds,
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    places: HashMap<IpAddr, Place>,
    /// Looked through when it holds so many.
    sweep_at: usize,
    swept: Option<Instant>,
}

struct Place {
    connections: usize,
    connects: Option<Bucket>,
    rates: Option<Arc<Rates>>,
    /// When a connection last came or went.
    last: Instant,
}

/// A connection that was let in. `None`: nobody counts, or there was no place; that costs it no more than a word.
#[derive(Default)]
pub(crate) struct Guest(Option<Box<Counted>>);

/// A connection that counts; it stops counting when dropped.
struct Counted {
    address: IpAddr,
    table: Arc<Mutex<Table>>,
    rates: Option<Arc<Rates>>,
}

impl Bounds {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            connections: config.limits.connections_per_address,
            connects_per_minute: config.limits.address_connects_per_minute,
            messages_per_second: config.limits.address_messages_per_second,
            bytes_per_second: config.limits.address_bytes_per_second,
            payload_bytes: config.limits.payload_bytes,
            addresses: limits::ADDRESSES,
        }
    }

    fn place(&self, now: Instant) -> Place {
        Place {
            connections: 0,
            connects: Bucket::per_minute(self.connects_per_minute),
            rates: Rates::new(self.messages_per_second, self.bytes_per_second, self.payload_bytes),
            last: now,
        }
    }
}

impl TooMany {
    /// The label of the metric.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Connections => "crowded",
            Self::Connects(_) => "hasty",
        }
    }

    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Connections => "too many connections from this address\n",
            Self::Connects(_) => "too many connections from this address in a minute\n",
        }
    }

    /// Whole seconds, one at least.
    pub(crate) fn retry_after(self) -> u64 {
        let after = match self {
            Self::Connections => CROWDED_FOR,
            Self::Connects(after) => after,
        };
        after.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
    }
}

impl Crowd {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, table: Arc::default() }
    }

    /// A connection came from there.
    pub(crate) fn enter(&self, address: IpAddr) -> Result<Guest, TooMany> {
        let Bounds { connections, connects_per_minute, messages_per_second, bytes_per_second, addresses, .. } = self.bounds;
        if connections == 0 && connects_per_minute == 0 && messages_per_second == 0 && bytes_per_second == 0 {
            return Ok(Guest::default());
        }
        let (address, now) = (counted_as(address), Instant::now());
        let mut table = self.table.lock();
        if !table.places.contains_key(&address) && !table.has_room(addresses, now) {
            METRICS.uncounted.increment(1);
            return Ok(Guest::default());
        }
        let place = table.places.entry(address).or_insert_with(|| self.bounds.place(now));
        place.last = now;
        if let Some(Err(at)) = place.connects.as_ref().map(|bucket| bucket.take(1)) {
            return Err(TooMany::Connects(at.saturating_duration_since(now)));
        }
        if connections > 0 && place.connections >= connections {
            return Err(TooMany::Connections);
        }
        place.connections += 1;
        Ok(Guest(Some(Box::new(Counted { address, table: self.table.clone(), rates: place.rates.clone() }))))
    }
}

impl Table {
    /// Whether one more address fits; those that are gone for long enough are forgotten first.
    fn has_room(&mut self, most: usize, now: Instant) -> bool {
        let full = self.places.len() >= most;
        let lately = self.swept.is_some_and(|at| now < at + SWEEP_EVERY);
        if (full && !lately) || (!full && self.places.len() >= self.sweep_at.max(SWEEP_FROM)) {
            self.places.retain(|_, place| place.connections > 0 || now < place.last + REMEMBERED_FOR);
            self.sweep_at = self.places.len() * 2;
            self.swept = Some(now);
        }
        self.places.len() < most
    }
}

impl Guest {
    /// What all clients of its address may send together.
    pub(crate) fn rates(&self) -> Option<&Arc<Rates>> {
        self.0.as_ref()?.rates.as_ref()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        let Some(place) = table.places.get_mut(&self.address) else { return };
        (place.connections, place.last) = (place.connections - 1, Instant::now());
        // buckets are remembered: whoever comes again finds them as they were
        if place.connections == 0 && place.connects.is_none() && place.rates.is_none() {
            table.places.remove(&self.address);
        }
    }
}

/// What counts as one address: of IPv6 the network, which its owner numbers as it likes.
pub(crate) fn counted_as(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
#[path = "crowd/tests.rs"]
mod tests;
