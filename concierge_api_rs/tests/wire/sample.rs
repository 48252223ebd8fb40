//! Payloads that the tests share: one of each type.

use concierge_api_rs::*;
use serde_json::value::RawValue;

pub(crate) const ADA: &str = "ada00000-0000-4000-8000-000000000001";
pub(crate) const BOB: &str = "b0b00000-0000-4000-8000-000000000002";

pub(crate) fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

pub(crate) fn client(text: &str) -> ClientName {
    ClientName::parse(text).unwrap()
}

pub(crate) fn service(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

pub(crate) fn ada() -> ClientInfo {
    ClientInfo { name: client("ada"), nickname: Some("Ada".into()), uuid: id(ADA), tags: vec!["pilot".into()] }
}

pub(crate) fn bob() -> ClientInfo {
    ClientInfo { name: client("bob"), nickname: None, uuid: id(BOB), tags: vec![] }
}

pub(crate) fn weather(subscribers: &[&str]) -> ServiceInfo {
    ServiceInfo {
        name: service("weather"),
        nickname: None,
        owner_uuid: id(ADA),
        subscribers: subscribers.iter().map(|s| id(s)).collect(),
        subscriber_count: subscribers.len() as u64,
    }
}

/// The text of one payload to the hub of each type, as a client encodes it; the targets of MESSAGE one by one.
pub(crate) fn texts_in() -> Vec<String> {
    fn text(payload: &impl serde::Serialize) -> String {
        serde_json::to_string(payload).unwrap()
    }
    let data = RawValue::from_string(r#"{"n": 1}"#.into()).unwrap();
    let message = |target| text(&Message { target, data: &data });
    vec![
        text(&Identify {
            name: client("ada"),
            nickname: Some("Ada".into()),
            version: "0.2.0".into(),
            secret: Some("swordfish".into()),
            tags: vec!["pilot".into()],
            intents: [Intent::ServiceClients, Intent::Messages].into_iter().collect(),
        }),
        text(&Identify {
            name: client("bob"),
            nickname: None,
            version: "0.2.0".into(),
            secret: None,
            tags: vec![],
            intents: Intents::ALL,
        }),
        text(&SelfSubscribe { service: service("weather") }),
        text(&SelfUnsubscribe { service: service("weather") }),
        text(&SelfFetch {}),
        text(&SelfSetSeq { seq: Seq::new(100).unwrap() }),
        text(&ServiceCreate { service: service("weather"), nickname: Some("The weather".into()) }),
        text(&ServiceCreate { service: service("weather"), nickname: None }),
        text(&ServiceDelete { service: service("weather") }),
        text(&ServiceFetch { service: service("weather") }),
        text(&ServiceFetchAll {}),
        text(&ClientFetch { uuid: id(BOB) }),
        text(&ClientFetchAll {}),
        message(Target::Name { name: client("bob") }),
        message(Target::Uuid { uuid: id(BOB) }),
        message(Target::Service { service: service("weather") }),
        message(Target::ServiceClientUuid { service: service("weather"), uuid: id(BOB) }),
        message(Target::All),
    ]
}

/// One payload from the hub of each type.
pub(crate) fn payloads_out() -> Vec<PayloadOut> {
    let origin = |service| {
        let ClientInfo { name, nickname, uuid, tags } = ada();
        Origin { name, nickname, uuid, tags, service }
    };
    let message = |origin, target, data: &str| {
        PayloadOut::from(MessageOut { origin, target, data: RawValue::from_string(data.into()).unwrap() })
    };
    let said = weather(&[BOB]);
    vec![
        Okay {}.into(),
        Bad {}.into(),
        Hello { uuid: id(ADA), version: "0.2.0".into(), fs_key: Some("f5000000-0000-4000-8000-000000000001".parse().unwrap()) }
            .into(),
        SelfSubscribeResult { successful: true, service: said.clone() }.into(),
        SelfUnsubscribeResult { successful: false, service: weather(&[]) }.into(),
        SelfFetchResult { client: ada(), subscriptions: vec![] }.into(),
        ServiceCreateResult { successful: true, service: ServiceInfo { nickname: Some("The weather".into()), ..weather(&[]) } }
            .into(),
        ServiceDeleteResult { service: said.clone() }.into(),
        ServiceFetchResult { service: said.clone() }.into(),
        ServiceFetchAllResult { services: vec![said.clone()] }.into(),
        ClientFetchResult { client: bob(), subscriptions: vec![said.clone()] }.into(),
        ClientFetchAllResult { clients: vec![ada(), bob()] }.into(),
        message(origin(None), Target::Name { name: client("bob") }, "null"),
        message(origin(Some(weather(&[]))), Target::Service { service: service("weather") }, r#"{"z": 1, "a":[ ]}"#),
        ClientJoined { client: bob() }.into(),
        ClientLeft { client: bob() }.into(),
        ServiceClientSubscribed { client: bob(), service: said }.into(),
        ServiceClientUnsubscribed { client: bob(), service: weather(&[]) }.into(),
        ErrorInternal { desc: "the file server is full".into() }.into(),
        ErrorUnsupported {}.into(),
        ErrorProtocol { desc: "missing field `service`".into() }.into(),
        InvalidName { name: client("carol") }.into(),
        InvalidUuid { uuid: id(BOB) }.into(),
        InvalidService { service: service("weather") }.into(),
    ]
}
