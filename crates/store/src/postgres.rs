//! Rows in a PostgreSQL database, which several hubs may use at once: one task writes, many requests to one transaction, and a
//! few connections read beside it.
//!
//! The rules are not asked in the middle of a conversation with the database. What a group of requests can touch is locked and
//! loaded in one round trip, the rules run over it in memory, and what they changed is written and committed in another.
//!
//! From the rim inwards: `postgres` (the face), `writer` (groups), `transaction`, `load` and `net` (the two round trips),
//! `sweep`, `look` (requests that only look), `neighbours` (other hubs), `connect`, `schema`.

mod ask;
mod connect;
mod due;
mod load;
mod look;
mod neighbours;
mod net;
mod read;
mod schema;
mod sweep;
mod transaction;
mod trouble;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::coordinator::{Dialect, GroupName, Kind, Millis, Outcome, Pid, Request};
use concierge_coordinator::{Everything, MemoryRows, Offer, OfferKey, Reads, Rules};
use deadpool_postgres::{Object, Pool};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::connect::Server;
use self::due::NextDue;
use self::load::free;
use self::look::{Found, Look, Timing};
use self::neighbours::Neighbours;
use self::trouble::Trouble;
use self::writer::Writer;
use crate::clock::Clock;
use crate::error::{OpenError, StoreError};
use crate::follow::{Counts, Observer};
use crate::store::Tally;
use crate::work::{Done, Work, is_overdue, look as look_at};

/// What waits for the writer at most; the next one is refused as busy.
const WRITER_QUEUE: usize = 8_192;
/// Connections that read.
const READERS: usize = 4;
/// What waits for them at most; the next one is refused as busy.
const READER_QUEUE: usize = 2_048;

/// A database that is open.
pub(crate) struct Postgres {
    rules: Rules,
    clock: Clock,
    writer: Writer,
    readers: Pool,
    reading: Semaphore,
    due: Arc<NextDue>,
    neighbours: Neighbours,
    /// The writer, and the ear for other hubs: they end with this.
    tasks: Mutex<JoinSet<()>>,
}

