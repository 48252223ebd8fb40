//! Clients that are built in. One joins the registry like any other, from the start, and owns a service of its own name;
//! but what is sent to it leads to code instead of a socket.

use std::sync::Arc;

use concierge_api_rs::{ClientId, ClientInfo, ServiceName};
use concierge_hub::OriginHead;

use crate::peer::Peer;

/// The code behind a built-in client. Nothing here may wait: it is called in the turns of sessions and of the registry.
pub(crate) trait Builtin: Send + Sync {
    /// A subscriber sent this to the service, `data` as it stood. Whether something may come back that takes the OK along; else
    /// that leaves at once.
    fn receive(&self, from: &Arc<Peer>, data: &str) -> bool;
    /// A client is a subscriber from now on. Called within the registry's turn.
    fn subscribed(&self, client: &ClientInfo, peer: &Arc<Peer>);
    /// A client is no subscriber any more. Called within the registry's turn.
    fn unsubscribed(&self, client: ClientId);
}

/// A built-in client at the desk: what it speaks with.
pub(crate) struct BuiltinSeat {
    pub(crate) peer: Arc<Peer>,
    pub(crate) origin: OriginHead,
    pub(crate) service: ServiceName,
    /// What it says is shown to nobody who watches those to whom it says it.
    pub(crate) unseen: bool,
}
