//! The rules of the router as values: (now, a packet and who sent it) in, packets and who gets them out. No clock, randomness,
//! lock or I/O.
//!
//! A client asks, a worker answers, and both are clients. A worker says by a push which *categories* it serves; a request goes to
//! one worker of its command's category, under a `_reqid` that the router makes, and its answer goes back under the client's own.
//! *Routes* say which subjects clients may name, and for how long and how many of their requests wait.
//!
//! The caller's part: `now` never goes backwards; a client is announced by [`Router::come`] before it sends and taken back by
//! [`Router::go`]; [`Router::expire`] is called when [`Router::next_due`] is there; effects are carried out in their order.
//!
//! ```
//! use concierge_api_rs::coordinator::Millis;
//! use concierge_api_rs::{ClientId, packet::Packet};
//! use concierge_router::{Router, Rules};
//!
//! let [ada, worker] = [1, 2].map(|n| ClientId(uuid::Uuid::from_u128(n)));
//! let mut router = Router::new(Rules::default());
//! router.come(ada, []);
//! router.come(worker, []);
//! let mut send = |from, text| {
//!     let effects = router.receive(Millis(0), from, Packet::decode(text).unwrap(), |_| true);
//!     effects.into_iter().map(|effect| (effect.to, effect.packet.encode())).collect::<Vec<_>>()
//! };
//! send(worker, r#"{"subject":"router","data":{"type":"p","cmd":"router/serve","data":{"categories":["math"]}}}"#);
//! let asked = send(ada, r#"{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"sum","data":[1,2]}}"#);
//! assert_eq!(asked, [(worker, r#"{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":[1,2]}}"#.to_owned())]);
//! let told = send(worker, r#"{"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}"#);
//! assert_eq!(told, [(ada, r#"{"subject":"api","data":{"type":"r","status":"ok","_reqid":"sum","data":3}}"#.to_owned())]);
//! ```
#![warn(missing_docs)]

mod book;
mod durable;
mod in_flight;
mod keys;
mod router;
mod routes;
mod tally;
mod workers;

pub use durable::{Again, Durables, Spot};
pub use in_flight::Ticket;
pub use keys::Keys;
pub use router::{Effect, Place, Router, Rules, Why};
pub use routes::{Route, Routes};
pub use tally::Tally;
