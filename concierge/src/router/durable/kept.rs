//! A durable request as its promise keeps it: where it was sent and what it asks in the tags, its data and who asked in the param.

use concierge_api_rs::ClientId;
use concierge_api_rs::coordinator::{Millis, Promise, PromiseCreate, PromiseId, TAG_CMD, TAG_ROUTER, TAG_SUBJECT, Tags, Value};
use concierge_api_rs::packet::{Cmd, Headers, Subject};
use concierge_client::coordinator::json;
use concierge_router::Spot;
use serde_json::value::RawValue;

/// What [`TAG_ROUTER`] says.
const REQUEST: &str = "request";

/// What is kept of a request.
pub(super) struct Kept {
    pub(super) subject: Subject,
    pub(super) cmd: Cmd,
    pub(super) data: Box<RawValue>,
    /// Who asked.
    pub(super) headers: Headers,
    pub(super) due: Millis,
}

/// The promise that keeps a request.
pub(super) fn promise(
    (id, timeout_at): (PromiseId, Millis),
    (subject, cmd): (&Subject, &Cmd),
    data: &RawValue,
    headers: &Headers,
) -> PromiseCreate {
    // which hub it is and how long it waits is said when it is given
    let asker = Headers { node: None, deadline_ms: None, ..headers.clone() };
    let headers = asker.lines().map(|(name, line)| (name.to_owned(), line)).collect();
    let more = [(TAG_SUBJECT, subject.as_str()), (TAG_CMD, cmd.as_str())];
    let tags = tags().into_iter().chain(more.map(|(name, tag)| (name.to_owned(), tag.to_owned()))).collect();
    PromiseCreate { id, param: Value { headers, ..json::of_text(data.get()) }, tags, timeout_at }
}

/// The tags that all such promises have.
pub(super) fn tags() -> Tags {
    [(TAG_ROUTER.to_owned(), REQUEST.to_owned())].into()
}

/// Whether a promise keeps that request, whoever asked and however its JSON is written.
pub(super) fn asks(promise: &Promise, create: &PromiseCreate) -> bool {
    let value = |value: &Value| json::from_value::<serde_json::Value>(value).ok();
    promise.tags == create.tags && (promise.param.data == create.param.data || value(&promise.param) == value(&create.param))
}

impl Kept {
    /// None when the promise keeps no request.
    pub(super) fn read(promise: &Promise) -> Option<Self> {
        let tag = |name: &str| promise.tags.get(name).map(String::as_str);
        let header = |name: &str| promise.param.headers.get(name).map(String::as_str);
        tag(TAG_ROUTER).filter(|tag| *tag == REQUEST)?;
        let headers = Headers {
            client: header("Cg-Client").and_then(|id| Some(ClientId(id.parse().ok()?))),
            name: header("Cg-Name").and_then(|name| name.parse().ok()),
            tags: header("Cg-Tags").and_then(|tags| serde_json::from_str(tags).ok()).unwrap_or_default(),
            ..Headers::default()
        };
        Some(Self {
            subject: Subject::parse(tag(TAG_SUBJECT)?).ok()?,
            cmd: Cmd::parse(tag(TAG_CMD)?).ok()?,
            data: json::from_value(&promise.param).ok()?,
            headers,
            due: promise.timeout_at,
        })
    }

    pub(super) fn spot(self) -> Spot {
        Spot { category: self.cmd.category(), subject: self.subject }
    }
}
