//! What a seed decides beforehand: who there is, what the network is like, what breaks and when.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use concierge::config::{Config, Coordinator, Drain, Files, Heartbeat, Limits, Metrics, Store};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub(crate) const HUB: &str = "hub";
pub(crate) const PORT: u16 = 64209;

/// So long things break.
const WILD_MS: u64 = 3_000;
/// Then everybody comes back, and the hub notices who does not.
const RETURN_MS: u64 = 3_000;
/// Then all speak and look around.
const PARTING_MS: u64 = 700;
/// The network moves in steps, one for each hop.
const ROUNDING_MS: u64 = 60;

/// One simulation.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Machines with clients on them.
    pub(crate) sites: usize,
    /// The site of each client.
    pub(crate) clients: Vec<usize>,
    pub(crate) tick: Duration,
    pub(crate) latency_ms: (u64, u64),
    /// How likely each segment breaks its link, and how likely each later one repairs it.
    pub(crate) loss: (f64, f64),
    pub(crate) times: Times,
    pub(crate) config: Config,
    /// In the order of time.
    pub(crate) faults: Vec<(Duration, Fault)>,
}

/// When what begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Nothing breaks any more.
    pub(crate) calm: Duration,
    /// Everybody is in, and nobody else.
    pub(crate) complete: Duration,
    /// All have spoken.
    pub(crate) parting: Duration,
    /// So long a message may take when everybody is in.
    pub(crate) prompt: Duration,
}

/// What happens to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// What is on its way between a site and the hub is lost, and all that follows.
    Partition(usize),
    /// The same in one direction.
    Deaf(usize),
    Mute(usize),
    /// What is on its way waits, and all that follows.
    Hold(usize),
    /// Whatever it was, it is over.
    Mend(usize),
    /// From now on so many milliseconds at most.
    Slow(usize, u64),
    /// The hub is gone with all that it knew, and nobody hears of it.
    PowerCut,
    /// The same, and its machine ends its connections.
    Kill,
    Bounce,
    /// The hub ends politely, and starts again.
    Drain,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let sites = dice.random_range(2..=4);
        let clients = (0..dice.random_range(4..=9)).map(|n| n % sites).collect();
        let ms = Duration::from_millis;
        let calm = ms(WILD_MS);
        let low = dice.random_range(0..5);
        let latency_ms = (low, low + dice.random_range(1..60));
        // to the hub and on, and before that its sender may have had to wait for room
        let prompt = ms(latency_ms.1 * 4 + ROUNDING_MS);
        let times = Times { calm, complete: calm + ms(RETURN_MS), parting: calm + ms(RETURN_MS + PARTING_MS), prompt };
        let loss = if dice.random_bool(0.2) { (0.000_5, 0.05) } else { (0.0, 0.0) };
        let faults = faults(&mut dice, sites);
        Self {
            seed,
            sites,
            clients,
            tick: ms(dice.random_range(3..=7)),
            latency_ms,
            loss,
            times,
            config: config(&mut dice),
            faults,
        }
    }
}

pub(crate) fn site(n: usize) -> String {
    format!("site{n}")
}

/// Bounds that are reached within seconds.
fn config(dice: &mut StdRng) -> Config {
    let throttled = dice.random_bool(0.2);
    let limits = Limits {
        identify_within_ms: 1_000,
        http_head_within_ms: 1_000,
        payload_bytes: 4 * 1024,
        outbox_bytes: [8 * 1024, 8 * 1024, 16 * 1024, 4096 * 1024][dice.random_range(0..4)],
        stall_ms: dice.random_range(300..1_000),
        services_per_client: 3,
        messages_per_second: if throttled { dice.random_range(15..80) } else { 0 },
        excess_ms: 300,
        subscribers_shown: dice.random_range(1..8),
        ..Limits::default()
    };
    Config {
        listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)),
        shards: dice.random_range(1..=3),
        limits,
        heartbeat: Heartbeat { every_ms: 500, grace_ms: 500 },
        files: Files { enabled: false, ..Files::default() },
        admin: false,
        coordinator: Coordinator { requests_in_flight: dice.random_range(1..20), ..Coordinator::default() },
        store: Store { url: Some("memory:".to_owned()) },
        metrics: Metrics { enabled: false },
        drain: Drain { spread_ms: 200, within_ms: 600 },
        ..Config::default()
    }
}

/// Each site has its troubles one after the other, and so has the hub.
fn faults(dice: &mut StdRng, sites: usize) -> Vec<(Duration, Fault)> {
    let mut faults = Vec::new();
    for site in 0..sites {
        let mut at = dice.random_range(200..2_000);
        while at < WILD_MS {
            let lasts = dice.random_range(20..1_600);
            let fault = match dice.random_range(0..10) {
                0..=1 => Fault::Partition(site),
                2 => Fault::Deaf(site),
                3 => Fault::Mute(site),
                4..=7 => Fault::Hold(site),
                _ => Fault::Slow(site, dice.random_range(1..250)),
            };
            faults.push((at, fault));
            faults.push(((at + lasts).min(WILD_MS), Fault::Mend(site)));
            at += lasts + dice.random_range(100..1_500);
        }
    }
    if dice.random_bool(0.35) {
        let at = dice.random_range(500..2_500);
        if dice.random_bool(0.5) {
            faults.push((at, if dice.random_bool(0.5) { Fault::PowerCut } else { Fault::Kill }));
            faults.push((at + dice.random_range(10..800), Fault::Bounce));
        } else {
            faults.push((at, Fault::Drain));
        }
    }
    faults.sort_by_key(|(at, _)| *at);
    faults.into_iter().map(|(at, fault)| (Duration::from_millis(at), fault)).collect()
}