impl Postgres {
    /// Opens the database at `url`, makes its tables or brings them up to date.
    pub(crate) async fn open(
        url: &str,
        place: String,
        rules: Rules,
        (clock, observer): (Clock, Option<Arc<dyn Observer>>),
    ) -> Result<Self, OpenError> {
        let server = Server::parse(url, place)?;
        let (writing, readers) = (server.pool(1), server.pool(READERS));
        let unusable = |error: Trouble| OpenError::Unusable(server.place.clone(), error.into());
        let client = writing.get().await.map_err(|error| unusable(error.into()))?;
        connect::migrate(&client, &server.place).await?;
        clock.follow(look::time(&client).await.map_err(unusable)?);
        let next = look::next_due(&client).await.map_err(unusable)?;
        drop(client);
        let due = Arc::new(NextDue::new(next.filter(|_| !clock.is_by_hand())));
        let (writer, desk) = Writer::new(writing, rules, (clock.clone(), observer), due.clone(), WRITER_QUEUE);
        let (neighbours, ear) = Neighbours::new(server, clock.clone(), due.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(desk.serve());
        tasks.spawn(ear.serve());
        let (reading, tasks) = (Semaphore::new(READER_QUEUE), Mutex::new(tasks));
        Ok(Self { rules, clock, writer, readers, reading, due, neighbours, tasks })
    }

    pub(crate) async fn work(&self, work: Work) -> Result<Done, StoreError> {
        self.writer.work(work).await
    }

    /// The answer to a request that only looks.
    pub(crate) async fn look(&self, request: Request, told: Option<Millis>) -> Result<Outcome, StoreError> {
        if request.kind().is_debug() && !self.clock.is_by_hand() {
            return Ok(free(look_at((&request, told), &self.rules, &self.clock, &MemoryRows::new())));
        }
        let look = match request.kind() {
            Kind::PromiseSearch | Kind::TaskSearch | Kind::ScheduleSearch => Look::Search(&request),
            Kind::DebugSnap => Look::Everything,
            _ => Look::One(&request),
        };
        let Found { rows, now } = self.find(look, self.clock.at(told)).await?;
        if !self.clock.is_by_hand() && free(is_overdue(&request, now, &rows)) {
            // somebody may be settling it with a time before its deadline: that one's lock is waited for
            let work = Work::Request { dialect: Dialect::V20260401, request: Box::new(request), told };
            return self.work(work).await.map(|done| done.outcome);
        }
        Ok(free(look_at((&request, told), &self.rules, &self.clock.standing(now), &rows)))
    }

    /// What waits for a worker.
    pub(crate) async fn waiting(
        &self,
        (group, pid): (&GroupName, &Pid),
        after: Option<OfferKey>,
        limit: usize,
    ) -> Result<(Vec<Offer>, Option<OfferKey>), StoreError> {
        let now = self.clock.now();
        let found = self.find(Look::Waiting { group, pid, after: after.as_ref(), limit }, now).await?;
        Ok(free(self.rules.waiting(now, (group, pid), after.as_ref(), limit, &found.rows)))
    }

    /// A message that nobody here took.
    pub(crate) fn pass_on(&self, key: OfferKey) {
        self.neighbours.pass_on(key);
    }

    /// Messages that nobody took at the hubs that passed them on. Those that can't be read wait for their next time.
    pub(crate) async fn passed_on(&self) -> Vec<Offer> {
        let keys = self.neighbours.passed_on();
        if keys.is_empty() {
            return Vec::new();
        }
        let now = self.clock.now();
        match self.find(Look::Messages(&keys), now).await {
            Ok(found) => keys.iter().filter_map(|key| free(self.rules.offer(now, key, &found.rows))).collect(),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what other hubs passed on is offered later");
                Vec::new()
            }
        }
    }

    pub(crate) async fn everything(&self) -> Result<Everything, StoreError> {
        let found = self.find(Look::Everything, self.clock.now()).await?;
        Ok(free(found.rows.everything()))
    }

    /// Everything by its state, as it is between two commits of this hub.
    pub(crate) async fn count(&self) -> Result<Counts, StoreError> {
        let _place = self.reading.try_acquire().map_err(|_| StoreError::Busy)?;
        let client = self.readers.get().await.map_err(|error| Trouble::from(error).nothing_happened())?;
        let client = self.writer.begin_between_commits(client).await?;
        let counted = look::count_all(&client).await;
        if client.batch_execute("ROLLBACK").await.is_err() {
            // the end of its session ends the transaction
            drop(Object::take(client));
        }
        counted.map_err(Trouble::nothing_happened)
    }

    pub(crate) fn due(&self) -> watch::Receiver<Option<Millis>> {
        self.due.watch()
    }

    pub(crate) fn commit_time(&self) -> Duration {
        self.writer.commit_time()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.writer.tally()
    }

    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.readers.close();
        self.tasks.lock().abort_all();
    }

    /// What is found on a connection for looking. One that had died while nobody used it is replaced.
    async fn find(&self, look: Look<'_>, at_least: Millis) -> Result<Found, StoreError> {
        let _place = self.reading.try_acquire().map_err(|_| StoreError::Busy)?;
        let timing = Timing { at_least, by_hand: self.clock.is_by_hand() };
        match self.attempt(look, timing).await {
            Err(trouble) if trouble.is_lost() && !trouble.is_closed() => self.attempt(look, timing).await,
            other => other,
        }
        .map_err(Trouble::nothing_happened)
    }

    async fn attempt(&self, look: Look<'_>, timing: Timing) -> Result<Found, Trouble> {
        let mut client = self.readers.get().await?;
        look.find(&mut client, timing).await
    }
}
