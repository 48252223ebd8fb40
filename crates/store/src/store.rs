//! The face of the store.

use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::coordinator::{Dialect, GroupName, Millis, Pid, Request};
use concierge_coordinator::{Decision, Everything, Offer, OfferKey, Reads, Rules};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::{OpenError, StoreError};
use crate::follow::{Counts, Observer};
use crate::memory::Memory;
use crate::place::Place;
use crate::postgres::Postgres;
use crate::sqlite::{Look, Sqlite};
use crate::work::{Done, Work, is_overdue, look};

/// The rows of a coordinator, and the rules over them. Clones are the same store.
///
/// Invariants: whoever has an answer or an offer can rely on it, it is committed; one that was refused wrote nothing; requests
/// are done one after the other as far as anybody can tell, and what is answered is seen by every request that begins later.
///
/// A future that is dropped does not take its request back: its fate is unknown then, and its offers come at their next time.
#[derive(Clone)]
pub struct Store {
    rules: Rules,
    clock: Clock,
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Memory(Arc<Memory>),
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

/// What a sweep brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Messages to offer.
    pub offers: Vec<Offer>,
    /// Messages that other hubs have passed on, to offer to whoever is here.
    pub passed_on: Vec<Offer>,
    /// Whether more is due at once.
    pub more: bool,
}

/// What was written since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that may change something, sweeps, messages taken.
    pub transactions: u64,
    /// Commits that made them durable.
    pub commits: u64,
}

impl Store {
    /// Opens what is at `place`, or makes it.
    ///
    /// # Errors
    /// When it can't be opened, or is not ours.
    pub async fn open(place: &Place, rules: Rules, clock: Clock) -> Result<Self, OpenError> {
        Self::open_for(place, rules, clock, None).await
    }

    /// The same, and `observer` follows what is written.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_followed(
        place: &Place,
        rules: Rules,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, OpenError> {
        Self::open_for(place, rules, clock, Some(observer)).await
    }

    async fn open_for(place: &Place, rules: Rules, clock: Clock, observer: Option<Arc<dyn Observer>>) -> Result<Self, OpenError> {
        let backend = match place {
            Place::Memory => Backend::Memory(Arc::new(Memory::new(rules, clock.clone(), observer))),
            Place::Sqlite(path) => {
                let (path, clock) = (path.clone(), clock.clone());
                let open = tokio::task::spawn_blocking(move || Sqlite::open(&path, rules, clock, observer));
                Backend::Sqlite(Arc::new(open.await.expect("opening does not panic")?))
            }
            Place::Postgres(url) => {
                Backend::Postgres(Arc::new(Postgres::open(url, place.to_string(), rules, (clock.clone(), observer)).await?))
            }
        };
        Ok(Self { rules, clock, backend })
    }

    /// The clock that it was opened with.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Does what is asked. `debug_time` counts only when time is driven by hand.
    ///
    /// # Errors
    /// When there is no answer. A refusal is one.
    pub async fn request(&self, dialect: Dialect, request: Request, debug_time: Option<Millis>) -> Result<Decision, StoreError> {
        if request.is_read() {
            return self.look(request, debug_time).await;
        }
        let done = self.work(Work::Request { dialect, request: Box::new(request), told: debug_time }).await?;
        Ok(Decision { outcome: done.outcome, offers: done.offers })
    }

