//! What a transaction has to write in the end, whatever it wrote on the way: a few statements for any number of requests.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::coordinator::{
    Address, Pid, Promise, PromiseId, Schedule, ScheduleId, TAG_BRANCH, TAG_ORIGIN, TAG_SCHEDULE, TaskState,
};
use concierge_coordinator::{Change, Everything, Listener, MemoryRows, Notice, Reads, TaskRow};
use tokio_postgres::types::ToSql;

use super::ask::{AsBytes, Order, array};
use super::load::free;
use crate::columns;

const CREATE_PROMISES: &str = "INSERT INTO promises
    (id, state, timeout_at, created_at, settled_at, origin, branch, schedule, tags, param, value)
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[],
    $8::bytea[], $9::text[], $10::text[], $11::text[])";
/// Of a promise that is known, only the outcome can have changed.
const CHANGE_PROMISES: &str = "UPDATE promises SET state = new.state, value = new.value, settled_at = new.settled_at
    FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bigint[]) AS new (id, state, value, settled_at)
    WHERE promises.id = new.id";
const PUT_TASKS: &str = "INSERT INTO tasks
    (id, state, claims, pid, ttl, due_at, offer_from, woken_by, resumes, address, dialect, waits_in, waits_for)
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bytea[], $9::text[], $10::bytea[], $11::smallint[], $12::bytea[], $13::bytea[])
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, claims = excluded.claims, pid = excluded.pid, ttl = excluded.ttl,
    due_at = excluded.due_at, offer_from = excluded.offer_from, woken_by = excluded.woken_by, resumes = excluded.resumes,
    address = excluded.address, dialect = excluded.dialect, waits_in = excluded.waits_in, waits_for = excluded.waits_for";
const DELETE_AWAITERS: &str = "DELETE FROM registrations WHERE awaited = ANY($1::bytea[])";
const DELETE_REGISTRATIONS: &str = "DELETE FROM registrations WHERE awaiter = ANY($1::bytea[])";
const PUT_REGISTRATIONS: &str = "INSERT INTO registrations (awaited, awaiter)
    SELECT * FROM unnest($1::bytea[], $2::bytea[]) ON CONFLICT DO NOTHING";
const DELETE_LISTENERS: &str = "DELETE FROM listeners WHERE promise = ANY($1::bytea[])";
const PUT_LISTENERS: &str = "INSERT INTO listeners (promise, address, dialect)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::smallint[])
    ON CONFLICT (promise, address) DO UPDATE SET dialect = excluded.dialect";
const DELETE_NOTICES: &str = "DELETE FROM notices WHERE promise = ANY($1::bytea[])
    AND (promise, address) IN (SELECT * FROM unnest($1::bytea[], $2::bytea[]))";
const PUT_NOTICES: &str = "INSERT INTO notices (promise, address, dialect, due_at, waits_in, waits_for)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::smallint[], $4::bigint[], $5::bytea[], $6::bytea[])
    ON CONFLICT (promise, address) DO UPDATE SET dialect = excluded.dialect, due_at = excluded.due_at";
const DELETE_SCHEDULES: &str = "DELETE FROM schedules WHERE id = ANY($1::bytea[])";
macro_rules! put_schedules {
    () => {
        "INSERT INTO schedules (id, cron, promise_id, promise_timeout, promise_param, promise_tags, created_at, next_run_at,
         last_run_at) SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::bigint[], $5::text[], $6::text[],
         $7::bigint[], $8::bigint[], $9::bigint[])"
    };
}
/// One that another hub has just created as well is an error, and all of it is done again.
const CREATE_SCHEDULES: &str = put_schedules!();
const CHANGE_SCHEDULES: &str = concat!(
    put_schedules!(),
    " ON CONFLICT (id) DO UPDATE SET cron = excluded.cron, promise_id = excluded.promise_id, promise_timeout = ",
    "excluded.promise_timeout, promise_param = excluded.promise_param, promise_tags = excluded.promise_tags, created_at = ",
    "excluded.created_at, next_run_at = excluded.next_run_at, last_run_at = excluded.last_run_at"
);
const CLEAR: [&str; 6] = [
    "DELETE FROM promises",
    "DELETE FROM tasks",
    "DELETE FROM registrations",
    "DELETE FROM listeners",
    "DELETE FROM notices",
    "DELETE FROM schedules",
];

