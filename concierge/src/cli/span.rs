//! Spans of time, as people write them: `500ms`, `30s`, `5m`, `2h`, `7d`.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use concierge_client::coordinator::Millis;

/// A span of time, of whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// Not a span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a whole number and its unit: 500ms, 30s, 5m, 2h or 7d")]
pub(crate) struct SpanError;

/// Units and their milliseconds, those that end like another one first.
const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let with_unit = UNITS.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, millis)));
        let (number, millis) = with_unit.ok_or(SpanError)?;
        if !number.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(SpanError);
        }
        let number: u64 = number.parse().map_err(|_| SpanError)?;
        number.checked_mul(*millis).map(Duration::from_millis).map(Self).ok_or(SpanError)
    }
}

impl Span {
    /// As the wire has it.
    pub(crate) fn millis(self) -> Millis {
        Millis(i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The time of this machine.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// An instant for people: `1795207960682 (in 5 m)`, `1795207960682 (2 h ago)`.
pub(crate) fn shown(at: Millis, now: Millis) -> String {
    if at == Millis::NEVER {
        return "never".to_owned();
    }
    let apart = at.0.abs_diff(now.0);
    let (unit, millis) = UNITS.iter().rev().find(|(_, millis)| apart >= *millis).unwrap_or(&("ms", 1));
    let apart = format!("{} {unit}", apart / millis);
    if at > now { format!("{at} (in {apart})") } else { format!("{at} ({apart} ago)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_its_unit() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("2h", Some(7_200_000)),
            ("7d", Some(604_800_000)),
        ] {
            assert_eq!(text.parse::<Span>().ok().map(|span| span.millis().0), millis, "{text}");
        }
        for text in ["", "5", "s", "-5s", "+5s", "1.5s", "5 s", "5y", "99999999999999999999d"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError), "{text}");
        }
    }

    #[test]
    fn an_instant_is_shown_with_its_distance() {
        let now = Millis(10_000_000);
        for (at, expected) in [
            (10_000_000, "10000000 (0 ms ago)"),
            (10_000_250, "10000250 (in 250 ms)"),
            (10_090_000, "10090000 (in 1 m)"),
            (2_800_000, "2800000 (2 h ago)"),
            (i64::MAX, "never"),
        ] {
            assert_eq!(shown(Millis(at), now), expected);
        }
    }
}
