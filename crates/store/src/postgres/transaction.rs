//! A transaction's begin and end, and what is known of its fate.

use std::sync::Arc;
use std::time::Instant;

use concierge_api_rs::coordinator::Millis;
use deadpool_postgres::Object;
use tokio_postgres::Client;

use super::ask::{self, NEXT_DUE};
use super::due::Begun;
use super::net::Net;
use super::trouble::Trouble;
use super::writer::Base;
use crate::error::StoreError;

/// Why a transaction has no result.
#[derive(Debug)]
pub(super) enum Stop {
    /// It was rolled back, or never began.
    Nothing(Trouble),
    /// The connection was lost when the commit was on its way: it may have happened.
    Unknown(Trouble),
}

impl From<Stop> for StoreError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Nothing(trouble) => trouble.nothing_happened(),
            Stop::Unknown(trouble) => Self::Failed(Arc::new(trouble)),
        }
    }
}

/// A transaction. Its first statement begins it.
pub(super) struct Transaction<'b> {
    base: &'b Base,
    client: Object,
    begun: Begun,
}

impl<'b> Transaction<'b> {
    pub(super) async fn new(base: &'b Base) -> Result<Self, Stop> {
        let begun = base.due.begin();
        let client = base.pool.get().await.map_err(|error| Stop::Nothing(error.into()))?;
        Ok(Self { base, client, begun })
    }

    pub(super) const fn client(&self) -> &Object {
        &self.client
    }

    /// Nothing of it happens.
    pub(super) async fn give_up(self, trouble: Trouble) -> Stop {
        if self.client.batch_execute("ROLLBACK").await.is_err() {
            // the end of its session ends the transaction
            drop(Object::take(self.client));
        }
        Stop::Nothing(trouble)
    }

    /// Writes and commits in one round trip, and tells when something is due next: not before `pause`, if that is given.
    pub(super) async fn finish(self, net: &Net, works: usize, pause: Option<Millis>) -> Result<(), Stop> {
        let (orders, began) = (net.orders(), Instant::now());
        let due = match self.write(&orders).await {
            Ok(due) => due,
            Err(Stop::Nothing(trouble)) => return Err(self.give_up(trouble).await),
            Err(stop) => {
                drop(Object::take(self.client));
                return Err(stop);
            }
        };
        let due = due.map(|due| pause.map_or(due, |pause| due.max(pause)));
        self.base.due.read(self.begun, due.filter(|_| !self.base.clock.is_by_hand()));
        self.base.count(works, began.elapsed());
        Ok(())
    }

    async fn write(&self, orders: &[ask::Order<'_>]) -> Result<Option<Millis>, Stop> {
        // nothing of these has happened yet
        let nothing = |error: tokio_postgres::Error| Stop::Nothing(error.into());
        let statements = ask::prepare_orders(&self.client, orders).await.map_err(nothing)?;
        let [next_due] = ask::prepare(&self.client, [NEXT_DUE]).await.map_err(nothing)?;
        let client: &Client = &self.client;
        // locks alone need no commit
        let end = if orders.is_empty() { "ROLLBACK" } else { "COMMIT" };
        let (written, due, ended) = futures::join!(
            ask::carry_out(client, orders, &statements),
            ask::rows(client, true, &next_due, &[]),
            client.batch_execute(end)
        );
        // after a statement that failed, a commit is a rollback
        let failed = written.into_iter().filter_map(Result::err).map(Trouble::from).find(|trouble| !trouble.is_consequence());
        let failed = failed.or(ended.err().map(Trouble::from));
        match (failed, due) {
            (None, Ok(rows)) => ask::next_due(&rows).map_err(Stop::Unknown),
            (None, Err(error)) => Err(fate(error.into(), orders)),
            (Some(trouble), _) => Err(fate(trouble, orders)),
        }
    }
}

/// What the database itself has refused did not happen; when it said nothing more, the commit may have reached it.
fn fate(trouble: Trouble, orders: &[ask::Order<'_>]) -> Stop {
    if orders.is_empty() || trouble.is_said() { Stop::Nothing(trouble) } else { Stop::Unknown(trouble) }
}
