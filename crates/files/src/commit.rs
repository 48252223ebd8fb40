//! Puts uploads in their places: all that belong together, or none when one of them cannot, unless the disk fails while they are
//! put in place. What can be refused, and the folders, which take room on the disk, come before the first file: what is left is
//! one rename for each of them. If one of those fails, the files before it stay.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use concierge_api_rs::ClientId;
use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::condition::Conditions;
use crate::folder::{Folder, Growth};
use crate::path::FilePath;
use crate::refusal::Refusal;
use crate::tree::{self, FOLDER_MODE, Found, Meta};
use crate::upload::{Staged, Stored};
use crate::{Change, Inner};

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
        folder.check_here().inspect_err(|_| {
            self.clear(folder.client);
        })?;
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
        let mut made = Vec::new();
        let result = make_missing(&root, waiting.as_slice(), &mut made).and_then(|()| {
            made.iter().for_each(|path| self.tell(folder.client, || Change::Made(path.join("/") + "/")));
            self.place_each(folder.client, &root, waiting)
        });
        folder.add_folders(if result.is_ok() { made.len() as u64 } else { unmake(&root, &made) });
        result
    }

    fn place_each(
        &self,
        client: ClientId,
        root: &OwnedFd,
        waiting: &mut std::vec::IntoIter<Staged>,
    ) -> Result<Vec<Stored>, Refusal> {
        let mut stored = Vec::with_capacity(waiting.len());
        while let Some(next) = waiting.as_slice().first() {
            // Taken out of `waiting` only when it is in its place, so that whatever fails leaves it to be removed.
            let growth = self.place(root, next)?;
            let next = waiting.next().expect("it was first just now");
            next.temporary.moved();
            next.reservation.placed(growth);
            self.tell(client, || Change::Stored(next.path.to_string(), next.meta.size));
            stored.push(Stored { path: next.path, meta: next.meta });
        }
        Ok(stored)
    }

    fn place(&self, root: &OwnedFd, staged: &Staged) -> Result<Growth, Refusal> {
        let (parents, name) = staged.path.split().ok_or(Refusal::FolderThere)?;
        let way = tree::descend(root.try_clone()?, parents)?;
        if !way.missing.is_empty() {
            // They were made just now: only the sweeper removes folders meanwhile, when the client left.
            return Err(Errno::NOENT.into());
        }
        let replaced = file_at(&way.folder, name)?;
        self.disk.place(staged.temporary.name(), &way.folder, name)?;
        Ok(Growth {
            bytes: staged.meta.size,
            freed_bytes: replaced.map_or(0, |meta| meta.size),
            files: u64::from(replaced.is_none()),
            // Counted where they were made.
            folders: 0,
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

/// Makes the folders that these files need and that are not there; `made` says which, even when one of them cannot be made.
fn make_missing(root: &OwnedFd, staged: &[Staged], made: &mut Vec<Vec<String>>) -> Result<(), Refusal> {
    for one in staged {
        let (parents, _) = one.path.split().ok_or(Refusal::FolderThere)?;
        let mut way = tree::descend(root.try_clone()?, parents)?;
        for depth in parents.len() - way.missing.len()..parents.len() {
            rustix::fs::mkdirat(&way.folder, parents[depth].as_str(), FOLDER_MODE)?;
            made.push(parents[..=depth].to_vec());
            way.folder = tree::open_folder(&way.folder, parents[depth].as_str())?;
        }
    }
    Ok(())
}

/// Takes back the folders that were made for nothing, the innermost first; how many stay.
fn unmake(root: &OwnedFd, made: &[Vec<String>]) -> u64 {
    let mut stay = 0;
    for path in made.iter().rev() {
        match unmake_one(root, path) {
            Ok(()) => {}
            // A file was put in its place there.
            Err(Refusal::Internal(error)) if error.kind() == io::ErrorKind::DirectoryNotEmpty => stay += 1,
            Err(refusal) => {
                tracing::warn!(%refusal, "a folder that was made for nothing is not deleted");
                stay += 1;
            }
        }
    }
    stay
}

fn unmake_one(root: &OwnedFd, path: &[String]) -> Result<(), Refusal> {
    let (name, parents) = path.split_last().ok_or(Refusal::Nothing)?;
    let way = tree::descend(root.try_clone()?, parents)?;
    if !way.missing.is_empty() {
        // The client left, and the sweeper was here.
        return Ok(());
    }
    Ok(rustix::fs::unlinkat(&way.folder, name.as_str(), AtFlags::REMOVEDIR)?)
}
