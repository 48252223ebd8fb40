//! Lives by seed: many that keep every invariant, and some of routers that get one thing wrong.

use std::collections::BTreeMap;

use concierge_api_rs::packet::Codes;

use crate::broken::Flaw;
use crate::dice::Dice;
use crate::lives::{Act, Life};

/// What lives came to: what happened, and what it led to.
type Counts = BTreeMap<(&'static str, Led), u64>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Led {
    Nothing,
    Something,
    /// An error of that number.
    Error(u8),
}

fn live(seed: u64, steps: u64, flaw: Flaw, counts: &mut Counts) -> Result<(), String> {
    let codes = if seed.is_multiple_of(2) { Codes::Seed } else { Codes::All };
    let (mut dice, mut life) = (Dice::new(seed), Life::new(codes, flaw));
    for step in 0..steps {
        let (act, said) = life.step(&mut dice).map_err(|problem| format!("seed {seed}, step {step}: {problem}"))?;
        count(&act, &said, counts);
    }
    life.end().map_err(|problem| format!("seed {seed}, at its end: {problem}"))
}

fn count(act: &Act, said: &[String], counts: &mut Counts) {
    let code = |line: &String| Some(Led::Error(line.split_once(r#""code":"#)?.1.as_bytes()[0] - b'0'));
    let any = if said.is_empty() { Led::Nothing } else { Led::Something };
    for led in said.iter().filter_map(code).chain([any]) {
        *counts.entry((act.name(), led)).or_default() += 1;
    }
}

#[test]
fn a_hundred_thousand_steps_of_lives_keep_every_invariant_and_see_every_outcome() {
    let mut counts = Counts::new();
    for seed in 0..200 {
        live(seed, 500, Flaw::None, &mut counts).unwrap();
    }
    let errors = |name, codes: &'static [u8]| codes.iter().map(move |code| (name, Led::Error(*code)));
    let errors = [
        errors("ask", &[1, 2, 4, 5, 6]),
        errors("cancel", &[0]),
        errors("go", &[2]),
        errors("pass", &[2, 7]),
        errors("answer", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ];
    let both = ["ask", "answer", "push", "cancel", "go", "pass"].map(|name| [(name, Led::Nothing), (name, Led::Something)]);
    for outcome in errors.into_iter().flatten().chain(both.into_iter().flatten()) {
        assert!(counts.get(&outcome).is_some_and(|n| *n > 20), "{outcome:?}: {counts:#?}");
    }
}

#[test]
fn a_router_that_gets_one_thing_wrong_is_caught() {
    for flaw in Flaw::ALL {
        let caught = (0..40).find_map(|seed| live(seed, 500, flaw, &mut Counts::new()).err());
        assert!(caught.is_some_and(|caught| caught.starts_with("seed ")), "{flaw:?} is not caught");
    }
}
