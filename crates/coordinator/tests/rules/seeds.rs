//! Lives by seed: many that keep every invariant, and some on rows that get one thing wrong.

use concierge_api_rs::coordinator::Kind;

use crate::broken::Flaw;
use crate::dice::Dice;
use crate::lives::{Counts, Life};

fn live(seed: u64, steps: u64, flaw: Flaw) -> Result<Counts, String> {
    let mut life = Life::new(Dice::new(seed));
    for step in 0..steps {
        life.turn(flaw).map_err(|problem| format!("seed {seed}, step {step}: {problem}"))?;
        if flaw == Flaw::None && step % 50 == 0 {
            life.compare_rows().map_err(|problem| format!("seed {seed}, step {step}: {problem}"))?;
        }
    }
    Ok(life.counts)
}

#[test]
fn a_hundred_thousand_steps_of_lives_keep_every_invariant_and_see_every_verb_granted_and_refused() {
    let mut counts = Counts::new();
    for seed in 0..500 {
        for (kind, (granted, refused)) in live(seed, 200, Flaw::None).unwrap() {
            let count = counts.entry(kind).or_default();
            *count = (count.0 + granted, count.1 + refused);
        }
    }
    for kind in Kind::ALL.iter().filter(|kind| !kind.is_debug()) {
        let (granted, refused) = counts.get(kind).copied().unwrap_or_default();
        // these two refuse nothing that can be said
        let never_refused = matches!(kind, Kind::PromiseSearch | Kind::TaskSearch | Kind::ScheduleSearch | Kind::TaskHeartbeat);
        assert!(granted > 20 && (never_refused || refused > 20), "{kind:?}: {granted} granted, {refused} refused");
    }
}

#[test]
fn rows_that_get_one_thing_wrong_are_caught() {
    for flaw in [
        Flaw::KeepsAwaiters,
        Flaw::KeepsRegistrations,
        Flaw::LosesNotices,
        Flaw::LosesRegistrations,
        Flaw::LosesRetries,
        Flaw::StretchesDeadlines,
        Flaw::LosesClaims,
        Flaw::LosesWakes,
        Flaw::ForgetsSettlement,
    ] {
        let caught = (0..40).find_map(|seed| live(seed, 500, flaw).err());
        assert!(caught.is_some_and(|caught| caught.starts_with("seed ")), "{flaw:?} is not caught");
    }
}
