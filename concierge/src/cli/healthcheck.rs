//! `concierge healthcheck`: asks a hub whether it is alive, for containers and load balancers.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use concierge_client::{Tls, dial};
use http::Request;
use http::header::{CONNECTION, HOST};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::task::JoinSet;

use super::advice;
use super::client_args::ServerArgs;
use super::exit::{Exit, Failure};
use super::output::Output;

/// An answer is a word or a sentence.
const ANSWER_BYTES: usize = 4096;

const SILENT: &str = "Wait longer with --within-ms, or look into the hub's log.";
const BUSY: &str =
    "The hub is stopping or not ready yet; its log says which. Without --ready, the question is whether it is alive.";
const NO_HUB: &str = "Is that a hub? Name one with --server or CONCIERGE_URL.";

#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    #[command(flatten)]
    server: ServerArgs,

    /// Ask whether the hub takes new connections (/readyz): not so while it drains. Else whether it is alive (/healthz)
    #[arg(long)]
    ready: bool,

    /// How long to wait for the answer
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2_000)]
    within_ms: u64,
}

impl Healthcheck {
    /// # Errors
    /// No answer in time, or one that is not 200.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let tls = self.server.tls()?;
        let asked = tokio::time::timeout(Duration::from_millis(self.within_ms), self.ask(&tls)).await;
        let (status, answer) = asked
            .map_err(|_| Failure::new(Exit::Failed, format!("no answer within {} ms", self.within_ms)).try_next(SILENT))??;
        if status != 200 {
            let failure = Failure::new(Exit::Failed, format!("{} answers {status}: {}", self.url(), answer.trim()));
            return Err(failure.try_next(if status == 503 { BUSY } else { NO_HUB }));
        }
        output.result(&json!({ "healthy": true, "url": self.url() }), |_| "healthy".to_owned())
    }

    async fn ask(&self, tls: &Tls) -> Result<(u16, String), Failure> {
        let transport = dial(&self.server.server, tls).await.map_err(|error| Failure { exit: Exit::Failed, ..error.into() })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(transport)).await.map_err(failed)?;
        // Driven beside the exchange, and dropped with it.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(self.request()?).await.map_err(not_answered)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, Failure> {
        let url = &self.server.server;
        Request::get(self.path())
            .header(HOST, format!("{}:{}", url.host(), url.port()))
            .header(CONNECTION, "close")
            .body(Empty::new())
            .map_err(failed)
    }

    fn path(&self) -> String {
        let url = self.url();
        let after_scheme = url.find("://").map_or(0, |at| at + 3);
        url[after_scheme..].find('/').map_or("/", |at| &url[after_scheme + at..]).to_owned()
    }

    /// Beside the WebSocket: `/healthz` of `ws://host:port/ws`.
    fn url(&self) -> String {
        let files = self.server.server.files();
        format!("{}{}", files.strip_suffix("fs/").unwrap_or(&files), if self.ready { "readyz" } else { "healthz" })
    }
}

fn not_answered(error: hyper::Error) -> Failure {
    let next = if error.is_parse() { advice::NO_HTTP } else { SILENT };
    failed(error).try_next(next)
}

/// A health check has two answers: whatever else went wrong, the hub is not healthy.
fn failed(error: impl std::error::Error) -> Failure {
    Failure::of(Exit::Failed, &error)
}
