//! From text to packets. What is no packet is refused in the words of the router, with as much of it as an answer needs.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Datagram, Durable, Fault, FaultCode, Outcome, Packet, Push, ReqId, Request, Response, Subject, nothing};
use crate::coordinator::{Millis, PromiseId};
use crate::decode::{check_depth, object, present};
use crate::text::Text;

/// Why something is no packet.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {}", fault.code(), fault.items().join(", "))]
pub struct Refused {
    /// What is wrong with it.
    pub fault: Fault<'static>,
    /// Its subject, if it could be read.
    pub subject: Option<Subject>,
    /// Its `_reqid`, if it could be read.
    pub reqid: Option<ReqId>,
    /// False where it would have been a push or a response: those are never answered.
    pub answered: bool,
}

#[derive(Deserialize)]
struct PacketWire<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    subject: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct DatagramWire<'a> {
    #[serde(rename = "type", borrow, default, deserialize_with = "present")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    cmd: Option<&'a RawValue>,
    #[serde(rename = "_reqid", borrow, default, deserialize_with = "present")]
    reqid: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    status: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    more: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    reply: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    promise: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    within_ms: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

impl<'a> Packet<'a> {
    /// The packet that `text` writes.
    ///
    /// # Errors
    /// When it writes none.
    pub fn decode(text: &'a str) -> Result<Self, Box<Refused>> {
        let PacketWire { subject, data } = read("packet", text)?;
        let subject = word("subject", subject, Subject::parse);
        let datagram = data.ok_or_else(|| missing("data")).and_then(|data| Datagram::unchecked(data.get()));
        match (subject, datagram) {
            (Ok(subject), Ok(datagram)) => Ok(Self { subject, datagram }),
            (Ok(subject), Err(refused)) => Err(Box::new(Refused { subject: Some(subject), ..*refused })),
            (Err(refused), datagram) => Err(refused.about(datagram)),
        }
    }

    /// The same from bytes, which may be no text.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_bytes(bytes: &'a [u8]) -> Result<Self, Box<Refused>> {
        Self::decode(text_of(bytes)?)
    }
}

impl<'a> Datagram<'a> {
    /// The datagram that `text` writes.
    ///
    /// # Errors
    /// When it writes none.
    pub fn decode(text: &'a str) -> Result<Self, Box<Refused>> {
        check_depth(text).map_err(|_| invalid("packet"))?;
        Self::unchecked(text)
    }

    /// The same from bytes, which may be no text.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_bytes(bytes: &'a [u8]) -> Result<Self, Box<Refused>> {
        Self::decode(text_of(bytes)?)
    }

    /// Of a text whose nesting was checked.
    fn unchecked(text: &'a str) -> Result<Self, Box<Refused>> {
        let wire: DatagramWire<'a> = object("", text).map_err(|_| invalid("data"))?;
        let reqid = match given(wire.reqid) {
            Some(reqid) => word("_reqid", Some(reqid), ReqId::parse).map(Some),
            None => Ok(None),
        };
        let kind = given(wire.kind).ok_or_else(|| missing("type")).and_then(|kind| string(kind).ok_or_else(|| invalid("type")));
        let (known, answered) = (reqid.clone().ok().flatten(), !matches!(kind.as_deref(), Ok("p" | "r")));
        Self::read(kind, reqid, &wire).map_err(|refused| Box::new(Refused { reqid: known, answered, ..*refused }))
    }

    fn read(
        kind: Result<Cow<'a, str>, Box<Refused>>,
        reqid: Result<Option<ReqId>, Box<Refused>>,
        wire: &DatagramWire<'a>,
    ) -> Result<Self, Box<Refused>> {
        let data = given(wire.data).unwrap_or(nothing());
        let cmd = || word("cmd", wire.cmd, super::Cmd::parse);
        Ok(match &*kind? {
            "q" => {
                let (reqid, cmd, durable) = (reqid?, cmd()?, durable(wire)?);
                Self::Request(Request { reqid, cmd, durable, data: Cow::Borrowed(data) })
            }
            "p" => Self::Push(Push { cmd: cmd()?, data: Cow::Borrowed(data) }),
            "r" => Self::Response(Response { reqid: reqid?, outcome: outcome(wire, data) }),
            _ => return Err(invalid("type")),
        })
    }
}

impl Refused {
    /// The same, of a packet whose datagram could be read, or said what is wrong with it.
    fn about(self, datagram: Result<Datagram<'_>, Box<Self>>) -> Box<Self> {
        let (reqid, answered) = match datagram {
            Ok(Datagram::Request(request)) => (request.reqid, true),
            Ok(Datagram::Push(_)) => (None, false),
            Ok(Datagram::Response(response)) => (response.reqid, false),
            Err(refused) => (refused.reqid, refused.answered),
        };
        Box::new(Self { reqid, answered, ..self })
    }

    /// The response that says so; none to a push or a response.
    #[must_use]
    pub fn answer(self) -> Option<Packet<'static>> {
        let subject = self.subject.unwrap_or_else(Subject::router);
        self.answered.then(|| Packet { subject, datagram: Response::err(self.reqid, self.fault).into() })
    }
}

/// Everything but `ok` is an error, and an error ends its answer.
fn outcome<'a>(wire: &DatagramWire<'a>, data: &'a RawValue) -> Outcome<'a> {
    match (wire.status.and_then(string).as_deref(), wire.more.map(RawValue::get)) {
        (Some("ok"), Some("true")) => Outcome::Part(Cow::Borrowed(data)),
        (Some("ok"), _) => Outcome::Ok(Cow::Borrowed(data)),
        _ => Outcome::Err(Fault::read(data)),
    }
}

/// What a request says of how it is answered.
fn durable(wire: &DatagramWire<'_>) -> Result<Option<Durable>, Box<Refused>> {
    match given(wire.reply) {
        None => return Ok(None),
        Some(reply) if string(reply).as_deref() == Some("durable") => {}
        Some(_) => return Err(invalid("reply")),
    }
    let promise = given(wire.promise).map(|id| word("promise", Some(id), PromiseId::parse)).transpose()?;
    let within = given(wire.within_ms).map(|ms| serde_json::from_str(ms.get()).ok().filter(|ms| *ms > 0).map(Millis));
    let within = within.map(|ms| ms.ok_or_else(|| invalid("within_ms"))).transpose()?;
    Ok(Some(Durable { promise, within }))
}

fn read<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T, Box<Refused>> {
    check_depth(text).and_then(|()| object("", text)).map_err(|_| invalid(what))
}

fn text_of(bytes: &[u8]) -> Result<&str, Box<Refused>> {
    std::str::from_utf8(bytes).map_err(|_| invalid("packet"))
}

fn word<T, E>(name: &str, json: Option<&RawValue>, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, Box<Refused>> {
    let json = given(json).ok_or_else(|| missing(name))?;
    string(json).and_then(|text| parse(&text).ok()).ok_or_else(|| invalid(name))
}

/// `null` is nothing.
fn given(json: Option<&RawValue>) -> Option<&RawValue> {
    json.filter(|json| json.get() != "null")
}

fn string(json: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(json.get()).ok().map(|text| text.0)
}

fn invalid(field: &str) -> Box<Refused> {
    refused(FaultCode::Invalid, field)
}

fn missing(field: &str) -> Box<Refused> {
    refused(FaultCode::Incomplete, field)
}

fn refused(code: FaultCode, field: &str) -> Box<Refused> {
    Box::new(Refused { fault: Fault::new(code, &[field]), subject: None, reqid: None, answered: true })
}
