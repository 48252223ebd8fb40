//! The coordinator: a built-in client that owns the service `coordinator` and answers its subscribers; the same over HTTP.
//! What it answers is the rules' (`concierge-coordinator`), kept by the store (`concierge-store`); here is who asks, who is
//! offered what, and when.
//!
//! Invariants: an answer and an offer leave after their commit; requests of one client reach the store in the order it sent
//! them; nothing here is the only place where a message is, so losing all of this loses nothing.

mod history;
mod http;
mod ledger;
mod roster;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use concierge_api_rs::admin::{CoordinatorStats, History};
use concierge_api_rs::coordinator::{Envelope, GroupName, Head, Millis, Offered, Pid, PromiseId, Refusal, Request, Status};
use concierge_api_rs::{ClientId, ClientInfo, limits};
use concierge_coordinator::{Offer, OfferKey, Rules};
use concierge_store::{Clock, OpenError, Place, Store, StoreError};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use crate::builtin::{Builtin, BuiltinSeat};
use crate::desk::Desk;
use crate::metrics;
use crate::peer::Peer;
use crate::vital::or_abort;
pub(crate) use ledger::Ledger;
use roster::{Event, Newcomer, Roster, Sink, Subscriber};

pub(crate) use http::{Gate, router};

/// Its name, and its service's.
const NAME: &str = "coordinator";
/// Requests that wait to reach the store; over it they are answered 429.
const INBOX: usize = 4_096;
/// Messages that are read at once for somebody who came.
const PAGE: usize = 256;
/// Newcomers for whom that is done at once.
const WELCOMES: usize = 8;
/// After the store failed, and while a client that came has no room.
const PAUSE: Duration = Duration::from_millis(10);
/// How often what others may change as well is counted again, while somebody watches.
const COUNT_EVERY: Duration = Duration::from_millis(limits::COUNT_EVERY_MS);
/// How late something can be because the system's clock was set or the machine slept.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What of it can be set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) place: Place,
    pub(crate) rules: Rules,
    pub(crate) clock: Clock,
    /// Requests of one client that are not answered yet.
    pub(crate) in_flight: usize,
    /// What may wait for a client before it is offered nothing more.
    pub(crate) outbox_bytes: usize,
}

/// The coordinator of a hub.
pub(crate) struct Coordinator {
    desk: Arc<Desk>,
    /// Set before anybody can ask.
    seat: OnceLock<BuiltinSeat>,
    store: Store,
    roster: Roster,
    offered: Offered,
    in_flight: usize,
    outbox_bytes: usize,
    inbox: mpsc::Sender<Inquiry>,
    /// Requests over HTTP, and notices on their way: each runs to its end, whoever waits for it.
    tasks: TaskTracker,
    /// Newcomers for whom what waits is read.
    welcoming: Semaphore,
    /// For whoever looks after the hub.
    ledger: Arc<Ledger>,
    /// When everything is counted, if it is to be; none before somebody asks.
    counts: Mutex<Option<Instant>>,
}

/// A request of a client.
struct Inquiry {
    from: Arc<Peer>,
    subscriber: Arc<Subscriber>,
    envelope: Envelope,
}

impl Coordinator {
    /// Opens the store and takes the seat. Its work is done in `tasks`.
    pub(crate) async fn start(settings: Settings, desk: Arc<Desk>, tasks: &mut JoinSet<()>) -> Result<Arc<Self>, OpenError> {
        let debug_clock = settings.clock.is_by_hand();
        let ledger = Arc::new(Ledger::new(settings.clock.clone()));
        let store = Store::open_followed(&settings.place, settings.rules, settings.clock, ledger.clone()).await?;
        let (inbox, inquiries) = mpsc::channel(INBOX);
        let coordinator = Arc::new(Self {
            desk: desk.clone(),
            seat: OnceLock::new(),
            store,
            roster: Roster::default(),
            offered: Offered { debug_clock, ..Offered::default() },
            in_flight: settings.in_flight,
            outbox_bytes: settings.outbox_bytes,
            inbox,
            tasks: TaskTracker::new(),
            welcoming: Semaphore::new(WELCOMES),
            ledger,
            counts: Mutex::default(),
        });
        let code: Weak<Self> = Arc::downgrade(&coordinator);
        let seat = desk.seat(NAME, NAME, code).expect("nobody is there yet who could have the name");
        assert!(coordinator.seat.set(seat).is_ok(), "it is set here only");
        tasks.spawn(or_abort("the coordinator", coordinator.clone().answer_all(inquiries)));
        tasks.spawn(or_abort("the coordinator", coordinator.clone().sweep_forever()));
        tasks.spawn(or_abort("the coordinator", coordinator.clone().welcome_forever()));
        Ok(coordinator)
    }

