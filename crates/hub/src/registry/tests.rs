//! Lives: a seeded hub full of clients that join, own, subscribe, send and go, with every invariant checked after every
//! step, against a model that is too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::{SelfSubscribeResult, TargetRef};
use dice::Dice;
use proptest::test_runner::{RngAlgorithm, TestRng};
use uuid::Uuid;

use super::*;
use crate::routes::{Delivery, Refusal};
use crate::turn::News;

/// A test's way to a client is its id.
type Hub = Registry<ClientId>;

/// Just enough dice for lives, from proptest's generator.
mod dice {
    use proptest::prelude::Rng;

    use super::{RngAlgorithm, TestRng};

    pub(super) struct Dice(TestRng);

    impl Dice {
        pub(super) fn new(seed: u64) -> Self {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
        }

        pub(super) fn below(&mut self, n: usize) -> usize {
            (self.0.next_u64() % n as u64) as usize
        }

        pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
            &from[self.below(from.len())]
        }

        pub(super) fn bytes(&mut self) -> [u8; 16] {
            let mut bytes = [0; 16];
            self.0.fill_bytes(&mut bytes);
            bytes
        }
    }
}

fn id(dice: &mut Dice) -> ClientId {
    ClientId(Uuid::from_bytes(dice.bytes()))
}

fn info(name: &str, uuid: ClientId) -> ClientInfo {
    ClientInfo { name: ClientName::parse(name).unwrap(), nickname: None, uuid, tags: Vec::new() }
}

/// Half of the clients want everything, the others something.
fn some_intents(dice: &mut Dice) -> Intents {
    match dice.below(2) {
        0 => Intents::ALL,
        _ => Intent::ALL.into_iter().filter(|_| dice.below(2) == 0).collect(),
    }
}

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

/// What the hub should know, as lists.
#[derive(Default)]
struct Model {
    clients: Vec<(ClientId, String)>,
    intents: BTreeMap<ClientId, Intents>,
    /// Those of them, and of those who left, who are told nothing.
    hushed: BTreeSet<ClientId>,
    /// Name, owner, subscribers.
    services: Vec<(String, ClientId, Vec<ClientId>)>,
}

impl Model {
    fn wants(&self, who: ClientId, intent: Intent) -> bool {
        self.intents[&who].has(intent)
    }
}

const NAMES: [&str; 12] = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "leo"];
const SERVICES: [&str; 6] = ["news", "chess", "log.all", "a:b", "x-1", "feed"];

/// One life of a hub. `leave` is the hub's own, or a broken one that the checks must catch.
fn live(seed: u64, steps: usize, leave: fn(&mut Hub, ClientId) -> Turn) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let mut hub = Hub::new(Bounds { services_per_client: 3, subscriptions_per_client: 4, subscribers_shown: 5 });
    let mut model = Model::default();
    for step in 0..steps {
        if let (0, false) = (dice.below(16), model.clients.is_empty()) {
            let who = dice.pick(&model.clients).0;
            hub.hush(who);
            model.hushed.insert(who);
        }
        let probe = Probe::of(&mut dice, &model);
        let before = probe.ask(&hub);
        one_step(&mut dice, &mut hub, &mut model, leave)
            .and_then(|()| check_lists(&hub, &model))
            .and_then(|()| check_routes(&hub, &model))
            .and_then(|()| check_audiences(&hub, &model))
            .and_then(|()| probe.check(&before, &probe.ask(&hub)))
            .map_err(|what| format!("seed {seed}, step {step}: {what}"))?;
    }
    Ok(())
}

/// A message that is routed before a step and after it.
struct Probe {
    sender: ClientId,
    target: TargetRef<'static>,
}

impl Probe {
    fn of(dice: &mut Dice, model: &Model) -> Self {
        let nobody = ClientId(Uuid::nil());
        let mut someone = || if model.clients.is_empty() { nobody } else { dice.pick(&model.clients).0 };
        let (sender, other) = (someone(), someone());
        let service = (*dice.pick(&SERVICES)).into();
        let target = match dice.below(4) {
            0 => TargetRef::Name((*dice.pick(&NAMES)).into()),
            1 => TargetRef::Uuid(other),
            2 => TargetRef::ServiceClientUuid(service, other),
            _ => TargetRef::Service(service),
        };
        Self { sender, target }
    }

