//! The hub's transport over pipes in memory, on whatever clock its caller has: what `fuzz/` feeds with bytes. The command has
//! no way to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use concierge_api_rs::ClientId;
use concierge_hub::Bounds;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::{JoinSet, yield_now};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arrivals::Coming;
use crate::config::Config;
use crate::desk::Desk;
use crate::echo;
use crate::guesses::Guesses;
use crate::host::Names;
use crate::http::{self, Site, Upgraded};
use crate::peer::Peer;
use crate::session::{self, Opened, Pace};
use crate::shard::Shard;
use crate::wire::{Source, Wire};

/// What a pipe holds in each direction.
const PIPE: usize = 64 * 1024;
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A hub without sockets.
pub struct Probe {
    desk: Arc<Desk>,
    config: Config,
    shard: Arc<Shard>,
    site: Site,
    /// The shard's flush.
    _flushing: JoinSet<()>,
}

impl Probe {
    /// With this configuration; of its limits those of connections count.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let shard = Arc::new(Shard::default());
        let mut flushing = JoinSet::new();
        flushing.spawn(shard.clone().flush_forever());
        let guesses = Guesses::new(config.limits.wrong_secrets_per_minute);
        let desk = Arc::new(Desk::new(config.secret.as_deref(), Bounds::default(), guesses, Uuid::new_v4));
        let site = Site {
            router: Router::new(),
            names: Names::of((ADDRESS, 1).into(), &config.allowed_hosts),
            hub: true,
            tls: false,
            require_subprotocol: config.require_subprotocol,
            allowed_origins: config.allowed_origins.clone().into(),
            head_bytes: config.limits.http_head_bytes,
            headers: config.limits.http_headers,
            stalled_for: Duration::from_millis(config.limits.stall_ms),
            draining: CancellationToken::new(),
            desk: desk.clone(),
        };
        Self { desk, config, shard, site, _flushing: flushing }
    }

    /// An upgraded connection to the hub, on which these pieces come one after the other, and then the end: what it got.
    pub async fn converse(&self, pieces: &[&[u8]]) -> Vec<u8> {
        let (opened, pipe) = self.connect();
        let (desk, pace) = (self.desk.clone(), Pace::new(&self.config));
        let session = async move { session::run(Box::new(opened), &desk, &pace, None, &CancellationToken::new()).await };
        exchange(session, pipe, pieces).await.1
    }

    /// The same where everything is echoed.
    pub async fn echo(&self, pieces: &[&[u8]]) -> Vec<u8> {
        let (opened, pipe) = self.connect();
        let pace = Pace::new(&self.config);
        exchange(async move { echo::run(opened, &pace).await }, pipe, pieces).await.1
    }

    /// A connection on which these pieces are read as HTTP: what it got, and what had come early if it was upgraded.
    pub async fn serve(self: &Arc<Self>, pieces: &[&[u8]]) -> (Vec<u8>, Option<Vec<u8>>) {
        let (stream, pipe) = duplex(PIPE);
        let probe = self.clone();
        let within = Duration::from_millis(self.config.limits.http_head_within_ms);
        let serving = async move {
            let served = http::serve(stream, SocketAddr::new(ADDRESS, 1), &probe.site, within, None).await;
            served.map(|Upgraded { early, .. }| early)
        };
        let (upgraded, got) = exchange(serving, pipe, pieces).await;
        (got, upgraded)
    }

    /// How many clients, services and subscriptions are left.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        self.desk.counts()
    }

    fn connect(&self) -> (Opened, DuplexStream) {
        let (ours, theirs) = duplex(PIPE);
        let peer = Peer::new(ClientId(Uuid::new_v4()), ADDRESS, self.shard.clone(), None, self.config.limits.outbox_bytes);
        let wire = Wire::new(peer.clone(), Source::Stream(Box::new(ours)));
        (Opened { wire, early: Vec::new(), peer, coming: Coming::default() }, theirs)
    }
}

/// Writes the pieces, and reads until the other side has ended.
async fn exchange<T: Send + 'static>(
    serving: impl Future<Output = T> + Send + 'static,
    pipe: DuplexStream,
    pieces: &[&[u8]],
) -> (T, Vec<u8>) {
    let serving = tokio::spawn(serving);
    let (mut from, mut to) = tokio::io::split(pipe);
    let writing = async move {
        for piece in pieces {
            // it may have ended already
            let _ = to.write_all(piece).await;
            yield_now().await;
        }
        let _ = to.shutdown().await;
    };
    let reading = async move {
        let mut got = Vec::new();
        let _ = from.read_to_end(&mut got).await;
        got
    };
    let (served, (), got) = tokio::join!(serving, writing, reading);
    (served.expect("what a connection panics at, its session tells"), got)
}
