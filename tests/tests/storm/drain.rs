//! SIGTERM with thousands of clients: each is told, none is reset, and they are told evenly over the configured time.

use std::time::Duration;

use concierge_tests::{Hub, measured};
use rustix::process::Signal;
use tokio::time::Instant;

use crate::crowd::{Crowd, Cut, Wants};
use crate::member::End;
use crate::{CALM, ONE_STORM, storm_clients};

/// `drain.spread_ms`, as it is by default.
const SPREAD: Duration = Duration::from_secs(3);
/// The time that they are told over is cut into so many pieces.
const PIECES: u32 = 10;
/// How long the hub may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

async fn everybody_is_told(size: usize, wants: Wants) {
    let _storm = ONE_STORM.lock().await;
    let mut hub = Hub::with(CALM).await;
    let crowd = Crowd::gather(hub.address, size, Cut::Finish, wants).await;
    crowd.has_heard_all().await;
    let begin = Instant::now();
    hub.signal(Signal::TERM);
    let status = hub.ended().await;
    let ended = begin.elapsed();
    let ends = crowd.ends().await;

    assert_eq!(ends.len(), size);
    let clean = |end: &&End| end.tcp.is_ok() && end.close.is_some_and(|(code, _)| code == 1001);
    let unclean: Vec<&End> = ends.iter().filter(|end| !clean(end)).collect();
    let pieces = pieces(ends.iter().flat_map(|end| end.close).map(|(_, at)| at - begin));
    let even = size / PIECES as usize;
    let (least, most) = (even / 3, even * 3);
    measured(&format!(
        "{size} clients that want {wants:?} are told to go, {} of them without 1001 or with a reset (of 0), by tenths of {SPREAD:?} \
         {pieces:?} (of {least} to {most} each); the hub ends after {ended:.1?} (of {ENDS_WITHIN:?}) with {status}",
        unclean.len(),
    ));
    assert!(unclean.is_empty(), "{} did not hear 1001 and then the end, among them {:?}", unclean.len(), unclean[0]);
    assert!(pieces.iter().all(|told| (least..=most).contains(told)), "{pieces:?}");
    assert_eq!(status.code(), Some(0), "{}", hub.log());
    assert!(ended < ENDS_WITHIN, "{ended:?}");
}

/// Of what others do, they want messages only: telling ten thousand who else comes is the work of minutes before the storm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_in_a_hub_that_is_told_to_stop_gets_a_close_frame_evenly_spread_and_nobody_is_reset() {
    everybody_is_told(storm_clients(), Wants::Messages).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_everybody_who_wants_to_hear_of_all_others() {
    everybody_is_told(storm_clients() / 5, Wants::Everything).await;
}

/// How many were told in each piece of the time; who was told later counts for the last.
fn pieces(told: impl Iterator<Item = Duration>) -> Vec<usize> {
    let mut pieces = vec![0; PIECES as usize];
    for after in told {
        let piece = after.as_nanos() / (SPREAD / PIECES).as_nanos();
        pieces[usize::try_from(piece).unwrap().min(PIECES as usize - 1)] += 1;
    }
    pieces
}
