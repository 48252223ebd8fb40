//! The router's examples in PROTOCOL.md, played against the hub: every line, in the order of each client, and nothing else.

use std::collections::{BTreeMap, VecDeque};

use super::durable::Kept;
use super::protocol_md::reader;
use super::router::Story;

/// What clients got and nobody looked at yet, by name.
type Received = BTreeMap<String, VecDeque<String>>;

/// The packets that came since the last look.
fn take(story: &mut Story, received: &mut Received) {
    for line in std::mem::take(&mut story.said).lines() {
        if let Some((name, packet)) = line.split_once(" ← ") {
            received.entry(name.to_owned()).or_default().push_back(packet.to_owned());
        }
    }
}

fn cast(name: &str) -> &'static str {
    ["ada", "bob", "dee"].into_iter().find(|known| *known == name).unwrap_or_else(|| panic!("{name} is not of the cast"))
}

async fn play(line: &str, story: &mut Story, received: &mut Received) {
    if let Some((name, packet)) = line.split_once(" ← ") {
        let came = received.get_mut(name).and_then(VecDeque::pop_front);
        assert_eq!(came.as_deref(), Some(packet), "{name}");
        return;
    }
    if let Some((name, packet)) = line.split_once(" → ") {
        story.sends(name, packet).await;
    } else if let Some(given) = line.strip_prefix("given ") {
        let (name, category) = given.split_once(" serves ").map_or((given, None), |(name, what)| (name, Some(what)));
        if name != "ada" {
            story.comes(cast(name)).await;
        }
        if let Some(category) = category {
            story.serves(name, category).await;
        }
    } else if let Some(name) = line.strip_suffix(" leaves") {
        let who = story.who(name);
        story.leaves(who).await;
    } else if let Some(ms) = line.strip_suffix(" ms pass") {
        story.after(ms.parse().unwrap()).await;
    } else {
        panic!("no such line: {line}");
    }
    take(story, received);
}

#[tokio::test(start_paused = true)]
async fn every_example_of_the_router_happens_as_it_is_written() {
    let blocks = reader::blocks(include_str!("../../../PROTOCOL.md"), "router");
    assert_eq!(blocks.len(), 3);
    for (number, text) in blocks {
        let (mut story, mut received) = (Story::with(&[], |_| {}).await, Received::new());
        for line in reader::unfold(&text) {
            play(&line, &mut story, &mut received).await;
        }
        nothing_left(number, &received);
    }
}

#[tokio::test(start_paused = true)]
async fn every_example_of_durable_requests_happens_as_it_is_written() {
    let blocks = reader::blocks(include_str!("../../../PROTOCOL.md"), "router durable");
    assert_eq!(blocks.len(), 1);
    for (number, text) in blocks {
        let (mut kept, mut received) = (Kept::with(&[], |_| {}).await, Received::new());
        for line in reader::unfold(&text) {
            match line.split_once(" is ").and_then(|(id, end)| Some((id, end.split_once(": ")?))) {
                Some((id, (state, value))) => {
                    let (ended, with) = kept.end(id).await;
                    assert_eq!((ended.as_str(), with.to_string().as_str()), (state, value), "{id}");
                }
                None => play(&line, &mut kept.story, &mut received).await,
            }
        }
        nothing_left(number, &received);
    }
}

fn nothing_left(number: usize, received: &Received) {
    let left: Vec<&String> = received.values().flatten().collect();
    assert!(left.is_empty(), "block at {number}: nobody expects {left:#?}");
}
