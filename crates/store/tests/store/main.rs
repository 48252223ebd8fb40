//! The store from outside: one suite on every kind of place, the places against each other, and what only a file can suffer.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod behaviours;
mod crash;
mod differential;
mod files;
mod full;
mod home;
mod hubs;
mod linear;
mod plans;
mod tls;
mod wishes;