/// The changes of a transaction, taken together.
#[derive(Debug, Default)]
pub(super) struct Net {
    cleared: bool,
    /// Those that were not there: whoever finds one there after all was overtaken.
    created: BTreeMap<PromiseId, Promise>,
    changed: BTreeMap<PromiseId, Promise>,
    tasks: BTreeMap<PromiseId, TaskRow>,
    awaiters_gone: BTreeSet<PromiseId>,
    registrations_gone: BTreeSet<PromiseId>,
    /// Awaited and awaiter.
    registrations: BTreeSet<(PromiseId, PromiseId)>,
    listeners_gone: BTreeSet<PromiseId>,
    listeners: BTreeMap<(PromiseId, Address), Listener>,
    notices: BTreeMap<(PromiseId, Address), Option<Notice>>,
    schedules: BTreeMap<ScheduleId, Option<Schedule>>,
    new_schedules: BTreeSet<ScheduleId>,
}

impl Net {
    /// All rows go, and these come.
    pub(super) fn instead(everything: Everything) -> Self {
        let Everything { promises, tasks, registrations, listeners, notices, schedules } = everything;
        Self {
            cleared: true,
            created: promises.into_iter().map(|promise| (promise.id.clone(), promise)).collect(),
            tasks: tasks.into_iter().map(|task| (task.id.clone(), task)).collect(),
            registrations: registrations.into_iter().collect(),
            listeners: listeners.into_iter().map(|one| ((one.promise.clone(), one.address.clone()), one)).collect(),
            notices: notices.into_iter().map(|one| ((one.to.promise.clone(), one.to.address.clone()), Some(one))).collect(),
            schedules: schedules.into_iter().map(|one| (one.id.clone(), Some(one))).collect(),
            ..Self::default()
        }
    }

    /// Carries a change out on `rows`, and keeps it.
    pub(super) fn add(&mut self, change: Change, rows: &mut MemoryRows) {
        self.note_what_is_new(&change, rows);
        free(change.apply(rows));
        match change {
            Change::Promise(promise) => {
                let map = if self.created.contains_key(&promise.id) { &mut self.created } else { &mut self.changed };
                map.insert(promise.id.clone(), promise);
            }
            Change::Task(task) => drop(self.tasks.insert(task.id.clone(), task)),
            Change::Registration(awaiter, awaited) => drop(self.registrations.insert((awaited, awaiter))),
            Change::DeleteAwaiters(awaited) => {
                self.registrations.retain(|(one, _)| *one != awaited);
                self.awaiters_gone.insert(awaited);
            }
            Change::DeleteRegistrations(awaiter) => {
                self.registrations.retain(|(_, one)| *one != awaiter);
                self.registrations_gone.insert(awaiter);
            }
            Change::Listener(one) => drop(self.listeners.insert((one.promise.clone(), one.address.clone()), one)),
            Change::DeleteListeners(promise) => {
                self.listeners.retain(|(one, _), _| *one != promise);
                self.listeners_gone.insert(promise);
            }
            Change::Notice(one) => drop(self.notices.insert((one.to.promise.clone(), one.to.address.clone()), Some(one))),
            Change::DeleteNotice(promise, address) => drop(self.notices.insert((promise, address), None)),
            Change::Schedule(schedule) => drop(self.schedules.insert(schedule.id.clone(), Some(schedule))),
            Change::DeleteSchedule(id) => drop(self.schedules.insert(id, None)),
        }
    }

    fn note_what_is_new(&mut self, change: &Change, rows: &MemoryRows) {
        match change {
            Change::Promise(promise) if free(rows.promise(&promise.id)).is_none() => {
                self.created.insert(promise.id.clone(), promise.clone());
            }
            Change::Schedule(one) if !self.schedules.contains_key(&one.id) && free(rows.schedule(&one.id)).is_none() => {
                self.new_schedules.insert(one.id.clone());
            }
            _ => {}
        }
    }

