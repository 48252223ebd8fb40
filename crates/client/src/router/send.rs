//! How packets leave: as MESSAGE to the router's service.

use concierge_api_rs::Target;
use serde_json::value::RawValue;

use super::SERVICE;
use crate::client::{Client, Told};
use crate::driver::Provided;
use crate::error::RequestError;

/// Says it, and waits until it has arrived.
pub(super) async fn send(client: &Client, packet: String) -> Result<(), RequestError> {
    client.send(target(), &*data(packet)).await
}

/// Gives it its place in the order of what is said.
pub(super) async fn post(client: &Client, packet: String, provided: Provided) -> Result<Told, RequestError> {
    client.post(target(), &data(packet), provided).await
}

fn target() -> Target {
    Target::Service { service: SERVICE.parse().expect("it is a name") }
}

fn data(packet: String) -> Box<RawValue> {
    RawValue::from_string(packet).expect("a packet is JSON")
}
