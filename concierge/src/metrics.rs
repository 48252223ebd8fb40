//! What the hub counts. Label sets are bounded: payload types, close codes, outcomes; never a name or an address.

use std::sync::{LazyLock, OnceLock};

use concierge_api_rs::CloseCode;
use concierge_api_rs::coordinator::{Answer, Outcome};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static PROMETHEUS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Handles of what is counted on the message path; others are looked up where they happen.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

pub(crate) struct Metrics {
    pub(crate) connections: Gauge,
    pub(crate) accepted: Counter,
    pub(crate) accept_errors: Counter,
    pub(crate) payloads: Counter,
    pub(crate) malformed: Counter,
    pub(crate) messages: Counter,
    pub(crate) message_bytes: Counter,
    pub(crate) refused_messages: Counter,
    pub(crate) deliveries: Counter,
    pub(crate) slow_consumers: Counter,
    pub(crate) too_many_services: Counter,
    pub(crate) too_many_subscriptions: Counter,
    /// Messages and bytes of a client, then those of an address, then endings of a client.
    pub(crate) throttled: [Counter; 5],
    pub(crate) uncounted: Counter,
    pub(crate) subscribers_cut: Counter,
    pub(crate) offers_taken: Counter,
    pub(crate) offers_held: Counter,
}

/// What a session counted in its turn: it is added up once a turn, because counters are shared by all threads.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) payloads: u64,
    pub(crate) messages: u64,
    pub(crate) message_bytes: u64,
    pub(crate) deliveries: u64,
}

impl Tally {
    /// Adds it to the metrics and begins anew.
    pub(crate) fn settle(&mut self) {
        if self.payloads == 0 {
            return;
        }
        let Self { payloads, messages, message_bytes, deliveries } = std::mem::take(self);
        METRICS.payloads.increment(payloads);
        METRICS.messages.increment(messages);
        METRICS.message_bytes.increment(message_bytes);
        METRICS.deliveries.increment(deliveries);
    }
}

impl Metrics {
    fn new() -> Self {
        Self {
            connections: gauge!("concierge_connections"),
            accepted: counter!("concierge_connections_accepted_total"),
            accept_errors: counter!("concierge_accept_errors_total"),
            payloads: counter!("concierge_payloads_received_total"),
            malformed: counter!("concierge_payloads_malformed_total"),
            messages: counter!("concierge_messages_total"),
            message_bytes: counter!("concierge_message_bytes_total"),
            refused_messages: counter!("concierge_messages_refused_total"),
            deliveries: counter!("concierge_deliveries_total"),
            slow_consumers: counter!("concierge_slow_consumers_total"),
            too_many_services: counter!("concierge_over_limit_total", "limit" => "services"),
            too_many_subscriptions: counter!("concierge_over_limit_total", "limit" => "subscriptions"),
            throttled: ["messages", "bytes", "address_messages", "address_bytes", "endings"]
                .map(|limit| counter!("concierge_throttled_total", "limit" => limit)),
            uncounted: counter!("concierge_addresses_uncounted_total"),
            subscribers_cut: counter!("concierge_subscribers_cut_total"),
            offers_taken: counter!("concierge_coordinator_offers_total", "outcome" => "taken"),
            offers_held: counter!("concierge_coordinator_offers_total", "outcome" => "held"),
        }
    }
}

/// Starts counting. Once per process; counting before this call is lost.
pub(crate) fn start() {
    PROMETHEUS.get_or_init(|| {
        // another recorder in the process (a test's) keeps its place; this hub then renders nothing
        let handle = PrometheusBuilder::new().install_recorder().ok()?;
        describe();
        LazyLock::force(&METRICS);
        // shown before they first happen
        REFUSALS.iter().for_each(|reason| counter!("concierge_connections_refused_total", "reason" => *reason).absolute(0));
        Some(handle)
    });
}

/// All metrics in the text format of Prometheus.
pub(crate) fn render(clients: usize, services: usize, subscriptions: usize) -> String {
    gauge!("concierge_clients").set(clients as f64);
    gauge!("concierge_services").set(services as f64);
    gauge!("concierge_subscriptions").set(subscriptions as f64);
    match PROMETHEUS.get() {
        Some(Some(handle)) => {
            handle.run_upkeep();
            handle.render()
        }
        _ => String::new(),
    }
}

/// Why connections are refused.
const REFUSALS: [&str; 7] = ["crowded", "draining", "handshake", "hasty", "head", "host", "origin"];

