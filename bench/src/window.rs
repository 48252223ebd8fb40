//! The measured time of a sample: warm-up, window, and the readings at both ends.

use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::figures::percentile;
use crate::generator::Generator;
use crate::sample::Sample;
use crate::server::{CpuTime, Server};

/// How long a sample warms up and is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

pub(crate) const STALLED_AFTER: Duration = Duration::from_secs(5);

/// Measures a server while a scenario loads it.
pub(crate) struct Window<'a> {
    server: &'a Server,
    /// The nats-server behind it.
    nats: Option<&'a Server>,
    timing: Timing,
    began: Instant,
    opened: Option<Opened>,
    units: u64,
    last_progress: Instant,
    /// Latencies in microseconds.
    latencies: Vec<f64>,
}

struct Opened {
    at: Instant,
    units: u64,
    cpu: CpuTime,
    nats_cpu: Option<CpuTime>,
}

impl<'a> Window<'a> {
    pub(crate) fn new(server: &'a Server, timing: Timing) -> Self {
        let now = Instant::now();
        Self { server, nats: None, timing, began: now, opened: None, units: 0, last_progress: now, latencies: vec![] }
    }

    /// The same, with a nats-server on the way.
    pub(crate) fn with_nats(self, nats: &'a Server) -> Self {
        Self { nats: Some(nats), ..self }
    }

    /// Whether to go on, given how many units (deliveries, joins) are done. Opens the window when the warm-up is over; a
    /// server that stands still is a fault.
    pub(crate) fn goes_on(&mut self, units: u64) -> Result<bool, Fault> {
        let now = Instant::now();
        if units != self.units {
            (self.units, self.last_progress) = (units, now);
        } else if now - self.last_progress > STALLED_AFTER {
            return Err(Fault::Stalled { units, for_s: STALLED_AFTER.as_secs() });
        }
        match &self.opened {
            // on a crowded machine the whole window can pass before anybody else runs
            Some(opened) => Ok(now - opened.at < self.timing.measured || units == opened.units),
            None => {
                if now - self.began >= self.timing.warm_up {
                    let (cpu, nats_cpu) = (self.server.cpu()?, self.nats_cpu()?);
                    self.opened = Some(Opened { cpu, nats_cpu, at: Instant::now(), units });
                }
                Ok(true)
            }
        }
    }

    /// Notes a latency, when the window is open.
    pub(crate) fn note(&mut self, latency: Duration) {
        if self.opened.is_some() {
            self.latencies.push(latency.as_secs_f64() * 1e6);
        }
    }

    /// What was measured. Call it right when [`Self::goes_on`] said no.
    pub(crate) fn close(self) -> Result<Sample, Fault> {
        let opened = self.opened.as_ref().expect("the window goes on until it is open and something came");
        let seconds = opened.at.elapsed().as_secs_f64();
        let cpu = self.server.cpu()?.since(&opened.cpu).as_secs_f64();
        let nats_cpu = self.nats_cpu()?.zip(opened.nats_cpu.as_ref()).map(|(now, then)| now.since(then).as_secs_f64());
        let units = self.units - opened.units;
        Ok(Sample {
            units,
            seconds,
            cpu_us: cpu * 1e6 / units as f64,
            rate: units as f64 / seconds,
            nats_cpu_us: nats_cpu.map(|cpu| cpu * 1e6 / units as f64),
            server_share: (cpu + nats_cpu.unwrap_or(0.0)) / seconds,
            p50_us: percentile(&self.latencies, 0.5),
            p99_us: percentile(&self.latencies, 0.99),
            ..Sample::default()
        })
    }

    fn nats_cpu(&self) -> Result<Option<CpuTime>, Fault> {
        self.nats.map(Server::cpu).transpose()
    }
}

/// Turns until `done`, and gives up when nothing comes any more.
pub(crate) fn drain(generator: &mut Generator, done: impl Fn(&Generator) -> bool) -> Result<(), Fault> {
    let mut last = (0, Instant::now());
    while !done(generator) && last.1.elapsed() < Duration::from_secs(1) {
        generator.turn(Duration::from_millis(1))?;
        let arrived = generator.inbox().delivered + generator.inbox().answered;
        if arrived != last.0 {
            last = (arrived, Instant::now());
        }
    }
    Ok(())
}
