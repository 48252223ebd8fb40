//! Frames of clients that somebody watches: a few of each client between one look and the next. A client that nobody watches
//! has no glass, and nothing of it is seen.
//!
//! Secrets are not shown: what is said to the admin service is left out, and what it says never comes here; where an IDENTIFY
//! comes again its secret is taken out, and a text that can't be read and may hold one is shown by its size.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use concierge_api_rs::admin::{self, Direction, Frames, Opcode, Said, SeenFrame};
use concierge_api_rs::{ClientId, MessageIn, PayloadIn, TargetRef, limits};
use concierge_store::Clock;
use parking_lot::Mutex;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::ears::Heard;
use super::watchers::Topic;
use crate::frame;
use crate::peer::Peer;

/// What a secret is replaced by.
const REDACTED: &str = "…";

/// What one client's frames are seen through. It is called under the lock of its outbox, and waits for nothing.
pub(crate) struct Glass {
    clock: Clock,
    /// The client that is the admin service.
    admin: ClientId,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    frames: Vec<SeenFrame>,
    left_out: u64,
    gone: bool,
}

impl Glass {
    /// A message that came from the client.
    pub(crate) fn came(&self, message: &Message) {
        let (opcode, payload) = match message {
            Message::Text(text) => {
                return match shown(text, self.admin) {
                    Shown::Not => {}
                    Shown::Text(shown) => self.see(Direction::In, Opcode::Text, text.len(), Some(&shown), None),
                    Shown::Size => self.see(Direction::In, Opcode::Text, text.len(), None, None),
                };
            }
            Message::Close(Some(close)) => {
                let reason = close.reason.as_str();
                return self.see(Direction::In, Opcode::Close, 2 + reason.len(), Some(reason), Some(close.code.into()));
            }
            Message::Close(None) => (Opcode::Close, &[][..]),
            Message::Binary(payload) => (Opcode::Binary, &payload[..]),
            Message::Ping(payload) => (Opcode::Ping, &payload[..]),
            Message::Pong(payload) => (Opcode::Pong, &payload[..]),
            Message::Frame(_) => return,
        };
        self.see(Direction::In, opcode, payload.len(), None, None);
    }

    /// Whole frames that were queued for the client.
    pub(crate) fn went(&self, mut frames: &[u8]) {
        while frames.len() >= 2 {
            let (one, rest) = frames.split_at(frame::first_len(frames).min(frames.len()));
            let payload = &one[frame::header_len(one).min(one.len())..];
            let text = |bytes| str::from_utf8(bytes).ok();
            match frame::opcode(one) {
                0x1 => self.see(Direction::Out, Opcode::Text, payload.len(), text(payload), None),
                0x2 => self.see(Direction::Out, Opcode::Binary, payload.len(), None, None),
                0x8 => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    let reason = payload.get(2..).and_then(text);
                    self.see(Direction::Out, Opcode::Close, payload.len(), reason, code);
                }
                0x9 => self.see(Direction::Out, Opcode::Ping, payload.len(), None, None),
                _ => self.see(Direction::Out, Opcode::Pong, payload.len(), None, None),
            }
            frames = rest;
        }
    }

    /// The connection has ended.
    pub(crate) fn end(&self) {
        self.seen.lock().gone = true;
    }

    fn see(&self, direction: Direction, opcode: Opcode, bytes: usize, text: Option<&str>, code: Option<u16>) {
        let mut seen = self.seen.lock();
        if seen.frames.len() >= limits::ADMIN_FRAMES {
            seen.left_out += 1;
            return;
        }
        let at = u64::try_from(self.clock.now().0).unwrap_or(0);
        let kept = text.map(|text| cut(text, limits::ADMIN_DATA_BYTES));
        let cut = kept.map(str::len) < text.map(str::len);
        seen.frames.push(SeenFrame { at, direction, opcode, bytes: bytes as u64, text: kept.map(str::to_owned), cut, code });
    }
}

/// What of a text may be shown.
#[derive(Debug, PartialEq)]
enum Shown<'t> {
    /// It is for the admin service.
    Not,
    /// As much as that.
    Text(Cow<'t, str>),
    /// How long it is.
    Size,
}

fn shown(text: &str, admin: ClientId) -> Shown<'_> {
    match PayloadIn::decode(text) {
        Ok(PayloadIn::Message(message)) if is_for(&message, admin) => return Shown::Not,
        Ok(_) => return Shown::Text(text.into()),
        Err(_) => {}
    }
    let speaks_of = |name: &str| text.contains(name);
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        let harmless = !speaks_of("secret") && !speaks_of(admin::SERVICE) && !speaks_of(admin::CLIENT);
        return if harmless { Shown::Text(text.into()) } else { Shown::Size };
    };
    if !redact(&mut value) {
        let named = value.get("target").is_some_and(|target| names(target, admin));
        return if named { Shown::Not } else { Shown::Text(text.into()) };
    }
    Shown::Text(value.to_string().into())
}

/// Whether a message goes to the admin service, or to the client that it is.
fn is_for(message: &MessageIn<'_>, admin: ClientId) -> bool {
    match &message.target {
        TargetRef::Service(service) | TargetRef::ServiceClientUuid(service, _) => service == admin::SERVICE,
        TargetRef::Name(name) => name == admin::CLIENT,
        TargetRef::Uuid(uuid) => *uuid == admin,
        TargetRef::All => false,
    }
}

