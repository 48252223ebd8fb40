//! What fuzz targets do with their input. Each module has `run`: it takes any bytes and panics when something is wrong.
//! `cargo xtask fuzz` lets libFuzzer find the bytes; the test of this crate tries the seeds, and everything that was found.
//!
//! Many inputs are texts or frames as they are, so that seeds can be read. One that begins with NUL is read as a structure
//! instead, from which the target builds something that is nearly right.
#![expect(clippy::unwrap_used, reason = "a panic is how a target says that something is wrong")]

pub mod coordinator_lives;
pub mod envelopes;
pub mod forms;
pub mod frames;
pub mod heads;
pub mod hub_lives;
pub mod packets;
pub mod paths;
pub mod payloads;

mod cuts;
mod dice;
mod house;
mod json;

#[expect(dead_code, reason = "the tests of the rules use more of it")]
#[path = "../../crates/coordinator/tests/rules/broken.rs"]
mod broken;
#[path = "../../crates/coordinator/tests/rules/invariants.rs"]
mod invariants;
#[path = "../../crates/coordinator/tests/rules/lives.rs"]
mod lives;

/// A target.
pub type Target = fn(&[u8]);

/// All targets, by the names of their folders.
pub const TARGETS: &[(&str, Target)] = &[
    ("coordinator_lives", coordinator_lives::run),
    ("envelopes", envelopes::run),
    ("forms", forms::run),
    ("frames", frames::run),
    ("heads", heads::run),
    ("hub_lives", hub_lives::run),
    ("packets", packets::run),
    ("paths", paths::run),
    ("payloads", payloads::run),
];

/// An input that is a structure, read from what follows its NUL.
fn structured<'a, T: arbitrary::Arbitrary<'a>>(input: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(arbitrary::Unstructured::new(input.strip_prefix(b"\0")?)).ok()
}

/// Runs on a clock that stands still until nothing else can happen.
fn on_a_paused_clock<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(future)
}
