use std::sync::Arc;

use concierge_api_rs::coordinator::{Claims, PromiseId};
use serde_json::json;

use super::calls::{Answer, Calls};
use super::error::{AskError, Refused, SettleError, WaitError};
use super::json as values;
use super::{PromiseState, Value};
use crate::error::RequestError;

fn settled(id: &str) -> String {
    let promise = json!({ "id": id, "state": "resolved", "tags": {}, "timeoutAt": 9, "createdAt": 1, "settledAt": 2 });
    json!({ "kind": "unblock", "head": {}, "data": { "promise": promise } }).to_string()
}

fn answer(corr_id: &str, status: u16) -> String {
    json!({ "kind": "promise.get", "head": { "corrId": corr_id, "status": status, "version": "2026-04-01" }, "data": {} })
        .to_string()
}

#[tokio::test]
async fn an_answer_goes_to_its_request_whatever_the_order() {
    let calls = Calls::new();
    let (first, second) = (calls.call(), calls.call());
    assert_ne!(first.corr_id, second.corr_id);
    calls.take(&answer(&second.corr_id, 404));
    calls.take(&answer(&first.corr_id, 200));
    for (call, expected) in [(first, 200), (second, 404)] {
        let Answer::Came(response) = call.answer().await else { panic!("it came") };
        assert_eq!(response.status, expected);
    }
}

#[tokio::test]
async fn a_lost_connection_is_told_to_every_request_and_to_who_waits() {
    let calls = Calls::new();
    let mut feed = calls.feed();
    let call = calls.call();
    feed.borrow_and_update();
    calls.lose();
    assert!(matches!(call.answer().await, Answer::Lost));
    assert!(feed.has_changed().unwrap());
    calls.end();
    assert!(feed.borrow().ended);
}

#[tokio::test]
async fn everybody_who_waits_for_a_promise_hears_of_it_once() {
    let calls = Arc::new(Calls::new());
    let id: PromiseId = "a".parse().unwrap();
    let (mut one, mut two, other) = (calls.wait_for(&id), calls.wait_for(&id), calls.wait_for(&id));
    drop(other);
    calls.take(&settled("b"));
    calls.take(&settled("a"));
    calls.take(&settled("a"));
    for waiter in [&mut one, &mut two] {
        assert_eq!(waiter.settled().await.unwrap().state, PromiseState::Resolved);
    }
}

#[tokio::test]
async fn an_offer_waits_for_a_worker_and_what_cannot_be_read_harms_nothing() {
    let calls = Calls::new();
    for text in ["", "[]", "{}", r#"{"kind":"later","head":{},"data":{}}"#, r#"{"kind":"execute","head":{},"data":{}}"#] {
        calls.take(text);
    }
    calls.take(r#"{"kind":"execute","head":{},"data":{"task":{"id":"a","version":3}}}"#);
    assert_eq!(calls.offers.next().await, ("a".parse().unwrap(), Claims(3)));
}

#[test]
fn a_client_has_one_worker_at_a_time() {
    let calls = Calls::new();
    assert!(calls.begin_to_work() && !calls.begin_to_work());
    calls.stop_to_work();
    assert!(calls.begin_to_work());
}

#[test]
fn values_are_json_in_base64_as_released_workers_write_them() {
    let value = values::to_value("yes").unwrap();
    assert_eq!(value.data.as_deref(), Some("InllcyI="));
    assert_eq!(values::from_value::<String>(&value).unwrap(), "yes");
    assert_eq!(values::from_value::<Option<u8>>(&Value::default()).unwrap(), None);
    let raw = |data: &str| Value { data: Some(data.into()), ..Value::default() };
    assert_eq!(values::from_value::<Option<u8>>(&raw("")).unwrap(), None);
    assert!(matches!(values::from_value::<String>(&raw("yes!")), Err(values::ValueError::Encoding(_))));
    assert!(matches!(values::from_value::<String>(&raw("eWVz")), Err(values::ValueError::Json(_))));
}

#[test]
fn only_what_may_pass_is_repeated() {
    let refused = |status| AskError::Refused(Refused { status, sentence: String::new() });
    for (error, passing) in [
        (refused(429), true),
        (refused(500), true),
        (refused(400), false),
        (refused(404), false),
        (refused(409), false),
        (AskError::Lost, true),
        (AskError::Hub(RequestError::Disconnected), true),
        (AskError::Hub(RequestError::Closed), false),
        (AskError::Absent, false),
    ] {
        assert_eq!(error.is_passing(), passing, "{error}");
    }
}

#[test]
fn every_operation_names_the_refusals_it_knows() {
    let refused = |status| AskError::Refused(Refused { status, sentence: "no".to_owned() });
    assert!(matches!(SettleError::from(refused(404)), SettleError::Unknown(Refused { status: 404, .. })));
    assert!(matches!(SettleError::from(refused(409)), SettleError::Ask(AskError::Refused(_))));
    assert!(matches!(WaitError::from(refused(429)), WaitError::TooMany(_)));
    assert_eq!(WaitError::from(refused(404)).to_string(), "no (404)");
}
