//! `Range: bytes=…`: one range. Several, another unit or nonsense are ignored, as RFC 9110 allows: the whole file is sent, once.

use axum::http::{HeaderMap, header};

use crate::refusal::Refusal;

/// First byte and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) start: u64,
    pub(crate) length: u64,
}

/// The part of a file of that size that is asked for, if it is only a part.
pub(crate) fn requested(headers: &HeaderMap, size: u64) -> Result<Option<Slice>, Refusal> {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Ok(None) };
    match value.to_str().ok().and_then(parse) {
        None => Ok(None),
        Some(spec) => spec.within(size).map(Some).ok_or(Refusal::Range(size)),
    }
}

#[derive(Debug, Clone, Copy)]
enum Spec {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

fn parse(value: &str) -> Option<Spec> {
    let (unit, range) = value.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first, last) {
        ("", last) => Some(Spec::Last(number(last)?)),
        (first, "") => Some(Spec::From(number(first)?)),
        (first, last) => Some(Spec::Between(number(first)?, number(last)?)).filter(|spec| spec.is_in_order()),
    }
}

/// Digits only; more than fit mean "beyond the end".
fn number(digits: &str) -> Option<u64> {
    let digits = Some(digits).filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))?;
    Some(digits.parse().unwrap_or(u64::MAX))
}

impl Spec {
    fn is_in_order(&self) -> bool {
        !matches!(self, Self::Between(first, last) if first > last)
    }

    fn within(self, size: u64) -> Option<Slice> {
        let start = match self {
            Self::From(first) | Self::Between(first, _) => first,
            Self::Last(0) => return None,
            Self::Last(bytes) => size.saturating_sub(bytes),
        };
        let end = match self {
            Self::Between(_, last) => last.saturating_add(1).min(size),
            Self::From(_) | Self::Last(_) => size,
        };
        (start < size).then(|| Slice { start, length: end - start })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(value: &'static str, size: u64) -> Option<Option<(u64, u64)>> {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(value))]);
        requested(&headers, size).ok().map(|slice| slice.map(|slice| (slice.start, slice.length)))
    }

    #[test]
    fn one_range_is_a_slice() {
        assert_eq!(of("bytes=0-0", 10), Some(Some((0, 1))));
        assert_eq!(of("bytes=2-4", 10), Some(Some((2, 3))));
        assert_eq!(of("bytes=2-", 10), Some(Some((2, 8))));
        assert_eq!(of("bytes=2-99", 10), Some(Some((2, 8))));
        assert_eq!(of("bytes=-3", 10), Some(Some((7, 3))));
        assert_eq!(of("bytes=-30", 10), Some(Some((0, 10))));
        assert_eq!(of("BYTES = 2-99999999999999999999999", 10), Some(Some((2, 8))));
    }

    #[test]
    fn what_begins_after_the_end_is_refused() {
        for value in ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(value, 10), None, "{value}");
        }
        assert_eq!(of("bytes=0-", 0), None);
        assert_eq!(of("bytes=-5", 0), None);
    }

    #[test]
    fn several_ranges_and_nonsense_are_ignored() {
        for value in
            ["bytes=0-1,3-4", "lines=0-1", "bytes", "bytes=", "bytes=-", "bytes=4-2", "bytes=a-b", "bytes=+1-2", "bytes=1--2"]
        {
            assert_eq!(of(value, 10), Some(None), "{value}");
        }
    }
}
