//! What is said where nobody can wait: cancellations, and refusals of requests that no handler takes.

use concierge_api_rs::packet::{Packet, Push, Subject};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::send;
use crate::client::Client;
use crate::driver::Provided;

/// How many wait. What comes then is not said: the router ends a request when its time is over.
const ASIDES: usize = 1_024;

/// A packet that nobody waits for.
#[derive(Debug)]
pub(super) struct Aside {
    packet: String,
    provided: Provided,
    /// Given back when the packet has its place in the order of what is sent.
    _turn: Option<OwnedSemaphorePermit>,
}

impl Aside {
    pub(super) fn push(subject: Subject, push: Push<'_>, turn: Option<OwnedSemaphorePermit>) -> Self {
        let packet = Packet { subject, datagram: push.into() }.encode();
        Self { packet, provided: Provided::Nothing, _turn: turn }
    }

    /// A response on the connection that brought its request.
    pub(super) const fn response(packet: String, provided: Provided) -> Self {
        Self { packet, provided, _turn: None }
    }
}

#[cfg(test)]
impl Aside {
    pub(super) fn packet(&self) -> &str {
        &self.packet
    }
}

/// Where they are left.
#[derive(Debug, Clone)]
pub(super) struct Asides(mpsc::Sender<Aside>);

impl Asides {
    pub(super) fn new() -> (Self, mpsc::Receiver<Aside>) {
        let (to, waiting) = mpsc::channel(ASIDES);
        (Self(to), waiting)
    }

    pub(super) fn say(&self, aside: Aside) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.0.try_send(aside) {
            tracing::warn!("a cancellation or a refusal was not sent: too many wait");
        }
    }
}

/// Says them in their order, until nobody is there who could leave one.
pub(super) async fn speak(client: Client, mut waiting: mpsc::Receiver<Aside>) {
    while let Some(Aside { packet, provided, _turn }) = waiting.recv().await {
        if let Err(error) = send::post(&client, packet, provided).await {
            tracing::debug!(%error, "a cancellation or a refusal was not sent");
        }
    }
}
