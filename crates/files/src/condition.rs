//! `If-Match` and its kin (RFC 9110, section 13).

use axum::http::HeaderMap;
use headers::{ETag, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince};

use crate::refusal::Refusal;
use crate::tree::Meta;

/// What a request wants to be true of the file.
pub(crate) struct Conditions {
    matches: Option<IfMatch>,
    none_matches: Option<IfNoneMatch>,
    modified_since: Option<IfModifiedSince>,
    unmodified_since: Option<IfUnmodifiedSince>,
    range: Option<IfRange>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    Send,
    NotModified,
}

impl Conditions {
    /// A malformed condition on what to overwrite is never met; any other malformed one is none.
    pub(crate) fn parse(headers: &HeaderMap) -> Result<Self, Refusal> {
        Ok(Self {
            matches: headers.typed_try_get().map_err(|_| Refusal::Precondition)?,
            none_matches: headers.typed_get(),
            modified_since: headers.typed_get(),
            unmodified_since: headers.typed_get(),
            range: headers.typed_get(),
        })
    }

    /// Whether to write or delete while this file, or none, is there.
    pub(crate) fn check_write(&self, current: Option<&Meta>) -> Result<(), Refusal> {
        let none_matches = match (&self.none_matches, current) {
            (Some(condition), Some(current)) => condition.precondition_passes(&current.entity_tag()),
            (None, _) | (_, None) => true,
        };
        if none_matches && self.matches(current) { Ok(()) } else { Err(Refusal::Precondition) }
    }

    /// Whether to send this file.
    pub(crate) fn check_read(&self, current: &Meta) -> Result<Freshness, Refusal> {
        if !self.matches(Some(current)) {
            return Err(Refusal::Precondition);
        }
        let modified = match (&self.none_matches, &self.modified_since) {
            (Some(condition), _) => condition.precondition_passes(&current.entity_tag()),
            (None, Some(condition)) => condition.is_modified(current.modified()),
            (None, None) => true,
        };
        Ok(if modified { Freshness::Send } else { Freshness::NotModified })
    }

    /// Whether a range of this file is of use to who has other parts of it. A date never says so: it tells no two writes of one
    /// second apart.
    pub(crate) fn allows_range(&self, current: &Meta) -> bool {
        self.range.as_ref().is_none_or(|range| !range.is_modified(Some(&current.entity_tag()), None))
    }

    fn matches(&self, current: Option<&Meta>) -> bool {
        match (&self.matches, &self.unmodified_since, current) {
            (Some(condition), _, Some(current)) => condition.precondition_passes(&current.entity_tag()),
            (Some(_), _, None) => false,
            (None, Some(condition), Some(current)) => condition.precondition_passes(current.modified()),
            (None, Some(_), None) | (None, None, _) => true,
        }
    }
}

impl Meta {
    fn entity_tag(&self) -> ETag {
        self.etag().parse().expect("hexadecimal digits and dashes in quotes are an entity tag")
    }
}
