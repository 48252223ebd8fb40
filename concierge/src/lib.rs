//! The server and the `concierge` command.
