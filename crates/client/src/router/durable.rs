//! What a durable request's promise says.

use concierge_api_rs::coordinator::{Promise, PromiseState, Value};
use concierge_api_rs::packet::FaultCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::Fault;
use super::parts::Answer;
use crate::coordinator::json;

#[derive(Deserialize)]
struct Rejection {
    code: u64,
    #[serde(default)]
    data: serde_json::Map<String, serde_json::Value>,
}

/// What the promise of a [durable request](super::Router::request_durable) says, once it is settled: what the worker answered.
/// One that went past its deadline is TIMEOUT, one that was canceled GENERIC (`promise`), and what no worker wrote GENERIC.
#[must_use]
pub fn outcome(promise: &Promise) -> Option<Result<Answer, Fault>> {
    Some(match promise.state {
        PromiseState::Pending => return None,
        PromiseState::Resolved => resolved(&promise.value),
        PromiseState::Rejected => Err(rejected(&promise.value)),
        PromiseState::RejectedCanceled => Err(Fault::new(FaultCode::Generic, &["promise"])),
        PromiseState::RejectedTimedout => Err(Fault::new(FaultCode::Timeout, &[])),
    })
}

fn resolved(value: &Value) -> Result<Answer, Fault> {
    let data = json::from_value::<Box<RawValue>>(value)?;
    Ok(Answer { data, more: false })
}

fn rejected(value: &Value) -> Fault {
    let Ok(Rejection { code, data }) = json::from_value(value) else {
        return Fault::generic("the promise was rejected with something else than an error of the router");
    };
    let fault = Fault::new(FaultCode::from_number(code).unwrap_or(FaultCode::Generic), &[]);
    data.into_iter().fold(fault, |fault, (field, value)| fault.with(field, value))
}
