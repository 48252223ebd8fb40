//! The connection: kept up, with what goes out, what comes back, and what is served.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use async_nats::connection::State as Connected;
use async_nats::{
    Client, ClientError, ConnectError, ConnectErrorKind, ConnectOptions, Event, HeaderMap, RequestErrorKind, StatusCode,
};
use bytes::Bytes;
use concierge_api_rs::packet::{ERROR, ERROR_CODE, FaultCode, Headers};
use futures::StreamExt as _;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::discovery::Discovery;
use crate::endpoint::{Asked, Endpoint, Reply, Tallies};
use crate::error::{OpenError, Unsent};
use crate::options::Options;
use crate::outbox::{self, Out, Outbox};
use crate::served::{Known, Served};
use crate::standing::{Standing, State, is_new_enough};

/// Below it everything that comes back to a hub comes back: a user of NATS needs no more than this and what it serves.
const INBOX: &str = "_INBOX.concierge";
/// Commands that the library holds: what is there when a connection ends is sent by the next one.
const HELD: usize = 256;
/// How often the state of the connection is looked at, whatever events say.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who is told what comes from NATS. Called from the tasks that read, so nothing here may wait.
pub trait Outside: Send + Sync + 'static {
    /// There is a way from now on.
    fn up(&self);
    /// There is none any more: what was asked before will not be answered.
    fn down(&self);
    /// Somebody asks, or pushes.
    fn asked(&self, asked: Asked);
    /// An answer to the request of that token; `None`: nobody serves its subject.
    fn answered(&self, token: &str, answer: Option<&[u8]>);
}

/// A hub's way to NATS. Dropping it ends everything.
pub struct Link {
    shared: Arc<Shared>,
    client: Client,
    _tasks: JoinSet<()>,
}

struct Shared {
    servers: String,
    /// Where answers come: a token behind it says to what.
    inbox: String,
    /// What makes of a token one that nobody can guess who was not asked.
    seals: RandomState,
    outbox: Outbox,
    wanted: watch::Sender<BTreeSet<Endpoint>>,
    known: Known,
    tallies: Arc<Tallies>,
    now: Mutex<Now>,
    /// Something happened to the connection.
    changed: Notify,
}

