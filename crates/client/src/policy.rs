//! What to do when a connection has ended: the table at [`Reconnect`](crate::Reconnect).

use concierge_api_rs::CloseCode;

/// What follows the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Connect again after the usual wait.
    Again,
    /// Connect again, but not soon.
    AgainLater,
    /// Connect again for a while: the name is taken, perhaps by one's own dead connection.
    AgainWhileNameTaken,
    /// Don't: it would end the same way.
    Stop,
}

/// What the end of a connection says of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It is there, and meant this client.
    Nothing,
    /// It goes, or takes nobody.
    Hub,
    /// Nobody said a word: perhaps the hub is gone, perhaps only this connection.
    Connection,
}

/// What close code `code` says of the hub.
pub(crate) const fn loss(code: u16) -> Loss {
    match code {
        1001 | 1012 | 1013 => Loss::Hub,
        1005 | 1006 => Loss::Connection,
        _ => Loss::Nothing,
    }
}

/// What follows close code `code`; `was_connected` says whether this client had reached HELLO before.
#[must_use]
pub const fn verdict(code: u16, was_connected: bool) -> Verdict {
    let Some(known) = CloseCode::from_code(code) else {
        return match code {
            1003 | 1008 | 1010 => Verdict::Stop,
            _ => Verdict::Again,
        };
    };
    match known {
        CloseCode::RateLimited => Verdict::AgainLater,
        CloseCode::DuplicateAuth if was_connected => Verdict::AgainWhileNameTaken,
        CloseCode::DuplicateAuth
        | CloseCode::FatalDecode
        | CloseCode::NoAuth
        | CloseCode::BadSecret
        | CloseCode::BadVersion
        | CloseCode::SessionTaken
        | CloseCode::Kicked => Verdict::Stop,
        // going away, protocol slips of one payload, internal failure, heartbeat, slow reading: a new connection may live.
        // The compiler does not count the codes of another crate; a test compares them with the table at `Reconnect`.
        _ => Verdict::Again,
    }
}

/// What follows an HTTP status in place of the upgrade.
pub(crate) const fn verdict_of_http(status: u16) -> Verdict {
    match status {
        408 | 425 | 429 | 500..=599 => Verdict::Again,
        _ => Verdict::Stop,
    }
}

#[cfg(test)]
mod tests;
