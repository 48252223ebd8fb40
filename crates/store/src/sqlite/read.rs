//! From rows of SQLite to rows of the coordinator. A row that says what none of ours would say is an error of its column.

use std::collections::BTreeSet;

use concierge_api_rs::coordinator::{
    Address, Claims, Dialect, Millis, Pid, Promise, PromiseId, PromiseState, Schedule, ScheduleId, Tags, TaskState, Value,
};
use concierge_coordinator::{Listener, Notice, TaskRow};
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};

use crate::columns;

macro_rules! promise_columns {
    () => {
        "id, state, param, value, tags, timeout_at, created_at, settled_at"
    };
}
macro_rules! task_columns {
    () => {
        "tasks.id, tasks.state, claims, pid, ttl, due_at, offer_from, woken_by, resumes, address, dialect"
    };
}
macro_rules! schedule_columns {
    () => {
        "id, cron, promise_id, promise_timeout, promise_param, promise_tags, created_at, next_run_at, last_run_at"
    };
}
pub(super) use {promise_columns, schedule_columns, task_columns};

/// Of `promise_columns`.
pub(super) fn promise(row: &Row<'_>) -> Result<Promise> {
    Ok(Promise {
        id: id(row, 0)?,
        state: text(row, 1, |word| PromiseState::of_str(word).ok_or("no state of a promise"))?,
        param: value(row, 2)?,
        value: value(row, 3)?,
        tags: tags(row, 4)?,
        timeout_at: millis(row, 5)?,
        created_at: millis(row, 6)?,
        settled_at: maybe_millis(row, 7)?,
    })
}

/// Of `task_columns`.
pub(super) fn task(row: &Row<'_>) -> Result<TaskRow> {
    Ok(TaskRow {
        id: id(row, 0)?,
        state: text(row, 1, |word| TaskState::of_str(word).ok_or("no state of a task"))?,
        claims: Claims(row.get(2)?),
        pid: maybe(row, 3, Pid::parse)?,
        ttl: maybe_millis(row, 4)?,
        due_at: maybe_millis(row, 5)?,
        offer_from: millis(row, 6)?,
        woken_by: maybe(row, 7, PromiseId::parse)?,
        resumes: maybe(row, 8, |text| serde_json::from_str::<BTreeSet<PromiseId>>(text))?.unwrap_or_default(),
        address: maybe(row, 9, Address::parse)?,
        dialect: dialect(row, 10)?,
    })
}

/// Of promise, address, dialect.
pub(super) fn listener(row: &Row<'_>) -> Result<Listener> {
    Ok(Listener { promise: id(row, 0)?, address: text(row, 1, Address::parse)?, dialect: dialect(row, 2)? })
}

/// Of promise, address, dialect, `due_at`.
pub(super) fn notice(row: &Row<'_>) -> Result<Notice> {
    Ok(Notice { to: listener(row)?, due_at: millis(row, 3)? })
}

/// Of `schedule_columns`.
pub(super) fn schedule(row: &Row<'_>) -> Result<Schedule> {
    Ok(Schedule {
        id: text(row, 0, ScheduleId::parse)?,
        cron: row.get(1)?,
        promise_id: row.get(2)?,
        promise_timeout: millis(row, 3)?,
        promise_param: value(row, 4)?,
        promise_tags: tags(row, 5)?,
        created_at: millis(row, 6)?,
        next_run_at: millis(row, 7)?,
        last_run_at: maybe_millis(row, 8)?,
    })
}

pub(super) fn id(row: &Row<'_>, column: usize) -> Result<PromiseId> {
    text(row, column, PromiseId::parse)
}

pub(super) fn millis(row: &Row<'_>, column: usize) -> Result<Millis> {
    row.get(column).map(Millis)
}

pub(super) fn tags(row: &Row<'_>, column: usize) -> Result<Tags> {
    text(row, column, columns::tags)
}

/// What `parse` makes of a text.
pub(super) fn text<T, E>(row: &Row<'_>, column: usize, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let text = row.get_ref(column)?.as_str()?;
    parse(text).map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

fn maybe<T, E>(row: &Row<'_>, column: usize, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    parse(text).map(Some).map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

fn maybe_millis(row: &Row<'_>, column: usize) -> Result<Option<Millis>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Millis))
}

fn value(row: &Row<'_>, column: usize) -> Result<Value> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    columns::value(text).map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

fn dialect(row: &Row<'_>, column: usize) -> Result<Dialect> {
    let number = row.get(column)?;
    Dialect::of_number(number).ok_or(Error::IntegralValueOutOfRange(column, number.into()))
}
