//! The two ways to the coordinator, for clients whose hub may die at any moment.

use std::io::{Error, ErrorKind, Result};

use concierge_tests::{Client, Hub, within};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// A connection that stays.
pub(crate) enum Face {
    Http(TcpStream),
    Hub(Box<Client>),
}

impl Face {
    pub(crate) async fn http(hub: &Hub) -> Self {
        Self::Http(TcpStream::connect(hub.address).await.unwrap())
    }

    /// A subscriber of the coordinator, and a worker as far as anybody can tell.
    pub(crate) async fn hub(hub: &Hub, name: &str) -> Self {
        let mut client = hub.connect().await;
        client.identify_as(&json!({ "type": "IDENTIFY", "name": name, "version": "0.2.0", "tags": ["workers"] })).await;
        let answer = client.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "coordinator" })).await;
        assert_eq!(answer["successful"], true, "{answer}");
        Self::Hub(Box::new(client))
    }

    /// The answer.
    ///
    /// # Errors
    /// When the connection ends before it is there.
    pub(crate) async fn ask(&mut self, envelope: &Value) -> Result<Value> {
        match self {
            Self::Http(stream) => within("an answer over HTTP", post(stream, envelope)).await,
            Self::Hub(client) => within("an answer over the hub", message(client, envelope)).await,
        }
    }
}

async fn post(stream: &mut TcpStream, envelope: &Value) -> Result<Value> {
    let body = envelope.to_string();
    let head = format!("POST /coordinator HTTP/1.1\r\nHost: hub.test\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
    let mut read = Vec::new();
    let body = loop {
        if let Some(body) = whole_body(&read) {
            break body;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    };
    Ok(serde_json::from_slice(body)?)
}

/// The body of an answer that is all there.
fn whole_body(read: &[u8]) -> Option<&[u8]> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = str::from_utf8(&read[..end]).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length: usize = head.split_once("content-length: ")?.1.split("\r\n").next()?.parse().unwrap();
    read.get(end..end + length)
}

async fn message(client: &mut Client, envelope: &Value) -> Result<Value> {
    let message = json!({ "type": "MESSAGE", "target": { "type": "SERVICE", "service": "coordinator" }, "data": envelope });
    let over = |_| Error::from(ErrorKind::ConnectionReset);
    client.websocket().send(Message::text(message.to_string())).await.map_err(over)?;
    loop {
        match client.websocket().next().await {
            Some(Ok(Message::Text(text))) => {
                let mut heard: Value = serde_json::from_str(&text)?;
                assert!(!matches!(heard["type"].as_str(), Some("BAD" | "ERROR_PROTOCOL" | "ERROR_INTERNAL")), "{heard}");
                if heard["data"]["head"]["corrId"] == envelope["head"]["corrId"] {
                    return Ok(heard["data"].take());
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(ErrorKind::UnexpectedEof.into()),
        }
    }
}