    /// The statements, in an order that never lets two transactions wait for each other: rows are locked beforehand, and what
    /// is new comes in the order of its ids, promises first.
    pub(super) fn orders(&self) -> Vec<Order<'_>> {
        let mut orders = Vec::new();
        if self.cleared {
            orders.extend(CLEAR.map(|sql| Order { sql, params: Vec::new() }));
        }
        orders.extend(self.of_promises());
        orders.extend(self.of_tasks());
        orders.extend(self.of_registrations());
        orders.extend(self.of_listeners());
        orders.extend(self.of_notices());
        orders.extend(self.of_schedules());
        orders
    }

    fn of_promises(&self) -> Vec<Order<'_>> {
        let mut orders = Vec::new();
        if !self.created.is_empty() {
            orders.push(create(&self.created));
        }
        if !self.changed.is_empty() {
            let all: Vec<&Promise> = self.changed.values().collect();
            let params = vec![
                boxed(array(self.changed.keys())),
                boxed(all.iter().map(|one| one.state.as_str()).collect::<Vec<_>>()),
                boxed(all.iter().map(|one| columns::of_value(&one.value)).collect::<Vec<_>>()),
                boxed(all.iter().map(|one| one.settled_at.map(|at| at.0)).collect::<Vec<_>>()),
            ];
            orders.push(Order { sql: CHANGE_PROMISES, params });
        }
        orders
    }

    fn of_tasks(&self) -> Option<Order<'_>> {
        let all = &self.tasks;
        if all.is_empty() {
            return None;
        }
        let waits = |task: &'_ TaskRow| task.state == TaskState::Pending;
        let waits_in =
            all.values().map(|one| one.address.as_ref().filter(|_| waits(one)).map(|at| at.group().as_str().as_bytes()));
        let waits_for =
            all.values().map(|one| one.address.as_ref().filter(|_| waits(one)).map(|at| columns::waits_for(at).as_bytes()));
        let resumes = all.values().map(|one| (!one.resumes.is_empty()).then(|| columns::json(&one.resumes)));
        let params = vec![
            boxed(array(all.keys())),
            boxed(all.values().map(|one| one.state.as_str()).collect::<Vec<_>>()),
            boxed(all.values().map(|one| i64::from(one.claims.0)).collect::<Vec<_>>()),
            boxed(all.values().map(|one| one.pid.as_ref().map(Pid::bytes)).collect::<Vec<_>>()),
            boxed(all.values().map(|one| one.ttl.map(|ttl| ttl.0)).collect::<Vec<_>>()),
            boxed(all.values().map(|one| one.due_at.map(|at| at.0)).collect::<Vec<_>>()),
            boxed(all.values().map(|one| one.offer_from.0).collect::<Vec<_>>()),
            boxed(all.values().map(|one| one.woken_by.as_ref().map(PromiseId::bytes)).collect::<Vec<_>>()),
            boxed(resumes.collect::<Vec<_>>()),
            boxed(all.values().map(|one| one.address.as_ref().map(Address::bytes)).collect::<Vec<_>>()),
            boxed(all.values().map(|one| i16::from(one.dialect.number())).collect::<Vec<_>>()),
            boxed(waits_in.collect::<Vec<_>>()),
            boxed(waits_for.collect::<Vec<_>>()),
        ];
        Some(Order { sql: PUT_TASKS, params })
    }

    fn of_registrations(&self) -> Vec<Order<'_>> {
        let mut orders = Vec::new();
        if !self.awaiters_gone.is_empty() {
            orders.push(Order { sql: DELETE_AWAITERS, params: vec![boxed(array(&self.awaiters_gone))] });
        }
        if !self.registrations_gone.is_empty() {
            orders.push(Order { sql: DELETE_REGISTRATIONS, params: vec![boxed(array(&self.registrations_gone))] });
        }
        if !self.registrations.is_empty() {
            let awaited = array(self.registrations.iter().map(|(awaited, _)| awaited));
            let awaiters = array(self.registrations.iter().map(|(_, awaiter)| awaiter));
            orders.push(Order { sql: PUT_REGISTRATIONS, params: vec![boxed(awaited), boxed(awaiters)] });
        }
        orders
    }

    fn of_listeners(&self) -> Vec<Order<'_>> {
        let mut orders = Vec::new();
        if !self.listeners_gone.is_empty() {
            orders.push(Order { sql: DELETE_LISTENERS, params: vec![boxed(array(&self.listeners_gone))] });
        }
        if !self.listeners.is_empty() {
            let all = &self.listeners;
            let params = vec![
                boxed(array(all.keys().map(|(promise, _)| promise))),
                boxed(array(all.keys().map(|(_, address)| address))),
                boxed(all.values().map(|one| i16::from(one.dialect.number())).collect::<Vec<_>>()),
            ];
            orders.push(Order { sql: PUT_LISTENERS, params });
        }
        orders
    }

    fn of_notices(&self) -> Vec<Order<'_>> {
        let mut orders = Vec::new();
        let gone: Vec<_> = self.notices.iter().filter(|(_, one)| one.is_none()).map(|(key, _)| key).collect();
        if !gone.is_empty() {
            let (promises, addresses) = (array(gone.iter().map(|key| &key.0)), array(gone.iter().map(|key| &key.1)));
            orders.push(Order { sql: DELETE_NOTICES, params: vec![boxed(promises), boxed(addresses)] });
        }
        let all: Vec<&Notice> = self.notices.values().flatten().collect();
        if !all.is_empty() {
            let params = vec![
                boxed(array(all.iter().map(|one| &one.to.promise))),
                boxed(array(all.iter().map(|one| &one.to.address))),
                boxed(all.iter().map(|one| i16::from(one.to.dialect.number())).collect::<Vec<_>>()),
                boxed(all.iter().map(|one| one.due_at.0).collect::<Vec<_>>()),
                boxed(all.iter().map(|one| one.to.address.group().as_str().as_bytes()).collect::<Vec<_>>()),
                boxed(all.iter().map(|one| columns::waits_for(&one.to.address).as_bytes()).collect::<Vec<_>>()),
            ];
            orders.push(Order { sql: PUT_NOTICES, params });
        }
        orders
    }

    fn of_schedules(&self) -> Vec<Order<'_>> {
        let mut orders = Vec::new();
        let gone: Vec<_> = self.schedules.iter().filter(|(_, one)| one.is_none()).map(|(id, _)| id).collect();
        if !gone.is_empty() {
            orders.push(Order { sql: DELETE_SCHEDULES, params: vec![boxed(array(gone))] });
        }
        let (new, known): (Vec<_>, Vec<_>) =
            self.schedules.values().flatten().partition(|one| self.new_schedules.contains(&one.id));
        for (sql, all) in [(CREATE_SCHEDULES, new), (CHANGE_SCHEDULES, known)] {
            if !all.is_empty() {
                orders.push(put_schedules(sql, &all));
            }
        }
        orders
    }
}

