//! What the hub stands on here: turmoil's sockets, tasks instead of threads, the runtime's clock, ids by seed.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use concierge::ground::{Ground, Upgraded};
use concierge_api_rs::coordinator::Millis;
use concierge_store::Clock;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
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

    fn upgraded(socket: TcpStream) -> Upgraded {
        Upgraded::Stream(Box::new(socket))
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
