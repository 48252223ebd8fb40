//! The trace from the side of each connection: what came, in the order in which it came, and what that alone shows.

use std::collections::BTreeMap;

use super::Broken;
use super::event::{Answer, Ask, Connection, Event, News, Person, Place, Target, Trace, What};

/// All connections, by number.
pub(super) struct Streams<'a> {
    pub(super) all: BTreeMap<Connection, Stream<'a>>,
    /// Every message that was sent, by its number.
    pub(super) messages: BTreeMap<u64, Sent<'a>>,
    /// Where a hub was told to shut down.
    drains: Vec<Place>,
}

/// One connection.
#[derive(Default)]
pub(super) struct Stream<'a> {
    pub(super) events: Vec<(Place, &'a Event)>,
    pub(super) entered: Option<(Place, &'a Person)>,
    /// What was asked and answered, in that order: where, and where the answer is.
    pub(super) answered: Vec<Exchange<'a>>,
    /// Where each message came first.
    pub(super) received: BTreeMap<u64, Place>,
    /// Where it asked to leave a service, or to take it down.
    pub(super) withdrawn: Vec<(Place, &'a str)>,
    /// Where it was told that a service is gone.
    pub(super) deleted: Vec<(Place, &'a str)>,
}

/// A question and its answer.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) asked: Place,
    pub(super) ask: &'a Ask,
    pub(super) at: Place,
    pub(super) answer: &'a Answer,
}

/// A message.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) by: Connection,
    pub(super) at: Place,
    pub(super) to: &'a Target,
}

impl<'a> Streams<'a> {
    pub(super) fn of(trace: &'a Trace) -> Self {
        let mut all: BTreeMap<Connection, Stream<'a>> = BTreeMap::new();
        let mut messages = BTreeMap::new();
        let mut drains = Vec::new();
        for (n, event) in trace.events.iter().enumerate() {
            if event.what == What::Drains {
                drains.push(Place(n));
            }
            let Some(who) = event.who else { continue };
            all.entry(who).or_default().events.push((Place(n), event));
            if let What::Asked { ask: Ask::Message { number, to }, .. } = &event.what {
                messages.insert(*number, Sent { by: who, at: Place(n), to });
            }
        }
        all.values_mut().for_each(Stream::read);
        Self { all, messages, drains }
    }

    /// Where the hub of a connection was told to shut down, if it may have been.
    pub(super) fn drains(&self, stream: &Stream<'_>) -> Option<Place> {
        let (begin, _) = stream.events.first()?;
        self.drains.iter().find(|drains| *drains > begin).copied()
    }

    /// What is broken as the connections show it, one by one.
    pub(super) fn broken(&self) -> Vec<Broken> {
        let streams = self.all.values();
        streams.flat_map(|stream| [stream.answers(), self.messages_of(stream), stream.ends()].concat()).collect()
    }

    /// Order, twice, astray.
    fn messages_of(&self, stream: &Stream<'a>) -> Vec<Broken> {
        let mut found = Vec::new();
        // of each sender: where its last message stood that came, and where it came
        let mut last: BTreeMap<&str, (Place, Place)> = BTreeMap::new();
        let mut came: BTreeMap<u64, Place> = BTreeMap::new();
        for (place, event) in &stream.events {
            let What::Received { number, origin } = &event.what else { continue };
            if let Some(before) = came.insert(*number, *place) {
                found.push(Broken::Twice(before, *place));
                continue;
            }
            let sent = self.messages.get(number).filter(|sent| self.may_receive(sent, origin, stream, *place));
            let Some(sent) = sent else {
                found.push(Broken::Astray(*place));
                continue;
            };
            match last.insert(origin, (sent.at, *place)) {
                Some((later, before)) if later > sent.at => found.push(Broken::Disordered(before, *place)),
                _ => {}
            }
        }
        found
    }

    /// Whether that sender sent it, before, to somebody whom this may be.
    fn may_receive(&self, sent: &Sent<'_>, origin: &str, stream: &Stream<'_>, at: Place) -> bool {
        let (Some(sender), Some((_, me))) = (self.all.get(&sent.by).and_then(|sender| sender.entered), stream.entered) else {
            return false;
        };
        let asked = |service: &str| {
            stream.events.iter().take_while(|(place, _)| *place < at).any(|(_, event)| match &event.what {
                What::Asked { ask: Ask::Subscribe(asked) | Ask::Create(asked), .. } => asked == service,
                _ => false,
            })
        };
        let addressed = match sent.to {
            Target::Name(name) => *name == me.name,
            Target::Id(id) | Target::Member(_, id) => *id == me.id,
            Target::Service(service) => asked(service) && sender.1.id != me.id,
            Target::Everybody => true,
        };
        addressed && sender.1.id == origin && sent.at < at
    }
}

impl<'a> Stream<'a> {
    fn read(&mut self) {
        let mut open: BTreeMap<u64, (Place, &'a Ask)> = BTreeMap::new();
        for (place, event) in &self.events {
            match &event.what {
                What::Entered(person) => self.entered = Some((*place, person)),
                What::Asked { seq, ask } => {
                    open.insert(*seq, (*place, ask));
                    if let Ask::Unsubscribe(service) | Ask::Delete(service) = ask {
                        self.withdrawn.push((*place, service));
                    }
                }
                What::Answered { seq, answer } => {
                    if let Some((asked, ask)) = open.remove(seq) {
                        self.answered.push(Exchange { asked, ask, at: *place, answer });
                    }
                }
                What::Received { number, .. } => {
                    self.received.entry(*number).or_insert(*place);
                }
                What::Told(News::Deleted { service, .. }) => self.deleted.push((*place, service)),
                What::Told(_) | What::Over(_) | What::Drains | What::Note(_) => {}
            }
        }
    }

    /// The first answer to something that it asked after `place`: until then it was in the hub, and everything that was queued
    /// for it before came before.
    pub(super) fn stayed(&self, place: Place) -> Option<Exchange<'a>> {
        let first = self.answered.partition_point(|exchange| exchange.asked < place);
        self.answered.get(first).copied()
    }

    /// One answer for each message, in their order.
    fn answers(&self) -> Vec<Broken> {
        let mut asked = Vec::new();
        let mut next = 0;
        let mut found = Vec::new();
        for (place, event) in &self.events {
            match event.what {
                What::Asked { seq, .. } => asked.push(seq),
                What::Answered { seq, .. } if asked.get(next) == Some(&seq) => next += 1,
                What::Answered { .. } => {
                    found.push(Broken::Answers(*place));
                    return found; // every later one would be another
                }
                _ => {}
            }
        }
        found
    }

    /// Nothing before HELLO, nothing after the end.
    fn ends(&self) -> Vec<Broken> {
        let mut found = Vec::new();
        let mut over = None;
        let entered = self.entered.map(|(place, _)| place);
        for (place, event) in self.events.iter().filter(|(_, event)| !matches!(event.what, What::Note(_))) {
            if let Some(over) = over {
                found.push(Broken::AfterLeave(over, *place));
            }
            let told = matches!(event.what, What::Answered { .. } | What::Received { .. } | What::Told(_));
            if told && entered.is_none_or(|entered| *place < entered) {
                found.push(Broken::AfterLeave(*place, *place));
            }
            if event.is_over() {
                over = Some(*place);
            }
        }
        found
    }
}
