//! Rules with names, for what is promised across the death of a hub.
//!
//! They use only what is certain: of two events one comes before the other when it was answered before the other was called, and
//! what was not answered may have happened or not.

use std::fmt;

use crate::event::{Answer, Event, History, Nanos, Offer, Op, Owed, Phase};

/// By how much the hub's clock may be seen otherwise than ours: it counts whole milliseconds, and follows the system's time.
const TOLERANCE: Nanos = 2_000_000;

/// A promise that was not kept. Of two events the first was told what the second denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// What was acknowledged is gone.
    Lost(Event, Event),
    /// A promise has two outcomes, or two parameters.
    TwoOutcomes(Event, Event),
    /// A promise has an outcome, or a parameter, that nobody had asked for.
    FromNowhere(Event),
    /// A task's version became smaller.
    VersionShrank(Event, Event),
    /// One claim was given to two.
    ClaimedTwice(Event, Event),
    /// Who had lost the task to a later claim was let through.
    Unfenced(Event, Event),
    /// A task was claimed while the lease of the claim before certainly ran.
    LeaseShared(Event, Event),
    /// A task was not offered, though a worker was there.
    NotOffered(Owed),
}

/// All that is broken.
#[must_use]
pub fn broken(history: &History) -> Vec<Broken> {
    let mut found: Vec<Broken> =
        history.owed.iter().filter(|owed| !is_met(owed, &history.offers)).cloned().map(Broken::NotOffered).collect();
    for events in history.by_id().values() {
        found.extend(
            events.iter().filter(|event| comes_from_nowhere(event, events)).map(|event| Broken::FromNowhere((*event).clone())),
        );
        for one in events {
            found.extend(events.iter().filter_map(|other| denied(one, other)));
        }
        found.extend(shared_leases(events));
    }
    found
}

fn is_met(owed: &Owed, offers: &[Offer]) -> bool {
    offers.iter().any(|offer| offer.id == owed.id && offer.at >= owed.since)
}

/// What an answer shows.
struct Shown<'a> {
    exists: bool,
    /// None when it shows nothing about it.
    settled: Option<bool>,
    param: Option<&'a str>,
    value: Option<&'a str>,
    version: Option<u64>,
}

fn shown(event: &Event) -> Option<Shown<'_>> {
    let nothing = Shown { exists: true, settled: None, param: None, value: None, version: None };
    match (&event.op, event.answer()?) {
        // of everything else it may mean that there is no task
        (Op::Get | Op::Settle { .. }, Answer::Refused(404)) => Some(Shown { exists: false, ..nothing }),
        (Op::Heartbeat { .. }, _) | (_, Answer::Refused(_)) => None,
        (op, Answer::Promise { param, value }) => Some(Shown {
            settled: Some(value.is_some()),
            param: Some(param),
            value: value.as_deref(),
            version: op.held(),
            ..nothing
        }),
        (_, Answer::Task { phase, version }) => {
            Some(Shown { settled: Some(*phase == Phase::Fulfilled), version: Some(*version), ..nothing })
        }
        (op, Answer::Done | Answer::GoOn) => Some(Shown { settled: Some(false), version: op.held(), ..nothing }),
    }
}

/// What the first was told and the second denies.
fn denied(one: &Event, other: &Event) -> Option<Broken> {
    let (first, second) = (shown(one)?, shown(other)?);
    let both = || (one.clone(), other.clone());
    let differ = |one: Option<&str>, other: Option<&str>| matches!((one, other), (Some(one), Some(other)) if one != other);
    if differ(first.param, second.param) || differ(first.value, second.value) {
        // both ways round it is the same finding
        let (one, other) = both();
        return (one.called < other.called).then_some(Broken::TwoOutcomes(one, other));
    }
    if is_claim(one) && is_claim(other) && first.version == second.version && one.called < other.called {
        let (one, other) = both();
        return Some(Broken::ClaimedTwice(one, other));
    }
    if !one.precedes(other) {
        return None;
    }
    let (one, other) = both();
    match (first.version, second.version) {
        (Some(version), Some(later)) if later < version && other.op.held().is_some() => Some(Broken::Unfenced(one, other)),
        (Some(version), Some(later)) if later < version => Some(Broken::VersionShrank(one, other)),
        _ if first.exists && !second.exists => Some(Broken::Lost(one, other)),
        _ if first.settled == Some(true) && second.settled == Some(false) => Some(Broken::Lost(one, other)),
        _ => None,
    }
}

