//! The real binary, over real sockets, seen from outside.
#![expect(clippy::unwrap_used, reason = "all of this is tests, the functions that they share too")]

mod admin_commands;
mod browser;
mod churn;
mod client;
mod client_commands;
mod client_files;
mod commands;
mod coordinator;
mod coordinator_client;
mod coordinator_commands;
mod coordinator_md;
mod files;
mod filesystem_md;
mod floods;
mod framing;
mod handshake;
mod limits;
mod long_command;
mod nats;
mod operations;
mod postgres;
mod presence;
mod protocol_md;
mod races;
mod readme;
mod resonate;
mod router;
mod router_client;
mod router_commands;
mod router_durable;
mod slow;
mod tls;
