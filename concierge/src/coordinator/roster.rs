//! Who can take messages now: subscribers of the service, by their tags, and pollers, by their group. Every address is looked
//! up here at the moment of the offer.
//!
//! Invariants: a member is here before its newcomer's scan reads what waits, and an offer looks here after its commit: so one
//! of the two finds the other, and nothing waits for a timer because a worker came late.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use concierge_api_rs::coordinator::{Address, Cast, GroupName, Pid};
use concierge_api_rs::{ClientId, ClientInfo};
use concierge_coordinator::OfferKey;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::peer::Peer;

/// The group that every subscriber of the service is in, whatever its tags.
const HUB: &str = "hub";
/// `any@poll/G` and `uni@poll/G`: what released workers call themselves when the coordinator's URL has a path. It stands for
/// the pollers of group G, and is no group of its own.
const POLL: &str = "poll";

/// Searches of one client that are answered at once.
const SEARCHES: usize = 2;

/// How a member is reached.
#[derive(Debug, Clone)]
pub(super) enum Sink {
    /// A client of the hub.
    Client(Arc<Peer>),
    /// A stream of events, and its pid. Its queue is bounded; one that is full takes nothing, and what it did not take is offered again.
    Poller(mpsc::Sender<Event>, Pid),
}

/// A message for a poller.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) text: String,
    /// The notice that is taken when this is on its way.
    pub(super) notice: Option<OfferKey>,
}

/// A client that is subscribed.
#[derive(Debug)]
pub(super) struct Subscriber {
    /// Where it is reached whatever its tags: `uni@hub/NAME`.
    pub(super) address: Address,
    /// A search's answer may be large: few of them are made, and wait for room, at once.
    pub(super) searching: Semaphore,
}

/// A member, among all that ever came.
pub(super) type MemberId = u64;

/// Members that are asked to take a message before it waits for its next offer.
const ASKED: usize = 8;

#[derive(Default)]
struct Group {
    members: BTreeMap<MemberId, (Pid, Sink)>,
    names: BTreeSet<(Pid, MemberId)>,
    /// Whose turn it was.
    last: MemberId,
}

impl Group {
    fn sink(&self, id: MemberId) -> Option<Sink> {
        self.members.get(&id).map(|(_, sink)| sink.clone())
    }

    /// Those of that name, the latest first.
    fn named(&self, pid: &Pid) -> impl Iterator<Item = Sink> {
        let ids = self.names.range((pid.clone(), MemberId::MIN)..=(pid.clone(), MemberId::MAX)).rev();
        ids.filter_map(|(_, id)| self.sink(*id))
    }

    /// Some members that may take it, each time beginning with another.
    fn in_turn(&mut self, may: impl Fn(&Sink) -> bool) -> impl Iterator<Item = Sink> {
        let after = (Bound::Excluded(self.last), Bound::Unbounded);
        let members = self.members.range(after).chain(self.members.iter()).filter(|(_, (_, sink))| may(sink));
        let ids: Vec<MemberId> = members.map(|(id, _)| *id).take(ASKED).collect();
        self.last = ids.first().copied().unwrap_or_default();
        ids.into_iter().filter_map(|id| self.sink(id))
    }
}

/// Somebody who came: what waits for it is to be offered.
#[derive(Debug, Clone)]
pub(super) struct Newcomer {
    pub(super) id: MemberId,
    /// Where it is a member, and under which name; for a poller also what released workers call it.
    pub(super) groups: Vec<GroupName>,
    pub(super) pid: Pid,
    pub(super) sink: Sink,
}

impl Newcomer {
    /// Groups and names under which messages may wait for it.
    pub(super) fn names(&self) -> impl Iterator<Item = (GroupName, Pid)> {
        let as_polled = |group: &GroupName| Some((GroupName::parse(POLL).ok()?, Pid::parse(group.as_str()).ok()?));
        let polled = self.groups.iter().filter(|_| is_poller(&self.sink)).filter_map(as_polled);
        let own = self.groups.iter().map(|group| (group.clone(), self.pid.clone()));
        own.chain(polled).collect::<Vec<_>>().into_iter()
    }
}

#[derive(Default)]
struct State {
    last: MemberId,
    groups: HashMap<GroupName, Group>,
    /// The groups and the name of each member.
    members: HashMap<MemberId, (Vec<GroupName>, Pid)>,
    subscribers: HashMap<ClientId, (MemberId, Arc<Subscriber>)>,
    newcomers: Vec<Newcomer>,
    pollers: usize,
}

/// Who is here.
#[derive(Default)]
pub(super) struct Roster {
    state: Mutex<State>,
    arrived: Notify,
}

