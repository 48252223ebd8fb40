//! What a handler gets: a request or a push, and the way back.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::ClientId;
use concierge_api_rs::packet::{Cmd, FaultCode, Headers, Outcome, Packet, ReqId, Response, Subject};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::Fault;
use super::send;
use crate::client::Client;
use crate::driver::Provided;
use crate::error::RequestError;

/// A request, or a push, that a handler got. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Request(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    cmd: Cmd,
    subject: Subject,
    body: Box<RawValue>,
    headers: Headers,
    came: Instant,
    /// A push has none.
    mark: Option<Mark>,
    over: CancellationToken,
    client: Client,
}

/// How an answer finds its way.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) reqid: ReqId,
    /// Who this client was on the connection that brought the request. On another one the same mark is another request's.
    pub(super) on: ClientId,
}

impl Request {
    pub(super) fn new(
        client: Client,
        (subject, cmd): (Subject, Cmd),
        body: Box<RawValue>,
        headers: Headers,
        mark: Option<Mark>,
        over: CancellationToken,
    ) -> Self {
        Self(Arc::new(Asked { cmd, subject, body, headers, came: Instant::now(), mark, over, client }))
    }

    /// What is to be done.
    #[must_use]
    pub fn cmd(&self) -> &Cmd {
        &self.0.cmd
    }

    /// The subject, with the prefix that a hub's routes may put before what the sender named.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// The arguments as they were written.
    #[must_use]
    pub fn body(&self) -> &RawValue {
        &self.0.body
    }

    /// The arguments as a `T`.
    ///
    /// # Errors
    /// INVALID (`data`) when they are none: to be answered by `?`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let invalid =
            |error: serde_json::Error| Fault::new(FaultCode::Invalid, &["data"]).with("message", error.to_string().into());
        serde_json::from_str(self.0.body.get()).map_err(invalid)
    }

    /// What the hub says of who asks, for how long, and of the promise that the answer settles. Anything may be missing.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// Until when an answer is waited for, if that was said.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.came.checked_add(Duration::from_millis(self.0.headers.deadline_ms?))
    }

    /// Whether nobody gets an answer.
    #[must_use]
    pub fn is_push(&self) -> bool {
        self.0.mark.is_none()
    }

    /// Sends a part of the answer, ahead of what the handler returns. Waits while the hub does not take what was sent before. Of
    /// a push nothing is sent.
    ///
    /// # Errors
    /// When it is no JSON or too long, or the connection is lost.
    pub async fn part<T: Serialize + ?Sized>(&self, part: &T) -> Result<(), RequestError> {
        let Some(mark) = &self.0.mark else { return Ok(()) };
        let data = to_raw_value(part)?;
        self.post(mark, self.said(mark, Outcome::Part(Cow::Owned(data)))).await
    }

    /// Waits until an answer is not wanted any more: the request was cancelled or its time is over, the connection was lost, or
    /// the router was dropped. The handler is dropped then anyway; this is for what it began elsewhere.
    pub async fn cancelled(&self) {
        self.0.over.cancelled().await;
    }

    /// The final response. One that is too long to be sent is an error instead.
    pub(super) async fn answer(&self, outcome: Result<Box<RawValue>, Fault>) -> Result<(), RequestError> {
        let Some(mark) = &self.0.mark else { return Ok(()) };
        let sent = match outcome {
            Ok(data) => self.post(mark, self.said(mark, Outcome::Ok(Cow::Owned(data)))).await,
            Err(fault) => self.post(mark, failure(&self.0.subject, &mark.reqid, &fault)).await,
        };
        match sent {
            Err(error @ RequestError::TooBig { .. }) => {
                let fault = Fault::generic(format!("the answer cannot be sent: {error}"));
                self.post(mark, failure(&self.0.subject, &mark.reqid, &fault)).await
            }
            sent => sent,
        }
    }

    fn said(&self, mark: &Mark, outcome: Outcome<'_>) -> String {
        let response = Response { reqid: Some(mark.reqid.clone()), outcome };
        Packet { subject: self.0.subject.clone(), datagram: response.into() }.encode()
    }

    async fn post(&self, mark: &Mark, packet: String) -> Result<(), RequestError> {
        // that it arrived is told up to 100 ms later
        send::post(&self.0.client, packet, Provided::On(mark.on)).await.map(drop)
    }
}

/// The response that says what went wrong.
pub(super) fn failure(subject: &Subject, reqid: &ReqId, fault: &Fault) -> String {
    let data = json!({ "code": fault.code().number(), "data": fault.data() });
    json!({ "subject": subject, "data": { "type": "r", "status": "err", "_reqid": reqid, "data": data } }).to_string()
}
