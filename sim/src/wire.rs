//! Payloads as a client of PROTOCOL.md writes and reads them.

use concierge_test_histories::relay::{Answer, Ask, News, Person, Target, What};
use serde_json::{Value, json};

pub(crate) fn identify(name: &str) -> String {
    json!({"type": "IDENTIFY", "name": name, "version": "0.2.0"}).to_string()
}

/// The payload of an ask; a message carries its number and `data` that pads it.
pub(crate) fn payload(ask: &Ask, data: &Value) -> String {
    let value = match ask {
        Ask::Message { to, .. } => json!({"type": "MESSAGE", "target": target(to), "data": data}),
        Ask::Subscribe(service) => json!({"type": "SELF_SUBSCRIBE", "service": service}),
        Ask::Unsubscribe(service) => json!({"type": "SELF_UNSUBSCRIBE", "service": service}),
        Ask::Create(service) => json!({"type": "SERVICE_CREATE", "service": service}),
        Ask::Delete(service) => json!({"type": "SERVICE_DELETE", "service": service}),
        Ask::Look(what) => json!({"type": what}),
    };
    value.to_string()
}

fn target(to: &Target) -> Value {
    match to {
        Target::Name(name) => json!({"type": "NAME", "name": name}),
        Target::Id(id) => json!({"type": "UUID", "uuid": id}),
        Target::Service(service) => json!({"type": "SERVICE", "service": service}),
        Target::Member(service, id) => json!({"type": "SERVICE_CLIENT_UUID", "service": service, "uuid": id}),
        Target::Everybody => json!({"type": "ALL"}),
    }
}

/// What a payload says, to a client that entered under `name`.
pub(crate) fn read(payload: &Value, name: &str) -> Option<What> {
    let kind = payload["type"].as_str()?;
    if let Some(seq) = payload["seq"].as_u64() {
        return Some(What::Answered { seq, answer: answer(kind, payload)? });
    }
    let service = || text(&payload["service"]["name"]);
    let owner = || text(&payload["service"]["owner_uuid"]);
    let client = || person(&payload["client"]);
    let news = match kind {
        "HELLO" => return Some(What::Entered(Person { name: name.to_owned(), id: text(&payload["uuid"])? })),
        "MESSAGE" => {
            let number = payload["data"]["n"].as_u64()?;
            return Some(What::Received { number, origin: text(&payload["origin"]["uuid"])? });
        }
        "CLIENT_JOINED" => News::Joined(client()?),
        "CLIENT_LEFT" => News::Left(client()?),
        "SERVICE_CREATE_RESULT" => News::Created { service: service()?, owner: owner()? },
        "SERVICE_DELETE_RESULT" => News::Deleted { service: service()?, owner: owner()? },
        "SERVICE_CLIENT_SUBSCRIBED" => News::Subscribed { service: service()?, id: client()?.id },
        "SERVICE_CLIENT_UNSUBSCRIBED" => News::Unsubscribed { service: service()?, id: client()?.id },
        _ => return None,
    };
    Some(What::Told(news))
}

fn answer(kind: &str, payload: &Value) -> Option<Answer> {
    Some(match kind {
        "OK" => Answer::Okay,
        "SELF_SUBSCRIBE_RESULT" | "SELF_UNSUBSCRIBE_RESULT" | "SERVICE_CREATE_RESULT" | "SERVICE_DELETE_RESULT" => {
            Answer::Service {
                successful: payload["successful"].as_bool().unwrap_or(true),
                service: text(&payload["service"]["name"])?,
                owner: text(&payload["service"]["owner_uuid"])?,
            }
        }
        "CLIENT_FETCH_ALL_RESULT" => Answer::Clients(payload["clients"].as_array()?.iter().filter_map(person).collect()),
        _ if kind.ends_with("_RESULT") => Answer::Other(kind.to_owned()),
        _ => Answer::Refused(kind.to_owned()),
    })
}

fn person(client: &Value) -> Option<Person> {
    Some(Person { name: text(&client["name"])?, id: text(&client["uuid"])? })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
