//! Requests that only look. What they find is shown as it is now, deadlines considered.

use concierge_api_rs::coordinator::{
    Answer, Millis, Outcome, Promise, PromiseId, PromiseSearch, PromiseState, Refusal, Request, Schedule, ScheduleId,
    ScheduleSearch, Snapshot, Status, TAG_BRANCH, Task, TaskSearch, TaskState, Value,
};
use concierge_api_rs::limits;

use crate::rows::{Everything, OfferKey, Reads, TaskRow};
use crate::rules::Rules;

/// The answer, when the request only looks.
pub(crate) fn answer<R: Reads>(now: Millis, request: &Request, rows: &R) -> Result<Option<Outcome>, R::Error> {
    if request.is_read() { read(now, request, rows).map(Some) } else { Ok(None) }
}

/// The answer to a request that only looks.
pub(crate) fn read<R: Reads>(now: Millis, request: &Request, rows: &R) -> Result<Outcome, R::Error> {
    match request {
        Request::PromiseGet(get) => promise(now, &get.id, rows),
        Request::PromiseSearch(search) => promises(now, search, rows),
        Request::TaskGet(get) => task(now, &get.id, rows),
        Request::TaskSearch(search) => tasks(now, search, rows),
        Request::ScheduleGet(get) => schedule(&get.id, rows),
        Request::ScheduleSearch(search) => schedules(search, rows),
        Request::DebugSnap => snapshot(now, rows),
        _ => Ok(Err(Refusal::new(Status::Internal, "this request changes something"))),
    }
}

fn promise<R: Reads>(now: Millis, id: &PromiseId, rows: &R) -> Result<Outcome, R::Error> {
    let promise = rows.promise(id)?.map(|promise| Answer::Promise(promise.at(now)));
    Ok(promise.ok_or_else(|| Refusal::new(Status::NotFound, format!("there is no promise {id:?}"))))
}

fn task<R: Reads>(now: Millis, id: &PromiseId, rows: &R) -> Result<Outcome, R::Error> {
    let Some(task) = rows.task(id)? else {
        return Ok(Err(Refusal::new(Status::NotFound, format!("there is no task {id:?}"))));
    };
    Ok(Ok(Answer::Task(task_at(now, task, rows)?)))
}

/// The task as it is now: fulfilled when its promise is settled, written down or not.
fn task_at<R: Reads>(now: Millis, mut task: TaskRow, rows: &R) -> Result<Task, R::Error> {
    let overdue = task.state != TaskState::Fulfilled && rows.promise(&task.id)?.is_some_and(|promise| !promise.is_pending(now));
    if overdue {
        task.end();
    }
    Ok(task.record())
}

fn schedule<R: Reads>(id: &ScheduleId, rows: &R) -> Result<Outcome, R::Error> {
    let schedule = rows.schedule(id)?.map(Answer::Schedule);
    Ok(schedule.ok_or_else(|| Refusal::new(Status::NotFound, format!("there is no schedule {id:?}"))))
}

fn promises<R: Reads>(now: Millis, search: &PromiseSearch, rows: &R) -> Result<Outcome, R::Error> {
    let limit = page_limit(search.limit);
    let found = rows.search_promises(search, now, limit)?;
    let (page, cursor) = page(found, limit, weight, |promise| promise.id.to_string());
    Ok(Ok(Answer::Promises { page, cursor }))
}

fn tasks<R: Reads>(now: Millis, search: &TaskSearch, rows: &R) -> Result<Outcome, R::Error> {
    let limit = page_limit(search.limit);
    let found = rows.search_tasks(search, now, limit)?;
    let (found, cursor) = page(found, limit, |_| 0, |task| task.id.to_string());
    let page = found.into_iter().map(|task| task_at(now, task, rows)).collect::<Result<_, _>>()?;
    Ok(Ok(Answer::Tasks { page, cursor }))
}

fn schedules<R: Reads>(search: &ScheduleSearch, rows: &R) -> Result<Outcome, R::Error> {
    let limit = page_limit(search.limit);
    let found = rows.search_schedules(search, limit)?;
    let weight = |schedule: &Schedule| bytes_of(&schedule.promise_param);
    let (page, cursor) = page(found, limit, weight, |schedule| schedule.id.to_string());
    Ok(Ok(Answer::Schedules { page, cursor }))
}

fn page_limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(limits::SEARCH_RESULTS).clamp(1, limits::SEARCH_RESULTS)
}

/// As many as fit, and where the next page begins after. A full page may be followed by an empty one.
fn page<T>(mut found: Vec<T>, limit: usize, weight: impl Fn(&T) -> usize, id: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let full = found.len() >= limit;
    let mut bytes = 0;
    let fits = found.iter().position(|item| {
        bytes += weight(item);
        bytes > limits::SEARCH_BYTES
    });
    let cut = fits.is_some_and(|last| last + 1 < found.len());
    if let Some(last) = fits {
        found.truncate(last + 1);
    }
    let cursor = if full || cut { found.last().map(id) } else { None };
    (found, cursor)
}

/// What is known of the run that the promise belongs to: others of its branch, as they are now. Bounded, so not always all: what
/// is missing costs the worker a request and nothing else.
pub(crate) fn preload<R: Reads>(now: Millis, promise: &Promise, rows: &R) -> Result<Vec<Promise>, R::Error> {
    let Some(branch) = promise.tags.get(TAG_BRANCH) else { return Ok(Vec::new()) };
    let mut others = rows.branch(branch, limits::PRELOAD_PROMISES + 1)?;
    others.retain(|other| other.id != promise.id);
    others.truncate(limits::PRELOAD_PROMISES);
    let mut bytes = 0;
    let fit = others.iter().take_while(|other| {
        bytes += weight(other);
        bytes <= limits::PRELOAD_BYTES
    });
    let fit = fit.count();
    others.truncate(fit);
    Ok(others.into_iter().map(|other| other.at(now)).collect())
}

fn weight(promise: &Promise) -> usize {
    bytes_of(&promise.param) + bytes_of(&promise.value)
}

fn bytes_of(value: &Value) -> usize {
    let headers = value.headers.iter().map(|(name, text)| name.len() + text.len());
    value.data.as_ref().map_or(0, |data| data.len()) + headers.sum::<usize>()
}

/// Every row as it is written down.
fn snapshot<R: Reads>(now: Millis, rows: &R) -> Result<Outcome, R::Error> {
    let Everything { promises, tasks, registrations, listeners, notices, .. } = rows.everything()?;
    let pending = promises.iter().filter(|promise| promise.state == PromiseState::Pending);
    let offered = tasks.iter().map(|task| OfferKey::Task(task.id.clone()));
    let keys = offered.chain(notices.into_iter().map(|notice| OfferKey::Notice(notice.to.promise, notice.to.address)));
    let mut messages = Vec::new();
    for key in keys {
        let offer = Rules::default().offer(now, &key, rows)?;
        messages.extend(offer.map(|offer| (offer.address.to_string(), offer.message)));
    }
    Ok(Ok(Answer::Snapshot(Box::new(Snapshot {
        promise_timeouts: pending.map(|promise| (promise.id.clone(), promise.timeout_at)).collect(),
        callbacks: registrations.into_iter().map(|(awaited, awaiter)| (awaiter, awaited)).collect(),
        listeners: listeners.into_iter().map(|listener| (listener.promise, listener.address)).collect(),
        task_timeouts: tasks
            .iter()
            .filter_map(|task| Some((task.id.clone(), task.state == TaskState::Acquired, task.due_at?)))
            .collect(),
        tasks: tasks.iter().map(TaskRow::record).collect(),
        promises,
        messages,
    }))))
}
