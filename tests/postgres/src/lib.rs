//! A PostgreSQL server of their own for tests: a fresh cluster in a temporary folder, which goes when the test goes.
//!
//! A crate for itself, because tests of the crates that store something need it as well as the end-to-end tests. A
//! server that does not start or end within [`PATIENCE`] is a panic with its last words.

mod account;
mod programs;
mod run;
mod server;

pub use server::{Postgres, Setup};

/// How long anything may take that takes no time: generous, because the machine may be busy.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