impl Roster {
    /// A client subscribed: it is a member of the group of each of its tags that can name one.
    pub(super) fn subscribe(&self, client: &ClientInfo, peer: &Arc<Peer>) {
        let tags = client.tags.iter().map(String::as_str).chain([HUB]);
        let mut groups: Vec<GroupName> = tags.filter_map(|tag| GroupName::parse(tag).ok()).collect();
        groups.sort_unstable();
        groups.dedup();
        let name = client.name.as_str();
        let pid = Pid::parse(name).expect("a client's name can be a pid");
        let address = Address::parse(&format!("uni@{HUB}/{name}")).expect("a client's name can be a pid");
        let subscriber = Arc::new(Subscriber { address, searching: Semaphore::new(SEARCHES) });
        let mut state = self.state.lock();
        let id = state.join(Newcomer { id: 0, groups, pid, sink: Sink::Client(peer.clone()) });
        state.subscribers.insert(client.uuid, (id, subscriber));
        drop(state);
        self.arrived.notify_one();
    }

    /// A client is no subscriber any more.
    pub(super) fn unsubscribe(&self, client: ClientId) {
        let mut state = self.state.lock();
        if let Some((id, _)) = state.subscribers.remove(&client) {
            state.leave(id);
        }
    }

    /// The subscriber that is this client.
    pub(super) fn subscriber(&self, client: ClientId) -> Option<Arc<Subscriber>> {
        self.state.lock().subscribers.get(&client).map(|(_, subscriber)| subscriber.clone())
    }

    /// A poller came. It goes with [`Roster::leave`].
    pub(super) fn poll(&self, group: GroupName, pid: Pid, to: mpsc::Sender<Event>) -> MemberId {
        let mut state = self.state.lock();
        let sink = Sink::Poller(to, pid.clone());
        let id = state.join(Newcomer { id: 0, groups: vec![group], pid, sink });
        state.pollers += 1;
        drop(state);
        self.arrived.notify_one();
        id
    }

    /// A poller goes.
    pub(super) fn leave(&self, id: MemberId) {
        let mut state = self.state.lock();
        state.pollers -= 1;
        state.leave(id);
    }

    /// Whether that member is here still.
    pub(super) fn holds(&self, id: MemberId) -> bool {
        self.state.lock().members.contains_key(&id)
    }

    /// How many pollers there are.
    pub(super) fn pollers(&self) -> usize {
        self.state.lock().pollers
    }

    /// Waits until somebody came since the last call, and says who.
    pub(super) async fn newcomers(&self) -> Vec<Newcomer> {
        loop {
            let newcomers = std::mem::take(&mut self.state.lock().newcomers);
            if !newcomers.is_empty() {
                return newcomers;
            }
            self.arrived.notified().await;
        }
    }

    /// Offers a message to whoever is at `address`, until one takes it; all of them, where the address stands for all. True
    /// when it was taken.
    pub(super) fn offer(&self, address: &Address, mut take: impl FnMut(&Sink) -> bool) -> bool {
        let (candidates, all) = self.state.lock().candidates(address);
        if all {
            return candidates.iter().filter(|sink| take(sink)).count() > 0;
        }
        candidates.iter().any(take)
    }
}

impl State {
    fn join(&mut self, mut newcomer: Newcomer) -> MemberId {
        self.last += 1;
        let id = self.last;
        newcomer.id = id;
        let Newcomer { id: _, groups, pid, sink } = &newcomer;
        for group in groups {
            let group = self.groups.entry(group.clone()).or_default();
            group.members.insert(id, (pid.clone(), sink.clone()));
            group.names.insert((pid.clone(), id));
        }
        self.members.insert(id, (groups.clone(), pid.clone()));
        self.newcomers.push(newcomer);
        id
    }

    fn leave(&mut self, id: MemberId) {
        let Some((groups, pid)) = self.members.remove(&id) else { return };
        for name in groups {
            if let Some(group) = self.groups.get_mut(&name) {
                group.members.remove(&id);
                group.names.remove(&(pid.clone(), id));
                if group.members.is_empty() {
                    self.groups.remove(&name);
                }
            }
        }
    }

    /// Who may take what is sent to `address`, whoever comes first at the front; and whether all of them shall.
    fn candidates(&mut self, address: &Address) -> (Vec<Sink>, bool) {
        if address.group().as_str() == POLL
            && let Some(group) = address.pid().and_then(|pid| GroupName::parse(pid.as_str()).ok())
        {
            let Some(group) = self.groups.get_mut(&group) else { return (Vec::new(), false) };
            return match address.cast() {
                Cast::Uni => (group.members.values().map(|(_, sink)| sink.clone()).filter(is_poller).collect(), true),
                Cast::Any => (group.in_turn(is_poller).collect(), false),
            };
        }
        let Some(group) = self.groups.get_mut(address.group()) else { return (Vec::new(), false) };
        let mut sinks: Vec<Sink> = address.pid().map(|pid| group.named(pid).collect()).unwrap_or_default();
        if address.cast() == Cast::Any || address.pid().is_none() {
            sinks.extend(group.in_turn(|_| true));
        }
        (sinks, false)
    }
}

fn is_poller(sink: &Sink) -> bool {
    matches!(sink, Sink::Poller(..))
}

#[cfg(test)]
#[path = "roster/tests.rs"]
mod tests;
