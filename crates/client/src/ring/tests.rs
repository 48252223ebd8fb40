use std::sync::Arc;

use futures::FutureExt;

use super::*;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    N(u64),
    Lagged(u64),
}

impl Lag for Item {
    fn lagged(items: u64) -> Option<Self> {
        Some(Self::Lagged(items))
    }
}

fn pop(ring: &Ring<Item>) -> Option<Option<Item>> {
    std::future::poll_fn(|cx| ring.poll_pop(cx)).now_or_never()
}

#[test]
fn items_come_in_order_and_then_nothing() {
    let ring = Ring::new(3);
    (0..3).for_each(|n| ring.push(Item::N(n)));
    assert_eq!(
        (0..4).map(|_| pop(&ring)).collect::<Vec<_>>(),
        [Some(Some(Item::N(0))), Some(Some(Item::N(1))), Some(Some(Item::N(2))), None]
    );
}

#[test]
fn a_full_ring_loses_its_oldest_and_says_how_many() {
    let ring = Ring::new(2);
    (0..7).for_each(|n| ring.push(Item::N(n)));
    assert_eq!(pop(&ring), Some(Some(Item::Lagged(5))));
    assert_eq!(pop(&ring), Some(Some(Item::N(5))));
    ring.push(Item::N(7));
    ring.push(Item::N(8));
    assert_eq!(pop(&ring), Some(Some(Item::Lagged(1))));
    assert_eq!(pop(&ring), Some(Some(Item::N(7))));
}

#[test]
fn the_end_comes_after_what_waits_and_takes_nothing_more() {
    let ring = Ring::new(2);
    ring.push(Item::N(1));
    ring.end();
    ring.push(Item::N(2));
    assert_eq!((pop(&ring), pop(&ring), pop(&ring)), (Some(Some(Item::N(1))), Some(None), Some(None)));
}

#[tokio::test]
async fn a_waiting_reader_is_woken() {
    let ring = Arc::new(Ring::new(2));
    let reader = tokio::spawn({
        let ring = ring.clone();
        async move { std::future::poll_fn(|cx| ring.poll_pop(cx)).await }
    });
    tokio::task::yield_now().await;
    ring.push(Item::N(1));
    assert_eq!(reader.await.unwrap(), Some(Item::N(1)));
}
