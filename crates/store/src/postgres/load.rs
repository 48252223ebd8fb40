//! The neighbourhood of some requests, locked and loaded in one round trip.
//!
//! Whoever changes a promise, its task, or what is registered with it holds the lock of the promise's row. One statement takes
//! all of a transaction's locks, in the order of ids, so that no two transactions wait for each other. What is behind the locks
//! is read by the statements after it, which see everything that was committed when the locks were had. Who waits for a
//! promise is known for sure only then: when it is somebody who was not locked, all of it has to be done again.

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::{FenceVerb, Millis, Pid, PromiseCreate, PromiseId, Request, ScheduleId};
use concierge_api_rs::limits;
use concierge_coordinator::{MemoryRows, Reads, Rows, Touched, touched};
use deadpool_postgres::Object;
use tokio_postgres::{Client, Error, Row};

use super::ask::{self, Params, TIME, array};
use super::read::{self, promise_columns, schedule_columns, task_columns};
use super::trouble::Trouble;

/// Promises that may be changed: those named ($1), who waits for one that may settle ($2), and what a worker holds ($3).
macro_rules! concerned {
    () => {
        "SELECT unnest($1::bytea[]) UNION SELECT awaiter FROM registrations WHERE awaited = ANY($2::bytea[]) \
         UNION SELECT id FROM tasks WHERE pid = ANY($3::bytea[])"
    };
}

const SCHEDULES: &str =
    concat!("SELECT ", schedule_columns!(), " FROM schedules WHERE id = ANY($1::bytea[]) ORDER BY id FOR UPDATE");
const LOCK: &str =
    concat!("SELECT ", promise_columns!(), " FROM promises WHERE id IN (", concerned!(), ") ORDER BY id FOR UPDATE");
const LOCK_FREE: &str =
    concat!("SELECT ", promise_columns!(), " FROM promises WHERE id IN (", concerned!(), ") ORDER BY id FOR UPDATE SKIP LOCKED");
const EXISTING: &str = "SELECT id FROM promises WHERE id = ANY($1::bytea[])";
const TASKS: &str = concat!("SELECT ", task_columns!(), " FROM tasks WHERE id IN (", concerned!(), ")");
/// They are settled, so nobody changes them.
const WOKEN_BY: &str = concat!(
    "SELECT ",
    promise_columns!(),
    " FROM promises WHERE id IN (SELECT woken_by FROM tasks WHERE id = ANY($1::bytea[]) AND woken_by IS NOT NULL)"
);
const REGISTRATIONS: &str = "SELECT awaiter, awaited FROM registrations WHERE awaited = ANY($1::bytea[])";
const LISTENERS: &str = "SELECT promise, address, dialect FROM listeners WHERE promise = ANY($1::bytea[])";
const NOTICES: &str = "SELECT promise, address, dialect, due_at FROM notices WHERE promise = ANY($1::bytea[])";
const BRANCHES: &str = concat!(
    "SELECT promises.* FROM (SELECT branch FROM promises WHERE id = ANY($1::bytea[]) AND branch IS NOT NULL UNION ",
    "SELECT unnest($2::bytea[])) AS wanted CROSS JOIN LATERAL (SELECT ",
    promise_columns!(),
    " FROM promises WHERE md5(promises.branch) = md5(wanted.branch) AND promises.branch = wanted.branch ",
    "ORDER BY promises.id LIMIT $3) AS promises"
);

/// What some requests touch together.
#[derive(Debug, Default)]
pub(super) struct Needs {
    rows: BTreeSet<PromiseId>,
    awaited: BTreeSet<PromiseId>,
    settled: BTreeSet<PromiseId>,
    pids: BTreeSet<Pid>,
    branch_of: BTreeSet<PromiseId>,
    branches: BTreeSet<String>,
    schedules: BTreeSet<ScheduleId>,
    notices: BTreeSet<PromiseId>,
}

/// What to do about a row that somebody else has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    Wait,
    Skip,
}

/// What was loaded.
pub(super) struct Loaded {
    pub(super) rows: MemoryRows,
    /// Promises that are ours until the end of the transaction.
    pub(super) locked: BTreeSet<PromiseId>,
    /// Promises that are there, ours or not; known of those named only.
    pub(super) existing: BTreeSet<PromiseId>,
    /// The database's time, with the locks in hand.
    pub(super) now: Millis,
}

