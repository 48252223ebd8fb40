//! What one side encodes, the other decodes to the same value.

use concierge_api_rs::*;
use proptest::prelude::*;
use serde_json::value::RawValue;

fn id() -> impl Strategy<Value = ClientId> {
    any::<u128>().prop_map(|n| ClientId(uuid::Uuid::from_u128(n)))
}

fn client_name() -> impl Strategy<Value = ClientName> {
    prop::collection::vec(prop::sample::select(&b"ABYZabyz0189_"[..]), 1..=64)
        .prop_map(|bytes| ClientName::parse(&String::from_utf8(bytes).unwrap()).unwrap())
}

fn service_name() -> impl Strategy<Value = ServiceName> {
    prop::collection::vec(prop::sample::select(&b"ABYZabyz0189_.:-"[..]), 1..=64)
        .prop_map(|bytes| ServiceName::parse(&String::from_utf8(bytes).unwrap()).unwrap())
}

/// Any text of at most `n` characters: control characters, quotes, astral ones.
fn text(n: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..=n).prop_map(|chars| chars.into_iter().collect())
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        client_name().prop_map(|name| Target::Name { name }),
        id().prop_map(|uuid| Target::Uuid { uuid }),
        service_name().prop_map(|service| Target::Service { service }),
        (service_name(), id()).prop_map(|(service, uuid)| Target::ServiceClientUuid { service, uuid }),
        Just(Target::All),
    ]
}

fn client_info() -> impl Strategy<Value = ClientInfo> {
    (client_name(), prop::option::of(text(128)), id(), prop::collection::vec(text(64), 0..4))
        .prop_map(|(name, nickname, uuid, tags)| ClientInfo { name, nickname, uuid, tags })
}

fn service_info() -> impl Strategy<Value = ServiceInfo> {
    (service_name(), prop::option::of(text(128)), id(), prop::collection::vec(id(), 0..4), any::<u64>()).prop_map(
        |(name, nickname, owner_uuid, subscribers, subscriber_count)| ServiceInfo {
            name,
            nickname,
            owner_uuid,
            subscribers,
            subscriber_count,
        },
    )
}

/// JSON in odd spellings.
fn data() -> impl Strategy<Value = Box<RawValue>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1e400".to_owned()),
        Just("12345678901234567890123".to_owned()),
        text(8).prop_map(|s| serde_json::to_string(&s).unwrap()),
        Just(r#""\ud800\u0041""#.to_owned()),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[ {} ]", items.join(" ,\t"))),
            prop::collection::vec(inner, 0..4).prop_map(|items| {
                let fields: Vec<String> = items.iter().map(|item| format!("\"k\" : {item}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
    .prop_map(|json| RawValue::from_string(json).unwrap())
}

fn encoded(payload: &impl serde::Serialize) -> String {
    serde_json::to_string(payload).unwrap()
}

proptest! {
    #[test]
    fn identify(name in client_name(), nickname in prop::option::of(text(128)), version in text(16),
                secret in prop::option::of(text(32)), tags in prop::collection::vec(text(64), 0..=32),
                intents in prop::collection::vec(prop::sample::select(&Intent::ALL[..]), 0..=8)) {
        let intents = intents.into_iter().collect();
        let identify = Identify { name, nickname, version, secret, tags, intents };
        prop_assert_eq!(Identify::decode(&encoded(&identify)), Ok(identify));
    }

    #[test]
    fn service_create(service in service_name(), nickname in prop::option::of(text(128))) {
        let create = ServiceCreate { service, nickname };
        let text = encoded(&create);
        prop_assert!(matches!(PayloadIn::decode(&text), Ok(PayloadIn::ServiceCreate(got)) if got == create));
    }

    #[test]
    fn message_to_the_hub(target in target(), data in data()) {
        let text = encoded(&Message { target: target.clone(), data: &data });
        let Ok(PayloadIn::Message(got)) = PayloadIn::decode(&text) else { panic!("{text}") };
        prop_assert_eq!(got.target.to_owned(), target);
        prop_assert_eq!(got.data.get(), data.get());
    }

    #[test]
    fn message_from_the_hub(client in client_info(), service in prop::option::of(service_info()), target in target(), data in data()) {
        let ClientInfo { name, nickname, uuid, tags } = client;
        let origin = Origin { name, nickname, uuid, tags, service };
        let text = PayloadOut::from(MessageOut { origin: origin.clone(), target: target.clone(), data: data.clone() }).encode(None);
        let Ok(Incoming { seq: None, payload: PayloadOut::Message(got) }) = Incoming::decode(&text) else { panic!("{text}") };
        prop_assert_eq!((got.origin, got.target), (origin, target));
        prop_assert_eq!(got.data.get(), data.get());
    }

    #[test]
    fn results_and_news(client in client_info(), service in service_info(), n in 0..=limits::SEQ_MAX, successful: bool, desc in text(128)) {
        let services = vec![service.clone()];
        let payloads: [PayloadOut; 8] = [
            ServiceCreateResult { successful, service: service.clone() }.into(),
            SelfUnsubscribeResult { successful, service: service.clone() }.into(),
            ClientFetchResult { client: client.clone(), subscriptions: services.clone() }.into(),
            ServiceFetchAllResult { services }.into(),
            ClientFetchAllResult { clients: vec![client.clone(), client.clone()] }.into(),
            ServiceClientSubscribed { client, service }.into(),
            ErrorProtocol { desc }.into(),
            Okay {}.into(),
        ];
        for payload in payloads {
            for seq in [None, Seq::new(n)] {
                let text = payload.encode(seq);
                let got = Incoming::decode(&text).unwrap();
                prop_assert_eq!(got.seq, seq);
                prop_assert_eq!(got.payload.encode(seq), text);
            }
        }
    }
}
