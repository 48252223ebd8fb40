//! Those outside the hub: requests that nobody here serves go to NATS, and what is served here is reachable from there.
//!
//! To the rules both ways are one client each: who asks from outside asks under marks that are made here, and what goes out is
//! answered by one worker. What comes is handled in the task that reads it, under the router's lock, so nothing waits here but where
//! answers go, and that is bounded by the requests that may wait.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::UNIX_EPOCH;

use concierge_api_rs::admin::NatsRecord;
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{
    Category, Datagram, Fault, FaultCode, Headers, Outcome, Packet, Push, ReqId, Request, Response, Subject,
};
use concierge_api_rs::{ClientId, ClientName, limits};
use concierge_nats::{Asked, Endpoint, Link, OpenError, Options, Outside, Reply, Standing, Unsent};
use concierge_router::{Effect, Keys, Place};
use tokio::sync::Notify;
use tokio::time::{Duration, sleep};

use super::{Router, State};

/// What is served is told again no sooner.
const SERVE_EVERY: Duration = Duration::from_millis(20);
/// Subjects that are served on NATS at most; what is more is served within the hub only.
pub(super) const MOST_SERVED: usize = 4_096;

/// The way to NATS and back.
pub(super) struct Way {
    /// Set once.
    link: OnceLock<Link>,
    keys: Keys,
    /// Who asks for those outside.
    inwards: ClientId,
    /// Who gets what nobody here serves.
    outwards: ClientId,
    /// What is served may have changed.
    served: Notify,
    /// Requests without a place for the answer, responses, and pushes that were not allowed: nobody can be told.
    dropped: AtomicU64,
}

impl Way {
    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// How the way stands.
#[derive(Debug, Clone)]
pub(crate) struct NatsStanding {
    pub(crate) link: Standing,
    pub(crate) dropped: u64,
}

impl NatsStanding {
    /// For those who look after the hub.
    pub(super) fn record(self) -> NatsRecord {
        let Standing { state, since, servers, server_version, connects, last_error, .. } = self.link;
        let since = since.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let (connected, reconnects) = (state == concierge_nats::State::Up, connects.saturating_sub(1));
        NatsRecord { connected, url: servers, server_version, since, reconnects, last_error }
    }

    /// For `/readyz`: a hub without NATS is ready, but who looks after it is to know.
    pub(crate) fn line(&self) -> String {
        let Standing { state, servers, server_version, last_error, .. } = &self.link;
        let version = server_version.as_ref().map_or(String::new(), |version| format!(", nats-server {version}"));
        let error = last_error.as_ref().map_or(String::new(), |error| format!("; {error}"));
        format!("nats {}: {servers}{version}{error}\n", state.name())
    }
}

/// Who waits outside, by the marks of what they asked.
#[derive(Default)]
pub(super) struct Waiting {
    last: u64,
    all: HashMap<ReqId, (Reply, Option<ReqId>)>,
}

impl Waiting {
    fn add(&mut self, reply: Reply, reqid: Option<ReqId>) -> ReqId {
        self.last += 1;
        let mark = ReqId::parse(&format!("n{}", self.last)).expect("it is short");
        self.all.insert(mark.clone(), (reply, reqid));
        mark
    }
}

/// What the link tells: the router does not live for it.
struct Gate(Weak<Router>);

impl Router {
    /// Opens the way to NATS. What is served is told in a task.
    pub(crate) async fn open(
        self: &Arc<Self>,
        options: Options,
        keys: Keys,
        ids: [ClientId; 2],
        tasks: &mut tokio::task::JoinSet<()>,
    ) -> Result<(), OpenError> {
        let [inwards, outwards] = ids;
        let way = Way { link: OnceLock::new(), keys, inwards, outwards, served: Notify::new(), dropped: AtomicU64::new(0) };
        let way = self.way.get_or_init(|| Box::new(way));
        let link = Link::open(options, Arc::new(Gate(Arc::downgrade(self)))).await?;
        assert!(way.link.set(link).is_ok(), "it is opened once");
        // the way may have been there before the link was
        self.up();
        tasks.spawn(self.clone().serve_forever());
        Ok(())
    }

    /// How the way to NATS stands, if there is to be one.
    pub(crate) fn look_outside(&self) -> Option<NatsStanding> {
        let way = self.way.get()?;
        let dropped = way.dropped.load(Ordering::Relaxed);
        Some(NatsStanding { link: way.link.get()?.look(), dropped })
    }

    /// What was handed over is sent.
    pub(crate) async fn close_outside(&self, within: Duration) {
        if let Some(link) = self.link() {
            link.close(within).await;
        }
    }

    fn link(&self) -> Option<&Link> {
        self.way.get()?.link.get()
    }

    /// What is served may have changed.
    pub(super) fn tell_served(&self, state: &mut State) {
        if let Some(way) = self.way.get()
            && std::mem::replace(&mut state.served, state.rules.changes()) != state.rules.changes()
        {
            way.served.notify_one();
        }
    }

