//! From accept to a session: connections are dealt to shards in turn and stay there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use concierge_api_rs::ClientId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::crowd::{Crowd, Guest, TooMany};
use crate::desk::Desk;
use crate::echo;
use crate::http::{self, Site};
use crate::metrics::METRICS;
use crate::peer::Peer;
use crate::session::{self, Pace, Upgraded};
use crate::shard::{self, Shard};
use crate::tls::Tls;
use crate::wire::{Source, Stream, Wire};

/// Connections that wait for a shard; when it is full, accepting waits and the kernel's backlog holds them.
const HANDED_OVER: usize = 1024;
/// How long accepting rests when it fails, for example for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// What every connection needs.
pub(crate) struct Shared {
    pub(crate) desk: Arc<Desk>,
    pub(crate) pace: Pace,
    pub(crate) outbox_bytes: usize,
    pub(crate) tls: Option<Tls>,
    pub(crate) head_within: Duration,
    pub(crate) crowd: Crowd,
    pub(crate) draining: CancellationToken,
    pub(crate) connections: TaskTracker,
    /// Peers are echoed and never reach the desk.
    pub(crate) echoes: bool,
    /// The server is gone.
    pub(crate) gone: CancellationToken,
}

/// A connection on its way to a shard.
pub(crate) struct Accepted {
    stream: std::net::TcpStream,
    address: SocketAddr,
    site: Arc<Site>,
}

/// Accepts for as long as the server lives; shards take turns. A hub that drains goes on answering, with 503: whoever asks
/// `/readyz` shall hear that it drains.
pub(crate) async fn accept(listener: TcpListener, site: Arc<Site>, shards: Vec<mpsc::Sender<Accepted>>) {
    for shard in shards.iter().cycle() {
        let accepted = loop {
            match listener.accept().await.and_then(|(stream, address)| Ok((stream.into_std()?, address))) {
                Ok((stream, address)) => break Accepted { stream, address, site: site.clone() },
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
pub(crate) fn start_shards(count: usize, spin_us: u64, shared: &Arc<Shared>) -> io::Result<Vec<mpsc::Sender<Accepted>>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let count = if count == 0 { cores } else { count };
    let mut shards = Vec::with_capacity(count);
    for n in 0..count {
        let (hand_over, accepted) = mpsc::channel(HANDED_OVER);
        let runtime = shard::runtime()?;
        let shared = shared.clone();
        thread::Builder::new()
            .name(format!("shard-{n}"))
            .spawn(move || runtime.block_on(run_shard(accepted, shared, Duration::from_micros(spin_us))))?;
        shards.push(hand_over);
    }
    Ok(shards)
}

/// A shard ends with its server, and its connections with it.
async fn run_shard(mut accepted: mpsc::Receiver<Accepted>, shared: Arc<Shared>, spin: Duration) {
    let shard = Arc::new(Shard::default());
    let mut flushing = JoinSet::new();
    flushing.spawn(shard.clone().flush_forever());
    flushing.spawn(shard.clone().release_forever());
    if !spin.is_zero() {
        flushing.spawn(shard.clone().spin_forever(spin));
    }
    loop {
        let Accepted { stream, address, site } = tokio::select! {
            biased; // the end comes before newcomers
            () = shared.gone.cancelled() => return,
            Some(ended) = flushing.join_next() => {
                // nothing would leave this shard any more, and nobody would notice
                tracing::error!(?ended, "a shard cannot write any more: the hub ends");
                std::process::abort();
            }
            Some(accepted) = accepted.recv() => accepted,
        };
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                let settled = Box::new(Settled { stream, address, site });
                shared.connections.spawn(connection(settled, shard.clone(), shared.clone()));
            }
            Err(e) => tracing::warn!(error = %e, "cannot use a connection"),
        }
    }
}

/// A connection on its shard.
struct Settled {
    stream: TcpStream,
    address: SocketAddr,
    site: Arc<Site>,
}

/// One connection from accept to its end. The stages before the session are boxed, and so is what they need: an idle client
/// does not carry them.
async fn connection(settled: Box<Settled>, shard: Arc<Shard>, shared: Arc<Shared>) {
    // IPv4 in IPv6 clothes is IPv4
    let guest = shared.crowd.enter(settled.address.ip().to_canonical());
    METRICS.connections.increment(1.0);
    let _open = OpenConnection;
    let upgraded = Box::pin(open(settled, shard, &shared, guest.as_ref().err().copied())).await;
    if let Some(upgraded) = upgraded {
        if shared.echoes {
            return Box::pin(echo::run(*upgraded, &shared.pace)).await;
        }
        let rates = guest.as_ref().ok().and_then(Guest::rates);
        session::run(upgraded, &shared.desk, &shared.pace, rates, &shared.draining).await;
    }
}

/// TLS, HTTP and the upgrade, all heads within one deadline. `None`: the connection served what it was asked for, or failed.
async fn open(settled: Box<Settled>, shard: Arc<Shard>, shared: &Shared, crowded: Option<TooMany>) -> Option<Box<Upgraded>> {
    let Settled { stream, address, site } = *settled;
    let _nodelay_is_a_wish = stream.set_nodelay(true);
    let id = ClientId(Uuid::new_v4());
    let from = address.ip().to_canonical();
    if let Some(tls) = &shared.tls {
        let tls = tls.acceptor();
        let taken = http::serve_tls(stream, tls, address, &site, shared.head_within, crowded).await?;
        let peer = Peer::new(id, from, shard, None, shared.outbox_bytes);
        let stream: Box<dyn Stream> = Box::new(taken.stream);
        let wire = Wire::new(peer.clone(), Source::Stream(stream));
        return Some(Box::new(Upgraded { wire, early: taken.early, peer }));
    }
    let taken = http::serve(stream, address, &site, shared.head_within, crowded).await?;
    let (read, write) = taken.stream.into_split();
    let peer = Peer::new(id, from, shard, Some(write), shared.outbox_bytes);
    let wire = Wire::new(peer.clone(), Source::Socket(read));
    Some(Box::new(Upgraded { wire, early: taken.early, peer }))
}

struct OpenConnection;

impl Drop for OpenConnection {
    fn drop(&mut self) {
        METRICS.connections.decrement(1.0);
    }
}
