//! Where rows are kept.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where rows are kept: `memory:`, `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: they go with the process.
    Memory,
    /// In a SQLite database, made when it is not there.
    Sqlite(PathBuf),
    /// In a PostgreSQL database: the whole URL.
    Postgres(String),
}

/// Not a place: what was written, and what could be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// `sqlite:` without a path.
    #[error("sqlite: needs the path of a database file, like sqlite:coordinator.db")]
    NoPath,
    /// `sqlite::memory:`, which one connection alone would see.
    #[error("sqlite::memory: is not a place; write memory: to keep nothing")]
    SqliteMemory,
    /// `memory:` with something behind it.
    #[error("memory: takes nothing behind it")]
    MemoryPath,
    /// None of the three. What was written is not repeated: it may hold a password.
    #[error("a store is memory:, sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Unknown,
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(s: &str) -> Result<Self, PlaceError> {
        match s.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("memory", _)) => Err(PlaceError::MemoryPath),
            Some(("sqlite", "")) => Err(PlaceError::NoPath),
            Some(("sqlite", ":memory:")) => Err(PlaceError::SqliteMemory),
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(s.to_owned())),
            _ => Err(PlaceError::Unknown),
        }
    }
}

/// As it was written, without the password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// The URL without its user's password and without its parameters, where one may stand too. Of one that was written wrongly,
/// so that nobody knows where a password ends, nothing is shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "postgres:".to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None if path.contains('@') => return format!("{scheme}://…"),
        None => authority.to_owned(),
    };
    format!("{scheme}://{host}{}", path.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
#[path = "place/tests.rs"]
mod tests;
