//! The hub as a whole: listeners, shards, and the way down.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use concierge_api_rs::ClientId;
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Codes, Subject};
use concierge_coordinator::Rules;
use concierge_hub::Bounds;
use concierge_router::{Keys, Route, Routes};
use concierge_store::{Clock, Place};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::admin::{Admin, Resources};
use crate::config::{Config, RouterCodes};
use crate::coordinator::{self, Coordinator, Gate, Settings};
use crate::crowd::{self, Crowd};
use crate::desk::Desk;
use crate::ground::{Ground, Machine};
use crate::guesses::Guesses;
use crate::host::Names;
use crate::http::Site;
use crate::listener::{Shared, accept, start_shards};
use crate::memory::Memory;
use crate::session::{self, Pace};
use crate::tls::{Tls, TlsError};
use crate::{admin, console, folders, metrics, router as routing, state, welcome};

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
    /// What is durable cannot be kept.
    #[error("the coordinator cannot start")]
    Store(#[source] concierge_store::OpenError),
    /// Who answers at `nats.url` won't do.
    #[error(transparent)]
    Nats(concierge_nats::OpenError),
    /// The secret cannot be read.
    #[error(transparent)]
    Config(#[from] crate::config::load::ConfigError),
    /// No thread could be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// The JavaScript client, as pages import it. `npm run asset` in clients/js writes it, and a test there compares the two.
const CLIENT: &str = include_str!("../assets/client.js");

/// How it is served. Any page may have it: whether that page may connect is another matter (`allowed_origins`).
const SCRIPT: [(&str, &str); 4] = [
    ("content-type", "text/javascript; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("access-control-allow-origin", "*"),
    ("x-content-type-options", "nosniff"),
];

/// A hub that runs. Dropping it ends it at once; [`Server::drain`] ends it politely.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    files_address: Option<SocketAddr>,
    drain: crate::config::Drain,
    coordinator: Option<Arc<Coordinator>>,
    /// Where the coordinator keeps what is durable.
    store: Option<Place>,
    /// The router, if there is one.
    routing: Option<Arc<routing::Router>>,
    /// The admin service, if there is one.
    _admin: Option<Arc<Admin>>,
    /// The work of built-in clients; ended with the server.
    _coordinating: JoinSet<()>,
    /// The accept loops; ended with the server.
    _accepting: JoinSet<()>,
    /// Tells the shards that the server is gone.
    _gone: DropGuard,
    /// The folders of a hub that was given no directory; removed with the server.
    _private_dir: Option<TempDir>,
}

impl Server {
    /// Binds, opens the file server, starts the shards.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_on::<Machine>(config).await
    }

    /// The same on another ground than this machine.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start_on<G: Ground>(config: Config) -> Result<Self, StartError> {
        Self::start_as::<G>(config, false).await
    }

    /// As a hub, or as what `echoes` instead.
    pub(crate) async fn start_as<G: Ground>(mut config: Config, echoes: bool) -> Result<Self, StartError> {
        raise_descriptors();
        if config.metrics.enabled {
            metrics::start();
        }
        if config.secret.is_none() || config.admin_secret.is_none() {
            config.read_secrets()?;
        }
        let tls = match (config.tls.cert.clone(), config.tls.key.clone()) {
            (Some(cert), Some(key)) => Some(Tls::load(cert, key)?),
            _ => None,
        };
        let bounds = Bounds {
            services_per_client: config.limits.services_per_client,
            services: config.limits.services,
            subscriptions_per_client: config.limits.subscriptions_per_client,
            subscribers_shown: config.limits.subscribers_shown,
        };
        let guesses = Guesses::new(config.limits.wrong_secrets_per_minute);
        let desk = Arc::new(Desk::new(config.secret.as_deref(), bounds, guesses, G::id));
        let (files, private_dir) = folders::open(&config, &desk)?;
        let shared = Arc::new(Shared {
            pace: Pace::new(&config),
            outbox_bytes: config.limits.outbox_bytes,
            tls,
            head_within: Duration::from_millis(config.limits.http_head_within_ms),
            crowd: Crowd::new(crowd::Bounds::new(&config)),
            draining: CancellationToken::new(),
            connections: TaskTracker::new(),
            gone: CancellationToken::new(),
            echoes,
            memory: Arc::new(Memory::new(config.limits.memory_bytes)),
            desk,
        });
        let gone = shared.gone.clone().drop_guard();
        // before anything is opened that a hub which listens there already may have open
        let listener = bind::<G>(config.listen).await?;
        let files_listener = match config.files.listen.filter(|_| files.is_some()) {
            Some(address) => Some(bind::<G>(address).await?),
            None => None,
        };
        let mut coordinating = JoinSet::new();
        let settings = coordinator_settings::<G>(&config);
        let store = settings.as_ref().map(|settings| settings.place.clone());
        let routing = (config.router.enabled && !echoes)
            .then(|| routing::Router::start(router_settings(&config), shared.desk.clone(), &mut coordinating));
        if let (Some(routing), Some(url)) = (&routing, &config.nats.url) {
            let (options, keys) = nats_settings(&config, url);
            let ids = [(); 2].map(|()| ClientId(G::id()));
            routing.open(options, keys, ids, &mut coordinating).await.map_err(StartError::Nats)?;
        }
        let mut router = operations(&shared, &config, routing.clone());
        if config.console.enabled {
            router = router.merge(console::router());
        }
        let coordinator = match settings {
            Some(settings) => {
                let started = Coordinator::start(settings, shared.desk.clone(), &mut coordinating).await;
                let coordinator = started.map_err(StartError::Store)?;
                router = router.merge(coordinator::router(gate(&config, &shared, coordinator.clone())));
                Some(coordinator)
            }
            None => None,
        };
        let admin = (config.admin && !echoes).then(|| {
            let settings = admin_settings::<G>(&config, &shared.memory, store.as_ref(), private_dir.as_ref());
            Admin::start(settings, shared.desk.clone(), (coordinator.clone(), routing.clone()), &mut coordinating)
        });
        let (address, files_address) = (listener.1, files_listener.as_ref().map(|(_, address)| *address));
        let mut sites = Vec::new();
        match (files.map(|files| files.router()), files_listener) {
            (Some(files), Some((listener, address))) => sites.push((listener, site(&config, &shared, files, false, address))),
            (Some(files), None) => router = router.merge(files),
            (None, _) => {}
        }
        sites.push((listener.0, site(&config, &shared, router, true, address)));
        let shards = start_shards::<G>(config.shards, config.spin_us, &shared).map_err(StartError::Thread)?;
        let mut accepting = JoinSet::new();
        for (listener, site) in sites {
            accepting.spawn(accept::<G>(listener, Arc::new(site), shards.clone()));
        }
        let drain = config.drain;
        Ok(Self {
            shared,
            address,
            files_address,
            drain,
            coordinator,
            store,
            routing,
            _admin: admin,
            _coordinating: coordinating,
            _accepting: accepting,
            _gone: gone,
            _private_dir: private_dir,
        })
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

    /// Where the coordinator keeps promises and tasks, if there is one.
    #[must_use]
    pub fn store(&self) -> Option<&Place> {
        self.store.as_ref()
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
        // the process has ended by then: closing the store and leaving take a moment, too
        let within = Duration::from_millis(self.drain.within_ms);
        let (deadline, store_deadline) = (Instant::now() + within * 19 / 20, Instant::now() + within * 39 / 40);
        self.shared.draining.cancel();
        self.shared.desk.drain();
        let peers = self.shared.desk.peers();
        let pause = Duration::from_millis(self.drain.spread_ms) / u32::try_from(peers.len().max(1)).unwrap_or(u32::MAX);
        let begin = Instant::now();
        for (n, peer) in peers.into_iter().enumerate() {
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
        if let Some(coordinator) = &self.coordinator {
            // what was answered is safe already
            let _in_time = timeout_at(store_deadline, coordinator.close()).await;
        }
        if let Some(routing) = &self.routing {
            routing.close_outside(store_deadline.saturating_duration_since(Instant::now())).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.desk.end();
    }
}

/// `/`, `/client.js`, `/healthz`, `/readyz`, `/metrics`, and a word to those who are lost.
fn operations(shared: &Arc<Shared>, config: &Config, routing: Option<Arc<routing::Router>>) -> Router {
    let with_console = config.console.enabled;
    let (ready, counted) = (shared.clone(), shared.clone());
    let outside = routing.clone();
    let ready = async move || {
        let (status, mut said) = match (ready.draining.is_cancelled(), ready.memory.is_short()) {
            (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned()),
            (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "short of memory\n".to_owned()),
            _ => (StatusCode::OK, "ready\n".to_owned()),
        };
        said.extend(outside.as_ref().and_then(|router| router.look_outside()).map(|nats| nats.line()));
        (status, said)
    };
    let mut router = Router::new()
        .route("/", get(async move |headers: HeaderMap| welcome::answer(&headers, with_console)))
        .route("/client.js", get(async || (SCRIPT, CLIENT)))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready));
    if config.metrics.enabled {
        let text = [("content-type", "text/plain; version=0.0.4")];
        let render = async move || {
            let (clients, services, subscriptions) = counted.desk.counts();
            let standing = routing.as_ref().map(|routing| routing.look());
            (text, metrics::render(clients, services, subscriptions, standing.as_ref()))
        };
        router = router.route("/metrics", get(render));
    }
    router.fallback(async || (StatusCode::NOT_FOUND, "nothing is here; / says what is where\n"))
}

async fn bind<G: Ground>(address: SocketAddr) -> Result<(G::Listener, SocketAddr), StartError> {
    G::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

fn gate(config: &Config, shared: &Shared, coordinator: Arc<Coordinator>) -> Gate {
    Gate {
        coordinator,
        allowed_origins: config.allowed_origins.clone().into(),
        tls: shared.tls.is_some(),
        payload_bytes: config.limits.payload_bytes,
        body_within: Duration::from_millis(config.limits.http_head_within_ms),
        draining: shared.draining.clone(),
    }
}

/// What the configuration says of the coordinator; none when there shall be none.
fn coordinator_settings<G: Ground>(config: &Config) -> Option<Settings> {
    let crate::config::Coordinator { enabled: true, requests_in_flight, offer_every_ms, .. } = config.coordinator else {
        return None;
    };
    let rules = Rules {
        offer_every: Millis(i64::try_from(offer_every_ms).unwrap_or(i64::MAX)),
        awaiters_per_promise: config.coordinator.awaiters_per_promise,
        listeners_per_promise: config.coordinator.listeners_per_promise,
    };
    Some(Settings {
        place: state::place(config.store.url.as_deref()),
        rules,
        clock: if config.coordinator.debug_clock { Clock::by_hand() } else { G::clock() },
        in_flight: requests_in_flight,
        outbox_bytes: config.limits.outbox_bytes,
    })
}

/// What the configuration says of the router.
pub(crate) fn router_settings(config: &Config) -> routing::Settings {
    let crate::config::Router { routes, codes, worker_tags, within_ms, in_flight, in_flight_all, .. } = &config.router;
    let prefix = config.nats.url.as_ref().map(|_| Subject::parse(&config.nats.prefix).expect("the configuration was checked"));
    let within = Millis(i64::try_from(*within_ms).unwrap_or(i64::MAX));
    let otherwise = Route { prefix, within, in_flight: *in_flight, ..Route::default() };
    let every = vec!["*".to_owned()];
    let routes = if routes.is_empty() { &every } else { routes };
    let parsed = routes.iter().map(|text| Route::parse(text, &otherwise).expect("the configuration was checked"));
    routing::Settings {
        rules: concierge_router::Rules {
            routes: Routes::new(parsed.collect()),
            codes: match codes {
                RouterCodes::All => Codes::All,
                RouterCodes::Seed => Codes::Seed,
            },
            workers: worker_tags.clone(),
            in_flight: *in_flight_all,
            ..concierge_router::Rules::default()
        },
        outbox_bytes: config.limits.outbox_bytes,
        node: config.node.clone().unwrap_or_else(machine_name),
    }
}

/// What the configuration says of NATS, and of those who ask from there.
fn nats_settings(config: &Config, url: &str) -> (concierge_nats::Options, Keys) {
    let node = config.node.clone().unwrap_or_else(machine_name);
    let options = concierge_nats::Options {
        credentials: config.nats.credentials_file.clone(),
        queue: config.nats.queue.clone(),
        ..concierge_nats::Options::new(url.parse().expect("the configuration was checked"), &node)
    };
    let keys = Keys::parse(&config.router.levels, &config.router.api_keys).expect("the configuration was checked");
    (options, keys)
}

fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What the configuration says of the admin service, and where the hub keeps things.
fn admin_settings<G: Ground>(
    config: &Config,
    memory: &Arc<Memory>,
    store: Option<&Place>,
    private_dir: Option<&TempDir>,
) -> admin::Settings {
    let state = match store {
        Some(Place::Sqlite(path)) => Some(path.clone()),
        _ => None,
    };
    let files = config.files.dir.clone().or_else(|| private_dir.map(|dir| dir.path().to_owned()));
    let disks = [("state", state), ("files", files)];
    admin::Settings {
        secret: config.admin_secret.clone(),
        clock: G::clock(),
        resources: Resources {
            memory: memory.clone(),
            disks: disks.into_iter().filter_map(|(what, path)| Some((what, path?))).collect(),
        },
        outbox_bytes: config.limits.outbox_bytes,
    }
}

fn site(config: &Config, shared: &Shared, router: Router, hub: bool, address: SocketAddr) -> Site {
    Site {
        router,
        hub,
        names: Names::of(address, &config.allowed_hosts),
        tls: shared.tls.is_some(),
        require_subprotocol: config.require_subprotocol,
        allowed_origins: config.allowed_origins.clone().into(),
        head_bytes: config.limits.http_head_bytes,
        headers: config.limits.http_headers,
        stalled_for: Duration::from_millis(config.limits.stall_ms),
        draining: shared.draining.clone(),
        memory: shared.memory.clone(),
        desk: shared.desk.clone(),
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

#[cfg(test)]
#[path = "server/tests.rs"]
mod tests;
