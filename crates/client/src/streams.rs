//! What a client listens to.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use concierge_api_rs::ServiceName;
use futures::{Stream, StreamExt};

use crate::event::Event;
use crate::message::Message;
use crate::ring::{Lag, Ring};
use crate::shared::Shared;
use crate::status::Status;

/// What a [`Subscription`] or an [`Inbox`] yields.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// A message.
    Message(Box<Message>),
    /// So many older deliveries were dropped here because the stream was not read.
    Lagged(u64),
    /// Nothing comes for now: the connection was lost, or the service is gone. Messages may be missed from here on.
    Paused,
    /// Messages come again, or for the first time.
    Resumed,
}

impl Lag for Delivery {
    fn lagged(items: u64) -> Option<Self> {
        Some(Self::Lagged(items))
    }
}

impl Lag for Event {
    fn lagged(items: u64) -> Option<Self> {
        Some(Self::Lagged(items))
    }
}

impl Lag for Status {
    /// A state replaces the one before it.
    fn lagged(_: u64) -> Option<Self> {
        None
    }
}

/// What a service's owner says to its subscribers, from the moment that the hub took the subscription.
///
/// The stream outlives reconnects, and the service itself: when the service is created again, by whomever, the client
/// subscribes again ([`Delivery::Paused`], [`Delivery::Resumed`]). It ends when the client is closed or
/// [`Client::unsubscribe`](crate::Client::unsubscribe)s. Dropping the last stream of a service unsubscribes.
///
/// Bounded: when [`Options::stream_capacity`](crate::Options::stream_capacity) deliveries wait, the oldest is dropped and
/// counted in a [`Delivery::Lagged`].
#[derive(Debug)]
pub struct Subscription {
    service: ServiceName,
    ring: Arc<Ring<Delivery>>,
    shared: Arc<Shared>,
}

impl Subscription {
    pub(crate) fn new(service: ServiceName, shared: Arc<Shared>) -> Self {
        let ring = shared.add_stream(&service);
        Self { service, ring, shared }
    }

    /// The service's name.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    /// Whether the service is there and the hub has taken the subscription.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.shared.is_on(&self.service)
    }

    /// The next message; skips everything else. `None` at the end of the stream.
    pub async fn next_message(&mut self) -> Option<Message> {
        next_message(self).await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.drop_stream(&self.service, &self.ring);
    }
}

impl Stream for Subscription {
    type Item = Delivery;
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.ring.poll_pop(cx)
    }
}

async fn next_message<S: Stream<Item = Delivery> + Unpin>(stream: &mut S) -> Option<Message> {
    loop {
        if let Delivery::Message(message) = stream.next().await? {
            return Some(*message);
        }
    }
}

macro_rules! plain_stream {
    ($(#[$meta:meta])* $name:ident, $item:ty) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name(pub(crate) Arc<Ring<$item>>);

        impl Stream for $name {
            type Item = $item;
            fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<$item>> {
                self.0.poll_pop(cx)
            }
        }
    };
}

plain_stream! {
    /// Messages to this client: by its name or id, to everybody, and to the services that it owns. What comes through a
    /// service that the client is subscribed to goes to its [`Subscription`] instead.
    ///
    /// Bounded as a [`Subscription`] is. Ends when the client is closed.
    Inbox, Delivery
}

impl Inbox {
    /// The next message; skips everything else. `None` at the end of the stream.
    pub async fn next_message(&mut self) -> Option<Message> {
        next_message(self).await
    }
}

plain_stream! {
    /// Who comes and goes. Bounded: the oldest falls out and is counted in [`Event::Lagged`]. Ends when the client is closed.
    Events, Event
}

plain_stream! {
    /// The connection's states, beginning with the present one; [`Status::Closed`] is the last. Bounded: the oldest fall
    /// out, uncounted, because a later state replaces them.
    StatusChanges, Status
}
