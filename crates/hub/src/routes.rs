//! The read side: where a message goes. Written by the registry only, in its turns; read by every sender at any time.
//!
//! Invariants: each look-up is one key of one map and hands out a clone; the subscribers of a service are a snapshot
//! that is replaced as a whole; a route exists before anybody hears of its client or service, and is gone before
//! anybody hears of its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use concierge_api_rs::{
    Bad, ClientId, ClientName, FileKey, Intent, Intents, InvalidName, InvalidService, InvalidUuid, PayloadOut, ServiceName,
    TargetRef,
};

use crate::map::Map;
use crate::message::origin_service;
use crate::registry::{Order, ServiceNumber};

/// Where messages go. `H` reaches a client.
pub struct Routes<H> {
    names: Map<ClientName, ClientRoute<H>>,
    ids: Map<ClientId, ClientRoute<H>>,
    keys: Map<FileKey, H>,
    services: Map<ServiceName, Arc<ServiceRoute<H>>>,
    memberships: Map<(ServiceNumber, ClientId), ()>,
    edition: AtomicU64,
}

/// The way to a client.
#[derive(Clone)]
pub(crate) struct ClientRoute<H> {
    to: H,
    came: Came,
}

/// When a client came, and whether it wants messages: one to a client that does not goes to nobody. In one word, because every
/// client has two routes.
#[derive(Clone, Copy)]
struct Came(u64);

/// The way to a service.
pub struct ServiceRoute<H> {
    number: ServiceNumber,
    owner: ClientId,
    to_owner: ClientRoute<H>,
    audience: ArcSwap<Snapshot<H>>,
}

/// The subscribers of a service at one moment.
struct Snapshot<H> {
    /// Without the owner, who does not hear itself, and those that want no messages.
    subscribers: Arc<[H]>,
    /// `origin.service` of what is sent now.
    origin: Arc<[u8]>,
}

/// Who gets a message.
#[derive(Debug)]
pub enum Delivery<H> {
    /// One client, with `origin.service` when a service was named.
    One(H, Option<Arc<[u8]>>),
    /// The subscribers of a service, with `origin.service`.
    Subscribers(Arc<[H]>, Arc<[u8]>),
    /// Every client that wants messages, the sender too.
    Everyone,
    /// The one whom it would reach wants no messages.
    Nobody,
}

/// Why nobody gets a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// BAD: the sender may not.
    NotAllowed,
    /// INVALID_NAME.
    NoName(ClientName),
    /// INVALID_UUID.
    NoUuid(ClientId),
    /// INVALID_SERVICE.
    NoService(ServiceName),
}

impl From<Refusal> for PayloadOut {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotAllowed => Bad {}.into(),
            Refusal::NoName(name) => InvalidName { name }.into(),
            Refusal::NoUuid(uuid) => InvalidUuid { uuid }.into(),
            Refusal::NoService(service) => InvalidService { service }.into(),
        }
    }
}

impl<H: Clone> Routes<H> {
    /// Routes to nobody.
    #[must_use]
    pub fn new() -> Self {
        Self {
            names: Map::default(),
            ids: Map::default(),
            keys: Map::default(),
            services: Map::default(),
            memberships: Map::default(),
            edition: AtomicU64::new(0),
        }
    }

