//! From accept to a session: connections are dealt to shards in turn and stay there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use concierge_api_rs::ClientId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::arrivals::{Arrivals, Coming};
use crate::crowd::{Crowd, Guest, TooMany};
use crate::desk::Desk;
use crate::echo;
use crate::ground::{Ground, Upgraded};
use crate::http::{self, Site};
use crate::memory::Memory;
use crate::metrics::METRICS;
use crate::peer::Peer;
use crate::session::{self, Opened, Pace};
use crate::shard::{Running, Shard};
use crate::tls::Tls;
use crate::vital::or_abort;
use crate::wire::{Source, Wire};

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
    pub(crate) memory: Arc<Memory>,
    pub(crate) draining: CancellationToken,
    pub(crate) connections: TaskTracker,
    /// Peers are echoed and never reach the desk.
    pub(crate) echoes: bool,
    /// The server is gone.
    pub(crate) gone: CancellationToken,
}

/// A connection on its way to a shard.
pub(crate) struct Accepted<G: Ground> {
    stream: G::Accepted,
    address: SocketAddr,
    site: Arc<Site>,
}

/// Accepts for as long as the server lives; shards take turns. A hub that drains goes on answering, with 503: whoever asks
/// `/readyz` shall hear that it drains.
pub(crate) async fn accept<G: Ground>(listener: G::Listener, site: Arc<Site>, shards: Vec<mpsc::Sender<Accepted<G>>>) {
    for shard in shards.iter().cycle() {
        let accepted = loop {
            match G::accept(&listener).await {
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

/// One shard per core, or as many as were asked for. A shard ends when nobody can hand it connections any more.
pub(crate) fn start_shards<G: Ground>(
    count: usize,
    spin_us: u64,
    shared: &Arc<Shared>,
) -> io::Result<Vec<mpsc::Sender<Accepted<G>>>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let count = if count == 0 { cores } else { count };
    let mut shards = Vec::with_capacity(count);
    for n in 0..count {
        let (hand_over, accepted) = mpsc::channel(HANDED_OVER);
        let shard = run_shard(accepted, shared.clone(), Duration::from_micros(spin_us));
        G::run_shard(n, or_abort("a shard", shard))?;
        shards.push(hand_over);
    }
    Ok(shards)
}

/// A shard ends with its server, and its connections with it.
async fn run_shard<G: Ground>(mut accepted: mpsc::Receiver<Accepted<G>>, shared: Arc<Shared>, spin: Duration) {
    let shard = Arc::new(Shard::default());
    let _running = Running(shard.clone());
    let mut flushing = JoinSet::new();
    flushing.spawn(or_abort("a shard's flush", shard.clone().flush_forever()));
    flushing.spawn(or_abort("a shard's flush", shard.clone().release_forever()));
    if !spin.is_zero() {
        flushing.spawn(shard.clone().spin_forever(spin));
    }
    let mut arrivals = Arrivals::new();
    loop {
        let Accepted { stream, address, site } = tokio::select! {
            biased; // the end comes before newcomers
            () = shared.gone.cancelled() => return,
            connection = arrivals.next() => {
                tokio::spawn(connection);
                continue;
            }
            () = shard.go_on() => continue,
            Some(accepted) = accepted.recv() => accepted,
        };
        match G::settle(stream) {
            Ok(stream) => {
                let crowded = arrivals.take(|coming| {
                    let settled = Box::new(Settled::<G> { stream, address, site, shard: shard.clone(), coming });
                    Box::pin(shared.connections.track_future(connection(settled, shared.clone())))
                });
                if let Some(connection) = crowded {
                    tokio::spawn(connection);
                }
            }
            Err(e) => tracing::warn!(error = %e, "cannot use a connection"),
        }
    }
}

/// A connection on its shard.
struct Settled<G: Ground> {
    stream: G::Socket,
    address: SocketAddr,
    site: Arc<Site>,
    shard: Arc<Shard>,
    coming: Coming,
}

/// One connection from accept to its end. The stages before the session are boxed, and so is what they need: an idle client
/// does not carry them.
#[expect(clippy::manual_async_fn, reason = "an async fn keeps what it was given twice, for as long as the client is here")]
fn connection<G: Ground>(settled: Box<Settled<G>>, shared: Arc<Shared>) -> impl Future<Output = ()> + Send {
    async move {
        // IPv4 in IPv6 clothes is IPv4
        let (guest, crowded) = match shared.crowd.enter(settled.address.ip().to_canonical()) {
            Ok(guest) => (guest, None),
            Err(too_many) => (Guest::default(), Some(too_many)),
        };
        METRICS.connections.increment(1);
        let _open = OpenConnection;
        session::run(
            match Box::pin(come(settled, &shared, crowded)).await {
                Some(opened) => opened,
                None => return,
            },
            &shared.desk,
            &shared.pace,
            guest.rates(),
            &shared.draining,
        )
        .await;
    }
}

/// Until there is a session to run: what is echoed has none.
async fn come<G: Ground>(settled: Box<Settled<G>>, shared: &Shared, crowded: Option<TooMany>) -> Option<Box<Opened>> {
    let opened = open(settled, shared, crowded).await?;
    if !shared.echoes {
        return Some(opened);
    }
    echo::run(*opened, &shared.pace).await;
    None
}

/// TLS, HTTP and the upgrade, all heads within one deadline. `None`: the connection served what it was asked for, or failed.
async fn open<G: Ground>(settled: Box<Settled<G>>, shared: &Shared, crowded: Option<TooMany>) -> Option<Box<Opened>> {
    let Settled { stream, address, site, shard, coming } = *settled;
    let id = ClientId(G::id());
    let from = address.ip().to_canonical();
    let (upgraded, early, local) = if let Some(tls) = &shared.tls {
        let taken = http::serve_tls(stream, tls.acceptor(), address, &site, shared.head_within, crowded).await?;
        (Upgraded::Stream(Box::new(taken.stream)), taken.early, taken.local)
    } else {
        let taken = http::serve(stream, address, &site, shared.head_within, crowded).await?;
        (G::upgraded(taken.stream), taken.early, taken.local)
    };
    let (source, socket) = match upgraded {
        Upgraded::Socket(socket) => {
            let (read, write) = socket.split();
            (Source::Socket(read), Some(write))
        }
        Upgraded::Stream(stream) => (Source::Stream(stream), None),
    };
    let peer = if local { Peer::new } else { Peer::foreign }(id, from, shard, socket, shared.outbox_bytes);
    Some(Box::new(Opened { wire: Wire::new(peer.clone(), source), early, peer, coming }))
}

struct OpenConnection;

impl Drop for OpenConnection {
    fn drop(&mut self) {
        METRICS.connections.decrement(1);
    }
}
