//! Clients that join and do nothing, or are pinged, and clients that join and leave.

use std::time::{Duration, Instant};

use concierge_api_rs::limits::HEARTBEAT_EVERY_MS;

use crate::fault::Fault;
use crate::generator::{Client, Generator};
use crate::sample::Sample;
use crate::server::Server;
use crate::traffic::STORM_AT_ONCE;
use crate::traffic::load::{owner, subscriber};
use crate::window::{Timing, Window};

/// Clients that want no news join in a storm and subscribe to the same service: what all servers do alike.
pub(super) fn storm(server: &Server, clients: usize) -> Result<Sample, Fault> {
    let first = Client { quiet: true, ..owner(0) };
    memory(server, first, (0..clients).map(|i| Client { quiet: true, ..subscriber(i, 1) }), STORM_AT_ONCE)
}

/// Clients that want no news connect and identify: the price of coming in.
pub(super) fn entries(server: &Server, clients: usize) -> Result<Sample, Fault> {
    let quiet = |i| Client { quiet: true, ..Client::named(format!("idle{i}")) };
    memory(server, Client { quiet: true, ..Client::named("first") }, (0..clients).map(quiet), STORM_AT_ONCE)
}

/// Clients that want all news join, so many at once. A hub tells every client of every other one: with n clients that is n²/2
/// messages, and they are part of the CPU time; a server without such news has it easier. When many join at once, all of their
/// news waits for everybody at the same moment, and resident memory keeps that peak.
pub(super) fn idle(server: &Server, clients: usize, at_once: usize) -> Result<Sample, Fault> {
    memory(server, Client::named("first"), (0..clients).map(|i| Client::named(format!("idle{i}"))), at_once)
}

/// Memory per client, and what it costs to let it join.
fn memory(
    server: &Server,
    first: Client,
    clients: impl ExactSizeIterator<Item = Client>,
    at_once: usize,
) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server)?;
    let count = clients.len();
    generator.join(std::iter::once(first), 1)?; // what is allocated once is no client's
    generator.settle(Duration::from_millis(200), Duration::from_secs(5))?;
    let (bytes, cpu, began) = (server.resident_bytes()?, server.cpu()?, Instant::now());
    generator.join(clients, at_once)?;
    let seconds = began.elapsed().as_secs_f64();
    generator.settle(Duration::from_millis(500), Duration::from_secs(60))?;
    let cpu = server.cpu()?.since(&cpu).as_secs_f64();
    let growth = server.resident_bytes()?.saturating_sub(bytes);
    Ok(Sample {
        units: count as u64,
        seconds,
        cpu_us: cpu * 1e6 / count as f64,
        rate: count as f64 / seconds,
        server_share: cpu / seconds,
        bytes_per_client: Some(growth as f64 / count as f64),
        ..Sample::default()
    })
}

/// Clients that are idle but for the pings that they answer, for as long as it takes to ping each once: the CPU time is that of a
/// client in a second, the rate that of pings.
pub(super) fn heartbeats(server: &Server, clients: usize) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server)?;
    let quiet = |i| Client { quiet: true, ..Client::named(format!("idle{i}")) };
    generator.join((0..clients).map(quiet), STORM_AT_ONCE)?;
    generator.settle(Duration::from_millis(200), Duration::from_secs(2))?;
    let (pinged, cpu, began) = (generator.inbox().pings, server.cpu()?, Instant::now());
    while began.elapsed() < Duration::from_millis(HEARTBEAT_EVERY_MS) {
        generator.turn(Duration::from_millis(1))?;
    }
    let (cpu, seconds) = (server.cpu()?.since(&cpu).as_secs_f64(), began.elapsed().as_secs_f64());
    let pings = generator.inbox().pings - pinged;
    if (pings as f64) < 0.9 * clients as f64 {
        return Err(Fault::Silent { pings, clients, for_s: seconds });
    }
    Ok(Sample {
        units: pings,
        seconds,
        cpu_us: cpu * 1e6 / (clients as f64 * seconds),
        rate: pings as f64 / seconds,
        server_share: cpu / seconds,
        ..Sample::default()
    })
}

/// Connect, upgrade, IDENTIFY, HELLO, leave: what a join costs where there are few to tell of it.
pub(super) fn joins(server: &Server, timing: Timing, at_once: usize) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server)?;
    let mut window = Window::new(server, timing);
    let mut joined = 0;
    while window.goes_on(joined)? {
        generator.join((0..at_once).map(|i| Client::named(format!("guest{}", joined + i as u64))), at_once)?;
        generator.leave();
        joined += at_once as u64;
    }
    window.close()
}
