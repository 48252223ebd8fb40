//! What holds after every step, and what a step may change.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::coordinator::{
    Answer, Claims, Millis, Outcome, Promise, PromiseId, PromiseState, Request, Task, TaskState,
};
use concierge_coordinator::{Everything, Offer, OfferKey, TaskRow};

type Checked = Result<(), String>;

/// What is remembered from one step to the next, so that histories can be judged and not only states.
#[derive(Default)]
pub(crate) struct Judge {
    before: Everything,
    /// Who was last told that it holds a task, and has not lost it in public since.
    holders: BTreeMap<PromiseId, Claims>,
    /// The claims of every task that was claimed: each is given to one only.
    claimed: BTreeSet<(PromiseId, Claims)>,
}

/// The rows of one step.
struct Step<'a> {
    now: Millis,
    rows: &'a Everything,
    promises: BTreeMap<&'a PromiseId, &'a Promise>,
    tasks: BTreeMap<&'a PromiseId, &'a TaskRow>,
}

impl Judge {
    /// The rows after the last step.
    pub(crate) fn rows(&self) -> &Everything {
        &self.before
    }

    /// Judges one step: what was asked and answered (nothing for a sweep), what is offered, what is there.
    pub(crate) fn step(
        &mut self,
        now: Millis,
        asked: Option<(&Request, &Outcome)>,
        offers: &[Offer],
        rows: Everything,
    ) -> Checked {
        let step = Step {
            now,
            promises: rows.promises.iter().map(|promise| (&promise.id, promise)).collect(),
            tasks: rows.tasks.iter().map(|task| (&task.id, task)).collect(),
            rows: &rows,
        };
        step.promises()?;
        step.tasks()?;
        step.registrations()?;
        step.messages(offers)?;
        self.changes(&step)?;
        if let Some((request, Ok(answer))) = asked {
            shown(now, answer)?;
            self.trace(request, answer)?;
        }
        self.ended(&step, asked.is_some())?;
        self.before = rows;
        Ok(())
    }

    /// What was settled stays as it is, claims only grow, and who waited for what settled in this step was woken or told.
    fn changes(&self, step: &Step<'_>) -> Checked {
        for before in &self.before.promises {
            let after = step.promises.get(&before.id).ok_or_else(|| format!("the promise {} is gone", before.id))?;
            if before.state != PromiseState::Pending && before != *after {
                return Err(format!("{} was settled as {before:?} and is {after:?}", before.id));
            }
            if before.state == PromiseState::Pending && after.state != PromiseState::Pending {
                self.settled(&before.id, step)?;
            }
        }
        for before in &self.before.tasks {
            let after = step.tasks.get(&before.id).ok_or_else(|| format!("the task {} is gone", before.id))?;
            if after.claims < before.claims || after.claims.0 > before.claims.0 + 1 {
                return Err(format!("{} was claimed {} times and then {}", before.id, before.claims, after.claims));
            }
        }
        Ok(())
    }

    fn settled(&self, id: &PromiseId, step: &Step<'_>) -> Checked {
        for listener in self.before.listeners.iter().filter(|listener| listener.promise == *id) {
            if !step.rows.notices.iter().any(|notice| notice.to == *listener) {
                return Err(format!("{} settled and {} is not told", id, listener.address));
            }
        }
        for (_, awaiter) in self.before.registrations.iter().filter(|(awaited, _)| awaited == id) {
            let slept = self.before.tasks.iter().any(|task| task.id == *awaiter && task.state == TaskState::Suspended);
            let sleeps = step.tasks[awaiter].state == TaskState::Suspended && step.is_pending(awaiter);
            if slept && sleeps {
                return Err(format!("{id} settled and {awaiter} still sleeps"));
            }
        }
        Ok(())
    }

    /// A lease ends by request, by the end of its promise, or by its time, and not before that.
    fn ended(&mut self, step: &Step<'_>, asked: bool) -> Checked {
        for before in self.before.tasks.iter().filter(|task| task.state == TaskState::Acquired) {
            let after = step.tasks[&before.id].state;
            if after == TaskState::Pending && !asked && before.due_at.is_none_or(|at| step.now < at) {
                return Err(format!("{before:?} lost its lease at {}", step.now));
            }
            if after != TaskState::Acquired {
                self.holders.remove(&before.id);
            }
        }
        Ok(())
    }

