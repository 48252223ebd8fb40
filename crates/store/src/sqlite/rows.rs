//! The coordinator's rows in a connection's transaction.

use concierge_api_rs::coordinator::{
    Address, GroupName, Millis, Pid, Promise, PromiseId, PromiseSearch, PromiseState, Schedule, ScheduleId, ScheduleSearch,
    TAG_BRANCH, TAG_ORIGIN, TAG_SCHEDULE, TaskSearch, TaskState,
};
use concierge_coordinator::{Due, Everything, Listener, Notice, OfferKey, Reads, Rows, TaskRow};
use rusqlite::{Connection, Error, OptionalExtension, Params, Result, Row, params};

use super::read::{self, promise_columns, schedule_columns, task_columns};
use super::search;
use crate::columns;
use crate::follow::Counts;

/// Rows as a connection sees them. Statements are prepared once per connection.
pub(crate) struct SqliteRows<'c>(pub(super) &'c Connection);

impl SqliteRows<'_> {
    fn one<T>(&self, sql: &str, params: impl Params, read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
        self.0.prepare_cached(sql)?.query_row(params, read).optional()
    }

    pub(super) fn all<T>(&self, sql: &str, params: impl Params, read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        self.0.prepare_cached(sql)?.query_map(params, read)?.collect()
    }

    /// Everything by its state. It goes through all rows.
    pub(crate) fn count_all(&self) -> Result<Counts> {
        let count = |sql: &str| self.all(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        let promises = count("SELECT state, count(*) FROM promises GROUP BY state")?;
        let tasks = count("SELECT state, count(*) FROM tasks GROUP BY state")?;
        Ok(Counts::of(
            promises.iter().map(|(state, n)| (state.as_str(), *n)),
            tasks.iter().map(|(state, n)| (state.as_str(), *n)),
        ))
    }

    /// The first ones of which `read` makes something.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        limit: usize,
        mut read: impl FnMut(&Row<'_>) -> Result<Option<T>>,
    ) -> Result<Vec<T>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while found.len() < limit {
            let Some(row) = rows.next()? else { break };
            found.extend(read(row)?);
        }
        Ok(found)
    }

    fn change(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.0.prepare_cached(sql)?.execute(params)
    }

    fn count(&self, sql: &str, of: &PromiseId, most: usize) -> Result<usize> {
        let count: i64 = self.0.prepare_cached(sql)?.query_row(params![of.as_str(), sql_limit(most)], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(most))
    }
}

