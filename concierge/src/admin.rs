//! The admin service: a built-in client that owns `concierge.admin` and obeys administrators. It tells those who watch how the
//! hub is and what happens in it, and ends connections.
//!
//! Invariants: nobody is obeyed or told anything who is not an administrator; nothing here is on the way of a message while nobody
//! watches; a watcher that reads slowly is told later, and never ended for it; one snapshot is made for all who watch.

mod ears;
mod glass;
pub(crate) mod journal;
mod latest;
mod resources;
mod roll;
mod stats;
mod watchers;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use concierge_api_rs::admin::{
    self, Ask, ClientRecord, FileChange, Files, Happening, Named, Op, Page, Promises, Refusal, RefusalCode, Said, Tasks,
};
use concierge_api_rs::coordinator::PromiseId;
use concierge_api_rs::{ClientId, ClientInfo, ClientName, MessageIn, ServiceName, cut_reason, limits};
use concierge_hub::{Door, Standing};
use concierge_store::Clock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::builtin::{Builtin, BuiltinSeat};
use crate::coordinator::Coordinator;
use crate::desk::Desk;
use crate::peer::{Ending, Peer};
use crate::router::Router;
use crate::vital::or_abort;
use ears::{Ears, Heard};
pub(crate) use glass::Glass;
use glass::Glasses;
use journal::Journal;
pub(crate) use latest::Latest;
pub(crate) use resources::Resources;
use roll::Roll;
use watchers::{Room, Topic, Watchers};

/// How often those who watch may be told something.
const TICK: Duration = Duration::from_millis(50);

/// What of it can be set.
#[derive(Clone)]
pub(crate) struct Settings {
    /// What administrators present; without one, programs on this machine are administrators.
    pub(crate) secret: Option<String>,
    pub(crate) clock: Clock,
    pub(crate) resources: Resources,
    /// What may wait for a client before it is told nothing more.
    pub(crate) outbox_bytes: usize,
}

/// The admin service of a hub.
pub(crate) struct Admin {
    desk: Arc<Desk>,
    /// Set before anybody can ask.
    seat: OnceLock<BuiltinSeat>,
    coordinator: Option<Arc<Coordinator>>,
    router: Option<Arc<Router>>,
    /// `None`: programs on this machine are administrators.
    door: Option<Door>,
    clock: Clock,
    resources: Resources,
    outbox_bytes: usize,
    journal: Journal,
    watchers: Mutex<Watchers>,
    ears: Ears,
    glasses: Glasses,
    files: Mutex<Latest<(ClientId, String), FileChange>>,
    roll: Mutex<Roll>,
    /// Bytes written to clients, as they were told last: a sum over clients that come and go never goes back.
    written: Mutex<u64>,
    /// Somebody begins to watch.
    awake: Notify,
}

/// Whose connection ends, and how.
type Kicked = (Arc<Peer>, Ending);

impl Admin {
    /// Takes the seat. Its work is done in `tasks`.
    pub(crate) fn start(
        settings: Settings,
        desk: Arc<Desk>,
        (coordinator, router): (Option<Arc<Coordinator>>, Option<Arc<Router>>),
        tasks: &mut JoinSet<()>,
    ) -> Arc<Self> {
        let Settings { secret, clock, resources, outbox_bytes } = settings;
        let admin = Arc::new(Self {
            desk: desk.clone(),
            seat: OnceLock::new(),
            coordinator,
            router,
            door: secret.map(|secret| Door::new(Some(&secret))),
            clock,
            resources,
            outbox_bytes,
            journal: Journal::default(),
            watchers: Mutex::default(),
            ears: Ears::default(),
            glasses: Glasses::default(),
            files: Mutex::default(),
            roll: Mutex::default(),
            written: Mutex::default(),
            awake: Notify::new(),
        });
        admin.happened(Happening::Started { version: env!("CARGO_PKG_VERSION").to_owned() });
        desk.tell(Arc::downgrade(&admin));
        let code: Weak<Self> = Arc::downgrade(&admin);
        let seat = desk.seat(admin::CLIENT, admin::SERVICE, code).expect("nobody is there yet who could have the name");
        assert!(admin.seat.set(seat).is_ok(), "it is set here only");
        tasks.spawn(or_abort("the admin service", admin.clone().watch_forever()));
        admin
    }

