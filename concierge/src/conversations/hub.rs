//! A hub for tests: the real desk, shard and sessions; pipes instead of sockets; a clock that stands still until nothing
//! else can happen.

use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::ClientId;
use concierge_coordinator::Rules;
use concierge_files::Files;
use concierge_hub::Bounds;
use concierge_store::{Clock, Place};
use expect_test::Expect;
use serde_json::Value;
use tokio::io::duplex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::client::{Client, frame};
use super::transcript::Transcript;
use crate::admin::{self, Admin, Resources};
use crate::arrivals::Coming;
use crate::config::Config;
use crate::coordinator::{self, Coordinator};
use crate::crowd::{self, Crowd, Guest};
use crate::desk::Desk;
use crate::guesses::Guesses;
use crate::memory::Memory;
use crate::peer::Peer;
use crate::router::Router;
use crate::server;
use crate::session::{self, Opened, Pace};
use crate::shard::Shard;
use crate::wire::{Source, Wire};

/// What a pipe holds in each direction.
const PIPE: usize = 1024 * 1024;

/// A client of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Who(usize);

/// A hub and its clients.
pub(crate) struct Hub {
    pub(crate) desk: Arc<Desk>,
    pub(crate) config: Config,
    pub(crate) draining: CancellationToken,
    /// Where the next connections come from.
    pub(crate) address: IpAddr,
    shard: Arc<Shard>,
    coordinator: Option<Arc<Coordinator>>,
    router: Option<Arc<Router>>,
    sessions: JoinSet<()>,
    /// The shard's flusher and built-in clients; ended with the hub.
    _tasks: JoinSet<()>,
    crowd: Crowd,
    clients: Vec<Client>,
    transcript: Transcript,
    /// When the test's clock began.
    began: Instant,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { node: Some("hub".to_owned()), ..Config::default() };
        change(&mut config);
        let bounds = Bounds {
            services_per_client: config.limits.services_per_client,
            services: config.limits.services,
            subscriptions_per_client: config.limits.subscriptions_per_client,
            subscribers_shown: config.limits.subscribers_shown,
        };
        let shard = Arc::new(Shard::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(shard.clone().flush_forever());
        Self {
            crowd: Crowd::new(crowd::Bounds::new(&config)),
            desk: Arc::new(Desk::new(
                config.secret.as_deref(),
                bounds,
                Guesses::new(config.limits.wrong_secrets_per_minute),
                Uuid::new_v4,
            )),
            config,
            draining: CancellationToken::new(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            shard,
            coordinator: None,
            router: None,
            sessions: JoinSet::new(),
            _tasks: tasks,
            clients: Vec::new(),
            transcript: Transcript::default(),
            began: Instant::now(),
        }
    }

    /// Starts the admin service as the configuration says, with a clock that stands still. What it shall know of comes first.
    pub(crate) fn administer(&mut self) -> Arc<Admin> {
        let settings = admin::Settings {
            secret: self.config.admin_secret.clone(),
            clock: Clock::by_hand(),
            resources: Resources { memory: Arc::new(Memory::new(0)), disks: Vec::new() },
            outbox_bytes: self.config.limits.outbox_bytes,
        };
        let known = (self.coordinator.clone(), self.router.clone());
        let admin = Admin::start(settings, self.desk.clone(), known, &mut self._tasks);
        self.transcript.call(&admin.id().to_string(), "admin".to_owned());
        admin
    }

    /// Starts a coordinator in memory, whose time is driven by hand.
    pub(crate) async fn coordinate(&mut self) {
        let settings = coordinator::Settings {
            place: Place::Memory,
            rules: Rules::default(),
            clock: Clock::by_hand(),
            in_flight: 16,
            outbox_bytes: self.config.limits.outbox_bytes,
        };
        let started = Coordinator::start(settings, self.desk.clone(), &mut self._tasks).await;
        self.coordinator = Some(started.expect("memory is always there"));
    }

    /// Starts a file server in that folder: what answers requests.
    pub(crate) fn keep_files(&self, folder: &Path) -> axum::Router {
        let files = Files::open(concierge_files::Options::new(folder), self.desk.clone()).expect("the folder is empty");
        self.desk.keep_files(files.clone());
        files.router()
    }

    /// Starts the router as the configuration says. OKs that are held back leave by themselves after a while.
    pub(crate) fn route(&mut self) -> Arc<Router> {
        self._tasks.spawn(self.shard.clone().release_forever());
        let router = Router::start(server::router_settings(&self.config), self.desk.clone(), &mut self._tasks);
        self.transcript.call(&router.id().to_string(), "router".to_owned());
        self.router = Some(router.clone());
        router
    }

    /// A connection that was just upgraded, called `name` in the transcript.
    pub(crate) async fn connect(&mut self, name: &str) -> Who {
        self.connect_by(name, PIPE).await
    }

    /// The same, over a pipe that holds `room` bytes in each direction.
    pub(crate) async fn connect_by(&mut self, name: &str, room: usize) -> Who {
        self.connect_with(name, room, Vec::new()).await
    }

    /// The same, with bytes that came together with the request.
    pub(crate) async fn connect_with(&mut self, name: &str, room: usize, early: Vec<u8>) -> Who {
        let (ours, theirs) = duplex(room);
        let address = self.address;
        let guest = self.crowd.enter(address).ok();
        let id = ClientId(Uuid::new_v4());
        let peer = Peer::new(id, address, self.shard.clone(), None, self.config.limits.outbox_bytes);
        let wire = Wire::new(peer.clone(), Source::Stream(Box::new(ours)));
        let (desk, pace, draining) = (self.desk.clone(), Pace::new(&self.config), self.draining.clone());
        let session = peer.clone();
        self.sessions.spawn(async move {
            let rates = guest.as_ref().and_then(Guest::rates);
            session::run(
                Box::new(Opened { wire, early, peer: session, coming: Coming::default() }),
                &desk,
                &pace,
                rates,
                &draining,
            )
            .await;
        });
        self.transcript.call(&id.to_string(), name.to_owned());
        self.clients.push(Client::new(name, peer, theirs).await);
        Who(self.clients.len() - 1)
    }

    /// A client that said IDENTIFY and was let in; the transcript does not show it.
    pub(crate) async fn join(&mut self, name: &str) -> Who {
        self.join_by(name, PIPE).await
    }

    /// The same, over a pipe that holds `room` bytes in each direction.
    pub(crate) async fn join_by(&mut self, name: &str, room: usize) -> Who {
        let mark = self.transcript.len();
        let who = self.connect_by(name, room).await;
        self.say(who, &identify(name)).await;
        self.transcript.truncate(mark);
        assert!(self.holds(name.split(' ').next().unwrap_or(name)), "{name} was not let in");
        who
    }

    /// Sends one payload, `"@bob"` standing for bob's id, and records everything that anybody gets of it.
    pub(crate) async fn say(&mut self, who: Who, payload: &str) {
        self.whisper(who, payload);
        self.settle().await;
    }

    /// Sends one payload and lets nobody act on it yet.
    pub(crate) fn whisper(&mut self, who: Who, payload: &str) {
        let client = &mut self.clients[who.0];
        self.transcript.sent(&client.name, payload);
        client.send(Message::text(self.transcript.spell_out(payload)));
    }

    /// Sends one payload and returns the answer to it; the transcript does not show it.
    pub(crate) async fn ask(&mut self, who: Who, payload: &str) -> Value {
        let mark = self.transcript.len();
        self.clients[who.0].send(Message::text(self.transcript.spell_out(payload)));
        let answer = self.settle().await.into_iter().find_map(|(from, line)| {
            let value: Value = serde_json::from_str(&line).ok()?;
            (from == who && value.get("seq").is_some()).then_some(value)
        });
        self.transcript.truncate(mark);
        answer.expect("every payload is answered")
    }

    /// Sends a message of any kind that the transcript does not show, and lets nobody act on it yet.
    pub(crate) fn whisper_message(&mut self, who: Who, message: Message) {
        self.clients[who.0].send(message);
    }

    /// Sends a message of any kind, written to the transcript as `line`.
    pub(crate) async fn send(&mut self, who: Who, line: &str, message: Message) {
        let client = &mut self.clients[who.0];
        self.transcript.sent(&client.name, line);
        client.send(message);
        self.settle().await;
    }

    /// Sends one frame with that first byte, written to the transcript as `line`.
    pub(crate) async fn send_frame(&mut self, who: Who, line: &str, first: u8, payload: &[u8]) {
        self.send_bytes(who, line, &frame(first, payload)).await;
    }

    /// Sends bytes as they are, written to the transcript as `line`.
    pub(crate) async fn send_bytes(&mut self, who: Who, line: &str, bytes: &[u8]) {
        let client = &mut self.clients[who.0];
        self.transcript.sent(&client.name, line);
        client.send_bytes(bytes);
        self.settle().await;
    }

    /// Runs until nothing is left to do and records what came. Afterwards whatever did not come does not come.
    pub(crate) async fn settle(&mut self) -> Vec<(Who, String)> {
        let mut all = Vec::new();
        let mut written = None;
        loop {
            idle().await;
            let came = all.len();
            for (n, client) in self.clients.iter_mut().enumerate() {
                for line in client.read() {
                    if let Some(key) = key_of(&line) {
                        self.transcript.call(&key, format!("{}'s key", client.name));
                    }
                    self.transcript.came(&client.name, line.clone());
                    all.push((Who(n), line));
                }
            }
            // part of a message is no line yet, and makes room for the rest
            let before = written.replace(self.written());
            if all.len() == came && before == written {
                return all;
            }
        }
    }

    /// Bytes that all clients together were ever sent.
    fn written(&self) -> u64 {
        self.clients.iter().map(|client| client.peer.look().written).sum()
    }

    /// Lets the clock run until `ms` after the clock began, and records what came.
    pub(crate) async fn until(&mut self, ms: u64) {
        let _late = timeout_at(self.began + Duration::from_millis(ms), pending::<()>()).await;
        self.settle().await;
    }

    /// Lets so much time pass, and returns what came.
    pub(crate) async fn after(&mut self, ms: u64) -> Vec<(Who, String)> {
        let _late = timeout(Duration::from_millis(ms), pending::<()>()).await;
        self.settle().await
    }

    /// The clock begins now.
    pub(crate) fn start_clock(&mut self) {
        self.began = Instant::now();
    }

    /// Milliseconds since the clock began.
    pub(crate) fn clock_ms(&self) -> u128 {
        self.began.elapsed().as_millis()
    }

    /// From now on the client takes nothing from its pipe.
    pub(crate) fn stop_reading(&mut self, who: Who) {
        self.clients[who.0].reads = false;
    }

    /// The client takes what waits in its pipe, and all that comes.
    pub(crate) async fn read_again(&mut self, who: Who) -> Vec<(Who, String)> {
        self.clients[who.0].reads = true;
        self.settle().await
    }

    /// The bytes in the client's pipe, `most` at most.
    pub(crate) async fn read_bytes(&mut self, who: Who, most: usize) -> Vec<u8> {
        idle().await;
        self.clients[who.0].read_bytes(most)
    }

    /// Writes as many of the bytes as the hub takes without any time passing; how many that are.
    pub(crate) async fn offer(&mut self, who: Who, bytes: &[u8]) -> usize {
        let mut taken = 0;
        loop {
            let more = self.clients[who.0].offer(&bytes[taken..]);
            taken += more;
            self.settle().await;
            if more == 0 {
                return taken;
            }
        }
    }

    /// The client's end of the pipe goes without a word.
    pub(crate) async fn cut(&mut self, who: Who) -> Vec<(Who, String)> {
        let client = &mut self.clients[who.0];
        self.transcript.sent(&client.name, "(gone)");
        client.cut();
        self.settle().await
    }

    pub(crate) fn peer(&self, who: Who) -> &Arc<Peer> {
        &self.clients[who.0].peer
    }

    /// The id that the hub gave to the client of that name.
    pub(crate) fn id(&self, name: &str) -> &str {
        self.transcript.id(name)
    }

    /// Whether a client of that name is in the hub.
    pub(crate) fn holds(&self, name: &str) -> bool {
        use concierge_files::Directory as _;
        self.desk.client(name).is_some()
    }

    /// Connections whose session goes on.
    pub(crate) fn sessions(&mut self) -> usize {
        while let Some(ended) = self.sessions.try_join_next() {
            ended.expect("a session does not panic");
        }
        self.sessions.len()
    }

    /// Leaves out what was said so far.
    pub(crate) fn forget(&mut self) {
        self.transcript.truncate(0);
    }

    /// What was said since the last look.
    pub(crate) fn heard(&mut self) -> String {
        self.transcript.take()
    }

    /// Compares what was said since the last look.
    pub(crate) fn check(&mut self, expected: Expect) {
        expected.assert_eq(&self.heard());
    }
}

/// A plain IDENTIFY; a word behind the name only tells clients of one name apart in the transcript.
pub(crate) fn identify(name: &str) -> String {
    let name = name.split(' ').next().unwrap_or(name);
    format!(r#"{{"type":"IDENTIFY","name":"{name}","version":"0.2.0"}}"#)
}

/// Returns when nothing can run any more: a paused clock moves only then.
pub(crate) async fn idle() {
    let _late = timeout(Duration::from_millis(1), pending::<()>()).await;
}

fn key_of(line: &str) -> Option<String> {
    let hello: Value = serde_json::from_str(line).ok().filter(|value: &Value| value["type"] == "HELLO")?;
    hello["fs_key"].as_str().map(str::to_owned)
}
