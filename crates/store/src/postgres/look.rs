//! Requests that only look, on connections of their own: what they may see is loaded, and the rules look at that.

use concierge_api_rs::coordinator::{
    GroupName, Millis, Pid, PromiseId, PromiseSearch, PromiseState, Request, ScheduleSearch, TAG_BRANCH, TAG_ORIGIN,
    TAG_SCHEDULE, Tags, TaskSearch, TaskState,
};
use concierge_api_rs::limits;
use concierge_coordinator::{Everything, MemoryRows, OfferKey, Rows};
use deadpool_postgres::Object;
use tokio_postgres::{Client, IsolationLevel, Row};

use super::ask::{self, AsBytes, NEXT_DUE, Params, TIME, array};
use super::load::free;
use super::read::{self, NOTICE_WIDTH, TASK_WIDTH, promise_columns, schedule_columns, task_columns};
use super::trouble::Trouble;
use crate::follow::Counts;

const PROMISE: &str = concat!("SELECT ", promise_columns!(), " FROM promises WHERE id = $1");
const TASK: &str = concat!(
    "SELECT ",
    task_columns!(),
    ", ",
    promise_columns!(),
    " FROM tasks JOIN promises ON promises.id = tasks.id WHERE tasks.id = $1"
);
const SCHEDULE: &str = concat!("SELECT ", schedule_columns!(), " FROM schedules WHERE id = $1");
const SCHEDULES: &str = concat!("SELECT ", schedule_columns!(), " FROM schedules WHERE id > $1 ORDER BY id LIMIT $2");
macro_rules! tasks_and_promises {
    ($where:literal) => {
        concat!(
            "SELECT ",
            task_columns!(),
            ", ",
            promise_columns!(),
            " FROM tasks JOIN promises ON promises.id = tasks.id WHERE ",
            $where
        )
    };
}
macro_rules! notices_and_promises {
    ($where:literal) => {
        concat!(
            "SELECT notices.promise, notices.address, notices.dialect, notices.due_at, ",
            promise_columns!(),
            " FROM notices JOIN promises ON promises.id = notices.promise WHERE ",
            $where
        )
    };
}
const WAITING_TASKS: &str =
    tasks_and_promises!("waits_in = $1 AND waits_for = $2 AND tasks.id > $3 AND offer_from <= $4 ORDER BY tasks.id LIMIT $5");
const WAITING_NOTICES: &str = notices_and_promises!(
    "waits_in = $1 AND waits_for = $2 AND notices.promise >= $3 AND (notices.promise, notices.address) > ($3, $4) \
     ORDER BY notices.promise, notices.address LIMIT $5"
);
const TASKS_OF: &str = tasks_and_promises!("tasks.id = ANY($1::bytea[])");
const NOTICES_OF: &str = notices_and_promises!("notices.promise = ANY($1::bytea[])");
const ALL_TASKS: &str = tasks_and_promises!("tasks.id > $1 ORDER BY tasks.id LIMIT $2");
const FULFILLED_TASKS: &str = tasks_and_promises!(
    "tasks.id > $1 AND (tasks.state = 'fulfilled' OR promises.state <> 'pending' OR timeout_at <= $3) ORDER BY tasks.id LIMIT $2"
);
const LIVE_TASKS: &str = tasks_and_promises!(
    "tasks.id > $1 AND tasks.state <> 'fulfilled' AND tasks.state = $4 AND promises.state = 'pending' AND timeout_at > $3 \
     ORDER BY tasks.id LIMIT $2"
);

/// Promises that are read at once while those with some tag are looked for.
const PAGE: usize = 500;

