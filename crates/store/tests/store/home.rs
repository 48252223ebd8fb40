//! Places to open a store at, and short words for requests.

use concierge_api_rs::coordinator::{
    Answer, Claims, Dialect, Millis, Pid, Promise, PromiseCreate, PromiseGet, PromiseId, PromiseListen, PromiseSettle, Request,
    SettleState, TAG_TARGET, Tags, TaskAcquire, Value,
};
use concierge_coordinator::{Decision, Rules};
use concierge_store::{Clock, Place, Store};
use concierge_test_postgres::{Postgres, Setup};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A home of each kind.
pub(crate) async fn memory() -> Home {
    Home::memory()
}

pub(crate) async fn sqlite() -> Home {
    Home::sqlite()
}

/// A database of its own on a server that all tests share. It does not wait for the disk, which nobody here pulls out.
pub(crate) async fn postgres() -> Home {
    static SHARED: OnceCell<Postgres> = OnceCell::const_new();
    let url = SHARED.get_or_init(|| Setup::default().without_fsync().start()).await.database().await;
    Home { place: Place::Postgres(url), _folder: None }
}

/// A place that goes when the test ends.
pub(crate) struct Home {
    pub(crate) place: Place,
    /// The folder of the database, if there is one.
    _folder: Option<TempDir>,
}

impl Home {
    pub(crate) fn memory() -> Self {
        Self { place: Place::Memory, _folder: None }
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { place: Place::Sqlite(folder.path().join("coordinator.db")), _folder: Some(folder) }
    }

    pub(crate) async fn open(&self, clock: Clock) -> Store {
        Store::open(&self.place, Rules::default(), clock).await.unwrap()
    }
}

pub(crate) fn id(text: &str) -> PromiseId {
    PromiseId::parse(text).unwrap()
}

pub(crate) fn pid(text: &str) -> Pid {
    Pid::parse(text).unwrap()
}

/// A promise with this target, or none when it is empty, and no deadline.
pub(crate) fn create(text: &str, target: &str) -> Request {
    create_until(text, target, Millis::NEVER)
}

pub(crate) fn create_until(text: &str, target: &str, timeout_at: Millis) -> Request {
    let mut tags = Tags::new();
    if !target.is_empty() {
        tags.insert(TAG_TARGET.to_owned(), target.to_owned());
    }
    Request::PromiseCreate(PromiseCreate { id: id(text), param: Value::default(), tags, timeout_at })
}

pub(crate) fn data(text: &str) -> Value {
    Value { data: Some(text.into()), ..Value::default() }
}

pub(crate) fn settle(text: &str, value: &str) -> Request {
    Request::PromiseSettle(PromiseSettle { id: id(text), state: SettleState::Resolved, value: data(value) })
}

pub(crate) fn get(text: &str) -> Request {
    Request::PromiseGet(PromiseGet { id: id(text) })
}

pub(crate) fn listen(text: &str, address: &str) -> Request {
    Request::PromiseListen(PromiseListen { awaited: id(text), address: address.parse().unwrap() })
}

pub(crate) fn acquire(text: &str, claims: u32, who: &str, ttl: i64) -> Request {
    Request::TaskAcquire(TaskAcquire { id: id(text), claims: Claims(claims), pid: pid(who), ttl: Millis(ttl) })
}

/// What is decided, in the newer dialect, at the store's own time.
pub(crate) async fn ask(store: &Store, request: Request) -> Decision {
    store.request(Dialect::V20260401, request, None).await.unwrap()
}

/// The promise of an answer that shows one.
pub(crate) fn promise(decision: Decision) -> Promise {
    match decision.outcome {
        Ok(Answer::Promise(promise)) => promise,
        other => panic!("no promise: {other:?}"),
    }
}

/// The code of an outcome.
pub(crate) fn code(decision: &Decision) -> u16 {
    match &decision.outcome {
        Ok(answer) => answer.status().code(),
        Err(refusal) => refusal.status.code(),
    }
}
