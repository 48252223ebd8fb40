//! Which key may do what: any connected client's reads, only the owner's writes.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use concierge_api_rs::ClientId;
use uuid::Uuid;

use crate::refusal::Refusal;
use crate::{Files, Holder, KeyKind, UuidKeys};

/// The header that carries the key.
pub(crate) const KEY_HEADER: &str = "x-fs-key";

/// A request that may go on.
#[derive(Clone, Copy)]
pub(crate) struct Grant {
    /// Whose folder it is about.
    pub(crate) owner: ClientId,
    /// The key it came with.
    pub(crate) key: Uuid,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    Read,
    Write,
}

impl Files {
    /// Whether this request may read or write in the folder of the client of that name.
    pub(crate) fn grant(&self, parts: &Parts, name: &str, intent: Intent) -> Result<Grant, Refusal> {
        let key = key(parts)?;
        let directory = &self.inner.directory;
        let holder = directory.holder(key).filter(|holder| self.is_key(holder)).ok_or(Refusal::UnknownKey)?;
        let owner = directory.client(name).ok_or(Refusal::Nothing)?;
        match intent {
            Intent::Write if owner != holder.client => Err(Refusal::NotYours),
            Intent::Write if !self.writes(&holder, address(parts)) => Err(Refusal::Elsewhere),
            Intent::Read | Intent::Write => Ok(Grant { owner, key }),
        }
    }

    fn is_key(&self, holder: &Holder) -> bool {
        holder.key == KeyKind::Private || self.inner.options.uuid_keys != UuidKeys::Never
    }

    fn writes(&self, holder: &Holder, from: Option<IpAddr>) -> bool {
        match (holder.key, self.inner.options.uuid_keys) {
            (KeyKind::Private, _) | (KeyKind::Public, UuidKeys::Always) => true,
            (KeyKind::Public, UuidKeys::SameAddress) => from == Some(holder.address.to_canonical()),
            (KeyKind::Public, UuidKeys::Never) => false,
        }
    }
}

fn key(parts: &Parts) -> Result<Uuid, Refusal> {
    let mut values = parts.headers.get_all(KEY_HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Refusal::NoKey),
        (Some(value), None) => Uuid::try_parse_ascii(value.as_bytes().trim_ascii()).map_err(|_| Refusal::MalformedKey),
        (Some(_), Some(_)) => Err(Refusal::MalformedKey),
    }
}

/// Where the request comes from; a mapped IPv4 address is that IPv4 address.
fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical())
}
