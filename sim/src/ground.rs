//! What the hub stands on here: turmoil's sockets, tasks instead of threads, the runtime's clock, ids by seed.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use concierge::ground::{Ground, Shared, Socket, Upgraded};
use concierge_api_rs::coordinator::Millis;
use concierge_store::Clock;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// When each simulation begins, for the coordinator: 2026-01-01.
pub(crate) const EPOCH_MS: i64 = 1_767_225_600_000;

thread_local! {
    static DICE: RefCell<StdRng> = RefCell::new(StdRng::seed_from_u64(0));
}

/// From now on ids of this thread come from that seed.
pub(crate) fn seed_ids(seed: u64) {
    DICE.set(StdRng::seed_from_u64(seed));
}

pub(crate) struct Simulated;

impl Ground for Simulated {
    type Listener = TcpListener;
    type Accepted = TcpStream;
    type Socket = TcpStream;

    async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    }

    async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        listener.accept().await
    }

    fn settle(accepted: TcpStream) -> io::Result<TcpStream> {
        Ok(accepted)
    }

    /// One way or the other: half of the connections are as they are on a machine, half as they are with TLS.
    fn upgraded(socket: TcpStream) -> Upgraded {
        match DICE.with_borrow_mut(|dice| dice.random()) {
            true => Upgraded::Socket(Socket::Other(Arc::new(Polled(Mutex::new(socket))))),
            false => Upgraded::Stream(Box::new(socket)),
        }
    }

    fn run_shard(_: usize, shard: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        drop(tokio::spawn(shard));
        Ok(())
    }

    fn clock() -> Clock {
        let since = turmoil::sim_elapsed().unwrap_or_default();
        Clock::of_runtime(Millis(EPOCH_MS + i64::try_from(since.as_millis()).expect("a simulation lasts seconds")))
    }

    fn id() -> Uuid {
        let bytes = DICE.with_borrow_mut(|dice| dice.random());
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// A socket behind a shared reference.
struct Polled(Mutex<TcpStream>);

impl Polled {
    fn lock(&self) -> MutexGuard<'_, TcpStream> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl Shared for Polled {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().try_write(bytes)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(self.lock().writable()).poll(cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(to);
        Pin::new(&mut *self.lock()).poll_read(cx, &mut buf).map_ok(|()| buf.filled().len())
    }

    fn end(&self) {
        let _gone_already = Pin::new(&mut *self.lock()).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}