    /// What is served there stays so, whatever else comes to be served here.
    async fn serve_forever(self: Arc<Self>) {
        let (Some(way), Some(link)) = (self.way.get(), self.link()) else { return };
        let mut served = BTreeSet::new();
        loop {
            let places = self.state.lock().rules.places();
            let too_many = places.len().saturating_sub(MOST_SERVED);
            if too_many > 0 {
                tracing::warn!(too_many, "not everything that is served here is served on NATS");
            }
            served.retain(|place| places.contains(place));
            let room = MOST_SERVED - served.len();
            let more: Vec<Place> = places.into_iter().filter(|place| !served.contains(place)).take(room).collect();
            served.extend(more);
            link.serve(served.iter().cloned().map(endpoint).collect());
            sleep(SERVE_EVERY).await;
            way.served.notified().await;
        }
    }

    fn up(&self) {
        let (Some(way), Some(link)) = (self.way.get(), self.link()) else { return };
        let mut state = self.state.lock();
        if link.look().state == concierge_nats::State::Up {
            state.rules.come_outside(way.inwards, way.outwards);
            state.rules.introduce(way.inwards, ClientName::parse("nats").expect("it is one"));
        }
    }

    /// What went out is answered at once. Those who asked from outside may still be there when there is a way again.
    fn down(&self) {
        let Some(way) = self.way.get() else { return };
        let mut state = self.state.lock();
        let effects = state.rules.go(self.now(), way.outwards);
        self.say(&mut state, effects);
    }

    /// Carries out what concerns those outside; gives back what does not.
    pub(super) fn carry_out_of_here<'a>(&self, state: &mut State, effect: Effect<'a>) -> Option<Effect<'a>> {
        let Some(way) = self.way.get() else { return Some(effect) };
        let Effect { to, packet: Packet { subject, datagram }, why } = effect;
        match datagram {
            Datagram::Response(response) if to == way.inwards => self.answer(state, way, response),
            // a cancel: whoever answers out there is not known
            Datagram::Push(push) if to == way.outwards && push.cancels().is_some() => {}
            Datagram::Push(push) if to == way.outwards => {
                let headers = self.headers(state, why);
                let address = address(&subject, &push.cmd.category());
                // as everywhere, nobody is told of a push that does not arrive; the link counts it
                let _unsent = self.link().map(|link| link.push(address, &headers, Datagram::from(push).encode()));
            }
            Datagram::Request(request) if to == way.outwards => {
                let headers = self.headers(state, why);
                self.send_out(state, way, &subject, request, &headers);
            }
            datagram => return Some(Effect { to, packet: Packet { subject, datagram }, why }),
        }
        None
    }

    /// What can't be sent is answered at once.
    fn send_out(&self, state: &mut State, way: &Way, subject: &Subject, request: Request<'_>, headers: &Headers) {
        let (address, reqid) = (address(subject, &request.cmd.category()), request.reqid.clone());
        let token = reqid.as_ref().map_or("", ReqId::as_str).to_owned();
        let sent =
            self.link().map_or(Err(Unsent::Down), |link| link.ask(address, &token, headers, Datagram::from(request).encode()));
        let Err(why) = sent else { return };
        let (code, item) = match why {
            Unsent::Down => (FaultCode::Unavailable, "subject"),
            Unsent::Full => (FaultCode::Limit, "requests"),
            Unsent::TooBig => (FaultCode::Limit, "data"),
        };
        let response = Response::err(reqid, Fault::new(code, &[item]));
        let packet = Packet { subject: subject.clone(), datagram: response.into() };
        let effects = state.rules.receive(self.now(), way.outwards, packet, |_| true);
        effects.into_iter().for_each(|effect| self.carry_out(state, effect));
    }

    /// An answer for somebody outside. One of which a part is missing ends there.
    fn answer(&self, state: &mut State, way: &Way, Response { reqid: mark, outcome }: Response<'_>) {
        let last = !matches!(outcome, Outcome::Part(_));
        let (Some(mark), Some(link)) = (mark, self.link()) else { return };
        let Some((reply, reqid)) = state.waiting.all.get(&mark).cloned() else { return };
        if last {
            state.waiting.all.remove(&mark);
        }
        let Err(why) = respond(link, &reply, Response { reqid: reqid.clone(), outcome }) else { return };
        let item = if why == Unsent::TooBig { "data" } else { "responses" };
        // that this is not sent, is counted
        let _unsent = respond(link, &reply, Response::err(reqid, Fault::new(FaultCode::Limit, &[item])));
        if !last {
            state.waiting.all.remove(&mark);
            let packet = Packet { subject: Subject::api(), datagram: Push::cancel(&mark).into() };
            let effects = state.rules.receive(self.now(), way.inwards, packet, |_| true);
            effects.into_iter().for_each(|effect| self.carry_out(state, effect));
        }
    }

    /// Somebody outside asks, or pushes.
    fn asked(&self, Asked { endpoint, payload, reply, key, deadline_ms }: Asked) {
        let (Some(way), Some(link)) = (self.way.get(), self.link()) else { return };
        let refuse = |reqid, fault| match &reply {
            // that it is not sent, is counted
            Some(reply) => drop(respond(link, reply, Response::err(reqid, fault))),
            None => way.drop_one(),
        };
        let datagram = match Datagram::decode_bytes(&payload) {
            Ok(datagram) => datagram,
            Err(refused) if refused.answered => return refuse(refused.reqid, refused.fault),
            Err(_) => return way.drop_one(),
        };
        let level = way.keys.level(key.as_deref(), &endpoint.category);
        match (datagram, level, &reply) {
            (Datagram::Request(request), level, Some(reply)) => {
                if let Err((code, item)) = may(&request, &endpoint, level) {
                    return refuse(request.reqid, Fault::new(code, &[item]));
                }
                self.take_in(way, &endpoint, (level, deadline_ms), |waiting| {
                    let mark = waiting.add(reply.clone(), request.reqid);
                    Request { reqid: Some(mark), ..request }.into()
                });
            }
            (Datagram::Push(push), Some(_), _) if push.cmd.category() == endpoint.category => {
                self.take_in(way, &endpoint, (level, None), |_| push.into());
            }
            _ => way.drop_one(),
        }
    }

    fn take_in<'a>(
        &self,
        way: &Way,
        endpoint: &Endpoint,
        (level, deadline_ms): (Option<u32>, Option<u64>),
        datagram: impl FnOnce(&mut Waiting) -> Datagram<'a>,
    ) {
        let headers = Headers { node: Some(self.node.clone()), level, ..Headers::default() };
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.asking.insert(way.inwards, headers);
        let packet = Packet { subject: endpoint.subject.clone(), datagram: datagram(&mut state.waiting) };
        // who asks through another hub waits as long as its route says
        let most = deadline_ms.map(|ms| ms.min(limits::ROUTER_OUTSIDE_WITHIN_MS));
        let due = most.map(|ms| self.now().plus(Millis(i64::try_from(ms).unwrap_or(i64::MAX))));
        self.hand_over_until(guard, way.inwards, packet, due);
    }

    /// Somebody outside answers what went out, or nobody is there who could.
    fn answered(&self, token: &str, answer: Option<&[u8]>) {
        let Some(way) = self.way.get() else { return };
        let Ok(reqid) = ReqId::parse(token) else { return };
        let nobody = || Outcome::Err(Fault::new(FaultCode::Unavailable, &["subject"]));
        let outcome = answer.map_or_else(nobody, |bytes| match Datagram::decode_bytes(bytes) {
            Ok(Datagram::Response(response)) => response.outcome,
            _ => Outcome::Err(Fault::new(FaultCode::Generic, &["packet"])),
        });
        let packet = Packet { subject: Subject::api(), datagram: Response { reqid: Some(reqid), outcome }.into() };
        self.hand_over(self.state.lock(), way.outwards, packet);
    }
}

