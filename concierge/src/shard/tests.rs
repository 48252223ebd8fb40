use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::AtomicBool;
use std::task::{Poll, Wake, Waker};
use std::thread;

use concierge_api_rs::ClientId;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::*;
use crate::frame::{self, Frame};
use crate::peer::FEW_BYTES;

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

/// Frames that say little.
const SMALL: Frame<'static> = Frame::Small(b"\x81\x02{}");

/// A peer without a socket, whose session would be woken to write.
fn peer(shard: &Arc<Shard>) -> Arc<Peer> {
    Peer::new(ClientId(Uuid::new_v4()), IpAddr::V4(Ipv4Addr::LOCALHOST), shard.clone(), None, 1 << 20)
}

/// After how long its session is told to write, within a minute, and what it finds to write then.
async fn written(peer: &Arc<Peer>) -> Option<(Duration, usize)> {
    let (began, told) = (Instant::now(), Arc::new(Notify::new()));
    let tell = told.clone();
    peer.waker().register(&waker_fn(move || tell.notify_one()));
    timeout(Duration::from_secs(60), told.notified()).await.ok()?;
    let mut bytes = 0;
    peer.write_with(|slices| {
        let all = slices.iter().map(|slice| slice.len()).sum();
        bytes += all;
        Ok(all)
    });
    Some((began.elapsed(), bytes))
}

/// A waker that calls a closure.
fn waker_fn(call: impl Fn() + Send + Sync + 'static) -> Waker {
    struct Call<F>(F);
    impl<F: Fn() + Send + Sync> Wake for Call<F> {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }
    Waker::from(Arc::new(Call(call)))
}

