//! The tables, as steps from each version to the next, in a schema of their own: the database may hold other things.

use tokio_postgres::{Client, Error};

/// Where everything is.
pub(super) const SCHEMA: &str = "concierge";
/// Whoever changes tables holds this advisory lock: "Conc".
const LOCK: i64 = 0x436f_6e63;

/// Step n leads from version n to n + 1. One that has been released is never changed.
const STEPS: &[&str] = &[FIRST];

/// The version that all steps lead to.
pub(super) fn newest() -> i64 {
    i64::try_from(STEPS.len()).expect("there are a few")
}

/// Brings the tables up to date, one hub at a time, all or nothing. Gives the version that was found: when it is beyond
/// [`newest`], nothing was touched.
pub(super) async fn migrate(client: &Client) -> Result<i64, Error> {
    client.batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})")).await?;
    // asked first: making what is there already takes a right that the user may not have
    let there =
        client.query_one("SELECT to_regnamespace($1) IS NOT NULL, to_regclass($2) IS NOT NULL", &[&SCHEMA, &"concierge.version"]);
    let there = there.await?;
    if !there.get::<_, bool>(0) {
        client.batch_execute("CREATE SCHEMA concierge").await?;
    }
    if !there.get::<_, bool>(1) {
        client
            .batch_execute("CREATE TABLE concierge.version (version BIGINT NOT NULL); INSERT INTO concierge.version VALUES (0)")
            .await?;
    }
    let found: i64 = client.query_one("SELECT version FROM concierge.version", &[]).await?.get(0);
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or_default()) {
        client.batch_execute(step).await?;
    }
    if found < newest() {
        client.execute("UPDATE concierge.version SET version = $1", &[&newest()]).await?;
    }
    client.batch_execute("COMMIT").await?;
    Ok(found)
}

/// Ids, addresses and tags are bytes: a text may hold no NUL here, and its order would depend on the database. JSON is text, for
/// people. What is settled leaves every index but those of its id and its lineage. A row of an index has 2,704 bytes at
/// most: tags, which may be longer, are found by their MD5, and what looks for one compares the tag itself as well.
const FIRST: &str = "
CREATE TABLE concierge.promises (
    id BYTEA PRIMARY KEY,
    state TEXT NOT NULL,
    timeout_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    origin BYTEA,
    branch BYTEA,
    schedule BYTEA,
    tags TEXT NOT NULL,
    param TEXT,
    value TEXT
);
CREATE INDEX promises_due ON concierge.promises (timeout_at, id) WHERE state = 'pending';
CREATE INDEX promises_pending ON concierge.promises (id) WHERE state = 'pending';
CREATE INDEX promises_origin ON concierge.promises (md5(origin), id) WHERE origin IS NOT NULL;
CREATE INDEX promises_branch ON concierge.promises (md5(branch), id) WHERE branch IS NOT NULL;
CREATE INDEX promises_schedule ON concierge.promises (md5(schedule), id) WHERE schedule IS NOT NULL;

CREATE TABLE concierge.tasks (
    id BYTEA PRIMARY KEY,
    state TEXT NOT NULL,
    claims BIGINT NOT NULL,
    pid BYTEA,
    ttl BIGINT,
    due_at BIGINT,
    offer_from BIGINT NOT NULL,
    woken_by BYTEA,
    resumes TEXT,
    address BYTEA,
    dialect SMALLINT NOT NULL,
    waits_in BYTEA,
    waits_for BYTEA
);
CREATE INDEX tasks_due ON concierge.tasks (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX tasks_live ON concierge.tasks (id) WHERE state <> 'fulfilled';
CREATE INDEX tasks_held ON concierge.tasks (pid, id) WHERE pid IS NOT NULL;
CREATE INDEX tasks_waiting ON concierge.tasks (waits_in, waits_for, id) WHERE waits_in IS NOT NULL;

CREATE TABLE concierge.registrations (
    awaited BYTEA NOT NULL,
    awaiter BYTEA NOT NULL,
    PRIMARY KEY (awaited, awaiter)
);
CREATE INDEX registrations_awaiter ON concierge.registrations (awaiter, awaited);

CREATE TABLE concierge.listeners (
    promise BYTEA NOT NULL,
    address BYTEA NOT NULL,
    dialect SMALLINT NOT NULL,
    PRIMARY KEY (promise, address)
);

CREATE TABLE concierge.notices (
    promise BYTEA NOT NULL,
    address BYTEA NOT NULL,
    dialect SMALLINT NOT NULL,
    due_at BIGINT NOT NULL,
    waits_in BYTEA NOT NULL,
    waits_for BYTEA NOT NULL,
    PRIMARY KEY (promise, address)
);
CREATE INDEX notices_due ON concierge.notices (due_at, promise, address);
CREATE INDEX notices_waiting ON concierge.notices (waits_in, waits_for, promise);

CREATE TABLE concierge.schedules (
    id BYTEA PRIMARY KEY,
    cron TEXT NOT NULL,
    promise_id BYTEA NOT NULL,
    promise_timeout BIGINT NOT NULL,
    promise_param TEXT,
    promise_tags TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    next_run_at BIGINT NOT NULL,
    last_run_at BIGINT
);
CREATE INDEX schedules_due ON concierge.schedules (next_run_at, id);
";
