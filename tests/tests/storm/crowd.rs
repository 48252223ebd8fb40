//! Thousands of clients on one thread of their own, which come, stay, and go all at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use concierge_tests::{until, within};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::member::{End, Member};

/// Clients that are on their way in at a time.
const AT_ONCE: usize = 512;
/// One in so many owns a service.
const OWNER_OF: usize = 100;
/// When so long nothing was heard, nothing is on its way.
const SILENCE: Duration = Duration::from_millis(200);

/// How everybody goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Sockets are reset.
    Reset,
    /// They end without a close frame.
    Finish,
}

/// The clients.
pub(crate) struct Crowd {
    orders: watch::Sender<Option<Cut>>,
    heard: Arc<AtomicU64>,
    thread: JoinHandle<Vec<End>>,
}

impl Crowd {
    /// So many clients, all of whom have entered.
    pub(crate) async fn gather(address: SocketAddr, size: usize) -> Self {
        let (orders, obeyed) = watch::channel(None);
        let (ready, all) = oneshot::channel();
        let heard = Arc::new(AtomicU64::new(0));
        let ear = heard.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(live(address, size, obeyed, ear, ready))
        });
        // as long as it takes: each of them is told of all who follow
        all.await.unwrap();
        Self { orders, heard, thread }
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

    /// All of them go at once.
    pub(crate) fn cut(&self, how: Cut) {
        self.orders.send_replace(Some(how));
    }

    /// What the hub did to those who were not cut, when all are gone.
    pub(crate) async fn ends(self) -> Vec<End> {
        let joined = tokio::task::spawn_blocking(|| self.thread.join().unwrap());
        within("the end of all clients", joined).await.unwrap()
    }
}

async fn live(
    address: SocketAddr,
    size: usize,
    orders: watch::Receiver<Option<Cut>>,
    heard: Arc<AtomicU64>,
    ready: oneshot::Sender<()>,
) -> Vec<End> {
    let door = Arc::new(Semaphore::new(AT_ONCE));
    let entered = Arc::new(Semaphore::new(0));
    let mut all = JoinSet::new();
    for n in 0..size {
        all.spawn(one(address, n, door.clone(), entered.clone(), heard.clone(), orders.clone()));
    }
    let _all = entered.acquire_many(u32::try_from(size).unwrap()).await.unwrap();
    ready.send(()).unwrap();
    all.join_all().await.into_iter().flatten().collect()
}

async fn one(
    address: SocketAddr,
    n: usize,
    door: Arc<Semaphore>,
    entered: Arc<Semaphore>,
    heard: Arc<AtomicU64>,
    mut orders: watch::Receiver<Option<Cut>>,
) -> Option<End> {
    let coming = door.acquire().await.unwrap();
    let mut member = Member::enter(address, &format!("member_{n}")).await;
    if n.is_multiple_of(OWNER_OF) {
        member.own(&format!("service_{n}")).await;
    }
    drop(coming);
    entered.add_permits(1);
    let ended = {
        let order = orders.wait_for(Option::is_some);
        tokio::select! {
            end = member.stay(&heard) => Ok(end),
            order = order => Err(order.ok().and_then(|order| *order)),
        }
    };
    match ended {
        Ok(end) => return Some(end),
        Err(Some(Cut::Finish)) => member.finish(&heard).await,
        Err(_) => member.reset(),
    }
    None
}
