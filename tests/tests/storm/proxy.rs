//! A bad network: it passes bytes on between clients and their hub, and now and then cuts a connection, stalls it, or ends one
//! direction. What it does to the n-th connection depends on the seed and n, and on nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// What would have happened in a calm is looked at again after this time.
const CALM_FOR: Duration = Duration::from_secs(1);

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both sides are reset.
    Cut,
    /// Both sides see the end.
    End,
    /// Nothing passes for so long, then all of it.
    Stall(Duration),
    /// Nothing passes any more, and nobody is told.
    Silence,
    /// Only the hub sees the end, or only the client.
    HalfEnd { to_hub: bool },
}

impl Fault {
    /// What happens to the n-th connection, and when, in the middle after `mean`.
    fn of(seed: u64, n: u64, mean: Duration) -> (Duration, Self) {
        let mut dice = StdRng::seed_from_u64(seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let after = mean.mul_f64(-dice.random::<f64>().max(1e-9).ln());
        let fault = match dice.random_range(0..10) {
            0..4 => Self::Cut,
            4 | 5 => Self::End,
            6 | 7 => Self::Stall(Duration::from_millis(dice.random_range(200..2_500))),
            8 => Self::Silence,
            _ => Self::HalfEnd { to_hub: dice.random_bool(0.5) },
        };
        (after, fault)
    }
}

/// What a proxy is told, and what it did.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    calm: AtomicBool,
    connections: AtomicU64,
    faults: AtomicU64,
}

/// The network. Dropping it cuts everything.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    weather: Arc<Weather>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// A network to that hub, on which a connection is well for `mean`.
    pub(crate) async fn start(hub: SocketAddr, seed: u64, mean: Duration) -> Self {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let weather = Arc::new(Weather::default());
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, hub, weather.clone(), move |n| Fault::of(seed, n, mean)));
        Self { address, weather, _accepting: accepting }
    }

    /// Whether nothing happens to connections to which nothing has happened yet.
    pub(crate) fn calm(&self, calm: bool) {
        self.weather.calm.store(calm, Ordering::Relaxed);
    }

    /// Connections so far, and those of them to which something happened.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.weather.connections.load(Ordering::Relaxed), self.weather.faults.load(Ordering::Relaxed))
    }
}

async fn accept(listener: TcpListener, hub: SocketAddr, weather: Arc<Weather>, fate: impl Fn(u64) -> (Duration, Fault)) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let (after, fault) = fate(weather.connections.fetch_add(1, Ordering::Relaxed));
        connections.spawn(connect(client, hub, weather.clone(), after, fault));
    }
}

/// A hub that is dead refuses; the client is reset.
async fn connect(client: TcpStream, hub: SocketAddr, weather: Arc<Weather>, after: Duration, fault: Fault) {
    let Ok(hub) = TcpStream::connect(hub).await else { return reset(&client) };
    for socket in [&client, &hub] {
        socket.set_nodelay(true).unwrap();
    }
    let ((client_in, client_out), (hub_in, hub_out)) = (client.into_split(), hub.into_split());
    let at = Instant::now() + after;
    let mut up = Direction { from: client_in, to: hub_out, is_up: true };
    let mut down = Direction { from: hub_in, to: client_out, is_up: false };
    let ended = tokio::try_join!(up.live(at, fault, &weather), down.live(at, fault, &weather));
    if let Err(Over::Reset) = ended {
        reset(up.to.as_ref());
        reset(down.to.as_ref());
    }
}

/// Both ways are over.
#[derive(Debug)]
enum Over {
    /// Both sides are reset.
    Reset,
    /// Both sides see the end.
    End,
}

/// One way of a connection.
struct Direction {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    is_up: bool,
}

impl Direction {
    /// Passes bytes on until the fault, and then does what it says.
    async fn live(&mut self, at: Instant, fault: Fault, weather: &Weather) -> Result<(), Over> {
        let mut until = at;
        loop {
            if !self.pass(Some(until)).await? {
                return Ok(());
            }
            if !weather.calm.load(Ordering::Relaxed) {
                break;
            }
            until = Instant::now() + CALM_FOR;
        }
        weather.faults.fetch_add(u64::from(self.is_up), Ordering::Relaxed);
        match fault {
            Fault::Cut => return Err(Over::Reset),
            Fault::End => return Err(Over::End),
            Fault::Silence => self.forget().await,
            Fault::HalfEnd { to_hub } if to_hub == self.is_up => {
                let _it_may_be_gone = self.to.shutdown().await;
                self.forget().await;
            }
            Fault::HalfEnd { .. } => drop(self.pass(None).await?),
            Fault::Stall(time) => {
                let _late = timeout_at(until + time, std::future::pending::<()>()).await;
                self.pass(None).await?;
            }
        }
        Ok(())
    }

    /// Passes bytes on, and their end. True when it did not come until then.
    async fn pass(&mut self, until: Option<Instant>) -> Result<bool, Over> {
        let mut buffer = vec![0; 4_096];
        loop {
            let read = match until {
                Some(at) => match timeout_at(at, self.from.read(&mut buffer)).await {
                    Ok(read) => read,
                    Err(_) => return Ok(true),
                },
                None => self.from.read(&mut buffer).await,
            };
            match read {
                Ok(0) => {
                    let _it_may_be_gone = self.to.shutdown().await;
                    return Ok(false);
                }
                Ok(n) => self.to.write_all(&buffer[..n]).await.map_err(|_| Over::Reset)?,
                Err(_) => return Err(Over::Reset),
            }
        }
    }

    /// Whatever still comes is lost.
    async fn forget(&mut self) {
        let mut buffer = vec![0; 4_096];
        while matches!(self.from.read(&mut buffer).await, Ok(1..)) {}
    }
}

/// When the last half of this socket goes, the other side is reset.
fn reset(socket: &TcpStream) {
    let _it_may_be_gone = set_socket_linger(socket, Some(Duration::ZERO));
}
