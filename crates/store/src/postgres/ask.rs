//! Several statements to one round trip.

use concierge_api_rs::coordinator::{Millis, Pid, PromiseId, ScheduleId};
use deadpool_postgres::Object;
use futures::future::join_all;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::read;
use super::trouble::Trouble;

/// The database's time, in milliseconds since 1970: it passes the last of them before it is told.
pub(super) const TIME: &str = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// When something is due next.
pub(super) const NEXT_DUE: &str = "SELECT least(
    (SELECT min(timeout_at) FROM promises WHERE state = 'pending'),
    (SELECT min(due_at) FROM tasks WHERE due_at IS NOT NULL),
    (SELECT min(due_at) FROM notices),
    (SELECT min(next_run_at) FROM schedules))";

/// What statements are given.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Statements, each prepared once for a connection. They are had before the first of them is sent: what is prepared in between
/// would let a later one overtake it.
pub(super) async fn prepare<const N: usize>(client: &Object, sql: [&str; N]) -> Result<[Statement; N], Error> {
    let mut prepared = Vec::with_capacity(N);
    for sql in sql {
        prepared.push(client.prepare_cached(sql).await?);
    }
    Ok(prepared.try_into().unwrap_or_else(|_| unreachable!("there are as many as were asked for")))
}

/// The rows of a statement that is sent now, if it is needed.
pub(super) async fn rows(client: &Client, needed: bool, statement: &Statement, params: Params<'_>) -> Result<Vec<Row>, Error> {
    if needed { client.query(statement, params).await } else { Ok(Vec::new()) }
}

/// One statement and what it is given.
pub(super) struct Order<'a> {
    pub(super) sql: &'static str,
    pub(super) params: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
}

/// Statements whose rows nobody wants, prepared.
pub(super) async fn prepare_orders(client: &Object, orders: &[Order<'_>]) -> Result<Vec<Statement>, Error> {
    let mut prepared = Vec::with_capacity(orders.len());
    for order in orders {
        prepared.push(client.prepare_cached(order.sql).await?);
    }
    Ok(prepared)
}

/// They are sent in this order.
pub(super) async fn carry_out(client: &Client, orders: &[Order<'_>], statements: &[Statement]) -> Vec<Result<u64, Error>> {
    let sent = orders.iter().zip(statements).map(|(order, statement)| async move {
        let params: Vec<&(dyn ToSql + Sync)> = order.params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect();
        client.execute(statement, &params).await
    });
    join_all(sent).await
}

/// The next due instant of a row of [`NEXT_DUE`].
pub(super) fn next_due(rows: &[Row]) -> Result<Option<Millis>, Trouble> {
    let at = rows.first().map(|row| read::maybe_millis(row, 0)).transpose()?.flatten();
    Ok(at.filter(|at| *at < Millis::NEVER))
}

/// The instant of a row of [`TIME`].
pub(super) fn time(rows: &[Row]) -> Result<Millis, Trouble> {
    rows.first().map_or(Ok(Millis(i64::MIN)), |row| read::millis(row, 0))
}

/// As columns hold it.
pub(super) trait AsBytes {
    fn bytes(&self) -> &[u8];
}

macro_rules! as_bytes {
    ($($id:ty),*) => {
        $(impl AsBytes for $id {
            fn bytes(&self) -> &[u8] {
                self.as_str().as_bytes()
            }
        })*
    };
}
as_bytes!(PromiseId, ScheduleId, Pid, String, concierge_api_rs::coordinator::Address);

/// An array of them.
pub(super) fn array<'a, T: AsBytes + 'a>(of: impl IntoIterator<Item = &'a T>) -> Vec<&'a [u8]> {
    of.into_iter().map(AsBytes::bytes).collect()
}
