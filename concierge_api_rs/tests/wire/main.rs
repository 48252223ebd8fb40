//! The wire layer: golden text, round trips, what is tolerated, what is refused and how, and that nothing panics.

mod golden;
mod ids;
mod mangled;
mod refused;
mod round_trip;
mod sample;
mod tolerated;
