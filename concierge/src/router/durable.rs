//! Durable requests: kept as promises of the coordinator, given to workers as there are any, settled with what these answer. Which
//! waits and which is out is the rules' (`concierge_router::Durables`); here is how they are written, read and handed over.
//!
//! Invariants: a client is told of its promise after the commit; what is asked is read from the promise whenever it is given, so
//! losing all of this loses nothing; whoever settles a promise first decides, which is the coordinator's to see to.

mod kept;

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use concierge_api_rs::coordinator::{
    Answer, Millis, Promise, PromiseCreate, PromiseGet, PromiseId, PromiseSearch, PromiseSettle, PromiseState, Request as Asked,
    SettleState, Status,
};
use concierge_api_rs::packet::{
    Category, Datagram, Fault, FaultCode, Headers, Outcome, Packet, Push, ReqId, Request, Response, Subject,
};
use concierge_api_rs::{ClientId, ClientName, limits};
use concierge_client::coordinator::json;
use concierge_router::{Again, Durables, Effect, Router as Rulebook, Spot, Ticket, Why};
use concierge_store::StoreError;
use futures::StreamExt as _;
use futures::stream::{self, FuturesUnordered};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Router, State as RouterState};
use crate::coordinator::Coordinator;
use crate::peer::Peer;
use crate::vital::or_abort;
use kept::Kept;

/// How long a request waits that does not say so.
const DAY: Millis = Millis(limits::ROUTER_DURABLE_WITHIN_MS as i64);
/// How long one may wait.
const MOST: Millis = Millis(limits::ROUTER_DURABLE_WITHIN_MS_MOST as i64);
/// How long it is out of the hub at most.
const GIVEN: Millis = Millis(limits::ROUTER_DURABLE_GIVEN_MS as i64);
/// Requests that wait to be written; over it they are answered LIMIT.
const INBOX: usize = 1_024;
/// Requests that are written at once.
const WRITES: usize = 1_024;
/// Promises that are read at once to be given, or looked at.
const READS: usize = 16;
/// Promises that are settled at once.
const SETTLES: usize = 64;
/// Promises at workers that are looked at in one go, to see whether somebody else settled them.
const LOOKS: usize = 192;
/// Those of them that wait for one.
const LOOKS_WAITING: usize = 64;
/// Spots that are looked up at once.
const SPOTS: usize = 256;
/// Between two such goes, and two tries to give what could not be given.
const LOOK_EVERY: Duration = Duration::from_millis(limits::ROUTER_DURABLE_LOOK_MS);
/// Between two searches for what new workers serve, where much waits.
const SEARCH_EVERY: Duration = Duration::from_millis(20);
/// Before a promise is settled again after the store failed, at first.
const PAUSE: Duration = Duration::from_millis(20);

/// The durable requests of a hub.
pub(super) struct Requests {
    /// As whom they are asked.
    pub(super) id: ClientId,
    coordinator: Arc<Coordinator>,
    /// When the time began by which spots rest.
    began: Instant,
    inbox: mpsc::Sender<Coming>,
    /// Locked while the router's rules are, never the other way round.
    state: Mutex<State>,
    /// [`Rulebook::changes`], as of the last look.
    changes: AtomicU64,
    /// Other workers are here than at the last look.
    served: Notify,
    /// Perhaps something can be given.
    changed: Notify,
    /// Something was answered.
    answered: Notify,
    /// There may be promises that nobody here knows of.
    unknown: Notify,
}

#[derive(Default)]
struct State {
    rules: Durables,
    /// On their way to the coordinator: whose, and their marks.
    coming: HashSet<(ClientId, ReqId)>,
    /// What workers said, until it is written: one for each request that was answered.
    answers: VecDeque<(Ticket, PromiseSettle)>,
    /// Which one is being handed over: what is said of it meanwhile is said of the way, and by no worker.
    handing: Option<Ticket>,
    /// As of the last look.
    way_is_open: bool,
    tally: Tally,
}

/// How they stand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    pub(crate) waiting: usize,
    pub(crate) open: usize,
    pub(crate) tally: Tally,
}

