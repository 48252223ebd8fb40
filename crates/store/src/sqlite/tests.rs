//! What can be seen only from inside: when a commit happens, and what waits meanwhile.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use concierge_api_rs::coordinator::{
    Address, Answer, Dialect, Millis, Pid, Promise, PromiseCreate, PromiseId, PromiseSearch, PromiseSettle, PromiseState,
    Request, ScheduleId, ScheduleSearch, SettleState, TAG_BRANCH, TAG_ORIGIN, TAG_SCHEDULE, TAG_TARGET, Tags, TaskSearch,
    TaskState, Value,
};
use concierge_coordinator::{Everything, Listener, MemoryRows, Notice, OfferKey, Reads, Rows};
use futures::FutureExt;
use futures::future::join_all;
use parking_lot::Mutex;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use tempfile::TempDir;

use super::*;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coordinator.db");
    (folder, path)
}

fn create(n: usize, bytes: usize) -> Work {
    let id = PromiseId::parse(&format!("p{n}")).unwrap();
    let param = Value { data: Some("x".repeat(bytes).into()), ..Value::default() };
    let create = PromiseCreate { id, param, tags: Tags::new(), timeout_at: Millis::NEVER };
    change(Request::PromiseCreate(create))
}

fn settle(n: usize) -> Work {
    let id = PromiseId::parse(&format!("p{n}")).unwrap();
    change(Request::PromiseSettle(PromiseSettle { id, state: SettleState::Resolved, value: Value::default() }))
}

fn change(request: Request) -> Work {
    Work::Request { dialect: Dialect::Plain, request: Box::new(request), told: None }
}

/// A writer that stops before each of its commits, and goes on when told whether to commit.
struct Halting {
    writer: Writer,
    reader: rusqlite::Connection,
    at_commit: Receiver<()>,
    go_on: SyncSender<bool>,
    _folder: TempDir,
}

impl Halting {
    fn new(queue: usize) -> Self {
        let (folder, path) = folder();
        let mut ours = Ours::open(&path).unwrap();
        let reader = ours.reader().unwrap();
        let (halt, at_commit) = sync_channel(1);
        let (go_on, wait) = sync_channel(1);
        let hook = move || {
            let halted = halt.send(()).map(|()| wait.recv());
            // a test that has ended stops nobody
            !matches!(halted, Ok(Ok(true)) | Err(_))
        };
        ours.connection.commit_hook(Some(hook)).unwrap();
        let writer = Writer::start(ours, Rules::default(), (Clock::by_hand(), None), queue).unwrap();
        Self { writer, reader, at_commit, go_on, _folder: folder }
    }

    fn committed(&self) -> usize {
        SqliteRows(&self.reader).everything().unwrap().promises.len()
    }
}

#[tokio::test]
async fn nothing_is_answered_before_the_commit_and_what_came_meanwhile_shares_the_next() {
    let halting = Halting::new(100);
    let mut first = Box::pin(halting.writer.work(create(0, 10)));
    assert!(first.as_mut().now_or_never().is_none());
    halting.at_commit.recv().unwrap();
    assert!(first.as_mut().now_or_never().is_none(), "it is done and not committed");
    assert_eq!(halting.committed(), 0);
    let mut others: Vec<_> = (1..50).map(|n| Box::pin(halting.writer.work(create(n, 10)))).collect();
    assert!(others.iter_mut().all(|other| other.as_mut().now_or_never().is_none()));

    halting.go_on.send(true).unwrap();
    assert_eq!(first.await.unwrap().outcome.unwrap().status().code(), 200);
    assert_eq!(halting.committed(), 1);
    halting.at_commit.recv().unwrap();
    assert!(others.iter_mut().all(|other| other.as_mut().now_or_never().is_none()));
    halting.go_on.send(true).unwrap();
    assert!(join_all(others).await.into_iter().all(|done| done.is_ok()));
    assert_eq!((halting.committed(), halting.writer.tally()), (50, Tally { transactions: 50, commits: 2 }));
}

#[tokio::test]
async fn when_a_commit_fails_nobody_is_told_that_it_was_done() {
    let halting = Halting::new(100);
    let mut first = Box::pin(halting.writer.work(create(0, 10)));
    assert!(first.as_mut().now_or_never().is_none());
    halting.at_commit.recv().unwrap();
    let others = (1..5).map(|n| halting.writer.work(create(n, 10)));
    let others = join_all(others).map(|done| done.into_iter().all(|one| matches!(one, Err(StoreError::Failed(_)))));
    let mut others = Box::pin(others);
    assert!(others.as_mut().now_or_never().is_none());
    halting.go_on.send(false).unwrap();
    assert!(matches!(first.await, Err(StoreError::Failed(_))));
    halting.at_commit.recv().unwrap();
    halting.go_on.send(false).unwrap();
    assert!(others.await, "all of the group fail together");
    assert_eq!((halting.committed(), halting.writer.tally()), (0, Tally::default()));
}

