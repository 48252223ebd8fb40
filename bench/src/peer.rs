//! The servers that the hub is measured beside, and how each is started.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use serde::Serialize;

use crate::dialect::Dialect;
use crate::server::Launch;

/// A server beside the hub. They are measured in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Peer {
    /// nats-server's WebSocket port.
    Nats,
    /// `peers/hub.js` on Bun.
    Bun,
    /// One write for each message and nothing else ([`crate::floor`]).
    Floor,
    /// The same, with everything that is for one client in one write.
    Joined,
    /// The plain tokio-tungstenite server ([`crate::baseline`]); on which the coordinator's promises are kept, too.
    Baseline,
}

/// One that a run is asked to measure: `nats=PATH`, `bun=PATH`, `floor` or `joined`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Against {
    pub(crate) peer: Peer,
    /// None for those that this program is itself.
    program: Option<PathBuf>,
}

/// What each writes into its empty home to be started with.
const NATS_CONF: &str = include_str!("../peers/nats.conf");
const HUB_JS: &str = include_str!("../peers/hub.js");

impl Peer {
    pub(crate) const ALL: [Self; 5] = [Self::Nats, Self::Bun, Self::Floor, Self::Joined, Self::Baseline];

    /// As it is called in tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Bun => "Bun",
            Self::Floor => "floor",
            Self::Joined => "floor, joined",
            Self::Baseline => "baseline",
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// What is no server to be measured against.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is none of nats=PATH, bun=PATH, floor and joined")]
pub(crate) struct UnknownPeer(String);

impl FromStr for Against {
    type Err = UnknownPeer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, program) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(PathBuf::from(path))));
        let peer = match (name, &program) {
            ("nats", Some(_)) => Peer::Nats,
            ("bun", Some(_)) => Peer::Bun,
            ("floor", None) => Peer::Floor,
            ("joined", None) => Peer::Joined,
            _ => return Err(UnknownPeer(text.to_owned())),
        };
        Ok(Self { peer, program })
    }
}

impl Against {
    /// How it is started; `own` is this program.
    pub(crate) fn launch(&self, own: &Path, show_log: bool) -> io::Result<Launch> {
        let program = self.program.as_deref().map_or_else(|| Ok(own.to_owned()), std::path::absolute)?;
        let launch = |arguments: &[&str]| Launch {
            arguments: arguments.iter().map(Into::into).collect(),
            show_log,
            ..Launch::of(program.clone())
        };
        Ok(match self.peer {
            Peer::Nats => Launch {
                dialect: Dialect::Nats,
                files: &[("nats.conf", NATS_CONF)],
                address_after: "ws://",
                ..launch(&["--config", "nats.conf"])
            },
            Peer::Bun => Launch { files: &[("hub.js", HUB_JS)], ..launch(&["run", "hub.js"]) },
            Peer::Joined => launch(&["floor", "--joined"]),
            Peer::Floor => launch(&["floor"]),
            Peer::Baseline => launch(&["baseline"]),
        })
    }

    /// The version that a program of somebody else's says it has.
    pub(crate) fn version(&self) -> io::Result<Option<String>> {
        let Some(program) = &self.program else { return Ok(None) };
        let said = Command::new(program).arg("--version").output()?;
        let said = String::from_utf8_lossy(&said.stdout);
        let version = said.split_whitespace().last().unwrap_or_default();
        Ok(Some(version.trim_start_matches('v').to_owned()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What is made for this clone alone, below `target`.
    pub(crate) fn tool(path: &str, how: &str) -> PathBuf {
        let test = std::env::current_exe().expect("a running program has a path"); // target/debug/deps/NAME
        let target = test.ancestors().nth(3).expect("it lies that deep");
        let tool = target.join(path);
        assert!(tool.is_file(), "{} is not there: {how}", tool.display());
        tool
    }

    /// How one of them is started that `cargo xtask test` installs.
    pub(crate) fn launched(name: &str, program: &str) -> Launch {
        let program = tool(&format!("tools/{program}"), "`cargo xtask test` installs it");
        let against: Against = format!("{name}{}", program.display()).parse().expect("it is a peer");
        against.launch(Path::new("this program"), false).expect("it has a path")
    }
}
