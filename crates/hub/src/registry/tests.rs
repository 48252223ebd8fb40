//! Lives: a seeded hub full of clients that join, own, subscribe, send and go, with every invariant checked after every
//! step, against a model that is too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::{SelfSubscribeResult, TargetRef};
use dice::Dice;
use lives::{Hub, Model, NAMES, SERVICES, check, id, info, one_step, service, small_hub};
use proptest::test_runner::{RngAlgorithm, TestRng};
use uuid::Uuid;

use super::*;
use crate::routes::{Delivery, Refusal};
use crate::turn::News;

mod lives;

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

/// One life of a hub. `leave` is the hub's own, or a broken one that the checks must catch.
fn live(seed: u64, steps: usize, leave: fn(&mut Hub, ClientId) -> Turn) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let mut hub = small_hub();
    let mut model = Model::default();
    // those, and of those who left, who are told nothing
    let mut hushed = BTreeSet::new();
    for step in 0..steps {
        if let (0, false) = (dice.below(16), model.clients.is_empty()) {
            let who = dice.pick(&model.clients).0;
            hub.hush(who);
            hushed.insert(who);
        }
        let probe = Probe::of(&mut dice, &model);
        let before = probe.ask(&hub);
        one_step(&mut dice, &mut hub, &mut model, leave)
            .and_then(|()| check(&hub, &model))
            .and_then(|()| check_owned(&hub))
            .and_then(|()| check_audiences(&hub, &model, &hushed))
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

/// Invariant 2, from inside.
fn check_owned(hub: &Hub) -> Result<(), String> {
    let owned: usize = hub.clients.values().map(|c| c.owned.len()).sum();
    if owned == hub.services.len() { Ok(()) } else { Err(format!("{owned} owned, {} services", hub.services.len())) }
}

/// Invariant 6, and the order in which an audience came.
fn check_audiences(hub: &Hub, model: &Model, hushed: &BTreeSet<ClientId>) -> Result<(), String> {
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
        let told_of_all = |who: &ClientId| model.wants(*who, intent) && !hushed.contains(who);
        let wanting: Vec<_> = everybody.iter().copied().filter(told_of_all).collect();
        let (got, held) = (told(Audience::Everyone(intent), nobody), hub.wanting.count(intent));
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
        let order = hub.routes.order(who).unwrap();
        let client = &hub.clients[&order];
        let (name, key) = (client.info.name.clone(), client.key);
        let turn = hub.leave(who);
        hub.routes.add_client(name, who, key, ClientRoute::new(who, order, Intents::ALL));
        turn
    };
    let forgets_an_audience: fn(&mut Hub, ClientId) -> Turn = |hub, who| {
        let order = hub.routes.order(who).unwrap();
        let turn = hub.leave(who);
        hub.wanting.insert(order, Intents::NONE.and(Intent::Clients), &who);
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
fn a_survey_goes_on_behind_one_who_left() {
    let mut dice = Dice::new(0);
    let mut hub = Hub::new(Bounds::default());
    for name in &NAMES[..4] {
        let uuid = id(&mut dice);
        hub.join(info(name, uuid), FileKey(uuid.0), Intents::ALL, uuid).unwrap();
    }
    let first = hub.survey(None, 2, 0);
    hub.leave(first[1].info.uuid);
    let rest: Vec<_> = hub.survey(Some(first[1].rank), 9, 0).iter().map(|standing| standing.info.name.to_string()).collect();
    assert_eq!(rest, NAMES[2..4]);
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
