//! Packets of the router: what is understood means the same when it is written and read again; and however packets of clients, workers
//! and those outside follow each other, each request is answered once.

use std::collections::BTreeMap;

use concierge_api_rs::ClientId;
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Datagram, Headers, Outcome, Packet, ReqId};
use concierge_router::{Effect, Router, Rules, Why};
use uuid::Uuid;

use crate::json;

/// A line each: who sends it (`a` to `d`, `i` for those outside, `o` for who answers out there, `.` for a second that passes), and the packet.
///
/// # Panics
/// When one of these does not hold.
pub fn run(input: &[u8]) {
    let Some(text) = json::text(input) else { return };
    let mut life = Life::new();
    for line in text.lines() {
        let mut letters = line.chars();
        match letters.next() {
            Some('.') => life.pass(1_000),
            Some(who @ ('a'..='d' | 'i' | 'o')) => life.send(id(who), letters.as_str()),
            _ => read_again(line),
        }
    }
    life.pass(1_000_000);
    life.end();
}

fn id(who: char) -> ClientId {
    ClientId(Uuid::from_u128(who.into()))
}

/// A packet means the same when it is written and read again.
fn read_again(text: &str) {
    let _headers = Headers::read(text);
    match Packet::decode(text) {
        Ok(packet) => {
            let written = packet.encode();
            assert_eq!(Packet::decode(&written).unwrap().encode(), written);
        }
        Err(refused) => {
            if let Some(answer) = refused.answer() {
                Packet::decode(&answer.encode()).unwrap();
            }
        }
    }
}

struct Life {
    router: Router,
    now: i64,
    /// Requests less final answers, of each sender by its mark.
    open: BTreeMap<(ClientId, Option<ReqId>), i64>,
}

impl Life {
    fn new() -> Self {
        let mut router = Router::new(Rules::default());
        ('a'..='d').for_each(|who| router.come(id(who), []));
        router.come_outside(id('i'), id('o'));
        Self { router, now: 0, open: BTreeMap::new() }
    }

    fn send(&mut self, who: ClientId, text: &str) {
        read_again(text);
        let Ok(packet) = Packet::decode(text) else { return };
        if let Datagram::Request(request) = &packet.datagram {
            *self.open.entry((who, request.reqid.clone())).or_default() += 1;
        }
        let effects = self.router.receive(Millis(self.now), who, packet, |_| true);
        Self::count(&mut self.open, &effects);
    }

    fn pass(&mut self, ms: i64) {
        self.now += ms;
        Self::count(&mut self.open, &self.router.expire(Millis(self.now)));
    }

    fn count(open: &mut BTreeMap<(ClientId, Option<ReqId>), i64>, effects: &[Effect<'_>]) {
        for Effect { to, packet, why } in effects {
            Packet::decode(&packet.encode()).unwrap();
            if let Datagram::Response(response) = &packet.datagram
                && !matches!(response.outcome, Outcome::Part(_))
            {
                assert!(!matches!(why, Why::Asked(..)));
                *open.entry((*to, response.reqid.clone())).or_default() -= 1;
            }
        }
    }

    fn end(self) {
        assert_eq!(self.router.in_flight(), 0);
        assert!(self.open.values().all(|open| *open == 0), "{:?}", self.open);
    }
}
