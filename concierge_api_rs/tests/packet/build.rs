//! Packets in few words, and a way to compare them: raw JSON compares by its text.

use concierge_api_rs::packet::{Cmd, Data, Datagram, Fault, FaultCode, Outcome, Packet, Push, ReqId, Request, Response, Subject};
use serde_json::value::RawValue;

pub(crate) fn data(json: &str) -> Data<'static> {
    Data::Owned(RawValue::from_string(json.to_owned()).unwrap())
}

fn mark(reqid: &str) -> Option<ReqId> {
    ReqId::parse(reqid).ok()
}

fn packet(subject: &str, datagram: impl Into<Datagram<'static>>) -> Packet<'static> {
    Packet { subject: Subject::parse(subject).unwrap(), datagram: datagram.into() }
}

/// A request; an empty `reqid` is none, in all of these.
pub(crate) fn q(subject: &str, cmd: &str, reqid: &str, json: &str) -> Packet<'static> {
    packet(subject, Request { cmd: Cmd::parse(cmd).unwrap(), reqid: mark(reqid), durable: None, data: data(json) })
}

/// A push.
pub(crate) fn p(subject: &str, cmd: &str, json: &str) -> Packet<'static> {
    packet(subject, Push { cmd: Cmd::parse(cmd).unwrap(), data: data(json) })
}

/// Results.
pub(crate) fn ok(subject: &str, reqid: &str, json: &str) -> Packet<'static> {
    packet(subject, Response { reqid: mark(reqid), outcome: Outcome::Ok(data(json)) })
}

/// A part of them.
pub(crate) fn part(subject: &str, reqid: &str, json: &str) -> Packet<'static> {
    packet(subject, Response { reqid: mark(reqid), outcome: Outcome::Part(data(json)) })
}

/// An error.
pub(crate) fn err(subject: &str, reqid: &str, code: FaultCode, items: &[&str]) -> Packet<'static> {
    packet(subject, Response::err(mark(reqid), Fault::new(code, items)))
}

/// All that a packet says.
pub(crate) fn shown(packet: &Packet<'_>) -> String {
    format!("{packet:?}").replace("Owned(", "").replace("Borrowed(", "").replace("))", ")")
}
