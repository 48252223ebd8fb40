//! What has a name or a number has a type. Ids may have any shape; only their length is bounded.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::limits;
use crate::text::text_type;

/// Why an id was refused: the rule it broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is 1 to {bytes} bytes{more}")]
pub struct IdError {
    /// What it would have been.
    pub what: &'static str,
    /// How long it may be.
    pub bytes: usize,
    /// What else it must keep to, in words that follow a number of bytes.
    pub more: &'static str,
}

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident, $what:literal, $bytes:expr, $more:literal, $allowed:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            const ERROR: IdError = IdError { what: $what, bytes: $bytes, more: $more };

            /// The id, or the rule it breaks.
            ///
            /// # Errors
            /// When it is empty, too long, or of a shape that is not allowed.
            pub fn parse(s: &str) -> Result<Self, IdError> {
                let allowed: fn(&str) -> bool = $allowed;
                if (1..=$bytes).contains(&s.len()) && allowed(s) { Ok(Self(s.into())) } else { Err(Self::ERROR) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_type!($name, IdError);
    };
}

id_type! {
    /// The id of a promise, and of the task that fulfils it: 1 to 1,024 bytes of any shape, chosen by who creates it.
    PromiseId, "a promise id", limits::PROMISE_ID_BYTES, "", |_| true
}

id_type! {
    /// The id of a schedule: 1 to 1,024 bytes of any shape.
    ScheduleId, "a schedule id", limits::PROMISE_ID_BYTES, "", |_| true
}

id_type! {
    /// Which process holds a lease: 1 to 256 bytes, chosen by the worker. Over the hub it is a client's name.
    Pid, "a pid", limits::PID_BYTES, "", |_| true
}

id_type! {
    /// Workers that do the same work: a tag of a hub's client, or the group of a poller. 1 to 256 bytes without `/`.
    GroupName, "a group", limits::PID_BYTES, " without /", |s| !s.contains('/')
}

/// An instant in milliseconds since 1970-01-01 UTC, or a span of milliseconds.
///
/// On the wire an integer; fractions are cut off, and what is out of range counts as the end of the range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// The last instant there is: nothing is due at it.
    pub const NEVER: Self = Self(i64::MAX);

    /// This instant and a span after it, at most [`Self::NEVER`].
    #[must_use]
    pub const fn plus(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct V;
        impl serde::de::Visitor<'_> for V {
            type Value = Millis;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds as a number")
            }
            fn visit_i64<E>(self, n: i64) -> Result<Millis, E> {
                Ok(Millis(n))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Millis, E> {
                Ok(Millis(i64::try_from(n).unwrap_or(i64::MAX)))
            }
            #[expect(clippy::cast_possible_truncation, reason = "saturates, which is what is wanted here")]
            fn visit_f64<E>(self, n: f64) -> Result<Millis, E> {
                Ok(Millis(n as i64))
            }
        }
        from.deserialize_any(V)
    }
}

/// How often a task was claimed. It only grows, and both dialects' task versions follow from it (see
/// [`Dialect::version_of`](super::Dialect::version_of)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claims(pub u32);

impl Claims {
    /// After one more claim.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
