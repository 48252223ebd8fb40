//! The conversations of PROTOCOL.md, played against a real hub (its section "Reading the conversations" says how).
//!
//! What only these tests prove: the program itself, over TCP and from outside, keeps to the document.

#[path = "../../../concierge_api_rs/tests/conversation/mod.rs"]
mod conversation;

use std::collections::{HashMap, VecDeque};

use concierge_api_rs::limits::SEQ_MAX;
use concierge_tests::{Client, Hub, repository};
use conversation::{Conversation, Step, conversations, conversations_headed};
use serde_json::{Value, json};

/// The cast: who enters with what, and the id that the document gives to it.
struct Cast(HashMap<String, (String, Value)>);

impl Cast {
    fn of(document: &str) -> Self {
        let rows = document.lines().skip_while(|line| !line.starts_with("| name | nickname |")).skip(2);
        let row = |line: &str| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            (cells[0].to_owned(), (cells[2].to_owned(), serde_json::from_str(cells[4]).unwrap()))
        };
        Self(rows.take_while(|line| line.starts_with('|')).map(row).collect())
    }
}

/// What the document's ids are in this conversation.
#[derive(Default)]
struct Ids(HashMap<String, String>);

impl Ids {
    fn bind(&mut self, theirs: &str, ours: &str) {
        let bound = self.0.entry(theirs.to_owned()).or_insert_with(|| ours.to_owned());
        assert_eq!(bound, ours, "{theirs} means one id only");
    }

    /// A text to be sent. An id that is nobody's stands for itself.
    fn ours(&mut self, text: &str) -> String {
        let mut ours = text.to_owned();
        for id in ids(text) {
            self.0.entry(id.clone()).or_insert_with(|| id.clone());
            ours = ours.replace(&id, &self.0[&id]);
        }
        ours
    }

    /// A text that should be received; new ids are taken from what was.
    fn expected(&mut self, text: &str, received: &str) -> String {
        for (theirs, ours) in ids(text).iter().zip(ids(received)) {
            self.0.entry(theirs.clone()).or_insert(ours);
        }
        self.ours(text)
    }
}

/// The UUIDs in a text, in order.
fn ids(text: &str) -> Vec<String> {
    let is_id = |id: &str| {
        id.len() == 36
            && id.char_indices().all(|(at, c)| if matches!(at, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() })
    };
    text.split('"').filter(|part| is_id(part)).map(str::to_owned).collect()
}

