//! What happened to tasks lately: a ring of steps that forgets the oldest. It is always written: a step is one entry of a map and a
//! few counted references, beside a commit that waits for a disk.

use std::collections::{HashMap, HashSet, VecDeque};

use concierge_api_rs::admin::{History as Told, Moment, Step};
use concierge_api_rs::coordinator::{Address, PromiseId, TaskState};
use concierge_api_rs::limits;
use concierge_coordinator::TaskRow;
use concierge_store::{Before, More};
use parking_lot::Mutex;

/// The last steps in the lives of tasks.
pub(super) struct History(Mutex<Ring>);

struct Ring {
    steps: VecDeque<Kept>,
    /// The number of the first of them.
    first: u64,
    /// The number of the last step of each task.
    last: HashMap<PromiseId, u64>,
    /// What was before is not known.
    since: u64,
}

struct Kept {
    moment: Moment,
    /// The step of the same task before this one, if it is remembered.
    before: Option<u64>,
}

impl History {
    pub(super) fn new(since: u64) -> Self {
        Self(Mutex::new(Ring { steps: VecDeque::new(), first: 0, last: HashMap::new(), since }))
    }

    /// A task was written.
    pub(super) fn changed(&self, at: u64, before: Option<&Before>, task: &TaskRow, more: &More) {
        let mut ring = self.0.lock();
        for step in steps(before, task, more) {
            ring.add(at, &task.id, step);
        }
    }

    /// A task was offered, and somebody took the message or nobody did.
    pub(super) fn offered(&self, at: u64, id: &PromiseId, to: &Address, taken_by: Option<String>) {
        let mut ring = self.0.lock();
        let to = to.to_string();
        if let Some(last) = ring.last_of(id)
            && let Step::Offered { to: before, taken_by: taken_before, times } = &mut last.step
            && (&*before, &*taken_before) == (&to, &taken_by)
        {
            *times += 1;
            last.at = at;
            return;
        }
        ring.add(at, id, Step::Offered { to, taken_by, times: 1 });
    }

    /// Every row is gone: what is remembered is about others of the same names.
    pub(super) fn clear(&self, at: u64) {
        let mut ring = self.0.lock();
        let first = ring.first + ring.steps.len() as u64;
        *ring = Ring { steps: VecDeque::new(), first, last: HashMap::new(), since: at };
    }

    /// What happened to a task.
    pub(super) fn of(&self, id: &PromiseId) -> Told {
        let ring = self.0.lock();
        let (mut steps, mut count, mut next) = (Vec::new(), 0, ring.last.get(id).copied());
        while let Some(kept) = next.and_then(|number| ring.get(number)) {
            count += 1;
            if steps.len() < limits::HISTORY_SHOWN {
                steps.push(kept.moment.clone());
            }
            next = kept.before;
        }
        steps.reverse();
        Told { left_out: count - steps.len() as u64, steps, since: ring.since }
    }

    /// What happened to the task of a root and to those that came of it.
    pub(super) fn of_root(&self, root: &PromiseId) -> Told {
        let ring = self.0.lock();
        let mut tree: HashSet<&PromiseId> = HashSet::from([root]);
        tree.extend(ring.steps.iter().filter_map(|Kept { moment, .. }| match &moment.step {
            Step::Created { root: Some(origin) } if origin == root => Some(&moment.id),
            _ => None,
        }));
        let all: Vec<&Moment> = ring.steps.iter().map(|kept| &kept.moment).filter(|moment| tree.contains(&moment.id)).collect();
        let left_out = all.len().saturating_sub(limits::HISTORY_SHOWN);
        Told {
            steps: all[left_out..].iter().map(|moment| (*moment).clone()).collect(),
            left_out: left_out as u64,
            since: ring.since,
        }
    }
}

impl Ring {
    fn add(&mut self, at: u64, id: &PromiseId, step: Step) {
        if self.steps.len() >= limits::HISTORY_STEPS {
            self.forget();
        }
        let number = self.first + self.steps.len() as u64;
        let before = self.last.insert(id.clone(), number);
        self.steps.push_back(Kept { moment: Moment { at, id: id.clone(), step }, before });
    }

