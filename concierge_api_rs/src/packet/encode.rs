//! From packets to text: every field that is there, in one order.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Datagram, Fault, Headers, Outcome, Packet, ReqId};

#[derive(Serialize)]
struct PacketWire<'a> {
    subject: &'a str,
    data: DatagramWire<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<&'a Headers>,
}

#[derive(Serialize)]
struct DatagramWire<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<&'a str>,
    #[serde(rename = "_reqid", skip_serializing_if = "Option::is_none")]
    reqid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promise: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    within_ms: Option<i64>,
    data: Carried<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Carried<'a> {
    Data(&'a RawValue),
    Fault { code: u8, data: &'a RawValue },
}

impl Packet<'_> {
    /// As text.
    #[must_use]
    pub fn encode(&self) -> String {
        self.text(None)
    }

    /// As a worker gets it: with what the hub says of who asks.
    #[must_use]
    pub fn encode_with(&self, headers: &Headers) -> String {
        self.text(Some(headers))
    }

    fn text(&self, headers: Option<&Headers>) -> String {
        text(&PacketWire { subject: self.subject.as_str(), data: self.datagram.wire(), headers })
    }
}

impl Datagram<'_> {
    /// As text.
    #[must_use]
    pub fn encode(&self) -> String {
        text(&self.wire())
    }

    fn wire(&self) -> DatagramWire<'_> {
        let empty = |kind, data| DatagramWire {
            kind,
            status: None,
            cmd: None,
            reqid: None,
            more: None,
            reply: None,
            promise: None,
            within_ms: None,
            data,
        };
        match self {
            Self::Request(request) => DatagramWire {
                cmd: Some(request.cmd.as_str()),
                reqid: request.reqid.as_ref().map(ReqId::as_str),
                reply: request.durable.as_ref().map(|_| "durable"),
                promise: request.durable.as_ref().and_then(|durable| Some(durable.promise.as_ref()?.as_str())),
                within_ms: request.durable.as_ref().and_then(|durable| Some(durable.within?.0)),
                ..empty("q", Carried::Data(&request.data))
            },
            Self::Push(push) => DatagramWire { cmd: Some(push.cmd.as_str()), ..empty("p", Carried::Data(&push.data)) },
            Self::Response(response) => {
                let (status, more, data) = match &response.outcome {
                    Outcome::Part(data) => ("ok", Some(true), Carried::Data(data)),
                    Outcome::Ok(data) => ("ok", None, Carried::Data(data)),
                    Outcome::Err(fault) => ("err", None, fault.wire()),
                };
                let reqid = response.reqid.as_ref().map(ReqId::as_str);
                DatagramWire { status: Some(status), reqid, more, ..empty("r", data) }
            }
        }
    }
}

impl Fault<'_> {
    fn wire(&self) -> Carried<'_> {
        Carried::Fault { code: self.code().number(), data: self.data() }
    }
}

/// An object with one field that is text, or a list of it.
pub(super) fn object_of(name: &str, value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(&BTreeMap::from([(name, value)])).expect("its keys are text")
}

fn text(wire: &impl Serialize) -> String {
    serde_json::to_string(wire).expect("it has no maps, and raw values are JSON")
}
