//! What the hub counts. Label sets are bounded: payload types, close codes, outcomes; never a name or an address.
//!
//! The totals are kept here, whether Prometheus is served or not; they are handed to it when somebody asks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use concierge_api_rs::CloseCode;
use concierge_api_rs::coordinator::{Answer, Outcome, Status};
use concierge_api_rs::packet::FaultCode;
use concierge_nats::State;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::router::{NatsStanding, Standing};

static PROMETHEUS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// What this process counted since it began.
pub(crate) static METRICS: Metrics = Metrics::new();

/// A total.
#[derive(Debug)]
pub(crate) struct Count(AtomicU64);

impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn increment(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// Something that was counted is over.
    pub(crate) fn decrement(&self, by: u64) {
        self.0.fetch_sub(by, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct Metrics {
    pub(crate) connections: Count,
    pub(crate) accepted: Count,
    pub(crate) accept_errors: Count,
    pub(crate) payloads: Count,
    pub(crate) payload_bytes: Count,
    pub(crate) malformed: Count,
    pub(crate) messages: Count,
    pub(crate) message_bytes: Count,
    pub(crate) refused_messages: Count,
    pub(crate) deliveries: Count,
    pub(crate) slow_consumers: Count,
    pub(crate) too_many_services: Count,
    pub(crate) too_many_subscriptions: Count,
    /// Messages and bytes of a client, then those of an address, then endings of a client.
    pub(crate) throttled: [Count; THROTTLES.len()],
    pub(crate) uncounted: Count,
    pub(crate) subscribers_cut: Count,
    pub(crate) offers_taken: Count,
    pub(crate) offers_held: Count,
    refused: [Count; REFUSALS.len()],
    /// By [`CloseCode::ALL`], then codes that an administrator chose, then ends that were the peer's.
    closed: [Count; CloseCode::ALL.len() + 2],
    asked: [Count; Status::ALL.len()],
}

/// What a session counted in its turn: it is added up once a turn, because counters are shared by all threads.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) payloads: u64,
    /// Bytes of all payloads.
    pub(crate) payload_bytes: u64,
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
        let Self { payloads, payload_bytes, messages, message_bytes, deliveries } = std::mem::take(self);
        METRICS.payloads.increment(payloads);
        METRICS.payload_bytes.increment(payload_bytes);
        METRICS.messages.increment(messages);
        METRICS.message_bytes.increment(message_bytes);
        METRICS.deliveries.increment(deliveries);
    }
}

impl Metrics {
    const fn new() -> Self {
        Self {
            connections: Count::new(),
            accepted: Count::new(),
            accept_errors: Count::new(),
            payloads: Count::new(),
            payload_bytes: Count::new(),
            malformed: Count::new(),
            messages: Count::new(),
            message_bytes: Count::new(),
            refused_messages: Count::new(),
            deliveries: Count::new(),
            slow_consumers: Count::new(),
            too_many_services: Count::new(),
            too_many_subscriptions: Count::new(),
            throttled: [const { Count::new() }; THROTTLES.len()],
            uncounted: Count::new(),
            subscribers_cut: Count::new(),
            offers_taken: Count::new(),
            offers_held: Count::new(),
            refused: [const { Count::new() }; REFUSALS.len()],
            closed: [const { Count::new() }; CloseCode::ALL.len() + 2],
            asked: [const { Count::new() }; Status::ALL.len()],
        }
    }

    /// Every counter that has no label, or always the same few: shown before it first happens.
    fn plain(&self) -> [(&'static str, &Count); 12] {
        [
            ("concierge_connections_accepted_total", &self.accepted),
            ("concierge_accept_errors_total", &self.accept_errors),
            ("concierge_payloads_received_total", &self.payloads),
            ("concierge_payload_bytes_total", &self.payload_bytes),
            ("concierge_payloads_malformed_total", &self.malformed),
            ("concierge_messages_total", &self.messages),
            ("concierge_message_bytes_total", &self.message_bytes),
            ("concierge_messages_refused_total", &self.refused_messages),
            ("concierge_deliveries_total", &self.deliveries),
            ("concierge_slow_consumers_total", &self.slow_consumers),
            ("concierge_addresses_uncounted_total", &self.uncounted),
            ("concierge_subscribers_cut_total", &self.subscribers_cut),
        ]
    }

    /// Connections that were refused, by reason.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REFUSALS.into_iter().zip(self.refused.iter().map(Count::total))
    }

    /// Connections that ended, by close code; those that never happened are left out.
    pub(crate) fn closed(&self) -> impl Iterator<Item = (String, u64)> {
        let codes = CloseCode::ALL.iter().map(|code| code.code().to_string());
        let names = codes.chain([OTHER.to_owned(), PEER.to_owned()]);
        names.zip(self.closed.iter().map(Count::total)).filter(|(_, total)| *total > 0)
    }

    /// What was refused or put off because of a limit, by limit.
    pub(crate) fn limited(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let over = [("services", self.too_many_services.total()), ("subscriptions", self.too_many_subscriptions.total())];
        over.into_iter().chain(THROTTLES.into_iter().zip(self.throttled.iter().map(Count::total)))
    }

    /// Requests to the coordinator, by the status of their answer; statuses that never came are left out.
    pub(crate) fn asked(&self) -> impl Iterator<Item = (u16, u64)> {
        let totals = Status::ALL.iter().map(|status| status.code()).zip(self.asked.iter().map(Count::total));
        totals.filter(|(_, total)| *total > 0)
    }

    fn publish(&self) {
        gauge!("concierge_connections").set(self.connections.total() as f64);
        self.plain().into_iter().for_each(|(name, count)| counter!(name).absolute(count.total()));
        for (limit, count) in [("services", &self.too_many_services), ("subscriptions", &self.too_many_subscriptions)] {
            counter!("concierge_over_limit_total", "limit" => limit).absolute(count.total());
        }
        for (limit, count) in THROTTLES.into_iter().zip(&self.throttled) {
            counter!("concierge_throttled_total", "limit" => limit).absolute(count.total());
        }
        for (outcome, count) in [("taken", &self.offers_taken), ("held", &self.offers_held)] {
            counter!("concierge_coordinator_offers_total", "outcome" => outcome).absolute(count.total());
        }
        for (reason, total) in self.refused() {
            counter!("concierge_connections_refused_total", "reason" => reason).absolute(total);
        }
        for (code, total) in self.closed() {
            counter!("concierge_connections_closed_total", "code" => code).absolute(total);
        }
        for (status, total) in self.asked() {
            counter!("concierge_coordinator_requests_total", "status" => status.to_string()).absolute(total);
        }
    }
}

/// Begins to serve what is counted. Once per process.
pub(crate) fn start() {
    PROMETHEUS.get_or_init(|| {
        // another recorder in the process (a test's) keeps its place; this hub then renders nothing
        let handle = PrometheusBuilder::new().install_recorder().ok()?;
        describe();
        Some(handle)
    });
}

/// What a router counted, which it does by itself.
fn publish_router(Standing { tally, malformed, in_flight, workers, nats }: &Standing) {
    gauge!("concierge_router_in_flight").set(*in_flight as f64);
    gauge!("concierge_router_workers").set(*workers as f64);
    counter!("concierge_router_requests_total").absolute(tally.requests);
    counter!("concierge_router_answers_total", "outcome" => "ok").absolute(tally.results);
    for code in FaultCode::ALL {
        counter!("concierge_router_answers_total", "outcome" => code.name().to_lowercase()).absolute(tally.failed(*code));
    }
    counter!("concierge_router_parts_total").absolute(tally.parts);
    for (outcome, total) in [("passed", tally.pushes), ("lost", tally.lost_pushes)] {
        counter!("concierge_router_pushes_total", "outcome" => outcome).absolute(total);
    }
    for (why, total) in [("late", tally.late), ("unknown", tally.unknown), ("malformed", *malformed), ("no_room", tally.no_room)]
    {
        counter!("concierge_router_dropped_total", "why" => why).absolute(total);
    }
    nats.iter().for_each(publish_nats);
}

fn publish_nats(NatsStanding { link, dropped }: &NatsStanding) {
    gauge!("concierge_nats_up").set(f64::from(u8::from(link.state == State::Up)));
    gauge!("concierge_nats_served").set(link.served as f64);
    counter!("concierge_nats_connects_total").absolute(link.connects);
    for (direction, total) in [("sent", link.sent), ("received", link.received)] {
        counter!("concierge_nats_messages_total", "direction" => direction).absolute(total);
    }
    for (why, total) in [("unsent", link.unsent), ("slow", link.slow), ("unanswerable", *dropped)] {
        counter!("concierge_nats_dropped_total", "why" => why).absolute(total);
    }
}

/// All metrics in the text format of Prometheus.
pub(crate) fn render(clients: usize, services: usize, subscriptions: usize, router: Option<&Standing>) -> String {
    router.into_iter().for_each(publish_router);
    gauge!("concierge_clients").set(clients as f64);
    gauge!("concierge_services").set(services as f64);
    gauge!("concierge_subscriptions").set(subscriptions as f64);
    METRICS.publish();
    match PROMETHEUS.get() {
        Some(Some(handle)) => {
            handle.run_upkeep();
            handle.render()
        }
        _ => String::new(),
    }
}

/// Why connections are refused.
const REFUSALS: [&str; 8] = ["crowded", "draining", "handshake", "hasty", "head", "host", "memory", "origin"];
/// What throttles a client.
pub(crate) const THROTTLES: [&str; 5] = ["messages", "bytes", "address_messages", "address_bytes", "endings"];
/// A close code that is none of the hub's own.
const OTHER: &str = "other";
/// The other side ended it.
const PEER: &str = "peer";

/// A connection was refused before it became a WebSocket.
pub(crate) fn refused(reason: &'static str) {
    let at = REFUSALS.iter().position(|known| *known == reason).expect("every reason is in the list");
    METRICS.refused[at].increment(1);
}

/// A connection ended: by the hub with that code, or by the other side.
pub(crate) fn closed(code: Option<u16>) {
    let place = |code: u16| CloseCode::ALL.iter().position(|known| known.code() == code).unwrap_or(CloseCode::ALL.len());
    METRICS.closed[code.map_or(CloseCode::ALL.len() + 1, place)].increment(1);
}

/// A request to the coordinator was answered.
pub(crate) fn asked(outcome: &Outcome) {
    let status = outcome.as_ref().map_or_else(|refusal| refusal.status, Answer::status);
    let at = Status::ALL.iter().position(|known| known.code() == status.code()).expect("every status is in the list");
    METRICS.asked[at].increment(1);
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
        "WebSocket connections that ended, by close code, `other` for one that an administrator chose, or `peer` when the other side ended it.",
    ),
    (Kind::Counter, "concierge_payloads_received_total", "Text messages received from identified clients."),
    (Kind::Counter, "concierge_payload_bytes_total", "Bytes of them."),
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
    (Kind::Gauge, "concierge_router_in_flight", "Requests to the router that wait for their answers."),
    (Kind::Gauge, "concierge_router_workers", "Clients that serve a category."),
    (Kind::Counter, "concierge_router_requests_total", "Requests to the router."),
    (
        Kind::Counter,
        "concierge_router_answers_total{outcome}",
        "Final responses to them: `ok`, or the name of the error in small letters, as it was before it was folded.",
    ),
    (Kind::Counter, "concierge_router_parts_total", "Responses after which another part comes."),
    (
        Kind::Counter,
        "concierge_router_pushes_total{outcome}",
        "Pushes that were `passed` to at least one worker or obeyed by the router, and those that were `lost`: no route, nobody serves it, or the router could not obey.",
    ),
    (
        Kind::Counter,
        "concierge_router_dropped_total{why}",
        "Responses that came `late` or to an `unknown` request, what was `malformed`, and `no_room`: requests that no worker had room for, and workers that had none for a push.",
    ),
    (Kind::Gauge, "concierge_nats_up", "1 while there is a connection to a nats-server that will do, else 0."),
    (Kind::Gauge, "concierge_nats_served", "Subjects that the hub serves on NATS, and the server is known to have."),
    (Kind::Counter, "concierge_nats_connects_total", "Connections to NATS that were made."),
    (Kind::Counter, "concierge_nats_messages_total{direction}", "Messages that were `sent` to NATS and `received` from it."),
    (
        Kind::Counter,
        "concierge_nats_dropped_total{why}",
        "Messages to NATS that could not be sent (`unsent`); times that messages from it came faster than they were read (`slow`), at least; messages that ask nothing that can be answered (`unanswerable`).",
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
