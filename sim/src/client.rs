//! A program that uses the hub: it comes, does this and that, goes in one way or another, and comes again.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use concierge_test_histories::relay::{Ask, Target, What};
use futures::{SinkExt as _, StreamExt as _};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Error;
use turmoil::net::TcpStream;

use crate::plan::{HUB, PORT, Times};
use crate::recorder::{Recorder, now_ms};
use crate::stream::Pieces;
use crate::talk::{Reading, Talk, Writing};

/// How long the hub may take until it has let a client in.
const ENTER_WITHIN: Duration = Duration::from_millis(900);
/// How long it may take to answer a close frame.
const CLOSE_WITHIN: Duration = Duration::from_millis(1_500);

/// One of them.
pub(crate) struct Client {
    pub(crate) dice: StdRng,
    pub(crate) number: usize,
    pub(crate) names: Rc<[String]>,
    pub(crate) times: Times,
    pub(crate) recorder: Rc<Recorder>,
}

/// How a connection ends, as far as the client decides.
enum End {
    /// Without a word.
    Vanish,
    /// In the middle of a frame.
    BreakOff,
    Close,
    /// It is over without the client.
    Lost,
}

impl Client {
    /// Comes and goes until the simulation is over.
    pub(crate) async fn live(mut self) {
        while since_begin() < self.times.parting {
            self.come_and_go().await;
            let pause = if self.is_wild() { self.dice.random_range(1..600) } else { self.dice.random_range(50..200) };
            sleep(Duration::from_millis(pause)).await;
        }
    }

    fn is_wild(&self) -> bool {
        since_begin() < self.times.calm
    }

    /// One connection.
    async fn come_and_go(&mut self) {
        let name = self.choose_name();
        let talk = Talk::new(name, self.times, self.recorder.clone());
        let cut = Rc::new(Cell::new(false));
        talk.note(&format!("comes as {}", talk.name));
        let how = match timeout(ENTER_WITHIN, self.enter(&talk, &cut)).await {
            Ok(Ok((reading, writing))) => self.converse(&talk, reading, writing, &cut).await,
            Ok(Err(how)) => how,
            Err(_) => "not let in in time".to_owned(),
        };
        talk.add(What::Over(how));
    }

    /// Its own, or one that others want too. When all is calm, its own.
    fn choose_name(&mut self) -> String {
        match self.is_wild() && self.dice.random_bool(0.4) {
            true => format!("shared{}", self.dice.random_range(0..2)),
            false => self.names[self.number].clone(),
        }
    }

    async fn enter(&mut self, talk: &Talk, cut: &Rc<Cell<bool>>) -> Result<(Reading, Writing), String> {
        let socket = TcpStream::connect((HUB, PORT)).await.map_err(|e| e.to_string())?;
        let most = if self.dice.random_bool(0.3) { self.dice.random_range(16..200) } else { usize::MAX };
        let request = http::Request::get(format!("ws://{HUB}/ws"))
            .header("Host", HUB)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .expect("it is a request");
        let stream = Pieces::new(socket, most, cut.clone());
        let (ws, _) = tokio_tungstenite::client_async(request, stream).await.map_err(|e| e.to_string())?;
        let (mut writing, mut reading) = ws.split();
        talk.enter(&mut reading, &mut writing).await?;
        Ok((reading, writing))
    }

    /// From HELLO to the end, and how it ended.
    async fn converse(&mut self, talk: &Talk, reading: Reading, writing: Writing, cut: &Cell<bool>) -> String {
        let mut reading = pin!(talk.read(reading));
        let end = tokio::select! {
            biased; // what came is seen before anything else is done
            how = &mut reading => return how,
            end = self.act(talk, writing, cut) => end,
        };
        match end {
            End::Vanish => "vanishes".to_owned(),
            End::BreakOff => "breaks off".to_owned(),
            End::Lost | End::Close => timeout(CLOSE_WITHIN, reading).await.unwrap_or_else(|_| "closed, no answer".to_owned()),
        }
    }

    /// Writes until it has enough.
    async fn act(&mut self, talk: &Talk, mut writing: Writing, cut: &Cell<bool>) -> End {
        match self.act_until_parting(talk, &mut writing, cut).await {
            Ok(End::Close) => {
                talk.note("-> close");
                let _lost_is_seen_by_reading = writing.close().await;
                End::Close
            }
            Ok(end) => end,
            Err(_) if cut.get() => End::BreakOff,
            Err(_) => End::Lost,
        }
    }

    async fn act_until_parting(&mut self, talk: &Talk, writing: &mut Writing, cut: &Cell<bool>) -> Result<End, Error> {
        if self.is_wild() && self.dice.random_bool(0.5) {
            talk.ask(writing, Ask::Subscribe("coordinator".to_owned()), &Value::Null).await?;
        }
        if self.is_wild() {
            let (own, other) = (self.choose_service(), self.choose_service());
            talk.ask(writing, Ask::Create(own), &Value::Null).await?;
            talk.ask(writing, Ask::Subscribe(other), &Value::Null).await?;
        }
        while self.is_wild() {
            let pause = Duration::from_millis(self.dice.random_range(0..60));
            sleep(pause).await;
            match self.dice.random_range(0..1_000) {
                0..=9 => return self.say_last(talk, writing).await.map(|()| End::Vanish),
                10..=17 => return self.say_last(talk, writing).await.map(|()| End::Close),
                18..=25 => cut.set(true), // with the next one
                26..=45 => {
                    let stall = Duration::from_millis(self.dice.random_range(50..2_500));
                    let stall = stall.min(self.times.calm.saturating_sub(since_begin()));
                    talk.note(&format!("does not read for {stall:?}"));
                    talk.stalled_until.set(Instant::now() + stall);
                }
                46..=65 => self.burst(talk, writing).await?,
                _ => self.ask(talk, writing).await?,
            }
        }
        if talk.name != self.names[self.number] {
            return Ok(End::Close);
        }
        self.part(talk, writing).await.map(|()| End::Close)
    }

