//! The sequential specification: what one id may be answered, one request after the other. "The lives of promises and tasks" in
//! PROTOCOL.md, for promises whose deadline is far.

use crate::event::{Answer, Op, Phase};

/// Whether leases may end during a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leases {
    /// They are longer than it.
    Outlast,
    /// At any time, as nobody sees when.
    MayEnd,
}

/// What there is under one id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct State(Option<Known>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Known {
    param: String,
    value: Option<String>,
    /// Its task, when it has a target.
    task: Option<(Phase, u64)>,
}

impl State {
    /// Every state it may be in now without anybody having asked: itself first.
    pub(crate) fn drifts(&self, leases: Leases) -> Vec<Self> {
        let mut states = vec![self.clone()];
        if let Self(Some(known @ Known { task: Some((phase, version)), .. })) = self {
            // what it waits for is settled, or nobody holds it any longer
            let back = *phase == Phase::Suspended || (*phase == Phase::Acquired && leases == Leases::MayEnd);
            states.extend(back.then(|| Self(Some(Known { task: Some((Phase::Pending, *version)), ..known.clone() }))));
        }
        states
    }

    /// What may be answered now, and what is then.
    pub(crate) fn answers(&self, op: &Op) -> Vec<(Answer, Self)> {
        let Self(known) = self;
        match (op, known) {
            (Op::Heartbeat { .. }, _) => vec![(Answer::Done, self.clone())],
            (Op::Create { param, target }, None) => {
                let task = target.then_some((Phase::Pending, 0));
                let known = Known { param: param.clone(), value: None, task };
                vec![(known.shown(), Self(Some(known)))]
            }
            (_, None) => self.refuses(404),
            (Op::Create { .. } | Op::Get, Some(known)) => vec![(known.shown(), self.clone())],
            (Op::Settle { value }, Some(known)) => vec![known.settled(value)],
            (_, Some(Known { task: None, .. })) => self.refuses(404),
            (Op::Look, Some(Known { task: Some((phase, version)), .. })) => {
                vec![(Answer::Task { phase: *phase, version: *version }, self.clone())]
            }
            (Op::Acquire { version, .. }, Some(known)) if known.task == Some((Phase::Pending, *version)) => {
                let version = version + 1;
                vec![(Answer::Task { phase: Phase::Acquired, version }, known.with(Phase::Acquired, version))]
            }
            (op, Some(known)) => self.held(op, known),
        }
    }

    /// What only the holder may do.
    fn held(&self, op: &Op, known: &Known) -> Vec<(Answer, Self)> {
        let Some(version) = op.held().filter(|version| known.task == Some((Phase::Acquired, *version))) else {
            return self.refuses(409);
        };
        match op {
            Op::Fulfill { value, .. } => vec![known.settled(value)],
            Op::Release { .. } => vec![(Answer::Done, known.with(Phase::Pending, version))],
            // what it waits for is another id: settled or not, known or not
            Op::Suspend { .. } => vec![
                (Answer::Done, known.with(Phase::Suspended, version)),
                (Answer::GoOn, self.clone()),
                (Answer::Refused(422), self.clone()),
            ],
            _ => vec![(Answer::Done, self.clone())],
        }
    }

    fn refuses(&self, status: u16) -> Vec<(Answer, Self)> {
        vec![(Answer::Refused(status), self.clone())]
    }
}

impl Known {
    fn shown(&self) -> Answer {
        Answer::Promise { param: self.param.clone(), value: self.value.clone() }
    }

    fn with(&self, phase: Phase, version: u64) -> State {
        State(Some(Self { task: Some((phase, version)), ..self.clone() }))
    }

    /// With its first outcome, and without anything left to do.
    fn settled(&self, value: &str) -> (Answer, State) {
        let value = self.value.clone().unwrap_or_else(|| value.to_owned());
        let task = self.task.map(|(_, version)| (Phase::Fulfilled, version));
        let known = Self { value: Some(value), task, ..self.clone() };
        (known.shown(), State(Some(known)))
    }
}