/// What is wanted.
#[derive(Clone, Copy)]
pub(super) enum Look<'a> {
    /// What a request asks for that names one row.
    One(&'a Request),
    /// A page of a search.
    Search(&'a Request),
    /// What waits for a member of a group: those after a key, at most so many.
    Waiting { group: &'a GroupName, pid: &'a Pid, after: Option<&'a OfferKey>, limit: usize },
    /// The rows of messages.
    Messages(&'a [OfferKey]),
    /// Every row.
    Everything,
}

/// How it is known what time it is.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    /// It is not earlier than this.
    pub(super) at_least: Millis,
    /// It is exactly that.
    pub(super) by_hand: bool,
}

/// What is found, and the time it is found at: it had come when the rows were read.
pub(super) struct Found {
    pub(super) rows: MemoryRows,
    pub(super) now: Millis,
}

impl Look<'_> {
    pub(super) async fn find(self, client: &mut Object, timing: Timing) -> Result<Found, Trouble> {
        let now = timing.at_least;
        let rows = match self {
            Self::One(request) => {
                let Found { rows, now } = one(client, request).await?;
                return Ok(Found { rows, now: timing.or(now) });
            }
            Self::Search(request) => {
                let now = timing.or(time(client).await?);
                return Ok(Found { rows: search(client, request, now).await?, now });
            }
            Self::Waiting { group, pid, after, limit } => waiting(client, (group, pid), now, after, limit).await?,
            Self::Messages(keys) => messages(client, keys).await?,
            Self::Everything => consistent(client).await?,
        };
        Ok(Found { rows, now })
    }
}

impl Timing {
    /// What the database told, unless we know better.
    fn or(self, told: Millis) -> Millis {
        if self.by_hand { self.at_least } else { told.max(self.at_least) }
    }
}

/// What the database's clock says.
pub(super) async fn time(client: &Object) -> Result<Millis, Trouble> {
    let [time] = ask::prepare(client, [TIME]).await?;
    ask::time(&client.query(&time, &[]).await?)
}

/// When something is due next.
pub(super) async fn next_due(client: &Object) -> Result<Option<Millis>, Trouble> {
    let [statement] = ask::prepare(client, [NEXT_DUE]).await?;
    ask::next_due(&client.query(&statement, &[]).await?)
}

/// A row and what belongs to it, in one round trip.
async fn one(client: &Object, request: &Request) -> Result<Found, Trouble> {
    let (sql, key): (_, &[u8]) = match request {
        Request::TaskGet(get) => (TASK, get.id.bytes()),
        Request::ScheduleGet(get) => (SCHEDULE, get.id.bytes()),
        Request::PromiseGet(get) => (PROMISE, get.id.bytes()),
        _ => return Ok(Found { rows: MemoryRows::new(), now: time(client).await? }),
    };
    let [time, statement] = ask::prepare(client, [TIME, sql]).await?;
    let (asked, params): (&Client, Params<'_>) = (client, &[&key]);
    let (time, found) = futures::join!(ask::rows(asked, true, &time, &[]), ask::rows(asked, true, &statement, params));
    let (now, mut rows) = (ask::time(&time?)?, MemoryRows::new());
    for row in &found? {
        match request {
            Request::TaskGet(_) => put_task(row, &mut rows)?,
            Request::ScheduleGet(_) => free(rows.put_schedule(&read::schedule(row)?)),
            _ => free(rows.put_promise(&read::promise(row, 0)?)),
        }
    }
    Ok(Found { rows, now })
}

/// The next page of what a search means.
async fn search(client: &Object, request: &Request, now: Millis) -> Result<MemoryRows, Trouble> {
    match request {
        Request::PromiseSearch(search) => promises(client, search, now).await,
        Request::TaskSearch(search) => tasks(client, search, now).await,
        Request::ScheduleSearch(search) => schedules(client, search).await,
        _ => Ok(MemoryRows::new()),
    }
}

/// The lineage of a promise has indexes, and so have the pending ones; any other tag is looked for among all.
async fn promises(client: &Object, search: &PromiseSearch, now: Millis) -> Result<MemoryRows, Trouble> {
    let lineage = [(TAG_BRANCH, "branch"), (TAG_ORIGIN, "origin"), (TAG_SCHEDULE, "schedule")];
    let lineage = lineage.into_iter().find_map(|(tag, column)| Some((column, search.tags.get(tag)?.as_bytes())));
    let mut sql = concat!("SELECT ", promise_columns!(), " FROM promises WHERE id > $1 AND $3::bigint = $3").to_owned();
    match lineage {
        Some((column, _)) => sql += &format!(" AND md5({column}) = md5($4::bytea) AND {column} = $4"),
        None => sql += " AND $4::bytea = $4",
    }
    match search.state {
        None => {}
        Some(PromiseState::Pending) => sql += " AND state = 'pending' AND timeout_at > $3",
        Some(state) => sql += &format!(" AND (state = '{}' OR state = 'pending' AND timeout_at <= $3)", state.as_str()),
    }
    sql += " ORDER BY id LIMIT $2";
    let [statement] = ask::prepare(client, [&sql]).await?;
    let (limit, mut rows, mut found) = (page(search.limit), MemoryRows::new(), 0);
    let mut after = search.cursor.clone().unwrap_or_default().into_bytes();
    let key = lineage.map_or(&[][..], |(_, value)| value);
    let at_once = if search.tags.is_empty() && search.state.is_none() { limit } else { PAGE };
    loop {
        let most = sql_limit(at_once);
        let read = client.query(&statement, &[&after, &most, &now.0, &key]).await?;
        for row in &read {
            let promise = read::promise(row, 0)?;
            let state = promise.clone().at(now).state;
            if has_tags(&promise.tags, &search.tags) && search.state.is_none_or(|wanted| wanted == state) {
                free(rows.put_promise(&promise));
                found += 1;
            }
        }
        let last = read.last().filter(|_| read.len() == at_once && found < limit);
        match last {
            Some(row) => after = read::id(row, 0)?.bytes().to_vec(),
            None => return Ok(rows),
        }
    }
}

async fn tasks(client: &Object, search: &TaskSearch, now: Millis) -> Result<MemoryRows, Trouble> {
    let after = search.cursor.as_deref().unwrap_or_default().as_bytes();
    let limit = sql_limit(page(search.limit));
    let found = match search.state {
        None => {
            let [statement] = ask::prepare(client, [ALL_TASKS]).await?;
            client.query(&statement, &[&after, &limit]).await?
        }
        Some(TaskState::Fulfilled) => {
            let [statement] = ask::prepare(client, [FULFILLED_TASKS]).await?;
            client.query(&statement, &[&after, &limit, &now.0]).await?
        }
        Some(state) => {
            let [statement] = ask::prepare(client, [LIVE_TASKS]).await?;
            client.query(&statement, &[&after, &limit, &now.0, &state.as_str()]).await?
        }
    };
    let mut rows = MemoryRows::new();
    for row in &found {
        put_task(row, &mut rows)?;
    }
    Ok(rows)
}

async fn schedules(client: &Object, search: &ScheduleSearch) -> Result<MemoryRows, Trouble> {
    let [statement] = ask::prepare(client, [SCHEDULES]).await?;
    let (limit, mut rows, mut found) = (page(search.limit), MemoryRows::new(), 0);
    let mut after = search.cursor.clone().unwrap_or_default().into_bytes();
    let most = sql_limit(PAGE);
    loop {
        let read = client.query(&statement, &[&after, &most]).await?;
        let all = read.iter().map(read::schedule).collect::<Result<Vec<_>, _>>()?;
        for schedule in all.iter().filter(|one| has_tags(&one.promise_tags, &search.tags)) {
            free(rows.put_schedule(schedule));
            found += 1;
        }
        match all.last().filter(|_| all.len() == PAGE && found < limit) {
            Some(last) => after = last.id.bytes().to_vec(),
            None => return Ok(rows),
        }
    }
}

/// What waits for everybody in the group, and what waits for this member.
async fn waiting(
    client: &Object,
    (group, pid): (&GroupName, &Pid),
    now: Millis,
    after: Option<&OfferKey>,
    limit: usize,
) -> Result<MemoryRows, Trouble> {
    let [tasks, notices] = ask::prepare(client, [WAITING_TASKS, WAITING_NOTICES]).await?;
    let (from, address): (&[u8], &[u8]) = match after {
        Some(OfferKey::Task(id)) => (id.bytes(), b""),
        Some(OfferKey::Notice(promise, address)) => (promise.bytes(), address.bytes()),
        None => (b"", b""),
    };
    // tasks come before notices, so whoever is at a notice has seen them
    let (has_tasks, from_notice): (bool, &[u8]) = match after {
        Some(OfferKey::Notice(..)) => (false, from),
        _ => (true, b""),
    };
    let (group, own, all, most): (&[u8], &[u8], &[u8], _) =
        (group.as_str().as_bytes(), pid.as_str().as_bytes(), b"", sql_limit(limit));
    let own_tasks: Params<'_> = &[&group, &own, &from, &now.0, &most];
    let all_tasks: Params<'_> = &[&group, &all, &from, &now.0, &most];
    let own_notices: Params<'_> = &[&group, &own, &from_notice, &address, &most];
    let all_notices: Params<'_> = &[&group, &all, &from_notice, &address, &most];
    let asked: &Client = client;
    let (some, others, told, told_others) = futures::join!(
        ask::rows(asked, has_tasks, &tasks, own_tasks),
        ask::rows(asked, has_tasks, &tasks, all_tasks),
        ask::rows(asked, true, &notices, own_notices),
        ask::rows(asked, true, &notices, all_notices),
    );
    let mut rows = MemoryRows::new();
    for row in some?.iter().chain(&others?) {
        put_task(row, &mut rows)?;
    }
    for row in told?.iter().chain(&told_others?) {
        put_notice(row, &mut rows)?;
    }
    Ok(rows)
}

/// The rows of these messages.
async fn messages(client: &Object, keys: &[OfferKey]) -> Result<MemoryRows, Trouble> {
    let [tasks, notices] = ask::prepare(client, [TASKS_OF, NOTICES_OF]).await?;
    let ids = |of_task: bool| {
        keys.iter().filter_map(move |key| match key {
            OfferKey::Task(id) if of_task => Some(id),
            OfferKey::Notice(promise, _) if !of_task => Some(promise),
            _ => None,
        })
    };
    let (of_tasks, of_notices) = (array(ids(true)), array(ids(false)));
    let (asked, of_these_tasks, of_these_notices): (&Client, Params<'_>, Params<'_>) = (client, &[&of_tasks], &[&of_notices]);
    let (tasks, notices) = futures::join!(
        ask::rows(asked, !of_tasks.is_empty(), &tasks, of_these_tasks),
        ask::rows(asked, !of_notices.is_empty(), &notices, of_these_notices),
    );
    let mut rows = MemoryRows::new();
    for row in &tasks? {
        put_task(row, &mut rows)?;
    }
    for row in &notices? {
        put_notice(row, &mut rows)?;
    }
    Ok(rows)
}

/// Everything by its state, as this transaction sees it. It goes through all rows.
pub(super) async fn count_all(client: &Client) -> Result<Counts, Trouble> {
    client.batch_execute("SET LOCAL enable_seqscan = on").await?;
    let promises = client.query("SELECT state, count(*) FROM promises GROUP BY state", &[]).await?;
    let tasks = client.query("SELECT state, count(*) FROM tasks GROUP BY state", &[]).await?;
    let pair = |row: &'_ Row| -> (String, i64) { (row.get(0), row.get(1)) };
    let (promises, tasks): (Vec<_>, Vec<_>) = (promises.iter().map(pair).collect(), tasks.iter().map(pair).collect());
    Ok(Counts::of(promises.iter().map(|(state, n)| (state.as_str(), *n)), tasks.iter().map(|(state, n)| (state.as_str(), *n))))
}

/// All rows at one moment.
async fn consistent(client: &mut Object) -> Result<MemoryRows, Trouble> {
    let moment = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?;
    let found = everything(moment.client()).await?;
    moment.commit().await?;
    Ok(put(&found))
}

/// All rows as this transaction sees them.
pub(super) async fn everything(client: &Client) -> Result<Everything, Trouble> {
    let all = |sql| async move { client.query(sql, &[]).await };
    let promises = all(concat!("SELECT ", promise_columns!(), " FROM promises ORDER BY id")).await?;
    let tasks = all(concat!("SELECT ", task_columns!(), " FROM tasks ORDER BY id")).await?;
    let registrations = all("SELECT awaited, awaiter FROM registrations ORDER BY awaited, awaiter").await?;
    let listeners = all("SELECT promise, address, dialect FROM listeners ORDER BY promise, address").await?;
    let notices = all("SELECT promise, address, dialect, due_at FROM notices ORDER BY promise, address").await?;
    let schedules = all(concat!("SELECT ", schedule_columns!(), " FROM schedules ORDER BY id")).await?;
    let pair = |row: &Row| Ok::<(PromiseId, PromiseId), Trouble>((read::id(row, 0)?, read::id(row, 1)?));
    Ok(Everything {
        promises: promises.iter().map(|row| read::promise(row, 0)).collect::<Result<_, _>>()?,
        tasks: tasks.iter().map(read::task).collect::<Result<_, _>>()?,
        registrations: registrations.iter().map(pair).collect::<Result<_, _>>()?,
        listeners: listeners.iter().map(read::listener).collect::<Result<_, _>>()?,
        notices: notices.iter().map(read::notice).collect::<Result<_, _>>()?,
        schedules: schedules.iter().map(read::schedule).collect::<Result<_, _>>()?,
    })
}

/// All of it in memory.
pub(super) fn put(everything: &Everything) -> MemoryRows {
    let mut rows = MemoryRows::new();
    everything.promises.iter().for_each(|one| free(rows.put_promise(one)));
    everything.tasks.iter().for_each(|one| free(rows.put_task(one)));
    everything.registrations.iter().for_each(|(awaited, awaiter)| free(rows.put_registration(awaiter, awaited)));
    everything.listeners.iter().for_each(|one| free(rows.put_listener(one)));
    everything.notices.iter().for_each(|one| free(rows.put_notice(one)));
    everything.schedules.iter().for_each(|one| free(rows.put_schedule(one)));
    rows
}

fn put_task(row: &Row, rows: &mut MemoryRows) -> Result<(), Trouble> {
    free(rows.put_promise(&read::promise(row, TASK_WIDTH)?));
    free(rows.put_task(&read::task(row)?));
    Ok(())
}

fn put_notice(row: &Row, rows: &mut MemoryRows) -> Result<(), Trouble> {
    free(rows.put_promise(&read::promise(row, NOTICE_WIDTH)?));
    free(rows.put_notice(&read::notice(row)?));
    Ok(())
}

/// As many as one answer shows.
fn page(asked: Option<usize>) -> usize {
    asked.unwrap_or(limits::SEARCH_RESULTS).clamp(1, limits::SEARCH_RESULTS)
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn has_tags(tags: &Tags, wanted: &Tags) -> bool {
    wanted.iter().all(|(name, value)| tags.get(name) == Some(value))
}
