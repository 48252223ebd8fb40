//! The router: a built-in client that owns the service `router`. Its subscribers send packets to it and get packets from it; which
//! ones is the rules' (`concierge-router`). Here is when it is, who has room, and how packets travel in messages.
//!
//! Invariants: packets leave in the order in which the rules said so, under one lock; nothing waits here but packets that somebody's
//! going brought about, until the next packet or the task comes; nobody is closed for a request that somebody else sent.

pub(crate) mod durable;
mod outside;

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use concierge_api_rs::admin::Routing;
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Datagram, Headers, Packet, Request};
use concierge_api_rs::{ClientId, ClientInfo};
use concierge_router::{Effect, Router as Rulebook, Rules, Tally, Why};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep_until};

use crate::builtin::{Builtin, BuiltinSeat};
use crate::coordinator::Coordinator;
use crate::desk::Desk;
use crate::peer::Peer;
pub(crate) use outside::NatsStanding;

/// Its name, and its service's.
const NAME: &str = "router";

/// What of it can be set.
pub(crate) struct Settings {
    pub(crate) rules: Rules,
    /// What may wait for a client before it is closed.
    pub(crate) outbox_bytes: usize,
    /// What the hub is called.
    pub(crate) node: String,
}

/// The router of a hub.
pub(crate) struct Router {
    desk: Arc<Desk>,
    /// Set before anybody can ask.
    seat: OnceLock<BuiltinSeat>,
    state: Mutex<State>,
    /// When its time began.
    began: Instant,
    outbox_bytes: usize,
    node: String,
    /// Something is due earlier, or waits to be said.
    changed: Notify,
    /// What was no packet.
    malformed: AtomicU64,
    /// Where there is a coordinator, what it keeps of requests. Set before anybody can ask.
    durable: OnceLock<Arc<durable::Requests>>,
    /// The way out of the hub, if there is one.
    way: OnceLock<Box<outside::Way>>,
}

struct State {
    rules: Rulebook,
    members: HashMap<ClientId, Member>,
    /// What workers are told of those who ask and are no clients, as of the last time.
    asking: HashMap<ClientId, Headers>,
    /// Who outside waits for answers.
    waiting: outside::Waiting,
    /// What is served, as it was told outside.
    served: u64,
    /// What somebody's going brought about: at most one packet for each request that waited.
    unsaid: Vec<Effect<'static>>,
}

/// A client that is here.
struct Member {
    peer: Arc<Peer>,
    /// What workers are told of it.
    headers: Headers,
}

/// How a router stands.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) tally: Tally,
    pub(crate) malformed: u64,
    pub(crate) in_flight: usize,
    pub(crate) workers: usize,
    pub(crate) durable: durable::Standing,
    pub(crate) nats: Option<NatsStanding>,
}

impl Router {
    /// Takes the seat. What is due is done in `tasks`.
    pub(crate) fn start(Settings { rules, outbox_bytes, node }: Settings, desk: Arc<Desk>, tasks: &mut JoinSet<()>) -> Arc<Self> {
        let router = Arc::new(Self {
            desk: desk.clone(),
            seat: OnceLock::new(),
            state: Mutex::new(State {
                rules: Rulebook::new(rules),
                members: HashMap::new(),
                asking: HashMap::new(),
                waiting: outside::Waiting::default(),
                served: 0,
                unsaid: Vec::new(),
            }),
            began: Instant::now(),
            outbox_bytes,
            node,
            changed: Notify::new(),
            malformed: AtomicU64::new(0),
            durable: OnceLock::new(),
            way: OnceLock::new(),
        });
        let code: Weak<Self> = Arc::downgrade(&router);
        let seat = desk.seat(NAME, NAME, code).expect("nobody is there yet who could have the name");
        assert!(router.seat.set(seat).is_ok(), "it is set here only");
        tasks.spawn(router.clone().expire_forever());
        router
    }

    /// From now on requests may be durable. What was kept before is given as well, in `tasks`.
    pub(crate) fn keep_in(self: &Arc<Self>, coordinator: Arc<Coordinator>, tasks: &mut JoinSet<()>) {
        let requests = durable::Requests::start(self, coordinator, tasks);
        assert!(self.durable.set(requests).is_ok(), "it is set here only");
    }

    #[cfg(test)]
    pub(crate) fn id(&self) -> ClientId {
        self.seat.get().expect("it has its seat").peer.id
    }

    /// How it stands.
    pub(crate) fn look(&self) -> Standing {
        let (malformed, nats) = (self.malformed.load(Ordering::Relaxed), self.look_outside());
        let durable = self.durable.get().map(|requests| requests.look()).unwrap_or_default();
        let state = self.state.lock();
        let rules = &state.rules;
        Standing { tally: *rules.tally(), malformed, in_flight: rules.in_flight(), workers: rules.workers(), durable, nats }
    }

    /// How it stands, to those who look after it; `now`: in milliseconds since 1970.
    pub(crate) fn survey(&self, now: u64) -> Routing {
        let began = now.saturating_sub(u64::try_from(self.now().0).unwrap_or(0));
        let mut look = self.state.lock().rules.look(began);
        look.at = now;
        look.totals.malformed = self.malformed.load(Ordering::Relaxed);
        look.nats = self.look_outside().map(NatsStanding::record);
        look
    }

