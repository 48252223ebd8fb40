//! What has a name has a type, built by parsing.

#[cfg(feature = "schema")]
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::limits;
use crate::text::text_type;

macro_rules! uuid_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    };
}

uuid_type! {
    /// The public id of a client for as long as it is connected: every client sees it.
    #[derive(Debug)]
    ClientId
}

uuid_type! {
    /// The private key of a client to the file server (`fs_key` of HELLO). Only its owner ever sees it.
    FileKey
}

/// Without the key: what is logged must not hold it.
impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey(…)")
    }
}

/// Why a name was refused: the rule it broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to {chars} characters of {alphabet}")]
pub struct NameError {
    /// How many characters it may have.
    pub chars: usize,
    /// Which ones.
    pub alphabet: &'static str,
}

macro_rules! name_type {
    ($(#[$meta:meta])* $name:ident, $chars:expr, $alphabet:literal, $pattern:literal, $allowed:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            const ERROR: NameError = NameError { chars: $chars, alphabet: $alphabet };

            /// The name, or the rule it breaks.
            ///
            /// # Errors
            /// When it is empty, too long, or holds another character.
            pub fn parse(s: &str) -> Result<Self, NameError> {
                Self::check(s).map(|()| Self(s.into()))
            }

            /// Whether `s` would parse, without keeping it.
            ///
            /// # Errors
            /// As [`Self::parse`].
            pub fn check(s: &str) -> Result<(), NameError> {
                let allowed: fn(u8) -> bool = $allowed;
                if (1..=$chars).contains(&s.len()) && s.bytes().all(allowed) { Ok(()) } else { Err(Self::ERROR) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_type!($name, NameError);

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "description": concat!("1 to 64 characters of ", $alphabet, ".") })
            }
        }
    };
}

name_type! {
    /// A client's name: `^[A-Za-z0-9_]{1,64}$`, unique among the clients of a hub at every moment.
    ClientName, limits::CLIENT_NAME_CHARS, "A-Z a-z 0-9 _", "^[A-Za-z0-9_]{1,64}$",
    |b| b.is_ascii_alphanumeric() || b == b'_'
}

name_type! {
    /// A service's name: `^[A-Za-z0-9_.:-]{1,64}$`, unique among the services of a hub at every moment.
    ServiceName, limits::SERVICE_NAME_CHARS, "A-Z a-z 0-9 _ . : -", "^[A-Za-z0-9_.:-]{1,64}$",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-')
}

/// The number of a text message on its connection: 0-based, IDENTIFY not counted (PROTOCOL.md, "Sequence numbers").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Seq(#[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991_i64)))] u64);

impl Seq {
    /// The number, when it is at most 2^53 - 1.
    #[must_use]
    pub const fn new(n: u64) -> Option<Self> {
        if n <= limits::SEQ_MAX { Some(Self(n)) } else { None }
    }

    /// The number of the message after this one; the largest is followed by 0.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 == limits::SEQ_MAX { Self(0) } else { Self(self.0 + 1) }
    }

    /// As a plain integer.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Seq {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct V;
        impl serde::de::Visitor<'_> for V {
            type Value = Seq;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer from 0 to 2^53 - 1")
            }
            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Seq, E> {
                Seq::new(n).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(n), &self))
            }
        }
        from.deserialize_u64(V)
    }
}
