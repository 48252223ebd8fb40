//! Messages between clients: what each scenario of them sets up, sends and measures.

mod idle;
mod load;
mod ping_pong;

use crate::fault::Fault;
use crate::peer::Peer;
use crate::sample::Sample;
use crate::server::Server;
use crate::window::Timing;

/// Characters of `data`, except where a scenario is about large ones.
pub(crate) const DATA_BYTES: usize = 128;
/// The large ones.
pub(crate) const LARGE_DATA_BYTES: usize = 16 * 1024;
/// Subscribers of the scenario with many senders.
pub(crate) const RECEIVERS_OF_ALL: usize = 100;
/// Clients that connect at once in a storm.
const STORM_AT_ONCE: usize = 128;

/// A scenario of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// `A100`: one sender, so many subscribers, saturated.
    FanOut { receivers: usize },
    /// `L100`: the same; the next message when all have the last.
    LockStep { receivers: usize },
    /// `E100`: as `A`, with large messages.
    LargeFanOut { receivers: usize },
    /// `M10`: so many senders, 100 subscribers of all of them.
    Senders { senders: usize },
    /// `C100`: so many pairs, one of each sends to the other by name.
    Pairs { pairs: usize },
    /// `B1000`: ping-pong between two clients, beside so many idle ones.
    PingPong { idle: usize },
    /// `D10000`: so many clients that join in a storm, subscribe to one service, want no news and do nothing.
    Storm { clients: usize },
    /// `N10000`: the same without a subscription, and each hears of every other one.
    News { clients: usize },
    /// `I1000`: so many clients that join one after the other and do nothing.
    Idle { clients: usize },
    /// `H4000`: so many clients that connect and identify, want no news and do nothing.
    Entries { clients: usize },
    /// `K19000`: so many clients that do nothing but answer pings.
    Heartbeats { clients: usize },
    /// `J8`: clients that join and leave, so many at once.
    Joins { at_once: usize },
}

impl Traffic {
    /// Loads a server and measures it. The server is fresh.
    ///
    /// # Errors
    /// [`Fault`]: lost or disordered messages, refusals, a closed connection, a standstill.
    pub(crate) fn measure(self, server: &Server, timing: Timing) -> Result<Sample, Fault> {
        match self {
            Self::FanOut { receivers } => load::fan_out(server, timing, receivers, DATA_BYTES),
            Self::LargeFanOut { receivers } => load::fan_out(server, timing, receivers, LARGE_DATA_BYTES),
            Self::LockStep { receivers } => load::lock_step(server, timing, receivers),
            Self::Senders { senders } => load::senders(server, timing, senders),
            Self::Pairs { pairs } => load::pairs(server, timing, pairs),
            Self::PingPong { idle } => ping_pong::measure(server, timing, idle),
            Self::Storm { clients } => idle::storm(server, clients),
            Self::Entries { clients } => idle::entries(server, clients),
            Self::News { clients } => idle::idle(server, clients, STORM_AT_ONCE),
            Self::Heartbeats { clients } => idle::heartbeats(server, clients),
            Self::Idle { clients } => idle::idle(server, clients, 1),
            Self::Joins { at_once } => idle::joins(server, timing, at_once),
        }
    }

    /// How many clients it has at most, both ends of their connections being on this machine.
    pub(crate) fn clients(self) -> usize {
        match self {
            Self::FanOut { receivers } | Self::LockStep { receivers } | Self::LargeFanOut { receivers } => receivers + 1,
            Self::Senders { senders } => senders + RECEIVERS_OF_ALL,
            Self::Pairs { pairs } => 2 * pairs,
            Self::PingPong { idle } => idle + 2,
            Self::Storm { clients } | Self::Entries { clients } | Self::News { clients } | Self::Idle { clients } => clients + 1,
            Self::Heartbeats { clients } => clients,
            Self::Joins { at_once } => at_once,
        }
    }