    /// Does what is due now, earliest first, as much as other requests can wait for. When time is driven by hand it does nothing.
    ///
    /// # Errors
    /// When it can't. What is due stays so: try again, but not at once.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let done = self.work(Work::Sweep).await?;
        let passed_on = match &self.backend {
            Backend::Postgres(postgres) => postgres.passed_on().await,
            Backend::Memory(_) | Backend::Sqlite(_) => Vec::new(),
        };
        Ok(Swept { offers: done.offers, passed_on, more: done.more })
    }

    /// A message that nobody at this hub took. Other hubs with the same rows get it by their next sweep, which becomes due at
    /// once, as one of [`Swept::passed_on`]. Where rows are shared with nobody, it just waits for its next time.
    pub fn pass_on(&self, key: OfferKey) {
        if let Backend::Postgres(postgres) = &self.backend {
            postgres.pass_on(key);
        }
    }

    /// The instant of the next thing due, which may be past; none when nothing is, or when time is driven by hand. Every commit
    /// brings it up to date.
    #[must_use]
    pub fn next_due(&self) -> watch::Receiver<Option<Millis>> {
        match &self.backend {
            Backend::Memory(memory) => memory.due(),
            Backend::Sqlite(sqlite) => sqlite.due(),
            Backend::Postgres(postgres) => postgres.due(),
        }
    }

    /// What waits for a worker of this group and name: at most `limit` messages, those after `after`, and where to go on when
    /// there may be more.
    ///
    /// # Errors
    /// When rows can't be read.
    pub async fn waiting(
        &self,
        group: &GroupName,
        pid: &Pid,
        after: Option<OfferKey>,
        limit: usize,
    ) -> Result<(Vec<Offer>, Option<OfferKey>), StoreError> {
        let (now, rules) = (self.clock.now(), self.rules);
        match &self.backend {
            Backend::Memory(memory) => memory.read(|rows| rules.waiting(now, (group, pid), after.as_ref(), limit, rows)),
            Backend::Sqlite(sqlite) => {
                let (group, pid) = (group.clone(), pid.clone());
                sqlite.read(Look::Quick, move |rows| rules.waiting(now, (&group, &pid), after.as_ref(), limit, rows)).await
            }
            Backend::Postgres(postgres) => postgres.waiting((group, pid), after, limit).await,
        }
    }

    /// The transport took a message: a notice goes, a task stays until it is claimed.
    ///
    /// # Errors
    /// When it can't be written. The notice is offered again then.
    pub async fn taken(&self, key: OfferKey) -> Result<(), StoreError> {
        match key {
            OfferKey::Task(_) => Ok(()),
            OfferKey::Notice(..) => self.work(Work::Taken(key)).await.map(drop),
        }
    }

    /// Every row there is, for comparing stores.
    ///
    /// # Errors
    /// When rows can't be read.
    pub async fn everything(&self) -> Result<Everything, StoreError> {
        match &self.backend {
            Backend::Memory(memory) => memory.read(Reads::everything),
            Backend::Sqlite(sqlite) => sqlite.read(Look::Search, |rows| rows.everything()).await,
            Backend::Postgres(postgres) => postgres.everything().await,
        }
    }

    /// How many promises and tasks there are, as they are between two commits, at which the observer is told
    /// ([`Observer::counted_from_here`]): what is committed later comes on top. This goes through all rows, and keeps nobody
    /// waiting meanwhile.
    ///
    /// # Errors
    /// When rows can't be read.
    pub async fn count(&self) -> Result<Counts, StoreError> {
        match &self.backend {
            Backend::Memory(memory) => memory.count(),
            Backend::Sqlite(sqlite) => sqlite.count().await,
            Backend::Postgres(postgres) => postgres.count().await,
        }
    }

    /// Whether others may write the same rows: then nobody here follows everything.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Postgres(_))
    }

    /// How much was written.
    #[must_use]
    pub fn tally(&self) -> Tally {
        match &self.backend {
            Backend::Memory(memory) => memory.tally(),
            Backend::Sqlite(sqlite) => sqlite.tally(),
            Backend::Postgres(postgres) => postgres.tally(),
        }
    }

    /// How long the commits took, all together; none of a store in memory.
    #[must_use]
    pub fn commit_time(&self) -> Duration {
        match &self.backend {
            Backend::Memory(_) => Duration::ZERO,
            Backend::Sqlite(sqlite) => sqlite.commit_time(),
            Backend::Postgres(postgres) => postgres.commit_time(),
        }
    }

    /// Does what is queued, commits, and closes files. Clones are closed too.
    pub async fn close(self) {
        match &self.backend {
            Backend::Memory(memory) => memory.close(),
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres(postgres) => postgres.close().await,
        }
    }

    async fn look(&self, request: Request, told: Option<Millis>) -> Result<Decision, StoreError> {
        let outcome = match &self.backend {
            Backend::Memory(memory) => memory.read(|rows| look((&request, told), &self.rules, &self.clock, rows))?,
            Backend::Sqlite(sqlite) => {
                let (rules, clock, kind) = (self.rules, self.clock.clone(), kind_of_look(&request));
                let asked = request.clone();
                let seen = sqlite.read(kind, move |rows| {
                    let now = clock.at(told);
                    let settling = !clock.is_by_hand() && is_overdue(&asked, now, rows)?;
                    if settling { Ok(None) } else { look((&asked, told), &rules, &clock.standing(now), rows).map(Some) }
                });
                match seen.await? {
                    Some(outcome) => outcome,
                    None => {
                        let work = Work::Request { dialect: Dialect::V20260401, request: Box::new(request), told };
                        sqlite.work(work).await?.outcome
                    }
                }
            }
            Backend::Postgres(postgres) => postgres.look(request, told).await?,
        };
        Ok(Decision { outcome, offers: Vec::new() })
    }

    async fn work(&self, work: Work) -> Result<Done, StoreError> {
        match &self.backend {
            Backend::Memory(memory) => memory.work(&work),
            Backend::Sqlite(sqlite) => sqlite.work(work).await,
            Backend::Postgres(postgres) => postgres.work(work).await,
        }
    }
}

fn kind_of_look(request: &Request) -> Look {
    match request {
        Request::PromiseSearch(_) | Request::TaskSearch(_) | Request::ScheduleSearch(_) | Request::DebugSnap => Look::Search,
        _ => Look::Quick,
    }
}
