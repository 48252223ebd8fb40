//! The configuration: defaults < TOML file < `CONCIERGE_…` environment < flags (docs/configuration.md).
//!
//! [`Config`] is plain data with a default for everything; [`keys`] is the one table that names, explains and bounds its
//! keys; [`load`] lays the layers over each other; [`print`] writes configurations and their documentation.

pub mod keys;
pub mod load;
pub mod print;
#[cfg(test)]
mod tests;
pub mod validate;
pub mod values;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use concierge_api_rs::limits;
pub use concierge_files::UuidKeys;
pub use load::ConfigError;
use serde::{Deserialize, Serialize};

/// All that a hub can be told. Every field is a key of the same name; sections are TOML tables.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    /// `None`: the machine's name.
    pub node: Option<String>,
    /// What clients have to present. Filled from `secret_file` by [`Config::read_secrets`].
    pub secret: Option<String>,
    pub secret_file: Option<PathBuf>,
    pub admin: bool,
    /// What administrators have to present. Filled from `admin_secret_file` by [`Config::read_secrets`].
    pub admin_secret: Option<String>,
    pub admin_secret_file: Option<PathBuf>,
    pub require_subprotocol: bool,
    pub allowed_origins: Vec<String>,
    pub allowed_hosts: Vec<String>,
    pub shards: usize,
    pub spin_us: u64,
    pub tls: Tls,
    pub limits: Limits,
    pub heartbeat: Heartbeat,
    pub files: Files,
    pub coordinator: Coordinator,
    pub router: Router,
    pub nats: Nats,
    pub store: Store,
    pub console: Console,
    pub metrics: Metrics,
    pub drain: Drain,
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, limits::DEFAULT_PORT)),
            node: None,
            secret: None,
            secret_file: None,
            admin: true,
            admin_secret: None,
            admin_secret_file: None,
            require_subprotocol: false,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            shards: 0,
            spin_us: 0,
            tls: Tls::default(),
            limits: Limits::default(),
            heartbeat: Heartbeat::default(),
            files: Files::default(),
            coordinator: Coordinator::default(),
            router: Router::default(),
            nats: Nats::default(),
            store: Store::default(),
            console: Console::default(),
            metrics: Metrics::default(),
            drain: Drain::default(),
            log: Log::default(),
        }
    }
}

/// Certificate and key, both or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Bounds of what a client may do and hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub identify_within_ms: u64,
    pub http_head_within_ms: u64,
    pub http_head_bytes: usize,
    pub http_headers: usize,
    pub payload_bytes: usize,
    pub outbox_bytes: usize,
    pub stall_ms: u64,
    pub services_per_client: usize,
    pub services: usize,
    pub subscriptions_per_client: usize,
    pub messages_per_second: u32,
    pub bytes_per_second: u32,
    pub endings_per_second: u32,
    pub excess_ms: u64,
    pub connections_per_address: usize,
    pub address_connects_per_minute: u32,
    pub address_messages_per_second: u32,
    pub address_bytes_per_second: u32,
    pub wrong_secrets_per_minute: u32,
    pub subscribers_shown: usize,
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            identify_within_ms: limits::IDENTIFY_WITHIN_MS,
            http_head_within_ms: limits::HTTP_HEAD_WITHIN_MS,
            http_head_bytes: limits::HTTP_HEAD_BYTES,
            http_headers: limits::HTTP_HEADERS,
            payload_bytes: limits::PAYLOAD_BYTES,
            outbox_bytes: limits::OUTBOX_BYTES,
            stall_ms: limits::STALL_MS,
            services_per_client: limits::SERVICES_PER_CLIENT,
            services: limits::SERVICES,
            subscriptions_per_client: limits::SUBSCRIPTIONS_PER_CLIENT,
            messages_per_second: limits::MESSAGES_PER_SECOND,
            bytes_per_second: limits::BYTES_PER_SECOND,
            endings_per_second: limits::ENDINGS_PER_SECOND,
            excess_ms: limits::EXCESS_MS,
            connections_per_address: limits::CONNECTIONS_PER_ADDRESS,
            address_connects_per_minute: limits::ADDRESS_CONNECTS_PER_MINUTE,
            address_messages_per_second: limits::ADDRESS_MESSAGES_PER_SECOND,
            address_bytes_per_second: limits::ADDRESS_BYTES_PER_SECOND,
            wrong_secrets_per_minute: limits::WRONG_SECRETS_PER_MINUTE,
            subscribers_shown: limits::SUBSCRIBERS_SHOWN,
            memory_bytes: limits::MEMORY_BYTES,
        }
    }
}

/// How the hub notices that a client is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Heartbeat {
    pub every_ms: u64,
    pub grace_ms: u64,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { every_ms: limits::HEARTBEAT_EVERY_MS, grace_ms: limits::HEARTBEAT_GRACE_MS }
    }
}

