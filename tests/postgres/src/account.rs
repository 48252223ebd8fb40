//! Whom PostgreSQL runs as: it refuses root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Those that root borrows: the package's own, or the one that every system has.
const BORROWED: &[&str] = &["postgres", "nobody"];

/// A user without rights, when we are root; ourselves otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account(Option<(u32, u32)>);

impl Account {
    /// # Panics
    /// When we are root and the system has no user to borrow.
    pub(crate) fn unprivileged() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self(None);
        }
        let users = std::fs::read_to_string("/etc/passwd").expect("a system with a root has users");
        let found = BORROWED.iter().find_map(|name| ids(&users, name));
        Self(Some(found.unwrap_or_else(|| panic!("PostgreSQL refuses root, and there is no user {}", BORROWED.join(" or ")))))
    }

    /// Gives it a folder.
    pub(crate) fn own(self, folder: &Path) {
        if let Self(Some((user, group))) = self {
            chown(folder, Some(user), Some(group)).expect("root may give a folder away");
        }
    }

    /// Lets a command run as this user.
    pub(crate) fn run(self, command: &mut Command) {
        if let Self(Some((user, group))) = self {
            command.uid(user).gid(group);
        }
    }
}

/// Of a user, from the lines `name:password:user:group:…`.
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    let fields = |line: &str| -> Option<(u32, u32)> {
        let mut fields = line.strip_prefix(name)?.strip_prefix(':')?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    users.lines().find_map(fields)
}
