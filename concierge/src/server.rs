//! The hub as a whole: listeners, shards, and the way down.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use concierge_hub::Bounds;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use concierge_api_rs::ClientId;

use crate::config::Config;
use crate::crowd::Crowd;
use crate::desk::{self, Desk};
use crate::folders;
use crate::http::{self, Door, Upgraded};
use crate::metrics::{self, METRICS};
use crate::peer::Peer;
use crate::session::{self, Pace};
use crate::shard::Shard;
use crate::tls::{Tls, TlsError};
use crate::wire::{Stream, Wire};

/// Connections that wait for a shard; when it is full, accepting waits and the kernel's backlog holds them.
const HANDED_OVER: usize = 1024;
/// How long accepting rests when it fails, for example for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Why a hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The folder for files cannot be used.
    #[error("the file server cannot start: {0}")]
    Files(#[from] concierge_files::OpenError),
    /// A hub without a configured directory for files makes one in the system's temporary directory.
    #[error("cannot make a temporary directory for files: {0}")]
    PrivateDir(io::Error),
    /// The secret cannot be read.
    #[error(transparent)]
    Config(#[from] crate::config::load::ConfigError),
    /// No thread could be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A hub that runs. Dropping it ends it at once; [`Server::drain`] ends it politely.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    files_address: Option<SocketAddr>,
    drain: crate::config::Drain,
    /// The accept loops; ended with the server.
    _accepting: JoinSet<()>,
    /// The folders of a hub that was given no directory; removed with the server.
    _private_dir: Option<TempDir>,
}

/// What every connection needs.
struct Shared {
    desk: Arc<Desk>,
    pace: Pace,
    outbox_bytes: usize,
    tls: Option<Tls>,
    tls_within: Duration,
    crowd: Crowd,
    draining: CancellationToken,
    connections: TaskTracker,
}

/// A connection on its way to a shard.
struct Accepted {
    stream: std::net::TcpStream,
    address: SocketAddr,
    door: Arc<Door>,
}

impl Server {
    /// Binds, opens the file server, starts the shards.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        raise_descriptors();
        if config.metrics.enabled {
            metrics::start();
        }
        if config.secret.is_none() {
            config.read_secret()?;
        }
        let tls = match (config.tls.cert.clone(), config.tls.key.clone()) {
            (Some(cert), Some(key)) => Some(Tls::load(cert, key)?),
            _ => None,
        };
        let bounds = Bounds {
            services_per_client: config.limits.services_per_client,
            subscriptions_per_client: config.limits.subscriptions_per_client,
            subscribers_shown: config.limits.subscribers_shown,
        };
        let desk = Arc::new(Desk::new(config.secret.as_deref(), bounds));
        let (files, private_dir) = folders::open(&config, &desk)?;
        let head_within = Duration::from_millis(config.limits.http_head_within_ms);
        let shared = Arc::new(Shared {
            pace: Pace::new(&config),
            outbox_bytes: config.limits.outbox_bytes,
            tls,
            tls_within: head_within,
            crowd: Crowd::new(config.limits.connections_per_address),
            draining: CancellationToken::new(),
            connections: TaskTracker::new(),
            desk,
        });
        let door = |router: Router, hub: bool| {
            Arc::new(Door {
                router,
                hub,
                tls: shared.tls.is_some(),
                require_subprotocol: config.require_subprotocol,
                allowed_origins: config.allowed_origins.clone().into(),
                head_within,
                draining: shared.draining.clone(),
            })
        };
        let mut router = operations(&shared, config.metrics.enabled);
        let listener = bind(config.listen).await?;
        let files_listener = match (config.files.listen, &files) {
            (Some(address), Some(_)) => Some(bind(address).await?),
            _ => None,
        };
        let files_router = files.map(|files| files.router());
        let files_door = match (&files_listener, files_router) {
            (Some(_), Some(files)) => Some(door(files, false)),
            (None, Some(files)) => {
                router = router.merge(files);
                None
            }
            (_, None) => None,
        };
        let hub_door = door(router, true);
        let shards = start_shards(config.shards, config.spin_us, &shared)?;
        let address = address_of(&listener, config.listen)?;
        let files_address = files_listener.as_ref().map(|l| address_of(l, address)).transpose()?;
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, hub_door, shards.clone()));
        if let (Some(listener), Some(door)) = (files_listener, files_door) {
            accepting.spawn(accept(listener, door, shards));
        }
        Ok(Self { shared, address, files_address, drain: config.drain, _accepting: accepting, _private_dir: private_dir })
    }

    /// Where the hub listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the file server listens, when it has a listener of its own.
    #[must_use]
    pub fn files_address(&self) -> Option<SocketAddr> {
        self.files_address
    }

    /// What a client connects to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}/ws", if self.shared.tls.is_some() { "wss" } else { "ws" }, self.address)
    }

    /// Reads the certificate and its key again; nothing to do without TLS.
    ///
    /// # Errors
    /// [`TlsError`]; what was there stays in use.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        self.shared.tls.as_ref().map_or(Ok(()), Tls::reload)
    }

    /// Takes nobody in any more, closes all clients 1001 spread over `drain.spread_ms`, and returns when all connections
    /// have ended, after `drain.within_ms` at the latest.
    pub async fn drain(&self) {
        let deadline = Instant::now() + Duration::from_millis(self.drain.within_ms);
        self.shared.draining.cancel();
        let peers = self.shared.desk.peers();
        let pause = Duration::from_millis(self.drain.spread_ms) / u32::try_from(peers.len().max(1)).unwrap_or(u32::MAX);
        let begin = Instant::now();
        for (n, peer) in peers.iter().enumerate() {
            let due = begin + pause * u32::try_from(n).unwrap_or(u32::MAX);
            if due > Instant::now() {
                tokio::time::sleep_until(due).await;
            }
            peer.condemn(session::going_away());
        }
        // whoever identified while we looked
        self.shared.desk.peers().iter().for_each(|peer| peer.condemn(session::going_away()));
        self.shared.connections.close();
        // connections that are still there at the deadline end with the process
        let _in_time = timeout_at(deadline, self.shared.connections.wait()).await;
    }
}

