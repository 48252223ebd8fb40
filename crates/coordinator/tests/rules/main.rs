//! The rules, each as a sentence; every verb in every state; and random lives with every invariant checked after each step.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod broken;
mod dice;
mod invariants;
mod lives;
mod seeds;
mod sentences;
mod states;
mod world;
