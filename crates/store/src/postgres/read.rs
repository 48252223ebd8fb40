//! From rows of PostgreSQL to rows of the coordinator. A row that says what none of ours would say is an error of its column.

use std::collections::BTreeSet;
use std::error::Error;

use concierge_api_rs::coordinator::{
    Address, Claims, Dialect, Millis, Pid, Promise, PromiseId, PromiseState, Schedule, ScheduleId, TaskState, Value,
};
use concierge_coordinator::{Listener, Notice, TaskRow};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::trouble::Trouble;
use crate::columns;

macro_rules! promise_columns {
    () => {
        "promises.id, promises.state, promises.param, promises.value, promises.tags, promises.timeout_at, \
         promises.created_at, promises.settled_at"
    };
}
macro_rules! task_columns {
    () => {
        "tasks.id, tasks.state, tasks.claims, tasks.pid, tasks.ttl, tasks.due_at, tasks.offer_from, tasks.woken_by, \
         tasks.resumes, tasks.address, tasks.dialect"
    };
}
macro_rules! schedule_columns {
    () => {
        "id, cron, promise_id, promise_timeout, promise_param, promise_tags, created_at, next_run_at, last_run_at"
    };
}
pub(super) use {promise_columns, schedule_columns, task_columns};

/// How many columns a task takes.
pub(super) const TASK_WIDTH: usize = 11;
/// How many columns a notice takes.
pub(super) const NOTICE_WIDTH: usize = 4;

type Result<T> = std::result::Result<T, Trouble>;

/// Of `promise_columns`, which begin at `from`.
pub(super) fn promise(row: &Row, from: usize) -> Result<Promise> {
    Ok(Promise {
        id: id(row, from)?,
        state: parsed(from + 1, PromiseState::of_str(get(row, from + 1)?).ok_or("no state of a promise"))?,
        param: value(row, from + 2)?,
        value: value(row, from + 3)?,
        tags: parsed(from + 4, columns::tags(get(row, from + 4)?))?,
        timeout_at: millis(row, from + 5)?,
        created_at: millis(row, from + 6)?,
        settled_at: maybe_millis(row, from + 7)?,
    })
}

/// Of `task_columns`, which come first.
pub(super) fn task(row: &Row) -> Result<TaskRow> {
    let resumes = get::<Option<&str>>(row, 8)?.map(serde_json::from_str::<BTreeSet<PromiseId>>);
    Ok(TaskRow {
        id: id(row, 0)?,
        state: parsed(1, TaskState::of_str(get(row, 1)?).ok_or("no state of a task"))?,
        claims: Claims(parsed(2, u32::try_from(get::<i64>(row, 2)?))?),
        pid: maybe(row, 3, Pid::parse)?,
        ttl: maybe_millis(row, 4)?,
        due_at: maybe_millis(row, 5)?,
        offer_from: millis(row, 6)?,
        woken_by: maybe(row, 7, PromiseId::parse)?,
        resumes: parsed(8, resumes.transpose())?.unwrap_or_default(),
        address: maybe(row, 9, Address::parse)?,
        dialect: dialect(row, 10)?,
    })
}

/// Of promise, address, dialect.
pub(super) fn listener(row: &Row) -> Result<Listener> {
    Ok(Listener { promise: id(row, 0)?, address: address(row, 1)?, dialect: dialect(row, 2)? })
}

/// Of promise, address, dialect, `due_at`.
pub(super) fn notice(row: &Row) -> Result<Notice> {
    Ok(Notice { to: listener(row)?, due_at: millis(row, 3)? })
}

/// Of `schedule_columns`.
pub(super) fn schedule(row: &Row) -> Result<Schedule> {
    Ok(Schedule {
        id: parsed(0, ScheduleId::parse(text(row, 0)?))?,
        cron: get(row, 1)?,
        promise_id: text(row, 2)?.to_owned(),
        promise_timeout: millis(row, 3)?,
        promise_param: value(row, 4)?,
        promise_tags: parsed(5, columns::tags(get(row, 5)?))?,
        created_at: millis(row, 6)?,
        next_run_at: millis(row, 7)?,
        last_run_at: maybe_millis(row, 8)?,
    })
}

pub(super) fn id(row: &Row, column: usize) -> Result<PromiseId> {
    parsed(column, PromiseId::parse(text(row, column)?))
}

pub(super) fn address(row: &Row, column: usize) -> Result<Address> {
    parsed(column, Address::parse(text(row, column)?))
}

pub(super) fn millis(row: &Row, column: usize) -> Result<Millis> {
    get(row, column).map(Millis)
}

pub(super) fn maybe_millis(row: &Row, column: usize) -> Result<Option<Millis>> {
    Ok(get::<Option<i64>>(row, column)?.map(Millis))
}

pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(Trouble::from)
}

fn text(row: &Row, column: usize) -> Result<&str> {
    parsed(column, str::from_utf8(get(row, column)?))
}

fn maybe<T, E: Into<Box<dyn Error + Send + Sync>>>(
    row: &Row,
    column: usize,
    parse: impl FnOnce(&str) -> std::result::Result<T, E>,
) -> Result<Option<T>> {
    let Some(bytes) = get::<Option<&[u8]>>(row, column)? else { return Ok(None) };
    parsed(column, parse(parsed(column, str::from_utf8(bytes))?)).map(Some)
}

fn value(row: &Row, column: usize) -> Result<Value> {
    parsed(column, columns::value(get(row, column)?))
}

fn dialect(row: &Row, column: usize) -> Result<Dialect> {
    let number = parsed(column, u8::try_from(get::<i16>(row, column)?))?;
    parsed(column, Dialect::of_number(number).ok_or("no dialect"))
}

fn parsed<T, E: Into<Box<dyn Error + Send + Sync>>>(column: usize, parsed: std::result::Result<T, E>) -> Result<T> {
    parsed.map_err(|error| Trouble::Row { column, source: error.into().into() })
}