impl Outside for Gate {
    fn up(&self) {
        self.tell(|router| router.up());
    }

    fn down(&self) {
        self.tell(|router| router.down());
    }

    fn asked(&self, asked: Asked) {
        self.tell(|router| router.asked(asked));
    }

    fn answered(&self, token: &str, answer: Option<&[u8]>) {
        self.tell(|router| router.answered(token, answer));
    }
}

impl Gate {
    fn tell(&self, what: impl FnOnce(&Router)) {
        if let Some(router) = self.0.upgrade() {
            what(&router);
        }
    }
}

/// Whether somebody outside may ask that there.
fn may(request: &Request<'_>, endpoint: &Endpoint, level: Option<u32>) -> Result<(), (FaultCode, &'static str)> {
    if level.is_none() {
        return Err((FaultCode::Forbidden, "key"));
    }
    if request.cmd.category() != endpoint.category {
        return Err((FaultCode::Invalid, "cmd"));
    }
    // its promise is of use to those only who can ask the coordinator
    if request.durable.is_some() { Err((FaultCode::NotImplemented, "reply")) } else { Ok(()) }
}

fn respond(link: &Link, reply: &Reply, response: Response<'_>) -> Result<(), Unsent> {
    let last = response.is_final();
    let fault = if let Outcome::Err(fault) = &response.outcome { Some(fault.code()) } else { None };
    link.answer(reply, Datagram::from(response).encode(), last, fault)
}

fn endpoint(Place { subject, outside, category }: Place) -> Endpoint {
    let address = address(&outside, &category);
    Endpoint { subject, category, address }
}

fn address(outside: &Subject, category: &Category) -> String {
    format!("{outside}.{category}")
}
