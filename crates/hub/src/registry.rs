//! Who is here: clients, their names, the services they own, who is subscribed to what. One writer, one turn per change.
//!
//! Invariants (checked after every step of the tests' lives):
//! 1. a name, an id and a key belong to one client; a service's name to one service;
//! 2. every service's owner is here, and the client lists it among its own;
//! 3. a subscription stands at the client and at the service, or at neither;
//! 4. the routes say the same as the registry;
//! 5. lists keep the order of joining, creation, subscription;
//! 6. an audience holds those who want what it is told, and nobody else is touched; one of all clients holds nobody who was hushed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use concierge_api_rs::{
    Bad, ClientFetchAllResult, ClientFetchResult, ClientId, ClientInfo, ClientJoined, ClientLeft, ClientName, ErrorProtocol,
    FileKey, Intent, Intents, InvalidService, InvalidUuid, PayloadOut, SelfFetchResult, SelfSubscribeResult,
    SelfUnsubscribeResult, ServiceClientSubscribed, ServiceClientUnsubscribed, ServiceCreate, ServiceCreateResult,
    ServiceDeleteResult, ServiceFetchAllResult, ServiceFetchResult, ServiceInfo, ServiceName, limits,
};
use smallvec::SmallVec;

use crate::routes::{ClientRoute, Routes};
use crate::turn::{Audience, Turn};

mod wanting;
use wanting::Wanting;

/// How much a client may have.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Services it owns.
    pub services_per_client: usize,
    /// Services of all clients together.
    pub services: usize,
    /// Services it is subscribed to.
    pub subscriptions_per_client: usize,
    /// Subscribers that a service info lists.
    pub subscribers_shown: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            services_per_client: limits::SERVICES_PER_CLIENT,
            services: limits::SERVICES,
            subscriptions_per_client: limits::SUBSCRIPTIONS_PER_CLIENT,
            subscribers_shown: limits::SUBSCRIBERS_SHOWN,
        }
    }
}

/// Another client has the name: close code 4005.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameTaken;

/// When something came, among all that ever came.
pub(crate) type Order = u64;

/// A service, as opposed to a later one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceNumber(Order);

struct Client<H> {
    info: Arc<ClientInfo>,
    key: FileKey,
    handle: H,
    intents: Intents,
    /// In the order of creation.
    owned: Vec<ServiceNumber>,
    /// In the order of subscription; most clients have one.
    subscriptions: SmallVec<[(ServiceNumber, Order); 1]>,
}

/// Where a client stands among those that are here, in the order they came; it says so also when that client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(Order);

/// A client and what it has, for whoever looks after the hub.
#[derive(Debug, Clone)]
pub struct Standing<H> {
    /// Where it stands.
    pub rank: Rank,
    /// What it says of itself.
    pub info: Arc<ClientInfo>,
    /// Reaches it.
    pub handle: H,
    /// The first of the services that it owns.
    pub owns: Vec<ServiceName>,
    /// How many these are.
    pub owned: usize,
    /// The first of the services that it is subscribed to.
    pub subscriptions: Vec<ServiceName>,
    /// How many these are.
    pub subscribed: usize,
}

struct Service<H> {
    name: ServiceName,
    nickname: Option<String>,
    owner: ClientId,
    /// By order of subscription.
    subscribers: BTreeMap<Order, Member<H>>,
    /// Those of them that want news of its members.
    watchers: BTreeMap<Order, H>,
}

/// A subscriber of a service.
struct Member<H> {
    who: ClientId,
    /// Of one that wants messages.
    listener: Option<H>,
}

/// Who is here, and the write side of [`Routes`].
pub struct Registry<H> {
    bounds: Bounds,
    routes: Arc<Routes<H>>,
    clock: Order,
    /// Boxed: who comes last stands last, and a tree that only grows at its end is half empty.
    clients: BTreeMap<Order, Box<Client<H>>>,
    /// Without those who were hushed.
    wanting: Wanting<H>,
    services: BTreeMap<ServiceNumber, Service<H>>,
    service_names: HashMap<ServiceName, ServiceNumber>,
}

