//! The store that the coordinator's is measured against: SQLite as one uses it first. One connection on a thread of its own
//! behind a bounded queue, and a transaction for every request. Not slow on purpose: WAL, statements that are prepared once,
//! the same durability (synchronous=FULL). It knows what the generator needs: promise.get, promise.create, promise.settle.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use concierge_api_rs::coordinator::{
    Answer, Millis, Outcome, Promise, PromiseCreate, PromiseId, PromiseSettle, PromiseState, Refusal, Request, Status, Value,
};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

/// Requests that wait for the thread. When it is full, whoever asks waits.
const QUEUE: usize = 4096;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS promises (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    timeout_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    tags TEXT NOT NULL,
    param TEXT NOT NULL,
    value TEXT NOT NULL
) STRICT";

/// Promises in a database. Clones are the same.
#[derive(Clone)]
pub(crate) struct Ledger {
    queue: mpsc::Sender<Job>,
}

struct Job {
    request: Request,
    answer: oneshot::Sender<Outcome>,
}

impl Ledger {
    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.execute_batch(TABLE)?;
        let (queue, mut jobs) = mpsc::channel::<Job>(QUEUE);
        std::thread::spawn(move || {
            while let Some(Job { request, answer }) = jobs.blocking_recv() {
                let failed = |error: rusqlite::Error| Err(Refusal::new(Status::Internal, error.to_string()));
                let _ = answer.send(one(&mut connection, &request).unwrap_or_else(failed)); // whoever asked may have gone
            }
        });
        Ok(Self { queue })
    }

    /// Does what is asked and answers when it is committed.
    pub(crate) async fn ask(&self, request: Request) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let closed = || Refusal::new(Status::Internal, "the thread of the ledger is gone");
        self.queue.send(Job { request, answer }).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// One request, one transaction.
fn one(connection: &mut Connection, request: &Request) -> Result<Outcome> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let outcome = match request {
        Request::PromiseGet(get) => promise(&transaction, &get.id)?.map(Answer::Promise).ok_or_else(|| unknown(&get.id)),
        Request::PromiseCreate(create) => Ok(Answer::Promise(made(&transaction, create)?)),
        Request::PromiseSettle(settle) => settled(&transaction, settle)?.map(Answer::Promise).ok_or_else(|| unknown(&settle.id)),
        _ => Err(Refusal::new(Status::NotImplemented, "the baseline knows promises only")),
    };
    transaction.commit()?;
    Ok(outcome)
}

fn unknown(id: &PromiseId) -> Refusal {
    Refusal::new(Status::NotFound, format!("there is no promise \"{id}\""))
}

fn made(transaction: &Transaction<'_>, create: &PromiseCreate) -> Result<Promise> {
    if let Some(known) = promise(transaction, &create.id)? {
        return Ok(known);
    }
    let made = Promise {
        id: create.id.clone(),
        state: PromiseState::Pending,
        param: create.param.clone(),
        value: Value::default(),
        tags: create.tags.clone(),
        timeout_at: create.timeout_at,
        created_at: now(),
        settled_at: None,
    };
    let sql = "INSERT INTO promises VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6, ?7)";
    transaction.prepare_cached(sql)?.execute(params![
        made.id.as_str(),
        made.state.as_str(),
        made.timeout_at.0,
        made.created_at.0,
        json(&made.tags),
        written(&made.param),
        written(&made.value),
    ])?;
    Ok(made)
}

fn settled(transaction: &Transaction<'_>, settle: &PromiseSettle) -> Result<Option<Promise>> {
    let Some(known) = promise(transaction, &settle.id)? else { return Ok(None) };
    if known.state != PromiseState::Pending {
        return Ok(Some(known));
    }
    let promise = Promise { state: settle.state.into(), value: settle.value.clone(), settled_at: Some(now()), ..known };
    let sql = "UPDATE promises SET state = ?2, value = ?3, settled_at = ?4 WHERE id = ?1";
    let at = promise.settled_at.map(|at| at.0);
    transaction.prepare_cached(sql)?.execute(params![
        promise.id.as_str(),
        promise.state.as_str(),
        written(&promise.value),
        at
    ])?;
    Ok(Some(promise))
}

fn promise(transaction: &Transaction<'_>, id: &PromiseId) -> Result<Option<Promise>> {
    let sql = "SELECT id, state, timeout_at, created_at, settled_at, tags, param, value FROM promises WHERE id = ?1";
    transaction.prepare_cached(sql)?.query_row([id.as_str()], read).optional()
}

fn read(row: &Row<'_>) -> Result<Promise> {
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(|error| unreadable(column, error));
    let value = |column: usize| {
        let (headers, data) = serde_json::from_str(text(column)?).map_err(|error| unreadable(column, error))?;
        Ok::<_, rusqlite::Error>(Value { headers, data })
    };
    Ok(Promise {
        id: PromiseId::parse(text(0)?).map_err(|error| unreadable(0, error))?,
        state: PromiseState::of_str(text(1)?).ok_or_else(|| unreadable(1, "no state"))?,
        timeout_at: Millis(row.get(2)?),
        created_at: Millis(row.get(3)?),
        settled_at: row.get::<_, Option<i64>>(4)?.map(Millis),
        tags: serde_json::from_str(text(5)?).map_err(|error| unreadable(5, error))?,
        param: value(6)?,
        value: value(7)?,
    })
}

fn unreadable(column: usize, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

fn written(value: &Value) -> String {
    json(&(&value.headers, &value.data))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("maps of strings always serialize")
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use concierge_api_rs::coordinator::{PromiseGet, SettleState};

    #[tokio::test]
    async fn promises_are_created_once_settled_once_and_still_there_after_opening_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ledger.db");
        let id = PromiseId::parse("a").unwrap();
        let create = |data: &str| {
            let param = Value { data: Some(data.into()), ..Value::default() };
            Request::PromiseCreate(PromiseCreate { id: id.clone(), param, tags: [].into(), timeout_at: Millis(i64::MAX) })
        };
        let settle = |state| Request::PromiseSettle(PromiseSettle { id: id.clone(), state, value: Value::default() });
        let ledger = Ledger::open(&path).unwrap();
        let refused = ledger.ask(settle(SettleState::Resolved)).await.unwrap_err();
        assert_eq!(refused.status, Status::NotFound);
        ledger.ask(create("first")).await.unwrap();
        ledger.ask(create("second")).await.unwrap();
        ledger.ask(settle(SettleState::Rejected)).await.unwrap();
        let answer = ledger.ask(settle(SettleState::Resolved)).await.unwrap();
        drop(ledger);
        let again = Ledger::open(&path).unwrap();
        assert_eq!(again.ask(Request::PromiseGet(PromiseGet { id: id.clone() })).await.unwrap(), answer);
        let Answer::Promise(promise) = answer else { panic!("{answer:?}") };
        assert_eq!((promise.state, promise.param.data.as_deref()), (PromiseState::Rejected, Some("first")));
    }
}
