//! What the client's handles and its connection share: who listens to what, and what has to be restored after a reconnect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use concierge_api_rs::{ClientId, Hello, ServiceInfo, ServiceName};
use tokio::sync::{Notify, watch};

use crate::event::Event;
use crate::message::Message;
use crate::ring::{Lag, Ring};
use crate::status::{Ending, Status};
use crate::streams::Delivery;

/// States that wait for a reader of [`StatusChanges`](crate::StatusChanges).
const STATUS_CAPACITY: usize = 32;

/// How a subscription stands at the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A request is on its way.
    Asked,
    On,
    /// The hub has no such service now.
    Absent,
    /// The last stream was dropped; the hub is yet to hear of it.
    Unwanted,
    /// The hub was told.
    Leaving,
}

#[derive(Debug)]
struct Service {
    standing: Standing,
    streams: Vec<Arc<Ring<Delivery>>>,
}

#[derive(Debug)]
struct Interests {
    services: HashMap<ServiceName, Service>,
    /// In the order of creation.
    owned: Vec<(ServiceName, Option<String>)>,
    inboxes: Vec<Arc<Ring<Delivery>>>,
    /// Collects from the start; the first reader takes it.
    first_inbox: Option<Arc<Ring<Delivery>>>,
    events: Vec<Arc<Ring<Event>>>,
    changes: Vec<Arc<Ring<Status>>>,
    paused: bool,
    ended: bool,
}

/// What handles and connection share. Every lock is short and never held across an await.
#[derive(Debug)]
pub(crate) struct Shared {
    capacity: usize,
    interests: Mutex<Interests>,
    /// A service may have become [`Standing::Unwanted`].
    pub(crate) unwanted: Notify,
    hello: watch::Sender<Arc<Hello>>,
    status: watch::Sender<Status>,
}

