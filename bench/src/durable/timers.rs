//! Deadlines beside many pending promises: how long the server takes to start, how much memory it has, how late it settles.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::words::{self, Create, Said};
use super::{Base, CLIENTS, JOINING, Site, member};
use crate::fault::Fault;
use crate::figures::percentile;
use crate::generator::{Generator, Letters};
use crate::sample::Sample;
use crate::server::Server;
use crate::window::STALLED_AFTER;

/// Deadlines, spread evenly over their time.
const TIMERS: u64 = 10_000;
const SPREAD_MS: u64 = 5_000;
/// From the beginning until the first is due: each timer needs two requests before.
const LEAD_MS: u64 = 5_000;

/// Deadlines in milliseconds of the system's clock.
#[derive(Clone, Copy)]
struct Deadlines {
    first_ms: u64,
}

impl Deadlines {
    fn of(self, timer: u64) -> u64 {
        self.first_ms + timer * SPREAD_MS / TIMERS
    }
}

/// Somebody listens to each timer; the latency is from its deadline until the message is there.
pub(super) fn measure(site: &Site<'_>, base: &Base) -> Result<Sample, Fault> {
    let began = Instant::now();
    let server = base.serve(site)?;
    let start_ms = began.elapsed().as_secs_f64() * 1e3;
    let mut generator = Generator::new(&server)?;
    generator.join((0..CLIENTS).map(|i| member(format!("client{i}"), None)), JOINING)?;
    generator.join(std::iter::once(member("watcher".into(), Some("watch"))), 1)?;
    let deadlines = Deadlines { first_ms: now().as_millis() as u64 + LEAD_MS };
    set(&mut generator, deadlines)?;
    let sample = watch(&server, &mut generator, deadlines)?;
    let resident_mb = Some(server.resident_bytes()? as f64 / 1e6);
    Ok(Sample { start_ms: Some(start_ms), resident_mb, ..sample })
}

/// Creates all timers, and a listener for each.
fn set(generator: &mut Generator, deadlines: Deadlines) -> Result<(), Fault> {
    let (mut text, mut letters) = (String::new(), Letters::default());
    let mut next = [0; CLIENTS];
    for client in 0..CLIENTS {
        ask(generator, &mut text, client, 0, deadlines)?;
    }
    let mut done = 0;
    while done < 2 * TIMERS {
        if now().as_millis() as u64 >= deadlines.first_ms {
            return Err(Fault::TooSlow { done: done / 2, total: TIMERS });
        }
        generator.turn_or_sleep()?;
        generator.take_letters(&mut letters);
        for (client, envelope) in letters.iter() {
            if !Said::read(envelope).is_some_and(|said| said.is_granted()) {
                return Err(generator.refused(client, envelope));
            }
            done += 1;
            next[client] += 1;
            ask(generator, &mut text, client, next[client], deadlines)?;
        }
    }
    Ok(())
}

/// Request `number` of a client, if it has one: the even ones create, the odd ones listen.
fn ask(generator: &mut Generator, text: &mut String, client: usize, number: u64, deadlines: Deadlines) -> Result<(), Fault> {
    let timer = number / 2 * CLIENTS as u64 + client as u64;
    if timer >= TIMERS {
        return Ok(());
    }
    let id = format!("timer-{timer}");
    if number.is_multiple_of(2) {
        let timeout_at = i64::try_from(deadlines.of(timer)).unwrap_or(i64::MAX);
        words::ask(text, "promise.create", number, Create { id: &id, timeout_at, target: None });
    } else {
        let data = format_args!(r#"{{"awaited":"{id}","address":"any@watch"}}"#);
        words::ask(text, "promise.register_listener", number, data);
    }
    generator.say(client, text)
}

/// Waits for every timer.
fn watch(server: &Server, generator: &mut Generator, deadlines: Deadlines) -> Result<Sample, Fault> {
    let (began, cpu) = (Instant::now(), server.cpu()?);
    let last_due = Duration::from_millis(deadlines.of(TIMERS));
    let mut heard = vec![false; usize::try_from(TIMERS).expect("it is small")];
    let (mut late_us, mut letters) = (vec![], Letters::default());
    while (late_us.len() as u64) < TIMERS {
        generator.turn_or_sleep()?;
        generator.take_letters(&mut letters);
        for (client, envelope) in letters.iter() {
            let said = Said::read(envelope);
            let promise = said.as_ref().and_then(Said::promise);
            let timer = promise.and_then(|promise| promise.id.strip_prefix("timer-")?.parse::<u64>().ok());
            let timer = timer.filter(|timer| *timer < TIMERS).ok_or_else(|| generator.refused(client, envelope))?;
            if !std::mem::replace(&mut heard[timer as usize], true) {
                let late = now().as_secs_f64() - Duration::from_millis(deadlines.of(timer)).as_secs_f64();
                late_us.push(late * 1e6);
            }
        }
        if now() > last_due + STALLED_AFTER {
            return Err(Fault::Stalled { units: late_us.len() as u64, for_s: STALLED_AFTER.as_secs() });
        }
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), server.cpu()?.since(&cpu).as_secs_f64());
    Ok(Sample {
        units: TIMERS,
        seconds,
        cpu_us: cpu * 1e6 / TIMERS as f64,
        rate: TIMERS as f64 / seconds,
        server_share: cpu / seconds,
        p50_us: percentile(&late_us, 0.5),
        p99_us: percentile(&late_us, 0.99),
        ..Sample::default()
    })
}

/// Since 1970, as the server sees it.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