/// `/healthz`, `/readyz`, `/metrics`, and a word to those who are lost.
fn operations(shared: &Arc<Shared>, with_metrics: bool) -> Router {
    let (ready, counted) = (shared.clone(), shared.clone());
    let mut router = Router::new().route("/healthz", get(async || "ok\n")).route(
        "/readyz",
        get(async move || match ready.draining.is_cancelled() {
            true => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            false => (StatusCode::OK, "ready\n"),
        }),
    );
    if with_metrics {
        let text = [("content-type", "text/plain; version=0.0.4")];
        let render = async move || {
            let (clients, services, subscriptions) = counted.desk.counts();
            (text, metrics::render(clients, services, subscriptions))
        };
        router = router.route("/metrics", get(render));
    }
    router.fallback(async || (StatusCode::NOT_FOUND, "nothing is here; the hub is at /ws, files are at /fs/\n"))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

fn address_of(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen { address, source })
}

/// Accepts for as long as the server lives; shards take turns. A hub that drains goes on answering, with 503: whoever asks
/// `/readyz` shall hear that it drains.
async fn accept(listener: TcpListener, door: Arc<Door>, shards: Vec<mpsc::Sender<Accepted>>) {
    for shard in shards.iter().cycle() {
        let accepted = loop {
            match listener.accept().await.and_then(|(stream, address)| Ok((stream.into_std()?, address))) {
                Ok((stream, address)) => break Accepted { stream, address, door: door.clone() },
                Err(e) => {
                    METRICS.accept_errors.increment(1);
                    tracing::warn!(error = %e, "cannot accept a connection");
                    sleep(ACCEPT_REST).await;
                }
            }
        };
        METRICS.accepted.increment(1);
        if shard.send(accepted).await.is_err() {
            return; // the server is gone
        }
    }
}

