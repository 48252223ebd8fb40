//! One step of a hub's life, and what must hold after it, against a model that is too simple to be wrong. The tests beside
//! this and `fuzz/` share it: who includes it brings the hub's types and the [`Dice`] that decide what happens.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::{
    ClientId, ClientInfo, ClientName, FileKey, Intent, Intents, PayloadOut, ServiceCreate, ServiceName, TargetRef,
};
use uuid::Uuid;

use super::{Audience, Bounds, Delivery, Dice, NameTaken, News, Refusal, Registry, Turn};

/// A test's way to a client is its id.
pub(super) type Hub = Registry<ClientId>;

/// Small bounds, so that lives reach them.
pub(super) fn small_hub() -> Hub {
    Hub::new(Bounds { services_per_client: 3, services: 6, subscriptions_per_client: 4, subscribers_shown: 5 })
}

pub(super) fn id(dice: &mut Dice) -> ClientId {
    ClientId(Uuid::from_bytes(dice.bytes()))
}

pub(super) fn info(name: &str, uuid: ClientId) -> ClientInfo {
    ClientInfo { name: ClientName::parse(name).unwrap(), nickname: None, uuid, tags: Vec::new() }
}

/// Half of the clients want everything, the others something.
fn some_intents(dice: &mut Dice) -> Intents {
    match dice.below(2) {
        0 => Intents::ALL,
        _ => Intent::ALL.into_iter().filter(|_| dice.below(2) == 0).collect(),
    }
}

pub(super) fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

/// What the hub should know, as lists.
#[derive(Default)]
pub(super) struct Model {
    pub(super) clients: Vec<(ClientId, String)>,
    intents: BTreeMap<ClientId, Intents>,
    /// Name, owner, subscribers.
    pub(super) services: Vec<(String, ClientId, Vec<ClientId>)>,
}

impl Model {
    pub(super) fn wants(&self, who: ClientId, intent: Intent) -> bool {
        self.intents[&who].has(intent)
    }
}

pub(super) const NAMES: [&str; 12] = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "leo"];
pub(super) const SERVICES: [&str; 6] = ["news", "chess", "log.all", "a:b", "x-1", "feed"];

/// What holds after a step, as far as it can be seen from outside.
pub(super) fn check(hub: &Hub, model: &Model) -> Result<(), String> {
    check_lists(hub, model).and_then(|()| check_routes(hub, model))
}

/// One step. `leave` is the hub's own, or a broken one that the checks must catch.
pub(super) fn one_step(
    dice: &mut Dice,
    hub: &mut Hub,
    model: &mut Model,
    leave: fn(&mut Hub, ClientId) -> Turn,
) -> Result<(), String> {
    let someone = |dice: &mut Dice, model: &Model| match model.clients.len() {
        0 => None,
        n => Some(model.clients[dice.below(n)].0),
    };
    let name = *dice.pick(&SERVICES);
    let at = model.services.iter().position(|(n, ..)| n == name);
    match (dice.below(12), someone(dice, model)) {
        (0..=2, _) | (_, None) => join(dice, hub, model),
        (3, Some(who)) => {
            let turn = leave(hub, who);
            left(&turn, who, model)
        }
        (4..=6, Some(who)) => {
            let turn = hub.subscribe(who, &service(name));
            let mine = model.services.iter().filter(|(_, _, subscribers)| subscribers.contains(&who)).count();
            match at.map(|at| &mut model.services[at].2) {
                None => expect(&turn, "INVALID_SERVICE", 0),
                Some(subscribers) if subscribers.contains(&who) => expect(&turn, "SELF_SUBSCRIBE_RESULT", 0),
                Some(_) if mine >= 4 => expect(&turn, "ERROR_PROTOCOL", 0),
                Some(subscribers) => {
                    subscribers.push(who);
                    expect(&turn, "SELF_SUBSCRIBE_RESULT", 1)
                }
            }
        }
        (7, Some(who)) => {
            let turn = hub.unsubscribe(who, &service(name));
            match at.map(|at| &mut model.services[at].2) {
                None => expect(&turn, "INVALID_SERVICE", 0),
                Some(subscribers) if !subscribers.contains(&who) => expect(&turn, "SELF_UNSUBSCRIBE_RESULT", 0),
                Some(subscribers) => {
                    subscribers.retain(|s| *s != who);
                    expect(&turn, "SELF_UNSUBSCRIBE_RESULT", 1)
                }
            }
        }
        (8..=9, Some(who)) => {
            let turn = hub.create_service(who, ServiceCreate { service: service(name), nickname: None });
            let mine = model.services.iter().filter(|(_, owner, _)| *owner == who).count();
            match at {
                Some(_) => expect(&turn, "SERVICE_CREATE_RESULT", 0),
                None if mine >= 3 => expect(&turn, "ERROR_PROTOCOL", 0),
                None => {
                    model.services.push((name.to_owned(), who, Vec::new()));
                    expect(&turn, "SERVICE_CREATE_RESULT", 1)
                }
            }
        }
        (10, Some(who)) => {
            let turn = hub.delete_service(who, &service(name));
            match at {
                None => expect(&turn, "INVALID_SERVICE", 0),
                Some(at) if model.services[at].1 != who => expect(&turn, "BAD", 0),
                Some(at) => {
                    model.services.remove(at);
                    expect(&turn, "SERVICE_DELETE_RESULT", 1)
                }
            }
        }
        (_, Some(who)) => send(hub, model, who, name, someone(dice, model).unwrap_or(who)),
    }
}