#[tokio::test]
async fn one_more_than_the_queue_holds_is_refused_as_busy_and_the_others_are_done() {
    let halting = Halting::new(3);
    let mut first = Box::pin(halting.writer.work(create(0, 10)));
    assert!(first.as_mut().now_or_never().is_none());
    halting.at_commit.recv().unwrap();
    let mut queued: Vec<_> = (1..4).map(|n| Box::pin(halting.writer.work(create(n, 10)))).collect();
    assert!(queued.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
    let busy = halting.writer.work(create(4, 10)).now_or_never();
    assert!(matches!(busy, Some(Err(StoreError::Busy))), "{busy:?}");
    halting.go_on.send(true).unwrap();
    halting.at_commit.recv().unwrap();
    halting.go_on.send(true).unwrap();
    assert!(first.await.is_ok() && join_all(queued).await.iter().all(Result::is_ok));
    assert_eq!(halting.committed(), 4);
}

#[tokio::test]
async fn closing_does_what_is_queued_and_refuses_what_comes_later() {
    let halting = Halting::new(100);
    let mut first = Box::pin(halting.writer.work(create(0, 10)));
    assert!(first.as_mut().now_or_never().is_none());
    halting.at_commit.recv().unwrap();
    let mut second = Box::pin(halting.writer.work(create(1, 10)));
    assert!(second.as_mut().now_or_never().is_none());
    let mut close = Box::pin(halting.writer.close());
    assert!(close.as_mut().now_or_never().is_none());
    halting.go_on.send(true).unwrap();
    halting.at_commit.recv().unwrap();
    assert!(matches!(halting.writer.work(create(2, 10)).await, Err(StoreError::Closed)));
    halting.go_on.send(true).unwrap();
    close.await;
    assert!(first.await.is_ok() && second.await.is_ok());
    assert_eq!(halting.committed(), 2);
}

#[tokio::test]
async fn a_database_that_may_not_grow_refuses_what_does_not_fit_and_takes_the_rest_again_when_there_is_room() {
    let (_folder, path) = folder();
    let ours = Ours::open(&path).unwrap();
    let reader = ours.reader().unwrap();
    ours.connection.pragma_update_and_check(None, "max_page_count", 100, |_| Ok(())).unwrap();
    let writer = Writer::start(ours, Rules::default(), (Clock::by_hand(), None), 1_000).unwrap();
    let small = join_all((0..10).map(|n| writer.work(create(n, 10)))).await;
    assert!(small.iter().all(Result::is_ok));

    // in one group: what fits is done though what does not stands beside it
    let mixed = join_all((10..30).map(|n| writer.work(create(n, if n % 5 == 0 { 1_000_000 } else { 10 })))).await;
    for (n, done) in mixed.iter().enumerate() {
        match done {
            Ok(_) => assert_ne!(n % 5, 0),
            Err(error) => assert!(n % 5 == 0 && matches!(error, StoreError::Full(_)), "{n}: {error:?}"),
        }
    }
    let known = |rows: &rusqlite::Connection| SqliteRows(rows).everything().unwrap().promises.len();
    assert_eq!(known(&reader), 26);
    let outcome = writer.work(settle(3)).await.unwrap().outcome;
    assert!(matches!(outcome, Ok(Answer::Promise(_))), "what needs no room is done");

    writer.work(change(Request::DebugReset)).await.unwrap();
    assert_eq!(SqliteRows(&reader).everything().unwrap(), Everything::default());
    assert!(writer.work(create(31, 300_000)).await.is_ok(), "there is room again");
}

#[tokio::test]
async fn a_panic_while_reading_is_the_fault_of_one_request_and_the_readers_go_on() {
    let (_folder, path) = folder();
    let sqlite = Sqlite::open(&path, Rules::default(), Clock::by_hand(), None).unwrap();
    for _ in 0..5 {
        let panicked = sqlite.read(Look::Quick, |_| -> rusqlite::Result<()> { panic!("a defect") }).await;
        assert!(matches!(panicked, Err(StoreError::Failed(_))));
    }
    assert_eq!(sqlite.read(Look::Quick, |rows| rows.everything()).await.unwrap(), Everything::default());
}

/// No test here can cut the power; this is what SQLite needs to be told to survive that.
#[test]
fn commits_are_written_through_to_the_disk() {
    let (_folder, path) = folder();
    let ours = Ours::open(&path).unwrap();
    let says = |pragma: &str| {
        let value = ours.connection.pragma_query_value(None, pragma, |row| row.get::<_, rusqlite::types::Value>(0));
        format!("{:?}", value.unwrap())
    };
    assert_eq!(says("synchronous"), "Integer(2)");
    assert_eq!(says("journal_mode"), "Text(\"wal\")");
}

#[test]
fn a_task_without_a_promise_can_not_be_written() {
    let (_folder, path) = folder();
    let connection = Ours::open(&path).unwrap().connection;
    let mut rows = SqliteRows(&connection);
    let (promise, task) = (&one_of_each().promises[0], &one_of_each().tasks[0]);
    assert!(rows.put_task(task).is_err());
    assert_eq!(rows.everything().unwrap(), Everything::default());
    rows.put_promise(promise).unwrap();
    rows.put_task(task).unwrap();
    assert_eq!(rows.task(&task.id).unwrap().as_ref(), Some(task));
}

#[test]
fn no_statement_goes_through_a_whole_table_or_sorts() {
    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let (_folder, path) = folder();
    let mut connection = Ours::open(&path).unwrap().connection;
    let note = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            SEEN.lock().insert(statement.sql().into_owned());
        }
    };
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    use_every_statement(&mut SqliteRows(&connection)).unwrap();
    connection.trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>).unwrap();
    let statements = SEEN.lock().clone();
    assert!(statements.len() > 40, "{}", statements.len());
    for sql in statements {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = plan.raw_query().mapped(|row| row.get::<_, String>(3));
        for step in steps.map(Result::unwrap) {
            let scan = step.starts_with("SCAN") && !step.contains("CONSTANT ROW") && !step.contains("subquery");
            assert!(!scan && !step.contains("TEMP B-TREE"), "{step}: {sql}");
        }
    }
}

