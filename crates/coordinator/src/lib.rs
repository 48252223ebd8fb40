//! The rules of durable promises, tasks and schedules: (now, a request, the rows it touches) in; an answer, changed rows and
//! messages to offer out. No clock, no randomness, no I/O: rows are behind [`Reads`] and [`Rows`], which a store implements
//! inside its transaction, and which [`MemoryRows`] implements for tests and for whoever loads rows beforehand.
//!
//! The caller's part: `now` never goes backwards; one call of [`Rules`] is one transaction, rolled back when it fails; answers
//! and offers leave after the commit.
//!
//! Time is a rule, not an event. A promise past its deadline *is* settled, in every answer, whether somebody wrote that down or
//! not; [`Rules::sweep`] writes it down, and only then are those told who waited for it.
#![warn(missing_docs)]

mod cron;
mod look;
mod memory;
mod promise;
mod rows;
mod rules;
mod schedule;
mod settle;
mod sweep;
mod task;
mod touched;
mod turn;
mod working_set;

pub use cron::{Cron, CronError};
pub use memory::MemoryRows;
pub use rows::{Due, Everything, Listener, Notice, OfferKey, Reads, Rows, TaskRow};
pub use rules::{Decision, Offer, Rules};
pub use schedule::promise_id;
pub use touched::{Touched, touched, touched_by_due};
pub use working_set::{Change, Outside, WorkingSet};