/// Totals since the hub began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Clients were told of their promises.
    pub(crate) kept: u64,
    /// Workers were asked.
    pub(crate) given: u64,
    /// Their workers went.
    pub(crate) put_back: u64,
    /// Promises were settled with what a worker answered.
    pub(crate) settled: u64,
    /// They were settled otherwise while a worker had them.
    pub(crate) overtaken: u64,
}

/// A request on its way to the coordinator.
struct Coming {
    from: Arc<Peer>,
    reqid: ReqId,
    subject: Subject,
    spot: Spot,
    create: PromiseCreate,
}

impl Router {
    /// Takes a durable request, or says why not.
    pub(super) fn keep(&self, from: &Arc<Peer>, subject: Subject, request: Request<'_>) {
        let reqid = request.reqid.clone();
        if let Err((code, item)) = self.take(from, &subject, request) {
            self.reply(from.id, subject, Response::err(reqid, Fault::new(code, &[item])));
        }
    }

    fn take(&self, from: &Arc<Peer>, subject: &Subject, request: Request<'_>) -> Result<(), (FaultCode, &'static str)> {
        let state = self.state.lock();
        state.rules.admit(from.id, subject, &request)?;
        let headers = state.members.get(&from.id).map(|member| member.headers.clone()).unwrap_or_default();
        drop(state);
        let requests = self.durable.get().ok_or((FaultCode::Unavailable, "coordinator"))?;
        let Request { cmd, reqid: Some(reqid), durable: Some(durable), data } = request else {
            return Err((FaultCode::Incomplete, "_reqid"));
        };
        let spot = Spot { category: cmd.category(), subject: subject.clone() };
        if durable.within.is_some_and(|within| within > MOST) {
            return Err((FaultCode::Invalid, "within_ms"));
        }
        let id = durable.promise.unwrap_or_else(|| PromiseId::parse(&self.desk.id().to_string()).expect("an id is short"));
        let until = requests.coordinator.now().plus(durable.within.unwrap_or(DAY));
        let create = kept::promise((id, until), (subject, &cmd), &data, &headers);
        requests.come(Coming { from: from.clone(), reqid, subject: subject.clone(), spot, create })
    }

    /// Those outside come, and say nothing: the way out without a nats-server, whose time is not the test's.
    #[cfg(test)]
    pub(crate) fn open_to_silence(&self) {
        let ids = [ClientId(self.desk.id()), ClientId(self.desk.id())];
        self.state.lock().rules.come_outside(ids[0], ids[1]);
    }

    fn reply(&self, to: ClientId, subject: Subject, response: Response<'_>) {
        let packet = Packet { subject, datagram: response.into() };
        let _order = self.state.lock();
        self.tell(to, &packet.encode());
    }

    /// When other workers are here than before, what waits may be given. Where, is looked up without holding up who said so.
    pub(super) fn look_for_workers(&self, state: &RouterState) {
        let changes = state.rules.changes();
        if let Some(requests) = self.durable.get()
            && requests.changes.swap(changes, Ordering::Relaxed) != changes
        {
            requests.served.notify_one();
        }
    }
}

impl Requests {
    pub(super) fn start(router: &Arc<Router>, coordinator: Arc<Coordinator>, tasks: &mut JoinSet<()>) -> Arc<Self> {
        let (inbox, coming) = mpsc::channel(INBOX);
        let requests = Arc::new(Self {
            id: ClientId(router.desk.id()),
            coordinator,
            began: Instant::now(),
            inbox,
            state: Mutex::default(),
            changes: AtomicU64::new(0),
            served: Notify::new(),
            changed: Notify::new(),
            answered: Notify::new(),
            unknown: Notify::new(),
        });
        {
            let mut state = router.state.lock();
            state.rules.come_inside(requests.id);
            state.rules.introduce(requests.id, ClientName::parse("durable").expect("it is one"));
        }
        tasks.spawn(or_abort("the router", requests.clone().keep_all(router.clone(), coming)));
        tasks.spawn(or_abort("the router", requests.clone().give_forever(router.clone())));
        tasks.spawn(or_abort("the router", requests.clone().settle_forever()));
        tasks.spawn(or_abort("the router", requests.clone().load_forever()));
        requests
    }

