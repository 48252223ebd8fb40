//! The router's datagrams as text: a request for the sum of two numbers, and its answer.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What is asked.
pub(super) const CMD: &str = "math/add";
/// Of whom, in a packet of the hub.
const SUBJECT: &str = "api";
/// The same on NATS, with what hubs put before it unless told otherwise.
pub(super) const NATS_SUBJECT: &str = "concierge.api.math";

/// One of the requests in flight: its place among them, which is its `_reqid`, and how many had that before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) slot: usize,
    pub(super) number: u64,
}

impl Question {
    /// What a worker is to answer.
    pub(super) fn sum(self) -> u64 {
        self.slot as u64 + self.number
    }

    /// The datagram.
    pub(super) fn datagram(self) -> String {
        let Self { slot, number } = self;
        format!(r#"{{"type":"q","cmd":"{CMD}","_reqid":"{slot}","data":[{slot},{number}]}}"#)
    }
}

/// The push by which a client of the hub becomes a worker.
pub(super) const SERVE: &str = r#"{"type":"p","cmd":"router/serve","data":{"categories":["math"]}}"#;

/// Writes a MESSAGE with a datagram to the hub's router.
pub(super) fn packet(out: &mut String, datagram: &str) {
    out.clear();
    let target = r#"{"type":"SERVICE","service":"router"}"#;
    let data = format_args!(r#"{{"subject":"{SUBJECT}","data":{datagram}}}"#);
    let _ = write!(out, r#"{{"type":"MESSAGE","target":{target},"data":{data}}}"#); // writing to a String cannot fail
}

/// What somebody said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A request: its `_reqid` and the answer to it.
    Request(String),
    /// A response with a sum.
    Sum { slot: usize, sum: u64 },
    /// A response: nobody is there to answer it.
    Unavailable,
}

#[derive(Deserialize)]
struct Packet<'a> {
    #[serde(borrow)]
    data: Datagram<'a>,
}

#[derive(Deserialize)]
struct Datagram<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    cmd: Option<&'a str>,
    status: Option<&'a str>,
    #[serde(rename = "_reqid")]
    reqid: Option<&'a str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Fault {
    code: u16,
}

/// UNAVAILABLE.
const NOBODY: u16 = 2;

/// What a packet of the hub says; `None` when it is none that belongs to this scenario.
pub(super) fn of_packet(text: &[u8]) -> Option<Said> {
    serde_json::from_slice::<Packet<'_>>(text).ok()?.data.said()
}

/// The same of a datagram alone.
pub(super) fn of_datagram(text: &[u8]) -> Option<Said> {
    serde_json::from_slice::<Datagram<'_>>(text).ok()?.said()
}

impl Datagram<'_> {
    fn said(&self) -> Option<Said> {
        match (self.kind, self.status) {
            ("q", _) if self.cmd == Some(CMD) => {
                let [a, b]: [u64; 2] = serde_json::from_str(self.data.get()).ok()?;
                let reqid = self.reqid?;
                Some(Said::Request(format!(r#"{{"type":"r","status":"ok","_reqid":"{reqid}","data":{}}}"#, a + b)))
            }
            ("r", Some("ok")) => Some(Said::Sum { slot: self.reqid?.parse().ok()?, sum: self.data.get().parse().ok()? }),
            ("r", Some("err")) => {
                let Fault { code } = serde_json::from_str(self.data.get()).ok()?;
                (code == NOBODY).then_some(Said::Unavailable)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use concierge_api_rs::PayloadIn;
    use concierge_api_rs::packet::{Datagram, FaultCode, Outcome, Packet};

    const QUESTION: Question = Question { slot: 7, number: 40 };

    /// What the router reads of a datagram in a MESSAGE, and hands on.
    fn heard(datagram: &str, check: impl FnOnce(Datagram<'_>)) {
        let mut text = String::new();
        packet(&mut text, datagram);
        let PayloadIn::Message(message) = PayloadIn::decode(&text).unwrap() else { panic!("{text}") };
        let packet = Packet::decode(message.data.get()).unwrap();
        assert_eq!(packet.subject.as_str(), SUBJECT);
        check(packet.datagram);
    }

    #[test]
    fn a_request_is_one_and_its_answer_is_the_sum() {
        heard(&QUESTION.datagram(), |datagram| {
            let Datagram::Request(request) = datagram else { panic!("{datagram:?}") };
            assert_eq!((request.cmd.as_str(), request.data.get()), (CMD, "[7,40]"));
            assert!(NATS_SUBJECT.ends_with(&format!("{SUBJECT}.{}", request.cmd.category().as_str())));
        });
        let Some(Said::Request(answer)) = of_datagram(QUESTION.datagram().as_bytes()) else { panic!() };
        heard(&answer, |datagram| {
            let Datagram::Response(response) = datagram else { panic!("{datagram:?}") };
            assert!(matches!(response.outcome, Outcome::Ok(sum) if sum.get() == "47"));
        });
        assert_eq!(of_datagram(answer.as_bytes()), Some(Said::Sum { slot: 7, sum: QUESTION.sum() }));
    }

    #[test]
    fn a_worker_says_what_it_serves() {
        heard(SERVE, |datagram| {
            let Datagram::Push(push) = datagram else { panic!("{datagram:?}") };
            let serve = push.serves().unwrap();
            assert_eq!(serve.categories.iter().map(|category| category.as_str()).collect::<Vec<_>>(), ["math"]);
        });
    }

    #[test]
    fn a_missing_worker_is_told_from_other_errors() {
        let err = |code: FaultCode| {
            format!(
                r#"{{"subject":"api","data":{{"type":"r","status":"err","_reqid":"7","data":{{"code":{},"data":{{}}}}}}}}"#,
                code.number()
            )
        };
        assert_eq!(of_packet(err(FaultCode::Unavailable).as_bytes()), Some(Said::Unavailable));
        assert_eq!(of_packet(err(FaultCode::Timeout).as_bytes()), None);
        assert_eq!(of_packet(br#"{"subject":"api","data":{"type":"q","cmd":"math/sub","_reqid":"1","data":[1,2]}}"#), None);
    }
}
