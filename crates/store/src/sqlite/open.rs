//! Opening a database: whose it is, that nobody else has it, what its tables are.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, TransactionBehavior};

use super::schema;
use crate::error::OpenError;

/// Another program that looks into the file may keep us from writing for a while.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of the log until it is folded into the database: 40 MB.
const CHECKPOINT_PAGES: i64 = 10_000;
/// The log is cut to this when it is folded.
const LOG_BYTES: i64 = 128 * 1024 * 1024;

/// A database that is ours alone while this lives.
pub(super) struct Ours {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    /// Locked; the lock goes with it.
    pub(super) lock: File,
}

impl Ours {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let unreadable = |error: io::Error| OpenError::Unreadable(path.to_owned(), error.into());
        make_private(path).map_err(unreadable)?;
        // by another name it would be the same database
        let path = fs::canonicalize(path).map_err(unreadable)?;
        let lock = lock(&path)?;
        check_owner(&path)?;
        let connection = writer(&path).map_err(|error| open_error(&path, error))?;
        Ok(Self { path, connection, lock })
    }

    /// Another connection, which reads only.
    pub(super) fn reader(&self) -> Result<Connection, OpenError> {
        reader(&self.path).map_err(|error| open_error(&self.path, error))
    }
}

/// A connection to a database that we have, which reads only.
pub(super) fn reader(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    connection.pragma_update(None, "cache_size", -8 * 1024)?;
    Ok(connection)
}

/// What promises hold is nobody else's business: a new file is its owner's. SQLite gives the log the same permissions.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A file beside the database is locked, not the database: SQLite's own locks on it would be lost with ours. It stays there.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let open = OpenOptions::new().write(true).create(true).truncate(false).open(&beside);
    let unreadable = |error: io::Error| OpenError::Unreadable(beside.clone().into(), error.into());
    let file = open.map_err(unreadable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(unreadable(error)),
    }
}

/// Empty, or ours and not from the future. It is only read, so that another program's database stays as it is.
fn check_owner(path: &Path) -> Result<(), OpenError> {
    let look = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let (owner, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
        Ok((owner, version, number("SELECT count(*) FROM sqlite_schema")?))
    };
    match look().map_err(|error| open_error(path, error))? {
        (0, 0, 0) => Ok(()),
        (schema::APPLICATION_ID, found, _) if found <= schema::newest() => Ok(()),
        (schema::APPLICATION_ID, found, _) => Err(OpenError::Newer { path: path.to_owned(), found, known: schema::newest() }),
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
}

fn writer(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Statements are planned once, whatever is bound to them: otherwise SQLite plans some of them again at every use, which was a
/// fifth of the writer's time.
fn prepare(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Each step is a transaction of its own, so that one that fails leaves the version before it.
fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or_default();
    for (number, step) in schema::STEPS.iter().enumerate().skip(done) {
        let step_up = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step_up.execute_batch(step)?;
        step_up.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
        step_up.pragma_update(None, "user_version", i64::try_from(number + 1).expect("there are a few"))?;
        step_up.commit()?;
    }
    Ok(())
}

pub(super) fn open_error(path: &Path, error: Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign(path.to_owned()),
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged(path.to_owned(), error.into()),
        _ => OpenError::Unreadable(path.to_owned(), error.into()),
    }
}
