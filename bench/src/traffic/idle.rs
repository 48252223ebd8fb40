//! Clients that join and do nothing, and clients that join and leave.

use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::generator::{Client, Generator};
use crate::sample::Sample;
use crate::server::Server;
use crate::window::{Timing, Window};

/// Memory per idle client, and what it costs to let it join, so many at once. A hub tells every client of every other one: with
/// n clients that is n²/2 messages, and they are part of the CPU time; a server without such news has it easier. When many join
/// at once, all of their news waits for everybody at the same moment, and resident memory keeps that peak.
pub(super) fn idle(server: &Server, clients: usize, at_once: usize) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server.address)?;
    generator.join(std::iter::once(Client::named("first")), 1)?; // what is allocated once is no client's
    generator.settle(Duration::from_millis(200), Duration::from_secs(5))?;
    let (bytes, cpu, began) = (server.resident_bytes()?, server.cpu()?, Instant::now());
    generator.join((0..clients).map(|i| Client::named(format!("idle{i}"))), at_once)?;
    let seconds = began.elapsed().as_secs_f64();
    generator.settle(Duration::from_millis(500), Duration::from_secs(60))?;
    let cpu = server.cpu()?.since(&cpu).as_secs_f64();
    let growth = server.resident_bytes()?.saturating_sub(bytes);
    Ok(Sample {
        units: clients as u64,
        seconds,
        cpu_us: cpu * 1e6 / clients as f64,
        rate: clients as f64 / seconds,
        server_share: cpu / seconds,
        bytes_per_client: Some(growth as f64 / clients as f64),
        ..Sample::default()
    })
}

/// Connect, upgrade, IDENTIFY, HELLO, leave: what a join costs where there are few to tell of it.
pub(super) fn joins(server: &Server, timing: Timing, at_once: usize) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server.address)?;
    let mut window = Window::new(server, timing);
    let mut joined = 0;
    while window.goes_on(joined)? {
        generator.join((0..at_once).map(|i| Client::named(format!("guest{}", joined + i as u64))), at_once)?;
        generator.leave();
        joined += at_once as u64;
    }
    window.close()
}
