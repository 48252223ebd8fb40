//! What one run of one scenario against one server measured.

use serde::Serialize;

/// The figures of a sample. A unit is a delivered message; in D, N, I and J it is a client that joined, in K a ping, in P, Q, S, U,
/// R, O and F a request, in W a dispatch, in T a timer.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Sample {
    pub(crate) units: u64,
    pub(crate) seconds: f64,
    /// CPU time of the server per unit, in microseconds; in K per client and second.
    pub(crate) cpu_us: f64,
    /// The same of the nats-server that is on the way of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nats_cpu_us: Option<f64>,
    /// Units a second.
    pub(crate) rate: f64,
    /// CPU time of the server per second, of both where there are two: near 1 it was saturated, far below 1 it waited.
    pub(crate) server_share: f64,
    /// Median latency, in microseconds, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_us: Option<f64>,
    /// Growth of the server's resident memory per client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_per_client: Option<f64>,
    /// Bytes of a delivered message, without the head of its frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_bytes: Option<f64>,
    /// From the start of the process until it said where it listens, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_ms: Option<f64>,
    /// The server's resident memory, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resident_mb: Option<f64>,
}

/// One of a sample's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    CpuUs,
    NatsCpuUs,
    Rate,
    P50Us,
    P99Us,
    BytesPerClient,
    StartMs,
    ResidentMb,
}

impl Figure {
    pub(crate) const ALL: [Self; 8] = [
        Self::CpuUs,
        Self::NatsCpuUs,
        Self::Rate,
        Self::P50Us,
        Self::P99Us,
        Self::BytesPerClient,
        Self::StartMs,
        Self::ResidentMb,
    ];

    pub(crate) fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::CpuUs => Some(sample.cpu_us),
            Self::NatsCpuUs => sample.nats_cpu_us,
            Self::Rate => Some(sample.rate),
            Self::P50Us => sample.p50_us,
            Self::P99Us => sample.p99_us,
            Self::BytesPerClient => sample.bytes_per_client,
            Self::StartMs => sample.start_ms,
            Self::ResidentMb => sample.resident_mb,
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::CpuUs => "CPU µs",
            Self::NatsCpuUs => "CPU µs, NATS",
            Self::Rate => "per second",
            Self::P50Us => "p50 µs",
            Self::P99Us => "p99 µs",
            Self::BytesPerClient => "bytes/client",
            Self::StartMs => "start ms",
            Self::ResidentMb => "resident MB",
        }
    }
}
