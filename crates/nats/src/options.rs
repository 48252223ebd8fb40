//! Where NATS is, and how a hub is seen there.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

/// Servers of one NATS, any of which will do: `nats://` or `tls://` addresses, with commas between them.
#[derive(Clone, PartialEq, Eq)]
pub struct Servers(pub(crate) Vec<ServerAddr>);

impl Servers {
    /// The first user and password that there are, or the first token.
    pub(crate) fn account(&self) -> Option<(String, Option<String>)> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let of = |server: &ServerAddr| Some((decoded(server.username()?), server.password().map(decoded)));
        self.0.iter().find_map(of)
    }
}

impl FromStr for Servers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |url: &str| {
            let url = url.trim();
            let named = |scheme: &str| url.starts_with(scheme);
            if !url.contains("://") || named("nats://") || named("tls://") {
                let server = url.parse::<ServerAddr>().map_err(|error| error.to_string())?;
                if server.host().is_empty() { Err("an address of NATS names a host".to_owned()) } else { Ok(server) }
            } else {
                Err("an address of NATS begins with `nats://` or `tls://`".to_owned())
            }
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

/// Without users and passwords.
impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, server) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{}://{}:{}", server.scheme(), server.host(), server.port())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How to connect, and what to be called.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub servers: Servers,
    /// A file of credentials, as `nsc` makes them.
    pub credentials: Option<PathBuf>,
    /// What the hub is called: its connection is `concierge NODE`.
    pub node: String,
    /// The version that discovery tells; a semantic one.
    pub version: String,
    /// The queue group that serves; hubs of the same one share what is asked.
    pub queue: String,
    /// How often the server has to show that it is alive; after two silent times the connection is over.
    pub ping_every: Duration,
    /// How long connecting may take.
    pub connect_within: Duration,
    /// Messages of one subscription that wait to be read.
    pub waiting: usize,
}

impl Options {
    /// With what nobody asked otherwise.
    #[must_use]
    pub fn new(servers: Servers, node: &str) -> Self {
        Self {
            servers,
            credentials: None,
            node: node.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            queue: "concierge".to_owned(),
            ping_every: Duration::from_secs(5),
            connect_within: Duration::from_secs(5),
            waiting: 4_096,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Servers;

    fn servers(text: &str) -> Result<Servers, String> {
        text.parse()
    }

    #[test]
    fn servers_are_shown_without_what_opens_them() {
        let shown = |text: &str| servers(text).unwrap().to_string();
        assert_eq!(shown("nats://hub:p%40ss@a:4223, tls://b"), "nats://a:4223,tls://b:4222");
        assert_eq!(shown("token@a"), "nats://a:4222");
        assert_eq!(format!("{:?}", servers("nats://hub:secret@a").unwrap()), "nats://a:4222");
    }

    #[test]
    fn the_account_is_the_first_that_there_is_as_it_was_before_it_was_encoded() {
        let account = |text: &str| servers(text).unwrap().account();
        let some = |user: &str, password: Option<&str>| Some((user.to_owned(), password.map(str::to_owned)));
        assert_eq!(account("nats://a,nats://hub:p%40ss@b"), some("hub", Some("p@ss")));
        assert_eq!(account("nats://token@a"), some("token", None));
        assert_eq!(account("a:4222"), None);
    }

    #[test]
    fn other_protocols_are_none() {
        for text in ["", "http://a", "ws://a", "nats://", "nats://a,,nats://b"] {
            assert!(servers(text).is_err(), "{text}");
        }
    }
}
