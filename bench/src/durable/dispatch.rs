//! Promises with a target: created, offered to a worker, claimed, fulfilled. The latency is from sending the request that
//! creates one until the worker has the message that offers it.

use std::time::{Duration, Instant};

use super::words::{self, Create, FAR, Resolve, Said};
use super::{JOINING, member};
use crate::fault::Fault;
use crate::generator::{Generator, Letters};
use crate::sample::Sample;
use crate::server::Server;
use crate::window::{Timing, Window};

const GROUP: &str = "work";
const TARGET: &str = "any@work";

/// Creators are the first half of the clients, each with one promise on its way; workers are the second half.
struct Dispatch<'a> {
    generator: Generator,
    window: Window<'a>,
    creators: Vec<Creator>,
    text: String,
    fulfilled: u64,
}

struct Creator {
    number: u64,
    sent_at: Instant,
    answered: bool,
    offered: bool,
    fulfilled: bool,
}

/// Creates so many at once, again and again.
pub(super) fn measure(server: &Server, timing: Timing, at_once: usize) -> Result<Sample, Fault> {
    let mut generator = Generator::new(server)?;
    generator.join((0..at_once).map(|i| member(format!("creator{i}"), None)), JOINING)?;
    generator.join((0..at_once).map(|i| member(format!("worker{i}"), Some(GROUP))), JOINING)?;
    generator.settle(Duration::from_millis(100), Duration::from_secs(10))?;
    let window = Window::new(server, timing);
    let mut dispatch = Dispatch { generator, window, creators: vec![], text: String::new(), fulfilled: 0 };
    for creator in 0..at_once {
        dispatch.create(creator, 0)?;
    }
    let mut letters = Letters::default();
    while dispatch.window.goes_on(dispatch.fulfilled)? {
        dispatch.generator.turn_or_sleep()?;
        dispatch.generator.take_letters(&mut letters);
        for (client, envelope) in letters.iter() {
            dispatch.heard(client, envelope)?;
        }
    }
    dispatch.window.close()
}

impl Dispatch<'_> {
    fn create(&mut self, creator: usize, number: u64) -> Result<(), Fault> {
        let fresh = Creator { number, sent_at: Instant::now(), answered: false, offered: false, fulfilled: false };
        if self.creators.len() == creator {
            self.creators.push(fresh);
        } else {
            self.creators[creator] = fresh;
        }
        let id = id(creator, number);
        words::ask(&mut self.text, "promise.create", number, Create { id: &id, timeout_at: FAR, target: Some(TARGET) });
        self.generator.say(creator, &self.text)
    }

    fn heard(&mut self, client: usize, envelope: &[u8]) -> Result<(), Fault> {
        let Some(said) = Said::read(envelope) else { return Err(self.generator.refused(client, envelope)) };
        if said.kind == "execute" {
            return self.offered(client, envelope, &said);
        }
        // workers number their requests by the creator
        let creator = if said.kind == "promise.create" { Some(client) } else { said.head.corr_id.parse().ok() };
        let creator = creator.filter(|creator| said.is_granted() && *creator < self.creators.len());
        let Some(creator) = creator else { return Err(self.generator.refused(client, envelope)) };
        match said.kind {
            "promise.create" => self.creators[creator].answered = true,
            "task.acquire" => return self.fulfill(client, creator),
            _ => {
                self.creators[creator].fulfilled = true;
                self.fulfilled += 1;
            }
        }
        let Creator { number, answered, fulfilled, .. } = self.creators[creator];
        if answered && fulfilled { self.create(creator, number + 1) } else { Ok(()) }
    }

    fn offered(&mut self, worker: usize, envelope: &[u8], said: &Said<'_>) -> Result<(), Fault> {
        let task = said.task().and_then(|task| Some((task.version, parts(task.id)?)));
        let Some((version, (creator, number))) = task.filter(|(_, (creator, _))| *creator < self.creators.len()) else {
            return Err(self.generator.refused(worker, envelope));
        };
        let of = &mut self.creators[creator];
        if of.number != number || of.offered {
            return Ok(()); // offered again, because nobody had claimed it for a while
        }
        of.offered = true;
        self.window.note(of.sent_at.elapsed());
        let data = format_args!(r#"{{"id":"{}","version":{version},"pid":"worker{worker}","ttl":60000}}"#, id(creator, number));
        words::ask(&mut self.text, "task.acquire", creator as u64, data);
        self.generator.say(worker, &self.text)
    }

    fn fulfill(&mut self, worker: usize, creator: usize) -> Result<(), Fault> {
        let id = id(creator, self.creators[creator].number);
        let action = words::action("promise.settle", Resolve(&id));
        let data = format_args!(r#"{{"id":"{id}","version":1,"action":{action}}}"#);
        words::ask(&mut self.text, "task.fulfill", creator as u64, data);
        self.generator.say(worker, &self.text)
    }
}

fn id(creator: usize, number: u64) -> String {
    format!("work-{creator}.{number}")
}

fn parts(id: &str) -> Option<(usize, u64)> {
    let (creator, number) = id.strip_prefix("work-")?.split_once('.')?;
    Some((creator.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_whose_promise_it_is() {
        assert_eq!(parts(&id(17, 4)), Some((17, 4)));
        assert_eq!(parts("work-17"), None);
    }
}
