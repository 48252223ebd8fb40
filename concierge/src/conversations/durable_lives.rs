//! Random lives of durable requests: workers come, go, answer and settle by themselves, clients ask again and cancel, time passes.
//! Each promise is settled once, by whoever was first.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::coordinator::{PromiseState, SettleState};
use serde_json::{Value, json};

use super::Who;
use super::durable::Kept;

const SEEDS: u64 = 30;
const STEPS: usize = 120;
const WORKERS: [&str; 4] = ["bob", "cyd", "dan", "eve"];
const CATEGORIES: [&str; 3] = ["math", "news", "shop"];

/// The same numbers for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.below(all.len())) }
    }
}

/// What is known of the promises and of who has which request.
struct Life {
    kept: Kept,
    dice: Dice,
    /// Workers that are here, and what they were given and not told to stop: `_reqid` and promise.
    here: BTreeMap<&'static str, (Who, BTreeMap<String, String>)>,
    /// What workers that went, or were told to stop, remember.
    remembered: Vec<(String, String)>,
    asked: BTreeSet<String>,
    /// As it was first seen.
    settled: BTreeMap<String, (PromiseState, Value)>,
    /// Answers that counted, answers too late, settlements by workers and by clients, requests given.
    counts: [usize; 5],
    answers: usize,
}

impl Life {
    async fn new(seed: u64) -> Self {
        Self {
            kept: Kept::with(&[], |_| {}).await,
            dice: Dice(seed),
            here: BTreeMap::new(),
            remembered: Vec::new(),
            asked: BTreeSet::new(),
            settled: BTreeMap::new(),
            counts: [0; 5],
            answers: 0,
        }
    }

    async fn step(&mut self) {
        match self.dice.below(20) {
            0..=5 => self.ask().await,
            6..=7 => self.come().await,
            8 => self.go().await,
            9..=14 => self.answer().await,
            15 => self.answer_late().await,
            16 => self.settle_oneself().await,
            17 => self.cancel().await,
            18 => self.pass(1_100).await,
            _ => self.pass(5).await,
        }
        self.look().await;
    }

