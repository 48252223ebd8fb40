//! Thousands of clients on one thread of their own, which come and stay until the hub, or the end of their process, ends them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use concierge_tests::{until, within};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::member::{End, Member};

/// Clients that are on their way in at a time.
const AT_ONCE: usize = 512;
/// One in so many owns a service.
const OWNER_OF: usize = 100;
/// When so long nothing was heard, nothing is on its way.
const SILENCE: Duration = Duration::from_millis(200);

/// How a connection ends when its process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is reset.
    Reset,
    /// It ends without a close frame.
    Finish,
}

/// What of others the clients want to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Everything, so that each is told of all who come and go.
    Everything,
    /// Messages only.
    Messages,
}

/// The clients.
pub(crate) struct Crowd {
    heard: Arc<AtomicU64>,
    thread: JoinHandle<Vec<End>>,
}

impl Crowd {
    /// So many clients, all of whom have entered.
    pub(crate) async fn gather(address: SocketAddr, size: usize, cut: Cut, wants: Wants) -> Self {
        let (ready, all) = oneshot::channel();
        let heard = Arc::new(AtomicU64::new(0));
        let ear = heard.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(live(address, size, (cut, wants), ear, ready))
        });
        // as long as it takes: each of them may be told of all who follow
        all.await.unwrap();
        Self { heard, thread }
    }

    /// Waits until the hub has told them all that it had to tell: who joined after them.
    pub(crate) async fn has_heard_all(&self) {
        let (mut last, mut since) = (u64::MAX, Instant::now());
        until("silence", async || {
            let heard = self.heard.load(Ordering::Relaxed);
            if heard != last {
                (last, since) = (heard, Instant::now());
            }
            (since.elapsed() > SILENCE).then_some(())
        })
        .await;
    }

    /// How the hub ended them, when it has ended all.
    pub(crate) async fn ends(self) -> Vec<End> {
        let joined = tokio::task::spawn_blocking(|| self.thread.join().unwrap());
        within("the end of all clients", joined).await.unwrap()
    }
}

async fn live(
    address: SocketAddr,
    size: usize,
    how: (Cut, Wants),
    heard: Arc<AtomicU64>,
    ready: oneshot::Sender<()>,
) -> Vec<End> {
    let door = Arc::new(Semaphore::new(AT_ONCE));
    let entered = Arc::new(Semaphore::new(0));
    let mut all = JoinSet::new();
    for n in 0..size {
        all.spawn(one(address, n, how, door.clone(), entered.clone(), heard.clone()));
    }
    let _all = entered.acquire_many(u32::try_from(size).unwrap()).await.unwrap();
    ready.send(()).unwrap();
    all.join_all().await
}

async fn one(
    address: SocketAddr,
    n: usize,
    (cut, wants): (Cut, Wants),
    door: Arc<Semaphore>,
    entered: Arc<Semaphore>,
    heard: Arc<AtomicU64>,
) -> End {
    let coming = door.acquire().await.unwrap();
    let mut member = Member::enter(address, &format!("member_{n}"), wants).await;
    if cut == Cut::Reset {
        member.reset_at_the_end();
    }
    if n.is_multiple_of(OWNER_OF) {
        member.own(&format!("service_{n}")).await;
    }
    drop(coming);
    entered.add_permits(1);
    member.stay(&heard).await
}