    /// Whether what this server does in it can be compared with the hub: only hubs tell of who comes, and each pings as it likes.
    pub(crate) fn compares(self, peer: Peer) -> bool {
        match self {
            Self::News { .. } | Self::Idle { .. } => peer == Peer::Baseline,
            Self::Heartbeats { .. } => false,
            _ => true,
        }
    }

    /// How often it is measured at most: some take long.
    pub(crate) fn at_most_rounds(self) -> usize {
        if matches!(self, Self::Heartbeats { .. } | Self::News { .. }) { 2 } else { usize::MAX }
    }

    /// Whether it keeps the server busy all the time, so that a server that is not did not get its core.
    pub(crate) fn saturates(self) -> bool {
        matches!(self, Self::FanOut { .. } | Self::LargeFanOut { .. } | Self::Senders { .. } | Self::Pairs { .. })
    }

    /// A sentence for `concierge-bench list`.
    pub(crate) fn about(self) -> String {
        match self {
            Self::FanOut { receivers } => format!("1 sender, {receivers} subscribers, {DATA_BYTES} B, saturated"),
            Self::LockStep { receivers } => format!("1 sender, {receivers} subscribers, next message when all have the last"),
            Self::LargeFanOut { receivers } => format!("1 sender, {receivers} subscribers, 16 KiB, saturated"),
            Self::Senders { senders } => format!("{senders} senders, {RECEIVERS_OF_ALL} subscribers of all of them"),
            Self::Pairs { pairs } => format!("{pairs} pairs, messages by name, 32 in flight for each"),
            Self::PingPong { idle } => format!("ping-pong between 2 clients beside {idle} idle ones"),
            Self::Storm { clients } => {
                format!("{clients} clients join, {STORM_AT_ONCE} at once, subscribe to one service and are idle; no news")
            }
            Self::Entries { clients } => {
                format!("{clients} clients connect and identify, {STORM_AT_ONCE} at once, and are idle; no news")
            }
            Self::News { clients } => {
                format!("{clients} clients join, {STORM_AT_ONCE} at once, and are idle; with the news to all")
            }
            Self::Heartbeats { clients } => format!("{clients} idle clients are pinged; per client and second"),
            Self::Idle { clients } => format!("{clients} clients join one after the other and are idle: memory"),
            Self::Joins { at_once } => format!("connect, identify, leave; {at_once} clients at once"),
        }
    }

    /// Its letter and its number; 0 stands for none.
    pub(crate) fn parts(self) -> (char, usize) {
        match self {
            Self::FanOut { receivers } => ('A', receivers),
            Self::LockStep { receivers } => ('L', receivers),
            Self::LargeFanOut { receivers } => ('E', receivers),
            Self::Senders { senders } => ('M', senders),
            Self::Pairs { pairs } => ('C', pairs),
            Self::PingPong { idle } => ('B', idle),
            Self::Storm { clients } => ('D', clients),
            Self::Entries { clients } => ('H', clients),
            Self::News { clients } => ('N', clients),
            Self::Heartbeats { clients } => ('K', clients),
            Self::Idle { clients } => ('I', clients),
            Self::Joins { at_once } => ('J', at_once),
        }
    }

    /// The scenario of a letter and a number.
    pub(crate) fn of(letter: char, n: usize) -> Option<Self> {
        Some(match letter {
            'A' => Self::FanOut { receivers: n },
            'L' => Self::LockStep { receivers: n },
            'E' => Self::LargeFanOut { receivers: n },
            'M' => Self::Senders { senders: n },
            'C' => Self::Pairs { pairs: n },
            'B' => Self::PingPong { idle: n },
            'D' => Self::Storm { clients: n },
            'H' => Self::Entries { clients: n },
            'N' => Self::News { clients: n },
            'K' => Self::Heartbeats { clients: n },
            'I' => Self::Idle { clients: n },
            'J' => Self::Joins { at_once: n },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
