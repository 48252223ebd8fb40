use futures::stream;

use super::*;

/// Bytes at a time, and how often they come. How much had come, and when, as the upload ended well or was cut.
async fn upload(bytes: usize, every_ms: u64, times: usize) -> (Result<usize, Refusal>, u128) {
    let mut ticks = tokio::time::interval(Duration::from_millis(every_ms));
    ticks.tick().await; // the first one comes at once
    let chunks = stream::unfold((ticks, 0), move |(mut ticks, sent)| async move {
        ticks.tick().await;
        let chunk = Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes]));
        (sent < times).then_some((chunk, (ticks, sent + 1)))
    });
    let pace = Pace::new(1_000, 2_000);
    let mut incoming = Incoming::new(Body::from_stream(chunks), &HeaderMap::new(), pace);
    let began = Instant::now();
    let mut received = 0;
    let ended = loop {
        match incoming.next().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break Ok(received),
            Err(refusal) => break Err(refusal),
        }
    };
    (ended, began.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_fast_enough_may_take_longer_than_the_window() {
    for (bytes, every_ms) in [(1, 1), (100, 100), (1_000, 1_000)] {
        let (ended, ms) = upload(bytes, every_ms, 30_000 / bytes).await;
        assert!(matches!(ended, Ok(30_000)), "{bytes} bytes every {every_ms} ms: {ended:?} after {ms} ms");
        assert!((30_000..=31_001).contains(&ms), "{ms}");
    }
}

/// Security: 31.
#[tokio::test(start_paused = true)]
async fn a_trickle_is_cut_when_the_window_has_passed() {
    for (bytes, every_ms) in [(1, 2), (1, 100), (90, 100), (1_000, 3_000)] {
        let (ended, ms) = upload(bytes, every_ms, 30_000 / bytes).await;
        assert!(matches!(ended, Err(Refusal::Slow)), "{bytes} bytes every {every_ms} ms: {ended:?}");
        assert!((2_000..=2_200).contains(&ms), "{bytes} bytes every {every_ms} ms: cut after {ms} ms");
    }
}
