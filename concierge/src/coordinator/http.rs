//! The coordinator over HTTP: `POST /coordinator`, a request envelope in and a response envelope out; and
//! `GET /coordinator/poll/{group}/{pid}`, messages as Server-Sent Events.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use concierge_api_rs::coordinator::{Envelope, GroupName, Pid};
use concierge_api_rs::limits::{POLLER_QUEUE, POLLERS};
use futures::{Stream, StreamExt as _};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Coordinator;
use super::roster::{Event, MemberId};
use crate::metrics;
use crate::origin;

/// A stream says this often that it is there: what lies between ends silent ones.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// Who may ask, and how much at once.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) coordinator: Arc<Coordinator>,
    pub(crate) allowed_origins: Arc<[String]>,
    pub(crate) tls: bool,
    pub(crate) payload_bytes: usize,
    /// From the end of the head to that of the body.
    pub(crate) body_within: Duration,
    pub(crate) draining: CancellationToken,
}

/// Its paths.
pub(crate) fn router(gate: Gate) -> Router {
    Router::new()
        .route("/coordinator", post(ask))
        .route("/coordinator/", post(ask))
        .route("/coordinator/poll/{group}/{pid}", get(poll))
        .layer(middleware::from_fn_with_state(gate.clone(), admit))
        .with_state(gate)
}

/// As for `/ws`: a page of another origin may not, and who does not know the hub's secret may not.
async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    // a page can have a browser ask without saying whose page it is; the browser says that it is foreign
    let foreign = |site: &HeaderValue| site == "cross-site" || site == "same-site";
    let unnamed = !request.headers().contains_key(ORIGIN) && request.headers().get("sec-fetch-site").is_some_and(foreign);
    if unnamed || !origin::may_connect(request.headers(), gate.tls, &gate.allowed_origins) {
        return (StatusCode::FORBIDDEN, "this origin may not connect; see `allowed_origins`\n").into_response();
    }
    let from = address(&request);
    if let Some(left) = gate.coordinator.desk.shut_out(from) {
        let later = [(RETRY_AFTER, (left.as_secs() + 1).to_string())];
        return (StatusCode::TOO_MANY_REQUESTS, later, "too many wrong secrets from this address\n").into_response();
    }
    if !gate.coordinator.desk.knows(bearer(request.headers()), from) {
        let why = "the hub has a secret: Authorization: Bearer SECRET\n";
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], why).into_response();
    }
    next.run(request).await
}

/// Where the request comes from.
fn address(request: &Request) -> IpAddr {
    let ConnectInfo(address) = request.extensions().get::<ConnectInfo<SocketAddr>>().expect("every connection says its address");
    address.ip()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// 200 whenever there is an answer, whatever it says.
async fn ask(State(gate): State<Gate>, request: Request) -> Response {
    let end = [(CONNECTION, "close")];
    let body = tokio::select! {
        biased; // whole bodies first
        body = timeout(gate.body_within, to_bytes(request.into_body(), gate.payload_bytes)) => body,
        () = gate.draining.cancelled() => {
            return (StatusCode::SERVICE_UNAVAILABLE, end, "the hub is shutting down\n").into_response();
        }
    };
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let why = format!("a request has at most {} bytes, and all that it says it has\n", gate.payload_bytes);
            return (StatusCode::PAYLOAD_TOO_LARGE, end, why).into_response();
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, end, "the request did not come in time\n").into_response(),
    };
    let coordinator = &gate.coordinator;
    let text = match Envelope::decode(str::from_utf8(&body).unwrap_or("\u{fffd}"), coordinator.offered, None) {
        Err(refused) => {
            metrics::asked(&Err(refused.refusal.clone()));
            refused.encode()
        }
        Ok(Envelope { head, request }) => {
            // whoever hangs up takes nothing back, and what came of it is offered all the same
            let asking = coordinator.clone();
            let answered = coordinator.tasks.spawn(async move {
                let (text, handed) = asking.ask(&head, request).await;
                asking.forget(handed);
                text
            });
            match answered.await {
                Ok(text) => text,
                Err(_) => {
                    return (StatusCode::INTERNAL_SERVER_ERROR, "the coordinator failed; the hub's log says why\n")
                        .into_response();
                }
            }
        }
    };
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

async fn poll(State(gate): State<Gate>, Path((group, pid)): Path<(String, String)>) -> Response {
    let (group, pid) = match (GroupName::parse(&group), Pid::parse(&pid)) {
        (Ok(group), Ok(pid)) => (group, pid),
        (Err(why), _) => return (StatusCode::BAD_REQUEST, format!("group: {why}\n")).into_response(),
        (_, Err(why)) => return (StatusCode::BAD_REQUEST, format!("pid: {why}\n")).into_response(),
    };
    if gate.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the hub is shutting down\n").into_response();
    }
    if gate.coordinator.pollers() >= POLLERS {
        return (StatusCode::TOO_MANY_REQUESTS, format!("{POLLERS} pollers are here already\n")).into_response();
    }
    let (to, messages) = mpsc::channel(POLLER_QUEUE);
    let id = gate.coordinator.roster.poll(group, pid, to);
    let stay = Stay { coordinator: gate.coordinator.clone(), id };
    let events = events(messages, stay).take_until(gate.draining.cancelled_owned());
    let alive = KeepAlive::new().interval(COMMENT_EVERY);
    ([(CACHE_CONTROL, "no-cache")], Sse::new(events).keep_alive(alive)).into_response()
}

/// A notice is taken when its event leaves the queue: the connection asks for the next one when it has room for it.
fn events(messages: mpsc::Receiver<Event>, stay: Stay) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    futures::stream::unfold((messages, stay), async |(mut messages, stay)| {
        let Event { text, notice } = messages.recv().await?;
        if let Some(key) = notice {
            let coordinator = stay.coordinator.clone();
            stay.coordinator.tasks.spawn(async move { coordinator.taken(key).await });
        }
        Some((Ok(sse::Event::default().data(text)), (messages, stay)))
    })
}

/// A poller's time here: it goes when its stream is dropped.
struct Stay {
    coordinator: Arc<Coordinator>,
    id: MemberId,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.coordinator.roster.leave(self.id);
    }
}
