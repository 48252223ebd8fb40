//! What the coordinator answered under load, and across the death of its hub, judged from outside.
#![expect(clippy::unwrap_used, reason = "all of this is tests, the functions that they share too")]

mod asker;
mod census;
mod crash;
mod envelope;
mod face;
mod linear;
mod load;
mod recorder;
