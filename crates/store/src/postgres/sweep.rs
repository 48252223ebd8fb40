//! What is due, and what concerns every row.
//!
//! A sweep waits for no lock. What another hub is at, that hub does: several of them share what is due, and none waits for
//! another. What was left is due still.

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::{Millis, PromiseId};
use concierge_coordinator::{Due, Everything, MemoryRows, Offer, Reads, Rows, Touched, WorkingSet, promise_id, touched_by_due};
use deadpool_postgres::Object;
use tokio_postgres::{Client, Row};

use super::ask::{self, Params};
use super::load::{Loaded, Locked, Needs, free};
use super::look;
use super::net::Net;
use super::read::{self, schedule_columns};
use super::transaction::{Stop, Transaction};
use super::trouble::Trouble;
use super::writer::{Base, Results};
use crate::error::StoreError;
use crate::follow::Changed;
use crate::work::{Done, SWEPT_AT_ONCE, Work};

const DUE_SCHEDULES: &str = concat!(
    "SELECT ",
    schedule_columns!(),
    " FROM schedules WHERE next_run_at <= $1 ORDER BY next_run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED"
);
const DUE_PROMISES: &str = "SELECT timeout_at, id FROM promises WHERE state = 'pending' AND timeout_at <= $1
    ORDER BY timeout_at, id LIMIT $2 FOR UPDATE SKIP LOCKED";
const DUE_TASKS: &str = "SELECT due_at, tasks.id FROM tasks JOIN promises ON promises.id = tasks.id WHERE due_at <= $1
    ORDER BY due_at, tasks.id LIMIT $2 FOR UPDATE OF promises SKIP LOCKED";
const DUE_NOTICES: &str = "SELECT due_at, promise, address FROM notices JOIN promises ON promises.id = notices.promise
    WHERE due_at <= $1 ORDER BY due_at, promise, address LIMIT $2 FOR UPDATE OF promises SKIP LOCKED";
const LOCK_ALL: &str = "BEGIN; LOCK TABLE promises, tasks, registrations, listeners, notices, schedules IN EXCLUSIVE MODE";

/// When all that is due is in other hands, it is looked at again after this.
const PAUSE: Millis = Millis(20);

/// A thing that is due, and what it touches.
type Item = (Due, Touched);

/// What came of things that were due.
#[derive(Default)]
struct Fired {
    offers: Vec<Offer>,
    net: Net,
    done: usize,
    changes: Vec<Changed>,
}

impl Base {
    /// Does what is due.
    pub(super) async fn sweep(&self) -> Result<Results, Stop> {
        if self.clock.is_by_hand() {
            return Ok(vec![Ok(Done::quietly(Vec::new(), false))]);
        }
        let transaction = Transaction::new(self).await?;
        let (items, loaded) = match due(transaction.client(), self.clock.now()).await {
            Ok(loaded) => loaded,
            Err(trouble) => return Err(transaction.give_up(trouble).await),
        };
        self.clock.follow(loaded.now);
        let now = self.clock.now();
        let more = items.len() >= SWEPT_AT_ONCE;
        let Fired { offers, net, done, changes } = match self.fire(now, items, loaded) {
            Ok(fired) => fired,
            Err(trouble) => return Err(transaction.give_up(trouble).await),
        };
        let pause = (done == 0).then(|| now.plus(PAUSE));
        transaction.finish(&net, 1, pause).await?;
        self.committed(changes);
        Ok(vec![Ok(Done::quietly(offers, more))])
    }

    fn fire(&self, now: Millis, items: Vec<Item>, Loaded { mut rows, locked, existing, .. }: Loaded) -> Result<Fired, Trouble> {
        let mut fired = Fired::default();
        for (due, touched) in items {
            if !is_free(&touched, &rows, &locked, &existing) {
                continue;
            }
            let mut set = free(WorkingSet::load(&touched, &rows));
            fired.offers.extend(self.rules.fire(now, &due, &mut set).map_err(|outside| Trouble::Outside(outside.0))?);
            self.keep(set, None, (&mut rows, &mut fired.net), &mut fired.changes);
            fired.done += 1;
        }
        Ok(fired)
    }

