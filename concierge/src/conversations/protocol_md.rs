//! The conversations of PROTOCOL.md, played against the hub: every line, in order, and nothing else.
//!
//! What only these tests prove: that "nothing else", for here the hub's clock and its idleness are in the test's hands.

use std::collections::{HashMap, VecDeque};

use reader::{Conversation, Step};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::leaving::close;
use super::{Hub, Who};

#[path = "../../../concierge_api_rs/tests/conversation/mod.rs"]
pub(super) mod reader;

/// Who plays a conversation, and what they have received and not looked at yet.
struct Player {
    hub: Hub,
    block: usize,
    cast: HashMap<String, Who>,
    received: HashMap<Who, VecDeque<String>>,
    /// Whether OKs are waited for, which come alone after a while.
    patient: bool,
    /// Ids of the document and those that the hub gave out.
    ids: Vec<(String, String)>,
}

impl Player {
    /// Everything that was `given`.
    async fn prepare(conversation: &Conversation, routes: bool) -> Self {
        let secret = conversation.steps.iter().find_map(|step| match step {
            Step::Secret(secret) => Some(secret.clone()),
            _ => None,
        });
        let mut hub = Hub::with(|config| config.secret = secret);
        if routes {
            hub.route();
        }
        let (cast, received) = (HashMap::new(), HashMap::new());
        let mut player = Self { hub, block: conversation.line, cast, received, patient: routes, ids: Vec::new() };
        for step in &conversation.steps {
            match step {
                Step::Entered(names) => {
                    for name in names {
                        player.enter(name).await;
                    }
                }
                Step::Owns(name, service) => player.ask(name, "SERVICE_CREATE", service).await,
                Step::Subscribed(name, service) => player.ask(name, "SELF_SUBSCRIBE", service).await,
                _ => {}
            }
        }
        for who in player.cast.values().copied() {
            player.hub.ask(who, r#"{"type":"SELF_SET_SEQ","seq":9007199254740991}"#).await;
        }
        player
    }

    async fn enter(&mut self, name: &str) {
        let (identify, id) = match name {
            "ada" => (r#","nickname":"Ada","tags":["pilot"]"#, "ada00000-0000-4000-8000-000000000001"),
            "bob" => ("", "b0b00000-0000-4000-8000-000000000002"),
            "dee" => (r#","tags":["sensor"]"#, "dee00000-0000-4000-8000-000000000003"),
            other => panic!("block at {}: {other} is not of the cast", self.block),
        };
        let who = self.hub.connect(name).await;
        self.hub.say(who, &format!(r#"{{"type":"IDENTIFY","name":"{name}","version":"0.2.0"{identify}}}"#)).await;
        self.ids.push((id.to_owned(), self.hub.id(name).to_owned()));
        self.cast.insert(name.to_owned(), who);
    }

    async fn ask(&mut self, name: &str, kind: &str, service: &str) {
        let who = self.cast[name];
        let answer = self.hub.ask(who, &format!(r#"{{"type":"{kind}","service":"{service}"}}"#)).await;
        assert_eq!(answer["successful"], true, "block at {}", self.block);
    }

    async fn play(&mut self, step: &Step) {
        match step {
            Step::Entered(_) | Step::Secret(_) | Step::AdminSecret(_) | Step::Owns(..) | Step::Subscribed(..) => return,
            Step::Connects(name) => {
                let who = self.hub.connect(name).await;
                self.cast.insert(name.clone(), who);
            }
            Step::Leaves(name) => {
                let who = self.cast[name];
                self.hub.whisper_message(who, Message::Close(Some(close(1000, ""))));
            }
            Step::Sends(name, text) => {
                let text = self.ids.iter().fold(text.clone(), |text, (theirs, ours)| text.replace(theirs, ours));
                self.hub.whisper(self.cast[name], &text);
            }
            Step::Receives(name, expected) => return self.compare(name, expected),
            Step::Closed(name, code) => {
                let (frame, end) = (self.next(name), self.next(name));
                assert!(frame.starts_with(&format!("close {code}")), "block at {}: {name} ← {frame}", self.block);
                return assert_eq!(end, "end");
            }
        }
        let mut came = self.hub.settle().await;
        if self.patient {
            came.extend(self.hub.after(150).await);
        }
        for (who, line) in came {
            self.received.entry(who).or_default().push_back(line);
        }
        if let Step::Leaves(name) = step {
            let answer = (self.next(name), self.next(name));
            assert_eq!(answer, ("close 1000".to_owned(), "end".to_owned()), "block at {}", self.block);
        }
    }

    fn next(&mut self, name: &str) -> String {
        let next = self.received.get_mut(&self.cast[name]).and_then(VecDeque::pop_front);
        next.unwrap_or_else(|| panic!("block at {}: nothing more comes for {name}", self.block))
    }

    fn compare(&mut self, name: &str, expected: &str) {
        let line = self.next(name);
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        self.learn(&parse(expected), &parse(&line));
        let line = self.ids.iter().fold(line, |line, (theirs, ours)| line.replace(ours, theirs));
        let worded = |text: &str| {
            let mut value = parse(text);
            value.as_object_mut().and_then(|fields| fields.remove("desc")).map(|_| value.to_string())
        };
        let (theirs, ours) = match (worded(expected), worded(&line)) {
            (Some(theirs), Some(ours)) => (theirs, ours),
            _ => (expected.to_owned(), line),
        };
        assert_eq!(ours, theirs, "block at {}: {name}", self.block);
    }

    /// Pairs ids that stand in the same place. The comparison notices when one of them is paired with two.
    fn learn(&mut self, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::String(theirs), Value::String(ours)) => {
                let ids = Uuid::parse_str(theirs).is_ok() && Uuid::parse_str(ours).is_ok();
                if ids && theirs != ours && !self.ids.iter().any(|(t, o)| t == theirs || o == ours) {
                    self.ids.push((theirs.clone(), ours.clone()));
                }
            }
            (Value::Array(theirs), Value::Array(ours)) => theirs.iter().zip(ours).for_each(|(t, o)| self.learn(t, o)),
            (Value::Object(theirs), Value::Object(ours)) => theirs.iter().for_each(|(field, t)| self.learn(t, &ours[field])),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_conversation_of_the_document_happens_as_it_is_written() {
    let conversations = reader::conversations(include_str!("../../../PROTOCOL.md"));
    assert!(conversations.len() >= 20);
    play_all(&conversations, false).await;
}

#[tokio::test(start_paused = true)]
async fn every_conversation_with_the_router_happens_as_it_is_written() {
    let conversations = reader::conversations_headed(include_str!("../../../PROTOCOL.md"), "conversation router");
    assert_eq!(conversations.len(), 1);
    play_all(&conversations, true).await;
}

async fn play_all(conversations: &[Conversation], routes: bool) {
    for conversation in conversations {
        let mut player = Player::prepare(conversation, routes).await;
        for step in &conversation.steps {
            player.play(step).await;
        }
        let left: Vec<&String> = player.received.values().flatten().collect();
        assert!(left.is_empty(), "block at {}: nobody expects {left:#?}", conversation.line);
    }
}
