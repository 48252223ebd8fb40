//! Where a client's payloads are taken in and carried out. A MESSAGE goes through the routes and takes no lock, except
//! that a client's first one looks up what it is called, and one to everybody who that is; every other payload is one turn of the registry under its one short lock,
//! whose news is queued before the turn ends. Under that lock a socket is written only where an outbox is full.

mod care;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use concierge_api_rs::admin::{self, Happening, Named};
use concierge_api_rs::{
    ClientId, ClientInfo, ClientName, CloseCode, DecodeError, ErrorProtocol, ErrorUnsupported, FileKey, Hello, Identify, Intent,
    Intents, MessageIn, PayloadIn, PayloadOut, Seq, ServiceCreate, ServiceInfo, ServiceName, TargetRef, limits,
};
use concierge_files::{Change, Directory, Files, Holder, KeyKind};
use concierge_hub::{Audience, Bounds, Delivery, Door, News, OriginHead, Refusal, Registry, Routes, Turn, write_message};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;
use uuid::Uuid;

use crate::admin::{Admin, journal};
use crate::builtin::{Builtin, BuiltinSeat};
use crate::bulletin::Bulletin;
use crate::frame::{self, Frame};
use crate::guesses::Guesses;
use crate::metrics::METRICS;
use crate::peer::{Ending, Peer, Queued};
use crate::run::{Receivers, Run};

/// News that one turn of those who leave brings about, at least: whoever comes waits for a turn.
const NEWS_AT_ONCE: usize = 64;

/// What built-in clients are tagged with.
const BUILTIN_TAG: &str = "builtin";
/// What they want: of memberships of their services the desk tells them by itself.
const BUILTIN_INTENTS: Intents = Intents::NONE.and(Intent::Messages);

thread_local! {
    /// Where this thread encodes frames.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What makes a hub under test fail, to see that only the one client notices.
#[cfg(test)]
pub(crate) const FAILURE: &str = "FAIL_ON_THIS";

/// The hub's rules over real connections.
pub(crate) struct Desk {
    door: Door,
    guesses: Guesses,
    registry: Mutex<Registry<Arc<Peer>>>,
    routes: Arc<Routes<Arc<Peer>>>,
    files: Mutex<Option<Files>>,
    /// Draws ids and keys.
    new_id: fn() -> Uuid,
    /// All clients go: nobody is told who goes before him.
    draining: AtomicBool,
    /// The server is gone: all clients go at once.
    ended: AtomicBool,
    /// When the hub began.
    began: Instant,
    /// Bytes that were written to clients whose connections have ended.
    written_before: AtomicU64,
    /// Clients that have left, and whose last bytes are being written.
    leaving: Mutex<HashMap<ClientId, Arc<Peer>>>,
    /// Somebody watches files.
    files_watched: AtomicBool,
    /// Whether somebody listens to what clients say to services: looked at for each message, and changed hardly ever.
    overheard: AtomicBool,
    /// Who looks after the hub, if anybody can.
    admin: OnceLock<Weak<Admin>>,
}

/// The registry, while it has its turn.
type Turns<'a> = MutexGuard<'a, Registry<Arc<Peer>>>;

/// A client at the desk: what its session keeps of it.
pub(crate) struct Seat {
    peer: Arc<Peer>,
    /// Its part of every message, from its first one on: most clients listen.
    origin: OnceCell<OriginHead>,
    /// The number of the next text message.
    next: Seq,
}

/// What a payload cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Frames that were queued, or will be at the end of the run.
    pub(crate) copies: usize,
    /// It ended a service or a subscription.
    pub(crate) ended: bool,
}

impl Cost {
    fn of_copies(copies: usize) -> Self {
        Self { copies, ended: false }
    }
}

