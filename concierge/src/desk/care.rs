//! What those who look after the hub are told, and what they ask of the desk.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use concierge_api_rs::admin::{FileChange, FileEvent, Happening, Named};
use concierge_api_rs::{ClientId, ClientName, PayloadIn, limits};
use concierge_files::Change;
use concierge_hub::Standing;

use super::{Desk, Seat};
use crate::admin::Admin;
use crate::bucket::Limit;
use crate::peer::Peer;

impl Desk {
    /// From now on what happens is told to those who look after the hub.
    pub(crate) fn tell(&self, admin: Weak<Admin>) {
        assert!(self.admin.set(admin).is_ok(), "there is one");
    }

    /// Somebody who looks after the hub listens to what clients say to services, or nobody does.
    pub(crate) fn overhear(&self, somebody: bool) {
        self.overheard.store(somebody, Ordering::Relaxed);
    }

    /// Somebody who looks after the hub watches files, or nobody does.
    pub(crate) fn watch_files(&self, somebody: bool) {
        self.files_watched.store(somebody, Ordering::Relaxed);
    }

    /// A connection or a request from there was refused: by that HTTP status or close code.
    pub(crate) fn refused(&self, address: IpAddr, reason: &str, code: u16) {
        let address = address.to_canonical();
        self.happened(|| Happening::Refused { reason: reason.to_owned(), code, address, times: 1 });
    }

    /// A client begins to be held back.
    pub(crate) fn throttled(&self, seat: &Seat, limit: Limit) {
        let Peer { id, address, .. } = *seat.peer;
        self.happened(|| Happening::Throttled { limit: limit.word().to_owned(), address, client: id, times: 1 });
    }

    pub(super) fn happened(&self, what: impl FnOnce() -> Happening) {
        if let Some(admin) = self.admin.get().and_then(Weak::upgrade) {
            admin.happened(what());
        }
    }

    /// A message that was routed, when somebody listens.
    #[cold]
    pub(super) fn overhear_message(&self, from: ClientId, text: &str) {
        if let (Some(admin), Ok(PayloadIn::Message(message))) =
            (self.admin.get().and_then(Weak::upgrade), PayloadIn::decode(text))
        {
            admin.overhear(from, &message);
        }
    }

    /// Bytes that were written to clients that have left.
    pub(crate) fn written_before(&self) -> u64 {
        // one that ends now is in one of the two
        let leaving = self.leaving.lock();
        leaving.values().map(|peer| peer.look().written).sum::<u64>() + self.written_before.load(Ordering::Relaxed)
    }

    /// A client has left, and its connection has ended.
    pub(crate) fn over(&self, peer: &Peer) {
        let mut leaving = self.leaving.lock();
        if leaving.remove(&peer.id).is_some() {
            self.written_before.fetch_add(peer.look().written, Ordering::Relaxed);
        }
        drop(leaving);
        peer.over();
    }

    /// So many clients that came after that one, and what they have.
    pub(crate) fn survey(&self, after: Option<ClientId>, limit: usize) -> Vec<Standing<Arc<Peer>>> {
        self.registry.lock().survey(after, limit, limits::ADMIN_SERVICES_SHOWN)
    }

    /// A client that is here, with its name.
    pub(crate) fn find(&self, id: ClientId) -> Option<(Arc<Peer>, ClientName)> {
        let info = self.registry.lock().client_info(id)?;
        Some((self.routes.id(id)?, info.name.clone()))
    }

    pub(super) fn tell_file(&self, owner: Named, change: Change) {
        let (event, path, size) = match change {
            Change::Stored(path, size) => (FileEvent::Stored, path, Some(size)),
            Change::Made(path) => (FileEvent::Made, path, None),
            Change::Deleted(path) => (FileEvent::Deleted, path, None),
        };
        if let Some(admin) = self.admin.get().and_then(Weak::upgrade) {
            admin.file_changed(FileChange { at: admin.now(), event, owner, path, size });
        }
    }
}
