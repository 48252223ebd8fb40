//! What a hub stands on: where it listens, what its shards run on, what time it is, where its ids come from. That is the
//! [`Machine`], and in a simulation something that repeats itself.
//!
//! Everything here is used once per start or once per connection. Who writes a connection is settled when it is upgraded
//! ([`Upgraded`]), and messages know nothing of the ground.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::thread;

use concierge_store::Clock;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::shard;
pub use crate::socket::Socket;

/// What is under a hub.
pub trait Ground: 'static {
    /// What connections come from.
    type Listener: Send + Sync + 'static;
    /// A connection on its way from accept to its shard.
    type Accepted: Send + 'static;
    /// A connection at its shard.
    type Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Listens there, and says where that is.
    fn bind(address: SocketAddr) -> impl Future<Output = io::Result<(Self::Listener, SocketAddr)>> + Send;

    /// The next connection, and where it comes from.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<(Self::Accepted, SocketAddr)>> + Send;

    /// Makes it a connection of the shard that this runs on.
    ///
    /// # Errors
    /// When it cannot be used.
    fn settle(accepted: Self::Accepted) -> io::Result<Self::Socket>;

    /// Who writes to it once it was upgraded.
    fn upgraded(socket: Self::Socket) -> Upgraded;

    /// Runs a shard beside everything else.
    ///
    /// # Errors
    /// When there is nothing that it could run on.
    fn run_shard(number: usize, shard: impl Future<Output = ()> + Send + 'static) -> io::Result<()>;

    /// What time it is for the coordinator.
    fn clock() -> Clock;

    /// The id of a client, or a key.
    fn id() -> Uuid;
}

/// An upgraded connection.
pub enum Upgraded {
    /// The shard's flush writes it.
    Socket(Socket),
    /// Its session owns it and writes it, as it does with TLS.
    Stream(Box<dyn Stream>),
}

/// A socket that is none of this machine's, and is written by the shard all the same.
pub trait Shared: Send + Sync {
    /// Writes what it takes now.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when that is nothing; anything else when it is broken.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Ready when it may take something again, or is broken.
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads what there is; nothing at the end.
    fn poll_read(&self, cx: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>>;

    /// The other side sees the end.
    fn end(&self);
}

/// A stream that the session owns: TLS, a pipe of a test, a simulated connection.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The machine that this process runs on: its sockets, its threads, its clock, random ids.
#[derive(Debug)]
pub struct Machine;

impl Ground for Machine {
    /// Not tokio's own, which makes every connection one of the runtime that accepts, and would have it undone here.
    type Listener = AsyncFd<std::net::TcpListener>;
    type Accepted = std::net::TcpStream;
    type Socket = TcpStream;

    async fn bind(address: SocketAddr) -> io::Result<(Self::Listener, SocketAddr)> {
        let listener = TcpListener::bind(address).await?.into_std()?;
        let bound = listener.local_addr()?;
        #[expect(deprecated, reason = "a listener of the standard library keeps its descriptor, and what replaces it is unsafe")]
        let listener = AsyncFd::with_interest(listener, Interest::READABLE)?;
        Ok((listener, bound))
    }

    async fn accept(listener: &Self::Listener) -> io::Result<(std::net::TcpStream, SocketAddr)> {
        let (stream, address) = listener.async_io(Interest::READABLE, std::net::TcpListener::accept).await?;
        stream.set_nonblocking(true)?;
        Ok((stream, address))
    }

    fn settle(accepted: std::net::TcpStream) -> io::Result<TcpStream> {
        let stream = TcpStream::from_std(accepted)?;
        let _nodelay_is_a_wish = stream.set_nodelay(true);
        Ok(stream)
    }

    fn upgraded(socket: TcpStream) -> Upgraded {
        Upgraded::Socket(Socket::Machine(socket))
    }

    fn run_shard(number: usize, shard: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let runtime = shard::runtime()?;
        thread::Builder::new().name(format!("shard-{number}")).spawn(move || runtime.block_on(shard)).map(drop)
    }

    fn clock() -> Clock {
        Clock::system()
    }

    fn id() -> Uuid {
        Uuid::new_v4()
    }
}
