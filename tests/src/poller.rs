//! A worker of the coordinator that polls: messages as Server-Sent Events.

use serde_json::Value;

use crate::http::request;
use crate::hub::Hub;
use crate::wire::Wire;

/// An open stream of events.
#[derive(Debug)]
pub struct Poller {
    wire: Wire,
    text: String,
}

impl Poller {
    /// Opens the stream of that group and pid.
    ///
    /// # Panics
    /// When the hub refuses.
    pub async fn open(hub: &Hub, group: &str, pid: &str) -> Self {
        let mut wire = hub.dial().await;
        wire.send(&request("GET", &format!("/coordinator/poll/{group}/{pid}"), &[("Accept", "text/event-stream")], b"")).await;
        let head = wire.head().await;
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.header("content-type"), Some("text/event-stream"), "{head:?}");
        Self { wire, text: String::new() }
    }

    /// The next message; none at the end of the stream.
    ///
    /// # Panics
    /// When it is none.
    pub async fn message(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.strip_prefix("data: ").map(|data| serde_json::from_str(data).expect("a message is JSON"));
                self.text = rest.to_owned();
                match data {
                    Some(message) => return Some(message),
                    None => continue, // a comment
                }
            }
            self.text += str::from_utf8(&self.wire.chunk().await?).expect("an event is text");
        }
    }
}