    /// What it says last may reach the hub together with its end.
    async fn say_last(&mut self, talk: &Talk, writing: &mut Writing) -> Result<(), Error> {
        if self.dice.random_bool(0.5) { self.burst(talk, writing).await } else { Ok(()) }
    }

    /// Many messages at once, which the hub may join.
    async fn burst(&mut self, talk: &Talk, writing: &mut Writing) -> Result<(), Error> {
        let to = self.choose_target(talk);
        for _ in 0..self.dice.random_range(2..40) {
            let to = if self.dice.random_bool(0.05) { self.choose_target(talk) } else { to.clone() };
            let pad = if self.dice.random_bool(0.05) { 2_000 } else { 10 };
            self.send(talk, writing, to, pad).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, talk: &Talk, writing: &mut Writing) -> Result<(), Error> {
        let service = self.choose_service();
        let ask = match self.dice.random_range(0..100) {
            0..=9 => Ask::Subscribe(service),
            10..=12 => Ask::Unsubscribe(service),
            13..=19 => Ask::Create(service),
            20..=21 => Ask::Delete(service),
            22..=24 => Ask::Look("CLIENT_FETCH_ALL".to_owned()),
            25..=27 => Ask::Look("SELF_FETCH".to_owned()),
            28 => Ask::Look("MAKE_TEA".to_owned()),
            29..=39 => return self.ask_coordinator(talk, writing).await,
            _ => {
                let to = self.choose_target(talk);
                let pad = if self.dice.random_bool(0.1) { self.dice.random_range(1_000..3_500) } else { 20 };
                return self.send(talk, writing, to, pad).await;
            }
        };
        talk.ask(writing, ask, &Value::Null).await
    }

    async fn send(&mut self, talk: &Talk, writing: &mut Writing, to: Target, pad: usize) -> Result<(), Error> {
        let number = self.recorder.new_message();
        let at = u64::try_from(now_ms()).unwrap_or(0);
        let data = json!({"n": number, "at": at, "pad": "x".repeat(self.dice.random_range(0..pad))});
        talk.ask(writing, Ask::Message { number, to }, &data).await
    }

    async fn ask_coordinator(&mut self, talk: &Talk, writing: &mut Writing) -> Result<(), Error> {
        let number = self.recorder.new_message();
        let data = talk.calls.ask(&mut self.dice, &self.recorder, &talk.name, number);
        let to = Target::Service("coordinator".to_owned());
        talk.ask(writing, Ask::Message { number, to }, &data).await
    }

    fn choose_service(&mut self) -> String {
        format!("service{}", self.dice.random_range(0..3))
    }

    fn choose_target(&mut self, talk: &Talk) -> Target {
        let people = talk.people.borrow();
        let person = &people[self.dice.random_range(0..people.len())];
        match self.dice.random_range(0..10) {
            0..=1 => Target::Name(person.name.clone()),
            2 => Target::Id(person.id.clone()),
            3 => {
                let id = person.id.clone();
                Target::Member(self.choose_service(), id)
            }
            4 => Target::Everybody,
            _ => Target::Service(self.choose_own(talk)),
        }
    }

    /// Mostly one that it has to do with.
    fn choose_own(&mut self, talk: &Talk) -> String {
        let services = talk.services.borrow();
        let own = services.iter().filter(|service| *service != "coordinator").nth(self.dice.random_range(0..3));
        own.cloned().unwrap_or_else(|| self.choose_service())
    }

    /// When all is calm and everybody is back: a word to all, and a look at who is there.
    async fn part(&mut self, talk: &Talk, writing: &mut Writing) -> Result<(), Error> {
        let complete = Instant::now() + self.times.complete.saturating_sub(since_begin());
        sleep_until(complete).await;
        self.send(talk, writing, Target::Everybody, 10).await?;
        for name in self.names.clone().iter() {
            self.send(talk, writing, Target::Name(name.clone()), 10).await?;
        }
        sleep_until(complete + (self.times.parting - self.times.complete) / 2).await;
        talk.ask(writing, Ask::Look("CLIENT_FETCH_ALL".to_owned()), &Value::Null).await?;
        sleep_until(complete + self.times.parting - self.times.complete).await;
        let mut there = talk.listed.borrow().clone();
        let mut all: Vec<String> = self.names.iter().cloned().chain(["coordinator", "router"].map(str::to_owned)).collect();
        there.sort();
        all.sort();
        if there != all {
            self.recorder.complain(format!("{} sees {there:?} at the end, not {all:?}", talk.name));
        }
        Ok(())
    }
}

fn since_begin() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}