fn create(all: &BTreeMap<PromiseId, Promise>) -> Order<'_> {
    let tag = |name: &'static str| all.values().map(move |one| one.tags.get(name).map(AsBytes::bytes)).collect::<Vec<_>>();
    let params = vec![
        boxed(array(all.keys())),
        boxed(all.values().map(|one| one.state.as_str()).collect::<Vec<_>>()),
        boxed(all.values().map(|one| one.timeout_at.0).collect::<Vec<_>>()),
        boxed(all.values().map(|one| one.created_at.0).collect::<Vec<_>>()),
        boxed(all.values().map(|one| one.settled_at.map(|at| at.0)).collect::<Vec<_>>()),
        boxed(tag(TAG_ORIGIN)),
        boxed(tag(TAG_BRANCH)),
        boxed(tag(TAG_SCHEDULE)),
        boxed(all.values().map(|one| columns::of_tags(&one.tags)).collect::<Vec<_>>()),
        boxed(all.values().map(|one| columns::of_value(&one.param)).collect::<Vec<_>>()),
        boxed(all.values().map(|one| columns::of_value(&one.value)).collect::<Vec<_>>()),
    ];
    Order { sql: CREATE_PROMISES, params }
}

fn put_schedules<'a>(sql: &'static str, all: &[&'a Schedule]) -> Order<'a> {
    let params = vec![
        boxed(array(all.iter().map(|one| &one.id))),
        boxed(all.iter().map(|one| one.cron.as_str()).collect::<Vec<_>>()),
        boxed(array(all.iter().map(|one| &one.promise_id))),
        boxed(all.iter().map(|one| one.promise_timeout.0).collect::<Vec<_>>()),
        boxed(all.iter().map(|one| columns::of_value(&one.promise_param)).collect::<Vec<_>>()),
        boxed(all.iter().map(|one| columns::of_tags(&one.promise_tags)).collect::<Vec<_>>()),
        boxed(all.iter().map(|one| one.created_at.0).collect::<Vec<_>>()),
        boxed(all.iter().map(|one| one.next_run_at.0).collect::<Vec<_>>()),
        boxed(all.iter().map(|one| one.last_run_at.map(|at| at.0)).collect::<Vec<_>>()),
    ];
    Order { sql, params }
}

fn boxed<'a>(param: impl ToSql + Sync + Send + 'a) -> Box<dyn ToSql + Sync + Send + 'a> {
    Box::new(param)
}