impl Desk {
    pub(crate) fn new(secret: Option<&str>, bounds: Bounds, guesses: Guesses, new_id: fn() -> Uuid) -> Self {
        let registry = Registry::new(bounds);
        let routes = registry.routes().clone();
        Self {
            door: Door::new(secret),
            guesses,
            registry: Mutex::new(registry),
            routes,
            files: Mutex::new(None),
            new_id,
            draining: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            began: Instant::now(),
            written_before: AtomicU64::new(0),
            leaving: Mutex::default(),
            files_watched: AtomicBool::new(false),
            overheard: AtomicBool::new(false),
            admin: OnceLock::new(),
        }
    }

    /// How long the hub has been here.
    pub(crate) fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether there is a file server.
    pub(crate) fn has_files(&self) -> bool {
        self.files.lock().is_some()
    }

    /// Whether there is such a service.
    pub(crate) fn has_service(&self, name: &ServiceName) -> bool {
        self.registry.lock().has_service(name)
    }

    /// A wrong secret came from there.
    pub(crate) fn count_guess(&self, address: IpAddr, admin: bool) {
        self.guesses.count(address);
        self.happened(|| Happening::WrongSecret { address, admin });
    }

    /// From now on the clients are sent away: telling each who went before it would cost more than all that they ever said.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The server is gone, and everything goes with it.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        *self.files.lock() = None; // it knows us as its directory of clients: neither would ever go
    }

    /// From now on a client that leaves loses its folder.
    pub(crate) fn keep_files(&self, files: Files) {
        *self.files.lock() = Some(files);
    }

    /// How long no secret from this address is looked at, when too many wrong ones came from it.
    pub(crate) fn shut_out(&self, address: IpAddr) -> Option<Duration> {
        self.guesses.shut_out(address)
    }

    /// Whether that is the hub's secret, or the hub has none. A wrong one counts for its address.
    pub(crate) fn knows(&self, secret: Option<&str>, address: IpAddr) -> bool {
        let knows = self.door.knows(secret);
        if !knows && secret.is_some() {
            self.count_guess(address, false);
        }
        knows
    }

    /// How many clients, services and subscriptions there are.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        self.routes.counts()
    }

    /// Every client with a connection, in the order they joined.
    pub(crate) fn peers(&self) -> Vec<Arc<Peer>> {
        self.registry.lock().everybody().filter(|peer| !peer.is_builtin()).cloned().collect()
    }

    /// Every client with a connection that wants messages, in the order they joined.
    fn listeners(&self) -> Arc<[Arc<Peer>]> {
        let mut peers = Vec::new();
        let registry = self.registry.lock();
        registry.members(Audience::Everyone(Intent::Messages), ClientId(Uuid::nil()), |peer| {
            if !peer.is_builtin() {
                peers.push(peer.clone());
            }
        });
        peers.into()
    }

    /// A built-in client comes, with a service. `None` when somebody has one of the names.
    pub(crate) fn seat(&self, name: &str, service: &str, code: Weak<dyn Builtin>) -> Option<BuiltinSeat> {
        let (service, name) = (ServiceName::parse(service).ok()?, ClientName::parse(name).ok()?);
        let id = ClientId((self.new_id)());
        let peer = Peer::builtin(id, code);
        let info = ClientInfo { name, nickname: None, uuid: id, tags: vec![BUILTIN_TAG.to_owned()] };
        let origin = OriginHead::new(&info);
        let mut registry = self.registry.lock();
        let turn = registry.join(info, FileKey((self.new_id)()), BUILTIN_INTENTS, peer.clone()).ok()?;
        self.carry_out(registry, &peer, turn, None);
        let create = ServiceCreate { service: service.clone(), nickname: None };
        let registry = self.registry.lock();
        self.turn_of(registry, &peer, PayloadIn::ServiceCreate(create), None);
        let unseen = service.as_str() == admin::SERVICE;
        Some(BuiltinSeat { peer, origin, service, unseen })
    }

    /// A built-in client says something to one client; false when it is gone, or reads so slowly that it shall get no more
    /// for now.
    pub(crate) fn speak(&self, seat: &BuiltinSeat, to: ClientId, data: &str) -> bool {
        let service = seat.service.as_str();
        let Ok(Delivery::One(peer, origin)) =
            self.routes.deliver(seat.peer.id, &TargetRef::ServiceClientUuid(service.into(), to))
        else {
            return false;
        };
        let target = format!(r#"{{"type":"SERVICE_CLIENT_UUID","service":"{service}","uuid":"{to}"}}"#);
        with_frame(
            |frame| frame::text(frame, |frame| write_message(frame, &seat.origin, origin.as_deref(), &target, data)),
            |frame| if seat.unseen { peer.push_unseen(frame) } else { peer.push(frame) },
        )
    }

    /// The first text message of a connection. HELLO is queued before anybody learns of the newcomer.
    pub(crate) fn identify(&self, peer: &Arc<Peer>, text: &str) -> Result<Seat, Ending> {
        #[cfg(test)]
        assert!(!text.contains(FAILURE), "a test wants the hub to fail");
        if let Some(left) = self.shut_out(peer.address) {
            let why = format!("too many wrong secrets from this address: try again in {} s", left.as_secs() + 1);
            return Err(Ending::new(CloseCode::RateLimited, why));
        }
        let identify = self.door.admit(text).map_err(|(code, reason)| {
            if code == CloseCode::BadSecret {
                self.count_guess(peer.address, false);
            }
            Ending::new(code, reason)
        })?;
        let Identify { name, nickname, tags, intents, .. } = identify;
        let info = ClientInfo { name, nickname, uuid: peer.id, tags };
        let key = FileKey((self.new_id)());
        let hello = Hello { uuid: peer.id, version: limits::PROTOCOL_VERSION.to_owned(), fs_key: Some(key) };
        let taken = || Ending::new(CloseCode::DuplicateAuth, "name: another client has it");

        let mut registry = self.registry.lock();
        registry.may_join(&info.name).map_err(|_| taken())?;
        // a peer that ended meanwhile was never here
        if let (false, Some(ending)) = (push(peer, &hello.into(), None), peer.ending()) {
            return Err(ending);
        }
        let turn = registry.join(info, key, intents, peer.clone()).map_err(|_| taken())?;
        peer.joined.store(u32::try_from(self.began.elapsed().as_secs()).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.carry_out(registry, peer, turn, None);
        Ok(Seat { peer: peer.clone(), origin: OnceCell::new(), next: Seq::default() })
    }

    /// One text message of an identified client, whose turn's messages meet in `run`.
    pub(crate) fn receive(&self, seat: &mut Seat, run: &mut Run<'_>, text: &str) -> Cost {
        run.tally.payloads += 1;
        run.tally.payload_bytes += text.len() as u64;
        #[cfg(test)]
        assert!(!text.contains(FAILURE), "a test wants the hub to fail");
        let seq = seat.next;
        seat.next = seq.next();
        // before the routes are asked: whatever changes meanwhile is asked for again
        let edition = self.routes.edition();
        let like_last = run.push_like_last(seq, text, edition, |to, service, target, data| {
            write_message(to, self.origin(seat), service, target, data);
        });
        if let Some((copies, data_bytes)) = like_last {
            run.count_message(data_bytes);
            if self.overheard.load(Ordering::Relaxed) {
                self.overhear_message(seat.peer.id, text);
            }
            return Cost::of_copies(copies);
        }
        let payload = PayloadIn::decode(text);
        if let Ok(PayloadIn::Message(message)) = payload {
            return Cost::of_copies(self.message(seat, run, (seq, text, edition), &message));
        }
        run.end();
        match payload {
            Ok(PayloadIn::SelfSetSeq(set)) => {
                seat.next = set.seq.next();
                okay(&seat.peer, set.seq);
            }
            Ok(payload) => return self.turn(&seat.peer, seq, payload),
            Err(refused) => {
                METRICS.malformed.increment(1);
                let answer = match refused {
                    DecodeError::Malformed(desc) => ErrorProtocol { desc }.into(),
                    DecodeError::Unsupported => ErrorUnsupported {}.into(),
                };
                push(&seat.peer, &answer, Some(seq));
            }
        }
        Cost::default()
    }

    fn origin<'s>(&self, seat: &'s Seat) -> &'s OriginHead {
        seat.origin.get_or_init(|| {
            let info = self.registry.lock().client_info(seat.peer.id);
            OriginHead::new(&info.expect("who speaks has joined, and leaves when its conversation is over"))
        })
    }

    /// How many are told who enters and leaves.
    pub(crate) fn audience(&self) -> usize {
        self.registry.lock().audience()
    }

    /// The client goes; harmless for one that never came.
    pub(crate) fn leave(&self, peer: &Arc<Peer>) {
        peer.seal();
        self.leave_together(std::iter::once(peer), 1);
    }

    /// The first of these clients go, as many as a turn allows: how many these are. All others are about to go, and are hushed now,
    /// but for the first few `known` ones that were hushed before.
    pub(crate) fn leave_together<'a>(&self, leavers: impl Iterator<Item = &'a Arc<Peer>> + Clone, known: usize) -> usize {
        let mut registry = self.registry.lock();
        leavers.clone().skip(known).for_each(|peer| registry.hush(peer.id));
        let (mut left, mut news) = (0, 0);
        let mut bulletin = Bulletin::default();
        for peer in leavers {
            let turn = registry.leave(peer.id);
            news += turn.news.len();
            if !turn.news.is_empty() {
                self.leaving.lock().insert(peer.id, peer.clone()); // it was here
            }
            self.carry_out_leave(&registry, &mut bulletin, peer, &turn.news);
            left += 1;
            if news >= NEWS_AT_ONCE {
                break;
            }
        }
        bulletin.queue(&registry);
        drop(registry);
        bulletin.ripe().iter().for_each(|peer| peer.flush());
        left
    }

    fn carry_out_leave(&self, registry: &Turns<'_>, bulletin: &mut Bulletin, peer: &Arc<Peer>, news: &[News]) {
        if self.ended.load(Ordering::Relaxed) {
            return; // nobody stays who could be told, and all folders go
        }
        // still in the turn: the name can be taken again only after it. This is one rename, of a folder that holds something
        if let Some(files) = &*self.files.lock()
            && files.leave(peer.id)
            && self.files_watched.load(Ordering::Relaxed)
        {
            let name = |news: &News| match &news.payload {
                PayloadOut::ClientLeft(left) => Some(left.client.name.clone()),
                _ => None,
            };
            let owner = news.iter().find_map(name).map(|name| Named { name, uuid: peer.id });
            owner.into_iter().for_each(|owner| self.tell_file(owner, Change::Deleted(String::new())));
        }
        let draining = self.draining.load(Ordering::Relaxed);
        for News { to, payload } in news {
            self.tell_builtin(peer, payload);
            if !draining {
                bulletin.add(registry, *to, peer.id, payload);
            }
        }
    }

    fn turn(&self, peer: &Arc<Peer>, seq: Seq, payload: PayloadIn<'_>) -> Cost {
        self.turn_of(self.registry.lock(), peer, payload, Some(seq))
    }

    fn turn_of(&self, mut registry: Turns<'_>, peer: &Arc<Peer>, payload: PayloadIn<'_>, seq: Option<Seq>) -> Cost {
        let who = peer.id;
        let ends = matches!(payload, PayloadIn::SelfUnsubscribe(_) | PayloadIn::ServiceDelete(_));
        let services = matches!(payload, PayloadIn::ServiceCreate(_));
        let too_many = if services { &METRICS.too_many_services } else { &METRICS.too_many_subscriptions };
        let turn = match payload {
            PayloadIn::SelfSubscribe(p) => registry.subscribe(who, &p.service),
            PayloadIn::SelfUnsubscribe(p) => registry.unsubscribe(who, &p.service),
            PayloadIn::SelfFetch(_) => registry.fetch_self(who),
            PayloadIn::ServiceCreate(p) => registry.create_service(who, p),
            PayloadIn::ServiceDelete(p) => registry.delete_service(who, &p.service),
            PayloadIn::ServiceFetch(p) => registry.fetch_service(&p.service),
            PayloadIn::ServiceFetchAll(_) => registry.fetch_services(),
            PayloadIn::ClientFetch(p) => registry.fetch_client(p.uuid),
            PayloadIn::ClientFetchAll(_) => registry.fetch_clients(),
            // neither is a turn of the registry: `receive` took them
            PayloadIn::SelfSetSeq(_) | PayloadIn::Message(_) => Turn::default(),
        };
        if matches!(turn.reply, Some(PayloadOut::ErrorProtocol(_))) {
            too_many.increment(1); // nothing else that could be understood is answered so
            let limit = if services { "services" } else { "subscriptions" }.to_owned();
            self.happened(|| Happening::Limited { limit, address: peer.address, client: Some(who), times: 1 });
        }
        let ended = ends && !turn.news.is_empty();
        Cost { copies: self.carry_out(registry, peer, turn, seq), ended }
    }

    fn message(
        &self,
        seat: &mut Seat,
        run: &mut Run<'_>,
        (seq, text, edition): (Seq, &str, u64),
        message: &MessageIn<'_>,
    ) -> usize {
        let delivery = match self.deliver(seat.peer.id, &message.target) {
            Ok(delivery) => delivery,
            Err(refusal) => {
                METRICS.refused_messages.increment(1);
                run.end();
                push(&seat.peer, &refusal.into(), Some(seq));
                return 0;
            }
        };
        let (target, data) = (message.target_json.get(), message.data.get());
        run.count_message(data.len());
        if self.overheard.load(Ordering::Relaxed) {
            self.overhear_message(seat.peer.id, text);
        }
        let (to, service) = match delivery {
            Delivery::One(to, service) if to.is_builtin() => {
                run.end();
                // its service is what it is there for; anything else it hears of and has no use for
                match (service, to.code()) {
                    (Some(_), Some(code)) => {
                        with_frame(|to| frame::okay(to, seq), |frame| seat.peer.push_held(frame)); // the answer takes it along
                        if !code.receive(&seat.peer, data) {
                            seat.peer.send_held();
                        }
                    }
                    _ => okay(&seat.peer, seq),
                }
                return 1;
            }
            Delivery::One(to, service) => (Receivers::One(to), service),
            Delivery::Subscribers(to, service) => (Receivers::Many(to), Some(service)),
            Delivery::Everyone => (Receivers::Many(self.listeners()), None),
            Delivery::Nobody => {
                run.end();
                okay(&seat.peer, seq);
                return 0;
            }
        };
        let repeats = !matches!(message.target, TargetRef::All); // that is looked up, not routed
        let copies = run.push(to, seq, |to| write_message(to, self.origin(seat), service.as_deref(), target, data));
        if repeats {
            run.remember(text, message, edition, service);
        }
        copies
    }

    /// Who gets a message. What a built-in client answers are messages: who wants none does not ask it.
    fn deliver(&self, sender: ClientId, target: &TargetRef<'_>) -> Result<Delivery<Arc<Peer>>, Refusal> {
        match self.routes.deliver(sender, target)? {
            Delivery::One(to, Some(_)) if to.is_builtin() && self.routes.listener(sender).is_none() => Err(Refusal::NotAllowed),
            delivery => Ok(delivery),
        }
    }

    /// Queues what a turn brought about: the answer, then the news, each encoded once. All of it before the next turn begins,
    /// also an answer that is no news to anybody: a list must not come behind the news of what it does not hold yet. How many
    /// frames that were.
    fn carry_out(&self, registry: Turns<'_>, peer: &Arc<Peer>, turn: Turn, seq: Option<Seq>) -> usize {
        let mut bulletin = Bulletin::default();
        let answers = usize::from(turn.reply.is_some());
        let answer_is_ripe =
            turn.reply.is_some_and(|reply| with_payload(&reply, seq, |frame| peer.queue_answer(frame) == Queued::Ripe));
        for News { to, payload } in turn.news {
            self.tell_builtin(peer, &payload);
            bulletin.add(&registry, to, peer.id, &payload);
        }
        bulletin.queue(&registry);
        drop(registry);
        if answer_is_ripe {
            peer.flush();
        }
        let copies = answers + bulletin.copies();
        bulletin.ripe().iter().for_each(|peer| peer.flush());
        copies
    }

    /// Who subscribes to the service of a built-in client, and who does not any more; and, for those who look after the hub,
    /// everything.
    fn tell_builtin(&self, peer: &Peer, news: &PayloadOut) {
        if let Some(what) = self.admin.get().and_then(|_| journal::of_news(peer, news)) {
            self.happened(|| what);
        }
        let code_of = |service: &ServiceInfo| self.routes.id(service.owner_uuid).and_then(|owner| owner.code());
        match news {
            PayloadOut::ServiceClientSubscribed(news) => {
                count_cut(&news.service);
                // one that wants no messages can't be told anything, so it takes no part
                if let (Some(code), Some(peer)) = (code_of(&news.service), self.routes.listener(news.client.uuid)) {
                    code.subscribed(&news.client, &peer);
                }
            }
            PayloadOut::ServiceClientUnsubscribed(news) => {
                count_cut(&news.service);
                if let Some(code) = code_of(&news.service) {
                    code.unsubscribed(news.client.uuid);
                }
            }
            _ => {}
        }
    }
}

