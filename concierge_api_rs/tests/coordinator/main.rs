//! The coordinator's words: golden text of both dialects, what is refused and how, and that nothing panics.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod addresses;
mod answers;
#[path = "../common/damage.rs"]
mod damage;
mod mangled;
mod refused;
mod requests;
mod sample;
