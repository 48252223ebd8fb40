use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::yield_now;
use tokio::time::Instant;

use super::*;

type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes so many steps, is in, and goes on for ever.
async fn stays(steps: usize, coming: Coming) {
    for _ in 0..steps {
        ready_again().await;
    }
    drop(coming);
    std::future::pending().await
}

/// Like a socket that has something to read by the next look.
async fn ready_again() {
    let mut asked = false;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn take(arrivals: &mut Arrivals<Connection>, connection: impl FnOnce(Coming) -> Connection) -> Option<Pin<Box<Connection>>> {
    arrivals.take(|coming| Box::pin(connection(coming)))
}

#[tokio::test]
async fn who_comes_is_in_before_all_that_was_ready_to_run_has_run() {
    let run = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        let run = run.clone();
        tokio::spawn(async move { run.fetch_add(1, Ordering::Relaxed) });
    }
    let mut arrivals = Arrivals::new();
    assert!(take(&mut arrivals, |coming| Box::pin(stays(4, coming))).is_none());
    let _in = arrivals.next().await;
    let before = run.load(Ordering::Relaxed);
    assert!(before < 1_000, "{before}");
    while run.load(Ordering::Relaxed) < 1_000 {
        yield_now().await;
    }
}

#[tokio::test]
async fn who_comes_in_a_crowd_waits_like_everybody_else() {
    let mut arrivals = Arrivals::new();
    for _ in 0..AT_ONCE {
        assert!(take(&mut arrivals, |coming| Box::pin(stays(1, coming))).is_none());
    }
    assert!(take(&mut arrivals, |coming| Box::pin(stays(1, coming))).is_some());
    let _in = arrivals.next().await;
    assert!(take(&mut arrivals, |coming| Box::pin(stays(1, coming))).is_none());
}

#[tokio::test(start_paused = true)]
async fn who_never_comes_in_is_a_task_after_some_steps_or_some_time() {
    let mut arrivals = Arrivals::new();
    take(&mut arrivals, |coming| Box::pin(stays(usize::MAX, coming)));
    let begin = Instant::now();
    let _busy = arrivals.next().await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
    take(&mut arrivals, |coming| {
        Box::pin(async move {
            let _coming = coming;
            std::future::pending().await
        })
    });
    let _idle = arrivals.next().await;
    assert!(begin.elapsed() >= WITHIN && begin.elapsed() < 2 * WITHIN, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_connection_that_ends_or_panics_takes_nobody_along() {
    let mut arrivals = Arrivals::new();
    take(&mut arrivals, |_| Box::pin(async {}));
    take(&mut arrivals, |_| Box::pin(async { panic!("a defect") }));
    take(&mut arrivals, |coming| Box::pin(stays(3, coming)));
    let _in = arrivals.next().await;
    assert!(arrivals.coming.is_empty());
}