/// A shard at work, for as long as what comes with it lives.
fn at_work() -> (Arc<Shard>, JoinSet<()>) {
    let (shard, mut tasks) = (Arc::new(Shard::default()), JoinSet::new());
    tasks.spawn(shard.clone().flush_forever());
    tasks.spawn(shard.clone().release_forever());
    (shard, tasks)
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_leaves_with_the_next_frame_in_one_write() {
    let (shard, _tasks) = at_work();
    let peer = peer(&shard);
    assert!(peer.push_held(&SMALL));
    tokio::time::advance(HELD_FOR / 2).await;
    peer.push(&SMALL);
    assert_eq!(written(&peer).await, Some((Duration::ZERO, 2 * SMALL.len())));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_leaves_alone_when_nothing_comes_and_only_then_is_the_shard_awake() {
    let (shard, _tasks) = at_work();
    let peer = peer(&shard);
    for _ in 0..3 {
        peer.push_held(&SMALL);
        let (after, bytes) = written(&peer).await.unwrap();
        assert!(after >= HELD_FOR && after <= 2 * HELD_FOR + Duration::from_millis(1), "{after:?}");
        assert_eq!(bytes, SMALL.len());
    }
    assert!(written(&peer).await.is_none() && shard.dirty.lock().held.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_held_back_after_a_write_waits_its_own_time() {
    let (shard, _tasks) = at_work();
    let peer = peer(&shard);
    peer.push_held(&SMALL);
    tokio::time::advance(HELD_FOR - Duration::from_millis(1)).await;
    peer.push(&SMALL);
    written(&peer).await.unwrap();
    peer.push_held(&SMALL);
    let (after, _) = written(&peer).await.unwrap();
    assert!(after >= HELD_FOR, "{after:?}");
}

/// How often its session was told to write.
fn told(peer: &Arc<Peer>) -> Arc<AtomicUsize> {
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    peer.waker().register(&waker_fn(move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    told
}

#[tokio::test(start_paused = true)]
async fn confirmations_of_two_turns_leave_in_one_write_after_what_they_confirm() {
    let (shard, _tasks) = at_work();
    let (sender, receiver) = (peer(&shard), peer(&shard));
    let told = told(&sender);
    receiver.push(&SMALL);
    assert!(sender.push_confirmation(&SMALL));
    written(&receiver).await.unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 0);
    receiver.push(&SMALL);
    assert!(sender.push_confirmation(&SMALL));
    let second = written(&receiver).await;
    assert_eq!((second, told.load(Ordering::Relaxed)), (Some((Duration::ZERO, SMALL.len())), 1));
    assert_eq!(sender.look().waiting, 2 * SMALL.len());
    yield_now().await;
    assert!(told.load(Ordering::Relaxed) == 1 && shard.dirty.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_waits_for_nobody_when_nothing_comes_and_leaves_at_once_when_nothing_else_is_written() {
    let (shard, _tasks) = at_work();
    let (sender, receiver) = (peer(&shard), peer(&shard));
    receiver.push(&SMALL);
    sender.push_confirmation(&SMALL);
    assert_eq!(written(&sender).await, Some((Duration::ZERO, SMALL.len())));
    sender.push_confirmation(&SMALL);
    let told = told(&sender);
    next_poll().await;
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_takes_no_time_from_what_else_its_client_is_told_and_many_wait_for_nobody() {
    let many = [b'x'; FEW_BYTES + 1];
    for (confirmation, then) in [(SMALL, Some(SMALL)), (Frame::Small(&many), None)] {
        let (shard, _tasks) = at_work();
        let (sender, receiver) = (peer(&shard), peer(&shard));
        let told = told(&sender);
        receiver.push(&SMALL);
        sender.push_confirmation(&confirmation);
        then.iter().for_each(|frame| assert!(sender.push(frame)));
        next_poll().await;
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn much_is_not_held_back_and_nothing_is_for_a_client_that_ends() {
    let (shard, _tasks) = at_work();
    let peer = peer(&shard);
    let many = 4_096 / SMALL.len() + 2;
    (0..many).for_each(|_| assert!(peer.push_held(&SMALL)));
    assert_eq!(written(&peer).await, Some((Duration::ZERO, many * SMALL.len())));
    peer.seal();
    assert!(!peer.push_held(&SMALL) && !peer.push_confirmation(&SMALL));
}

#[test]
fn a_shard_that_ends_lets_go_of_who_waits_for_its_flush_and_of_who_comes_later() {
    let shard = Arc::new(Shard::default());
    let peer = || Peer::new(ClientId(Uuid::new_v4()), Ipv4Addr::LOCALHOST.into(), shard.clone(), None, 1_000);
    let (waits, late) = (peer(), peer());
    let running = Running(shard.clone());
    let (answered, answered_late) = (peer(), peer());
    let (confirmed, confirmed_late) = (peer(), peer());
    assert!(waits.push(&Frame::Small(frame::PING)) && answered.push_held(&SMALL) && confirmed.push_confirmation(&SMALL));
    drop(running);
    assert!(late.push(&Frame::Small(frame::PING)) && answered_late.push_held(&SMALL) && confirmed_late.push_confirmation(&SMALL));
    let held = [&waits, &late, &answered, &answered_late, &confirmed, &confirmed_late].map(Arc::downgrade);
    drop((waits, late, answered, answered_late, confirmed, confirmed_late));
    assert!(held.iter().all(|peer| peer.upgrade().is_none()), "a peer that is kept keeps its socket");
}

#[tokio::test]
async fn a_large_flush_goes_on_in_turns() {
    const MANY: usize = 10 * FLUSHED_AT_ONCE;
    let (shard, _tasks) = at_work();
    let flushed = Arc::new(AtomicUsize::new(0));
    let peers: Vec<_> = std::iter::repeat_with(|| peer(&shard)).take(MANY).collect();
    for peer in &peers {
        let flushed = flushed.clone();
        peer.waker().register(&waker_fn(move || {
            flushed.fetch_add(1, Ordering::Relaxed);
        }));
        peer.push(&SMALL);
    }
    let mut turns = 0;
    let mut before = 0;
    while before < MANY {
        shard.go_on().await;
        let now = flushed.load(Ordering::Relaxed);
        assert!(now - before <= 2 * FLUSHED_AT_ONCE, "{before}, {now}");
        (turns, before) = (turns + 1, now);
    }
    assert_eq!(turns, MANY / FLUSHED_AT_ONCE - 1); // the flush itself had the first
    assert!(shard.left.lock().is_empty());
}
