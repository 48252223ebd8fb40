//! What can go wrong when connecting, and what a hub may answer to a request.

use std::io;
use std::time::Duration;

use concierge_api_rs::{CloseCode, NameError, PayloadOut, ServiceInfo};
use tokio_tungstenite::tungstenite;

use crate::policy::{self, Loss, Verdict};
use crate::tls::TlsError;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No address of the host accepts connections at that port.
    #[error("no hub answers at {hub}")]
    Unreachable {
        /// `host:port`.
        hub: String,
        /// The last address's error.
        source: io::Error,
    },
    /// The host's name cannot stand in a certificate.
    #[error("`{0}` cannot be the name in a certificate")]
    TlsName(String),
    /// The certificate authorities could not be set up.
    #[error("TLS could not be set up")]
    Trust(#[from] TlsError),
    /// The TLS handshake failed; most often the certificate is not trusted.
    #[error("no trusted TLS connection to {hub}")]
    Tls {
        /// `host:port`.
        hub: String,
        /// What rustls says.
        source: io::Error,
    },
    /// The server answered HTTP instead of the upgrade to WebSocket.
    #[error("{}", describe_http(*.status, .sentence))]
    Http {
        /// The status.
        status: u16,
        /// What the hub says about it, may be empty: a 403 names the key of its configuration that would let this client in.
        sentence: String,
    },
    /// The WebSocket handshake or the first frames failed.
    #[error("the WebSocket failed")]
    WebSocket(#[from] Box<tungstenite::Error>),
    /// The hub closed the connection instead of saying HELLO.
    #[error("the connection was closed: {}", describe_close(*.code, .reason))]
    Closed {
        /// The close code (1005 when there was none, 1006 without a close frame).
        code: u16,
        /// The hub's reason, may be empty.
        reason: String,
    },
    /// The first payload was not HELLO.
    #[error("the first payload was not HELLO: {0}")]
    NoHello(String),
    /// Not connected in time.
    #[error("no HELLO within {0:?}")]
    TimedOut(Duration),
}

/// `4005 DUPLICATE_AUTH: Another client has this name.`, or what is known of another code.
pub(crate) fn describe_close(code: u16, reason: &str) -> String {
    match (CloseCode::from_code(code), reason) {
        (Some(known), "") => format!("{known}: {}", known.cause()),
        (Some(known), reason) => format!("{known}: {reason}"),
        (None, "") if code == 1005 => "1005: no code was given".to_owned(),
        (None, "") if code == 1006 => "1006: it broke off".to_owned(),
        (None, "") => code.to_string(),
        (None, reason) => format!("{code}: {reason}"),
    }
}

/// Characters of the server's sentence that are repeated.
const SENTENCE_CHARS: usize = 200;

fn describe_http(status: u16, sentence: &str) -> String {
    match sentence {
        "" => format!("the server answers HTTP {status} instead of a WebSocket; is the path right, and is this a hub?"),
        sentence => format!("the server answers HTTP {status} instead of a WebSocket: {sentence}"),
    }
}

/// The first line of an answer in plain text, which is for people; an HTML page is not.
fn sentence(response: &http::Response<Option<Vec<u8>>>) -> String {
    let kind = response.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let body = response.body().as_deref().filter(|_| kind.is_some_and(|kind| kind.starts_with("text/plain")));
    let text = String::from_utf8_lossy(body.unwrap_or_default());
    let line = text.lines().next().unwrap_or_default().trim();
    line.chars().filter(|character| !character.is_control()).take(SENTENCE_CHARS).collect()
}

impl ConnectError {
    /// The hub's close code, when it closed the connection with one that is known.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Closed { code, .. } => CloseCode::from_code(*code),
            _ => None,
        }
    }

    /// Whether another attempt makes sense.
    pub(crate) fn verdict(&self, was_connected: bool) -> Verdict {
        match self {
            Self::Closed { code, .. } => policy::verdict(*code, was_connected),
            Self::Http { status, .. } => policy::verdict_of_http(*status),
            Self::TlsName(_) | Self::NoHello(_) => Verdict::Stop,
            Self::Unreachable { .. } | Self::Trust(_) | Self::Tls { .. } | Self::WebSocket(_) | Self::TimedOut(_) => {
                Verdict::Again
            }
        }
    }

    /// What it says of the hub.
    pub(crate) fn loss(&self) -> Loss {
        match self {
            Self::Closed { code, .. } => policy::loss(*code),
            _ => Loss::Hub,
        }
    }
}