    pub(super) fn look(&self) -> Standing {
        let State { rules, tally, .. } = &*self.state.lock();
        Standing { waiting: rules.waiting(), open: rules.open(), tally: *tally }
    }

    fn now(&self) -> Millis {
        Millis(i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Hands a request to those who write it down, if there is room for it.
    fn come(&self, coming: Coming) -> Result<(), (FaultCode, &'static str)> {
        let (from, mark) = (coming.from.clone(), (coming.from.id, coming.reqid.clone()));
        let mut state = self.state.lock();
        if state.coming.contains(&mark) {
            return Err((FaultCode::Duplicate, "_reqid"));
        }
        if !state.rules.has_room(state.coming.len()) || !self.coordinator.begin(&from) {
            return Err((FaultCode::Limit, "requests"));
        }
        if self.inbox.try_send(coming).is_err() {
            from.unanswered.fetch_sub(1, Ordering::Relaxed);
            return Err((FaultCode::Limit, "requests"));
        }
        state.coming.insert(mark);
        Ok(())
    }

    /// Writes down what comes, in that order as far as it is one client's, and tells who asked.
    async fn keep_all(self: Arc<Self>, router: Arc<Router>, mut inbox: mpsc::Receiver<Coming>) {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased; // what is written makes room
                Some(()) = running.next(), if !running.is_empty() => {}
                coming = inbox.recv(), if running.len() < WRITES => {
                    let Some(coming) = coming else { return };
                    let mut keeping = Box::pin(self.keep(&router, coming));
                    // reaches the store now, before the next one does
                    if futures::poll!(&mut keeping).is_pending() {
                        running.push(keeping);
                    }
                }
            }
        }
    }

    async fn keep(&self, router: &Router, Coming { from, reqid, subject, spot, create }: Coming) {
        let kept = self.write(&create, spot).await;
        from.unanswered.fetch_sub(1, Ordering::Relaxed);
        {
            let mut state = self.state.lock();
            state.coming.remove(&(from.id, reqid.clone()));
            state.tally.kept += u64::from(kept.is_ok());
        }
        let said = serde_json::json!({ "promise": create.id });
        let said = serde_json::value::to_raw_value(&said).expect("its keys are text");
        let response = match kept {
            Ok(()) => Response::ok(Some(reqid), &said),
            Err((code, item)) => Response::err(Some(reqid), Fault::new(code, &[item])),
        };
        router.reply(from.id, subject, response);
    }

    /// Keeps a request under its promise. One that is there already is the same if it asks the same.
    async fn write(&self, create: &PromiseCreate, spot: Spot) -> Result<(), (FaultCode, &'static str)> {
        match self.coordinator.inside(Asked::PromiseCreate(create.clone())).await {
            Ok(Ok(Answer::Promise(promise))) if !kept::asks(&promise, create) => Err((FaultCode::Duplicate, "promise")),
            Ok(Ok(Answer::Promise(promise))) => {
                self.remember(&promise, spot);
                Ok(())
            }
            Err(StoreError::Busy) => Err((FaultCode::Limit, "requests")),
            failed => {
                tracing::warn!(?failed, "a durable request was not kept");
                // it may have been written all the same
                self.unknown.notify_one();
                Err((FaultCode::Unavailable, "coordinator"))
            }
        }
    }

    fn remember(&self, promise: &Promise, spot: Spot) {
        if promise.state == PromiseState::Pending {
            self.state.lock().rules.keep(promise.id.clone(), spot, promise.timeout_at);
            self.changed.notify_one();
        }
    }

    /// Looks for what was kept before, at once and whenever something may have been kept that nobody here knows of.
    async fn load_forever(self: Arc<Self>) {
        loop {
            self.load().await;
            self.unknown.notified().await;
            sleep(LOOK_EVERY).await;
        }
    }

