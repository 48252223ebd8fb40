//! From nothing to HELLO.

use concierge_api_rs::{Hello, Identify, PayloadOut, limits};
use futures::{SinkExt, StreamExt};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};

use crate::error::ConnectError;
use crate::options::Options;
use crate::transport::{self, Transport};

pub(crate) type Socket = WebSocketStream<Transport>;

/// The largest payload that is accepted from a hub: lists of all clients may be long.
const INCOMING_BYTES: usize = 64 * 1024 * 1024;
/// Buffers of a connection; tungstenite's own default is 128 KiB for each.
const BUFFER_BYTES: usize = 16 * 1024;

/// Connects, identifies, and waits for HELLO, all within [`Options::connect_within`].
pub(crate) async fn connect(options: &Options) -> Result<(Socket, Hello), ConnectError> {
    let attempt = async {
        let mut socket = upgrade(options).await?;
        socket.send(Message::text(identify(options))).await?;
        let hello = hello(&mut socket).await?;
        Ok((socket, hello))
    };
    tokio::time::timeout(options.connect_within, attempt)
        .await
        .unwrap_or_else(|_| Err(ConnectError::TimedOut(options.connect_within)))
}

/// Offers the subprotocol; a hub of the original protocol may not echo it, which the WebSocket library does not forgive.
async fn upgrade(options: &Options) -> Result<Socket, ConnectError> {
    match upgrade_offering(options, true).await {
        Err(ConnectError::WebSocket(error)) if is_missing_subprotocol(&error) => upgrade_offering(options, false).await,
        other => other,
    }
}

fn is_missing_subprotocol(error: &Error) -> bool {
    matches!(error, Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(SubProtocolError::NoSubProtocol)))
}

async fn upgrade_offering(options: &Options, subprotocol: bool) -> Result<Socket, ConnectError> {
    let mut request = options.url.to_string().into_client_request()?;
    if subprotocol {
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(limits::SUBPROTOCOL));
    }
    let transport = transport::dial(&options.url, &options.tls).await?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_frame_size(Some(INCOMING_BYTES))
        .max_message_size(Some(INCOMING_BYTES));
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, transport, Some(config)).await?;
    Ok(socket)
}

fn identify(options: &Options) -> String {
    let identify = Identify {
        name: options.name.clone(),
        nickname: options.nickname.clone(),
        version: limits::PROTOCOL_VERSION.to_owned(),
        secret: options.secret.clone(),
        tags: options.tags.clone(),
        intents: options.intents,
    };
    serde_json::to_string(&identify).expect("IDENTIFY holds only strings")
}

async fn hello(socket: &mut Socket) -> Result<Hello, ConnectError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return decode_hello(&text),
            Some(Ok(Message::Close(frame))) => {
                let _ = socket.flush().await; // the answer to the close frame; the connection is over either way
                let (code, reason) = close_parts(frame);
                return Err(ConnectError::Closed { code, reason });
            }
            Some(Ok(_)) => {}
            Some(Err(error)) if is_abrupt(&error) => break,
            Some(Err(error)) => return Err(error.into()),
            None => break,
        }
    }
    Err(ConnectError::Closed { code: 1006, reason: String::new() })
}

fn decode_hello(text: &str) -> Result<Hello, ConnectError> {
    match concierge_api_rs::Incoming::decode(text) {
        Ok(incoming) => match incoming.payload {
            PayloadOut::Hello(hello) => Ok(hello),
            other => Err(ConnectError::NoHello(other.kind().to_owned())),
        },
        Err(error) => Err(ConnectError::NoHello(error.to_string())),
    }
}

/// Code and reason; 1005 for a close frame without a code.
pub(crate) fn close_parts(frame: Option<CloseFrame>) -> (u16, String) {
    frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.as_str().to_owned()))
}

/// Whether the peer ended TCP without a close frame (close code 1006).
pub(crate) fn is_abrupt(error: &Error) -> bool {
    matches!(error, Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))
}