    #[cfg(test)]
    pub(crate) fn id(&self) -> ClientId {
        self.seat.get().expect("it has its seat").peer.id
    }

    /// Something happened. Called within the registry's turns.
    pub(crate) fn happened(&self, what: Happening) {
        self.journal.write(self.now(), what, Instant::now());
    }

    /// A file changed, while somebody watches files.
    pub(crate) fn file_changed(&self, change: FileChange) {
        let bytes = 256 + change.path.len();
        self.files.lock().put((change.owner.uuid, change.path.clone()), change, bytes);
    }

    /// A message was routed, while somebody listens to services.
    pub(crate) fn overhear(&self, from: ClientId, message: &MessageIn<'_>) {
        self.ears.hear(self.now(), from, message);
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.clock.now().0).unwrap_or(0)
    }

    /// Tells those who watch, for as long as there are any.
    async fn watch_forever(self: Arc<Self>) {
        loop {
            self.awake.notified().await;
            while self.tell_all().await {
                sleep(TICK).await;
            }
            self.roll.lock().clear();
        }
    }

    /// Tells all who watch what is due. False when nobody watches.
    async fn tell_all(&self) -> bool {
        let due = self.watchers.lock().due(Instant::now());
        if !due.anybody {
            return false;
        }
        let stats = if due.stats { Some(Said::Stats { stats: Box::new(self.stats().await) }.encode()) } else { None };
        let router = self.router.as_ref().filter(|_| due.router).map(|router| {
            let router = Box::new(router.survey(self.now()));
            Said::Router { router }.encode()
        });
        if due.clients {
            self.look_around();
        }
        self.journal.settle(self.now(), Instant::now());
        let heard = self.heard();
        let said = {
            let mut watchers = self.watchers.lock();
            let mut roll = self.roll.lock();
            let said = watchers.news((stats, router), (&roll, &self.journal, &heard), |peer| self.room(peer));
            roll.forget(&mut watchers);
            said
        };
        for (to, text) in said {
            self.say(to, &text);
        }
        true
    }

    /// What was said and what changed since the last look.
    fn heard(&self) -> HashMap<Topic, Heard> {
        let mut heard = HashMap::new();
        self.ears.take(&mut heard);
        self.glasses.take(&mut heard);
        let mut hear = |topic, count: usize, left_out: u64, said: Said| {
            heard.insert(topic, Heard { text: said.encode().into(), count: count as u64 + left_out, last: false });
        };
        if let Some((files, left_out)) = self.files.lock().take() {
            hear(Topic::Files, files.len(), left_out, Said::Files(Files { files, left_out }));
        }
        let Some(ledger) = self.coordinator.as_ref().map(|coordinator| coordinator.ledger()) else { return heard };
        if let Some((promises, left_out)) = ledger.promises() {
            hear(Topic::Promises, promises.len(), left_out, Said::Promises(Promises { promises, left_out }));
        }
        if let Some((tasks, left_out)) = ledger.tasks() {
            hear(Topic::Tasks, tasks.len(), left_out, Said::Tasks(Tasks { tasks, left_out }));
        }
        heard
    }

    /// Brings the roll of clients up to date.
    fn look_around(&self) {
        let mut records = Vec::new();
        self.desk.survey_all(|standing| records.push(self.record(standing)));
        self.roll.lock().update(records);
    }

    fn record(&self, standing: &Standing<Arc<Peer>>) -> ClientRecord {
        let Standing { rank: _, info, handle, owns, owned, subscriptions, subscribed } = standing;
        let (look, (payloads_in, bytes_in)) = (handle.look(), handle.received());
        let uptime_ms = u64::try_from(self.desk.uptime().as_millis()).unwrap_or(u64::MAX);
        let joined_ms = u64::from(handle.joined.load(Ordering::Relaxed)) * 1_000;
        ClientRecord {
            uuid: info.uuid,
            name: info.name.clone(),
            nickname: info.nickname.clone(),
            tags: info.tags.clone(),
            address: (!handle.is_builtin()).then_some(handle.address),
            // whole seconds: it stays the same from look to look
            joined_at: (self.now().saturating_sub(uptime_ms) + 500) / 1_000 * 1_000 + joined_ms,
            queued_bytes: look.waiting as u64,
            payloads_in,
            bytes_in,
            messages_out: look.messages,
            bytes_out: look.written,
            owns: owns.clone(),
            owned: *owned as u64,
            subscriptions: subscriptions.clone(),
            subscribed: *subscribed as u64,
        }
    }

    /// Half of its outbox: news never makes a slow client of one that watches.
    fn room(&self, peer: &Peer) -> Room {
        Room::new(self.outbox_bytes, peer.look().waiting)
    }

    fn say(&self, to: ClientId, text: &str) -> bool {
        self.seat.get().is_some_and(|seat| self.desk.speak(seat, to, text))
    }

    /// What a request leads to. Whose connection it ends: that is done when it was answered, or news of it would come first.
    fn obey(&self, from: &Arc<Peer>, op: Op) -> Result<(Value, Option<Kicked>), Refusal> {
        let answer = match op {
            Op::Auth { secret } => self.admit(from, &secret)?,
            _ if !self.is_administrator(from) => return Err(self.forbidden()),
            Op::ClientsKick { uuid, code, reason } => {
                return self.kick(from.id, uuid, code, &reason).map(|kicked| (json!({}), Some(kicked)));
            }
            Op::ClientsList { after, limit } => self.list(after, limit)?,
            Op::StatsWatch { .. } | Op::ClientsWatch { .. } | Op::EventsWatch { .. } => self.begin(from, &op)?,
            Op::ServiceWatch { ref service } => {
                self.may_watch(service)?;
                self.begin_to_listen(from, &op)?
            }
            Op::FramesWatch { uuid } => self.look_at(from, uuid)?,
            Op::PromisesWatch | Op::TasksWatch => {
                self.coordinator()?;
                self.begin_to_listen(from, &op)?
            }
            Op::FilesWatch => match self.desk.has_files() {
                true => self.begin_to_listen(from, &op)?,
                false => return Err(Refusal::new(RefusalCode::InvalidService, "this hub has no file server")),
            },
            Op::RouterLook => {
                let look = self.router()?.survey(self.now());
                serde_json::to_value(look).expect("a look is JSON")
            }
            Op::RouterWatch { .. } => {
                self.router()?;
                self.begin(from, &op)?
            }
            Op::TaskHistory { task, root } => self.history(task, root)?,
            Op::StatsUnwatch
            | Op::RouterUnwatch
            | Op::ClientsUnwatch
            | Op::EventsUnwatch
            | Op::ServiceUnwatch { .. }
            | Op::FramesUnwatch { .. }
            | Op::PromisesUnwatch
            | Op::TasksUnwatch
            | Op::FilesUnwatch => {
                self.watchers.lock().end(from.id, &op);
                self.listen();
                json!({})
            }
        };
        Ok((answer, None))
    }

    fn forbidden(&self) -> Refusal {
        let why = match &self.door {
            Some(_) => "administrators present the admin secret first: {\"op\":\"auth\",\"secret\":…}",
            None => "this hub has no admin secret, and obeys programs on its own machine only",
        };
        Refusal::new(RefusalCode::Forbidden, why)
    }

    fn may_watch(&self, service: &ServiceName) -> Result<(), Refusal> {
        if service.as_str() == admin::SERVICE {
            return Err(Refusal::new(RefusalCode::BadRequest, "service: secrets are presented there"));
        }
        match self.desk.has_service(service) {
            true => Ok(()),
            false => Err(Refusal::new(RefusalCode::InvalidService, "there is no such service")),
        }
    }

    fn begin(&self, from: &Arc<Peer>, op: &Op) -> Result<Value, Refusal> {
        self.journal.settle(self.now(), Instant::now());
        let last = self.journal.last();
        let begun = self.watchers.lock().begin(from.id, op, last, Instant::now())?;
        self.awake.notify_one();
        Ok(begun)
    }

    fn begin_to_listen(&self, from: &Arc<Peer>, op: &Op) -> Result<Value, Refusal> {
        let begun = self.begin(from, op)?;
        self.listen();
        Ok(begun)
    }

    /// Listens to what is watched, and to nothing else.
    fn listen(&self) {
        let watchers = self.watchers.lock();
        self.ears.keep(watchers.services());
        self.desk.overhear(!self.ears.is_empty());
        self.glasses.keep(|client| watchers.watch(&Topic::Frames(client)));
        let files = watchers.watch(&Topic::Files);
        self.desk.watch_files(files);
        if !files {
            *self.files.lock() = Latest::default();
        }
        if let Some(coordinator) = &self.coordinator {
            coordinator.ledger().watch(watchers.watch(&Topic::Promises), watchers.watch(&Topic::Tasks));
        }
    }

    /// Frames of a client are told from now on.
    fn look_at(&self, from: &Arc<Peer>, uuid: ClientId) -> Result<Value, Refusal> {
        if uuid == from.id {
            let why = "uuid: what you are told of yourself would be told to you again, and so on";
            return Err(Refusal::new(RefusalCode::BadRequest, why));
        }
        let (peer, _) = self.here(uuid)?;
        let begun = self.begin(from, &Op::FramesWatch { uuid })?;
        let own = self.seat.get().map_or(uuid, |seat| seat.peer.id);
        let glass = self.glasses.look_at(&peer, &self.clock, own);
        if self.desk.find(uuid).is_none() {
            glass.end(); // it went meanwhile, and nobody says so again
        }
        Ok(begun)
    }

    /// A client that has a connection.
    fn here(&self, uuid: ClientId) -> Result<(Arc<Peer>, ClientName), Refusal> {
        match self.desk.find(uuid) {
            Some((peer, _)) if peer.is_builtin() => Err(Refusal::new(RefusalCode::BadRequest, "uuid: that client is built in")),
            Some((peer, name)) if !peer.is_gone() => Ok((peer, name)),
            _ => Err(Refusal::new(RefusalCode::InvalidUuid, "there is no such client")),
        }
    }

    fn coordinator(&self) -> Result<&Arc<Coordinator>, Refusal> {
        let absent = || Refusal::new(RefusalCode::InvalidService, "this hub has no coordinator");
        self.coordinator.as_ref().ok_or_else(absent)
    }

    fn router(&self) -> Result<&Arc<Router>, Refusal> {
        let absent = || Refusal::new(RefusalCode::InvalidService, "this hub has no router");
        self.router.as_ref().ok_or_else(absent)
    }

    fn history(&self, task: Option<PromiseId>, root: Option<PromiseId>) -> Result<Value, Refusal> {
        let coordinator = self.coordinator()?;
        let told = match (task, root) {
            (Some(task), None) => coordinator.history(&task, false),
            (None, Some(root)) => coordinator.history(&root, true),
            _ => return Err(Refusal::new(RefusalCode::BadRequest, "a history is that of a task or of a root, and not of both")),
        };
        Ok(serde_json::to_value(told).expect("a history is JSON"))
    }

    fn admit(&self, from: &Arc<Peer>, secret: &str) -> Result<Value, Refusal> {
        let Some(door) = &self.door else {
            return match from.is_local() {
                true => Ok(json!({})),
                false => Err(Refusal::new(RefusalCode::Forbidden, "this hub has no admin secret")),
            };
        };
        if let Some(left) = self.desk.shut_out(from.address) {
            let why = format!("too many wrong secrets from this address: try again in {} s", left.as_secs() + 1);
            return Err(Refusal::new(RefusalCode::TooMany, why));
        }
        if !door.knows(Some(secret)) {
            self.desk.count_guess(from.address, true);
            return Err(Refusal::new(RefusalCode::Forbidden, "secret: wrong"));
        }
        self.watchers.lock().admit(from.id);
        Ok(json!({}))
    }

    fn is_administrator(&self, from: &Peer) -> bool {
        match &self.door {
            None => from.is_local(),
            Some(_) => self.watchers.lock().is_admitted(from.id),
        }
    }

    fn list(&self, after: Option<ClientId>, limit: usize) -> Result<Value, Refusal> {
        let gone = || Refusal::new(RefusalCode::InvalidUuid, "after: there is no such client any more");
        let after = after.map(|after| self.desk.rank(after).ok_or_else(gone)).transpose()?;
        let limit = limit.clamp(1, limits::ADMIN_PAGE);
        let page = self.desk.survey(after, limit);
        let next = page.last().filter(|_| page.len() == limit).map(|last| last.info.uuid);
        let page = Page { clients: page.iter().map(|standing| self.record(standing)).collect(), next };
        Ok(serde_json::to_value(page).expect("a page is JSON"))
    }

    fn kick(&self, by: ClientId, uuid: ClientId, code: u16, reason: &str) -> Result<Kicked, Refusal> {
        if !admin::may_kick_with(code) {
            let why = "code: 4013, or one from 4000 to 4999 that means nothing else";
            return Err(Refusal::new(RefusalCode::BadRequest, why));
        }
        let (peer, name) = self.here(uuid)?;
        let reason = cut_reason(reason).to_owned();
        let client = Named { name, uuid };
        tracing::info!(client = %client.uuid, name = %client.name, code, reason, %by, "an administrator ends a connection");
        self.happened(Happening::Kicked { client, code, reason: reason.clone(), by });
        Ok((peer, Ending { code, reason }))
    }

    /// A request, as it stood.
    fn take(&self, from: &Arc<Peer>, data: &str) {
        let (id, outcome) = match serde_json::from_str::<Ask>(data) {
            Ok(Ask { id, op }) => (id, self.obey(from, op)),
            Err(error) => (id_of(data), Err(unreadable(&error))),
        };
        let (said, kicked) = match outcome {
            Ok((ok, kicked)) => (Said::Done { id, ok }, kicked),
            Err(error) => (Said::Refused { id, error }, None),
        };
        self.say(from.id, &said.encode());
        if let Some((peer, ending)) = kicked {
            peer.condemn(ending);
        }
    }
}

impl Builtin for Admin {
    fn receive(&self, from: &Arc<Peer>, data: &str) -> bool {
        self.take(from, data);
        true
    }

    fn subscribed(&self, client: &ClientInfo, peer: &Arc<Peer>) {
        self.watchers.lock().come(client.uuid, peer);
    }

    fn unsubscribed(&self, client: ClientId) {
        self.watchers.lock().go(client);
        self.listen();
    }
}

/// Of a request that can't be read, as much as can be.
fn id_of(data: &str) -> Value {
    serde_json::from_str::<Value>(data).ok().and_then(|mut value| value.get_mut("id").map(Value::take)).unwrap_or_default()
}

/// What was sent is repeated in part only.
fn unreadable(error: &serde_json::Error) -> Refusal {
    let why = error.to_string();
    let end = why.char_indices().nth(limits::ECHO_CHARS).map_or(why.len(), |(at, _)| at);
    Refusal::new(RefusalCode::BadRequest, &why[..end])
}
