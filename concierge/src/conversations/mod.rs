//! Conversations: real sessions, desk and shard over in-memory pipes and a paused clock, with tokio-tungstenite's client at
//! the other end. One file for each part of PROTOCOL.md, one test for each of its sentences.

mod client;
mod hub;
mod transcript;

mod admin;
mod closing;
mod connection;
mod departures;
mod drain;
mod endings;
mod heartbeat;
mod http;
mod identify;
mod intents;
mod leaving;
mod limits;
mod lists;
mod looking;
mod messages;
mod order;
mod outsiders;
mod protocol_md;
mod refusals;
mod router;
mod router_md;
mod sequence;
mod services;
mod slow;
mod subscriptions;
mod threads;
mod throttle;
mod watching;

pub(crate) use hub::{Hub, Who};