fn is_claim(event: &Event) -> bool {
    matches!(event.op, Op::Acquire { .. }) && event.is_granted()
}

/// Whether it shows what nobody had asked for before.
fn comes_from_nowhere(event: &Event, events: &[&Event]) -> bool {
    let (Some(Shown { param: Some(param), value, .. }), Some(reply)) = (shown(event), &event.reply) else { return false };
    let asked = |is_it: &dyn Fn(&Op) -> bool| events.iter().any(|other| other.called <= reply.at && is_it(&other.op));
    let settles = |op: &Op| match op {
        Op::Settle { value: asked } | Op::Fulfill { value: asked, .. } => Some(asked.as_str()) == value,
        _ => false,
    };
    let creates = |op: &Op| matches!(op, Op::Create { param: asked, .. } if asked == param);
    !asked(&creates) || (value.is_some() && !asked(&settles))
}

/// Claims that were given while the one before certainly ran.
fn shared_leases(events: &[&Event]) -> Vec<Broken> {
    let claims = || events.iter().filter(|event| is_claim(event));
    let shared = claims().flat_map(|one| claims().map(move |other| (one, other)));
    let shared = shared.filter(|(one, other)| {
        let (Some(reply), true) = (&other.reply, claim_of(other) > claim_of(one)) else { return false };
        reply.at + TOLERANCE < runs_until(one, events) && !may_have_ended(claim_of(one), reply.at, events)
    });
    shared.map(|(one, other)| Broken::LeaseShared((*one).clone(), (*other).clone())).collect()
}

fn claim_of(event: &Event) -> Option<u64> {
    shown(event)?.version
}

/// The lease certainly runs until then, unless its holder ends it.
fn runs_until(claim: &Event, events: &[&Event]) -> Nanos {
    let Op::Acquire { ttl, .. } = claim.op else { return 0 };
    let beats = events.iter().filter(|event| matches!(event.op, Op::Heartbeat { version } if Some(version) == claim_of(claim)));
    beats.fold(claim.called + ttl, |until, beat| match &beat.reply {
        Some(reply) if claim.precedes(beat) && reply.at + TOLERANCE < until => until.max(beat.called + ttl),
        _ => until,
    })
}

/// Whether its holder may have given the task back by then.
fn may_have_ended(claim: Option<u64>, by: Nanos, events: &[&Event]) -> bool {
    events.iter().any(|event| {
        let gives = matches!(event.op, Op::Release { .. } | Op::Suspend { .. }) && event.op.held() == claim;
        let refused = matches!(event.answer(), Some(Answer::Refused(_) | Answer::GoOn));
        gives && !refused && event.called <= by
    })
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, events): (&str, Vec<&Event>) = match self {
            Self::Lost(one, other) => ("what was acknowledged is gone", vec![one, other]),
            Self::TwoOutcomes(one, other) => ("two outcomes", vec![one, other]),
            Self::FromNowhere(event) => ("nobody asked for it", vec![event]),
            Self::VersionShrank(one, other) => ("the version became smaller", vec![one, other]),
            Self::ClaimedTwice(one, other) => ("claimed twice", vec![one, other]),
            Self::Unfenced(one, other) => ("let through after a later claim", vec![one, other]),
            Self::LeaseShared(one, other) => ("claimed while a lease ran", vec![one, other]),
            Self::NotOffered(owed) => return write!(f, "{} was not offered after {}", owed.id, owed.since),
        };
        f.write_str(what)?;
        events.into_iter().try_for_each(|event| write!(f, "\n  {event}"))
    }
}

#[cfg(test)]
mod tests;
