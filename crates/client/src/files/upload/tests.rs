use std::pin::pin;

use futures::{FutureExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::time::advance;

use super::*;

const SILENCE: Duration = Duration::from_secs(45);
const ALMOST: Duration = Duration::from_secs(44);

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_chunk_is_overdue() {
    let (mut chunks, overdue) = chunks(&[7_u8; 3][..], SILENCE);
    let mut overdue = pin!(overdue.wait());
    assert_eq!(chunks.next().await.unwrap().unwrap().len(), 3);
    assert!(overdue.as_mut().now_or_never().is_none());
    assert_eq!(overdue.await, SILENCE);
}

#[tokio::test(start_paused = true)]
async fn every_chunk_gives_the_server_its_time_again() {
    let (mut chunks, overdue) = chunks(tokio::io::repeat(7), SILENCE);
    let mut overdue = pin!(overdue.wait());
    for _ in 0..4 {
        chunks.next().await.unwrap().unwrap();
        assert!(overdue.as_mut().now_or_never().is_none());
        advance(ALMOST).await;
        assert!(overdue.as_mut().now_or_never().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_source_is_not_held_against_the_server() {
    let (source, mut feed) = tokio::io::duplex(8);
    let (mut chunks, overdue) = chunks(source, SILENCE);
    let mut overdue = pin!(overdue.wait());
    assert!(chunks.next().now_or_never().is_none());
    assert!(overdue.as_mut().now_or_never().is_none());
    advance(SILENCE * 100).await;
    assert!(overdue.as_mut().now_or_never().is_none());
    feed.write_all(b"more").await.unwrap();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "more");
    assert_eq!(overdue.await, SILENCE);
}

#[tokio::test(start_paused = true)]
async fn after_the_last_chunk_the_server_has_more_time_but_not_for_ever() {
    let (chunks, overdue) = chunks(tokio::io::empty(), SILENCE);
    let mut overdue = pin!(overdue.wait());
    drop(chunks);
    assert!(overdue.as_mut().now_or_never().is_none());
    advance(ALMOST * LAST_SILENCES).await;
    assert!(overdue.as_mut().now_or_never().is_none());
    assert_eq!(overdue.await, SILENCE * LAST_SILENCES);
}