    /// What was asked is committed, files are closed.
    pub(crate) async fn close(&self) {
        self.tasks.close();
        self.store.clone().close().await;
    }

    /// What changes, for whoever looks after the hub.
    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// What happened to a task, and, of a root, to all that came of it.
    pub(crate) fn history(&self, id: &PromiseId, root: bool) -> History {
        if root { self.ledger.history.of_root(id) } else { self.ledger.history.of(id) }
    }

    /// What it counted, for whoever looks after the hub. Promises and tasks are counted in the background when somebody asks
    /// for the first time.
    pub(crate) fn stats(self: &Arc<Self>) -> CoordinatorStats {
        self.count_if_due();
        let (promises, tasks) = self.ledger.totals();
        let (tally, total) = (self.store.tally(), |count: &metrics::Count| count.total());
        CoordinatorStats {
            requests: metrics::METRICS.asked().map(|(status, total)| (status.to_string(), total)).collect(),
            offers_taken: total(&metrics::METRICS.offers_taken),
            offers_held: total(&metrics::METRICS.offers_held),
            pollers: self.pollers() as u64,
            transactions: tally.transactions,
            commits: tally.commits,
            commit_us: u64::try_from(self.store.commit_time().as_micros()).unwrap_or(u64::MAX),
            promises,
            tasks,
        }
    }