impl<H: Clone> Registry<H> {
    /// Nobody is here.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            routes: Arc::new(Routes::new()),
            clock: 0,
            clients: BTreeMap::new(),
            wanting: Wanting::new(),
            services: BTreeMap::new(),
            service_names: HashMap::new(),
        }
    }

    /// The read side.
    #[must_use]
    pub fn routes(&self) -> &Arc<Routes<H>> {
        &self.routes
    }

    /// How many clients there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// How many are told who enters and leaves.
    #[must_use]
    pub fn audience(&self) -> usize {
        self.wanting.count(Intent::Clients)
    }

    /// What a client says of itself.
    #[must_use]
    pub fn client_info(&self, who: ClientId) -> Option<Arc<ClientInfo>> {
        Some(self.client(who)?.info.clone())
    }

    /// Whether there is such a service.
    #[must_use]
    pub fn has_service(&self, name: &ServiceName) -> bool {
        self.service_names.contains_key(name)
    }

    /// Whether nobody is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether a client of that name may join now.
    ///
    /// # Errors
    /// [`NameTaken`].
    pub fn may_join(&self, name: &ClientName) -> Result<(), NameTaken> {
        if self.routes.name(name.as_str()).is_some() { Err(NameTaken) } else { Ok(()) }
    }

    /// A client comes. What it gets first (HELLO) is queued by the caller before this turn.
    ///
    /// # Errors
    /// [`NameTaken`]; nothing is changed.
    pub fn join(&mut self, info: ClientInfo, key: FileKey, intents: Intents, handle: H) -> Result<Turn, NameTaken> {
        self.may_join(&info.name)?;
        let order = self.tick();
        let info = Arc::new(info);
        self.routes.add_client(info.name.clone(), info.uuid, key, ClientRoute::new(handle.clone(), order, intents));
        self.wanting.insert(order, intents, &handle);
        let news = ClientJoined { client: (*info).clone() };
        let client = Client { info, key, handle, intents, owned: Vec::new(), subscriptions: SmallVec::new() };
        self.clients.insert(order, Box::new(client));
        Ok(Turn::default().tell(Audience::Others(Intent::Clients), news))
    }

    /// A client is about to go, and nothing reaches it any more: it still is here, but news to everybody is no news to it.
    /// When thousands go at once, none of them is told of the others.
    pub fn hush(&mut self, who: ClientId) {
        if let Some(order) = self.routes.order(who) {
            self.wanting.remove(order);
        }
    }

    /// A client goes, in the order of PROTOCOL.md, "Leaving". Unknown ids are no news: leaving twice is harmless.
    pub fn leave(&mut self, who: ClientId) -> Turn {
        self.hush(who);
        let Some(client) = self.routes.order(who).and_then(|order| self.clients.remove(&order)) else {
            return Turn::default();
        };
        self.routes.remove_client(&client.info.name, who, client.key);
        let mut turn = Turn::default();
        for number in &client.owned {
            // its own subscriptions are among those that end with the service
            if let Some(service) = self.end_service(*number) {
                turn = turn.tell(Audience::Everyone(Intent::Services), ServiceDeleteResult { service });
            }
        }
        for (number, order) in &client.subscriptions {
            if let Some(service) = self.services.get_mut(number) {
                service.remove(*order);
                let service = self.end_membership(*number, who);
                let client = (*client.info).clone();
                turn = turn.tell(Audience::Subscribers(*number), ServiceClientUnsubscribed { client, service });
            }
        }
        turn.tell(Audience::Everyone(Intent::Clients), ClientLeft { client: (*client.info).clone() })
    }

    /// SELF_SUBSCRIBE.
    pub fn subscribe(&mut self, who: ClientId, name: &ServiceName) -> Turn {
        let Some(number) = self.service_names.get(name).copied() else { return no_service(name) };
        let Some(client) = self.client(who) else { return gone() };
        if client.subscriptions.iter().any(|(n, _)| *n == number) {
            return Turn::reply(SelfSubscribeResult { successful: false, service: self.shown(number) });
        }
        if client.subscriptions.len() >= self.bounds.subscriptions_per_client {
            return over_limit("service", "subscriptions", self.bounds.subscriptions_per_client);
        }
        let (info, intents, handle) = ((*client.info).clone(), client.intents, client.handle.clone());
        let order = self.tick();
        if let Some(client) = self.client_mut(who) {
            client.subscriptions.push((number, order));
        }
        if let Some(service) = self.services.get_mut(&number) {
            service.add(order, who, intents, handle);
        }
        self.routes.add_member(number, who);
        self.publish_audience(number);
        let service = self.shown(number);
        Turn::reply(SelfSubscribeResult { successful: true, service: service.clone() })
            .tell(Audience::Subscribers(number), ServiceClientSubscribed { client: info, service })
    }

    /// SELF_UNSUBSCRIBE.
    pub fn unsubscribe(&mut self, who: ClientId, name: &ServiceName) -> Turn {
        let Some(number) = self.service_names.get(name).copied() else { return no_service(name) };
        let Some(client) = self.client_mut(who) else { return gone() };
        let Some(at) = client.subscriptions.iter().position(|(n, _)| *n == number) else {
            return Turn::reply(SelfUnsubscribeResult { successful: false, service: self.shown(number) });
        };
        let (_, order) = client.subscriptions.remove(at);
        let info = (*client.info).clone();
        if let Some(service) = self.services.get_mut(&number) {
            service.remove(order);
        }
        let service = self.end_membership(number, who);
        Turn::reply(SelfUnsubscribeResult { successful: true, service: service.clone() })
            .tell(Audience::Subscribers(number), ServiceClientUnsubscribed { client: info, service })
    }

    /// SERVICE_CREATE.
    pub fn create_service(&mut self, who: ClientId, create: ServiceCreate) -> Turn {
        let ServiceCreate { service: name, nickname } = create;
        if let Some(number) = self.service_names.get(&name) {
            return Turn::reply(ServiceCreateResult { successful: false, service: self.shown(*number) });
        }
        let Some(client) = self.client(who) else { return gone() };
        if client.owned.len() >= self.bounds.services_per_client {
            return over_limit("service", "services", self.bounds.services_per_client);
        }
        if self.services.len() >= self.bounds.services {
            return refused(format!("service: there are {} services, as many as there may be", self.services.len()));
        }
        let number = ServiceNumber(self.tick());
        if let Some(client) = self.client_mut(who) {
            client.owned.push(number);
        }
        self.service_names.insert(name.clone(), number);
        self.services.insert(number, Service::new(name, nickname, who));
        let service = self.shown(number);
        self.routes.add_service(number, service.clone());
        let result = ServiceCreateResult { successful: true, service };
        Turn::reply(result.clone()).tell(Audience::Everyone(Intent::Services), result)
    }

    /// SERVICE_DELETE.
    pub fn delete_service(&mut self, who: ClientId, name: &ServiceName) -> Turn {
        let Some(number) = self.service_names.get(name).copied() else { return no_service(name) };
        if self.services.get(&number).is_none_or(|service| service.owner != who) {
            return Turn::reply(Bad {});
        }
        if let Some(client) = self.client_mut(who) {
            client.owned.retain(|n| *n != number);
        }
        match self.end_service(number) {
            Some(service) => {
                let result = ServiceDeleteResult { service };
                Turn::reply(result.clone()).tell(Audience::Everyone(Intent::Services), result)
            }
            None => no_service(name),
        }
    }

    /// SELF_FETCH.
    #[must_use]
    pub fn fetch_self(&self, who: ClientId) -> Turn {
        match self.client(who) {
            Some(client) => {
                Turn::reply(SelfFetchResult { client: (*client.info).clone(), subscriptions: self.subscriptions(client) })
            }
            None => gone(),
        }
    }

    /// CLIENT_FETCH.
    #[must_use]
    pub fn fetch_client(&self, uuid: ClientId) -> Turn {
        match self.client(uuid) {
            Some(client) => {
                Turn::reply(ClientFetchResult { client: (*client.info).clone(), subscriptions: self.subscriptions(client) })
            }
            None => Turn::reply(InvalidUuid { uuid }),
        }
    }

    /// CLIENT_FETCH_ALL.
    #[must_use]
    pub fn fetch_clients(&self) -> Turn {
        Turn::reply(ClientFetchAllResult { clients: self.clients.values().map(|c| (*c.info).clone()).collect() })
    }

    /// SERVICE_FETCH: with all subscribers.
    #[must_use]
    pub fn fetch_service(&self, name: &ServiceName) -> Turn {
        match self.service_names.get(name) {
            Some(number) => Turn::reply(ServiceFetchResult { service: self.info(*number, usize::MAX) }),
            None => no_service(name),
        }
    }

    /// SERVICE_FETCH_ALL.
    #[must_use]
    pub fn fetch_services(&self) -> Turn {
        Turn::reply(ServiceFetchAllResult { services: self.list(self.services.keys()) })
    }

    /// Every member of an audience, in the order they came; of those who were hushed, only subscribers. `turn_of` is the client
    /// whose turn it was.
    pub fn members(&self, audience: Audience, turn_of: ClientId, mut each: impl FnMut(&H)) {
        match audience {
            Audience::Everyone(intent) => self.wanting.members(intent).for_each(|(_, handle)| each(handle)),
            Audience::Others(intent) => {
                let own = self.routes.order(turn_of);
                let others = self.wanting.members(intent).filter(|(order, _)| Some(*order) != own);
                others.for_each(|(_, handle)| each(handle));
            }
            Audience::Subscribers(number) => {
                self.services.get(&number).into_iter().flat_map(|service| service.watchers.values()).for_each(each);
            }
        }
    }

    /// Whether an audience has anybody in it, the one whose turn it was included.
    #[must_use]
    pub fn is_heard(&self, audience: Audience) -> bool {
        match audience {
            Audience::Everyone(intent) | Audience::Others(intent) => self.wanting.count(intent) > 0,
            Audience::Subscribers(number) => self.services.get(&number).is_some_and(|service| !service.watchers.is_empty()),
        }
    }

    /// Every client, whatever it wants, in the order they came.
    pub fn everybody(&self) -> impl Iterator<Item = &H> {
        self.clients.values().map(|client| &client.handle)
    }

    /// Where a client stands.
    #[must_use]
    pub fn rank(&self, who: ClientId) -> Option<Rank> {
        self.routes.order(who).map(Rank)
    }

    /// So many clients that came after that one, in the order they came.
    #[must_use]
    pub fn survey(&self, after: Option<Rank>, limit: usize, shown: usize) -> Vec<Standing<H>> {
        let from = after.map_or(Bound::Unbounded, |Rank(order)| Bound::Excluded(order));
        let behind = self.clients.range((from, Bound::Unbounded));
        behind.take(limit).map(|(order, client)| self.standing(Rank(*order), client, shown)).collect()
    }

    fn standing(&self, rank: Rank, client: &Client<H>, shown: usize) -> Standing<H> {
        let name = |number: &ServiceNumber| self.services.get(number).map(|service| service.name.clone());
        Standing {
            rank,
            info: client.info.clone(),
            handle: client.handle.clone(),
            owns: client.owned.iter().take(shown).filter_map(name).collect(),
            owned: client.owned.len(),
            subscriptions: client.subscriptions.iter().take(shown).filter_map(|(number, _)| name(number)).collect(),
            subscribed: client.subscriptions.len(),
        }
    }

    fn tick(&mut self) -> Order {
        self.clock += 1;
        self.clock
    }

    fn client(&self, who: ClientId) -> Option<&Client<H>> {
        self.clients.get(&self.routes.order(who)?).map(|client| &**client)
    }

    fn client_mut(&mut self, who: ClientId) -> Option<&mut Client<H>> {
        self.clients.get_mut(&self.routes.order(who)?).map(|client| &mut **client)
    }

    /// The service goes, and with it all of its memberships. Its info as it was.
    fn end_service(&mut self, number: ServiceNumber) -> Option<ServiceInfo> {
        let info = self.services.contains_key(&number).then(|| self.shown(number))?;
        let service = self.services.remove(&number)?;
        self.routes.remove_service(&service.name);
        self.service_names.remove(&service.name);
        for Member { who, .. } in service.subscribers.values() {
            self.routes.remove_member(number, *who);
            if let Some(client) = self.client_mut(*who) {
                client.subscriptions.retain(|(n, _)| *n != number);
            }
        }
        Some(info)
    }

    fn end_membership(&self, number: ServiceNumber, who: ClientId) -> ServiceInfo {
        self.routes.remove_member(number, who);
        self.publish_audience(number);
        self.shown(number)
    }

    fn publish_audience(&self, number: ServiceNumber) {
        if let Some(service) = self.services.get(&number) {
            let members = service.subscribers.values().filter_map(|member| Some((member.who, member.listener.as_ref()?)));
            self.routes.set_audience(self.info(number, 0), members);
        }
    }

    fn subscriptions(&self, client: &Client<H>) -> Vec<ServiceInfo> {
        self.list(client.subscriptions.iter().map(|(number, _)| number))
    }

    /// Infos that list so many subscribers together at most: the answer to a small request stays bounded.
    fn list<'a>(&self, numbers: impl Iterator<Item = &'a ServiceNumber>) -> Vec<ServiceInfo> {
        let mut left = limits::SUBSCRIBERS_LISTED;
        numbers
            .map(|number| {
                let info = self.info(*number, self.bounds.subscribers_shown.min(left));
                left -= info.subscribers.len();
                info
            })
            .collect()
    }

    /// A service's info with as many subscribers as are shown.
    fn shown(&self, number: ServiceNumber) -> ServiceInfo {
        self.info(number, self.bounds.subscribers_shown)
    }

    fn info(&self, number: ServiceNumber, shown: usize) -> ServiceInfo {
        let service = self.services.get(&number).expect("callers took the number from a service that is here");
        ServiceInfo {
            name: service.name.clone(),
            nickname: service.nickname.clone(),
            owner_uuid: service.owner,
            subscribers: service.subscribers.values().take(shown).map(|member| member.who).collect(),
            subscriber_count: service.subscribers.len() as u64,
        }
    }
}

