//! Judges histories: what clients asked, when, and what they were told. It knows PROTOCOL.md and nothing of the code of hub and
//! coordinator, so it cannot share its mistakes.
//!
//! [`relay::broken`] judges what clients of the hub sent to each other. For the coordinator two judges look at the same [`Event`]s. [`trace::broken`] has a rule with a name for everything that is promised across the
//! death of a hub. [`linear::contradictions`] looks for an order, one id after the other, in which a coordinator that does one
//! thing at a time could have said all of it.
//!
//! A crate for itself, because the tests of the store need it as well as the end-to-end tests.

mod event;
pub mod linear;
pub mod relay;
mod spec;
pub mod trace;

pub use event::{Answer, Event, History, Nanos, Offer, Op, Owed, Phase, Reply};
pub use spec::Leases;