    /// A request whose neighbourhood is everything: the verbs for tests.
    pub(super) async fn whole(&self, work: &Work) -> Result<Results, Stop> {
        if !self.clock.is_by_hand() {
            // they are refused
            let Ok(done) = work.run(&self.rules, &self.clock, &mut MemoryRows::new());
            return Ok(vec![Ok(done)]);
        }
        let transaction = Transaction::new(self).await?;
        let before = match everything(transaction.client()).await {
            Ok(before) => before,
            Err(trouble) => return Err(transaction.give_up(trouble).await),
        };
        let mut rows = look::put(&before);
        let Ok((done, changes)) = work.run_followed(&self.rules, &self.clock, &mut rows, self.observer.as_deref());
        let after = free(rows.everything());
        let net = if after == before { Net::default() } else { Net::instead(after) };
        transaction.finish(&net, 1, None).await?;
        self.committed(changes);
        Ok(vec![Ok::<_, StoreError>(done)])
    }
}

async fn everything(client: &Object) -> Result<Everything, Trouble> {
    client.batch_execute(LOCK_ALL).await?;
    look::everything(client).await
}

/// What is due at `now` and in nobody's hands, earliest first, with what it touches. The transaction begins here.
async fn due(client: &Object, now: Millis) -> Result<(Vec<Item>, Loaded), Trouble> {
    let (until, most) = (now.0.min(Millis::NEVER.0 - 1), i64::try_from(SWEPT_AT_ONCE).expect("there are a few"));
    let sql = [DUE_SCHEDULES, DUE_PROMISES, DUE_TASKS, DUE_NOTICES];
    let [schedules, promises, tasks, notices] = ask::prepare(client, sql).await?;
    let (asked, params): (&Client, Params<'_>) = (client, &[&until, &most]);
    let (begun, schedules, promises, tasks, notices) = futures::join!(
        asked.batch_execute("BEGIN"),
        ask::rows(asked, true, &schedules, params),
        ask::rows(asked, true, &promises, params),
        ask::rows(asked, true, &tasks, params),
        ask::rows(asked, true, &notices, params),
    );
    begun?;
    let schedules = schedules?.iter().map(read::schedule).collect::<Result<Vec<_>, _>>()?;
    let mut due: Vec<(Millis, Due)> = schedules.iter().map(|one| (one.next_run_at, Due::Schedule(one.id.clone()))).collect();
    let at = |row: &Row| read::millis(row, 0);
    for row in &promises? {
        due.push((at(row)?, Due::Promise(read::id(row, 1)?)));
    }
    for row in &tasks? {
        due.push((at(row)?, Due::Task(read::id(row, 1)?)));
    }
    for row in &notices? {
        due.push((at(row)?, Due::Notice(read::id(row, 1)?, read::address(row, 2)?)));
    }
    due.sort_unstable();
    due.truncate(SWEPT_AT_ONCE);
    let next = |due: &Due| match due {
        Due::Schedule(id) => schedules.iter().find(|one| one.id == *id).and_then(promise_id),
        _ => None,
    };
    let items: Vec<Item> = due.into_iter().map(|(_, due)| (due.clone(), touched_by_due(&due, next(&due).as_ref()))).collect();
    let mut needs = Needs::default();
    items.iter().for_each(|(_, touched)| needs.add(touched));
    let mut loaded = needs.load(client, Locked::Skip).await?;
    schedules.iter().for_each(|schedule| free(loaded.rows.put_schedule(schedule)));
    Ok((items, loaded))
}

/// Whether what this touches is ours, or not there.
fn is_free(touched: &Touched, rows: &MemoryRows, locked: &BTreeSet<PromiseId>, existing: &BTreeSet<PromiseId>) -> bool {
    let mut named = touched.rows.iter().chain(&touched.settled);
    let mut waiting = touched.settled.iter().flat_map(|id| free(rows.awaiters(id)));
    named.all(|id| locked.contains(id) || !existing.contains(id)) && waiting.all(|id| locked.contains(&id))
}
