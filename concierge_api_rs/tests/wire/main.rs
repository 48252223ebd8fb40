//! The wire layer: golden text, round trips, what is tolerated, what is refused and how, and that nothing panics.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod golden;
mod ids;
mod mangled;
mod refused;
mod round_trip;
mod sample;
mod tolerated;
