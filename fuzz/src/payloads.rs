//! Payloads, both ways: whatever is decoded is encoded and decoded to the same, a MESSAGE that the hub relays is one that
//! clients can read, and a refusal stays short.

use concierge_api_rs::{
    ClientId, ClientInfo, ClientName, DecodeError, Identify, Incoming, Message, MessageIn, PayloadIn, PayloadOut, limits,
};
use concierge_hub::{OriginHead, write_message};
use serde_json::Value;
use uuid::Uuid;

use crate::json;

/// One text, read as everything that it could be.
///
/// # Panics
/// When one of these does not hold.
pub fn run(input: &[u8]) {
    let Some(text) = json::text(input) else { return };
    match PayloadIn::decode(&text) {
        Ok(payload) => read_again(&payload),
        Err(refused) => is_short(&refused),
    }
    match Identify::decode(&text) {
        Ok(identify) => assert_eq!(Identify::decode(&serde_json::to_string(&identify).unwrap()), Ok(identify)),
        Err(refused) => is_short(&refused),
    }
    match Incoming::decode(&text) {
        Ok(Incoming { seq, payload }) => {
            let encoded = payload.encode(seq);
            let again = Incoming::decode(&encoded).unwrap();
            assert_eq!((again.seq, again.payload.encode(seq)), (seq, encoded));
        }
        Err(refused) => is_short(&refused),
    }
}

fn read_again(payload: &PayloadIn<'_>) {
    let text = match payload {
        PayloadIn::Message(message) => return relayed(message),
        PayloadIn::SelfSubscribe(p) => serde_json::to_string(p),
        PayloadIn::SelfUnsubscribe(p) => serde_json::to_string(p),
        PayloadIn::SelfFetch(p) => serde_json::to_string(p),
        PayloadIn::SelfSetSeq(p) => serde_json::to_string(p),
        PayloadIn::ServiceCreate(p) => serde_json::to_string(p),
        PayloadIn::ServiceDelete(p) => serde_json::to_string(p),
        PayloadIn::ServiceFetch(p) => serde_json::to_string(p),
        PayloadIn::ServiceFetchAll(p) => serde_json::to_string(p),
        PayloadIn::ClientFetch(p) => serde_json::to_string(p),
        PayloadIn::ClientFetchAll(p) => serde_json::to_string(p),
    };
    let text = text.unwrap();
    assert_eq!(format!("{:?}", PayloadIn::decode(&text).unwrap()), format!("{payload:?}"));
}

fn relayed(message: &MessageIn<'_>) {
    let name = ClientName::parse("ada").unwrap();
    let head = OriginHead::new(&ClientInfo { name, nickname: None, uuid: ClientId(Uuid::nil()), tags: Vec::new() });
    let (target, data) = (message.target_json.get(), message.data.get());
    let mut bytes = Vec::new();
    write_message(&mut bytes, &head, None, target, data);
    let got = Incoming::decode(std::str::from_utf8(&bytes).unwrap()).unwrap();
    let PayloadOut::Message(got) = got.payload else { panic!("{got:?}") };
    assert_eq!((&got.target, got.data.get()), (&message.target.to_owned(), data));
    let said = serde_json::to_string(&Message { target: got.target, data: message.data }).unwrap();
    let Ok(PayloadIn::Message(again)) = PayloadIn::decode(&said) else { panic!("{said}") };
    assert_eq!((again.target.to_owned(), again.data.get()), (message.target.to_owned(), data));
}

/// As long as the sentence around what it repeats, and as much of the input.
fn is_short(refused: &DecodeError) {
    if let DecodeError::Malformed(desc) = refused {
        assert!(desc.chars().count() <= 3 * limits::ECHO_CHARS, "{desc}");
        assert!(serde_json::from_str::<Value>(&serde_json::to_string(desc).unwrap()).is_ok());
    }
}
