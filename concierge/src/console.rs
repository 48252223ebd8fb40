//! The console at `/console/`: a page over the hub's own WebSocket, embedded as `npm run asset` in `console/` builds it.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

/// Everything comes from the hub itself, nothing stands in the page's markup, and no text can become markup.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// What it is made of: where, its type, its text.
const FILES: [(&str, &str, &str); 4] = [
    ("/console/", "text/html; charset=utf-8", include_str!("../assets/console/index.html")),
    ("/console/console.js", "text/javascript; charset=utf-8", include_str!("../assets/console/console.js")),
    ("/console/console.css", "text/css; charset=utf-8", include_str!("../assets/console/console.css")),
    ("/console/icon.svg", "image/svg+xml", include_str!("../assets/console/icon.svg")),
];

pub(crate) fn router() -> Router {
    let router = Router::new().route("/console", get(async || Redirect::permanent("/console/")));
    FILES.iter().fold(router, |router, &(path, kind, text)| {
        let headers = [
            ("content-type", kind),
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ];
        router.route(path, get(async move || (headers, text)))
    })
}
