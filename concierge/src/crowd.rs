//! How many connections each address has, where there is a bound.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

type Guests = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// How many connections each address has, when there is a bound.
pub(crate) struct Crowd {
    bound: usize,
    guests: Guests,
}

/// A connection that counts; it stops counting when dropped.
pub(crate) struct Guest(Option<(IpAddr, Guests)>);

impl Crowd {
    pub(crate) fn new(bound: usize) -> Self {
        Self { bound, guests: Arc::default() }
    }

    /// `None`: the address has as many as it may have.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Guest> {
        if self.bound == 0 {
            return Some(Guest(None));
        }
        let mut guests = self.guests.lock();
        let count = guests.entry(address).or_default();
        if *count >= self.bound {
            return None;
        }
        *count += 1;
        Some(Guest(Some((address, self.guests.clone()))))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some((address, guests)) = &self.0 {
            let mut guests = guests.lock();
            if let Some(count) = guests.get_mut(address) {
                *count -= 1;
                if *count == 0 {
                    guests.remove(address);
                }
            }
        }
    }
}