fn join(dice: &mut Dice, hub: &mut Hub, model: &mut Model) -> Result<(), String> {
    let (name, uuid, intents) = (*dice.pick(&NAMES), id(dice), some_intents(dice));
    let taken = model.clients.iter().any(|(_, n)| n == name);
    match hub.join(info(name, uuid), FileKey(Uuid::from_bytes(dice.bytes())), intents, uuid) {
        Err(NameTaken) if taken => Ok(()),
        Ok(turn) if !taken => {
            model.clients.push((uuid, name.to_owned()));
            model.intents.insert(uuid, intents);
            let told = match &turn.news[..] {
                [News { to: Audience::Others(Intent::Clients), payload: PayloadOut::ClientJoined(_) }] => Ok(()),
                other => Err(format!("join told {other:?}")),
            };
            told.and(if turn.reply.is_none() { Ok(()) } else { Err("join answered".to_owned()) })
        }
        other => Err(format!("join of {name}, taken: {taken}, gave {other:?}")),
    }
}

/// The order of leaving: owned services end, then memberships of other services, then the client itself.
fn left(turn: &Turn, who: ClientId, model: &mut Model) -> Result<(), String> {
    let owned = model.services.iter().filter(|(_, owner, _)| *owner == who).map(|(name, ..)| format!("end {name}"));
    let mut expected: Vec<String> = owned.collect();
    model.services.retain(|(_, owner, _)| *owner != who);
    let mut joined = BTreeSet::new();
    for (name, _, subscribers) in &mut model.services {
        if subscribers.contains(&who) {
            subscribers.retain(|s| *s != who);
            joined.insert(format!("unsubscribe {name}"));
        }
    }
    model.clients.retain(|(id, _)| *id != who);
    let told: Vec<String> = turn
        .news
        .iter()
        .map(|news| match &news.payload {
            PayloadOut::ServiceDeleteResult(p) => format!("end {}", p.service.name),
            PayloadOut::ServiceClientUnsubscribed(p) if !p.service.subscribers.contains(&who) => {
                format!("unsubscribe {}", p.service.name)
            }
            PayloadOut::ClientLeft(p) => format!("left {}", p.client.uuid),
            other => format!("{other:?}"),
        })
        .collect();
    let middle: BTreeSet<String> = told.iter().filter(|t| t.starts_with("unsubscribe")).cloned().collect();
    if middle != joined {
        return Err(format!("leave told {told:?}, joined were {joined:?}"));
    }
    expected.extend(told.iter().filter(|t| t.starts_with("unsubscribe")).cloned());
    expected.push(format!("left {who}"));
    if told == expected { Ok(()) } else { Err(format!("leave told {told:?}, not {expected:?}")) }
}

fn expect(turn: &Turn, reply: &str, news: usize) -> Result<(), String> {
    let got = turn.reply.as_ref().map_or("nothing", PayloadOut::kind);
    if got == reply && turn.news.len() == news { Ok(()) } else { Err(format!("{reply} with {news} news expected, got {turn:?}")) }
}