    /// The edition of the routes, and then what they say.
    fn ask(&self, hub: &Hub) -> (u64, String) {
        let routes = hub.routes();
        (routes.edition(), format!("{:?}", routes.deliver(self.sender, &self.target)))
    }

    fn check(&self, before: &(u64, String), after: &(u64, String)) -> Result<(), String> {
        let same_edition_other_way = before.0 == after.0 && before.1 != after.1;
        if same_edition_other_way { Err(format!("{:?} goes elsewhere in the same edition", self.target)) } else { Ok(()) }
    }
}

fn one_step(dice: &mut Dice, hub: &mut Hub, model: &mut Model, leave: fn(&mut Hub, ClientId) -> Turn) -> Result<(), String> {
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
    let owned: usize = hub.clients.values().map(|c| c.owned.len()).sum();
    if owned == hub.services.len() { Ok(()) } else { Err(format!("{owned} owned, {} services", hub.services.len())) }
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

/// Invariant 6, and the order in which an audience came.
fn check_audiences(hub: &Hub, model: &Model) -> Result<(), String> {
    let told = |audience, turn_of| {
        let mut told = Vec::new();
        hub.members(audience, turn_of, |who| told.push(*who));
        told
    };
    let nobody = ClientId(Uuid::nil());
    let everybody: Vec<ClientId> = model.clients.iter().map(|(who, _)| *who).collect();
    if hub.everybody().copied().collect::<Vec<_>>() != everybody {
        return Err("everybody is not here".into());
    }
    for intent in [Intent::Messages, Intent::Services, Intent::Clients] {
        let told_of_all = |who: &ClientId| model.wants(*who, intent) && !model.hushed.contains(who);
        let wanting: Vec<_> = everybody.iter().copied().filter(told_of_all).collect();
        let (got, held) = (told(Audience::Everyone(intent), nobody), hub.wanting[intent as usize].len());
        if hub.is_heard(Audience::Everyone(intent)) == wanting.is_empty() {
            return Err(format!("whether {intent:?} is heard"));
        }
        if got != wanting || held != wanting.len() {
            return Err(format!("{intent:?} is told to {got:?} of {held}, not {wanting:?}"));
        }
        if let Some(own) = everybody.first() {
            let others: Vec<_> = wanting.iter().copied().filter(|who| who != own).collect();
            if told(Audience::Others(intent), *own) != others {
                return Err(format!("{intent:?} of {own} is not told to the others"));
            }
        }
    }
    for (number, held) in &hub.services {
        let at = model.services.iter().find(|(name, ..)| *name == held.name.as_str()).ok_or("an unknown service")?;
        let watching: Vec<_> = at.2.iter().copied().filter(|who| model.wants(*who, Intent::ServiceClients)).collect();
        let got = told(Audience::Subscribers(*number), nobody);
        if got != watching {
            return Err(format!("the members of {} are told to {got:?}, not {watching:?}", held.name));
        }
        if held.watchers.len() != watching.len() || hub.is_heard(Audience::Subscribers(*number)) == watching.is_empty() {
            return Err(format!("{} holds {} watchers", held.name, held.watchers.len()));
        }
    }
    Ok(())
}

#[test]
fn a_hundred_thousand_steps_of_hub_lives_keep_every_invariant() {
    for seed in 0..100 {
        live(seed, 1_000, Hub::leave).unwrap();
    }
}

#[test]
fn a_leave_that_forgets_something_is_caught() {
    let forgets_services: fn(&mut Hub, ClientId) -> Turn = |hub, who| {
        if let Some(client) = hub.client_mut(who) {
            client.owned.clear();
        }
        hub.leave(who)
    };
    let forgets_subscriptions: fn(&mut Hub, ClientId) -> Turn = |hub, who| {
        if let Some(client) = hub.client_mut(who) {
            client.subscriptions.clear();
        }
        hub.leave(who)
    };
    let forgets_routes: fn(&mut Hub, ClientId) -> Turn = |hub, who| {
        let client = &hub.clients[&hub.ids[&who]];
        let (name, key) = (client.info.name.clone(), client.key);
        let turn = hub.leave(who);
        hub.routes.add_client(name, who, key, who, true);
        turn
    };
    let forgets_an_audience: fn(&mut Hub, ClientId) -> Turn = |hub, who| {
        let order = hub.ids[&who];
        let turn = hub.leave(who);
        hub.wanting[Intent::Clients as usize].insert(order, who);
        turn
    };
    let forgets_a_watcher: fn(&mut Hub, ClientId) -> Turn = |hub, who| {
        let subscriptions = hub.client(who).map(|client| client.subscriptions.clone()).unwrap_or_default();
        let turn = hub.leave(who);
        for (number, order) in subscriptions {
            if let Some(service) = hub.services.get_mut(&number) {
                service.watchers.insert(order, who);
            }
        }
        turn
    };
    let forgets_the_news: fn(&mut Hub, ClientId) -> Turn = |hub, who| {
        let mut turn = hub.leave(who);
        turn.news.pop();
        turn
    };
    for broken in
        [forgets_services, forgets_subscriptions, forgets_routes, forgets_the_news, forgets_an_audience, forgets_a_watcher]
    {
        let caught = live(1, 1_000, broken).unwrap_err();
        assert!(caught.starts_with("seed 1, step "), "{caught}");
    }
}

#[test]
fn membership_events_list_the_first_subscribers_and_count_all_while_a_fetch_lists_all() {
    let mut dice = Dice::new(0);
    let mut hub = Hub::new(Bounds { subscribers_shown: 2, ..Bounds::default() });
    let mut ids = Vec::new();
    for name in &NAMES[..4] {
        let uuid = id(&mut dice);
        hub.join(info(name, uuid), FileKey(uuid.0), Intents::ALL, uuid).unwrap();
        ids.push(uuid);
    }
    hub.create_service(ids[0], ServiceCreate { service: service("news"), nickname: None });
    for (n, who) in ids.iter().enumerate() {
        let turn = hub.subscribe(*who, &service("news"));
        let Some(PayloadOut::SelfSubscribeResult(SelfSubscribeResult { service, .. })) = turn.reply else { panic!("{turn:?}") };
        assert_eq!((service.subscribers.len(), service.subscriber_count), ((n + 1).min(2), n as u64 + 1));
    }
    let Some(PayloadOut::ServiceFetchResult(fetched)) = hub.fetch_service(&service("news")).reply else { panic!() };
    assert_eq!(fetched.service.subscribers, ids);
}

#[test]
fn an_audience_is_told_in_the_order_it_came() {
    let mut dice = Dice::new(7);
    let mut hub = Hub::new(Bounds::default());
    let ids: BTreeMap<&str, ClientId> = NAMES.iter().map(|name| (*name, id(&mut dice))).collect();
    for name in NAMES {
        hub.join(info(name, ids[name]), FileKey(ids[name].0), Intents::ALL, ids[name]).unwrap();
    }
    let mut told = Vec::new();
    hub.members(Audience::Others(Intent::Clients), ids["bob"], |who| told.push(*who));
    let others: Vec<_> = NAMES.iter().filter(|name| **name != "bob").map(|name| ids[name]).collect();
    assert_eq!(told, others);
}

#[test]
fn a_list_of_many_big_services_is_bounded_as_a_whole() {
    let mut dice = Dice::new(3);
    let mut hub = Hub::new(Bounds::default());
    let ids: Vec<ClientId> = (0..300).map(|_| id(&mut dice)).collect();
    for (n, who) in ids.iter().enumerate() {
        hub.join(info(&format!("c{n}"), *who), FileKey(who.0), Intents::ALL, *who).unwrap();
    }
    for n in 0..100 {
        let name = service(&format!("s{n}"));
        hub.create_service(ids[0], ServiceCreate { service: name.clone(), nickname: None });
        ids.iter().for_each(|who| drop(hub.subscribe(*who, &name)));
    }
    let Some(PayloadOut::ServiceFetchAllResult(all)) = hub.fetch_services().reply else { panic!() };
    let listed: Vec<usize> = all.services.iter().map(|s| s.subscribers.len()).collect();
    assert_eq!(listed.iter().sum::<usize>(), limits::SUBSCRIBERS_LISTED);
    assert_eq!((listed[0], listed[63], listed[64]), (256, 256, 0));
    assert!(all.services.iter().all(|s| s.subscriber_count == 300));
}
