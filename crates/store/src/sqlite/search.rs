//! Lists: what is due, what waits, what is searched for. Each follows an index, and stops at its limit.

use std::fmt::Write as _;

use concierge_api_rs::coordinator::{
    Address, GroupName, Millis, Pid, Promise, PromiseSearch, PromiseState, Schedule, ScheduleId, ScheduleSearch, TAG_BRANCH,
    TAG_ORIGIN, TAG_SCHEDULE, Tags, TaskSearch, TaskState,
};
use concierge_coordinator::{Due, OfferKey, TaskRow};
use rusqlite::{Result, params};

use super::read::{self, promise_columns, schedule_columns, task_columns};
use super::rows::{SqliteRows, sql_limit};

pub(super) fn due(rows: &SqliteRows<'_>, now: Millis, limit: usize) -> Result<Vec<Due>> {
    let until = now.0.min(Millis::NEVER.0 - 1);
    let params = params![until, sql_limit(limit)];
    let mut due: Vec<(Millis, Due)> = Vec::new();
    due.extend(rows.all(
        "SELECT timeout_at, id FROM promises WHERE state = 'pending' AND timeout_at <= ?1 ORDER BY timeout_at, id LIMIT ?2",
        params,
        |row| Ok((read::millis(row, 0)?, Due::Promise(read::id(row, 1)?))),
    )?);
    due.extend(rows.all("SELECT due_at, id FROM tasks WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2", params, |row| {
        Ok((read::millis(row, 0)?, Due::Task(read::id(row, 1)?)))
    })?);
    due.extend(rows.all(
        "SELECT due_at, promise, address FROM notices WHERE due_at <= ?1 ORDER BY due_at, promise, address LIMIT ?2",
        params,
        |row| Ok((read::millis(row, 0)?, Due::Notice(read::id(row, 1)?, read::text(row, 2, Address::parse)?))),
    )?);
    due.extend(rows.all(
        "SELECT next_run_at, id FROM schedules WHERE next_run_at <= ?1 ORDER BY next_run_at, id LIMIT ?2",
        params,
        |row| Ok((read::millis(row, 0)?, Due::Schedule(read::text(row, 1, ScheduleId::parse)?))),
    )?);
    due.sort_unstable();
    due.truncate(limit);
    Ok(due.into_iter().map(|(_, due)| due).collect())
}

/// What waits for everybody in the group and what waits for this member are two runs of one index each.
pub(super) fn waiting(
    rows: &SqliteRows<'_>,
    (group, pid): (&GroupName, &Pid),
    now: Millis,
    after: Option<&OfferKey>,
    limit: usize,
) -> Result<Vec<OfferKey>> {
    let whom = ["", pid.as_str()];
    let mut keys = Vec::new();
    if !matches!(after, Some(OfferKey::Notice(..))) {
        let from = if let Some(OfferKey::Task(id)) = after { id.as_str() } else { "" };
        let sql =
            "SELECT id FROM tasks WHERE waits_in = ?1 AND waits_for = ?2 AND id > ?3 AND offer_from <= ?4 ORDER BY id LIMIT ?5";
        for whom in whom {
            let params = params![group.as_str(), whom, from, now.0, sql_limit(limit)];
            keys.extend(rows.all(sql, params, |row| Ok(OfferKey::Task(read::id(row, 0)?)))?);
        }
    }
    if keys.len() < limit {
        let from =
            if let Some(OfferKey::Notice(promise, address)) = after { (promise.as_str(), address.as_str()) } else { ("", "") };
        let sql = "SELECT promise, address FROM notices WHERE waits_in = ?1 AND waits_for = ?2 AND (promise, address) > (?3, ?4)
            ORDER BY promise, address LIMIT ?5";
        for whom in whom {
            let params = params![group.as_str(), whom, from.0, from.1, sql_limit(limit)];
            keys.extend(
                rows.all(sql, params, |row| Ok(OfferKey::Notice(read::id(row, 0)?, read::text(row, 1, Address::parse)?)))?,
            );
        }
    }
    keys.sort_unstable();
    keys.truncate(limit);
    Ok(keys)
}

