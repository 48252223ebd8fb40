//! Files and folders below a folder that is open already. Every step is taken from a descriptor, by one name, without following
//! links: whatever stands on the disk, no path leads outside.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::path::FilePath;
use crate::refusal::Refusal;

/// Read, written and entered by the server's user alone.
pub(crate) const FOLDER_MODE: Mode = Mode::RWXU;

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    File(Meta),
    Folder,
}

/// What there is to know of a file, or of when a folder changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) size: u64,
    inode: u64,
    /// Since 1970. Of a file: unlike every other file's (`Disk::stamp`).
    modified: Duration,
}

/// What was deleted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) files: u64,
    pub(crate) folders: u64,
    pub(crate) bytes: u64,
}

/// The last folder on a way that exists, and the names of those that do not.
pub(crate) struct Way<'a> {
    pub(crate) folder: OwnedFd,
    pub(crate) missing: &'a [String],
}

impl Meta {
    fn new(stat: &Stat) -> Self {
        let seconds = u64::try_from(stat.st_mtime).unwrap_or_default();
        let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Self {
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            inode: stat.st_ino,
            modified: Duration::new(seconds, nanos),
        }
    }

    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(Self::new(&rustix::fs::fstat(file)?))
    }

    /// The entity tag as it stands in headers, quotes included.
    pub(crate) fn etag(&self) -> String {
        format!("\"{:x}-{:x}-{:x}\"", self.modified.as_nanos(), self.size, self.inode)
    }

    pub(crate) fn modified(&self) -> SystemTime {
        UNIX_EPOCH + self.modified
    }

    pub(crate) fn modified_ms(&self) -> u64 {
        u64::try_from(self.modified.as_millis()).unwrap_or(u64::MAX)
    }
}

pub(crate) fn open_folder(parent: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Goes as far down as there are folders.
pub(crate) fn descend(mut folder: OwnedFd, parts: &[String]) -> Result<Way<'_>, Refusal> {
    for (at, part) in parts.iter().enumerate() {
        match open_folder(&folder, part.as_str()) {
            Ok(next) => folder = next,
            Err(Errno::NOENT) => return Ok(Way { folder, missing: &parts[at..] }),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(Refusal::FileThere),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(Way { folder, missing: &[] })
}

/// What is at a name. What is neither file nor folder is in nobody's way and nobody's business: a file is put over it.
pub(crate) fn look(folder: &OwnedFd, name: &str) -> Result<Found, Refusal> {
    let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(errno) => return Err(errno.into()),
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Found::File(Meta::new(&stat)),
        FileType::Directory => Found::Folder,
        _ => Found::Nothing,
    })
}

/// What is at a path.
pub(crate) fn find(folder: OwnedFd, path: &FilePath) -> Result<Found, Refusal> {
    let Some((parents, name)) = path.split() else { return Ok(Found::Folder) };
    let way = descend(folder, parents)?;
    if way.missing.is_empty() { look(&way.folder, name) } else { Ok(Found::Nothing) }
}

/// Opens a file for reading.
pub(crate) fn open_file(folder: OwnedFd, path: &FilePath) -> Result<(File, Meta), Refusal> {
    let Some((parents, name)) = path.split() else { return Err(Refusal::FolderThere) };
    let way = descend(folder, parents)?;
    if !way.missing.is_empty() {
        return Err(Refusal::Nothing);
    }
    // NONBLOCK: opening a pipe that somebody put there must not wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(&way.folder, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Err(Refusal::Nothing),
        Err(errno) => return Err(errno.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Err(Refusal::FolderThere),
        // More than one link: the file also stands outside of what this server made.
        FileType::RegularFile if stat.st_nlink <= 1 => Ok((file, Meta::new(&stat))),
        _ => Err(Refusal::Nothing),
    }
}

/// What is in a folder, by name: `(name, folder or not, facts)`.
pub(crate) fn entries(folder: &OwnedFd) -> Result<Vec<(String, bool, Meta)>, Refusal> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => entries.push((name.to_owned(), false, Meta::new(&stat))),
                FileType::Directory => entries.push((name.to_owned(), true, Meta::new(&stat))),
                _ => {}
            },
            // Deleted since the name was read.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

/// Removes a folder and all below it. As deep as paths may be, so recursion is bounded.
pub(crate) fn remove(parent: &OwnedFd, name: &str) -> Result<(), Errno> {
    let folder = open_folder(parent, name)?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match (FileType::from_raw_mode(stat.st_mode), name.to_str()) {
            (FileType::Directory, Ok(name)) => remove(&folder, name)?,
            _ => rustix::fs::unlinkat(&folder, name, AtFlags::empty())?,
        }
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}
