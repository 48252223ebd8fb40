//! Envelopes of the coordinator: a request that is understood means the same when it is written and read again; its
//! answer, whatever it is, is an envelope; and so is a refusal.

use concierge_api_rs::coordinator::{Address, Dialect, Envelope, Kind, Message, Millis, Offered, Request, Response};
use concierge_coordinator::{MemoryRows, Rules};

use crate::json;

/// One text, read as everything that it could be.
///
/// # Panics
/// When one of these does not hold.
pub fn run(input: &[u8]) {
    let Some(text) = json::text(input) else { return };
    let caller = Address::parse("uni@work/ada").unwrap();
    for debug_clock in [false, true] {
        let offered = Offered { debug_clock, ..Offered::default() };
        match Envelope::decode(&text, offered, Some(&caller)) {
            Err(refused) => drop(Response::decode(&refused.encode()).unwrap()),
            Ok(envelope) => answered(&envelope),
        }
    }
    // whatever it is, it is refused or understood
    let _ = Response::decode(&text);
    if let Ok(message) = Message::decode(&text) {
        for dialect in [Dialect::Plain, Dialect::V20260401] {
            Message::decode(&message.encode(dialect)).unwrap();
        }
    }
}

fn answered(envelope: &Envelope) {
    let Envelope { head, request } = envelope;
    // only in its own dialect: the other one counts claims from another number, and cannot say that there was none
    if let Some(text) = request.encode(head.dialect, "1") {
        let caller = match request {
            Request::PromiseListen(listen) => Some(&listen.address),
            _ => None,
        };
        let offered = Offered { debug_clock: true, ..Offered::default() };
        let again = Envelope::decode(&text, offered, caller).unwrap();
        assert_eq!(&again.request, request, "{text}");
    }
    let now = head.debug_time.unwrap_or(Millis(1_000_000));
    let decision = Rules::default().decide(now, head.dialect, request, &mut MemoryRows::new()).unwrap();
    let text = head.answer(&decision.outcome);
    assert!(Kind::ALL.contains(&request.kind()));
    Response::decode(&text).unwrap();
}
