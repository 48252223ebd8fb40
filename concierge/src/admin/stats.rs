//! A snapshot of the hub.

use concierge_api_rs::admin::Stats;

use super::Admin;
use crate::metrics::METRICS;

impl Admin {
    /// How the hub is now: totals, so that whoever watches takes differences.
    pub(super) async fn stats(&self) -> Stats {
        let (clients, services, subscriptions) = self.desk.counts();
        let (queued_bytes, bytes_out) = self.outboxes();
        let resources = self.resources.clone();
        // a disk may keep its caller waiting
        let (descriptors, memory, disks) = tokio::task::spawn_blocking(move || resources.look()).await.unwrap_or_default();
        Stats {
            at: self.now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: u64::try_from(self.desk.uptime().as_millis()).unwrap_or(u64::MAX),
            clients: clients as u64,
            services: services as u64,
            subscriptions: subscriptions as u64,
            connections: METRICS.connections.total(),
            payloads_in: METRICS.payloads.total(),
            bytes_in: METRICS.payload_bytes.total(),
            bytes_out,
            queued_bytes,
            messages: METRICS.messages.total(),
            deliveries: METRICS.deliveries.total(),
            messages_refused: METRICS.refused_messages.total(),
            malformed: METRICS.malformed.total(),
            slow_consumers: METRICS.slow_consumers.total(),
            refused: METRICS.refused().map(|(reason, total)| (reason.to_owned(), total)).collect(),
            closed: METRICS.closed().collect(),
            limited: METRICS.limited().map(|(limit, total)| (limit.to_owned(), total)).collect(),
            coordinator: self.coordinator.as_ref().map(|coordinator| coordinator.stats()),
            descriptors,
            memory,
            disks,
        }
    }

    /// Bytes that wait for all clients, and bytes that were ever written to clients. They are counted here, when somebody asks, and
    /// not where they are written.
    fn outboxes(&self) -> (u64, u64) {
        // first: who leaves meanwhile counts once, and not twice for ever
        let (mut queued, mut written) = (0, self.desk.written_before());
        self.desk.survey_all(|standing| {
            let look = standing.handle.look();
            queued += look.waiting as u64;
            written += look.written;
        });
        let mut told = self.written.lock();
        *told = (*told).max(written);
        (queued, *told)
    }
}
