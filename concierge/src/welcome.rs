//! What is at `/`: what is where, as text; for a browser the same as a page that leads to the console.

use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{ACCEPT, VARY};

const TEXT: &str = concat!(
    "Concierge ",
    env!("CARGO_PKG_VERSION"),
    ", a WebSocket hub.\n\n/ws       the hub\n/fs/      files of clients\n/coordinator   durable promises and tasks\n/console/  what is going on, for people\n/client.js  what pages import, see clients/js\n/healthz  is it alive\n/readyz   does it take clients\n",
    "/metrics  Prometheus\n"
);

const PAGE: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n",
    "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"/console/icon.svg\">\n<title>Concierge</title>\n",
    "<h1>Concierge ",
    env!("CARGO_PKG_VERSION"),
    "</h1>\n<p>A WebSocket hub. What is going on is shown in its <a href=\"/console/\">console</a>.\n<dl>\n",
    "<dt><code>/ws</code><dd>the hub\n<dt><code>/fs/</code><dd>files of clients\n",
    "<dt><code>/coordinator</code><dd>durable promises and tasks\n",
    "<dt><a href=\"/client.js\"><code>/client.js</code></a><dd>what pages import\n",
    "<dt><a href=\"/healthz\"><code>/healthz</code></a><dd>is it alive\n<dt><a href=\"/readyz\"><code>/readyz</code></a><dd>does it take clients\n",
    "<dt><a href=\"/metrics\"><code>/metrics</code></a><dd>Prometheus\n</dl>\n"
);

/// The page is there where the console is. It shows nothing that anybody said, so it has no policy: one would be in the way of
/// whoever tries the client in it.
pub(crate) fn answer(headers: &HeaderMap, with_console: bool) -> Response {
    let vary = (VARY, "accept");
    if !with_console || !wants_a_page(headers) {
        return ([vary], TEXT).into_response();
    }
    ([vary], axum::response::Html(PAGE)).into_response()
}

/// Browsers name HTML; curl and other programs take anything.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(',')).filter_map(|kind| kind.split(';').next());
    kinds.any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}