impl<H: Clone> Service<H> {
    fn new(name: ServiceName, nickname: Option<String>, owner: ClientId) -> Self {
        Self { name, nickname, owner, subscribers: BTreeMap::new(), watchers: BTreeMap::new() }
    }

    fn add(&mut self, order: Order, who: ClientId, intents: Intents, handle: H) {
        if intents.has(Intent::ServiceClients) {
            self.watchers.insert(order, handle.clone());
        }
        self.subscribers.insert(order, Member { who, listener: intents.has(Intent::Messages).then_some(handle) });
    }

    fn remove(&mut self, order: Order) {
        self.subscribers.remove(&order);
        self.watchers.remove(&order);
    }
}

impl<H> fmt::Debug for Registry<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("clients", &self.clients.len()).field("services", &self.services.len()).finish()
    }
}

fn no_service(name: &ServiceName) -> Turn {
    Turn::reply(InvalidService { service: name.clone() })
}

/// A turn of a client that left meanwhile: nobody reads the answer.
fn gone() -> Turn {
    Turn::default()
}

fn over_limit(field: &str, what: &str, limit: usize) -> Turn {
    refused(format!("{field}: a client has at most {limit} {what}"))
}

fn refused(desc: String) -> Turn {
    Turn::reply(PayloadOut::from(ErrorProtocol { desc }))
}

#[cfg(test)]
#[path = "registry/tests.rs"]
mod tests;
