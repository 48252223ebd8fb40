//! Clients that come one after the other while something happens to all others: how long does the hub let them wait?

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::crowd::Wants;
use crate::member::Member;

/// How often one comes, at most.
const EVERY: Duration = Duration::from_millis(20);

/// They come on a thread of their own, so that the hub is measured and not this test.
pub(crate) struct Newcomers {
    over: Arc<AtomicBool>,
    come: Arc<AtomicUsize>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Newcomers {
    /// They come from now on.
    pub(crate) fn begin(address: SocketAddr) -> Self {
        let (over, come) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let thread = thread::spawn({
            let (over, come) = (over.clone(), come.clone());
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(come_one_by_one(address, &over, &come))
            }
        });
        Self { over, come, thread }
    }

    /// How many have come.
    pub(crate) fn come(&self) -> usize {
        self.come.load(Ordering::Relaxed)
    }

    /// No more come: how long each had to wait, from its connection to HELLO.
    pub(crate) async fn end(self) -> Vec<Duration> {
        self.over.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(|| self.thread.join().unwrap()).await.unwrap()
    }
}

async fn come_one_by_one(address: SocketAddr, over: &AtomicBool, come: &AtomicUsize) -> Vec<Duration> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waits = Vec::new();
    while !over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let begin = Instant::now();
        let member = Member::enter(address, &format!("newcomer_{}", waits.len()), Wants::Everything).await;
        waits.push(begin.elapsed());
        come.store(waits.len(), Ordering::Relaxed);
        member.reset_at_the_end();
    }
    waits
}

/// What this share of them did not exceed, of waits in order.
pub(crate) fn at(share: f64, waits: &[Duration]) -> Duration {
    let last = waits.len().saturating_sub(1);
    waits.get((last as f64 * share) as usize).copied().unwrap_or_default()
}
