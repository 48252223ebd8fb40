//! What is there after a hub was killed and started again, and whether all of it can still be finished.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use concierge_test_histories::{Answer, Op, Phase};
use concierge_tests::{Hub, Poller};
use tokio::time::timeout;

use crate::asker::Asker;
use crate::envelope::Wish;
use crate::face::Face;
use crate::recorder::Recorder;

/// Leases are shorter by far. After that the judge says what was not offered.
const OFFERED_WITHIN: Duration = Duration::from_secs(10);

/// Looks at every id, has every task finished by a worker that comes, and looks again.
pub(crate) async fn census(hub: &Hub, prefix: &str, recorder: &Arc<Recorder>) {
    let mut asker = Asker::new(&format!("{prefix}_census"), Face::http(hub).await, recorder);
    let ids: BTreeSet<String> = recorder.history().events.into_iter().map(|event| event.id).collect();
    look(&mut asker, &ids).await;
    // now nobody waits for anything
    for id in ids.iter().filter(|id| !is_task(id)) {
        let value = asker.word();
        asker.ask(&Wish::new(id, Op::Settle { value })).await.unwrap();
    }
    let mut owed = BTreeSet::new();
    for id in ids.iter().filter(|id| is_task(id)) {
        if let Some(Answer::Task { phase, .. }) = asker.ask(&Wish::new(id, Op::Look)).await.unwrap()
            && phase != Phase::Fulfilled
        {
            recorder.owed(id);
            owed.insert(id.clone());
        }
    }
    finish(hub, &mut asker, owed).await;
    look(&mut asker, &ids).await;
}

/// Ids of tasks have a `t` behind the prefix.
fn is_task(id: &str) -> bool {
    id.split('.').nth(1).is_some_and(|word| word.starts_with('t'))
}

async fn look(asker: &mut Asker, ids: &BTreeSet<String>) {
    for id in ids {
        asker.ask(&Wish::new(id, Op::Get)).await.unwrap();
        asker.ask(&Wish::new(id, Op::Look)).await.unwrap();
    }
}

/// A worker comes and does what it is offered, until nothing is left, or nothing more is offered.
async fn finish(hub: &Hub, asker: &mut Asker, mut owed: BTreeSet<String>) {
    let mut poller = Poller::open(hub, "workers", "census").await;
    while !owed.is_empty() {
        let Ok(Some(message)) = timeout(OFFERED_WITHIN, poller.message()).await else { return };
        let task = &message["data"]["task"];
        let (id, version) = (task["id"].as_str().unwrap().to_owned(), task["version"].as_u64().unwrap());
        asker.recorder().offer(&id, version);
        let by = asker.name.clone();
        let claim = asker.ask(&Wish::new(&id, Op::Acquire { version, by, ttl: 60_000_000_000 })).await.unwrap();
        let Some(Answer::Task { version, .. }) = claim else { continue };
        let value = asker.word();
        let done = asker.ask(&Wish::new(&id, Op::Fulfill { version, value })).await.unwrap();
        assert!(matches!(done, Some(Answer::Promise { value: Some(_), .. })), "{id}: {done:?}");
        owed.remove(&id);
    }
}
