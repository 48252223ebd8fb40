//! Keeps the rows of the coordinator and runs its rules over them: load, decide, write, commit, and only then answer. The rules
//! are `concierge-coordinator`'s; here is what they leave out, which is time, files and failures.
//!
//! A [`Store`] is opened at a [`Place`]. Many requests share one commit, so what is durable costs little more than what is not;
//! requests that only look run beside them, on what is committed.
//!
//! From the rim inwards: `store` (the face), `work` (one transaction's worth of it), `follow` (what it changes, for whoever wants
//! to know), and a module per kind of place.
#![warn(missing_docs)]

mod clock;
mod columns;
mod error;
mod follow;
mod memory;
mod place;
mod postgres;
mod sqlite;
mod store;
mod work;

pub use clock::Clock;
pub use error::{OpenError, StoreError};
pub use follow::{Before, Changed, Counts, More, Observer};
pub use place::{Place, PlaceError};
pub use store::{Store, Swept, Tally};
