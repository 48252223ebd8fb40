//! The log: events of `tracing` on stderr, for people or as one JSON object a line.

use std::io::{self, IsTerminal as _};

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{Log, LogFormat};

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogError {
    #[error("`log.level`: {0}")]
    Level(#[from] ParseError),
    #[error("logging was started before")]
    Started(#[from] TryInitError),
}

/// Starts logging, once a process. `color` is for people; JSON has none.
///
/// # Errors
/// The level is none, or something logs already.
pub fn start(log: &Log, color: bool) -> Result<(), LogError> {
    // what that library says at lower levels has passwords in it
    let filter = EnvFilter::try_new(&log.level)?.add_directive("async_nats=warn".parse()?);
    let terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if is_json(log.format, terminal) {
        builder.json().flatten_event(true).with_current_span(false).finish().try_init()?;
    } else {
        builder.with_ansi(terminal && color).with_target(false).finish().try_init()?;
    }
    Ok(())
}

fn is_json(format: LogFormat, terminal: bool) -> bool {
    match format {
        LogFormat::Auto => !terminal,
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_for_people_on_a_terminal_and_json_elsewhere() {
        assert!(!is_json(LogFormat::Auto, true));
        assert!(is_json(LogFormat::Auto, false));
        assert!(!is_json(LogFormat::Pretty, false));
        assert!(is_json(LogFormat::Json, true));
    }

    #[test]
    fn a_level_that_is_none_is_named() {
        let log = Log { level: "concierge=loud".to_owned(), format: LogFormat::Auto };
        assert!(start(&log, false).unwrap_err().to_string().starts_with("`log.level`: "));
    }
}
