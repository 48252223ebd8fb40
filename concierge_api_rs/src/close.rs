//! Close codes (PROTOCOL.md, "Close codes"): 4000 to 4007 of the original protocol, the hub's own from 4009, and the standard ones it uses.

use std::fmt;

use crate::limits::CLOSE_REASON_BYTES;

macro_rules! close_codes {
    ($($(#[$meta:meta])* $variant:ident = $code:literal, $name:literal, $cause:literal, $remedy:literal;)*) => {
        /// Why the hub ends a connection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CloseCode {
            $($(#[$meta])* $variant,)*
        }

        impl CloseCode {
            /// Every code that the hub uses, in numeric order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number of the close frame.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code),* }
            }

            /// Its name in PROTOCOL.md.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What happened, as a sentence.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause),* }
            }

            /// What to do about it, as a sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy),* }
            }

            /// The code of that number, when the hub uses it.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

close_codes! {
    /// The hub is shutting down.
    GoingAway = 1001, "GOING_AWAY", "The hub is shutting down or restarting.", "Reconnect after a random delay; the Rust client does it by itself.";
    /// A frame broke RFC 6455.
    Protocol = 1002, "PROTOCOL_ERROR", "A frame broke the rules of WebSocket (RFC 6455).", "Use a WebSocket library; look for something that writes to the socket beside it.";
    /// Text that is not UTF-8.
    InvalidUtf8 = 1007, "INVALID_UTF8", "A text message or a close reason was not valid UTF-8.", "Send text as UTF-8; put binary data into the file server.";
    /// A payload over the limit.
    TooBig = 1009, "TOO_BIG", "A payload was larger than the hub accepts (64 KiB unless configured).", "Send less at once, use the file server, or raise `limits.payload_bytes`.";
    /// Internal failure.
    Unknown = 4000, "UNKNOWN", "Something failed inside the hub.", "Reconnect; the hub's log at that time names the cause.";
    /// The first message was no valid IDENTIFY payload.
    FatalDecode = 4002, "FATAL_DECODE", "The first message was not JSON, was binary, or was an IDENTIFY with a missing or invalid field; the reason names the field.", "Correct the field that the close reason names.";
    /// The first message was another payload.
    NoAuth = 4003, "NO_AUTH", "A payload other than IDENTIFY was sent first.", "Send IDENTIFY first and wait for HELLO.";
    /// No IDENTIFY in time.
    AuthFailed = 4004, "AUTH_FAILED", "No IDENTIFY arrived within 5 seconds of the upgrade.", "Send IDENTIFY as soon as the connection opens.";
    /// The name is taken.
    DuplicateAuth = 4005, "DUPLICATE_AUTH", "Another client has this name.", "Choose another name, or end the client that has it.";
    /// The secret is wrong or missing.
    BadSecret = 4006, "BAD_SECRET", "The hub has a secret, and the client's is wrong or missing.", "Give the hub's secret in IDENTIFY (`--secret`, CONCIERGE_SECRET).";
    /// The version does not fit.
    BadVersion = 4007, "BAD_VERSION", "The client's protocol version is not a semantic version or does not match ^0.2.0.", "Update the client; `version` is the protocol's version, not the program's.";
    /// Nothing was heard from the client.
    HbFailed = 4009, "HB_FAILED", "Nothing was heard from the client, not even a pong, for the heartbeat time-out.", "Answer pings (libraries do), and look for what blocks the client or the network.";
    /// Too many messages for too long.
    RateLimited = 4010, "RATE_LIMITED", "The client sent more than it may, for 10 seconds on end, or too many wrong secrets came from its address; the reason says which.", "Send less, or raise the limit that the close reason is about: `concierge errors` lists them; after wrong secrets, wait a minute.";
    /// The client does not read fast enough.
    SlowConsumer = 4011, "SLOW_CONSUMER", "The client did not read what waited for it: over 4 MiB waited, or its socket took nothing for 10 seconds.", "Read faster, subscribe to less, or raise `limits.outbox_bytes`.";
    /// Another connection took the session over.
    SessionTaken = 4012, "SESSION_TAKEN", "Another connection of the same client took the session over. Reserved: this version never sends it.", "Use one connection per client.";
    /// An administrator ended the connection.
    Kicked = 4013, "KICKED", "An administrator ended the connection; the reason may say why.", "Ask the hub's administrator.";
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.name())
    }
}

/// `text` cut to what a close frame's reason holds (123 bytes), on a character boundary.
#[must_use]
pub fn cut_reason(text: &str) -> &str {
    &text[..text.floor_char_boundary(CLOSE_REASON_BYTES)]
}