/// Everything but what is meant to see all: `everything` and `clear`.
fn use_every_statement(rows: &mut SqliteRows<'_>) -> rusqlite::Result<()> {
    let memory = one_of_each();
    for promise in &memory.promises {
        rows.put_promise(promise)?;
        rows.put_promise(&Promise { settled_at: Some(Millis(1)), state: PromiseState::Resolved, ..promise.clone() })?;
    }
    for task in &memory.tasks {
        rows.put_task(task)?;
    }
    let (id, now) = (PromiseId::parse("a").unwrap(), Millis(5));
    let (address, pid) = ("uni@work/ada".parse::<Address>().unwrap(), Pid::parse("ada").unwrap());
    let to = Listener { promise: id.clone(), address: address.clone(), dialect: Dialect::Plain };
    let schedule = ScheduleId::parse("s").unwrap();
    let _ = (rows.promise(&id)?, rows.task(&id)?, rows.awaiters(&id)?, rows.awaiter_count(&id, 9)?);
    let _ = (rows.listeners(&id)?, rows.listener_count(&id, 9)?, rows.notice(&id, &address)?, rows.held_by(&pid)?);
    let _ = (rows.branch("b", 9)?, rows.schedule(&schedule)?, rows.due(now, 9)?, rows.next_due()?);
    for after in [OfferKey::Task(id.clone()), OfferKey::Notice(id.clone(), address.clone())] {
        rows.waiting(address.group(), &pid, now, Some(&after), 9)?;
    }
    for state in [None].into_iter().chain(PromiseState::ALL.iter().copied().map(Some)) {
        for tag in [TAG_BRANCH, TAG_ORIGIN, TAG_SCHEDULE, "colour"] {
            let tags = Tags::from([(tag.to_owned(), "x".to_owned())]);
            rows.search_promises(&PromiseSearch { state, tags, ..PromiseSearch::default() }, now, 9)?;
        }
    }
    for state in [None].into_iter().chain(TaskState::ALL.iter().copied().map(Some)) {
        rows.search_tasks(&TaskSearch { state, ..TaskSearch::default() }, now, 9)?;
    }
    rows.search_schedules(&ScheduleSearch::default(), 9)?;
    rows.put_registration(&id, &id)?;
    rows.delete_awaiters(&id)?;
    rows.delete_registrations(&id)?;
    rows.put_listener(&to)?;
    rows.delete_listeners(&id)?;
    rows.put_notice(&Notice { to, due_at: now })?;
    rows.delete_notice(&id, &address)?;
    rows.delete_schedule(&schedule)
}

/// A promise with a task.
fn one_of_each() -> Everything {
    let mut rows = MemoryRows::new();
    let (id, tags) = (PromiseId::parse("a").unwrap(), Tags::from([(TAG_TARGET.to_owned(), "any@work".to_owned())]));
    let create = PromiseCreate { id, param: Value::default(), tags, timeout_at: Millis::NEVER };
    let Ok(_) = Rules::default().decide(Millis(0), Dialect::Plain, &Request::PromiseCreate(create), &mut rows);
    let Ok(everything) = rows.everything();
    everything
}
