//! The rules of the router, each as a sentence; and random lives against a model, with every invariant checked after each step.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod book;
mod broken;
mod dice;
mod elsewhere;
mod judge;
mod keys;
mod lives;
mod model;
mod seeds;
mod sentences;
mod world;
