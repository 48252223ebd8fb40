//! Two clients answer each other by name, as fast as they can, beside idle ones.

use std::time::{Duration, Instant};

use crate::dialect::To;
use crate::fault::Fault;
use crate::generator::{Client, Generator};
use crate::payload::Template;
use crate::sample::Sample;
use crate::server::Server;
use crate::traffic::DATA_BYTES;
use crate::window::{STALLED_AFTER, Timing, Window};

/// The latency is that of a round trip: two messages through the server.
pub(super) fn measure(server: &Server, timing: Timing, idle: usize) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server)?;
    generator.expect_stream(1, 1);
    generator.expect_stream(1, 1);
    generator.join(["ping", "pong"].into_iter().map(Client::named), 2)?;
    generator.join((0..idle).map(|i| Client::named(format!("idle{i}"))), 16)?;
    generator.settle(Duration::from_millis(200), Duration::from_secs(10))?;
    let way = |to, stream| Template::new(server.dialect, To::Client(to), stream, DATA_BYTES);
    let ways = [way("pong", 0), way("ping", 1)];
    let mut window = Window::new(server, timing);
    let mut number = 0;
    while window.goes_on(generator.inbox().delivered)? {
        let began = Instant::now();
        for (from, way) in ways.iter().enumerate() {
            generator.queue(from, way, number);
            generator.flush(from)?;
            while generator.inbox().complete(way.stream()) == number {
                generator.turn(Duration::ZERO)?;
                if began.elapsed() > STALLED_AFTER {
                    return Err(Fault::Stalled { units: generator.inbox().delivered, for_s: STALLED_AFTER.as_secs() });
                }
            }
        }
        window.note(began.elapsed());
        number += 1;
    }
    window.close()
}
