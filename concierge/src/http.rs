//! The HTTP side of a connection: hyper reads the head within its bounds, `/ws` is upgraded and its socket handed on
//! bare, every other path goes to the router.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse;
use http::header::{
    CONNECTION, HOST, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use concierge_api_rs::limits::SUBPROTOCOL;

use crate::crowd::TooMany;
use crate::desk::Desk;
use crate::host::Names;
use crate::memory::Memory;
use crate::metrics;
use crate::origin;
use crate::stalling::Stalling;

/// When to come again if memory is short, in seconds.
const SHORT_FOR_SECS: &str = "10";

/// Who came just before the hub began to drain, and did not ask yet, may ask for so long.
const FIRST_WORD_WITHIN: Duration = Duration::from_millis(250);

/// What a listener's connections may ask for.
pub(crate) struct Site {
    pub(crate) router: Router,
    /// Whether `/ws` is here.
    pub(crate) hub: bool,
    /// By which names.
    pub(crate) names: Names,
    pub(crate) tls: bool,
    pub(crate) require_subprotocol: bool,
    pub(crate) allowed_origins: Arc<[String]>,
    /// Bounds of a head.
    pub(crate) head_bytes: usize,
    pub(crate) headers: usize,
    pub(crate) stalled_for: Duration,
    pub(crate) draining: CancellationToken,
    pub(crate) memory: Arc<Memory>,
    /// Told who is refused.
    pub(crate) desk: Arc<Desk>,
}

/// A connection that was upgraded: its bare stream, and bytes that came with the request.
pub(crate) struct Upgraded<S> {
    pub(crate) stream: S,
    pub(crate) early: Vec<u8>,
    /// Nothing in the request says that it comes from elsewhere: see [`is_local`].
    pub(crate) local: bool,
}

/// Serves a connection until it ends or is upgraded. `head_within`: what is left for the first head. `crowded`: its
/// address has too many connections already.
pub(crate) async fn serve<S>(
    stream: S,
    address: SocketAddr,
    site: &Site,
    head_within: Duration,
    crowded: Option<TooMany>,
) -> Option<Upgraded<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let upgraded = AtomicBool::new(false);
    let asked = AtomicBool::new(false);
    let local = AtomicBool::new(false);
    let service = service_fn(|request| {
        asked.store(true, Ordering::Relaxed);
        local.store(is_local(request.headers(), site.tls), Ordering::Relaxed);
        let upgraded = &upgraded;
        Box::pin(async move { Ok::<_, std::convert::Infallible>(answer(request, address, site, crowded, upgraded).await) })
    });
    // who comes while the hub drains gets one answer; hyper would end a connection that is told before it was asked
    let mut told = site.draining.is_cancelled();
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(!told)
        .header_read_timeout(head_within)
        .max_headers(site.headers)
        .max_buf_size(site.head_bytes)
        .serve_connection(TokioIo::new(Stalling::new(stream, site.stalled_for)), service);
    let mut draining = std::pin::pin!(async {
        site.draining.cancelled().await;
        if !asked.load(Ordering::Relaxed) {
            sleep(FIRST_WORD_WITHIN).await; // its request may be on its way
        }
    });
    std::future::poll_fn(|cx| {
        use std::future::Future;
        if !told && draining.as_mut().poll(cx).is_ready() {
            told = true;
            std::pin::Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    })
    .await
    // a head that never came, or one that broke the rules: hyper answered what it could
    .inspect_err(|e| {
        if e.is_parse_too_large() || (e.is_timeout() && !asked.load(Ordering::Relaxed)) {
            let status = if e.is_timeout() { StatusCode::REQUEST_TIMEOUT } else { StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE };
            refused(site, address, "head", status);
        }
        tracing::debug!(%address, error = %e, "HTTP connection ended");
    })
    .ok()?;
    let parts = connection.into_parts();
    let (mut stream, early) = (parts.io.into_inner().into_inner(), parts.read_buf.to_vec());
    if upgraded.load(Ordering::Relaxed) {
        return Some(Upgraded { stream, early, local: local.load(Ordering::Relaxed) });
    }
    // TLS says that this is the end, or what was sent might have been cut; who does not want to hear it does not matter
    let _told = timeout(site.stalled_for, stream.shutdown()).await;
    None
}

/// The same behind TLS: its handshake and the first head have one deadline together.
pub(crate) async fn serve_tls<S>(
    stream: S,
    tls: TlsAcceptor,
    address: SocketAddr,
    site: &Site,
    head_within: Duration,
    crowded: Option<TooMany>,
) -> Option<Upgraded<TlsStream<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let begin = Instant::now();
    let stream = timeout(head_within, tls.accept(stream)).await.ok()?.ok()?;
    serve(stream, address, site, head_within.saturating_sub(begin.elapsed()), crowded).await
}

/// Whether a request that comes from this machine's own address may be a program's on it, and not somebody else's: a proxy's,
/// which says so; one by a name, which a page or a proxy may have brought; or a page's of another origin than the hub's.
fn is_local(headers: &HeaderMap, tls: bool) -> bool {
    const BY_PROXIES: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
    headers.get(HOST).is_some_and(|host| Names::own().include(host.as_bytes()))
        && !BY_PROXIES.iter().any(|name| headers.contains_key(*name))
        && origin::may_connect(headers, tls, &[])
}