/// A connection was refused before it became a WebSocket.
pub(crate) fn refused(reason: &'static str) {
    counter!("concierge_connections_refused_total", "reason" => reason).increment(1);
}

/// A connection ended: by the hub with `code`, or by the other side.
pub(crate) fn closed(code: Option<CloseCode>) {
    let code = code.map_or_else(|| "peer".to_owned(), |code| code.code().to_string());
    counter!("concierge_connections_closed_total", "code" => code).increment(1);
}

/// A request to the coordinator was answered.
pub(crate) fn asked(outcome: &Outcome) {
    let status = outcome.as_ref().map_or_else(|refusal| refusal.status, Answer::status).code();
    counter!("concierge_coordinator_requests_total", "status" => status.to_string()).increment(1);
}

/// The coordinator had a message for somebody, who took it or was not there.
pub(crate) fn offered(taken: bool) {
    let counter = if taken { &METRICS.offers_taken } else { &METRICS.offers_held };
    counter.increment(1);
}

/// Every metric of the hub: what it is, its name with its labels, what it means. docs/operations.md shows the same.
const DESCRIBED: &[(Kind, &str, &str)] = &[
    (Kind::Gauge, "concierge_clients", "Clients that are identified."),
    (Kind::Gauge, "concierge_services", "Services."),
    (Kind::Gauge, "concierge_subscriptions", "Subscriptions, of all clients together."),
    (Kind::Gauge, "concierge_connections", "Open connections of any kind."),
    (Kind::Counter, "concierge_connections_accepted_total", "Connections accepted."),
    (Kind::Counter, "concierge_accept_errors_total", "Failed accepts, for example for want of file descriptors."),
    (
        Kind::Counter,
        "concierge_connections_refused_total{reason}",
        "Requests for a WebSocket, or connections, that were refused: `crowded` (too many of an address), `hasty` (too many of it in a minute), `draining`, `handshake`, `head` (too large), `host` (see `allowed_hosts`), `origin`.",
    ),
    (
        Kind::Counter,
        "concierge_connections_closed_total{code}",
        "WebSocket connections that ended, by close code, or `peer` when the other side ended it.",
    ),
    (Kind::Counter, "concierge_payloads_received_total", "Text messages received from identified clients."),
    (Kind::Counter, "concierge_payloads_malformed_total", "Payloads answered ERROR_PROTOCOL or ERROR_UNSUPPORTED."),
    (Kind::Counter, "concierge_messages_total", "MESSAGE payloads that were routed."),
    (Kind::Counter, "concierge_message_bytes_total", "Bytes of their data."),
    (Kind::Counter, "concierge_messages_refused_total", "MESSAGE payloads that nobody got: BAD, INVALID_…."),
    (Kind::Counter, "concierge_deliveries_total", "Copies of messages queued for receivers."),
    (Kind::Counter, "concierge_slow_consumers_total", "Clients ended 4011."),
    (
        Kind::Counter,
        "concierge_over_limit_total{limit}",
        "Requests refused because a client has too many `services` or `subscriptions`.",
    ),
    (
        Kind::Counter,
        "concierge_subscribers_cut_total",
        "News of a membership that listed only the first subscribers of a big service.",
    ),
    (
        Kind::Counter,
        "concierge_coordinator_requests_total{status}",
        "Requests to the coordinator, by the status of their answer.",
    ),
    (
        Kind::Counter,
        "concierge_coordinator_offers_total{outcome}",
        "Messages of the coordinator: `taken` by a worker's connection, or `held` because nobody was there or had room.",
    ),
    (
        Kind::Counter,
        "concierge_throttled_total{limit}",
        "Times a client was not read because it sent too much: `messages`, `bytes`, or `address_messages`, `address_bytes` with others of its address; or because it ended too much: `endings`.",
    ),
    (
        Kind::Counter,
        "concierge_addresses_uncounted_total",
        "Connections that were let in without counting, because the hub remembers as many addresses as it can.",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Counter,
    Gauge,
}

fn describe() {
    for (kind, name, meaning) in DESCRIBED {
        let name = name.split('{').next().unwrap_or(name);
        match kind {
            Kind::Counter => describe_counter!(name, *meaning),
            Kind::Gauge => describe_gauge!(name, *meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_operations_md_shows_every_metric() {
        let rows: String = DESCRIBED
            .iter()
            .map(|(kind, name, meaning)| format!("| `{name}` | {} | {meaning} |\n", format!("{kind:?}").to_lowercase()))
            .collect();
        let document = include_str!("../../docs/operations.md");
        assert!(document.contains(&rows), "the table in docs/operations.md should be:\n{rows}");
    }
}