/// The lineage of a promise has indexes, and so have the pending ones; any other tag is looked for among all.
pub(super) fn promises(rows: &SqliteRows<'_>, search: &PromiseSearch, now: Millis, limit: usize) -> Result<Vec<Promise>> {
    let after = search.cursor.as_deref().unwrap_or_default();
    let lineage = [(TAG_BRANCH, "branch"), (TAG_ORIGIN, "origin"), (TAG_SCHEDULE, "schedule")];
    let lineage = lineage.into_iter().find_map(|(tag, column)| Some((column, search.tags.get(tag)?.as_str())));
    let mut sql = concat!("SELECT ", promise_columns!(), " FROM promises").to_owned();
    let add = |sql: &mut String, text: std::fmt::Arguments<'_>| sql.write_fmt(text).expect("a string takes everything");
    match (lineage, search.state) {
        (Some((column, _)), _) => {
            add(&mut sql, format_args!(" INDEXED BY promises_{column} WHERE {column} = ?1 AND id > ?2 AND ?3 = ?3"));
        }
        (None, Some(PromiseState::Pending)) => {
            add(&mut sql, format_args!(" INDEXED BY promises_pending WHERE ?1 = ?1 AND id > ?2 AND ?3 = ?3"));
        }
        (None, _) => add(&mut sql, format_args!(" WHERE ?1 = ?1 AND id > ?2 AND ?3 = ?3")),
    }
    match search.state {
        None => {}
        Some(PromiseState::Pending) => sql.push_str(" AND state = 'pending' AND timeout_at > ?3"),
        Some(state) => {
            add(&mut sql, format_args!(" AND (state = '{}' OR state = 'pending' AND timeout_at <= ?3)", state.as_str()))
        }
    }
    sql.push_str(" ORDER BY id");
    let key = lineage.map_or("", |(_, value)| value);
    let means = |promise: &Promise| search.state.is_none_or(|state| state == promise.state);
    rows.first(&sql, params![key, after, now.0], limit, |row| {
        if !has_tags(&read::tags(row, 4)?, &search.tags) {
            return Ok(None);
        }
        Ok(Some(read::promise(row)?.at(now)).filter(means))
    })
}

pub(super) fn tasks(rows: &SqliteRows<'_>, search: &TaskSearch, now: Millis, limit: usize) -> Result<Vec<TaskRow>> {
    let after = search.cursor.as_deref().unwrap_or_default();
    let limit = sql_limit(limit);
    // in the order of ids go the promises; only those tasks that live have an index of theirs
    match search.state {
        None => {
            let sql = concat!(
                "SELECT ",
                task_columns!(),
                " FROM promises CROSS JOIN tasks USING (row) WHERE promises.id > ?1 ORDER BY promises.id LIMIT ?2"
            );
            rows.all(sql, params![after, limit], read::task)
        }
        Some(TaskState::Fulfilled) => {
            let sql = concat!(
                "SELECT ",
                task_columns!(),
                " FROM promises CROSS JOIN tasks USING (row) WHERE promises.id > ?1 AND (tasks.state = 'fulfilled' ",
                "OR promises.state <> 'pending' OR timeout_at <= ?2) ORDER BY promises.id LIMIT ?3"
            );
            rows.all(sql, params![after, now.0, limit], read::task)
        }
        Some(state) => {
            let sql = concat!(
                "SELECT ",
                task_columns!(),
                " FROM tasks INDEXED BY tasks_live CROSS JOIN promises USING (row) WHERE tasks.id > ?1 ",
                "AND tasks.state <> 'fulfilled' AND tasks.state = ?2 AND promises.state = 'pending' AND timeout_at > ?3 ",
                "ORDER BY tasks.id LIMIT ?4"
            );
            rows.all(sql, params![after, state.as_str(), now.0, limit], read::task)
        }
    }
}

pub(super) fn schedules(rows: &SqliteRows<'_>, search: &ScheduleSearch, limit: usize) -> Result<Vec<Schedule>> {
    let after = search.cursor.as_deref().unwrap_or_default();
    let sql = concat!("SELECT ", schedule_columns!(), " FROM schedules WHERE id > ?1 ORDER BY id");
    rows.first(sql, [after], limit, |row| {
        let schedule = read::schedule(row)?;
        Ok(has_tags(&schedule.promise_tags, &search.tags).then_some(schedule))
    })
}

fn has_tags(tags: &Tags, wanted: &Tags) -> bool {
    wanted.iter().all(|(name, value)| tags.get(name) == Some(value))
}
