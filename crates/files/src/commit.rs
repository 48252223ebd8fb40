//! Puts uploads in their places: all that belong together, or none when one of them cannot.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::Inner;
use crate::condition::Conditions;
use crate::folder::{Folder, Growth};
use crate::path::FilePath;
use crate::refusal::Refusal;
use crate::tree::{self, FOLDER_MODE, Found, Meta};
use crate::upload::{Staged, Stored};

#[cfg(test)]
mod tests;

impl Inner {
    /// Blocks. What is not put in its place is removed before this returns.
    pub(crate) fn commit(
        &self,
        folder: &Arc<Folder>,
        staged: Vec<Staged>,
        conditions: &Conditions,
    ) -> Result<Vec<Stored>, Refusal> {
        let mut waiting = staged.into_iter();
        let result = self.place_all(folder, &mut waiting, conditions);
        waiting.for_each(|staged| staged.temporary.discard());
        // The client left in the middle of it: whoever was second to notice clears up.
        folder.check_here().inspect_err(|_| self.clear(folder.client))?;
        result
    }

    fn place_all(
        &self,
        folder: &Folder,
        waiting: &mut std::vec::IntoIter<Staged>,
        conditions: &Conditions,
    ) -> Result<Vec<Stored>, Refusal> {
        let _turn = folder.turn();
        folder.check_here()?;
        let (root, made) = self.disk.make_folder(folder.client)?;
        if made {
            metrics::gauge!("concierge_files_folders").increment(1.0);
        }
        folder.admit(growth(&root, waiting.as_slice(), conditions)?)?;
        let mut stored = Vec::with_capacity(waiting.len());
        while let Some(next) = waiting.as_slice().first() {
            // Taken out of `waiting` only when it is in its place, so that whatever fails leaves it to be removed.
            let growth = self.place(&root, next)?;
            let next = waiting.next().expect("it was first just now");
            next.temporary.moved();
            next.reservation.placed(growth);
            stored.push(Stored { path: next.path, meta: next.meta });
        }
        Ok(stored)
    }

    fn place(&self, root: &OwnedFd, staged: &Staged) -> Result<Growth, Refusal> {
        let (parents, name) = staged.path.split().ok_or(Refusal::FolderThere)?;
        let way = tree::descend(root.try_clone()?, parents)?;
        let replaced = if way.missing.is_empty() { file_at(&way.folder, name)? } else { None };
        let made = make(&way.folder, way.missing)?;
        let parent = made.last().unwrap_or(&way.folder);
        if let Err(error) = self.disk.place(staged.temporary.name(), parent, name) {
            unmake(&way.folder, &made, way.missing);
            return Err(error.into());
        }
        Ok(Growth {
            bytes: staged.meta.size,
            freed_bytes: replaced.map_or(0, |meta| meta.size),
            files: u64::from(replaced.is_none()),
            folders: made.len() as u64,
        })
    }
}

/// What these files add to the folder, if each of them may stand where it is meant to.
fn growth(root: &OwnedFd, staged: &[Staged], conditions: &Conditions) -> Result<Growth, Refusal> {
    let mut growth = Growth::default();
    let mut new_folders = HashSet::new();
    for one in staged {
        let (parents, name) = one.path.split().ok_or(Refusal::FolderThere)?;
        let way = tree::descend(root.try_clone()?, parents)?;
        let there = parents.len() - way.missing.len();
        new_folders.extend((there + 1..=parents.len()).map(|depth| &parents[..depth]));
        let replaced = if way.missing.is_empty() { file_at(&way.folder, name)? } else { None };
        conditions.check_write(replaced.as_ref())?;
        growth.bytes += one.meta.size;
        growth.freed_bytes += replaced.map_or(0, |meta| meta.size);
        growth.files += u64::from(replaced.is_none());
    }
    growth.folders = new_folders.len() as u64;
    Ok(growth)
}

/// Whether two files cannot both be: one path is the other, or a folder on the way to it.
pub(crate) fn collide(a: &FilePath, b: &FilePath) -> bool {
    a.parts.starts_with(&b.parts) || b.parts.starts_with(&a.parts)
}

fn file_at(folder: &OwnedFd, name: &str) -> Result<Option<Meta>, Refusal> {
    match tree::look(folder, name)? {
        Found::Nothing => Ok(None),
        Found::File(meta) => Ok(Some(meta)),
        Found::Folder => Err(Refusal::FolderThere),
    }
}

/// Makes one folder in the other; all of them, or none.
fn make(folder: &OwnedFd, names: &[String]) -> Result<Vec<OwnedFd>, Refusal> {
    let mut made: Vec<OwnedFd> = Vec::with_capacity(names.len());
    for name in names {
        let parent = made.last().unwrap_or(folder);
        match make_one(parent, name) {
            Ok(next) => made.push(next),
            Err(errno) => {
                unmake(folder, &made, names);
                return Err(errno.into());
            }
        }
    }
    Ok(made)
}

fn make_one(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::mkdirat(parent, name, FOLDER_MODE)?;
    tree::open_folder(parent, name).inspect_err(|_| {
        let _ = rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR);
    })
}

/// Takes back what `make` made, the innermost first.
fn unmake(folder: &OwnedFd, made: &[OwnedFd], names: &[String]) {
    for at in (0..made.len()).rev() {
        let parent = if at == 0 { folder } else { &made[at - 1] };
        if let Err(errno) = rustix::fs::unlinkat(parent, names[at].as_str(), AtFlags::REMOVEDIR) {
            tracing::warn!(%errno, "a folder that was made for nothing is not deleted");
        }
    }
}
