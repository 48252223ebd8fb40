//! The words of the router: packets. One is a subject and a datagram, which is a request (`q`), a push (`p`, never answered) or a
//! response (`r`). Where a transport has subjects of its own, the datagram travels alone.
//!
//! What is read may be less than what is written: a response without a status is an error, an error that can't be read is a
//! generic one, missing data is `{}`. `data` stays as it was written.
//!
//! ```
//! use concierge_api_rs::packet::{Datagram, Packet, Response};
//!
//! let text = r#"{"subject":"api","data":{"type":"q","cmd":"math/add","_reqid":"1","data":{"a":1, "b":2}}}"#;
//! let packet = Packet::decode(text)?;
//! let Datagram::Request(request) = &packet.datagram else { unreachable!() };
//! assert_eq!((request.cmd.category().as_str(), request.data.get()), ("math", r#"{"a":1, "b":2}"#));
//!
//! let sum = serde_json::value::to_raw_value(&3).unwrap();
//! let answer = Packet { subject: packet.subject, datagram: Response::ok(request.reqid.clone(), &sum).into() };
//! assert_eq!(answer.encode(), r#"{"subject":"api","data":{"type":"r","status":"ok","_reqid":"1","data":3}}"#);
//! # Ok::<(), Box<concierge_api_rs::packet::Refused>>(())
//! ```

mod control;
mod decode;
mod durable;
mod encode;
mod fault;
mod headers;
mod names;
#[cfg(feature = "schema")]
mod schema;

use std::borrow::Cow;

use serde_json::value::RawValue;

pub use control::{CANCEL, SERVE, Serve};
pub use decode::Refused;
pub use durable::Durable;
pub use fault::{Codes, Fault, FaultCode};
pub use headers::{API_KEY, DEADLINE, ERROR, ERROR_CODE, Headers};
pub use names::{Category, Cmd, Group, ReqId, Subject, WordError};
#[cfg(feature = "schema")]
pub(crate) use schema::definitions;

/// JSON as it was written, or as it was made here.
pub type Data<'a> = Cow<'a, RawValue>;

/// Where to, and what.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    /// Where to; of a response, what its request was sent to.
    pub subject: Subject,
    /// What.
    pub datagram: Datagram<'a>,
}

/// What travels where the transport has subjects of its own.
#[derive(Debug, Clone)]
pub enum Datagram<'a> {
    /// `q`: answered exactly once.
    Request(Request<'a>),
    /// `p`: never answered, not even when it is refused.
    Push(Push<'a>),
    /// `r`: an answer, or a part of one.
    Response(Response<'a>),
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is to be done.
    pub cmd: Cmd,
    /// Its sender's mark, repeated by every response. Where many share a stream there has to be one.
    pub reqid: Option<ReqId>,
    /// `reply: "durable"`: its answer is a promise, whose value the worker's is.
    pub durable: Option<Durable>,
    /// The arguments.
    pub data: Data<'a>,
}

/// A push.
#[derive(Debug, Clone)]
pub struct Push<'a> {
    /// What is to be done.
    pub cmd: Cmd,
    /// The arguments.
    pub data: Data<'a>,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Response<'a> {
    /// The mark of the request that it answers.
    pub reqid: Option<ReqId>,
    /// What it says.
    pub outcome: Outcome<'a>,
}

/// What a response says.
#[derive(Debug, Clone)]
pub enum Outcome<'a> {
    /// `ok` with `more`: a part, after which another one comes.
    Part(Data<'a>),
    /// `ok`: the results, or the last part of them.
    Ok(Data<'a>),
    /// `err`: nothing comes after it, whatever came before.
    Err(Fault<'a>),
}

impl<'a> Response<'a> {
    /// A response that brings results.
    #[must_use]
    pub const fn ok(reqid: Option<ReqId>, data: &'a RawValue) -> Self {
        Self { reqid, outcome: Outcome::Ok(Cow::Borrowed(data)) }
    }

    /// A response that says what went wrong.
    #[must_use]
    pub const fn err(reqid: Option<ReqId>, fault: Fault<'a>) -> Self {
        Self { reqid, outcome: Outcome::Err(fault) }
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self.outcome, Outcome::Part(_))
    }
}

impl<'a> From<Request<'a>> for Datagram<'a> {
    fn from(request: Request<'a>) -> Self {
        Self::Request(request)
    }
}

impl<'a> From<Push<'a>> for Datagram<'a> {
    fn from(push: Push<'a>) -> Self {
        Self::Push(push)
    }
}

impl<'a> From<Response<'a>> for Datagram<'a> {
    fn from(response: Response<'a>) -> Self {
        Self::Response(response)
    }
}

/// `{}`: what missing data is.
fn nothing() -> &'static RawValue {
    serde_json::from_str("{}").expect("it is JSON")
}