#[derive(Debug)]
struct Now {
    state: State,
    since: SystemTime,
    /// The connection that is up, among all that there were.
    connection: u64,
    server_version: Option<String>,
    slow: u64,
    last_error: Option<String>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("servers", &self.shared.servers).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects. Where nobody answers it is tried again and again in the background.
    ///
    /// # Errors
    /// When whoever answers won't do.
    pub async fn open(options: Options, outside: Arc<dyn Outside>) -> Result<Self, OpenError> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let (outbox, out) = Outbox::new();
        let shared = Arc::new(Shared {
            servers: options.servers.to_string(),
            inbox: format!("{INBOX}.{id}"),
            seals: RandomState::new(),
            outbox,
            wanted: watch::Sender::default(),
            known: Known::default(),
            tallies: Arc::default(),
            now: Mutex::new(Now {
                state: State::Connecting,
                since: SystemTime::now(),
                connection: 0,
                server_version: None,
                slow: 0,
                last_error: None,
            }),
            changed: Notify::new(),
        });
        let client = connect(&options, &shared).await?;
        let mut tasks = JoinSet::new();
        let counted = shared.clone();
        tasks.spawn(outbox::send(client.clone(), out, shared.outbox.bytes(), move || counted.outbox.count_unsent()));
        let discovery = Discovery {
            id,
            node: options.node,
            version: options.version,
            queue: options.queue.clone(),
            started: SystemTime::now(),
            known: shared.known.clone(),
            tallies: shared.tallies.clone(),
        };
        let served = Served::new(options.queue, outside.clone(), shared.known.clone(), shared.tallies.clone());
        let keeper = Keeper { shared: shared.clone(), client: client.clone(), outside, served, connection: 0, up: false };
        tasks.spawn(keeper.keep(discovery));
        Ok(Self { shared, client, _tasks: tasks })
    }

    /// Sends a request; its answers come to [`Outside::answered`] under that token, which has no dots.
    ///
    /// # Errors
    /// When it was not sent.
    pub fn ask(&self, address: String, token: &str, headers: &Headers, payload: String) -> Result<(), Unsent> {
        let connection = self.connection()?;
        let reply = format!("{}.{token}-{:016x}", self.shared.inbox, self.shared.seals.hash_one(token));
        self.send(address.into(), Some(reply.into()), map(headers.lines()), payload, (Some(connection), false))
    }

    /// Sends a push.
    ///
    /// # Errors
    /// When it was not sent.
    pub fn push(&self, address: String, headers: &Headers, payload: String) -> Result<(), Unsent> {
        let connection = self.connection()?;
        self.send(address.into(), None, map(headers.lines()), payload, (Some(connection), false))
    }

    /// Sends an answer, or a part of one, for which there is less room than for a last one. Who asked can be there again after the
    /// connection was lost, so it is sent by the next one as well.
    ///
    /// # Errors
    /// When it was not sent.
    pub fn answer(&self, reply: &Reply, payload: String, last: bool, fault: Option<FaultCode>) -> Result<(), Unsent> {
        if last {
            self.shared.tallies.count(reply, fault);
        }
        let named = fault.map(|code| (ERROR, code.name().to_owned()));
        let numbered = fault.map(|code| (ERROR_CODE, code.number().to_string()));
        self.send(reply.to.clone(), None, map(named.into_iter().chain(numbered)), payload, (None, last))
    }

    /// From now on these are served, and no others.
    pub fn serve(&self, endpoints: BTreeSet<Endpoint>) {
        self.shared.wanted.send_if_modified(|wanted| {
            let changed = *wanted != endpoints;
            *wanted = endpoints;
            changed
        });
    }

    /// How it stands.
    #[must_use]
    pub fn look(&self) -> Standing {
        let statistics = self.client.statistics();
        let now = self.shared.now.lock();
        Standing {
            state: now.state,
            since: now.since,
            servers: self.shared.servers.clone(),
            server_version: now.server_version.clone(),
            connects: statistics.connects.load(Ordering::Relaxed),
            sent: statistics.out_messages.load(Ordering::Relaxed),
            received: statistics.in_messages.load(Ordering::Relaxed),
            unsent: self.shared.outbox.unsent(),
            slow: now.slow,
            served: self.shared.known.len(),
            last_error: now.last_error.clone(),
        }
    }

    /// What was handed over is sent, as far as it can be within that time.
    pub async fn close(&self, within: Duration) {
        self.serve(BTreeSet::new());
        if timeout(within, self.client.flush()).await.is_err() {
            tracing::warn!("not everything could be sent to NATS");
        }
    }

    fn connection(&self) -> Result<u64, Unsent> {
        let now = self.shared.now.lock();
        if now.state == State::Up { Ok(now.connection) } else { Err(self.unsent(Unsent::Down)) }
    }

    fn send(
        &self,
        to: async_nats::Subject,
        reply: Option<async_nats::Subject>,
        headers: HeaderMap,
        payload: String,
        (connection, urgent): (Option<u64>, bool),
    ) -> Result<(), Unsent> {
        // a header of NATS is longer by its frame than its text
        let size = payload.len()
            + headers
                .iter()
                .flat_map(|(name, lines)| lines.iter().map(move |line| (name, line)))
                .fold(16, |size, (name, line)| size + AsRef::<str>::as_ref(name).len() + line.as_str().len() + 4);
        if size > self.client.max_payload() {
            return Err(self.unsent(Unsent::TooBig));
        }
        let out = Out { to, reply, headers, payload: Bytes::from(payload), connection };
        self.shared.outbox.push(out, urgent).map_err(|why| self.unsent(why))
    }

    fn unsent(&self, why: Unsent) -> Unsent {
        self.shared.outbox.count_unsent();
        why
    }
}

