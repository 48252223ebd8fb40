//! Subjects, commands, categories and request ids: text that keeps to a rule.

use std::sync::Arc;

use crate::limits::{CMD_BYTES, REQID_BYTES, ROUTER_GROUP_BYTES, SUBJECT_BYTES, SUBJECT_TOKENS};
use crate::text::text_type;

/// Why a word was refused: the rule it broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {rule}")]
pub struct WordError {
    /// What it would have been.
    pub what: &'static str,
    /// What it would have to be.
    pub rule: &'static str,
}

macro_rules! word_type {
    ($(#[$meta:meta])* $name:ident, $what:literal, $rule:literal, $allowed:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            const ERROR: WordError = WordError { what: $what, rule: $rule };

            /// The word, or the rule it breaks.
            ///
            /// # Errors
            /// When it is empty, too long, or of a shape that is not allowed.
            pub fn parse(s: &str) -> Result<Self, WordError> {
                let allowed: fn(&str) -> bool = $allowed;
                if allowed(s) { Ok(Self(s.into())) } else { Err(Self::ERROR) }
            }

            /// The word as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_type!($name, WordError);
    };
}

word_type! {
    /// Where a packet goes: tokens of `A-Z a-z 0-9 _ -` with dots between them. No wildcard, and nothing of NATS's own (`$…`).
    Subject, "a subject", "1 to 16 tokens of A-Z a-z 0-9 _ - with dots between them, at most 256 bytes", |s| {
        s.len() <= SUBJECT_BYTES && s.split('.').count() <= SUBJECT_TOKENS && s.split('.').all(is_token)
    }
}

word_type! {
    /// What a packet asks for: `category/action`.
    Cmd, "a command", "category/action of a-z 0-9 _ -, at most 128 bytes; an action may have more slashes", |s| {
        s.len() <= CMD_BYTES
            && s.split_once('/').is_some_and(|(category, action)| {
                is_category(category) && !action.is_empty() && action.bytes().all(|b| b == b'/' || is_lower(b))
            })
    }
}

word_type! {
    /// What of a command says who does it.
    Category, "a category", "1 to 126 bytes of a-z 0-9 _ -", |s| s.len() <= CMD_BYTES - 2 && is_category(s)
}

word_type! {
    /// Workers of which a push goes to one only.
    Group, "a group", "1 to 64 of A-Z a-z 0-9 _ -", |s| s.len() <= ROUTER_GROUP_BYTES && is_token(s)
}

word_type! {
    /// A sender's mark on a request. Nobody else reads anything into it.
    ReqId, "a request id", "1 to 128 bytes", |s| (1..=REQID_BYTES).contains(&s.len())
}

impl Subject {
    /// What the router calls itself.
    #[must_use]
    pub fn router() -> Self {
        Self("router".into())
    }

    /// Where workers are that name no subject, for those outside the hub; and what its clients name when nobody says another.
    #[must_use]
    pub fn api() -> Self {
        Self("api".into())
    }

    /// Its tokens.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Whether its first tokens are those of `prefix`.
    #[must_use]
    pub fn begins_with(&self, prefix: &Self) -> bool {
        self.0.strip_prefix(&*prefix.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// `rest` behind this.
    ///
    /// # Errors
    /// When both together are too long.
    pub fn join(&self, rest: &Self) -> Result<Self, WordError> {
        Self::parse(&format!("{self}.{rest}"))
    }
}

impl Cmd {
    /// What stands before the first slash.
    #[must_use]
    pub fn category(&self) -> Category {
        Category(self.halves().0.into())
    }

    /// What stands behind it.
    #[must_use]
    pub fn action(&self) -> &str {
        self.halves().1
    }

    fn halves(&self) -> (&str, &str) {
        self.0.split_once('/').expect("a command has a slash")
    }
}

fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn is_category(category: &str) -> bool {
    !category.is_empty() && category.bytes().all(is_lower)
}

fn is_lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-')
}
