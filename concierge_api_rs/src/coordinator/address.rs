//! Where a message goes: `[scheme://](any|uni)@group[/pid]`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::ids::{GroupName, Pid};
use crate::limits;

/// One receiver, or one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cast {
    /// The named process if it is there, else some member of the group.
    Any,
    /// The named process only; some member of the group when none is named.
    Uni,
}

/// Where a message goes: `[scheme://](any|uni)@group[/pid]`. The scheme says how a worker is connected; it is kept and not looked
/// at. Two addresses are the same when their text is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: Arc<str>,
    cast: Cast,
    group: GroupName,
    pid: Option<Pid>,
}

/// Not an address: the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is [scheme://](any|uni)@group[/pid], at most 1024 bytes")]
pub struct AddressError;

impl Address {
    /// The address that `text` writes.
    ///
    /// # Errors
    /// When it is not of the grammar or too long.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > limits::ADDRESS_BYTES {
            return Err(AddressError);
        }
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (cast, rest) = rest.split_once('@').ok_or(AddressError)?;
        let cast = match cast {
            "any" => Cast::Any,
            "uni" => Cast::Uni,
            _ => return Err(AddressError),
        };
        let (group, pid) = rest.split_once('/').map_or((rest, None), |(group, pid)| (group, Some(pid)));
        let group = GroupName::parse(group).map_err(|_| AddressError)?;
        let pid = pid.map(Pid::parse).transpose().map_err(|_| AddressError)?;
        Ok(Self { text: text.into(), cast, group, pid })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// One receiver or one of several.
    #[must_use]
    pub const fn cast(&self) -> Cast {
        self.cast
    }

    /// Whose members may receive.
    #[must_use]
    pub const fn group(&self) -> &GroupName {
        &self.group
    }

    /// The member that comes first, or the only one.
    #[must_use]
    pub const fn pid(&self) -> Option<&Pid> {
        self.pid.as_ref()
    }

    /// Whether a member of this name of this group may receive what is sent here, when nobody stands before it.
    #[must_use]
    pub fn reaches(&self, group: &GroupName, pid: &Pid) -> bool {
        let named = self.pid.as_ref().is_none_or(|named| named == pid);
        self.group == *group && (self.cast == Cast::Any || named)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(s: &str) -> Result<Self, AddressError> {
        Self::parse(s)
    }
}