/// News of a membership list the first subscribers of a big service only.
fn count_cut(service: &ServiceInfo) {
    if (service.subscribers.len() as u64) < service.subscriber_count {
        METRICS.subscribers_cut.increment(1);
    }
}

fn push(peer: &Arc<Peer>, payload: &PayloadOut, seq: Option<Seq>) -> bool {
    with_payload(payload, seq, |frame| peer.push(frame))
}

fn with_payload<R>(payload: &PayloadOut, seq: Option<Seq>, then: impl FnOnce(&Frame<'_>) -> R) -> R {
    let text = payload.encode(seq);
    with_frame(|to| frame::text(to, |to| to.extend_from_slice(text.as_bytes())), then)
}

fn okay(peer: &Arc<Peer>, seq: Seq) {
    with_frame(|to| frame::okay(to, seq), |frame| peer.push(frame));
}

/// Encodes in the thread's scratch buffer.
fn with_frame<R>(encode: impl FnOnce(&mut Vec<u8>), then: impl FnOnce(&Frame<'_>) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        encode(scratch);
        then(&Frame::new(scratch))
    })
}

impl Directory for Desk {
    fn is_curious(&self) -> bool {
        self.files_watched.load(Ordering::Relaxed)
    }

    fn changed(&self, client: ClientId, change: Change) {
        // of one that is gone meanwhile all is gone
        if let Some((_, name)) = self.find(client) {
            self.tell_file(Named { name, uuid: client }, change);
        }
    }

    fn holder(&self, key: Uuid) -> Option<Holder> {
        let holder = |peer: Arc<Peer>, key| Holder { client: peer.id, key, address: peer.address };
        let connected = |peer: &Arc<Peer>| !peer.is_builtin();
        let private = self.routes.key(FileKey(key)).filter(connected).map(|peer| holder(peer, KeyKind::Private));
        private.or_else(|| self.routes.id(ClientId(key)).filter(connected).map(|peer| holder(peer, KeyKind::Public)))
    }

    fn client(&self, name: &str) -> Option<ClientId> {
        self.routes.name(name).filter(|peer| !peer.is_builtin()).map(|peer| peer.id)
    }
}
