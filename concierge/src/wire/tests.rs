use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};

use concierge_api_rs::ClientId;
use uuid::Uuid;

use tokio::io::{AsyncRead, AsyncWrite};

use super::*;

/// A sender that never stops.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        buf.put_slice(&vec![0x8a; room]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn endless() -> Wire {
    let peer = Peer::new(ClientId(Uuid::nil()), IpAddr::V4(Ipv4Addr::LOCALHOST), Arc::default(), None, 1_000);
    Wire::new(peer, Source::Stream(Box::new(Endless)))
}

#[tokio::test]
async fn a_flood_pauses_for_others_whatever_it_consists_of_and_goes_on_by_itself() {
    let mut wire = endless();
    for _ in 0..3 {
        let mut read = 0;
        let mut pauses = 0;
        poll_fn(|cx| {
            while let Poll::Ready(Ok(n)) = wire.poll_read(cx, &mut [0; 1_000]) {
                read += n;
                assert!(read <= 2 * VAIN_BUDGET, "it never pauses");
            }
            pauses += 1;
            // only being woken brings us here again
            if pauses == 2 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert!(wire.yielded() && read >= VAIN_BUDGET, "{read}");
    }
}

#[tokio::test]
async fn what_became_messages_is_read_four_times_as_far_and_pauses_too() {
    let mut wire = endless();
    let mut read = 0;
    poll_fn(|cx| {
        while let Poll::Ready(Ok(n)) = wire.poll_read(cx, &mut [0; 1_000]) {
            read += n;
            wire.understood(n);
            assert!(read <= 2 * READ_BUDGET, "it never pauses");
        }
        Poll::Ready(())
    })
    .await;
    assert!(wire.yielded() && read >= READ_BUDGET, "{read}");
}

#[tokio::test]
async fn forgetting_a_flood_pauses_too() {
    let mut wire = endless();
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        assert!(wire.poll_forget(cx).is_pending());
        if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
