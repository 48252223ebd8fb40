use concierge_api_rs::{ClientId, ClientName, Incoming, PayloadOut, ServiceName};
use uuid::Uuid;

use super::*;

#[test]
fn what_is_written_is_a_message_with_the_senders_own_bytes() {
    let uuid = ClientId(Uuid::from_u128(7));
    let client = ClientInfo {
        name: ClientName::parse("ada").unwrap(),
        nickname: Some("Ada \"L\"".into()),
        uuid,
        tags: vec!["x\ny".into()],
    };
    let service = ServiceInfo {
        name: ServiceName::parse("news").unwrap(),
        nickname: None,
        owner_uuid: uuid,
        subscribers: vec![uuid; 3],
        subscriber_count: 3,
    };
    let (target, data) = (r#"{ "service":"news", "type" : "SERVICE" }"#, r#"{"b": 12345678901234567890123, "a":  "\u00e9"}"#);
    for origin in [None, Some(origin_service(service))] {
        let mut text = Vec::new();
        write_message(&mut text, &OriginHead::new(&client), origin.as_deref(), target, data);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(target) && text.ends_with(&format!(r#","data":{data}}}"#)), "{text}");
        let Incoming { seq: None, payload: PayloadOut::Message(message) } = Incoming::decode(&text).unwrap() else {
            panic!("{text}")
        };
        assert_eq!(
            (message.origin.name, message.origin.nickname, message.origin.tags),
            (client.name.clone(), client.nickname.clone(), client.tags.clone())
        );
        assert_eq!(message.origin.service.is_some(), origin.is_some());
        if let Some(service) = message.origin.service {
            assert_eq!((service.subscribers.len(), service.subscriber_count), (0, 3));
        }
        assert_eq!(message.data.get(), data);
    }
}