/// Whether a payload is the answer to a message.
fn is_answer(text: &str) -> bool {
    text.contains(r#","seq":"#)
}

/// Only the sentence of a `desc` may be worded differently.
fn without_desc(text: &str) -> &str {
    text.split(r#""desc":"#).next().unwrap()
}

/// Instants differ.
fn timeless(text: &str) -> String {
    let mut parts = text.split(r#""at":"#);
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| all + r#""at":"# + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

struct Play {
    hub: Hub,
    clients: HashMap<String, Client>,
    ids: Ids,
    /// Whether answers and what comes by itself are two rows, and what was received before its turn in one of them.
    two_rows: bool,
    early: VecDeque<(String, String)>,
}

impl Play {
    /// The hub and everybody who is given.
    async fn prepare(given: &[Step], cast: &Cast, settings: &[&str]) -> Self {
        let secret = given.iter().find_map(|step| if let Step::Secret(secret) = step { Some(secret) } else { None });
        let secret = secret.map(|secret| format!("secret={secret}"));
        let admin = given.iter().find_map(|step| if let Step::AdminSecret(secret) = step { Some(secret) } else { None });
        let admin = admin.map(|secret| ["admin=true".to_owned(), format!("admin_secret={secret}")]);
        let said = secret.as_deref().into_iter().chain(admin.iter().flatten().map(String::as_str));
        let hub = Hub::with(&settings.iter().copied().chain(said).collect::<Vec<_>>()).await;
        let two_rows = !settings.is_empty();
        if two_rows {
            let begin = br#"{"kind":"debug.tick","head":{"corrId":"","version":"2026-04-01"},"data":{"time":1767225600000}}"#;
            assert_eq!(hub.http("POST", "/coordinator", &[], begin).await.status, 200);
        }
        let mut play = Self { hub, clients: HashMap::new(), ids: Ids::default(), two_rows, early: VecDeque::new() };
        for step in given {
            match step {
                Step::Entered(names) => {
                    for name in names {
                        let (id, identify) = &cast.0[name];
                        let mut client = play.hub.connect().await;
                        client.identify_as(identify).await;
                        play.ids.bind(id, &client.uuid);
                        play.clients.insert(name.clone(), client);
                    }
                }
                Step::Owns(name, service) => play.arrange(name, "SERVICE_CREATE", service).await,
                Step::Subscribed(name, service) => play.arrange(name, "SELF_SUBSCRIBE", service).await,
                _ => {}
            }
        }
        play.settle(true).await;
        play
    }

    async fn arrange(&mut self, name: &str, kind: &str, service: &str) {
        let client = self.clients.get_mut(name).unwrap();
        let answer = client.ask(&json!({ "type": kind, "service": service })).await;
        assert_eq!(answer["successful"], true, "{answer}");
    }

    /// Everybody's next message gets number 0. What waits is read, or, when it may not, is a mistake.
    async fn settle(&mut self, waits: bool) {
        for client in self.clients.values_mut() {
            client.say(&json!({ "type": "SELF_SET_SEQ", "seq": SEQ_MAX })).await;
            let heard = client.hear_until(|payload| payload["type"] == "OK" && payload["seq"] == SEQ_MAX).await;
            assert!(waits || heard.len() == 1, "{} hears what the document does not tell: {heard:?}", client.name);
        }
    }

    /// The next payload; in two rows, the next one of its row.
    async fn receives(&mut self, name: &str, an_answer: bool) -> String {
        let its = |(client, text): &(String, String)| client == name && is_answer(text) == an_answer;
        if let Some(at) = self.early.iter().position(its) {
            return self.early.remove(at).unwrap().1;
        }
        loop {
            let text = self.client(name).hear_text().await;
            if !self.two_rows || is_answer(&text) == an_answer {
                return text;
            }
            self.early.push_back((name.to_owned(), text));
        }
    }

    fn client(&mut self, name: &str) -> &mut Client {
        self.clients.get_mut(name).unwrap_or_else(|| panic!("{name} is not connected"))
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Connects(name) => {
                let client = self.hub.connect().await;
                assert!(self.clients.insert(name.clone(), client).is_none(), "{name} connects once");
            }
            Step::Leaves(name) => self.clients.remove(name).expect("who ends is connected").leave().await,
            Step::Sends(name, text) => {
                let text = self.ids.ours(text);
                self.client(name).say_text(text).await;
            }
            Step::Receives(name, text) => {
                let received = self.receives(name, is_answer(text)).await;
                let expected = self.ids.expected(text, &received);
                assert_eq!(timeless(without_desc(&received)), timeless(without_desc(&expected)), "{name} receives");
                assert_eq!(received.contains(r#""desc":""#), expected.contains(r#""desc":""#), "{received}");
            }
            Step::Closed(name, code) => {
                let (closed, reason) = self.clients.remove(name).expect("who ends is connected").hear_close().await;
                assert_eq!(closed, *code, "{reason}");
            }
            Step::Entered(_) | Step::Secret(_) | Step::AdminSecret(_) | Step::Owns(..) | Step::Subscribed(..) => {}
        }
    }
}

async fn play(conversation: &Conversation, cast: &Cast, settings: &[&str]) {
    let is_given = |step: &&Step| {
        matches!(step, Step::Entered(_) | Step::Secret(_) | Step::AdminSecret(_) | Step::Owns(..) | Step::Subscribed(..))
    };
    let given: Vec<Step> = conversation.steps.iter().filter(is_given).cloned().collect();
    let mut play = Play::prepare(&given, cast, settings).await;
    for step in &conversation.steps {
        eprintln!("PROTOCOL.md, conversation at line {}: {step:?}", conversation.line);
        play.step(step).await;
    }
    play.settle(false).await;
    assert!(play.early.is_empty(), "nobody expects {:?}", play.early);
}

#[tokio::test]
async fn the_conversations_of_the_document_are_what_a_real_hub_says() {
    let document = std::fs::read_to_string(repository().join("PROTOCOL.md")).unwrap();
    let (cast, all) = (Cast::of(&document), conversations(&document));
    assert!(all.len() > 15 && cast.0.len() == 3, "{} conversations", all.len());
    for conversation in &all {
        play(conversation, &cast, &[]).await;
    }
}

#[tokio::test]
async fn the_conversation_with_the_admin_service_is_what_a_real_hub_says() {
    let document = std::fs::read_to_string(repository().join("PROTOCOL.md")).unwrap();
    let (cast, all) = (Cast::of(&document), conversations_headed(&document, "conversation admin"));
    assert_eq!(all.len(), 1);
    play(&all[0], &cast, &[]).await;
}

#[tokio::test]
async fn the_conversation_with_the_coordinator_is_what_a_real_hub_says() {
    let document = std::fs::read_to_string(repository().join("PROTOCOL.md")).unwrap();
    let (cast, all) = (Cast::of(&document), conversations_headed(&document, "conversation coordinator"));
    assert_eq!(all.len(), 1);
    let settings = ["coordinator.enabled=true", "coordinator.debug_clock=true", "store.url=memory:"];
    play(&all[0], &cast, &settings).await;
}
