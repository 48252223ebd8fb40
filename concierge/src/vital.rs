//! Work without which the hub would look alive and not be.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

/// Does it. A panic, which is a defect, ends the process: that is noticed by whoever looks after it.
pub(crate) async fn or_abort(what: &str, work: impl Future<Output = ()>) {
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        tracing::error!("{what} cannot go on: the hub ends");
        std::process::abort();
    }
}