/// The file server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Files {
    pub enabled: bool,
    /// `None`: a fresh directory below the system's temporary one that only this user can enter, removed at exit.
    pub dir: Option<PathBuf>,
    /// `None`: the hub's own port.
    pub listen: Option<SocketAddr>,
    pub uuid_keys: UuidKeys,
    pub file_bytes: u64,
    pub folder_bytes: u64,
    pub folder_files: u64,
    pub upload_bytes_per_second: u64,
    pub upload_slow_ms: u64,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            enabled: true,
            dir: None,
            listen: None,
            uuid_keys: UuidKeys::default(),
            file_bytes: limits::FILE_BYTES,
            folder_bytes: limits::FOLDER_BYTES,
            folder_files: limits::FOLDER_FILES,
            upload_bytes_per_second: limits::UPLOAD_BYTES_PER_SECOND,
            upload_slow_ms: limits::UPLOAD_SLOW_MS,
        }
    }
}

/// The coordinator of durable promises and tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Coordinator {
    pub enabled: bool,
    pub requests_in_flight: usize,
    pub offer_every_ms: u64,
    pub awaiters_per_promise: usize,
    pub listeners_per_promise: usize,
    pub debug_clock: bool,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            enabled: true,
            requests_in_flight: limits::REQUESTS_IN_FLIGHT,
            offer_every_ms: limits::OFFER_EVERY_MS,
            awaiters_per_promise: limits::AWAITERS_PER_PROMISE,
            listeners_per_promise: limits::LISTENERS_PER_PROMISE,
            debug_clock: false,
        }
    }
}

/// The router of requests, pushes and responses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Router {
    pub enabled: bool,
    /// As [`concierge_router::Route::parse`] reads them.
    pub routes: Vec<String>,
    pub codes: RouterCodes,
    pub worker_tags: Vec<String>,
    pub within_ms: u64,
    pub in_flight: usize,
    pub in_flight_all: usize,
    /// As [`concierge_router::Keys::parse`] reads them.
    pub levels: Vec<String>,
    pub api_keys_file: Option<PathBuf>,
    /// Filled from `api_keys_file` by [`Config::read_secrets`], a line each.
    #[serde(skip)]
    pub api_keys: Vec<String>,
}

impl Default for Router {
    fn default() -> Self {
        Self {
            enabled: true,
            routes: Vec::new(),
            codes: RouterCodes::default(),
            worker_tags: Vec::new(),
            within_ms: limits::ROUTER_WITHIN_MS,
            in_flight: limits::ROUTER_IN_FLIGHT,
            in_flight_all: limits::ROUTER_IN_FLIGHT_ALL,
            levels: Vec::new(),
            api_keys_file: None,
            api_keys: Vec::new(),
        }
    }
}

/// The router's way out of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// `None`: a hub is alone.
    pub url: Option<String>,
    pub credentials_file: Option<PathBuf>,
    pub prefix: String,
    pub queue: String,
}

impl Default for Nats {
    fn default() -> Self {
        Self { url: None, credentials_file: None, prefix: "concierge".to_owned(), queue: "concierge".to_owned() }
    }
}

/// Which errors the router says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouterCodes {
    #[default]
    All,
    Seed,
}

/// Where what is durable is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `None`: a SQLite database in the user's state directory.
    pub url: Option<String>,
}

/// The console at `/console/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    pub enabled: bool,
}

impl Default for Console {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// The Prometheus endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    pub enabled: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// How a hub that is told to stop takes leave of its clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    pub spread_ms: u64,
    pub within_ms: u64,
}

impl Default for Drain {
    fn default() -> Self {
        Self { spread_ms: 3_000, within_ms: 10_000 }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// An [`EnvFilter`](tracing_subscriber::EnvFilter) directive list.
    pub level: String,
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::default() }
    }
}

/// The form of a line of log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Pretty,
    Json,
}

/// As TOML, with secrets masked: a configuration may be logged.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&toml::to_string(&self.masked()).map_err(|_| fmt::Error)?)
    }
}

impl Config {
    /// The same with asterisks for secrets.
    #[must_use]
    pub fn masked(&self) -> Self {
        let mask = |secret: &Option<String>| secret.as_ref().map(|_| "********".to_owned());
        let mut masked = self.clone();
        (masked.secret, masked.admin_secret) = (mask(&self.secret), mask(&self.admin_secret));
        for url in [&mut masked.store.url, &mut masked.nats.url].into_iter().flatten() {
            *url = without_password(url);
        }
        masked
    }
}

/// The same addresses, with asterisks for what stands before an `@`, where there is a password or a token.
fn without_password(urls: &str) -> String {
    let one = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://********@{place}"),
        (None, Some((_, place))) => format!("********@{place}"),
        (_, None) => url.to_owned(),
    };
    urls.split(',').map(one).collect::<Vec<_>>().join(",")
}
