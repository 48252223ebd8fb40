//! A small world for stories: clients with names, packets as they are written, and a line for each packet that somebody gets.

use concierge_api_rs::ClientId;
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::Packet;
use concierge_router::{Effect, Router, Rules};
use uuid::Uuid;

pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) router: Router,
    /// Who has no room.
    pub(crate) full: Vec<&'static str>,
}

/// The client of that name.
pub(crate) fn id(name: &str) -> ClientId {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    ClientId(Uuid::from_bytes(bytes))
}

fn name(id: ClientId) -> String {
    String::from_utf8(id.0.as_bytes().iter().copied().filter(|b| *b != 0).collect()).unwrap()
}

/// `ada <- {…}`.
pub(crate) fn lines(effects: Vec<Effect<'_>>) -> Vec<String> {
    effects.iter().map(|Effect { to, packet, .. }| format!("{} <- {}", name(*to), packet.encode())).collect()
}

impl World {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { now: 0, router: Router::new(rules), full: Vec::new() }
    }

    /// Everything passes; ada and bob ask, and these serve `math`.
    pub(crate) fn with_workers(workers: &[&str]) -> Self {
        let mut world = Self::new(Rules::default());
        ["ada", "bob"].iter().chain(workers).for_each(|name| world.comes(name, &[]));
        workers.iter().for_each(|name| world.serves(name, &["math"]));
        world
    }

    pub(crate) fn comes(&mut self, name: &str, tags: &[&str]) {
        self.router.come(id(name), tags.iter().map(|tag| (*tag).to_owned()));
    }

    pub(crate) fn goes(&mut self, name: &str) -> Vec<String> {
        lines(self.router.go(Millis(self.now), id(name)))
    }

    /// Sends a packet to a subject.
    pub(crate) fn sends(&mut self, name: &str, subject: &str, datagram: &str) -> Vec<String> {
        let text = format!(r#"{{"subject":"{subject}","data":{datagram}}}"#);
        let has_room = |who| !self.full.iter().any(|name| id(name) == who);
        lines(self.router.receive(Millis(self.now), id(name), Packet::decode(&text).unwrap(), has_room))
    }

    /// A request `math/add`.
    pub(crate) fn asks(&mut self, name: &str, reqid: &str) -> Vec<String> {
        self.sends(name, "api", &format!(r#"{{"type":"q","cmd":"math/add","_reqid":"{reqid}","data":[1, 2]}}"#))
    }

    pub(crate) fn answers(&mut self, name: &str, ticket: &str, data: &str) -> Vec<String> {
        self.sends(name, "api", &format!(r#"{{"type":"r","status":"ok","_reqid":"{ticket}","data":{data}}}"#))
    }

    pub(crate) fn serves(&mut self, name: &str, categories: &[&str]) {
        let list = serde_json::to_string(categories).unwrap();
        let push = format!(r#"{{"type":"p","cmd":"router/serve","data":{{"categories":{list}}}}}"#);
        assert_eq!(self.sends(name, "router", &push), [""; 0]);
    }

    pub(crate) fn cancels(&mut self, name: &str, reqid: &str) -> Vec<String> {
        self.sends(name, "api", &format!(r#"{{"type":"p","cmd":"sys/cancel","data":{{"_reqid":"{reqid}"}}}}"#))
    }

    /// It is this time, and what is due happens.
    pub(crate) fn at(&mut self, now: i64) -> Vec<String> {
        self.now = now;
        lines(self.router.expire(Millis(now)))
    }
}

/// The line of a request that reaches a worker.
pub(crate) fn given(to: &str, ticket: &str) -> String {
    format!(r#"{to} <- {{"subject":"api","data":{{"type":"q","cmd":"math/add","_reqid":"{ticket}","data":[1, 2]}}}}"#)
}

/// The line of results.
pub(crate) fn told(to: &str, reqid: &str, data: &str) -> String {
    format!(r#"{to} <- {{"subject":"api","data":{{"type":"r","status":"ok","_reqid":"{reqid}","data":{data}}}}}"#)
}

/// The line of an error about something, or about nothing.
pub(crate) fn failed(to: &str, reqid: &str, code: u8, item: &str) -> String {
    let data = if item.is_empty() { "{}".to_owned() } else { format!(r#"{{"items":["{item}"]}}"#) };
    format!(
        r#"{to} <- {{"subject":"api","data":{{"type":"r","status":"err","_reqid":"{reqid}","data":{{"code":{code},"data":{data}}}}}}}"#
    )
}

/// The line that a worker need not answer.
pub(crate) fn cancelled(to: &str, ticket: &str) -> String {
    format!(r#"{to} <- {{"subject":"api","data":{{"type":"p","cmd":"sys/cancel","data":{{"_reqid":"{ticket}"}}}}}}"#)
}
