//! Fan-out, lock-step, many senders, pairs: streams of messages with a bounded number in flight.

use std::time::{Duration, Instant};

use concierge_api_rs::limits::OUTBOX_BYTES;

use crate::dialect::To;
use crate::fault::Fault;
use crate::generator::{Client, Generator};
use crate::payload::Template;
use crate::sample::Sample;
use crate::server::Server;
use crate::traffic::{DATA_BYTES, RECEIVERS_OF_ALL};
use crate::window::{Timing, Window, drain};

/// Deliveries in flight of a saturated fan-out, unless the outbox bounds it.
const DELIVERIES_IN_FLIGHT: u64 = 65_536;
/// What a hub puts around the data, generously.
const ENVELOPE_BYTES: usize = 512;
/// A sender waits while this much of what it said is unsent.
const UNSENT_BYTES: usize = 256 * 1024;
/// Clients that connect at once before a load.
const JOINING: usize = 16;
const QUIET: Duration = Duration::from_millis(100);

/// How a stream is fed: so many messages beyond what all receivers have, sent in bursts.
#[derive(Clone, Copy)]
struct Feed {
    in_flight: u64,
    burst: u64,
}

const LOCK_STEP: Feed = Feed { in_flight: 1, burst: 1 };
const SENDERS: Feed = Feed { in_flight: 2, burst: 1 };
const PAIRS: Feed = Feed { in_flight: 32, burst: 8 };

/// Saturation: as much in flight as half of one receiver's outbox holds, so that a correct hub never cuts a receiver.
fn saturation(receivers: usize, data_bytes: usize) -> Feed {
    let fits = OUTBOX_BYTES / 2 / (data_bytes + ENVELOPE_BYTES);
    let in_flight = (DELIVERIES_IN_FLIGHT / receivers as u64).clamp(1, fits as u64);
    Feed { in_flight, burst: (in_flight / 8).max(1) }
}

/// A stream and who sends it.
struct Source {
    client: usize,
    template: Template,
    receivers: usize,
    published: u64,
}

impl Source {
    fn new(client: usize, template: Template, receivers: usize) -> Self {
        Self { client, template, receivers, published: 0 }
    }

    /// Publishes a burst at a time, as long as there is room in flight.
    fn feed(&mut self, generator: &mut Generator, feed: Feed) -> Result<bool, Fault> {
        let mut fed = false;
        while self.published + feed.burst <= generator.inbox().complete(self.template.stream()) + feed.in_flight
            && generator.unsent(self.client) < UNSENT_BYTES
        {
            for _ in 0..feed.burst {
                generator.queue(self.client, &self.template, self.published);
                self.published += 1;
            }
            generator.flush(self.client)?;
            fed = true;
        }
        Ok(fed)
    }
}

/// One owner broadcasts to the subscribers of its service, as fast as they take it.
pub(super) fn fan_out(server: &Server, timing: Timing, receivers: usize, data_bytes: usize) -> Result<Sample, Fault> {
    let feed = saturation(receivers, data_bytes);
    let (mut generator, sources) = one_sender(server, receivers, data_bytes, feed)?;
    load(server, timing, &mut generator, sources, feed)
}

/// The same, but the next message is sent when all have the last. The latency is that of a whole fan-out.
pub(super) fn lock_step(server: &Server, timing: Timing, receivers: usize) -> Result<Sample, Fault> {
    let (mut generator, sources) = one_sender(server, receivers, DATA_BYTES, LOCK_STEP)?;
    load(server, timing, &mut generator, sources, LOCK_STEP)
}

fn one_sender(server: &Server, receivers: usize, data_bytes: usize, feed: Feed) -> Result<(Generator, Vec<Source>), Fault> {
    let mut generator = Generator::new(server)?;
    generator.expect_stream(receivers, feed.in_flight);
    generator.join(std::iter::once(owner(0)), 1)?;
    generator.join((0..receivers).map(|i| subscriber(i, 1)), JOINING)?;
    let template = Template::new(server.dialect, To::Service(&room(0)), 0, data_bytes);
    Ok((generator, vec![Source::new(0, template, receivers)]))
}