/// A number of rows as SQLite takes it.
pub(super) fn sql_limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl Reads for SqliteRows<'_> {
    type Error = Error;

    fn promise(&self, id: &PromiseId) -> Result<Option<Promise>> {
        self.one(concat!("SELECT ", promise_columns!(), " FROM promises WHERE id = ?1"), [id.as_str()], read::promise)
    }

    fn task(&self, id: &PromiseId) -> Result<Option<TaskRow>> {
        let sql =
            concat!("SELECT ", task_columns!(), " FROM tasks WHERE row = (SELECT row FROM promises WHERE promises.id = ?1)");
        self.one(sql, [id.as_str()], read::task)
    }

    fn awaiters(&self, awaited: &PromiseId) -> Result<Vec<PromiseId>> {
        let sql = "SELECT awaiter FROM registrations WHERE awaited = ?1 ORDER BY awaiter";
        self.all(sql, [awaited.as_str()], |row| read::id(row, 0))
    }

    fn awaiter_count(&self, awaited: &PromiseId, most: usize) -> Result<usize> {
        self.count("SELECT count(*) FROM (SELECT 1 FROM registrations WHERE awaited = ?1 LIMIT ?2)", awaited, most)
    }

    fn listeners(&self, promise: &PromiseId) -> Result<Vec<Listener>> {
        let sql = "SELECT promise, address, dialect FROM listeners WHERE promise = ?1 ORDER BY address";
        self.all(sql, [promise.as_str()], read::listener)
    }

    fn listener_count(&self, promise: &PromiseId, most: usize) -> Result<usize> {
        self.count("SELECT count(*) FROM (SELECT 1 FROM listeners WHERE promise = ?1 LIMIT ?2)", promise, most)
    }

    fn notice(&self, promise: &PromiseId, address: &Address) -> Result<Option<Notice>> {
        let sql = "SELECT promise, address, dialect, due_at FROM notices WHERE promise = ?1 AND address = ?2";
        self.one(sql, [promise.as_str(), address.as_str()], read::notice)
    }

    fn held_by(&self, pid: &Pid) -> Result<Vec<PromiseId>> {
        self.all("SELECT id FROM tasks WHERE pid = ?1 ORDER BY id", [pid.as_str()], |row| read::id(row, 0))
    }

    fn branch(&self, branch: &str, limit: usize) -> Result<Vec<Promise>> {
        let sql = concat!("SELECT ", promise_columns!(), " FROM promises WHERE branch = ?1 ORDER BY id LIMIT ?2");
        self.all(sql, params![branch, sql_limit(limit)], read::promise)
    }

    fn schedule(&self, id: &ScheduleId) -> Result<Option<Schedule>> {
        let sql = concat!("SELECT ", schedule_columns!(), " FROM schedules WHERE id = ?1");
        self.one(sql, [id.as_str()], read::schedule)
    }

    fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>> {
        search::due(self, now, limit)
    }

    fn next_due(&self) -> Result<Option<Millis>> {
        let sql = "SELECT min(at) FROM (
            SELECT (SELECT min(timeout_at) FROM promises WHERE state = 'pending') AS at
            UNION ALL SELECT (SELECT min(due_at) FROM tasks WHERE due_at IS NOT NULL)
            UNION ALL SELECT (SELECT min(due_at) FROM notices)
            UNION ALL SELECT (SELECT min(next_run_at) FROM schedules))";
        let at: Option<i64> = self.0.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(at.map(Millis).filter(|at| *at < Millis::NEVER))
    }

    fn waiting(
        &self,
        group: &GroupName,
        pid: &Pid,
        now: Millis,
        after: Option<&OfferKey>,
        limit: usize,
    ) -> Result<Vec<OfferKey>> {
        search::waiting(self, (group, pid), now, after, limit)
    }

    fn search_promises(&self, search: &PromiseSearch, now: Millis, limit: usize) -> Result<Vec<Promise>> {
        search::promises(self, search, now, limit)
    }

    fn search_tasks(&self, search: &TaskSearch, now: Millis, limit: usize) -> Result<Vec<TaskRow>> {
        search::tasks(self, search, now, limit)
    }

    fn search_schedules(&self, search: &ScheduleSearch, limit: usize) -> Result<Vec<Schedule>> {
        search::schedules(self, search, limit)
    }

    fn everything(&self) -> Result<Everything> {
        let pair = |row: &Row<'_>| Ok((read::id(row, 0)?, read::id(row, 1)?));
        Ok(Everything {
            promises: self.all(concat!("SELECT ", promise_columns!(), " FROM promises ORDER BY id"), [], read::promise)?,
            tasks: self.all(concat!("SELECT ", task_columns!(), " FROM tasks ORDER BY id"), [], read::task)?,
            registrations: self.all("SELECT awaited, awaiter FROM registrations ORDER BY awaited, awaiter", [], pair)?,
            listeners: self.all(
                "SELECT promise, address, dialect FROM listeners ORDER BY promise, address",
                [],
                read::listener,
            )?,
            notices: self.all(
                "SELECT promise, address, dialect, due_at FROM notices ORDER BY promise, address",
                [],
                read::notice,
            )?,
            schedules: self.all(concat!("SELECT ", schedule_columns!(), " FROM schedules ORDER BY id"), [], read::schedule)?,
        })
    }
}