/// Whether a target, of whatever shape, speaks of the admin service.
fn names(target: &Value, admin: ClientId) -> bool {
    let admin = admin.to_string();
    let is = |value: &Value| value.as_str().is_some_and(|text| text == admin::SERVICE || text == admin::CLIENT || text == admin);
    is(target) || target.as_object().is_some_and(|fields| fields.values().any(is))
}

/// Takes secrets out. Whether there were any.
fn redact(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let mut found = false;
            for (name, value) in fields {
                if name.to_ascii_lowercase().contains("secret") {
                    *value = REDACTED.into();
                    found = true;
                } else {
                    found |= redact(value);
                }
            }
            found
        }
        Value::Array(items) => items.iter_mut().fold(false, |found, item| redact(item) | found),
        _ => false,
    }
}

/// The beginning of a text, so many bytes at most.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// A glass for each client that is watched.
#[derive(Default)]
pub(super) struct Glasses(Mutex<HashMap<ClientId, Watched>>);

/// Who is watched, and what it is seen through.
type Watched = (Arc<Peer>, Arc<Glass>);

impl Glasses {
    /// Looks at a client from now on.
    pub(super) fn look_at(&self, peer: &Arc<Peer>, clock: &Clock, admin: ClientId) -> Arc<Glass> {
        let mut glasses = self.0.lock();
        let (_, glass) = glasses.entry(peer.id).or_insert_with(|| {
            let glass = Arc::new(Glass { clock: clock.clone(), admin, seen: Mutex::default() });
            peer.show_to(Some(glass.clone()));
            (peer.clone(), glass)
        });
        glass.clone()
    }

    /// Looks at these clients, and at no other any more.
    pub(super) fn keep(&self, is_watched: impl Fn(ClientId) -> bool) {
        self.0.lock().retain(|id, (peer, _)| {
            let watched = is_watched(*id);
            if !watched {
                peer.show_to(None);
            }
            watched
        });
    }

    /// What was seen since the last look.
    pub(super) fn take(&self, heard: &mut HashMap<Topic, Heard>) {
        self.0.lock().retain(|id, (peer, glass)| {
            let Seen { frames, left_out, gone } = std::mem::take(&mut *glass.seen.lock());
            if gone {
                peer.show_to(None);
            }
            if gone || left_out > 0 || !frames.is_empty() {
                let count = frames.len() as u64 + left_out;
                let text = Said::Frames(Frames { frames, uuid: *id, left_out, gone }).encode().into();
                heard.insert(Topic::Frames(*id), Heard { text, count, last: gone });
            }
            !gone
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMIN: ClientId = ClientId(uuid::Uuid::from_u128(0xad));

    fn of(text: &str) -> Shown<'_> {
        shown(text, ADMIN)
    }

    fn whole(text: &str) {
        assert_eq!(of(text), Shown::Text(text.into()));
    }

    /// Security: 15, 35.
    #[test]
    fn what_goes_to_the_admin_service_is_not_seen_by_whatever_name_it_goes_there() {
        let to = |target: &str| format!(r#"{{"type":"MESSAGE","target":{target},"data":{{"op":"auth","secret":"swordfish"}}}}"#);
        for target in [
            r#"{"type":"SERVICE","service":"concierge.admin"}"#,
            r#"{"type":"SERVICE","service":"concierge\u002eadmin"}"#,
            r#"{"type":"NAME","name":"concierge_admin"}"#,
            &format!(r#"{{"type":"UUID","uuid":"{ADMIN}"}}"#),
            &format!(r#"{{"type":"SERVICE_CLIENT_UUID","service":"concierge.admin","uuid":"{ADMIN}"}}"#),
        ] {
            assert_eq!(of(&to(target)), Shown::Not, "{target}");
        }
        assert_eq!(of(r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"concierge.admin"}}"#), Shown::Not, "no data");
        assert_eq!(of(r#"{"type":"MESSAGE","target":{"service":"concierge.admin"},"data":"swordfish"#), Shown::Size);
        whole(r#"{"type":"SELF_SUBSCRIBE","service":"concierge.admin"}"#);
        whole(r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":{"secret":"that is between clients"}}"#);
    }

    /// Security: 15.
    #[test]
    fn secrets_of_what_is_no_payload_are_taken_out() {
        for text in [
            r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":"swordfish"}"#,
            r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","\u0073ecret":"swordfish"}"#,
            r#"{"type":"IDENTITY","admin_secret":{"is":"swordfish"}}"#,
            r#"[{"Secret":"swordfish"}]"#,
        ] {
            let Shown::Text(shown) = of(text) else { panic!("{text}") };
            assert!(shown.contains(REDACTED) && !shown.contains("swordfish"), "{shown}");
        }
        assert_eq!(of(r#"{"type":"IDENTIFY","secret":"swordfish""#), Shown::Size);
        whole(r#"{"type":"NONSENSE"}"#);
        whole("nonsense");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!((cut("né", 2), cut("né", 3), cut("né", 99), cut("", 0)), ("n", "né", "né", ""));
    }
}