async fn answer(
    mut request: Request<Incoming>,
    address: SocketAddr,
    site: &Site,
    crowded: Option<TooMany>,
    upgraded: &AtomicBool,
) -> Response<Body> {
    if let Some(too_many) = crowded {
        refused(site, address, too_many.label(), StatusCode::TOO_MANY_REQUESTS);
        let close = [(RETRY_AFTER, too_many.retry_after().to_string()), (CONNECTION, "close".to_owned())];
        return (StatusCode::TOO_MANY_REQUESTS, close, too_many.sentence()).into_response();
    }
    if request.version() == Version::HTTP_11 && request.headers().get_all(HOST).iter().count() != 1 {
        return (StatusCode::BAD_REQUEST, [(CONNECTION, "close")], "a request has one Host header\n").into_response();
    }
    if request.headers().get(HOST).is_some_and(|host| !site.names.include(host.as_bytes())) {
        refused(site, address, "host", StatusCode::FORBIDDEN);
        let why = "a hub on a loopback address does not answer to this name (`Host`): ask by an address or `localhost`, or add it to `allowed_hosts`\n";
        return (StatusCode::FORBIDDEN, [(CONNECTION, "close")], why).into_response();
    }
    if site.hub && request.uri().path() == "/ws" {
        return match upgrade(&request, site) {
            Ok(response) => {
                upgraded.store(true, Ordering::Relaxed);
                response
            }
            Err((reason, response)) => {
                refused(site, address, reason, response.status());
                response
            }
        };
    }
    request.extensions_mut().insert(ConnectInfo(address));
    let response = match site.router.clone().oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if is_refusal(response.status()) {
        site.desk.refused(address.ip(), "http", response.status().as_u16());
    }
    response
}

/// Who asks may not, or not now; that what it asks for makes no sense or is not there is another matter.
fn is_refusal(status: StatusCode) -> bool {
    const REFUSALS: [StatusCode; 5] = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    REFUSALS.contains(&status)
}

/// A connection was refused before it became a WebSocket.
fn refused(site: &Site, address: SocketAddr, reason: &'static str, status: StatusCode) {
    metrics::refused(reason);
    site.desk.refused(address.ip(), reason, status.as_u16());
}

/// The handshake of RFC 6455, section 4.2: the answer, or why not and what to say.
#[expect(clippy::result_large_err, reason = "both are responses")]
fn upgrade(request: &Request<Incoming>, site: &Site) -> Result<Response<Body>, (&'static str, Response<Body>)> {
    let headers = request.headers();
    let refuse =
        |reason, status: StatusCode, why: &'static str| Err((reason, (status, [(CONNECTION, "close")], why).into_response()));
    if site.draining.is_cancelled() {
        return refuse("draining", StatusCode::SERVICE_UNAVAILABLE, "the hub is shutting down\n");
    }
    if site.memory.is_short() {
        let later = [(RETRY_AFTER, SHORT_FOR_SECS), (CONNECTION, "close")];
        return Err(("memory", (StatusCode::SERVICE_UNAVAILABLE, later, "the hub is short of memory\n").into_response()));
    }
    if !names(headers, UPGRADE.as_str(), "websocket") || !names(headers, CONNECTION.as_str(), "upgrade") {
        let upgrade = [(UPGRADE, "websocket"), (CONNECTION, "upgrade")];
        return Err(("handshake", (StatusCode::UPGRADE_REQUIRED, upgrade, "this is a WebSocket endpoint\n").into_response()));
    }
    // of two, one reader takes the first and another one the second
    let once = [UPGRADE, CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION];
    if once.iter().any(|name| headers.get_all(name).iter().count() > 1) {
        return refuse("handshake", StatusCode::BAD_REQUEST, "a WebSocket handshake has each of its headers once\n");
    }
    if request.method() != Method::GET || request.version() != Version::HTTP_11 || !request.body().is_end_stream() {
        let why = "a WebSocket handshake is a GET request of HTTP/1.1 without a body\n";
        return refuse("handshake", StatusCode::BAD_REQUEST, why);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let version = [(SEC_WEBSOCKET_VERSION, "13"), (CONNECTION, "close")];
        let why = "Sec-WebSocket-Version must be 13\n";
        return Err(("handshake", (StatusCode::UPGRADE_REQUIRED, version, why).into_response()));
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes())) else {
        return refuse("handshake", StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes as base64\n");
    };
    if !origin::may_connect(headers, site.tls, &site.allowed_origins) {
        return refuse("origin", StatusCode::FORBIDDEN, "this origin may not connect; see `allowed_origins`\n");
    }
    // a browser takes nothing but what it offered, to the letter
    let offered = tokens(headers, SEC_WEBSOCKET_PROTOCOL.as_str()).any(|token| token == SUBPROTOCOL);
    if site.require_subprotocol && !offered {
        return refuse("handshake", StatusCode::BAD_REQUEST, "the subprotocol ert-concierge is required\n");
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = derive_accept_key(key.as_bytes());
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accept).expect("base64 is visible ASCII"));
    if offered {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(response)
}

/// Whether a comma-separated header names `token`, in whatever case.
fn names(headers: &HeaderMap, header: &str, token: &str) -> bool {
    tokens(headers, header).any(|one| one.eq_ignore_ascii_case(token))
}

fn tokens<'a>(headers: &'a HeaderMap, header: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// 16 bytes in base64: 22 characters and two of padding.
fn is_key(key: &[u8]) -> bool {
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}