    fn forget(&mut self) {
        let Some(Kept { moment, .. }) = self.steps.pop_front() else { return };
        if self.last.get(&moment.id) == Some(&self.first) {
            self.last.remove(&moment.id);
        }
        self.since = moment.at;
        self.first += 1;
    }

    fn get(&self, number: u64) -> Option<&Kept> {
        self.steps.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn last_of(&mut self, id: &PromiseId) -> Option<&mut Moment> {
        let number = *self.last.get(id)?;
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.steps.get_mut(place).map(|kept| &mut kept.moment)
    }
}

/// What a change of a task means. One that is offered again, or whose lease is prolonged, is what it was.
fn steps(before: Option<&Before>, task: &TaskRow, more: &More) -> impl Iterator<Item = Step> {
    let created = before.is_none().then(|| Step::Created { root: more.root.clone() });
    let held = before.and_then(|before| before.pid.clone());
    let was = before.map(|before| before.state);
    let step = match (was, task.state) {
        (was, TaskState::Acquired)
            if was != Some(TaskState::Acquired) || before.map(|before| before.claims) != Some(task.claims.0) =>
        {
            task.pid.clone().zip(task.ttl).map(|(pid, ttl)| Step::Claimed { pid, ttl, claims: task.claims.0 })
        }
        (Some(TaskState::Acquired), TaskState::Pending) => held.map(|pid| match more.released {
            true => Step::Released { pid },
            false => Step::LeaseOver { pid },
        }),
        (Some(TaskState::Suspended), TaskState::Pending) => task.woken_by.clone().map(|by| Step::Resumed { by }),
        (Some(TaskState::Halted), TaskState::Pending) => Some(Step::Continued),
        (was, TaskState::Suspended) if was != Some(TaskState::Suspended) => Some(Step::Suspended {
            on: more.awaited.iter().take(limits::HISTORY_AWAITED).cloned().collect(),
            count: more.awaited.len() as u64,
        }),
        (was, TaskState::Halted) if was != Some(TaskState::Halted) => Some(Step::Halted),
        (was, TaskState::Fulfilled) if was != Some(TaskState::Fulfilled) => more.settled.map(|state| Step::Fulfilled { state }),
        _ => None,
    };
    created.into_iter().chain(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PromiseId {
        PromiseId::parse(text).unwrap()
    }

    fn ats(told: &Told) -> Vec<u64> {
        told.steps.iter().map(|moment| moment.at).collect()
    }

    #[test]
    fn the_last_steps_of_all_tasks_are_remembered_and_each_task_finds_its_own() {
        let history = History::new(7);
        let to = Address::parse("any@work").unwrap();
        let steps = limits::HISTORY_STEPS as u64;
        for at in 0..steps + 10 {
            // each is taken by another one, so that none is a repetition
            history.offered(at, &id(&format!("t{}", at % 4)), &to, Some(at.to_string()));
        }
        let told = history.of(&id("t0"));
        assert_eq!((told.since, told.steps.len()), (9, limits::HISTORY_SHOWN));
        assert_eq!(told.left_out, steps / 4 - limits::HISTORY_SHOWN as u64);
        assert_eq!(ats(&told)[limits::HISTORY_SHOWN - 2..], [steps + 4, steps + 8]);
        assert_eq!(history.of(&id("nobody")).steps, []);
        history.0.lock().last.values().for_each(|number| assert!(*number >= 10));
    }

    #[test]
    fn offers_that_nobody_takes_are_one_step_however_often() {
        let history = History::new(0);
        let to = Address::parse("any@work").unwrap();
        for at in 0..5 {
            history.offered(at, &id("a"), &to, None);
            history.offered(at, &id("b"), &to, None);
        }
        history.offered(9, &id("a"), &to, Some("w1".to_owned()));
        let told = history.of(&id("a"));
        let offered = |taken_by: Option<&str>, times| Step::Offered {
            to: "any@work".to_owned(),
            taken_by: taken_by.map(str::to_owned),
            times,
        };
        let steps: Vec<(u64, Step)> = told.steps.into_iter().map(|moment| (moment.at, moment.step)).collect();
        assert_eq!(steps, [(4, offered(None, 5)), (9, offered(Some("w1"), 1))]);
    }
}
