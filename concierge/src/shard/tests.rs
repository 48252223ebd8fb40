use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::thread;

use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::*;

/// Pending once, and ready to run at once, as a session that has more to read. `yield_now` would let the runtime look around.
async fn next_poll() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// How often a task that is always ready to run is polled after `happen` happened, until `notice` returns: in the worst of all
/// phases of the runtime's rhythm.
fn polls_until<H, N>(events: impl Fn() -> (H, N)) -> usize
where
    H: FnOnce() + Send + 'static,
    N: Future<Output = ()> + Send + 'static,
{
    (100..164).map(|phase| runtime().unwrap().block_on(async { polls_in_phase(phase, events()).await })).max().unwrap_or_default()
}

async fn polls_in_phase<H, N>(phase: usize, (happen, notice): (H, N)) -> usize
where
    H: FnOnce() + Send + 'static,
    N: Future<Output = ()> + Send + 'static,
{
    let noticed = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    let seen = noticed.clone();
    tasks.spawn(async move {
        notice.await;
        seen.store(true, Ordering::Relaxed);
        0
    });
    tasks.spawn(async move {
        for _ in 0..phase {
            next_poll().await; // the other one waits by now
        }
        happen();
        let mut polls = 0;
        while !noticed.load(Ordering::Relaxed) {
            next_poll().await;
            polls += 1;
        }
        polls
    });
    tasks.join_all().await.into_iter().sum()
}

#[test]
fn what_another_shard_woke_waits_for_about_eight_polls_while_a_flood_keeps_this_one_busy() {
    let polls = polls_until(|| {
        let wake = Arc::new(Notify::new());
        let woken = wake.clone();
        (move || thread::spawn(move || wake.notify_one()).join().unwrap(), async move { woken.notified().await })
    });
    assert!(polls <= 10, "{polls}");
}

#[test]
fn a_socket_is_looked_at_after_about_eight_polls_while_a_flood_keeps_the_shard_busy() {
    let polls = polls_until(|| {
        let (mut near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let mut far = UnixStream::from_std(far).unwrap();
        (move || near.write_all(b"x").unwrap(), async move { assert_eq!(far.read_u8().await.unwrap(), b'x') })
    });
    assert!(polls <= 10, "{polls}");
}
