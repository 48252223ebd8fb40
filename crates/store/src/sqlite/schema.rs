//! The tables, as steps from each version to the next.

/// What `PRAGMA application_id` says of a database of ours: "Conc".
pub(super) const APPLICATION_ID: i64 = 0x436f_6e63;

/// Step n leads from version n to n + 1. One that has been released is never changed.
pub(super) const STEPS: &[&str] = &[FIRST];

/// The version that all steps lead to.
pub(super) fn newest() -> i64 {
    i64::try_from(STEPS.len()).expect("there are a few")
}

/// Ids are compared as bytes, which is what SQLite does with text. Tables with long rows have a rowid: twice as fast as a key
/// that holds the row. What is settled leaves every index but those of its id and its lineage, so that its number costs nothing.
/// A task has the row number of its promise, which spares it an index of ids.
const FIRST: &str = "
CREATE TABLE promises (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    timeout_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    origin TEXT,
    branch TEXT,
    schedule TEXT,
    tags TEXT NOT NULL,
    param TEXT,
    value TEXT
) STRICT;
CREATE INDEX promises_due ON promises (timeout_at, id) WHERE state = 'pending';
CREATE INDEX promises_pending ON promises (id) WHERE state = 'pending';
CREATE INDEX promises_origin ON promises (origin, id) WHERE origin IS NOT NULL;
CREATE INDEX promises_branch ON promises (branch, id) WHERE branch IS NOT NULL;
CREATE INDEX promises_schedule ON promises (schedule, id) WHERE schedule IS NOT NULL;

CREATE TABLE tasks (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    claims INTEGER NOT NULL,
    pid TEXT,
    ttl INTEGER,
    due_at INTEGER,
    offer_from INTEGER NOT NULL,
    woken_by TEXT,
    resumes TEXT,
    address TEXT,
    dialect INTEGER NOT NULL,
    waits_in TEXT,
    waits_for TEXT
) STRICT;
CREATE INDEX tasks_due ON tasks (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX tasks_live ON tasks (id) WHERE state <> 'fulfilled';
CREATE INDEX tasks_held ON tasks (pid, id) WHERE pid IS NOT NULL;
CREATE INDEX tasks_waiting ON tasks (waits_in, waits_for, id, offer_from) WHERE waits_in IS NOT NULL;

CREATE TABLE registrations (
    awaited TEXT NOT NULL,
    awaiter TEXT NOT NULL,
    PRIMARY KEY (awaited, awaiter)
) STRICT, WITHOUT ROWID;
CREATE INDEX registrations_awaiter ON registrations (awaiter, awaited);

CREATE TABLE listeners (
    promise TEXT NOT NULL,
    address TEXT NOT NULL,
    dialect INTEGER NOT NULL,
    PRIMARY KEY (promise, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
    promise TEXT NOT NULL,
    address TEXT NOT NULL,
    dialect INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    waits_in TEXT NOT NULL,
    waits_for TEXT NOT NULL,
    PRIMARY KEY (promise, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_due ON notices (due_at, promise, address);
CREATE INDEX notices_waiting ON notices (waits_in, waits_for, promise, address);

CREATE TABLE schedules (
    id TEXT NOT NULL PRIMARY KEY,
    cron TEXT NOT NULL,
    promise_id TEXT NOT NULL,
    promise_timeout INTEGER NOT NULL,
    promise_param TEXT,
    promise_tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    next_run_at INTEGER NOT NULL,
    last_run_at INTEGER
) STRICT;
CREATE INDEX schedules_due ON schedules (next_run_at, id);
";
