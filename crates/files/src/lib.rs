//! The file server: every connected client owns the folder `/fs/{its name}/` for as long as it is connected. FILESYSTEM.md
//! describes the protocol; this crate serves it as an axum router over a directory of its own.
//!
//! Files enter through a temporary file that is renamed into place, so nobody ever reads half of one. Bodies stream in both
//! directions. On disk a folder is named after its client's uuid, so whoever takes a free name next starts with an empty one.
//!
//! From the rim inwards: `service` (router, one request), `access` (which key may do what), `upload`, `form`, `download`,
//! `listing`, `delete` (the methods), `commit` (changes of a folder, one at a time), `folder` (its bounds), `tree` and `disk`
//! (system calls, never following a link).
#![warn(missing_docs)]

mod access;
mod commit;
mod condition;
mod delete;
mod disk;
mod download;
mod folder;
mod form;
mod incoming;
mod listing;
mod options;
mod pace;
mod path;
mod range;
mod refusal;
mod service;
mod tree;
mod upload;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use concierge_api_rs::ClientId;
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use crate::options::{Options, UuidKeys};

use crate::disk::Disk;
use crate::folder::Folder;
use crate::refusal::Refusal;

/// The file server. Clones share everything.
///
/// Invariants: nothing outside [`Options::root`] is ever opened; a name that ends in a symbolic link is never followed; a
/// folder's files never exceed its bounds, whatever runs at the same time; after [`Files::leave`] nothing brings the folder back.
#[derive(Clone)]
pub struct Files {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    directory: Arc<dyn Directory>,
    disk: Arc<Disk>,
    /// Folders that were written to, while their clients are connected.
    folders: Mutex<HashMap<ClientId, Arc<Folder>>>,
    /// Wakes the thread that deletes the folders of those who left. One wake-up waits at most: the directory is the queue.
    sweep: SyncSender<()>,
    /// What is still being read of refused uploads; each ends by itself within seconds.
    drains: TaskTracker,
}

/// Who is connected. Asked on every request: cheap, synchronous, and never called while this crate holds a lock.
pub trait Directory: Send + Sync + 'static {
    /// The connected client that this key, its private `fs_key` or its public uuid, belongs to.
    fn holder(&self, key: Uuid) -> Option<Holder>;
    /// The connected client of that name.
    fn client(&self, name: &str) -> Option<ClientId>;
    /// Whether it wants to hear of changes: nothing is made of them while it does not.
    fn is_curious(&self) -> bool {
        false
    }
    /// Something changed in a client's folder, and is there when this is called; two changes of one path come in their order.
    fn changed(&self, _: ClientId, _: Change) {}
}

/// A change in a client's folder. Paths are relative to it; one of a folder ends in `/`, and that of the client's own is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An upload of that many bytes is in its place.
    Stored(String, u64),
    /// A folder was made.
    Made(String),
    /// A file, or a folder with all that was in it, was deleted.
    Deleted(String),
}

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The client.
    pub client: ClientId,
    /// Which of its two keys.
    pub key: KeyKind,
    /// Where its WebSocket comes from.
    pub address: IpAddr,
}

/// The two keys of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `fs_key` of HELLO, known to the client alone.
    Private,
    /// Its uuid, known to every client. [`UuidKeys`] says what it is good for.
    Public,
}

/// Why the file server did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory holds files, and nothing says that they are a file server's: removing left-overs would destroy them.
    #[error("{root} is not empty and was not made by a file server; name an empty or a new directory", root = .0.display())]
    NotOurs(PathBuf),
    /// Another process serves this directory.
    #[error("{root} is in use by another file server", root = .0.display())]
    InUse(PathBuf),
    /// The system refused.
    #[error("cannot open the directory of the file server, {root}", root = .root.display())]
    Io {
        /// The directory.
        root: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Removes the directory of a file server whose process was killed, with everything in it. Blocks while it does.
///
/// # Errors
/// When no file server was there, one runs there, or the system refuses. Only then may something be left.
pub fn remove_abandoned(root: &Path) -> Result<(), OpenError> {
    disk::remove_abandoned(root)
}

impl Files {
    /// Opens the directory, creates it if need be, locks it, and removes what an earlier run left in it. Blocks while it does.
    ///
    /// # Errors
    /// When the directory is not a file server's, in use, or the system refuses.
    pub fn open(options: Options, directory: Arc<dyn Directory>) -> Result<Self, OpenError> {
        let disk = Arc::new(Disk::open(&options.root)?);
        let (sweep, wakes) = sync_channel(1);
        spawn_sweeper(Arc::clone(&disk), wakes).map_err(|source| OpenError::Io { root: options.root.clone(), source })?;
        let inner = Inner { options, directory, disk, folders: Mutex::default(), sweep, drains: TaskTracker::new() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The routes `/fs` and below. Requests must carry `axum::extract::ConnectInfo<SocketAddr>`; without it a public uuid never
    /// writes under [`UuidKeys::SameAddress`].
    pub fn router(&self) -> axum::Router {
        service::router(self)
    }

    /// The client left: its folder is gone when this returns, its running uploads are cut, and the disk is cleared in the
    /// background.
    ///
    /// To be called after the [`Directory`] stopped resolving the client's name and keys, and before its name can be taken again.
    /// Takes one rename, and waits for no upload. Whether there was something; the [`Directory`] is not told.
    pub fn leave(&self, client: ClientId) -> bool {
        let left = self.inner.folders.lock().remove(&client);
        left.is_some_and(|folder| {
            folder.set_left();
            self.inner.clear(client)
        })
    }

    /// The folder of a connected client, for writing.
    fn folder(&self, client: ClientId, key: Uuid) -> Result<Arc<Folder>, Refusal> {
        let folder = Arc::clone(self.inner.folders.lock().entry(client).or_insert_with(|| {
            let options = &self.inner.options;
            Arc::new(Folder::new(client, options.folder_bytes, options.folder_files))
        }));
        // Asked again after the entry exists: a client that left before it did would never be cleared away.
        if self.inner.directory.holder(key).is_none_or(|holder| holder.client != client) {
            self.leave(client);
            return Err(Refusal::UnknownKey);
        }
        Ok(folder)
    }
}

impl Inner {
    /// Moves the folder of a client that left out of reach, and has it deleted. Whether there was one.
    fn clear(&self, client: ClientId) -> bool {
        let there = match self.disk.discard_folder(client) {
            Ok(there) => there,
            Err(error) => {
                tracing::error!(%client, %error, "the folder of a client that left could not be removed");
                false
            }
        };
        if there {
            metrics::gauge!("concierge_files_folders").decrement(1.0);
        }
        self.wake_sweeper();
        there
    }

    /// Tells of a change, if anybody wants to know.
    fn tell(&self, client: ClientId, change: impl FnOnce() -> Change) {
        if self.directory.is_curious() {
            self.directory.changed(client, change());
        }
    }

    fn wake_sweeper(&self) {
        // Full: a wake-up is already waiting, and will find whatever was left before this one.
        let _ = self.sweep.try_send(());
    }
}

fn spawn_sweeper(disk: Arc<Disk>, wakes: Receiver<()>) -> io::Result<()> {
    let sweep = move || wakes.iter().for_each(|()| disk.sweep());
    std::thread::Builder::new().name("files-sweeper".into()).spawn(sweep).map(drop)
}

/// Runs what may block where it blocks nobody. It runs to its end even if the request is given up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => Err(Refusal::Internal(io::Error::other(panicked))),
    }
}
