//! MESSAGE as bytes: written once for all receivers, with the sender's `target` and `data` as they stood.

use concierge_api_rs::{ClientInfo, ServiceInfo};

/// The part of a MESSAGE that is the same for all of a client's messages: up to `"service":`.
#[derive(Debug, Clone)]
pub struct OriginHead(Box<[u8]>);

impl OriginHead {
    /// Of that client.
    ///
    /// # Panics
    /// Never: names, ids and lists of strings always serialize.
    #[must_use]
    pub fn new(client: &ClientInfo) -> Self {
        let info = serde_json::to_string(client).expect("a client info holds only strings");
        let open = info.strip_suffix('}').expect("a struct serializes as an object");
        Self(format!(r#"{{"type":"MESSAGE","origin":{open},"service":"#).into_bytes().into())
    }
}

/// `origin.service` as bytes: the service without its subscribers, who would otherwise be sent to each of them.
pub(crate) fn origin_service(service: ServiceInfo) -> Box<[u8]> {
    let service = ServiceInfo { subscribers: Vec::new(), ..service };
    serde_json::to_vec(&service).expect("a service info holds only strings and numbers").into()
}

/// Appends a MESSAGE to `to`. `service` is `origin.service` as JSON, `target` and `data` are the sender's bytes.
pub fn write_message(to: &mut Vec<u8>, head: &OriginHead, service: Option<&[u8]>, target: &str, data: &str) {
    let service = service.unwrap_or(b"null");
    to.reserve(head.0.len() + service.len() + target.len() + data.len() + 32);
    for part in [&head.0, service, br#"},"target":"#, target.as_bytes(), br#","data":"#, data.as_bytes(), b"}"] {
        to.extend_from_slice(part);
    }
}

#[cfg(test)]
#[path = "message/tests.rs"]
mod tests;