    /// Once: the ledger follows from then on. What other hubs may change as well is counted again and again.
    fn count_if_due(self: &Arc<Self>) {
        let now = Instant::now();
        let mut due = self.counts.lock();
        if due.is_some_and(|due| now < due || !self.store.is_shared()) {
            return;
        }
        *due = Some(now + COUNT_EVERY);
        drop(due);
        let coordinator = self.clone();
        self.tasks.spawn(async move {
            match coordinator.store.count().await {
                Ok(counts) => coordinator.ledger.counted(&counts),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "promises and tasks cannot be counted");
                    *coordinator.counts.lock() = None;
                }
            }
        });
    }

    /// How many pollers there are.
    pub(crate) fn pollers(&self) -> usize {
        self.roster.pollers()
    }

    /// Hands requests to the store in the order they came; answers come in the order they are ready.
    async fn answer_all(self: Arc<Self>, mut inquiries: mpsc::Receiver<Inquiry>) {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased; // what is ready makes room
                Some(()) = running.next(), if !running.is_empty() => {}
                inquiry = inquiries.recv() => {
                    let Some(inquiry) = inquiry else { return };
                    let mut answering = Box::pin(self.answer(inquiry));
                    // reaches the store now, before the next one does
                    if futures::poll!(&mut answering).is_pending() {
                        running.push(answering);
                    }
                }
            }
        }
    }

    /// An answer waits for room, as its client's next requests do: asking much makes nobody a slow client.
    async fn answer(self: &Arc<Self>, Inquiry { from, subscriber, envelope: Envelope { head, request } }: Inquiry) {
        let search = matches!(request, Request::PromiseSearch(_) | Request::TaskSearch(_) | Request::ScheduleSearch(_));
        let _turn = if search { subscriber.searching.acquire().await.ok() } else { None };
        let (text, handed) = self.ask(&head, request).await;
        self.forget(handed);
        if self.room(&from).await {
            self.say(from.id, &text);
        }
        from.unanswered.fetch_sub(1, Ordering::Relaxed);
    }

    /// One request: the answer as text, and notices that were handed to clients.
    async fn ask(&self, head: &Head, request: Request) -> (String, Vec<Handed>) {
        let request = self.store.request(head.dialect, request, head.debug_time);
        // a panic, which is a defect of the rules, is this request's alone
        let (outcome, taken) = match AssertUnwindSafe(request).catch_unwind().await {
            Ok(Ok(decision)) => (decision.outcome, self.offer(&decision.offers)),
            Ok(Err(error)) => (Err(refusal(&error)), Vec::new()),
            Err(_) => (Err(Refusal::new(Status::Internal, "the coordinator failed; the hub's log says why")), Vec::new()),
        };
        metrics::asked(&outcome);
        (head.answer(&outcome), taken)
    }

    /// Offers messages to whoever is there, and passes on to other hubs what nobody here takes. Gives the notices that clients
    /// were handed; a poller's say so themselves.
    fn offer(&self, offers: &[Offer]) -> Vec<Handed> {
        self.offer_else(offers, |key| self.store.pass_on(key.clone()))
    }

    /// Offers messages to whoever is there. What nobody takes is handed to `left`.
    fn offer_else(&self, offers: &[Offer], left: impl Fn(&OfferKey)) -> Vec<Handed> {
        let mut handed = Vec::new();
        for offer in offers {
            let text = offer.message.encode(offer.dialect);
            let notice = matches!(offer.key, OfferKey::Notice(..)).then_some(&offer.key);
            let mut by = None;
            let taken = self.roster.offer(&offer.address, |sink| match sink {
                Sink::Client(peer) => {
                    let taken = self.has_room(peer) && self.say(peer.id, &text);
                    by = taken.then(|| peer.id.to_string());
                    if let (true, Some(key)) = (taken, notice) {
                        let look = peer.look();
                        handed.push(Handed { key: key.clone(), to: peer.clone(), at: look.written + look.waiting as u64 });
                    }
                    taken
                }
                Sink::Poller(to, pid) => {
                    let taken = to.try_send(Event { text: text.clone(), notice: notice.cloned() }).is_ok();
                    by = taken.then(|| pid.to_string());
                    taken
                }
            });
            metrics::offered(taken);
            if let OfferKey::Task(id) = &offer.key {
                self.ledger.history.offered(self.ledger.now(), id, &offer.address, by);
            }
            if !taken {
                left(&offer.key);
            }
        }
        handed
    }

    /// Messages are repeated, so they never make a client one that is too slow.
    fn has_room(&self, peer: &Peer) -> bool {
        peer.look().waiting <= self.outbox_bytes / 4
    }

    fn say(&self, to: ClientId, text: &str) -> bool {
        self.seat.get().is_some_and(|seat| self.desk.speak(seat, to, text))
    }

    /// Notices whose bytes the socket took need not be repeated; those that went with their connection are.
    fn forget(self: &Arc<Self>, handed: Vec<Handed>) {
        for Handed { key, to, at } in handed {
            let coordinator = self.clone();
            self.tasks.spawn(async move {
                while to.look().written < at {
                    if to.is_gone() {
                        return;
                    }
                    sleep(PAUSE).await;
                }
                coordinator.taken(key).await;
            });
        }
    }

    /// A notice was taken; when that can't be written down, it is repeated.
    async fn taken(&self, key: OfferKey) {
        if let Err(error) = self.store.taken(key).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a message that was taken will be repeated");
        }
    }

    /// Does what is due when it is due.
    async fn sweep_forever(self: Arc<Self>) {
        let mut due = self.store.next_due();
        loop {
            let next = *due.borrow_and_update();
            let now = self.store.clock().now();
            match next {
                Some(at) if at <= now => self.sweep().await,
                next => {
                    tokio::select! {
                        biased; // an earlier instant may have come
                        changed = due.changed() => if changed.is_err() { return },
                        () = until(next, now) => {}
                    }
                }
            }
        }
    }

    async fn sweep(self: &Arc<Self>) {
        match self.store.sweep().await {
            Ok(swept) => {
                self.forget(self.offer(&swept.offers));
                // from hub to hub they go once
                self.forget(self.offer_else(&swept.passed_on, |_| ()));
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "what is due could not be done; it is tried again");
                sleep(PAUSE * 10).await;
            }
        }
    }

    /// Offers to whoever comes what waits for it.
    async fn welcome_forever(self: Arc<Self>) {
        let mut welcomes = JoinSet::new();
        loop {
            tokio::select! {
                biased; // finished ones are let go first
                Some(_) = welcomes.join_next() => {}
                newcomers = self.roster.newcomers() => {
                    for newcomer in newcomers {
                        welcomes.spawn(self.clone().welcome(newcomer));
                    }
                }
            }
        }
    }

    async fn welcome(self: Arc<Self>, newcomer: Newcomer) {
        for (group, pid) in newcomer.names() {
            self.welcome_to(&group, &pid, &newcomer).await;
        }
    }

    async fn welcome_to(self: &Arc<Self>, group: &GroupName, pid: &Pid, newcomer: &Newcomer) {
        let mut after = None;
        while self.roster.holds(newcomer.id) {
            // few at a time: whoever comes again and again keeps nobody from an answer, and who has no room keeps nobody waiting
            let turn = self.welcoming.acquire().await;
            let waiting = self.store.waiting(group, pid, after.clone(), PAGE).await;
            drop(turn);
            match waiting {
                Ok((offers, next)) => {
                    // they were offered to all before
                    self.forget(self.offer_else(&offers, |_| ()));
                    after = next;
                    if after.is_none() || !self.has_room_again(&newcomer.sink).await {
                        return;
                    }
                }
                Err(StoreError::Busy) => sleep(PAUSE).await,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "what waits for a worker that came is offered later"
                    );
                    return;
                }
            }
        }
    }

    async fn has_room_again(&self, sink: &Sink) -> bool {
        match sink {
            Sink::Poller(to, _) => to.reserve().await.is_ok(),
            Sink::Client(peer) => self.room(peer).await,
        }
    }

    /// Waits until a client can take more. False when it is gone.
    async fn room(&self, peer: &Peer) -> bool {
        while !peer.is_gone() && !self.has_room(peer) {
            sleep(PAUSE).await;
        }
        !peer.is_gone()
    }

    /// A request, as it stood.
    fn take(&self, from: &Arc<Peer>, data: &str) {
        let Some(subscriber) = self.roster.subscriber(from.id) else { return };
        let envelope = match Envelope::decode(data, self.offered, Some(&subscriber.address)) {
            Ok(envelope) => envelope,
            Err(refused) => {
                metrics::asked(&Err(refused.refusal.clone()));
                self.say(from.id, &refused.encode());
                return;
            }
        };
        let head = envelope.head.clone();
        let refuse = |why: String| {
            let outcome = Err(Refusal::new(Status::TooMany, why));
            metrics::asked(&outcome);
            self.say(from.id, &head.answer(&outcome));
        };
        let one_more = |n: u32| ((n as usize) < self.in_flight).then_some(n + 1);
        if from.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            return refuse(format!("{} requests wait for their answers already", self.in_flight));
        }
        if let Err(error) = self.inbox.try_send(Inquiry { from: from.clone(), subscriber, envelope }) {
            from.unanswered.fetch_sub(1, Ordering::Relaxed);
            refuse(format!("the coordinator has too much to do: {error}"));
        }
    }
}