fn map(lines: impl Iterator<Item = (&'static str, String)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, line) in lines {
        map.insert(name, line);
    }
    map
}

/// Once now; where nobody is there, for ever in the background.
async fn connect(options: &Options, shared: &Arc<Shared>) -> Result<Client, OpenError> {
    let servers = shared.servers.clone();
    match with(options, shared).await?.connect(&options.servers.0).await {
        Ok(client) => {
            let version = client.server_info().version;
            if is_new_enough(&version) { Ok(client) } else { Err(OpenError::Old { servers, version }) }
        }
        Err(error) => match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => Err(OpenError::Refused { servers }),
            ConnectErrorKind::Tls => Err(OpenError::Tls { servers, source: error }),
            _ => {
                shared.complain(said(&error));
                let patient = with(options, shared).await?.retry_on_initial_connect();
                patient.connect(&options.servers.0).await.map_err(|source| OpenError::Tls { servers, source })
            }
        },
    }
}

async fn with(options: &Options, shared: &Arc<Shared>) -> Result<ConnectOptions, OpenError> {
    let mut with = match options.servers.account() {
        None => ConnectOptions::new(),
        Some((user, Some(password))) => ConnectOptions::with_user_and_password(user, password),
        Some((token, None)) => ConnectOptions::with_token(token),
    };
    if let Some(path) = &options.credentials {
        let failed = |source| OpenError::Credentials { path: path.display().to_string(), source };
        with = with.credentials_file(path).await.map_err(failed)?;
    }
    let told = shared.clone();
    Ok(with
        .name(format!("concierge {}", options.node))
        .no_echo()
        .custom_inbox_prefix(INBOX)
        .ping_interval(options.ping_every)
        .connection_timeout(options.connect_within)
        .request_timeout(Some(options.connect_within))
        .client_capacity(HELD)
        .subscription_capacity(options.waiting)
        .event_callback(move |event| {
            told.happened(&event);
            std::future::ready(())
        }))
}

impl Shared {
    /// The token of a reply subject that was made here.
    fn token_of<'a>(&self, subject: &'a str) -> Option<&'a str> {
        let (token, seal) = subject.strip_prefix(&self.inbox)?.strip_prefix('.')?.rsplit_once('-')?;
        (u64::from_str_radix(seal, 16) == Ok(self.seals.hash_one(token))).then_some(token)
    }

    fn happened(&self, event: &Event) {
        match event {
            Event::SlowConsumer(_) => self.now.lock().slow += 1,
            Event::ServerError(error) => {
                let said = error.to_string();
                if let Some(address) = denied(&said) {
                    self.known.deny(address);
                }
                self.complain(said);
            }
            Event::ClientError(ClientError::Other(error)) => self.complain(error.clone()),
            Event::ClientError(error) => self.complain(error.to_string()),
            Event::Connected | Event::Disconnected | Event::LameDuckMode | Event::Draining | Event::Closed => {}
        }
        self.changed.notify_one();
    }

    fn complain(&self, error: String) {
        let mut now = self.now.lock();
        // an attempt that fails as the one before it did says no more than that one
        if now.last_error.as_ref().is_none_or(|last| !last.contains(&error)) {
            tracing::warn!(error, "NATS");
            now.last_error = Some(error);
        }
    }
}

/// The subject that the server does not let the hub serve, from what it says.
fn denied(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("Permissions Violation for Subscription to \"")?;
    Some(rest.split_once('"')?.0)
}