impl From<tungstenite::Error> for ConnectError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => {
                Self::Http { status: response.status().as_u16(), sentence: sentence(&response) }
            }
            other => Self::WebSocket(Box::new(other)),
        }
    }
}

/// Why a request was not fulfilled.
///
/// After [`RequestError::TimedOut`], [`RequestError::Disconnected`] and [`RequestError::Unexpected`] nobody knows whether the
/// hub acted. After all others it did not.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// INVALID_NAME: no client of that name.
    #[error("no client is called {0}")]
    InvalidName(String),
    /// INVALID_UUID: no client of that id.
    #[error("no client has the id {0}")]
    InvalidUuid(String),
    /// INVALID_SERVICE: no service of that name.
    #[error("there is no service {0}")]
    InvalidService(String),
    /// BAD: not allowed to this client.
    #[error("the hub does not allow this client to do that")]
    Bad,
    /// SERVICE_CREATE_RESULT, not successful: a service of that name exists.
    #[error("the service {} exists already", .0.name)]
    Exists(Box<ServiceInfo>),
    /// ERROR_PROTOCOL: the payload was malformed or over a limit.
    #[error("the hub refused the payload: {0}")]
    Protocol(String),
    /// ERROR_UNSUPPORTED: the hub does not know the payload's type.
    #[error("the hub does not support the request")]
    Unsupported,
    /// ERROR_INTERNAL: the hub failed.
    #[error("the hub failed: {0}")]
    Internal(String),
    /// The hub answered with a payload that is no answer to this request, or that cannot be read.
    #[error("the hub answered {0}, which does not answer the request")]
    Unexpected(&'static str),
    /// A name in the request breaks the rule of names; nothing was sent.
    #[error("the name {name:?} is refused")]
    Name {
        /// As it was given.
        name: String,
        /// The rule.
        source: NameError,
    },
    /// The data could not be written as JSON; nothing was sent.
    #[error("the data is not JSON")]
    Json(#[from] serde_json::Error),
    /// The payload is larger than the hub would accept; nothing was sent.
    #[error("the payload of {bytes} bytes is over the limit of {limit}")]
    TooBig {
        /// Its size.
        bytes: usize,
        /// [`Options::payload_bytes`](crate::Options::payload_bytes).
        limit: usize,
    },
    /// No answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The connection was lost while the request was in flight.
    #[error("the connection was lost before the answer came")]
    Disconnected,
    /// The client is closed and will not connect again.
    #[error("the client is closed")]
    Closed,
}

impl RequestError {
    /// The answer as an error, when it is one whatever was asked; else the answer.
    pub(crate) fn check(answer: PayloadOut) -> Result<PayloadOut, Self> {
        Err(match answer {
            PayloadOut::Bad(_) => Self::Bad,
            PayloadOut::InvalidName(at) => Self::InvalidName(at.name.to_string()),
            PayloadOut::InvalidUuid(at) => Self::InvalidUuid(at.uuid.to_string()),
            PayloadOut::InvalidService(at) => Self::InvalidService(at.service.to_string()),
            PayloadOut::ErrorProtocol(error) => Self::Protocol(error.desc),
            PayloadOut::ErrorInternal(error) => Self::Internal(error.desc),
            PayloadOut::ErrorUnsupported(_) => Self::Unsupported,
            answer => return Ok(answer),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, kind: &str, body: Option<&str>) -> String {
        let response = http::Response::builder().status(status).header("content-type", kind);
        let response = response.body(body.map(|body| body.as_bytes().to_vec())).unwrap();
        ConnectError::from(tungstenite::Error::Http(Box::new(response))).to_string()
    }

    #[test]
    fn an_http_answer_is_told_in_the_servers_own_sentence_if_it_is_one() {
        let plain = "text/plain; charset=utf-8";
        assert_eq!(
            said(403, plain, Some("see `allowed_hosts`\nand more")),
            "the server answers HTTP 403 instead of a WebSocket: see `allowed_hosts`"
        );
        let asks = "the server answers HTTP 404 instead of a WebSocket; is the path right, and is this a hub?";
        for (kind, body) in [("text/html", Some("<html>")), (plain, None), (plain, Some(" \n")), (plain, Some(""))] {
            assert_eq!(said(404, kind, body), asks);
        }
        let long = said(500, plain, Some(&"\u{1b}[31m\u{e9}".repeat(1_000)));
        assert!(!long.contains('\u{1b}') && long.chars().count() < 300, "{long}");
    }
}