impl Rows for SqliteRows<'_> {
    /// Of a promise that is known, only the outcome can have changed.
    fn put_promise(&mut self, promise: &Promise) -> Result<()> {
        let (id, state, settled_at) = (promise.id.as_str(), promise.state.as_str(), promise.settled_at.map(|at| at.0));
        let value = columns::of_value(&promise.value);
        if promise.state != PromiseState::Pending {
            let sql = "UPDATE promises SET state = ?2, value = ?3, settled_at = ?4 WHERE id = ?1";
            if self.change(sql, params![id, state, value, settled_at])? > 0 {
                return Ok(());
            }
        }
        let sql = "INSERT INTO promises
            (id, state, timeout_at, created_at, settled_at, origin, branch, schedule, tags, param, value)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            ON CONFLICT (id) DO UPDATE SET state = excluded.state, value = excluded.value, settled_at = excluded.settled_at";
        self.change(
            sql,
            params![
                id,
                state,
                promise.timeout_at.0,
                promise.created_at.0,
                settled_at,
                promise.tags.get(TAG_ORIGIN),
                promise.tags.get(TAG_BRANCH),
                promise.tags.get(TAG_SCHEDULE),
                columns::of_tags(&promise.tags),
                columns::of_value(&promise.param),
                value,
            ],
        )?;
        Ok(())
    }

    /// Its promise is there already; a word is no row number, and an error.
    fn put_task(&mut self, task: &TaskRow) -> Result<()> {
        let sql = "INSERT INTO tasks
            (row, id, state, claims, pid, ttl, due_at, offer_from, woken_by, resumes, address, dialect, waits_in, waits_for)
            VALUES (coalesce((SELECT row FROM promises WHERE promises.id = ?1), 'no promise'),
            ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
            ON CONFLICT (row) DO UPDATE SET state = excluded.state, claims = excluded.claims, pid = excluded.pid,
            ttl = excluded.ttl, due_at = excluded.due_at, offer_from = excluded.offer_from, woken_by = excluded.woken_by,
            resumes = excluded.resumes, address = excluded.address, dialect = excluded.dialect, waits_in = excluded.waits_in,
            waits_for = excluded.waits_for";
        let waits_at = task.address.as_ref().filter(|_| task.state == TaskState::Pending);
        self.change(
            sql,
            params![
                task.id.as_str(),
                task.state.as_str(),
                task.claims.0,
                task.pid.as_ref().map(Pid::as_str),
                task.ttl.map(|ttl| ttl.0),
                task.due_at.map(|at| at.0),
                task.offer_from.0,
                task.woken_by.as_ref().map(PromiseId::as_str),
                (!task.resumes.is_empty()).then(|| columns::json(&task.resumes)),
                task.address.as_ref().map(Address::as_str),
                task.dialect.number(),
                waits_at.map(|address| address.group().as_str()),
                waits_at.map(columns::waits_for),
            ],
        )?;
        Ok(())
    }

    fn put_registration(&mut self, awaiter: &PromiseId, awaited: &PromiseId) -> Result<()> {
        let sql = "INSERT INTO registrations (awaited, awaiter) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.change(sql, [awaited.as_str(), awaiter.as_str()]).map(drop)
    }

    fn delete_awaiters(&mut self, awaited: &PromiseId) -> Result<()> {
        self.change("DELETE FROM registrations WHERE awaited = ?1", [awaited.as_str()]).map(drop)
    }

    fn delete_registrations(&mut self, awaiter: &PromiseId) -> Result<()> {
        self.change("DELETE FROM registrations WHERE awaiter = ?1", [awaiter.as_str()]).map(drop)
    }

    fn put_listener(&mut self, listener: &Listener) -> Result<()> {
        let sql = "INSERT INTO listeners (promise, address, dialect) VALUES (?1, ?2, ?3)
            ON CONFLICT (promise, address) DO UPDATE SET dialect = excluded.dialect";
        self.change(sql, params![listener.promise.as_str(), listener.address.as_str(), listener.dialect.number()]).map(drop)
    }

    fn delete_listeners(&mut self, promise: &PromiseId) -> Result<()> {
        self.change("DELETE FROM listeners WHERE promise = ?1", [promise.as_str()]).map(drop)
    }

    fn put_notice(&mut self, Notice { to, due_at }: &Notice) -> Result<()> {
        let sql = "INSERT INTO notices (promise, address, dialect, due_at, waits_in, waits_for) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (promise, address) DO UPDATE SET dialect = excluded.dialect, due_at = excluded.due_at";
        let (promise, address) = (to.promise.as_str(), to.address.as_str());
        let (waits_in, waits_for) = (to.address.group().as_str(), columns::waits_for(&to.address));
        self.change(sql, params![promise, address, to.dialect.number(), due_at.0, waits_in, waits_for]).map(drop)
    }

    fn delete_notice(&mut self, promise: &PromiseId, address: &Address) -> Result<()> {
        let sql = "DELETE FROM notices WHERE promise = ?1 AND address = ?2";
        self.change(sql, [promise.as_str(), address.as_str()]).map(drop)
    }

    fn put_schedule(&mut self, schedule: &Schedule) -> Result<()> {
        let sql =
            concat!("INSERT OR REPLACE INTO schedules (", schedule_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        self.change(
            sql,
            params![
                schedule.id.as_str(),
                schedule.cron,
                schedule.promise_id,
                schedule.promise_timeout.0,
                columns::of_value(&schedule.promise_param),
                columns::of_tags(&schedule.promise_tags),
                schedule.created_at.0,
                schedule.next_run_at.0,
                schedule.last_run_at.map(|at| at.0),
            ],
        )?;
        Ok(())
    }

    fn delete_schedule(&mut self, id: &ScheduleId) -> Result<()> {
        self.change("DELETE FROM schedules WHERE id = ?1", [id.as_str()]).map(drop)
    }

    fn clear(&mut self) -> Result<()> {
        self.0.execute_batch(
            "DELETE FROM promises; DELETE FROM tasks; DELETE FROM registrations; DELETE FROM listeners; DELETE FROM notices;
            DELETE FROM schedules;",
        )
    }
}