    /// At most one holds a task: whoever acts as its holder was the last one to be told so.
    fn trace(&mut self, request: &Request, answer: &Answer) -> Checked {
        let task = match (request, answer) {
            (_, Answer::Acquired { task, .. }) => return self.claimed(task),
            (_, Answer::Created { task, .. }) if task.state == TaskState::Acquired => return self.claimed(task),
            (Request::TaskSuspend(suspend), _) => &suspend.task,
            (Request::TaskFulfill(fulfill), _) => &fulfill.task,
            (Request::TaskFence(fence), _) => &fence.task,
            (Request::TaskRelease(task), _) => task,
            (Request::TaskHalt(task), _) => {
                self.holders.remove(&task.id);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.holders.get(&task.id) != Some(&task.claims) {
            return Err(format!("{task:?} acted as holder, and that is {:?}", self.holders.get(&task.id)));
        }
        if !matches!(answer, Answer::GoOn { .. } | Answer::Fenced { .. }) {
            self.holders.remove(&task.id);
        }
        Ok(())
    }

    fn claimed(&mut self, task: &Task) -> Checked {
        if !self.claimed.insert((task.id.clone(), task.claims)) {
            return Err(format!("{} was claimed twice as {}", task.id, task.claims));
        }
        if let Some(holder) = self.holders.insert(task.id.clone(), task.claims) {
            return Err(format!("{} was claimed while {holder} held it", task.id));
        }
        Ok(())
    }
}

impl Step<'_> {
    fn is_pending(&self, id: &PromiseId) -> bool {
        self.promises.get(id).is_some_and(|promise| promise.is_pending(self.now))
    }

    fn is_open(&self, id: &PromiseId) -> bool {
        self.promises.get(id).is_some_and(|promise| promise.state == PromiseState::Pending)
    }

    /// A promise has a settling time exactly when it is settled, and one with a target has a task.
    fn promises(&self) -> Checked {
        for promise in &self.rows.promises {
            if (promise.state == PromiseState::Pending) != promise.settled_at.is_none() {
                return Err(format!("{promise:?}"));
            }
            if promise.target().is_some() != self.tasks.contains_key(&promise.id) {
                return Err(format!("{promise:?} and its task {:?}", self.tasks.get(&promise.id)));
            }
        }
        Ok(())
    }

    /// A task is fulfilled exactly when its promise is written down as settled; held by one, due or neither, as its state says.
    fn tasks(&self) -> Checked {
        for task in &self.rows.tasks {
            let (acquired, pending) = (task.state == TaskState::Acquired, task.state == TaskState::Pending);
            let fits = self.promises.contains_key(&task.id)
                && (task.state == TaskState::Fulfilled) != self.is_open(&task.id)
                && task.pid.is_some() == acquired
                && task.ttl.is_some() == acquired
                && task.due_at.is_some() == (acquired || pending)
                && (task.resumes.is_empty() || task.state != TaskState::Fulfilled);
            if !fits {
                return Err(format!("{task:?} of {:?}", self.promises.get(&task.id)));
            }
        }
        Ok(())
    }

    /// Who waits has a live task and waits for a promise that is open; who is suspended waits for something.
    fn registrations(&self) -> Checked {
        for (awaited, awaiter) in &self.rows.registrations {
            let live = self.tasks.get(awaiter).is_some_and(|task| task.state != TaskState::Fulfilled);
            if !self.is_open(awaited) || !live || awaiter == awaited {
                return Err(format!("{awaiter} waits for {awaited}"));
            }
        }
        for task in self.rows.tasks.iter().filter(|task| task.state == TaskState::Suspended && self.is_pending(&task.id)) {
            if !self.rows.registrations.iter().any(|(_, awaiter)| *awaiter == task.id) {
                return Err(format!("{task:?} waits for nothing"));
            }
        }
        Ok(())
    }

    /// Listeners wait for open promises, notices tell of settled ones; what is offered can be had.
    fn messages(&self, offers: &[Offer]) -> Checked {
        if let Some(listener) = self.rows.listeners.iter().find(|listener| !self.is_open(&listener.promise)) {
            return Err(format!("{listener:?}"));
        }
        if let Some(notice) = self.rows.notices.iter().find(|notice| self.is_open(&notice.to.promise)) {
            return Err(format!("{notice:?}"));
        }
        for offer in offers {
            let fits = match &offer.key {
                OfferKey::Task(id) => self.is_pending(id) && self.tasks[id].address.as_ref() == Some(&offer.address),
                OfferKey::Notice(promise, _) => !self.is_open(promise),
            };
            if !fits {
                return Err(format!("{offer:?}"));
            }
        }
        Ok(())
    }
}

/// No answer shows a promise as pending past its deadline.
fn shown(now: Millis, answer: &Answer) -> Checked {
    let promises: Vec<&Promise> = match answer {
        Answer::Promise(promise) => vec![promise],
        Answer::Created { promise, preload, .. } => preload.iter().chain([promise]).collect(),
        Answer::Acquired { promise, awaited, preload, .. } => preload.iter().chain([promise]).chain(awaited).collect(),
        Answer::GoOn { preload } => preload.iter().collect(),
        Answer::Promises { page, .. } => page.iter().collect(),
        Answer::Fenced { outcome, .. } => {
            return match &**outcome {
                Ok(inner) => shown(now, inner),
                Err(_) => Ok(()),
            };
        }
        _ => return Ok(()),
    };
    match promises.into_iter().find(|promise| promise.is_overdue(now)) {
        Some(promise) => Err(format!("{promise:?} is shown at {now}")),
        None => Ok(()),
    }
}
