//! The server and the `concierge` command.

mod admin;
mod arrivals;
mod bucket;
mod builtin;
mod bulletin;
pub mod cli;
pub mod config;
mod console;
#[cfg(test)]
mod conversations;
mod coordinator;
mod crowd;
mod departures;
mod desk;
#[doc(hidden)]
pub mod echo;
mod endings;
mod folders;
mod frame;
pub mod ground;
mod guesses;
mod host;
mod http;
mod listener;
pub mod logging;
mod memory;
mod metrics;
mod origin;
mod outbox;
mod peer;
#[doc(hidden)]
pub mod probe;
mod router;
mod run;
pub mod server;
mod session;
mod shard;
mod socket;
mod stalling;
mod state;
mod throttle;
mod tls;
mod vital;
mod websocket;
mod welcome;
mod wire;
