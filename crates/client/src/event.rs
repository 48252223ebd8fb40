//! Who comes and goes.

use concierge_api_rs::{ClientInfo, PayloadOut, ServiceInfo};

/// What the hub tells without being asked: clients and services that come and go.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// CLIENT_JOINED.
    ClientJoined(ClientInfo),
    /// CLIENT_LEFT.
    ClientLeft(ClientInfo),
    /// SERVICE_CREATE_RESULT to everybody, the creator too.
    ServiceCreated(ServiceInfo),
    /// SERVICE_DELETE_RESULT to everybody, the owner too.
    ServiceDeleted(ServiceInfo),
    /// SERVICE_CLIENT_SUBSCRIBED: somebody subscribed to a service that this client is subscribed to.
    Subscribed {
        /// The new subscriber.
        client: ClientInfo,
        /// The service, with it.
        service: ServiceInfo,
    },
    /// SERVICE_CLIENT_UNSUBSCRIBED.
    Unsubscribed {
        /// The former subscriber.
        client: ClientInfo,
        /// The service, without it.
        service: ServiceInfo,
    },
    /// From this client, after it reconnected: another client created a service that this one had owned.
    ServiceLost(ServiceInfo),
    /// So many events before the next one were dropped because the stream was not read.
    Lagged(u64),
}

impl Event {
    /// The event in a payload that answers nothing, if there is one.
    pub(crate) fn of(payload: PayloadOut) -> Option<Self> {
        Some(match payload {
            PayloadOut::ClientJoined(at) => Self::ClientJoined(at.client),
            PayloadOut::ClientLeft(at) => Self::ClientLeft(at.client),
            PayloadOut::ServiceCreateResult(at) => Self::ServiceCreated(at.service),
            PayloadOut::ServiceDeleteResult(at) => Self::ServiceDeleted(at.service),
            PayloadOut::ServiceClientSubscribed(at) => Self::Subscribed { client: at.client, service: at.service },
            PayloadOut::ServiceClientUnsubscribed(at) => Self::Unsubscribed { client: at.client, service: at.service },
            _ => return None,
        })
    }
}