    async fn load(&self) {
        let mut search = PromiseSearch { state: Some(PromiseState::Pending), tags: kept::tags(), ..PromiseSearch::default() };
        loop {
            let room = {
                let state = self.state.lock();
                state.rules.has_room(state.coming.len() + limits::SEARCH_RESULTS)
            };
            let found = if room { Some(self.coordinator.inside(Asked::PromiseSearch(search.clone())).await) } else { None };
            match found {
                Some(Ok(Ok(Answer::Promises { page, cursor }))) => {
                    page.iter().filter_map(|promise| Some((promise, Kept::read(promise)?.spot()))).for_each(|(promise, spot)| {
                        self.remember(promise, spot);
                    });
                    search.cursor = cursor;
                    if search.cursor.is_none() {
                        return;
                    }
                }
                _ => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Gives what can be given, whenever that may have changed, and again and again while something is here.
    async fn give_forever(self: Arc<Self>, router: Arc<Router>) {
        let (mut next_look, mut looked_at) = (Instant::now() + LOOK_EVERY, [None; 2]);
        let mut next_search = Instant::now();
        loop {
            self.give(&router).await;
            let idle = self.state.lock().rules.is_empty();
            tokio::select! {
                biased; // much that changes does not keep it from looking
                () = sleep_until(next_look), if !idle => {
                    looked_at = self.look_after(&router, looked_at).await;
                    next_look = Instant::now() + LOOK_EVERY;
                }
                () = async { sleep_until(next_search).await; self.served.notified().await } => {
                    if self.wake_served(&router).await {
                        next_search = Instant::now() + SEARCH_EVERY;
                    }
                }
                () = self.changed.notified() => {}
            }
        }
    }

    /// Wakes the spots that somebody serves now, a few at a time so that nobody waits long for the lock. Whether there were many.
    async fn wake_served(&self, router: &Router) -> bool {
        let mut last = None;
        loop {
            let stuck = self.state.lock().rules.stuck_behind(last.as_ref(), SPOTS);
            let all = stuck.len() < SPOTS;
            {
                let routing = router.state.lock();
                let rules = &mut self.state.lock().rules;
                let served = stuck.iter().filter(|spot| routing.rules.serves(&spot.category, &spot.subject));
                served.for_each(|spot| rules.wake(spot));
            }
            if all {
                return last.is_some();
            }
            last = stuck.into_iter().next_back();
            yield_now().await;
        }
    }

    async fn give(&self, router: &Router) {
        loop {
            let next = {
                let routing = router.state.lock();
                let leads_somewhere = |spot: &Spot| routing.rules.leads_somewhere(self.id, &spot.category, &spot.subject);
                self.state.lock().rules.next(self.now(), READS, leads_somewhere)
            };
            if next.is_empty() {
                return;
            }
            let mut read = stream::iter(next).map(async |(ticket, id)| (ticket, self.read(id).await)).buffered(READS);
            while let Some((ticket, found)) = read.next().await {
                match found {
                    Ok(Some(promise)) => self.hand_over(router, ticket, &promise),
                    Ok(None) => _ = self.state.lock().rules.end(ticket),
                    Err(Unread) => _ = self.state.lock().rules.put_back(self.now(), ticket, Again::Soon),
                }
            }
        }
    }

    /// The promise, if it waits for its outcome.
    async fn read(&self, id: PromiseId) -> Result<Option<Promise>, Unread> {
        match self.coordinator.inside(Asked::PromiseGet(PromiseGet { id })).await {
            Ok(Ok(Answer::Promise(promise))) => Ok(Some(promise).filter(|promise| promise.state == PromiseState::Pending)),
            Ok(Err(refused)) if refused.status == Status::NotFound => Ok(None),
            _ => Err(Unread),
        }
    }

    /// Hands a request to a worker. Where there is none, or none with room, it waits again.
    fn hand_over(&self, router: &Router, ticket: Ticket, promise: &Promise) {
        let Some(kept) = Kept::read(promise) else {
            tracing::warn!(promise = %promise.id, "a durable request makes no sense; it waits for its time-out");
            self.state.lock().rules.end(ticket);
            return;
        };
        let mut guard = router.state.lock();
        let state = &mut *guard;
        // it may have been settled meanwhile
        if !self.state.lock().rules.is_out(ticket) {
            return;
        }
        router.say(state, Vec::new());
        let left = Millis(kept.due.0.saturating_sub(self.coordinator.now().0));
        // nobody says when a worker out there is gone
        let here = state.rules.serves(&kept.cmd.category(), &kept.subject);
        let left = if here { left } else { left.min(GIVEN) };
        let (now, due) = (router.now(), state.rules.next_due());
        let request = Request { cmd: kept.cmd, reqid: Some(ticket.reqid()), durable: None, data: Cow::Owned(kept.data) };
        let has_room = |who| router.has_room(&state.members, who);
        let effect = state.rules.entrust((now, self.id), kept.subject, request, now.plus(left), has_room);
        if effect.to == self.id {
            return self.refused(ticket, effect.packet);
        }
        let headers = Headers { node: Some(router.node.clone()), promise: Some(promise.id.clone()), ..kept.headers };
        state.asking.insert(self.id, headers);
        self.state.lock().handing = Some(ticket);
        router.say(state, vec![effect]);
        let mut own = self.state.lock();
        own.handing = None;
        own.tally.given += 1;
        drop(own);
        if state.rules.next_due() != due {
            router.changed.notify_one();
        }
    }

    /// The router did not pass it on.
    fn refused(&self, ticket: Ticket, packet: Packet<'_>) {
        let Datagram::Response(Response { outcome: Outcome::Err(fault), .. }) = packet.datagram else { return };
        if passes(&fault) {
            let again = if fault.code() == FaultCode::Limit { Again::Soon } else { Again::Later };
            self.state.lock().rules.put_back(self.now(), ticket, again);
        } else {
            self.settle_with(ticket, Outcome::Err(fault));
        }
    }

    /// What the router has to say to who asked, which was this: a worker's answer, or that there will be none.
    pub(super) fn hear(&self, rules: &Rulebook, Effect { packet, why, .. }: Effect<'_>) {
        let Datagram::Response(Response { reqid: Some(reqid), outcome }) = packet.datagram else { return };
        let Some(ticket) = Ticket::parse(&reqid) else { return };
        match &outcome {
            // what counts is how it ends
            Outcome::Part(_) => return,
            Outcome::Err(fault) if self.may_pass(ticket, fault, (rules, why)) => {
                let mut state = self.state.lock();
                let here = state.rules.spot(ticket).is_some_and(|spot| rules.serves(&spot.category, &spot.subject));
                let waits = state.rules.put_back(self.now(), ticket, if here { Again::AtOnce } else { Again::Later });
                state.tally.put_back += u64::from(waits);
            }
            _ => self.settle_with(ticket, outcome),
        }
        self.changed.notify_one();
    }

    /// Whether such an error is no worker's, and no reason to end. Of what those outside say only UNAVAILABLE is: nobody is there.
    fn may_pass(&self, ticket: Ticket, fault: &Fault<'_>, (rules, why): (&Rulebook, Why)) -> bool {
        match why {
            Why::Own => passes(fault),
            Why::Answered(by) if !rules.is_outside(by) => false,
            Why::Answered(_) if self.state.lock().handing == Some(ticket) => passes(fault),
            Why::Answered(_) => fault.code() == FaultCode::Unavailable,
            Why::Asked(..) => false,
        }
    }

    fn settle_with(&self, ticket: Ticket, outcome: Outcome<'_>) {
        let (state, text) = match outcome {
            Outcome::Part(data) | Outcome::Ok(data) => (SettleState::Resolved, data.get().to_owned()),
            Outcome::Err(fault) => {
                (SettleState::Rejected, format!(r#"{{"code":{},"data":{}}}"#, fault.code().number(), fault.data().get()))
            }
        };
        let State { rules, answers, .. } = &mut *self.state.lock();
        if let Some(id) = rules.answer(ticket) {
            answers.push_back((ticket, PromiseSettle { id, state, value: json::of_text(&text) }));
            self.answered.notify_one();
        }
    }

    /// Settles what was answered, a few at a time.
    async fn settle_forever(self: Arc<Self>) {
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < SETTLES {
                let Some((ticket, settle)) = self.state.lock().answers.pop_front() else { break };
                running.push(self.settle(ticket, settle));
            }
            tokio::select! {
                biased; // what is written makes room
                Some(()) = running.next(), if !running.is_empty() => {}
                () = self.answered.notified() => {}
            }
        }
    }

    /// Settles a promise, however long that takes. Somebody else may have done it before.
    async fn settle(&self, ticket: Ticket, settle: PromiseSettle) {
        let mut pause = PAUSE;
        let settled = loop {
            match self.coordinator.inside(Asked::PromiseSettle(settle.clone())).await {
                Ok(Ok(Answer::Promise(promise))) => break promise.state == settle.state.into() && promise.value == settle.value,
                Ok(Err(refused)) if refused.status == Status::NotFound => break false,
                failed => {
                    if pause == PAUSE {
                        tracing::warn!(promise = %settle.id, ?failed, "a durable request was answered, and its promise is not settled yet");
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LOOK_EVERY);
                }
            }
        };
        let mut state = self.state.lock();
        state.rules.end(ticket);
        *(if settled { &mut state.tally.settled } else { &mut state.tally.overtaken }) += 1;
        drop(state);
        self.changed.notify_one();
    }

    /// Lets go what is over, tries again where it is time to, and looks whether somebody else settled what is at workers or waits. Gives
    /// the last ones of both that it looked at.
    async fn look_after(&self, router: &Router, [out_at, waiting_at]: [Option<Ticket>; 2]) -> [Option<Ticket>; 2] {
        let open = self.way_is_open(router);
        let (over, out, waiting) = {
            let State { rules, tally, way_is_open, .. } = &mut *self.state.lock();
            let over = rules.expire(self.coordinator.now());
            tally.overtaken += over.len() as u64;
            if !std::mem::replace(way_is_open, open) && open {
                rules.wake_all();
            }
            rules.wake_due(self.now());
            (over, rules.out_behind(out_at, LOOKS), rules.waiting_behind(waiting_at, LOOKS_WAITING))
        };
        over.into_iter().for_each(|ticket| self.cancel(router, ticket));
        let last = [out.get(LOOKS - 1), waiting.get(LOOKS_WAITING - 1)].map(|last| last.map(|(ticket, _)| *ticket));
        let mut read =
            stream::iter(out.into_iter().chain(waiting)).map(async |(ticket, id)| (ticket, self.read(id).await)).buffered(READS);
        while let Some((ticket, found)) = read.next().await {
            if matches!(found, Ok(None)) && self.overtaken(ticket) {
                self.cancel(router, ticket);
            }
        }
        last
    }

    /// Whether requests may leave the hub: what is the router's own is served by nobody here.
    fn way_is_open(&self, router: &Router) -> bool {
        let category = Category::parse("router").expect("it is one");
        router.state.lock().rules.leads_somewhere(self.id, &category, &Subject::router())
    }

    fn overtaken(&self, ticket: Ticket) -> bool {
        let mut state = self.state.lock();
        let was_out = state.rules.overtake(ticket);
        state.tally.overtaken += u64::from(was_out);
        was_out
    }

    /// Tells a worker that it need not answer.
    fn cancel(&self, router: &Router, ticket: Ticket) {
        let packet = Packet { subject: Subject::router(), datagram: Push::cancel(&ticket.reqid()).into() };
        let mut state = router.state.lock();
        let effects = state.rules.receive(router.now(), self.id, packet, |_| true);
        router.say(&mut state, effects);
    }
}

/// The coordinator could not be asked.
struct Unread;

/// Whether such an error says that a worker may do it another time. What is too big for the way out stays so.
fn passes(fault: &Fault<'_>) -> bool {
    match fault.code() {
        FaultCode::Unavailable | FaultCode::Timeout => true,
        FaultCode::Limit => fault.items() != ["data"],
        _ => false,
    }
}
