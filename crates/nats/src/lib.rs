//! A hub's way to NATS: requests and pushes go out to subjects, subjects are served in a queue group, and whoever looks for micro
//! services (ADR-32) finds the hub. What travels are datagrams of the router (`concierge_api_rs::packet`); what they mean is
//! somebody else's.
//!
//! [`Link::open`] connects, and keeps trying when nobody is there. Nothing waits here for a connection: while there is none, all that
//! is to be sent is [`Unsent::Down`], and what waited for an answer is over ([`Outside::down`]).
//!
//! Queues and their bounds: 3,584 messages or 16 MiB wait to be sent, the next one is [`Unsent::Full`], and 512 last answers beside them; of each subscription as many wait to be read,
//! and what is dropped over it is counted ([`Standing::slow`]), for NATS tells nobody.
//!
//! Not obvious, and relied on: a flush is no round trip, so a subject is said to be served only after a request to a subject that
//! nobody serves came back on the same connection; a server that was frozen delivers old messages after newer ones, so an answer
//! is known by its token, never by its turn; events of the client may be lost, so a look at its state decides.
#![warn(missing_docs)]

mod discovery;
mod endpoint;
mod error;
mod link;
mod options;
mod outbox;
mod served;
mod standing;

pub use endpoint::{Asked, Endpoint, Reply};
pub use error::{OpenError, Unsent};
pub use link::{Link, Outside};
pub use options::{Options, Servers};
pub use standing::{Standing, State};