    /// Something new, or again.
    async fn ask(&mut self) {
        let all: Vec<String> = self.asked.iter().cloned().collect();
        let again = if self.dice.below(4) == 0 { self.dice.pick(&all).cloned() } else { None };
        let id = again.unwrap_or_else(|| format!("{}-{}", CATEGORIES[self.dice.below(3)], self.asked.len()));
        let category = id.split('-').next().unwrap().to_owned();
        self.asked.insert(id.clone());
        let datagram =
            format!(r#"{{"type":"q","cmd":"{category}/do","_reqid":"x","reply":"durable","promise":"{id}","data":"{id}"}}"#);
        self.send("ada", &datagram).await;
        let answer = format!(r#""_reqid":"x","data":{{"promise":"{id}"}}"#);
        assert_eq!(self.kept.story.said.matches(&answer).count(), 1, "{}", self.kept.story.said);
    }

    async fn come(&mut self) {
        let Some(name) = WORKERS.into_iter().find(|name| !self.here.contains_key(name)) else { return };
        self.kept.story.comes(name).await;
        self.here.insert(name, (self.kept.story.who(name), BTreeMap::new()));
        let one = CATEGORIES[self.dice.below(3)];
        let all = if self.dice.below(2) == 0 { json!(CATEGORIES) } else { json!([one]) };
        self.send(name, &format!(r#"{{"type":"p","cmd":"router/serve","data":{{"categories":{all}}}}}"#)).await;
    }

    async fn go(&mut self) {
        let all: Vec<&str> = self.here.keys().copied().collect();
        let Some(name) = self.dice.pick(&all).copied() else { return };
        let (who, given) = self.here.remove(name).unwrap();
        self.remembered.extend(given);
        let came = self.kept.story.hub.cut(who).await;
        self.kept.story.gone(name);
        self.hear(came);
    }

    /// A worker answers what it has: nobody else can have settled that, so it counts.
    async fn answer(&mut self) {
        let open: Vec<(&str, String, String)> = self
            .here
            .iter()
            .flat_map(|(name, (_, given))| given.iter().map(|(reqid, id)| (*name, reqid.clone(), id.clone())))
            .collect();
        let Some((name, reqid, id)) = self.dice.pick(&open).cloned() else { return };
        let pending = self.kept.promise(&id).await.unwrap().state == PromiseState::Pending;
        self.answers += 1;
        let (state, datagram, value) = match self.dice.below(4) {
            0 => {
                let error = json!({ "code": 0, "data": { "n": self.answers } });
                (PromiseState::Rejected, format!(r#""status":"err","_reqid":"{reqid}","data":{error}"#), error)
            }
            1 => {
                let part = format!(r#"{{"type":"r","status":"ok","_reqid":"{reqid}","more":true,"data":0}}"#);
                return self.send(name, &part).await;
            }
            _ => {
                let value = json!(self.answers);
                (PromiseState::Resolved, format!(r#""status":"ok","_reqid":"{reqid}","data":{value}"#), value)
            }
        };
        self.here.get_mut(name).unwrap().1.remove(&reqid);
        self.send(name, &format!(r#"{{"type":"r",{datagram}}}"#)).await;
        let end = self.kept.end(&id).await;
        assert_eq!(pending, end == (state, value), "{id}: {end:?}");
        self.counts[0] += usize::from(pending);
    }

    /// Somebody answers what it need not, or never had: nothing comes of it.
    async fn answer_late(&mut self) {
        let late = self.remembered.clone();
        let Some((reqid, id)) = self.dice.pick(&late).cloned() else { return };
        let all: Vec<&str> = self.here.keys().copied().collect();
        let Some(name) = self.dice.pick(&all).copied() else { return };
        if self.here[name].1.contains_key(&reqid) {
            return;
        }
        let before = self.kept.end(&id).await;
        self.send(name, &format!(r#"{{"type":"r","status":"ok","_reqid":"{reqid}","data":"late"}}"#)).await;
        assert_eq!(self.kept.end(&id).await, before);
        self.counts[1] += 1;
    }

    /// A worker that was given it once settles it through the coordinator.
    async fn settle_oneself(&mut self) {
        let mut known: Vec<(String, String)> = self.remembered.clone();
        known.extend(self.here.values().flat_map(|(_, given)| given.clone()));
        let Some((_, id)) = self.dice.pick(&known).cloned() else { return };
        let before = self.kept.end(&id).await;
        self.answers += 1;
        let value = json!(format!("by itself {}", self.answers));
        let promise = self.kept.settles(&id, SettleState::Resolved, &value.to_string()).await;
        let expected = if before.0 == PromiseState::Pending { (PromiseState::Resolved, value) } else { before.clone() };
        assert_eq!(self.kept.end(&id).await, expected);
        assert_eq!(promise.state, expected.0);
        self.counts[2] += usize::from(before.0 == PromiseState::Pending);
    }

    async fn cancel(&mut self) {
        let all: Vec<String> = self.asked.iter().cloned().collect();
        let Some(id) = self.dice.pick(&all).cloned() else { return };
        let pending = self.kept.promise(&id).await.unwrap().state == PromiseState::Pending;
        self.kept.settles(&id, SettleState::RejectedCanceled, "null").await;
        self.counts[3] += usize::from(pending);
    }

    /// After a second nobody works at what is settled.
    async fn pass(&mut self, ms: u64) {
        let came = self.kept.story.hub.after(ms).await;
        self.hear(came);
        let held = self.here.values().flat_map(|(_, given)| given.values()).filter(|_| ms > 1_000);
        for id in held {
            assert_eq!(self.kept.end(id).await.0, PromiseState::Pending, "{id}");
        }
    }

    async fn send(&mut self, name: &str, datagram: &str) {
        self.kept.story.said.clear();
        let came = self.kept.story.sends(name, &format!(r#"{{"subject":"api","data":{datagram}}}"#)).await;
        self.hear(came);
    }

    /// What workers were given, and told to stop. Nobody is given what somebody has.
    fn hear(&mut self, came: Vec<(Who, String)>) {
        for (to, line) in came {
            let message: Value = serde_json::from_str(&line).unwrap_or_default();
            let (packet, headers) = (&message["data"]["data"], &message["data"]["headers"]);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let Some((_, given)) = self.here.values_mut().find(|(who, _)| *who == to) else { continue };
            if packet["type"] == "q" {
                let (reqid, id) = (text(&packet["_reqid"]), text(&headers["Cg-Promise"]));
                assert_eq!(packet["data"], json!(id));
                given.insert(reqid, id.clone());
                self.counts[4] += 1;
                let held = self.here.values().flat_map(|(_, given)| given.values()).filter(|held| **held == id).count();
                assert_eq!(held, 1, "{id} is at {held} workers");
            } else if packet["cmd"] == "sys/cancel" {
                let reqid = text(&packet["data"]["_reqid"]);
                let id = given.remove(&reqid).expect("it was given");
                self.remembered.push((reqid, id));
            }
        }
    }

    /// A promise that is settled stays as it was first seen.
    async fn look(&mut self) {
        for id in self.asked.clone() {
            let end = self.kept.end(&id).await;
            if end.0 != PromiseState::Pending {
                let first = self.settled.entry(id).or_insert_with(|| end.clone());
                assert_eq!(*first, end);
            }
        }
    }

    /// Everybody who works comes and answers all: then nothing is left.
    async fn end(mut self) -> [usize; 5] {
        for _ in 0..4 {
            self.come().await;
        }
        self.kept.story.comes("fay").await;
        self.here.insert("fay", (self.kept.story.who("fay"), BTreeMap::new()));
        self.send("fay", &format!(r#"{{"type":"p","cmd":"router/serve","data":{{"categories":{}}}}}"#, json!(CATEGORIES))).await;
        while self.kept.story.router.look().durable.waiting > 0 || self.here.values().any(|(_, given)| !given.is_empty()) {
            self.answer().await;
            let ms = if self.dice.below(8) == 0 { 1_100 } else { 5 };
            self.pass(ms).await;
        }
        self.pass(1_100).await;
        self.look().await;
        assert_eq!(self.settled.len(), self.asked.len());
        let look = self.kept.story.router.look();
        assert_eq!((look.durable.waiting, look.durable.open, look.in_flight), (0, 0, 0));
        assert_eq!(look.durable.tally.settled as usize, self.counts[0], "each answer that counted settled one promise");
        self.counts
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_workers_and_clients_do_each_promise_is_settled_once_by_the_first_who_does() {
    let mut all = [0; 5];
    for seed in 0..SEEDS {
        let mut life = Life::new(seed).await;
        for _ in 0..STEPS {
            life.step().await;
        }
        for (all, counted) in all.iter_mut().zip(life.end().await) {
            *all += counted;
        }
    }
    let [answered, late, by_itself, cancelled, given] = all;
    assert!(answered > 200 && late > 20 && by_itself > 20 && cancelled > 20 && given > answered + 50, "{all:?}");
}
