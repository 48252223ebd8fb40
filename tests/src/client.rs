//! A client as the protocol sees it: a WebSocket and JSON, through tungstenite and nothing of ours above it.

use concierge_client::Transport;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::wait::within;
use crate::wire::Wire;

/// A client.
#[derive(Debug)]
pub struct Client {
    /// Empty before it has identified.
    pub name: String,
    /// From HELLO.
    pub uuid: String,
    /// From HELLO.
    pub fs_key: String,
    ws: WebSocketStream<Transport>,
}

impl Client {
    /// Upgrades a connection.
    ///
    /// # Panics
    /// When the hub refuses.
    pub async fn upgrade(wire: Wire) -> Self {
        Self::upgrade_with(wire, "").await
    }

    /// The same with more header lines, each ending in CR LF.
    ///
    /// # Panics
    /// When the hub refuses.
    pub async fn upgrade_with(mut wire: Wire, more: &str) -> Self {
        let head = wire.upgrade(more).await;
        assert_eq!(head.status, 101, "{head:?}");
        let ws = WebSocketStream::from_raw_socket(wire.into_stream(), Role::Client, None).await;
        Self { name: String::new(), uuid: String::new(), fs_key: String::new(), ws }
    }

    /// Enters under this name and takes HELLO.
    ///
    /// # Panics
    /// When the hub does not let it in.
    pub async fn identify(&mut self, name: &str) {
        self.identify_as(&json!({ "type": "IDENTIFY", "name": name, "version": "0.2.0" })).await;
    }

    /// Enters with that IDENTIFY and takes HELLO.
    ///
    /// # Panics
    /// When the hub does not let it in.
    pub async fn identify_as(&mut self, identify: &Value) {
        self.say(identify).await;
        let hello = self.hear().await;
        assert_eq!(hello["type"], "HELLO", "{hello}");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        (self.name, self.uuid, self.fs_key) = (text(&identify["name"]), text(&hello["uuid"]), text(&hello["fs_key"]));
    }

    /// Sends a payload.
    pub async fn say(&mut self, payload: &Value) {
        self.say_text(payload.to_string()).await;
    }

    /// Sends text.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn say_text(&mut self, text: impl Into<String>) {
        let sent = within("room to send", self.ws.send(Message::text(text.into()))).await;
        sent.unwrap_or_else(|e| panic!("{} cannot send: {e}", self.name));
    }

    /// Sends any WebSocket message.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn say_message(&mut self, message: Message) {
        within("room to send", self.ws.send(message)).await.expect("the connection stands");
    }

    /// The next payload.
    ///
    /// # Panics
    /// When the connection ends instead.
    pub async fn hear(&mut self) -> Value {
        let text = self.hear_text().await;
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// The text of the next payload.
    ///
    /// # Panics
    /// When the connection ends instead.
    pub async fn hear_text(&mut self) -> String {
        match self.hear_message().await {
            Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
            other => panic!("{} waits for a payload and gets {other:?}", self.name),
        }
    }

    /// The next message that is neither ping nor pong (tungstenite answers those), or the end.
    pub async fn hear_message(&mut self) -> Option<Result<Message, Error>> {
        loop {
            match within(&format!("a message to {}", self.name), self.ws.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return other,
            }
        }
    }

    /// Payloads up to the first one that `is_it`, which is the last of them.
    pub async fn hear_until(&mut self, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            heard.push(self.hear().await);
            if heard.last().is_some_and(&is_it) {
                return heard;
            }
        }
    }

    /// Skips to the next payload of that type without `seq`.
    pub async fn hear_news(&mut self, kind: &str) -> Value {
        let mut heard = self.hear_until(|payload| payload["type"] == kind && payload.get("seq").is_none()).await;
        heard.pop().expect("the last one is it")
    }

    /// Sends a payload and skips to its answer.
    pub async fn ask(&mut self, payload: &Value) -> Value {
        self.say(payload).await;
        self.hear_answer().await
    }

    /// Skips to the next answer.
    pub async fn hear_answer(&mut self) -> Value {
        let mut heard = self.hear_until(|payload| payload.get("seq").is_some()).await;
        heard.pop().expect("the last one is it")
    }

    /// The code and reason of the hub's close frame, which must be the next message, and the proper end after it.
    ///
    /// # Panics
    /// When something else comes, or the connection is reset.
    pub async fn hear_close(&mut self) -> (u16, String) {
        match self.hear_message().await {
            Some(Ok(Message::Close(Some(CloseFrame { code, reason })))) => {
                self.hear_end().await;
                (code.into(), reason.as_str().to_owned())
            }
            other => panic!("{} waits for a close frame and gets {other:?}", self.name),
        }
    }

    /// Closes with 1000 and waits for the hub's answer and the end; skips what still comes.
    ///
    /// # Panics
    /// When the connection is reset.
    pub async fn leave(mut self) {
        let close = CloseFrame { code: 1000.into(), reason: "".into() };
        within("room to send", self.ws.send(Message::Close(Some(close)))).await.expect("the connection stands");
        loop {
            match self.hear_message().await {
                Some(Ok(Message::Close(_))) => return self.hear_end().await,
                Some(Ok(_)) => {}
                other => panic!("{} waits for the answer to its close frame and gets {other:?}", self.name),
            }
        }
    }

    async fn hear_end(&mut self) {
        match self.hear_message().await {
            None | Some(Err(Error::ConnectionClosed)) => {}
            other => panic!("{} waits for the end and gets {other:?}", self.name),
        }
    }

    /// The WebSocket itself, for whoever sends and receives at once.
    pub fn websocket(&mut self) -> &mut WebSocketStream<Transport> {
        &mut self.ws
    }
}