/// One thread per core, or as many as were asked for. A shard ends when nobody can hand it connections any more.
fn start_shards(count: usize, spin_us: u64, shared: &Arc<Shared>) -> Result<Vec<mpsc::Sender<Accepted>>, StartError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let count = if count == 0 { cores } else { count };
    let mut shards = Vec::with_capacity(count);
    for n in 0..count {
        let (hand_over, accepted) = mpsc::channel(HANDED_OVER);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let shared = shared.clone();
        thread::Builder::new()
            .name(format!("shard-{n}"))
            .spawn(move || runtime.block_on(run_shard(accepted, shared, Duration::from_micros(spin_us))))
            .map_err(StartError::Thread)?;
        shards.push(hand_over);
    }
    Ok(shards)
}

async fn run_shard(mut accepted: mpsc::Receiver<Accepted>, shared: Arc<Shared>, spin: Duration) {
    let shard = Arc::new(Shard::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(shard.clone().flush_forever());
    if !spin.is_zero() {
        tasks.spawn(shard.clone().spin_forever(spin));
    }
    while let Some(Accepted { stream, address, door }) = accepted.recv().await {
        match TcpStream::from_std(stream) {
            Ok(stream) => drop(shared.connections.spawn(connection(stream, address, door, shard.clone(), shared.clone()))),
            Err(e) => tracing::warn!(error = %e, "cannot use a connection"),
        }
    }
    // nobody accepts any more: sessions that drain go on until the runtime ends with the process or the server
    shared.connections.wait().await;
}

/// One connection from accept to its end. The stages before the session are boxed: an idle client does not carry them.
async fn connection(stream: TcpStream, address: SocketAddr, door: Arc<Door>, shard: Arc<Shard>, shared: Arc<Shared>) {
    let from = desk::canonical(address.ip());
    let guest = shared.crowd.enter(from);
    METRICS.connections.increment(1.0);
    let _open = OpenConnection;
    let opened = Box::pin(open(stream, address, door, shard, &shared, guest.is_none())).await;
    if let Some((wire, early, peer)) = opened {
        session::run(wire, early, peer, &shared.desk, shared.pace, shared.draining.clone()).await;
    }
}

/// TLS, HTTP and the upgrade. `None`: the connection served what it was asked for, or failed.
async fn open(
    stream: TcpStream,
    address: SocketAddr,
    door: Arc<Door>,
    shard: Arc<Shard>,
    shared: &Shared,
    crowded: bool,
) -> Option<(Wire, Vec<u8>, Arc<Peer>)> {
    let _nodelay_is_a_wish = stream.set_nodelay(true);
    let id = ClientId(Uuid::new_v4());
    let from = desk::canonical(address.ip());
    if let Some(tls) = &shared.tls {
        let stream = timeout(shared.tls_within, tls.acceptor().accept(stream)).await.ok()?.ok()?;
        let Upgraded { stream, early } = http::serve(stream, address, &door, crowded).await?;
        let peer = Peer::new(id, from, shard, None, shared.outbox_bytes);
        let stream: Box<dyn Stream> = Box::new(stream);
        return Some((Wire::new(peer.clone(), Some(stream)), early, peer));
    }
    let Upgraded { stream, early } = http::serve(stream, address, &door, crowded).await?;
    let peer = Peer::new(id, from, shard, Some(stream), shared.outbox_bytes);
    Some((Wire::new(peer.clone(), None), early, peer))
}

struct OpenConnection;

impl Drop for OpenConnection {
    fn drop(&mut self) {
        METRICS.connections.decrement(1.0);
    }
}

/// As many file descriptors as the system lets this process have.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(error = %e, "cannot raise the limit of file descriptors");
    }
}