impl Shared {
    pub(crate) fn new(capacity: usize, hello: Arc<Hello>) -> Self {
        let inbox = Arc::new(Ring::new(capacity));
        let interests = Interests {
            services: HashMap::new(),
            owned: Vec::new(),
            inboxes: vec![inbox.clone()],
            first_inbox: Some(inbox),
            events: Vec::new(),
            changes: Vec::new(),
            paused: false,
            ended: false,
        };
        Self {
            capacity,
            interests: Mutex::new(interests),
            unwanted: Notify::new(),
            status: watch::Sender::new(Status::Connected(hello.clone())),
            hello: watch::Sender::new(hello),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Interests> {
        self.interests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // status

    pub(crate) fn hello(&self) -> Arc<Hello> {
        self.hello.borrow().clone()
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(crate) fn set_status(&self, status: Status) {
        let mut interests = self.lock();
        if interests.ended {
            return;
        }
        if let Status::Connected(hello) = &status {
            self.hello.send_replace(hello.clone());
        }
        self.status.send_replace(status.clone());
        push(&mut interests.changes, status);
    }

    /// The last state; every stream ends.
    pub(crate) fn end(&self, ending: Ending) {
        self.set_status(Status::Closed(ending));
        let mut interests = self.lock();
        interests.ended = true;
        interests.services.drain().flat_map(|(_, service)| service.streams).for_each(|ring| ring.end());
        interests.inboxes.drain(..).for_each(|ring| ring.end());
        interests.events.drain(..).for_each(|ring| ring.end());
        interests.changes.drain(..).for_each(|ring| ring.end());
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.lock().ended
    }

    // streams

    pub(crate) fn inbox(&self) -> Arc<Ring<Delivery>> {
        let mut interests = self.lock();
        if let Some(first) = interests.first_inbox.take() {
            return first;
        }
        let ended = interests.ended;
        listen(&mut interests.inboxes, self.capacity, ended)
    }

    pub(crate) fn events(&self) -> Arc<Ring<Event>> {
        let mut interests = self.lock();
        let ended = interests.ended;
        listen(&mut interests.events, self.capacity, ended)
    }

    pub(crate) fn changes(&self) -> Arc<Ring<Status>> {
        let mut interests = self.lock();
        let ring = Arc::new(Ring::new(STATUS_CAPACITY));
        ring.push(self.status.borrow().clone());
        if interests.ended {
            ring.end();
        } else {
            interests.changes.push(ring.clone());
        }
        ring
    }

    /// A stream of the service's messages, before the hub is asked for them: nothing can fall between.
    pub(crate) fn add_stream(&self, service: &ServiceName) -> Arc<Ring<Delivery>> {
        let mut interests = self.lock();
        let ring = Arc::new(Ring::new(self.capacity));
        if interests.ended {
            ring.end();
            return ring;
        }
        let new = || Service { standing: Standing::Asked, streams: Vec::new() };
        let entry = interests.services.entry(service.clone()).or_insert_with(new);
        if matches!(entry.standing, Standing::Unwanted | Standing::Leaving) {
            entry.standing = Standing::Asked;
        }
        entry.streams.push(ring.clone());
        ring
    }

    pub(crate) fn drop_stream(&self, service: &ServiceName, ring: &Arc<Ring<Delivery>>) {
        let mut interests = self.lock();
        let Some(entry) = interests.services.get_mut(service) else { return };
        entry.streams.retain(|other| !Arc::ptr_eq(other, ring));
        if !entry.streams.is_empty() {
            return;
        }
        if entry.standing == Standing::Absent {
            interests.services.remove(service);
        } else {
            entry.standing = Standing::Unwanted;
            self.unwanted.notify_one();
        }
    }

    // deliveries

    /// Hands a message to the service's streams when `me` is its subscriber, else to the inboxes.
    pub(crate) fn deliver(&self, message: Message, me: ClientId) {
        let mut interests = self.lock();
        let interests = &mut *interests;
        let through = message.origin.service.as_ref().filter(|service| service.owner_uuid != me);
        let streams = match through.and_then(|service| interests.services.get_mut(&service.name)) {
            Some(service) => &mut service.streams,
            None => &mut interests.inboxes,
        };
        push(streams, Delivery::Message(Box::new(message)));
    }

    pub(crate) fn tell(&self, event: Event) {
        push(&mut self.lock().events, event);
    }

    // how subscriptions and services stand

    /// The hub took a subscription. One whose last stream was dropped meanwhile is left again.
    pub(crate) fn subscribed(&self, service: &ServiceName) {
        let mut interests = self.lock();
        if interests.ended {
            return;
        }
        let Some(entry) = interests.services.get_mut(service) else {
            let unwanted = Service { standing: Standing::Unwanted, streams: Vec::new() };
            interests.services.insert(service.clone(), unwanted);
            self.unwanted.notify_one();
            return;
        };
        match entry.standing {
            Standing::Absent => {
                entry.standing = Standing::On;
                push(&mut entry.streams, Delivery::Resumed);
            }
            Standing::Asked => entry.standing = Standing::On,
            Standing::On | Standing::Unwanted | Standing::Leaving => {}
        }
    }

    /// The hub has no such service: its next creation is awaited.
    pub(crate) fn absent(&self, service: &ServiceName) {
        let mut interests = self.lock();
        let Some(entry) = interests.services.get_mut(service) else { return };
        if entry.streams.is_empty() {
            interests.services.remove(service);
            return;
        }
        if entry.standing == Standing::On {
            push(&mut entry.streams, Delivery::Paused);
        }
        entry.standing = Standing::Absent;
    }

    /// The hub refused a subscription for another reason than that there is no such service: an earlier one stands.
    pub(crate) fn refused(&self, service: &ServiceName) {
        let mut interests = self.lock();
        if let Some(entry) = interests.services.get_mut(service).filter(|entry| entry.standing == Standing::Asked) {
            entry.standing = Standing::Absent;
        }
    }

    /// The hub took the unsubscription that a dropped stream asked for.
    pub(crate) fn left(&self, service: &ServiceName) {
        let mut interests = self.lock();
        if interests.services.get(service).is_some_and(|entry| entry.streams.is_empty()) {
            interests.services.remove(service);
        }
    }

    /// The user unsubscribed: the service's streams end.
    pub(crate) fn unsubscribed(&self, service: &ServiceName) {
        if let Some(entry) = self.lock().services.remove(service) {
            entry.streams.iter().for_each(|ring| ring.end());
        }
    }

    /// Whether a service that was just created is one that is waited for.
    pub(crate) fn is_awaited(&self, service: &ServiceName) -> bool {
        self.lock().services.get(service).is_some_and(|entry| entry.standing == Standing::Absent)
    }

    pub(crate) fn is_on(&self, service: &ServiceName) -> bool {
        self.lock().services.get(service).is_some_and(|entry| entry.standing == Standing::On)
    }

    pub(crate) fn own(&self, service: ServiceName, nickname: Option<String>) {
        let mut interests = self.lock();
        interests.owned.retain(|(name, _)| *name != service); // it may have been deleted and created again
        interests.owned.push((service, nickname));
    }

    pub(crate) fn disown(&self, service: &ServiceName) {
        self.lock().owned.retain(|(name, _)| name != service);
    }

    /// Another client created a service that this one owned before it reconnected.
    pub(crate) fn lose(&self, service: ServiceInfo) {
        self.disown(&service.name);
        self.tell(Event::ServiceLost(service));
    }

    /// The services whose last stream was dropped and of which the hub is to be told now.
    pub(crate) fn take_unwanted(&self) -> Vec<ServiceName> {
        let mut interests = self.lock();
        let unwanted = interests.services.iter_mut().filter(|(_, entry)| entry.standing == Standing::Unwanted);
        unwanted
            .map(|(name, entry)| {
                entry.standing = Standing::Leaving;
                name.clone()
            })
            .collect()
    }

    // reconnecting

    /// The connection is lost: all streams are told.
    pub(crate) fn pause(&self) {
        let mut interests = self.lock();
        let interests = &mut *interests;
        interests.services.retain(|_, entry| !entry.streams.is_empty()); // a new connection has no subscriptions to leave
        for entry in interests.services.values_mut() {
            if entry.standing == Standing::On {
                push(&mut entry.streams, Delivery::Paused);
            }
            entry.standing = Standing::Absent;
        }
        push(&mut interests.inboxes, Delivery::Paused);
        interests.paused = true;
    }

    /// A new connection: what to create and what to subscribe to, in this order.
    pub(crate) fn restore(&self) -> (Vec<(ServiceName, Option<String>)>, Vec<ServiceName>) {
        let mut interests = self.lock();
        if std::mem::take(&mut interests.paused) {
            push(&mut interests.inboxes, Delivery::Resumed);
        }
        (interests.owned.clone(), interests.services.keys().cloned().collect())
    }
}

fn listen<T: Lag>(rings: &mut Vec<Arc<Ring<T>>>, capacity: usize, ended: bool) -> Arc<Ring<T>> {
    let ring = Arc::new(Ring::new(capacity));
    if ended {
        ring.end();
    } else {
        rings.push(ring.clone());
    }
    ring
}

/// Pushes to every stream that is still read, and forgets the others.
fn push<T: Lag + Clone>(rings: &mut Vec<Arc<Ring<T>>>, item: T) {
    rings.retain(|ring| Arc::strong_count(ring) > 1);
    let Some((last, others)) = rings.split_last() else { return };
    for ring in others {
        ring.push(item.clone());
    }
    last.push(item); // most messages have one reader: nothing is copied
}

#[cfg(test)]
mod tests;
