//! The coordinator's envelopes as text, in the dialect `2026-04-01`.

use std::fmt::{self, Write};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The deadline of promises that are not to reach it: the year 2286.
pub(super) const FAR: i64 = 9_999_999_999_999;
/// What promises are created and settled with.
pub(super) const DATA: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3";

/// Writes a MESSAGE with a request.
pub(super) fn ask(out: &mut String, kind: &str, number: u64, data: impl fmt::Display) {
    out.clear();
    out.push_str(r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"coordinator"},"data":"#);
    request(out, kind, number, data);
    out.push('}');
}

fn request(out: &mut String, kind: &str, number: u64, data: impl fmt::Display) {
    let head = format_args!(r#"{{"corrId":"{number}","version":"2026-04-01"}}"#);
    let _ = write!(out, r#"{{"kind":"{kind}","head":{head},"data":{data}}}"#); // writing to a String cannot fail
}

/// What a promise is created with. A target makes a task of it.
pub(super) struct Create<'a> {
    pub(super) id: &'a dyn fmt::Display,
    pub(super) timeout_at: i64,
    pub(super) target: Option<&'a str>,
}

impl fmt::Display for Create<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, timeout_at, target } = self;
        write!(f, r#"{{"id":"{id}","timeoutAt":{timeout_at},"param":{{"data":"{DATA}"}},"tags":{{"#)?;
        if let Some(target) = target {
            write!(f, r#""resonate:target":"{target}""#)?;
        }
        f.write_str("}}")
    }
}

/// A promise that is resolved.
pub(super) struct Resolve<'a>(pub(super) &'a dyn fmt::Display);

impl fmt::Display for Resolve<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"id":"{}","state":"resolved","value":{{"data":"{DATA}"}}}}"#, self.0)
    }
}

/// A request inside another one.
pub(super) fn action(kind: &str, data: impl fmt::Display) -> String {
    let mut out = String::with_capacity(512);
    request(&mut out, kind, 0, data);
    out
}

/// An answer, or a message that nobody asked for.
#[derive(Deserialize)]
pub(super) struct Said<'a> {
    pub(super) kind: &'a str,
    pub(super) head: Head,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Of a message that nobody asked for it is empty.
#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(rename = "corrId", default)]
    pub(super) corr_id: String,
    #[serde(default)]
    status: u16,
}

/// The task of a message `execute`.
#[derive(Deserialize)]
pub(super) struct Offered<'a> {
    pub(super) id: &'a str,
    pub(super) version: u64,
}

/// What can be read of a promise without going through all of it.
#[derive(Deserialize)]
pub(super) struct PromiseHead<'a> {
    pub(super) id: &'a str,
    pub(super) state: &'a str,
}

impl<'a> Said<'a> {
    /// What an envelope says; `None` when it is none.
    pub(super) fn read(envelope: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(envelope).ok()
    }

    /// Whether it is the answer to request `number`, as asked, with everything inside it.
    pub(super) fn grants(&self, number: u64) -> bool {
        let inner_refused = self.kind == "task.fence" && !self.data.get().contains(r#""status":200"#);
        self.head.status == 200 && self.head.corr_id.parse() == Ok(number) && !inner_refused
    }

    pub(super) fn is_granted(&self) -> bool {
        self.head.status == 200
    }

    pub(super) fn task(&self) -> Option<Offered<'a>> {
        #[derive(Deserialize)]
        struct Data<'a> {
            #[serde(borrow)]
            task: Offered<'a>,
        }
        serde_json::from_str::<Data<'a>>(self.data.get()).ok().map(|data| data.task)
    }

    pub(super) fn promise(&self) -> Option<PromiseHead<'a>> {
        #[derive(Deserialize)]
        struct Data<'a> {
            #[serde(borrow)]
            promise: PromiseHead<'a>,
        }
        serde_json::from_str::<Data<'a>>(self.data.get()).ok().map(|data| data.promise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use concierge_api_rs::PayloadIn;
    use concierge_api_rs::coordinator::{Envelope, Request};

    /// What the coordinator reads of a MESSAGE.
    fn heard(text: &str) -> Request {
        let PayloadIn::Message(message) = PayloadIn::decode(text).unwrap() else { panic!("{text}") };
        Envelope::decode(message.data.get(), concierge_api_rs::coordinator::Offered::default(), None).unwrap().request
    }

    #[test]
    fn requests_are_what_they_are_meant_to_be() {
        let mut text = String::new();
        ask(&mut text, "promise.create", 7, Create { id: &"a", timeout_at: FAR, target: Some("any@work") });
        let Request::PromiseCreate(create) = heard(&text) else { panic!("{text}") };
        assert_eq!((create.target_tag(), create.timeout_at.0), (Some("any@work"), FAR));
        let settle = action("promise.settle", Resolve(&"b"));
        ask(&mut text, "task.fence", 8, format_args!(r#"{{"id":"a","version":1,"action":{settle}}}"#));
        assert!(matches!(heard(&text), Request::TaskFence(_)), "{text}");
    }

    #[test]
    fn answers_are_told_from_refusals_also_inside_a_fence() {
        let read = |text: &'static str| Said::read(text.as_bytes()).unwrap();
        let answer =
            read(r#"{"kind":"promise.get","head":{"corrId":"4","status":200},"data":{"promise":{"id":"a","state":"pending"}}}"#);
        assert!(answer.grants(4) && !answer.grants(5) && answer.promise().unwrap().state == "pending");
        assert!(!read(r#"{"kind":"promise.get","head":{"corrId":"4","status":404},"data":"no"}"#).grants(4));
        let fence = r#"{"kind":"task.fence","head":{"corrId":"4","status":200},"data":{"action":{"head":{"status":404}}}}"#;
        assert!(!read(fence).grants(4));
        let execute = read(r#"{"kind":"execute","head":{},"data":{"task":{"id":"w","version":3}}}"#);
        assert!(!execute.is_granted() && execute.task().is_some_and(|task| task.id == "w" && task.version == 3));
    }
}
