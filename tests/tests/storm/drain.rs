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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_in_a_hub_that_is_told_to_stop_gets_a_close_frame_evenly_spread_and_nobody_is_reset() {
    let _storm = ONE_STORM.lock().await;
    let size = storm_clients();
    let mut hub = Hub::with(CALM).await;
    let crowd = Crowd::gather(hub.address, size, Cut::Finish, Wants::Everything).await;
    crowd.has_heard_all().await;
    let begin = Instant::now();
    hub.signal(Signal::TERM);
    let status = hub.ended().await;
    let ended = begin.elapsed();
    let ends = crowd.ends().await;

    assert_eq!(ends.len(), size);
    let clean = |end: &&End| end.tcp.is_ok() && end.close.is_some_and(|(code, _)| code == 1001);
    let unclean: Vec<&End> = ends.iter().filter(|end| !clean(end)).collect();
    assert!(unclean.is_empty(), "{} did not hear 1001 and then the end, among them {:?}", unclean.len(), unclean[0]);
    let pieces = pieces(ends.iter().flat_map(|end| end.close).map(|(_, at)| at - begin));
    measured(&format!("{size} clients were told by tenths of {SPREAD:?}: {pieces:?}; the hub ended after {ended:?}"));
    let even = size / PIECES as usize;
    assert!(pieces.iter().all(|told| (even / 3..=even * 3).contains(told)), "{pieces:?}");
    assert_eq!(status.code(), Some(0), "{}", hub.log());
    assert!(ended < ENDS_WITHIN, "{ended:?}");
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
