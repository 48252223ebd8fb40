//! Who subscribes to the admin service, who of them is an administrator, and what each watches.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use concierge_api_rs::admin::{Files, Frames, Messages, Op, Promises, Refusal, RefusalCode, Said, Tasks};
use concierge_api_rs::{ClientId, ServiceName, limits};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::ears::Heard;
use super::journal::Journal;
use super::roll::Roll;
use crate::peer::Peer;

/// What a MESSAGE has besides its data, generously.
const ENVELOPE: usize = 1_024;

/// Every subscriber of the service.
#[derive(Default)]
pub(super) struct Watchers(HashMap<ClientId, Watcher>);

/// One of them.
struct Watcher {
    peer: Arc<Peer>,
    /// It presented the admin secret.
    admitted: bool,
    stats: Option<Beat>,
    router: Option<Beat>,
    clients: Option<Following>,
    /// The number of the last event that it was told.
    events: Option<u64>,
    /// What else it watches, and what it was not told of that.
    topics: HashMap<Topic, Missed>,
}

/// What is told as it happens, to all who watch it the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    /// What is said to a service.
    Service(ServiceName),
    /// What comes from a client and goes to it.
    Frames(ClientId),
    /// Promises that change.
    Promises,
    /// Tasks that change.
    Tasks,
    /// Files that change.
    Files,
}

/// What somebody had no room for.
#[derive(Debug, Clone, Copy, Default)]
struct Missed {
    count: u64,
    /// The last of it was among that.
    last: bool,
}

impl Topic {
    /// What a request to watch, or not to any more, is about; `None`: about something that has a place of its own.
    pub(super) fn of(op: &Op) -> Option<Self> {
        Some(match op {
            Op::ServiceWatch { service } | Op::ServiceUnwatch { service } => Self::Service(service.clone()),
            Op::FramesWatch { uuid } | Op::FramesUnwatch { uuid } => Self::Frames(*uuid),
            Op::PromisesWatch | Op::PromisesUnwatch => Self::Promises,
            Op::TasksWatch | Op::TasksUnwatch => Self::Tasks,
            Op::FilesWatch | Op::FilesUnwatch => Self::Files,
            _ => return None,
        })
    }

    /// How many of its kind one may watch.
    fn most(&self) -> usize {
        match self {
            Self::Service(_) => limits::ADMIN_SERVICES_WATCHED,
            Self::Frames(_) => limits::ADMIN_FRAMES_WATCHED,
            Self::Promises | Self::Tasks | Self::Files => 1,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// That so much was not told.
    fn said(&self, Missed { count: left_out, last: gone }: Missed) -> Said {
        match self {
            Self::Service(service) => Said::Messages(Messages { messages: Vec::new(), service: service.clone(), left_out }),
            Self::Frames(uuid) => Said::Frames(Frames { frames: Vec::new(), uuid: *uuid, left_out, gone }),
            Self::Promises => Said::Promises(Promises { promises: Vec::new(), left_out }),
            Self::Tasks => Said::Tasks(Tasks { tasks: Vec::new(), left_out }),
            Self::Files => Said::Files(Files { files: Vec::new(), left_out }),
        }
    }
}

/// How one follows the roll of clients.
#[derive(Debug, Clone, Copy)]
struct Following {
    beat: Beat,
    /// The last change that it was told.
    told: Option<u64>,
    /// It was due, and did not hear all of that yet.
    hearing: bool,
}

/// Something that comes again and again.
#[derive(Debug, Clone, Copy)]
struct Beat {
    every: Duration,
    next: Instant,
}

impl Beat {
    fn is_due(&self, now: Instant) -> bool {
        self.next <= now
    }

    fn beat(&mut self, now: Instant) {
        self.next = (self.next + self.every).max(now);
    }
}

/// What somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) anybody: bool,
    pub(super) stats: bool,
    pub(super) router: bool,
    pub(super) clients: bool,
}

impl Watchers {
    pub(super) fn come(&mut self, client: ClientId, peer: &Arc<Peer>) {
        let (admitted, topics) = (false, HashMap::new());
        let peer = peer.clone();
        let watcher = Watcher { peer, admitted, stats: None, router: None, clients: None, events: None, topics };
        self.0.insert(client, watcher);
    }

    pub(super) fn go(&mut self, client: ClientId) {
        self.0.remove(&client);
    }

    /// It presented the admin secret.
    pub(super) fn admit(&mut self, client: ClientId) {
        if let Some(watcher) = self.0.get_mut(&client) {
            watcher.admitted = true;
        }
    }

