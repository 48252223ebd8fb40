//! The router, and the way of one request: where, who, what, and what is left of its body.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::Files;
use crate::access::{Intent, KEY_HEADER};
use crate::condition::Conditions;
use crate::download::defended;
use crate::incoming::Incoming;
use crate::pace::Pace;
use crate::path::Place;
use crate::refusal::{ERROR_HEADER, Refusal};

/// How long a browser may remember what it was allowed.
const PREFLIGHT_SECONDS: u64 = 600;

pub(crate) fn router(files: &Files) -> Router {
    Router::new()
        .route("/fs", any(serve))
        .route("/fs/", any(serve))
        .route("/fs/{*path}", any(serve))
        .layer(cors(&files.inner.options.allowed_origins))
        .with_state(files.clone())
}

/// Answers preflights by itself.
fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE])
        .allow_headers([
            HeaderName::from_static(KEY_HEADER),
            header::CONTENT_TYPE,
            header::RANGE,
            header::IF_RANGE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::IF_MODIFIED_SINCE,
            header::IF_UNMODIFIED_SINCE,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::LAST_MODIFIED,
            header::ACCEPT_RANGES,
            header::CONTENT_RANGE,
            header::CONTENT_DISPOSITION,
            HeaderName::from_static(ERROR_HEADER),
        ])
        .max_age(std::time::Duration::from_secs(PREFLIGHT_SECONDS))
}

async fn serve(State(files): State<Files>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let options = &files.inner.options;
    let pace = Pace::new(options.upload_bytes_per_second, options.upload_slow_ms);
    let mut incoming = Incoming::new(body, &parts.headers, pace);
    let answer = files.answer(&parts, &mut incoming).await;
    let mut response = defended(answer.unwrap_or_else(IntoResponse::into_response));
    if !incoming.is_at_end() {
        // Its rest must not be taken for the next request.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        files.inner.drains.spawn(incoming.drain());
    }
    count(&parts.method, &response);
    response
}

impl Files {
    async fn answer(&self, parts: &Parts, incoming: &mut Incoming) -> Result<Response, Refusal> {
        let intent = match parts.method {
            Method::GET | Method::HEAD => Intent::Read,
            Method::PUT | Method::POST | Method::DELETE => Intent::Write,
            _ => return Err(Refusal::Method),
        };
        let Place { name, path } = Place::parse(parts.uri.path())?.ok_or(Refusal::Nothing)?;
        let grant = self.grant(parts, &name, intent)?;
        if intent == Intent::Read {
            return if path.folder {
                self.list(grant.owner, path).await
            } else {
                self.download(grant.owner, path, &parts.method, &parts.headers).await
            };
        }
        let conditions = Conditions::parse(&parts.headers)?;
        let folder = self.folder(grant.owner, grant.key)?;
        match parts.method {
            Method::PUT if parts.headers.contains_key(header::CONTENT_RANGE) => Err(Refusal::PartialPut),
            Method::PUT => self.put(folder, &name, path, conditions, incoming).await,
            Method::POST => self.post(folder, &name, path, conditions, &parts.headers, incoming).await,
            _ => self.delete(folder, path, conditions).await,
        }
    }
}

fn count(method: &Method, response: &Response) {
    let method = match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let status = response.status().as_str().to_owned();
    metrics::counter!("concierge_files_requests_total", "method" => method, "status" => status).increment(1);
}
