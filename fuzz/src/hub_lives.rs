//! Lives of the hub's registry: joins, services, subscriptions, messages and leaves as the input has it, compared with a model
//! after each step.

use concierge_hub::{Audience, Bounds, Delivery, NameTaken, News, Refusal, Registry, Turn};
use lives::{Model, check, one_step, small_hub};

use crate::dice;

#[path = "../../crates/hub/src/registry/lives.rs"]
mod lives;

/// What the hub's lives ask of their dice.
struct Dice(dice::Dice);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.0.below(n as u64)).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        self.0.pick(from)
    }

    /// Ids differ: the hub gets them from a generator that sees to that.
    fn bytes(&mut self) -> [u8; 16] {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        u128::from(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes()
    }
}

/// One life: it ends with the input.
///
/// # Panics
/// When the registry says something else than the model.
pub fn run(input: &[u8]) {
    let (mut dice, mut hub, mut model) = (Dice(dice::Dice::new(input)), small_hub(), Model::default());
    while !dice.0.is_over() {
        one_step(&mut dice, &mut hub, &mut model, Registry::leave).unwrap();
        check(&hub, &model).unwrap();
    }
}