    pub(super) fn is_admitted(&self, client: ClientId) -> bool {
        self.0.get(&client).is_some_and(|watcher| watcher.admitted)
    }

    /// It begins to watch, or watches in another way. `last`: the number of the last event.
    pub(super) fn begin(&mut self, client: ClientId, op: &Op, last: u64, now: Instant) -> Result<Value, Refusal> {
        let others = self.0.iter().filter(|(id, watcher)| **id != client && watcher.watches()).count();
        if others >= limits::ADMIN_WATCHERS {
            return Err(Refusal::new(RefusalCode::TooMany, format!("{others} clients watch already")));
        }
        let Some(watcher) = self.0.get_mut(&client) else {
            return Err(Refusal::new(RefusalCode::Forbidden, "only a subscriber can watch"));
        };
        let beat = |every_ms: u64| {
            let every = Duration::from_millis(every_ms.clamp(limits::ADMIN_EVERY_MS_LEAST, 3_600_000));
            (Beat { every, next: now }, json!({ "every_ms": every.as_millis() as u64 }))
        };
        match op {
            Op::StatsWatch { every_ms } => {
                let (beat, answer) = beat(*every_ms);
                watcher.stats = Some(beat);
                return Ok(answer);
            }
            Op::RouterWatch { every_ms } => {
                let (beat, answer) = beat(*every_ms);
                watcher.router = Some(beat);
                return Ok(answer);
            }
            Op::ClientsWatch { every_ms } => {
                let (beat, answer) = beat(*every_ms);
                watcher.clients = Some(Following { beat, told: None, hearing: false });
                return Ok(answer);
            }
            Op::EventsWatch { since } => {
                // a number that is not given yet is of another life of the hub
                watcher.events = Some(since.filter(|since| *since <= last).unwrap_or(0));
                return Ok(json!({ "last": last }));
            }
            _ => {}
        }
        let Some(topic) = Topic::of(op) else { return Ok(json!({})) };
        let alike = watcher.topics.keys().filter(|other| other.is_like(&topic)).count();
        if alike >= topic.most() && !watcher.topics.contains_key(&topic) {
            return Err(Refusal::new(RefusalCode::TooMany, format!("{alike} of these are watched already")));
        }
        watcher.topics.entry(topic).or_default();
        Ok(json!({}))
    }

    /// It watches that no more.
    pub(super) fn end(&mut self, client: ClientId, op: &Op) {
        let Some(watcher) = self.0.get_mut(&client) else { return };
        match op {
            Op::StatsUnwatch => watcher.stats = None,
            Op::RouterUnwatch => watcher.router = None,
            Op::ClientsUnwatch => watcher.clients = None,
            Op::EventsUnwatch => watcher.events = None,
            op => {
                if let Some(topic) = Topic::of(op) {
                    watcher.topics.remove(&topic);
                }
            }
        }
    }

    /// Every service that somebody watches.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceName> {
        let topics = self.0.values().flat_map(|watcher| watcher.topics.keys());
        topics.filter_map(|topic| if let Topic::Service(service) = topic { Some(service.clone()) } else { None })
    }

    /// Whether somebody watches that.
    pub(super) fn watch(&self, topic: &Topic) -> bool {
        self.0.values().any(|watcher| watcher.topics.contains_key(topic))
    }

    pub(super) fn due(&self, now: Instant) -> Due {
        let mut due = Due::default();
        for watcher in self.0.values() {
            due.anybody |= watcher.watches();
            due.stats |= watcher.stats.is_some_and(|beat| beat.is_due(now));
            due.router |= watcher.router.is_some_and(|beat| beat.is_due(now));
            due.clients |= watcher.clients.is_some_and(|following| following.beat.is_due(now));
        }
        due
    }

    /// What each is told now, as far as it has `room` for so many bytes. The rest is told later: what is numbered is not lost by
    /// that, and messages are counted.
    pub(super) fn news(
        &mut self,
        (stats, router): (Option<String>, Option<String>),
        (roll, journal, heard): (&Roll, &Journal, &HashMap<Topic, Heard>),
        room: impl Fn(&Peer) -> Room,
    ) -> Vec<(ClientId, Arc<str>)> {
        let (now, stats, router) = (Instant::now(), stats.map(Arc::<str>::from), router.map(Arc::<str>::from));
        let mut said = Vec::new();
        for (id, watcher) in self.0.iter_mut().filter(|(_, watcher)| watcher.watches()) {
            let mut room = room(&watcher.peer);
            let mut say = |text| said.push((*id, text));
            news_of_totals(&mut watcher.stats, now, stats.as_ref(), &mut room).into_iter().for_each(&mut say);
            news_of_totals(&mut watcher.router, now, router.as_ref(), &mut room).into_iter().for_each(&mut say);
            watcher.news_of_clients(now, roll, &mut room).into_iter().for_each(&mut say);
            watcher.news_of_events(journal, &mut room).into_iter().for_each(&mut say);
            watcher.news_of_topics(heard, &mut room).into_iter().for_each(&mut say);
        }
        said
    }

