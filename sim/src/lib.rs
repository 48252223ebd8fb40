//! The real server on a simulated network and a simulated clock. A seed decides everything that happens: who comes, says what,
//! stalls and vanishes; what the network delays, holds back and loses; when the hub crashes or drains. The same seed is the
//! same trace, byte for byte.
//!
//! Real are the listener, the HTTP head, the upgrade, sessions, outboxes, the desk, the coordinator with its rows in memory.
//! Simulated are sockets and time ([turmoil](https://docs.rs/turmoil)), and the ids come from the seed ([`ground`]). Clients are
//! tokio-tungstenite's, and know of the hub what PROTOCOL.md says. `concierge-test-histories` judges what they were told.

mod client;
mod ground;
mod plan;
mod promises;
mod recorder;
mod rounds;
mod stream;
mod talk;
mod tally;
mod wire;
mod world;

pub use rounds::{Rounds, SEED_WITHIN, play_and_compare, replay};
pub use tally::Tally;
pub use world::{Played, count_panics, play};

#[cfg(test)]
mod tests;
