//! What the end-to-end tests stand on: the real `concierge` as a child process, and clients that speak to it over real
//! sockets. The tests see what anybody sees from outside, and nothing else.
//!
//! Every wait here has an end: what does not happen within [`PATIENCE`] is a panic that says what was waited for.

mod binary;
mod browser;
mod certificate;
mod client;
mod command;
mod http;
mod hub;
mod measure;
mod need;
mod poller;
mod process;
mod resonate;
mod wait;
mod wire;

pub use binary::{binary, example, repository};
pub use browser::Browser;
pub use certificate::Certificate;
pub use client::Client;
pub use command::{Command, Finished, Running};
pub use http::{Reply, request};
pub use hub::{Hub, Setup};
pub use measure::{measured, stall};
pub use need::{needed, tool};
pub use poller::Poller;
pub use process::Process;
pub use resonate::resonate;
pub use wait::{PATIENCE, until, within};
pub use wire::{Frame, Wire, client_frame, client_frame_header, handshake};