    /// The last change of the roll that all who watch clients were told; `None` when nobody does.
    pub(super) fn least_told(&self) -> Option<u64> {
        self.0.values().filter_map(|watcher| watcher.clients.map(|following| following.told.unwrap_or(u64::MAX))).min()
    }

    /// Those who were not told everything up to that change are told all anew.
    pub(super) fn begin_anew(&mut self, last: u64) {
        for Following { told, .. } in self.0.values_mut().filter_map(|watcher| watcher.clients.as_mut()) {
            if told.is_some_and(|told| told < last) {
                *told = None;
            }
        }
    }
}

/// What may be said to one who watches, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    left: usize,
    /// Nothing waits for it: it takes one piece of any size.
    idle: bool,
}

impl Room {
    pub(super) fn new(outbox_bytes: usize, waiting: usize) -> Self {
        Self { left: (outbox_bytes / 2).saturating_sub(waiting), idle: waiting == 0 }
    }

    /// Takes room for a text, if there is any.
    fn take(&mut self, text: &str) -> bool {
        let bytes = text.len() + ENVELOPE;
        if bytes > self.left && !self.idle {
            return false;
        }
        self.left = self.left.saturating_sub(bytes);
        self.idle = false;
        true
    }

    /// A piece of news that fits, of as many things as fit.
    fn fit<T>(&mut self, make: impl Fn(usize) -> Option<(T, String)>) -> Option<(T, Arc<str>)> {
        let mut most = limits::ADMIN_PAGE;
        loop {
            let (told, text) = make(most)?;
            match self.take(&text) {
                true => return Some((told, text.into())),
                false if most == 1 => return None,
                false => most /= 2,
            }
        }
    }
}

/// Totals for one who waits for them, if it is time and there is room.
fn news_of_totals(beat: &mut Option<Beat>, now: Instant, text: Option<&Arc<str>>, room: &mut Room) -> Option<Arc<str>> {
    let (beat, text) = (beat.as_mut().filter(|beat| beat.is_due(now))?, text?);
    let fits = room.take(text);
    if fits {
        beat.beat(now);
    }
    fits.then(|| text.clone())
}

impl Watcher {
    fn news_of_clients(&mut self, now: Instant, roll: &Roll, room: &mut Room) -> Option<Arc<str>> {
        let Following { beat, told, hearing } = self.clients.as_mut()?;
        if beat.is_due(now) {
            beat.beat(now);
            *hearing = true;
        }
        if !*hearing {
            return None; // the roll changed for somebody who looks more often
        }
        // what does not fit follows at once, without another look around
        let said = room.fit(|most| {
            let mut told = *told;
            roll.news(&mut told, most).map(|news| (told, Said::Clients(news).encode()))
        });
        if let Some((now_told, _)) = said {
            *told = now_told;
        }
        *hearing = roll.has_news(*told);
        said.map(|(_, text)| text)
    }

    fn news_of_events(&mut self, journal: &Journal, room: &mut Room) -> Option<Arc<str>> {
        let told = self.events.as_mut()?;
        let (now_told, text) = room.fit(|most| {
            let news = journal.after(*told, most)?;
            Some((news.events.last().map_or(*told, |last| last.n), Said::Events(news).encode()))
        })?;
        *told = now_told;
        Some(text)
    }

    fn news_of_topics(&mut self, heard: &HashMap<Topic, Heard>, room: &mut Room) -> Vec<Arc<str>> {
        let mut said = Vec::new();
        self.topics.retain(|topic, missed| {
            if let Some(heard) = heard.get(topic) {
                if room.take(&heard.text) {
                    said.push(heard.text.clone());
                    // that some was missed before need not be told any more
                    return !heard.last;
                }
                *missed = Missed { count: missed.count + heard.count, last: heard.last };
            }
            if missed.count == 0 && !missed.last {
                return true;
            }
            let text = topic.said(*missed).encode();
            if !room.take(&text) {
                return true;
            }
            said.push(text.into());
            !std::mem::take(missed).last
        });
        said
    }

    fn watches(&self) -> bool {
        self.stats.is_some()
            || self.router.is_some()
            || self.clients.is_some()
            || self.events.is_some()
            || !self.topics.is_empty()
    }
}