/// Several owners broadcast to the same subscribers: whether a hub joins what different senders say.
pub(super) fn senders(server: &Server, timing: Timing, senders: usize) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server)?;
    for _ in 0..senders {
        generator.expect_stream(RECEIVERS_OF_ALL, SENDERS.in_flight);
    }
    generator.join((0..senders).map(owner), JOINING)?;
    generator.join((0..RECEIVERS_OF_ALL).map(|i| subscriber(i, senders)), JOINING)?;
    let template = |i| Template::new(server.dialect, To::Service(&room(i)), i, DATA_BYTES);
    let sources = (0..senders).map(|i| Source::new(i, template(i), RECEIVERS_OF_ALL)).collect();
    load(server, timing, &mut generator, sources, SENDERS)
}

/// Pairs of clients; one of each sends to the other by name.
pub(super) fn pairs(server: &Server, timing: Timing, pairs: usize) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server)?;
    for _ in 0..pairs {
        generator.expect_stream(1, PAIRS.in_flight);
    }
    generator.join((0..pairs).map(|i| Client::named(format!("source{i}"))), JOINING)?;
    generator.join((0..pairs).map(|i| Client::named(format!("target{i}"))), JOINING)?;
    let template = |i| Template::new(server.dialect, To::Client(&format!("target{i}")), i, DATA_BYTES);
    let sources = (0..pairs).map(|i| Source::new(i, template(i), 1)).collect();
    load(server, timing, &mut generator, sources, PAIRS)
}

pub(super) fn room(i: usize) -> String {
    format!("room{i}")
}

pub(super) fn owner(i: usize) -> Client {
    Client { owns: vec![room(i)], ..Client::named(format!("owner{i}")) }
}

pub(super) fn subscriber(i: usize, rooms: usize) -> Client {
    Client { subscribes: (0..rooms).map(room).collect(), ..Client::named(format!("subscriber{i}")) }
}

/// Feeds all sources for the time of a window, then waits for what is still under way.
fn load(server: &Server, timing: Timing, generator: &mut Generator, sources: Vec<Source>, feed: Feed) -> Result<Sample, Fault> {
    let mut sources = sources;
    generator.settle(QUIET, Duration::from_secs(10))?;
    let mut window = Window::new(server, timing);
    let mut sent_at = Instant::now();
    let mut complete = 0;
    while window.goes_on(generator.inbox().delivered)? {
        for source in &mut sources {
            if source.feed(generator, feed)? {
                sent_at = Instant::now();
            }
        }
        generator.turn(Duration::ZERO)?;
        if feed.in_flight == 1 && generator.inbox().complete(0) > complete {
            complete = generator.inbox().complete(0);
            window.note(sent_at.elapsed());
        }
    }
    let sample = window.close()?;
    everything_came(generator, &sources)?;
    let message_bytes = generator.inbox().delivered_bytes as f64 / generator.inbox().delivered as f64;
    Ok(Sample { message_bytes: Some(message_bytes), ..sample })
}

/// Every message at every receiver, and an OK for every message where there are answers.
fn everything_came(generator: &mut Generator, sources: &[Source]) -> Result<(), Fault> {
    let published = if generator.dialect().answers() { sources.iter().map(|s| s.published).sum() } else { 0 };
    let due: u64 = sources.iter().map(|s| s.published * s.receivers as u64).sum();
    drain(generator, |generator| generator.inbox().delivered >= due && generator.inbox().answered >= published)?;
    let (delivered, answered) = (generator.inbox().delivered, generator.inbox().answered);
    if (delivered, answered) == (due, published) { Ok(()) } else { Err(Fault::Missing { delivered, due, answered, published }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_flight_never_fills_an_outbox() {
        for (receivers, data_bytes) in [(1, 128), (10, 128), (100, 128), (1000, 128), (100, 16 * 1024), (19_000, 128)] {
            let feed = saturation(receivers, data_bytes);
            assert!(feed.in_flight as usize * (data_bytes + ENVELOPE_BYTES) <= OUTBOX_BYTES / 2);
            assert!(feed.burst >= 1 && feed.burst <= feed.in_flight);
            assert!(feed.in_flight * receivers as u64 <= DELIVERIES_IN_FLIGHT);
        }
    }
}