fn said(error: &ConnectError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// Looks after the connection.
struct Keeper {
    shared: Arc<Shared>,
    client: Client,
    outside: Arc<dyn Outside>,
    served: Served,
    /// The one that was looked at last.
    connection: u64,
    /// Whether those who are told think that there is a way.
    up: bool,
}

impl Keeper {
    async fn keep(mut self, discovery: Discovery) {
        let mut tasks = JoinSet::new();
        if let Err(error) = self.begin(discovery, &mut tasks).await {
            self.shared.complain(error.to_string());
            return;
        }
        let mut wanted = self.shared.wanted.subscribe();
        let mut look = interval(LOOK_EVERY);
        let shared = self.shared.clone();
        loop {
            self.look();
            let all = wanted.borrow_and_update().clone();
            let up = self.up;
            tokio::select! {
                biased; // what is served has changed for a connection that is gone
                () = shared.changed.notified() => {}
                proven = self.serve(&all), if up && !self.served.is(&all) => {
                    if let (false, Err(error)) = (wanted.has_changed().unwrap_or(false), proven) {
                        shared.complain(error);
                        look.tick().await;
                    }
                }
                changed = wanted.changed() => if changed.is_err() { return },
                _ = look.tick() => {}
            }
        }
    }

    /// What is there once: answers, and discovery.
    async fn begin(&self, discovery: Discovery, tasks: &mut JoinSet<()>) -> Result<(), async_nats::SubscribeError> {
        let mut answers = self.client.subscribe(format!("{}.*", self.shared.inbox)).await?;
        let (outside, shared) = (self.outside.clone(), self.shared.clone());
        tasks.spawn(async move {
            while let Some(message) = answers.next().await {
                if let Some(token) = shared.token_of(&message.subject) {
                    let nobody = message.status == Some(StatusCode::NO_RESPONDERS);
                    outside.answered(token, (!nobody).then_some(&*message.payload));
                }
            }
        });
        tasks.spawn(discovery.begin(self.client.clone()).await?);
        Ok(())
    }

    /// Looks at the connection, and tells what became of it.
    fn look(&mut self) {
        let connection = self.client.statistics().connects.load(Ordering::Relaxed);
        let connected = self.client.connection_state() == Connected::Connected;
        let version = self.client.try_server_info().map(|info| info.version);
        let state = match (&version, connected) {
            (Some(version), true) if is_new_enough(version) => State::Up,
            (Some(_), true) => State::Old,
            (None, _) => State::Connecting,
            (Some(_), false) => State::Down,
        };
        if self.up && (state != State::Up || connection != self.connection) {
            self.up = false;
            self.set(State::Down, version.clone());
            self.served.begin_anew();
            tracing::warn!(servers = self.shared.servers, "the connection to NATS is lost");
            self.outside.down();
        }
        self.connection = connection;
        self.set(state, version);
        if state == State::Up && !self.up {
            self.up = true;
            tracing::info!(servers = self.shared.servers, "connected to NATS");
            self.outside.up();
        }
    }

    fn set(&self, state: State, version: Option<String>) {
        let mut now = self.shared.now.lock();
        if state == State::Old && now.state != State::Old {
            let version = version.as_deref().unwrap_or_default();
            now.last_error = Some(format!("nats-server {version} is too old"));
        }
        if state != now.state {
            now.since = SystemTime::now();
            if state == State::Up {
                // that is over
                now.last_error = None;
            }
        }
        (now.state, now.connection, now.server_version) = (state, self.connection, version);
    }

    /// Subscribes to what is wanted, and waits until the server is known to have it.
    async fn serve(&mut self, wanted: &BTreeSet<Endpoint>) -> Result<(), String> {
        self.served.change(&self.client, wanted).await.map_err(|error| error.to_string())?;
        // a flush would not do: it is no round trip
        let nobody = format!("{}.nobody.here", self.shared.inbox);
        match self.client.request(nobody, Bytes::new()).await {
            Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                self.served.prove();
                Ok(())
            }
            Err(error) => Err(format!("what is served could not be made known: {error}")),
            Ok(_) => Err("somebody serves the inbox of this hub".to_owned()),
        }
    }
}
