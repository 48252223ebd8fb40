//! What a client's folder holds and may hold. Counted in memory: the server makes every change itself.
//!
//! Two locks. `change` is held across the system calls of one change of the tree, in threads that may block. `state` is held for a
//! few instructions and never across a system call, so that leaving waits for nobody.

use std::sync::Arc;

use concierge_api_rs::ClientId;
use parking_lot::{Mutex, MutexGuard};

use crate::refusal::Refusal;
use crate::tree::Removed;

pub(crate) struct Folder {
    pub(crate) client: ClientId,
    max_bytes: u64,
    max_files: u64,
    change: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    left: bool,
    bytes: u64,
    files: u64,
    folders: u64,
    /// Of uploads on their way.
    reserved_bytes: u64,
    reserved_files: u64,
}

/// What a change adds and takes away.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) bytes: u64,
    pub(crate) freed_bytes: u64,
    pub(crate) files: u64,
    pub(crate) folders: u64,
}

/// Room that an upload holds in its folder until it is in place or given up.
///
/// The bytes of the file that it replaces are lent to it, so a file can be replaced in a full folder. What a client has on the disk
/// at any moment is thereby at most its bound and one file more.
pub(crate) struct Reservation {
    folder: Arc<Folder>,
    bytes: u64,
    files: u64,
    lent: u64,
}

impl Folder {
    pub(crate) fn new(client: ClientId, max_bytes: u64, max_files: u64) -> Self {
        Self { client, max_bytes, max_files, change: Mutex::new(()), state: Mutex::default() }
    }

    /// One change of the tree at a time.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.change.lock()
    }

    pub(crate) fn set_left(&self) {
        self.state.lock().left = true;
    }

    /// Refuses when the client left: its key is nobody's any more.
    pub(crate) fn check_here(&self) -> Result<(), Refusal> {
        if self.state.lock().left { Err(Refusal::UnknownKey) } else { Ok(()) }
    }

    /// Room for an upload of that many bytes, as far as is known, over a file of `replaced` bytes or none.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64, replaced: Option<u64>) -> Result<Reservation, Refusal> {
        let files = u64::from(replaced.is_none());
        {
            let mut state = self.state.lock();
            if state.files + state.reserved_files + files > self.max_files {
                return Err(Refusal::FolderFiles(self.max_files));
            }
            state.reserved_files += files;
        }
        let mut reservation = Reservation { folder: Arc::clone(self), bytes: 0, files, lent: replaced.unwrap_or_default() };
        reservation.cover(bytes)?;
        Ok(reservation)
    }

    /// Whether the folder may hold this much more. To be asked in one's turn: nothing else grows it meanwhile.
    pub(crate) fn admit(&self, growth: Growth) -> Result<(), Refusal> {
        let state = self.state.lock();
        if state.left {
            Err(Refusal::UnknownKey)
        } else if state.files + growth.files > self.max_files || state.folders + growth.folders > self.max_files {
            Err(Refusal::FolderFiles(self.max_files))
        } else if (state.bytes + growth.bytes).saturating_sub(growth.freed_bytes) > self.max_bytes {
            Err(Refusal::FolderBytes(self.max_bytes))
        } else {
            Ok(())
        }
    }

    /// So many sub-folders were made.
    pub(crate) fn add_folders(&self, folders: u64) {
        self.state.lock().folders += folders;
    }

    /// That much was deleted.
    pub(crate) fn shrank(&self, removed: Removed) {
        let mut state = self.state.lock();
        state.bytes = state.bytes.saturating_sub(removed.bytes);
        state.files = state.files.saturating_sub(removed.files);
        state.folders = state.folders.saturating_sub(removed.folders);
    }
}

impl Reservation {
    /// Makes the room large enough for that many bytes.
    pub(crate) fn cover(&mut self, bytes: u64) -> Result<(), Refusal> {
        let mut state = self.folder.state.lock();
        if state.left {
            return Err(Refusal::UnknownKey);
        }
        let more = bytes.saturating_sub(self.bytes);
        let wanted = state.bytes.saturating_add(state.reserved_bytes).saturating_add(more);
        if more > 0 && wanted.saturating_sub(self.lent) > self.folder.max_bytes {
            return Err(Refusal::FolderBytes(self.folder.max_bytes));
        }
        state.reserved_bytes += more;
        self.bytes += more;
        Ok(())
    }

    /// The upload is in its place: what was reserved becomes what is held.
    pub(crate) fn placed(mut self, growth: Growth) {
        let mut state = self.folder.state.lock();
        state.reserved_bytes -= std::mem::take(&mut self.bytes);
        state.reserved_files -= std::mem::take(&mut self.files);
        state.bytes = (state.bytes + growth.bytes).saturating_sub(growth.freed_bytes);
        state.files += growth.files;
        state.folders += growth.folders;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.folder.state.lock();
        state.reserved_bytes -= self.bytes;
        state.reserved_files -= self.files;
    }
}