    /// Does what is due when it is due, and says what waits to be said.
    async fn expire_forever(self: Arc<Self>) {
        loop {
            let due = self.expire();
            tokio::select! {
                biased; // something may be due earlier now
                () = self.changed.notified() => {}
                () = until(due.map(|due| self.began + Duration::from_millis(u64::try_from(due.0).unwrap_or(0)))) => {}
            }
        }
    }

    /// Says what waits, and does what is due. When more is due.
    fn expire(&self) -> Option<Millis> {
        let mut state = self.state.lock();
        let expired = state.rules.expire(self.now());
        self.say(&mut state, expired);
        state.rules.next_due()
    }

    fn now(&self) -> Millis {
        Millis(i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Says what was to be said before, then this.
    fn say(&self, state: &mut State, effects: Vec<Effect<'_>>) {
        for effect in std::mem::take(&mut state.unsaid).into_iter().chain(effects) {
            self.carry_out(state, effect);
        }
    }

    fn carry_out(&self, state: &mut State, effect: Effect<'_>) {
        if let Some(requests) = self.durable.get().filter(|requests| requests.id == effect.to) {
            return requests.hear(&state.rules, effect);
        }
        let Some(Effect { to, packet, why }) = self.carry_out_of_here(state, effect) else { return };
        let text = if matches!(why, Why::Asked(..)) { packet.encode_with(&self.headers(state, why)) } else { packet.encode() };
        self.tell(to, &text);
    }

    /// What a worker is told of who asks.
    fn headers(&self, state: &State, why: Why) -> Headers {
        let Why::Asked(by, due) = why else { return Headers::default() };
        let known = state.members.get(&by).map(|member| &member.headers).or_else(|| state.asking.get(&by));
        let deadline_ms = due.map(|due| u64::try_from(due.0 - self.now().0).unwrap_or(0));
        Headers { deadline_ms, ..known.cloned().unwrap_or_default() }
    }

    /// Half of its outbox: what others send to a worker does not close it.
    fn has_room(&self, members: &HashMap<ClientId, Member>, who: ClientId) -> bool {
        members.get(&who).is_some_and(|member| member.peer.look().waiting <= self.outbox_bytes / 2)
    }

    /// Hands a packet to the rules and carries out what it leads to.
    fn hand_over(&self, guard: MutexGuard<'_, State>, from: ClientId, packet: Packet<'_>) {
        self.hand_over_until(guard, from, packet, None);
    }

    /// The same; a request waits until then, if that is said.
    fn hand_over_until(&self, mut guard: MutexGuard<'_, State>, from: ClientId, packet: Packet<'_>, until: Option<Millis>) {
        let state = &mut *guard;
        let due = state.rules.next_due();
        let has_room = |who| self.has_room(&state.members, who);
        let effects = match (until, packet) {
            (Some(until), Packet { subject, datagram: Datagram::Request(request) }) => {
                vec![state.rules.entrust((self.now(), from), subject, request, until, has_room)]
            }
            (_, packet) => state.rules.receive(self.now(), from, packet, has_room),
        };
        self.say(state, effects);
        self.tell_served(state);
        self.look_for_workers(state);
        let next = state.rules.next_due();
        drop(guard);
        if next.is_some_and(|next| due.is_none_or(|due| next < due)) {
            self.changed.notify_one();
        }
    }

    fn tell(&self, to: ClientId, text: &str) {
        if let Some(seat) = self.seat.get() {
            self.desk.speak(seat, to, text);
        }
    }
}

impl Builtin for Router {
    fn receive(&self, from: &Arc<Peer>, data: &str) -> bool {
        let packet = match Packet::decode(data) {
            Ok(packet) => packet,
            Err(refused) => {
                self.malformed.fetch_add(1, Ordering::Relaxed);
                let answer = refused.answer();
                let _order = self.state.lock();
                answer.iter().for_each(|packet| self.tell(from.id, &packet.encode()));
                return answer.is_some();
            }
        };
        if let Packet { subject, datagram: Datagram::Request(request @ Request { durable: Some(_), .. }) } = packet {
            self.keep(from, subject, request);
            return true;
        }
        // who answers is soon given more; a push is all that its sender has to say
        let soon = !matches!(packet.datagram, Datagram::Push(_));
        self.hand_over(self.state.lock(), from.id, packet);
        soon
    }

    fn subscribed(&self, client: &ClientInfo, peer: &Arc<Peer>) {
        let mut state = self.state.lock();
        state.rules.come(client.uuid, client.tags.iter().cloned());
        state.rules.introduce(client.uuid, client.name.clone());
        let headers = Headers {
            client: Some(client.uuid),
            name: Some(client.name.clone()),
            tags: client.tags.clone(),
            node: Some(self.node.clone()),
            ..Headers::default()
        };
        state.members.insert(client.uuid, Member { peer: peer.clone(), headers });
    }

    /// Within the registry's turn nobody is told: that may be thousands.
    fn unsubscribed(&self, client: ClientId) {
        let mut state = self.state.lock();
        state.members.remove(&client);
        let effects = state.rules.go(self.now(), client);
        self.tell_served(&mut state);
        if !effects.is_empty() {
            state.unsaid.extend(effects);
            self.changed.notify_one();
        }
        self.look_for_workers(&state);
    }
}

/// Until an instant; for ever when there is none.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
