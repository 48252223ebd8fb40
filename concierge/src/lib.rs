//! The server and the `concierge` command.

pub mod config;