    /// The client of that name.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<H> {
        self.names.look_up(name).map(|route| route.to)
    }

    /// The client of that id.
    #[must_use]
    pub fn id(&self, id: ClientId) -> Option<H> {
        self.ids.look_up(&id).map(|route| route.to)
    }

    /// The client of that id, if it wants messages.
    #[must_use]
    pub fn listener(&self, id: ClientId) -> Option<H> {
        self.ids.look_up(&id).filter(|route| route.came.listens()).map(|route| route.to)
    }

    /// The client that holds that private key.
    #[must_use]
    pub fn key(&self, key: FileKey) -> Option<H> {
        self.keys.look_up(&key)
    }

    /// Changes with every change of the routes, after it: who asked before [`Routes::deliver`] and finds the same number again
    /// would be given the same receivers again, or as good as: the change is still in its turn, and nobody was told of it.
    #[must_use]
    pub fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.edition.fetch_add(1, Ordering::Release);
    }

    /// How many clients, services and subscriptions there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.ids.len(), self.services.len(), self.memberships.len())
    }

    /// Who gets a message to `target` (PROTOCOL.md, "Message", the table of deliveries).
    ///
    /// # Errors
    /// [`Refusal`], to be answered to the sender; nobody gets the message.
    pub fn deliver(&self, sender: ClientId, target: &TargetRef<'_>) -> Result<Delivery<H>, Refusal> {
        match target {
            TargetRef::Name(name) => match self.names.look_up(&**name) {
                Some(route) => Ok(route.delivery(|| None)),
                None => Err(Refusal::NoName(ClientName::parse(name).expect("decoding checked the name"))),
            },
            TargetRef::Uuid(id) => self.one(*id).map(|route| route.delivery(|| None)),
            TargetRef::Service(name) => self.to_service(sender, &*self.service(name)?),
            TargetRef::ServiceClientUuid(name, id) => {
                let service = self.service(name)?;
                if service.owner != sender {
                    return Err(Refusal::NotAllowed);
                }
                Ok(self.one(*id)?.delivery(|| Some(service.audience.load().origin.clone())))
            }
            TargetRef::All => Ok(Delivery::Everyone),
        }
    }

    fn to_service(&self, sender: ClientId, service: &ServiceRoute<H>) -> Result<Delivery<H>, Refusal> {
        let now = service.audience.load();
        if service.owner == sender {
            Ok(Delivery::Subscribers(now.subscribers.clone(), now.origin.clone()))
        } else if self.memberships.holds(&(service.number, sender)) {
            Ok(service.to_owner.clone().delivery(|| Some(now.origin.clone())))
        } else {
            Err(Refusal::NotAllowed)
        }
    }

    fn one(&self, id: ClientId) -> Result<ClientRoute<H>, Refusal> {
        self.ids.look_up(&id).ok_or(Refusal::NoUuid(id))
    }

    fn service(&self, name: &str) -> Result<Arc<ServiceRoute<H>>, Refusal> {
        self.services
            .look_up(name)
            .ok_or_else(|| Refusal::NoService(ServiceName::parse(name).expect("decoding checked the name")))
    }

    /// When the client of that id came.
    pub(crate) fn order(&self, id: ClientId) -> Option<Order> {
        self.ids.look_up(&id).map(|route| route.came.order())
    }

    pub(crate) fn add_client(&self, name: ClientName, id: ClientId, key: FileKey, route: ClientRoute<H>) {
        self.keys.insert(key, route.to.clone());
        self.names.insert(name, route.clone());
        self.ids.insert(id, route);
        self.changed();
    }

    pub(crate) fn remove_client(&self, name: &ClientName, id: ClientId, key: FileKey) {
        self.names.remove(name);
        self.ids.remove(&id);
        self.keys.remove(&key);
        self.changed();
    }

    /// Its owner has a route already.
    pub(crate) fn add_service(&self, number: ServiceNumber, info: concierge_api_rs::ServiceInfo) {
        let (name, owner) = (info.name.clone(), info.owner_uuid);
        let Some(to_owner) = self.ids.look_up(&owner) else { return };
        let audience = ArcSwap::from_pointee(Snapshot { subscribers: Arc::new([]), origin: origin_service(info).into() });
        self.services.insert(name, Arc::new(ServiceRoute { number, owner, to_owner, audience }));
        self.changed();
    }

    pub(crate) fn remove_service(&self, name: &ServiceName) {
        self.services.remove(name);
        self.changed();
    }

    pub(crate) fn add_member(&self, service: ServiceNumber, client: ClientId) {
        self.memberships.insert((service, client), ());
        self.changed();
    }

    pub(crate) fn remove_member(&self, service: ServiceNumber, client: ClientId) {
        self.memberships.remove(&(service, client));
        self.changed();
    }

    /// Replaces a service's subscribers by those of `members`, who want messages, that are not its owner.
    pub(crate) fn set_audience<'m>(&self, info: concierge_api_rs::ServiceInfo, members: impl Iterator<Item = (ClientId, &'m H)>)
    where
        H: 'm,
    {
        if let Some(route) = self.services.look_up(info.name.as_str()) {
            let subscribers = members.filter(|(id, _)| *id != route.owner).map(|(_, to)| to.clone()).collect();
            route.audience.store(Arc::new(Snapshot { subscribers, origin: origin_service(info).into() }));
            self.changed();
        }
    }
}

impl<H> ClientRoute<H> {
    pub(crate) fn new(to: H, order: Order, intents: Intents) -> Self {
        Self { to, came: Came(order << 1 | u64::from(intents.has(Intent::Messages))) }
    }

    fn delivery(self, service: impl FnOnce() -> Option<Arc<[u8]>>) -> Delivery<H> {
        if self.came.listens() { Delivery::One(self.to, service()) } else { Delivery::Nobody }
    }
}

impl Came {
    fn order(self) -> Order {
        self.0 >> 1
    }

    fn listens(self) -> bool {
        self.0 & 1 == 1
    }
}

impl<H: Clone> Default for Routes<H> {
    fn default() -> Self {
        Self::new()
    }
}
