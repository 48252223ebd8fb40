//! The directory of a file server: what is in it, whose it is, and how it is cleared.
//!
//! ```text
//! .concierge-files   says that this directory is ours; locked while a server runs
//! folders/{uuid}/    the folder of a client
//! incoming/{n}       an upload on its way
//! deleted/{n}        a folder that a request is deleting
//! left/{n}           the folder of a client that left, or one that a request could not delete, until the sweeper deletes it
//! ```
//! Nothing of it outlives the server, so no directory is ever fsynced: after a crash all of it is removed anyway.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use concierge_api_rs::ClientId;
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use crate::OpenError;
use crate::tree::{self, FOLDER_MODE};

#[cfg(test)]
mod tests;

const MARKER: &str = ".concierge-files";
const MARK: &[u8] = b"This directory belongs to a Concierge file server, which removes what it finds here when it starts.\n";
const FOLDERS: &str = "folders";
const INCOMING: &str = "incoming";
const DELETED: &str = "deleted";
const LEFT: &str = "left";

pub(crate) struct Disk {
    root: PathBuf,
    folders: OwnedFd,
    incoming: OwnedFd,
    deleted: OwnedFd,
    left: OwnedFd,
    /// Numbers for names in `incoming`, `deleted` and `left`.
    numbers: AtomicU64,
    /// The last time of modification that was given out, in nanoseconds.
    stamp: AtomicU64,
    /// Keeps the lock.
    _marker: File,
}

impl Disk {
    pub(crate) fn open(root: &Path) -> Result<Self, OpenError> {
        let told = |source| OpenError::Io { root: root.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(told)?;
        let root = &root.canonicalize().map_err(told)?;
        let marker = claim(root)?;
        let opened = [FOLDERS, INCOMING, DELETED, LEFT].map(|name| empty(&root.join(name)).and_then(|()| open_child(root, name)));
        let [folders, incoming, deleted, left] = opened;
        Ok(Self {
            root: root.clone(),
            folders: folders.map_err(told)?,
            incoming: incoming.map_err(told)?,
            deleted: deleted.map_err(told)?,
            left: left.map_err(told)?,
            numbers: AtomicU64::new(0),
            stamp: AtomicU64::new(0),
            _marker: marker,
        })
    }

    /// The folder of a client, if it was ever written to.
    pub(crate) fn folder(&self, client: ClientId) -> io::Result<Option<OwnedFd>> {
        match tree::open_folder(&self.folders, client.to_string()) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The folder of a client, and whether it had to be made.
    pub(crate) fn make_folder(&self, client: ClientId) -> io::Result<(OwnedFd, bool)> {
        let name = client.to_string();
        let made = match rustix::fs::mkdirat(&self.folders, &name, FOLDER_MODE) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno.into()),
        };
        Ok((tree::open_folder(&self.folders, &name)?, made))
    }

    /// Moves the folder of a client that left to where the sweeper finds it; whether there was one. One rename.
    pub(crate) fn discard_folder(&self, client: ClientId) -> io::Result<bool> {
        match rustix::fs::renameat(&self.folders, client.to_string(), &self.left, self.number()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Moves the folder of a client out of its reach, for [`Self::remove_deleted`]; `None` when there is none.
    pub(crate) fn take_folder(&self, client: ClientId) -> io::Result<Option<String>> {
        match self.take(&self.folders, &client.to_string()) {
            Ok(number) => Ok(Some(number)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Moves a folder out of reach, for [`Self::remove_deleted`].
    pub(crate) fn take(&self, parent: &OwnedFd, name: &str) -> io::Result<String> {
        let number = self.number();
        rustix::fs::renameat(parent, name, &self.deleted, &number)?;
        Ok(number)
    }

    /// Removes what was taken.
    pub(crate) fn remove_deleted(&self, number: &str) -> io::Result<()> {
        Ok(tree::remove(&self.deleted, number)?)
    }

    /// Moves what was taken, and could not be removed, to where the sweeper finds it.
    pub(crate) fn leave_deleted(&self, number: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.deleted, number, &self.left, number)?)
    }

    /// A new file for an upload.
    pub(crate) fn incoming(&self) -> io::Result<(String, File)> {
        let name = self.number();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.incoming, &name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok((name, file.into()))
    }

    pub(crate) fn remove_incoming(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.incoming, name, AtFlags::empty())?)
    }

    /// Puts an upload in its place, over whatever file is there.
    pub(crate) fn place(&self, incoming: &str, parent: &OwnedFd, name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.incoming, incoming, parent, name)?)
    }

    /// Gives a file a time of modification that no other file of this server has or had: what makes its entity tag a strong one.
    pub(crate) fn stamp(&self, file: &File) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX / 2);
        let last = self.stamp.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
        let stamp = Duration::from_nanos(now.max(last.unwrap_or_default() + 1));
        let time = Timespec { tv_sec: i64::try_from(stamp.as_secs()).unwrap_or(i64::MAX), tv_nsec: stamp.subsec_nanos().into() };
        Ok(rustix::fs::futimens(file, &Timestamps { last_access: time, last_modification: time })?)
    }

    /// Deletes the folders of those who left, and those that a request could not delete.
    pub(crate) fn sweep(&self) {
        // An upload that is just being put in its place can make a folder non-empty again; it wakes the sweeper once more.
        if let Err(error) = clear(&self.root.join(LEFT)) {
            tracing::debug!(%error, "the folder of a client that left is not deleted yet");
        }
    }

    fn number(&self) -> String {
        self.numbers.fetch_add(1, Ordering::Relaxed).to_string()
    }
}

/// Removes the directory of a server that was killed. Its marker tells it: it is written under the lock, so one that is not
/// empty and not locked belongs to nobody any more.
pub(crate) fn remove_abandoned(root: &Path) -> Result<(), OpenError> {
    if !root.join(MARKER).symlink_metadata().is_ok_and(|found| found.is_file() && found.len() > 0) {
        return Err(OpenError::NotOurs(root.to_owned()));
    }
    let _locked = claim(root)?;
    fs::remove_dir_all(root).map_err(|source| OpenError::Io { root: root.to_owned(), source })
}

/// Makes sure that the directory is ours, and ours alone.
fn claim(root: &Path) -> Result<File, OpenError> {
    let told = |source| OpenError::Io { root: root.to_owned(), source };
    let path = root.join(MARKER);
    if !path.symlink_metadata().is_ok_and(|found| found.is_file()) {
        let mut names = fs::read_dir(root).map_err(told)?.map(|entry| entry.map(|entry| entry.file_name()));
        // A file system of its own begins with this one.
        if names.any(|name| name.is_ok_and(|name| name != "lost+found")) {
            return Err(OpenError::NotOurs(root.to_owned()));
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let mut marker = options.open(&path).map_err(told)?;
    match marker.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(root.to_owned())),
        Err(TryLockError::Error(source)) => return Err(told(source)),
    }
    marker.write_all(MARK).map_err(told)?;
    Ok(marker)
}

/// Makes one of our directories, or removes what an earlier run left in it.
fn empty(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => clear(path),
        result => result,
    }
}

/// Removes what is in a directory. Never follows a link.
fn clear(path: &Path) -> io::Result<()> {
    if !path.symlink_metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    let mut result = Ok(());
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let removed = if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        result = result.and(removed);
    }
    result
}

fn open_child(root: &Path, name: &str) -> io::Result<OwnedFd> {
    Ok(tree::open_folder(rustix::fs::CWD, root.join(name))?)
}
