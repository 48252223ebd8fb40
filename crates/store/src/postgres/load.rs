//! The neighbourhood of some requests, locked and loaded in one round trip.
//!
//! Whoever changes a promise, its task, or what is registered with it holds the lock of the promise's row: one statement takes
//! all of a transaction's locks, in the order of ids, so that no two transactions wait for each other. What is behind the locks
//! is read by the statements after it, which see everything that was committed when the locks were had. Who waits for a promise
//! is known for sure only then: when it is somebody who was not locked, it is all done again.

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::{Address, Millis, Pid, PromiseCreate, PromiseId, Request, ScheduleId};
use concierge_api_rs::limits;
use concierge_coordinator::{FenceVerbs, MemoryRows, Reads, Rows, Touched};
use tokio_postgres::{Client, Row};

use super::read::{self, promise_columns, schedule_columns, task_columns};
use super::session::{Session, Texts, texts};
use super::trouble::Trouble;
