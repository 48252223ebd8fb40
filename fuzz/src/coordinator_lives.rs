//! Lives of the coordinator's rules: requests, sweeps and clock jumps as the input has it, with every invariant checked after
//! each step, and each step done again on rows that were loaded for it alone.

use crate::broken::Flaw;
use crate::dice::Dice;
use crate::lives::Life;

/// One life: it ends with the input.
///
/// # Panics
/// When an invariant is broken.
pub fn run(input: &[u8]) {
    let mut life = Life::new(Dice::new(input));
    while !life.dice.is_over() {
        life.turn(Flaw::None).unwrap();
    }
    life.compare_rows().unwrap();
}