impl Needs {
    /// What these requests touch. One of them may look at the branch of a promise that an earlier one creates.
    pub(super) fn of<'a>(requests: impl Iterator<Item = &'a Request> + Clone) -> Self {
        let mut needs = Self::default();
        requests.clone().for_each(|request| needs.add(&touched(request)));
        let created = requests.filter_map(created).filter(|create| needs.branch_of.contains(&create.id));
        let branches: Vec<String> = created.filter_map(|create| create.branch().map(str::to_owned)).collect();
        needs.branches.extend(branches);
        needs
    }

    pub(super) fn add(&mut self, touched: &Touched) {
        self.rows.extend(touched.rows.iter().cloned());
        self.awaited.extend(touched.awaited.iter().chain(&touched.settled).cloned());
        self.settled.extend(touched.settled.iter().cloned());
        self.pids.extend(touched.held_by.clone());
        self.schedules.extend(touched.schedules.iter().cloned());
        self.notices.extend(touched.notice.iter().map(|(promise, _)| promise.clone()));
        if let Some((id, wanted)) = &touched.branch {
            self.branch_of.insert(id.clone());
            self.branches.extend(wanted.clone());
        }
    }

    /// Locks and loads. With [`Locked::Wait`] the transaction begins here.
    pub(super) async fn load(&self, client: &Object, locked: Locked) -> Result<Loaded, Trouble> {
        let wait = locked == Locked::Wait;
        let lock = if wait { LOCK } else { LOCK_FREE };
        let sql = [SCHEDULES, lock, EXISTING, TASKS, WOKEN_BY, REGISTRATIONS, LISTENERS, NOTICES, BRANCHES, TIME];
        let [schedules, lock, existing, tasks, woken_by, registrations, listeners, notices, branches, time] =
            ask::prepare(client, sql).await?;
        let named = array(self.rows.iter().chain(&self.awaited));
        let (ids, settled, pids) = (array(&self.rows), array(&self.settled), array(&self.pids));
        let (awaited, noticed, locked_schedules) = (array(&self.awaited), array(&self.notices), array(&self.schedules));
        let (branch_of, wanted) = (array(&self.branch_of), array(&self.branches));
        let most = i64::try_from(limits::PRELOAD_PROMISES + 1).expect("there are a few");
        let has_rows = !named.is_empty() || !pids.is_empty();
        let has_awaited = !awaited.is_empty();
        let client: &Client = client;
        let of_schedules: Params<'_> = &[&locked_schedules];
        let of_concerned: Params<'_> = &[&named, &settled, &pids];
        let of_named: Params<'_> = &[&named];
        let of_ids: Params<'_> = &[&ids];
        let of_awaited: Params<'_> = &[&awaited];
        let of_noticed: Params<'_> = &[&noticed];
        let of_branches: Params<'_> = &[&branch_of, &wanted, &most];
        // they are sent in this order
        let answers = futures::join!(
            begin(client, wait),
            ask::rows(client, wait && !locked_schedules.is_empty(), &schedules, of_schedules),
            ask::rows(client, has_rows, &lock, of_concerned),
            ask::rows(client, !wait && has_rows, &existing, of_named),
            ask::rows(client, has_rows, &tasks, of_concerned),
            ask::rows(client, !ids.is_empty(), &woken_by, of_ids),
            ask::rows(client, has_awaited, &registrations, of_awaited),
            ask::rows(client, has_awaited, &listeners, of_awaited),
            ask::rows(client, !noticed.is_empty(), &notices, of_noticed),
            ask::rows(client, !branch_of.is_empty(), &branches, of_branches),
            ask::rows(client, true, &time, &[]),
        );
        let (begun, schedules, locked, existing, tasks, woken_by, registrations, listeners, notices, branches, time) = answers;
        begun?;
        let mut loaded = Loaded::new(ask::time(&time?)?);
        loaded.promises(&schedules?, &woken_by?, &branches?, &locked?)?;
        loaded.existing = existing?.iter().map(|row| read::id(row, 0)).collect::<Result<_, _>>()?;
        let ours = loaded.others(&tasks?, &registrations?, &listeners?, &notices?)?;
        let waiting = |id: &PromiseId| free(loaded.rows.awaiters(id)).iter().all(|awaiter| loaded.locked.contains(awaiter));
        if wait && !(ours && self.settled.iter().all(waiting)) {
            return Err(Trouble::Overtaken);
        }
        Ok(loaded)
    }
}

impl Loaded {
    fn new(now: Millis) -> Self {
        Self { rows: MemoryRows::new(), locked: BTreeSet::new(), existing: BTreeSet::new(), now }
    }

    fn promises(&mut self, schedules: &[Row], woken_by: &[Row], branches: &[Row], locked: &[Row]) -> Result<(), Trouble> {
        for row in schedules {
            free(self.rows.put_schedule(&read::schedule(row)?));
        }
        for row in woken_by.iter().chain(branches).chain(locked) {
            free(self.rows.put_promise(&read::promise(row, 0)?));
        }
        self.locked = locked.iter().map(|row| read::id(row, 0)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Gives whether all tasks are of promises that are ours: others came after the locks.
    fn others(&mut self, tasks: &[Row], registrations: &[Row], listeners: &[Row], notices: &[Row]) -> Result<bool, Trouble> {
        let mut ours = true;
        for task in tasks.iter().map(read::task) {
            let task = task?;
            if self.locked.contains(&task.id) {
                free(self.rows.put_task(&task));
            } else {
                ours = false;
            }
        }
        for row in registrations {
            free(self.rows.put_registration(&read::id(row, 0)?, &read::id(row, 1)?));
        }
        for listener in listeners.iter().map(read::listener) {
            free(self.rows.put_listener(&listener?));
        }
        for notice in notices.iter().map(read::notice) {
            free(self.rows.put_notice(&notice?));
        }
        Ok(ours)
    }
}

async fn begin(client: &Client, needed: bool) -> Result<(), Error> {
    if needed { client.batch_execute("BEGIN").await } else { Ok(()) }
}

/// The promise that a request may create.
fn created(request: &Request) -> Option<&PromiseCreate> {
    match request {
        Request::PromiseCreate(create) => Some(create),
        Request::TaskCreate(create) => Some(&create.action),
        Request::TaskFence(fence) => match &fence.action.verb {
            FenceVerb::Create(create) => Some(create),
            FenceVerb::Settle(_) => None,
        },
        _ => None,
    }
}

/// Memory does not fail.
pub(super) fn free<T>(result: Result<T, std::convert::Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
