//! The rules of the hub as values: who is here ([`Registry`]), who may enter ([`Door`]), where a message goes
//! ([`Routes::deliver`]). Input in, effects out; no socket, clock, lock or randomness in here.
//!
//! The registry has one writer and takes one turn per change. Beside it stands its read side, [`Routes`], which the
//! message path uses without waiting for the writer. `H` is whatever reaches a client: the server's outbox, a test's id.
#![warn(missing_docs)]

mod door;
mod map;
mod message;
mod registry;
mod routes;
mod turn;

pub use door::Door;
pub use message::{OriginHead, write_message};
pub use registry::{Bounds, NameTaken, Rank, Registry, ServiceNumber, Standing};
pub use routes::{Delivery, Refusal, Routes, ServiceRoute};
pub use turn::{Audience, News, Turn};