fn send(hub: &Hub, model: &Model, who: ClientId, name: &str, other: ClientId) -> Result<(), String> {
    let at = model.services.iter().find(|(n, ..)| n == name);
    let to = |target: &TargetRef<'_>| match hub.routes().deliver(who, target) {
        Ok(Delivery::One(to, service)) => Ok((vec![to], service.is_some())),
        Ok(Delivery::Subscribers(to, _)) => Ok((to.to_vec(), true)),
        Ok(Delivery::Everyone) => Ok((Vec::new(), false)),
        Ok(Delivery::Nobody) => Ok((Vec::new(), true)),
        Err(refusal) => Err(refusal),
    };
    let one = |to: ClientId, service: bool| {
        if model.wants(to, Intent::Messages) { (vec![to], service) } else { (Vec::new(), true) }
    };
    let to_service = match at {
        None => Err(Refusal::NoService(service(name))),
        Some((_, owner, subscribers)) if *owner == who => {
            let hears = |s: &ClientId| s != owner && model.wants(*s, Intent::Messages);
            Ok((subscribers.iter().copied().filter(hears).collect(), true))
        }
        Some((_, owner, subscribers)) if subscribers.contains(&who) => Ok(one(*owner, true)),
        Some(_) => Err(Refusal::NotAllowed),
    };
    let to_one = match at {
        None => Err(Refusal::NoService(service(name))),
        Some((_, owner, _)) if *owner == who => Ok(one(other, true)),
        Some(_) => Err(Refusal::NotAllowed),
    };
    for (target, expected) in [
        (TargetRef::Service(name.into()), to_service),
        (TargetRef::ServiceClientUuid(name.into(), other), to_one),
        (TargetRef::Uuid(other), Ok(one(other, false))),
        (TargetRef::Name("nobody".into()), Err(Refusal::NoName(ClientName::parse("nobody").unwrap()))),
        (TargetRef::All, Ok((Vec::new(), false))),
    ] {
        let got = to(&target);
        if got != expected {
            return Err(format!("{target:?} goes to {got:?}, not {expected:?}"));
        }
    }
    Ok(())
}

/// Invariants 1, 2, 3 and 5: what the hub answers is what the model holds, in the same order.
fn check_lists(hub: &Hub, model: &Model) -> Result<(), String> {
    let Some(PayloadOut::ClientFetchAllResult(all)) = hub.fetch_clients().reply else { return Err("no list of clients".into()) };
    let got: Vec<_> = all.clients.iter().map(|c| (c.uuid, c.name.to_string())).collect();
    if got != model.clients {
        return Err(format!("clients are {got:?}, not {:?}", model.clients));
    }
    let Some(PayloadOut::ServiceFetchAllResult(all)) = hub.fetch_services().reply else {
        return Err("no list of services".into());
    };
    let got: Vec<_> = all.services.iter().map(|s| (s.name.to_string(), s.owner_uuid, s.subscriber_count)).collect();
    let expected: Vec<_> = model.services.iter().map(|(name, owner, subs)| (name.clone(), *owner, subs.len() as u64)).collect();
    if got != expected {
        return Err(format!("services are {got:?}, not {expected:?}"));
    }
    for (name, _, subscribers) in &model.services {
        let Some(PayloadOut::ServiceFetchResult(one)) = hub.fetch_service(&service(name)).reply else {
            return Err("no service".into());
        };
        if one.service.subscribers != *subscribers {
            return Err(format!("{name} has {:?}, not {subscribers:?}", one.service.subscribers));
        }
    }
    for (who, _) in &model.clients {
        let Some(PayloadOut::SelfFetchResult(me)) = hub.fetch_self(*who).reply else { return Err("no self".into()) };
        let got: BTreeSet<_> = me.subscriptions.iter().map(|s| s.name.to_string()).collect();
        let expected: BTreeSet<_> =
            model.services.iter().filter(|(_, _, subs)| subs.contains(who)).map(|(name, ..)| name.clone()).collect();
        if got != expected || me.subscriptions.len() != expected.len() {
            return Err(format!("{who} is subscribed to {got:?}, not {expected:?}"));
        }
    }
    Ok(())
}

/// Invariant 4.
fn check_routes(hub: &Hub, model: &Model) -> Result<(), String> {
    let memberships: usize = model.services.iter().map(|(_, _, subs)| subs.len()).sum();
    let (expected, got) = ((model.clients.len(), model.services.len(), memberships), hub.routes().counts());
    if got != expected {
        return Err(format!("the routes count {got:?}, not {expected:?}"));
    }
    for (uuid, name) in &model.clients {
        if hub.routes().name(name) != Some(*uuid) || hub.routes().id(*uuid) != Some(*uuid) {
            return Err(format!("{name} is not routed"));
        }
    }
    for (name, owner, _) in &model.services {
        send(hub, model, *owner, name, *owner)?;
    }
    Ok(())
}
