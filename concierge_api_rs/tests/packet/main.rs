//! Packets of the router: golden text both ways, what is tolerated, what is refused and how, and that nothing panics.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod build;
#[path = "../common/damage.rs"]
mod damage;
mod headers;
mod mangled;
mod names;
mod refused;
mod schema;
mod tolerated;
mod vectors;
