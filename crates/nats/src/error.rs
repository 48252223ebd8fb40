//! What can go wrong, one type for each thing that is done.

use crate::standing::OLDEST;

/// Why there is no way to NATS. That nobody is there is no reason: then it is tried again and again.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server is too old.
    #[error("nats-server at {servers} is {version}, and {OLDEST} or newer is needed: older ones lack what hubs rely on")]
    Old {
        /// Where it is, without secrets.
        servers: String,
        /// What it says it is.
        version: String,
    },
    /// The server does not let the hub in.
    #[error(
        "nats-server at {servers} does not let the hub in: look at the user and password in `nats.url`, or at `nats.credentials_file`"
    )]
    Refused {
        /// Where it is, without secrets.
        servers: String,
    },
    /// The credentials can't be read.
    #[error("{path} has no credentials for NATS")]
    Credentials {
        /// Where they should be.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// TLS can't be had, or the server's certificate is not trusted.
    #[error("TLS to nats-server at {servers} failed")]
    Tls {
        /// Where it is, without secrets.
        servers: String,
        /// Why.
        source: async_nats::ConnectError,
    },
}

/// Why something was not sent. It is not sent later either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// There is no connection.
    #[error("there is no connection to NATS")]
    Down,
    /// Too much waits to be sent.
    #[error("too much waits to be sent to NATS")]
    Full,
    /// It is larger than the server takes.
    #[error("it is larger than nats-server takes")]
    TooBig,
}
