//! Clients that go through the same few requests again and again, one in flight for each.

use std::fmt;
use std::time::{Duration, Instant};

use super::words::{self, Create, FAR, Resolve, Said};
use super::{JOINING, member};
use crate::fault::Fault;
use crate::generator::{Generator, Letters};
use crate::sample::Sample;
use crate::server::Server;
use crate::window::{Timing, Window};

/// The requests of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cycle {
    /// promise.create, promise.settle.
    Pair,
    /// task.create, task.fence of promise.create, task.fence of promise.settle, task.fulfill.
    Task,
}

/// How promises are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// By the client and a number that grows, as programs number what they do.
    InOrder,
    /// So that none is near the one before.
    Unordered,
}

/// The id of a client's promise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id {
    pub(super) ids: Ids,
    pub(super) client: usize,
    pub(super) number: u64,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ids, client, number } = *self;
        match ids {
            Ids::InOrder => write!(f, "client-{client:05}.{number:08}"),
            Ids::Unordered => write!(f, "{:016x}", scattered((client as u64) << 40 | number)),
        }
    }
}

/// Another number for each number, without order (the finalizer of SplitMix64).
pub(super) fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

impl Cycle {
    /// Requests of one cycle.
    pub(super) fn steps(self) -> u64 {
        match self {
            Self::Pair => 2,
            Self::Task => 4,
        }
    }

    /// Writes the request after `asked` ones of a client.
    fn ask(self, out: &mut String, ids: Ids, client: usize, asked: u64) {
        let id = Id { ids, client, number: asked / self.steps() };
        let child = format_args!("{id}.1");
        let create = |id, target| Create { id, timeout_at: FAR, target };
        match (self, asked % self.steps()) {
            (Self::Pair, 0) => words::ask(out, "promise.create", asked, create(&id, None)),
            (Self::Pair, _) => words::ask(out, "promise.settle", asked, Resolve(&id)),
            (Self::Task, 0) => {
                let action = words::action("promise.create", create(&id, Some("any@nobody")));
                words::ask(out, "task.create", asked, format_args!(r#"{{"pid":"{client}","ttl":600000,"action":{action}}}"#));
            }
            (Self::Task, step) => {
                let (kind, action) = match step {
                    1 => ("task.fence", words::action("promise.create", create(&child, None))),
                    2 => ("task.fence", words::action("promise.settle", Resolve(&child))),
                    _ => ("task.fulfill", words::action("promise.settle", Resolve(&id))),
                };
                words::ask(out, kind, asked, format_args!(r#"{{"id":"{id}","version":1,"action":{action}}}"#));
            }
        }
    }
}

/// Loads a server. Gives how many answers each client has, too.
pub(super) fn run(server: &Server, timing: Timing, cycle: Cycle, ids: Ids, clients: usize) -> Result<(Sample, Vec<u64>), Fault> {
    let mut generator = Generator::new(server)?;
    generator.join((0..clients).map(|i| member(format!("client{i}"), None)), JOINING)?;
    generator.settle(Duration::from_millis(100), Duration::from_secs(10))?;
    let (mut letters, mut text) = (Letters::default(), String::new());
    let mut answered = vec![0; clients];
    let mut sent_at = vec![Instant::now(); clients];
    let mut window = Window::new(server, timing);
    for client in 0..clients {
        cycle.ask(&mut text, ids, client, 0);
        generator.say(client, &text)?;
    }
    let mut units = 0;
    while window.goes_on(units)? {
        generator.turn_or_sleep()?;
        generator.take_letters(&mut letters);
        for (client, envelope) in letters.iter() {
            let granted = Said::read(envelope).is_some_and(|said| said.grants(answered[client]));
            if !granted {
                return Err(generator.refused(client, envelope));
            }
            window.note(sent_at[client].elapsed());
            answered[client] += 1;
            units += 1;
            cycle.ask(&mut text, ids, client, answered[client]);
            sent_at[client] = Instant::now();
            generator.say(client, &text)?;
        }
    }
    Ok((window.close()?, answered))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::Base;
    use crate::ledger::Ledger;
    use tokio::net::TcpListener;

    #[test]
    fn numbers_are_scattered_without_collisions() {
        let mut seen: Vec<u64> = (0..10_000).map(scattered).collect();
        assert!(!seen.is_sorted());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10_000);
    }

    #[test]
    fn the_generator_and_the_baseline_understand_each_other_about_promises() {
        let base = Base::new().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let server = Server::inside(listener.local_addr().unwrap());
        let ledger = Ledger::open(&base.path()).unwrap();
        runtime.spawn(crate::baseline::serve(listener, Some(ledger)));
        let timing = Timing { warm_up: Duration::from_millis(20), measured: Duration::from_millis(100) };
        for (ids, clients) in [(Ids::InOrder, 1), (Ids::Unordered, 5)] {
            let (sample, answered) = run(&server, timing, Cycle::Pair, ids, clients).unwrap();
            assert!(sample.rate > 0.0 && sample.p99_us.is_some(), "{sample:?}");
            assert!(answered.iter().sum::<u64>() >= sample.units && answered.len() == clients);
        }
        let refused = run(&server, timing, Cycle::Task, Ids::InOrder, 1);
        assert!(matches!(refused, Err(Fault::Refused { .. })), "the baseline has no tasks: {refused:?}");
    }
}