impl Builtin for Coordinator {
    fn receive(&self, from: &Arc<Peer>, data: &str) -> bool {
        self.take(from, data);
        true
    }

    fn subscribed(&self, client: &ClientInfo, peer: &Arc<Peer>) {
        self.roster.subscribe(client, peer);
    }

    fn unsubscribed(&self, client: ClientId) {
        self.roster.unsubscribe(client);
    }
}

/// A notice in a client's outbox: taken when so many bytes were written to it.
struct Handed {
    key: OfferKey,
    to: Arc<Peer>,
    at: u64,
}

/// How a store's failure is answered.
fn refusal(error: &StoreError) -> Refusal {
    let status = match error {
        StoreError::Busy => Status::TooMany,
        StoreError::Full(_) | StoreError::Unreachable(_) | StoreError::Failed(_) | StoreError::Closed => Status::Internal,
    };
    if let StoreError::Full(_) | StoreError::Unreachable(_) | StoreError::Failed(_) = error {
        tracing::error!(error = error as &dyn std::error::Error, "a request was not done");
    }
    Refusal::new(status, error.to_string())
}

/// Until an instant, or long enough to look at the clock again, which may have been set; for ever when there is none.
async fn until(instant: Option<Millis>, now: Millis) {
    match instant {
        Some(at) => sleep(Duration::from_millis(u64::try_from(at.0.saturating_sub(now.0)).unwrap_or(0)).min(LOOK_AGAIN)).await,
        None => std::future::pending().await,
    }
}
